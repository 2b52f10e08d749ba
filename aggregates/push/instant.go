package push

import "time"

// Instant tells a time to people: in English in UTC, in Chinese in Beijing's time.
func Instant(at time.Time) (en, zh string) {
	return at.UTC().Format("2006-01-02 15:04:05 UTC"), at.In(beijing).Format("2006-01-02 15:04:05（北京时间）")
}

var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

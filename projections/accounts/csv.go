package accounts

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"
)

// ByteOrderMark begins the table: without it Excel reads UTF-8 as something else.
const ByteOrderMark = "\ufeff"

// WriteCSV writes the statement as a table: a line for either balance, one for each
// movement, and the words that it is no invoice (rule T3).
func (s Statement) WriteCSV(w io.Writer) error {
	if _, err := io.WriteString(w, ByteOrderMark); err != nil {
		return fmt.Errorf("accounts: statement: %w", err)
	}
	table := csv.NewWriter(w)
	write := func(cells ...string) { _ = table.Write(cells) } // Error tells below
	write("time", "seq", "push_id", "event", "description", "amount", "fee", "balance")
	write(stamp(s.From), "", "", "", "opening balance", "", "", s.OpeningBalance)
	for _, line := range s.Lines {
		write(stamp(line.Time), strconv.FormatUint(line.Seq, 10), line.PushID, line.Event, line.EN+" / "+line.ZH,
			line.Amount, line.Fee, line.Balance)
	}
	write(stamp(s.To), "", "", "", "closing balance", "", "", s.ClosingBalance)
	write("", "", "", "", s.Notice+" "+s.NoticeZH, "", "", "")
	table.Flush()
	if err := table.Error(); err != nil {
		return fmt.Errorf("accounts: statement: %w", err)
	}
	return nil
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}

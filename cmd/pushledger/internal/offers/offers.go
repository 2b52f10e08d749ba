// Package offers reads a file of offers, as a spreadsheet saves it or as lines of JSON. It
// reads and checks the whole file before it returns anything, so that nothing is sent of a
// file with a bad row in it, and names every bad row by its line in the file.
//
// Each offer gets a Command-Id that follows from what it says. The same file sent again is
// the same commands again, and a row that was mended is a new one.
package offers

import (
	"fmt"
	"strings"
	"time"

	"github.com/pushledger/pushledger/aggregates/domainname"
	"github.com/pushledger/pushledger/aggregates/money"
	"github.com/pushledger/pushledger/aggregates/push"
)

// MaxFile bounds a file, in bytes.
const MaxFile = 32 << 20

// Format is how a file is written.
type Format int

// The formats.
const (
	Table Format = iota // comma-separated values, or separated by semicolons or tabs
	Lines               // one JSON object a line
)

// Body is an offer in the form of the command offer, normalised: equal offers are equal bodies.
type Body struct {
	PushID    string    `json:"push_id,omitzero"`
	Buyer     string    `json:"buyer"`
	Items     []Item    `json:"items"`
	ValidFor  string    `json:"valid_for,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Remark    string    `json:"remark,omitzero"`
}

// Item is one domain at its price.
type Item struct {
	Domain domainname.Name `json:"domain"`
	Price  money.Fen       `json:"price"`
}

// Offer is one offer of a file. Rows are where its items stand, in the same order.
type Offer struct {
	Body
	Rows []int // lines of the file, from 1
}

// Defaults are for rows that do not say themselves.
type Defaults struct {
	Buyer, Remark string
	ValidFor      string         // in any form of the column
	Zone          *time.Location // of dates without one
}

// BadRow is a row that cannot be sent.
type BadRow struct {
	Line   int    `json:"line"` // of the file, from 1
	Code   string `json:"code"` // of the refusal that it would get, or that of what cannot be read
	Reason string `json:"reason"`
}

// Codes of what cannot be read, beside those of refusals.
const (
	CodeUnreadable = "unreadable" // no text or no table
	CodeMissing    = "missing"    // a cell that must not be empty
	CodeContrary   = "contrary"   // two rows of one push that do not agree
)

// BadRows are all rows of a file that cannot be sent. Nothing was sent.
type BadRows struct {
	Rows []BadRow
}

// mostNamed bounds how many rows the text of an error names.
const mostNamed = 20

// Error implements error. It names the rows, a line each.
func (b *BadRows) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d bad rows:", len(b.Rows))
	for _, row := range b.Rows[:min(len(b.Rows), mostNamed)] {
		fmt.Fprintf(&text, "\n  line %d: %s: %s", row.Line, row.Code, row.Reason)
	}
	if more := len(b.Rows) - mostNamed; more > 0 {
		fmt.Fprintf(&text, "\n  and %d more", more)
	}
	return text.String()
}

// bad collects the bad rows of a file.
type bad struct{ rows []BadRow }

func (b *bad) add(line int, code, format string, args ...any) {
	b.rows = append(b.rows, BadRow{Line: line, Code: code, Reason: fmt.Sprintf(format, args...)})
}

func (b *bad) err() error {
	if len(b.rows) == 0 {
		return nil
	}
	return &BadRows{Rows: b.rows}
}

// FormatOf guesses the format of a text of unknown origin by its first character.
func FormatOf(data []byte) Format {
	text := strings.TrimSpace(strings.TrimPrefix(string(data[:min(len(data), 1<<10)]), "\ufeff"))
	if strings.HasPrefix(text, "{") {
		return Lines
	}
	return Table
}

// Read reads a whole file. unused are the columns of a table that mean nothing here. A file in
// which any row cannot be sent returns *BadRows, with all of them.
func Read(data []byte, format Format, defaults Defaults) (list []Offer, unused []string, err error) {
	text, err := decode(data)
	if err != nil {
		return nil, nil, err
	}
	if defaults.Zone == nil {
		defaults.Zone = time.UTC
	}
	if format == Lines {
		list, err = readLines(text, defaults)
		return list, nil, err
	}
	return readTable(text, defaults)
}

// checkItems reports what no single row shows (rule B3): a domain that stands in an offer
// twice, in whatever spelling, and more domains than one may have.
func (o Offer) checkItems(bad *bad) {
	first := make(map[domainname.Name]int, len(o.Items))
	for i, item := range o.Items {
		if line, twice := first[item.Domain]; twice && item.Domain != "" {
			bad.add(o.Rows[i], push.CodeDuplicateDomain, "%s stands in the push on line %d already", item.Domain.Both(), line)
			continue
		}
		first[item.Domain] = o.Rows[i]
	}
	if len(o.Items) > push.MaxItems {
		en, _ := push.Message(push.CodeBatchTooLarge)
		bad.add(o.Rows[0], push.CodeBatchTooLarge, "%s; this one has %d", en, len(o.Items))
	}
}

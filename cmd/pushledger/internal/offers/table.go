package offers

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
)

// readTable reads comma-separated values below a row of column names. All rows of one push id
// are one push; every row without one is a push of its own.
func readTable(text string, defaults Defaults) (list []Offer, unused []string, err error) {
	var bad bad
	rows, unused := readRows(text, &bad)
	if len(rows) == 0 && len(bad.rows) == 0 {
		bad.add(1, CodeUnreadable, "there is no row in it")
	}
	pushes := grouping{bad: &bad, defaults: defaults, known: make(map[string]begun)}
	for _, row := range rows {
		pushes.add(row)
	}
	for _, offer := range pushes.list {
		offer.checkItems(&bad)
	}
	slices.SortStableFunc(bad.rows, func(a, b BadRow) int { return a.Line - b.Line })
	return pushes.list, unused, bad.err()
}

// readRows reads the cells of every row that is not blank.
func readRows(text string, bad *bad) (rows []row, unused []string) {
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma = separator(text)
	reader.FieldsPerRecord = -1 // a spreadsheet leaves out what is empty at the end of a row
	var columns columns
	for named := false; ; {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return rows, columns.unused
		}
		if err != nil {
			bad.add(lineOf(err), CodeUnreadable, "%s", reasonOf(err))
			return rows, columns.unused
		}
		line, _ := reader.FieldPos(0)
		switch {
		case blank(cells):
		case !named:
			if columns, named = nameColumns(line, cells, bad), true; columns.place == nil {
				return nil, nil
			}
		default:
			rows = append(rows, columns.row(line, cells, bad))
		}
	}
}

// separator is what the first row separates its cells with.
func separator(text string) rune {
	first, _, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n")
	best := ','
	for _, other := range []rune{';', '\t'} {
		if strings.Count(first, string(other)) > strings.Count(first, string(best)) {
			best = other
		}
	}
	return best
}

func blank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

func lineOf(err error) int {
	var wrong *csv.ParseError
	if errors.As(err, &wrong) {
		return wrong.StartLine
	}
	return 1
}

func reasonOf(err error) string {
	if errors.Is(err, csv.ErrQuote) || errors.Is(err, csv.ErrBareQuote) {
		return `a quote is not closed, or stands where none may; in a cell in quotes write "" for one`
	}
	return err.Error()
}

// grouping puts rows of one push together.
type grouping struct {
	bad      *bad
	defaults Defaults
	list     []Offer
	known    map[string]begun // by push id
}

// begun is a push with its first row.
type begun struct {
	row row
	at  int // in the list
}

func (g *grouping) add(row row) {
	push, exists := g.known[row.pushID]
	if !exists || row.pushID == "" {
		g.known[row.pushID] = begun{row, len(g.list)}
		body := row.head(g.bad, g.defaults)
		body.Items = []Item{row.item(g.bad)}
		g.list = append(g.list, Offer{Body: body, Rows: []int{row.line}})
		return
	}
	row.inherit(push.row)
	body, item, first := row.head(g.bad, g.defaults), row.item(g.bad), &g.list[push.at]
	switch {
	case body.Buyer != first.Buyer:
		g.bad.add(row.line, CodeContrary, "push %s has another buyer on line %d", row.pushID, first.Rows[0])
	case body.Remark != first.Remark || body.ValidFor != first.ValidFor || !body.ExpiresAt.Equal(first.ExpiresAt):
		g.bad.add(row.line, CodeContrary, "push %s has another remark or validity on line %d", row.pushID, first.Rows[0])
	}
	first.Items, first.Rows = append(first.Items, item), append(first.Rows, row.line)
}

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// layout is a table that makes every cell plain and fits the whole into a width: cells are
// broken at words, and where even that is too wide each row becomes lines of its own.
type layout struct {
	table.Writer
	width          int
	header, footer []string
	rows           [][]string
	title, caption string
}

// painted is a word in colour: its escape sequences are ours.
type painted string

func cellsOf(row table.Row) []string {
	cells := make([]string, len(row))
	for i, cell := range row {
		if ours, is := cell.(painted); is {
			cells[i] = string(ours)
			continue
		}
		cells[i] = plainLine(fmt.Sprint(cell))
	}
	return cells
}

// AppendHeader implements table.Writer.
func (l *layout) AppendHeader(row table.Row, _ ...table.RowConfig) { l.header = cellsOf(row) }

// AppendFooter implements table.Writer.
func (l *layout) AppendFooter(row table.Row, _ ...table.RowConfig) { l.footer = cellsOf(row) }

// AppendRow implements table.Writer.
func (l *layout) AppendRow(row table.Row, _ ...table.RowConfig) {
	l.rows = append(l.rows, cellsOf(row))
}

// AppendRows implements table.Writer.
func (l *layout) AppendRows(rows []table.Row, _ ...table.RowConfig) {
	for _, row := range rows {
		l.AppendRow(row)
	}
}

// SetTitle implements table.Writer.
func (l *layout) SetTitle(format string, values ...any) {
	l.title = plainLine(fmt.Sprintf(format, values...))
}

// SetCaption implements table.Writer.
func (l *layout) SetCaption(format string, values ...any) {
	l.caption = plainLine(fmt.Sprintf(format, values...))
}

// drawTable lets draw fill a table and writes it, no wider than what it is written to.
func drawTable(out io.Writer, draw func(table.Writer)) error {
	drawn := &layout{Writer: table.NewWriter(), width: widthOf(out)}
	draw(drawn)
	rendered := drawn.render()
	if drawn.caption != "" {
		rendered += "\n" + wrap(drawn.caption, drawn.width, 0)
	}
	if rendered == "" {
		return nil
	}
	_, err := fmt.Fprintln(out, strings.TrimPrefix(rendered, "\n"))
	return err
}

// all are the lines of the table, header and footer too.
func (l *layout) all() [][]string {
	all := l.rows
	for _, more := range [][]string{l.header, l.footer} {
		if more != nil {
			all = append(all[:len(all):len(all)], more)
		}
	}
	return all
}

func (l *layout) render() string {
	widths, fits := l.columns()
	if !fits {
		return l.asLines()
	}
	if l.header != nil {
		l.Writer.AppendHeader(broken(l.header, widths))
	}
	for _, row := range l.rows {
		l.Writer.AppendRow(broken(row, widths))
	}
	if l.footer != nil {
		l.Writer.AppendFooter(broken(l.footer, widths))
	}
	table := l.Render()
	if l.title != "" {
		table = wrap(l.title, l.width, 0) + "\n" + table
	}
	return table
}

// columns are how wide each column may be, and whether the table fits so.
func (l *layout) columns() (widths []int, fits bool) {
	var least []int
	for _, row := range l.all() {
		for i, cell := range row {
			if i == len(widths) {
				widths, least = append(widths, 0), append(least, 0)
			}
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(cell))
			least[i] = max(least[i], widestWord(cell))
		}
	}
	if l.width == unlimited {
		return widths, true
	}
	const border, between = 1, 3 // "|" at the end, "| " and " " of each cell
	tooMuch := border + between*len(widths) - l.width
	for _, width := range widths {
		tooMuch += width
	}
	for ; tooMuch > 0; tooMuch-- {
		widest := -1
		for i := range widths {
			if widths[i] > least[i] && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return widths, false
		}
		widths[widest]--
	}
	return widths, true
}

func broken(cells []string, widths []int) table.Row {
	row := make(table.Row, len(cells))
	for i, cell := range cells {
		row[i] = wrap(cell, widths[i], 0)
	}
	return row
}

// asLines has a line for each cell: the name of its column, or what stands first in a
// row of two, and the cell.
func (l *layout) asLines() string {
	const indent = 2
	var blocks []string
	if l.title != "" {
		blocks = append(blocks, wrap(l.title, l.width, 0))
	}
	rows := l.rows
	if len(rows) == 0 { // that it is empty is to be seen
		blocks = append(blocks, wrap(strings.ToUpper(strings.Join(l.header, " ")), l.width, 0))
	}
	if l.footer != nil {
		rows = append(rows[:len(rows):len(rows)], l.footer)
	}
	for _, row := range rows {
		var lines []string
		for i, cell := range row {
			switch {
			case cell == "":
			case i < len(l.header) && l.header[i] != "":
				lines = append(lines, wrap(strings.ToUpper(l.header[i])+": "+cell, l.width, indent))
			case l.header == nil && i == 1 && len(row) == 2:
				lines = []string{wrap(row[0]+": "+cell, l.width, indent)}
			default:
				lines = append(lines, wrap(cell, l.width, indent))
			}
		}
		blocks = append(blocks, strings.Join(lines, "\n"))
	}
	if l.header == nil {
		return strings.Join(blocks, "\n")
	}
	return strings.Join(blocks, "\n\n")
}

package ui

import (
	"bufio"
	"strings"
	"unicode/utf8"
)

// Table collects rows and prints them with aligned columns.
type Table struct {
	c     *Console
	right []bool // columns that are aligned right
	rows  [][]cell
	width []int
	gap   string
}

type cell struct {
	text  string
	style Style
}

// NewTable begins a table. Columns whose heading begins with ">" align right.
// If all headings are empty, the table has no heading line.
func (c *Console) NewTable(headings ...string) *Table {
	t := &Table{c: c, right: make([]bool, len(headings)), width: make([]int, len(headings)), gap: "  "}
	row := make([]any, len(headings))
	any := false
	for i, h := range headings {
		h, t.right[i] = strings.CutPrefix(h, ">")
		row[i] = Styled{Bold, h}
		any = any || h != ""
	}
	if any {
		t.Row(row...)
	}
	return t
}

// Styled is a cell of a table with a style.
type Styled struct {
	Style Style
	Text  string
}

// Row adds a row of strings and [Styled] cells.
func (t *Table) Row(cells ...any) {
	row := make([]cell, len(t.width))
	for i := range row {
		if i < len(cells) {
			switch v := cells[i].(type) {
			case Styled:
				row[i] = cell{v.Text, v.Style}
			case string:
				row[i] = cell{v, None}
			}
		}
		t.width[i] = max(t.width[i], utf8.RuneCountInString(row[i].text))
	}
	t.rows = append(t.rows, row)
}

// Print writes the table, without spaces at the ends of lines.
func (t *Table) Print() error {
	w := bufio.NewWriter(t.c.Out)
	for _, row := range t.rows {
		last := len(row) - 1
		for last >= 0 && row[last].text == "" {
			last--
		}
		for i := 0; i <= last; i++ {
			if i > 0 {
				w.WriteString(t.gap)
			}
			pad := strings.Repeat(" ", t.width[i]-utf8.RuneCountInString(row[i].text))
			text := t.c.Paint(row[i].style, row[i].text)
			switch {
			case t.right[i]:
				w.WriteString(pad + text)
			case i < last:
				w.WriteString(text + pad)
			default:
				w.WriteString(text)
			}
		}
		w.WriteByte('\n')
	}
	return w.Flush()
}

package ui

import (
	"strings"
	"unicode/utf8"
)

// Wrap breaks text at spaces into lines of at most width characters. A longer word has a
// line of its own. A width of less than 20 does not break the text: it is that of no
// terminal.
func Wrap(text string, width int) []string {
	if width < 20 {
		return []string{text}
	}
	var lines []string
	line, length := "", 0
	for _, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		if length > 0 && length+1+n > width {
			lines = append(lines, line)
			line, length = "", 0
		}
		if length > 0 {
			line, length = line+" ", length+1
		}
		line, length = line+word, length+n
	}
	return append(lines, line)
}

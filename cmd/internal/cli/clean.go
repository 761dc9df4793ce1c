package cli

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean escapes the characters that a terminal would not print, except line breaks: the
// name of a tensor comes from a file, and may have sequences that control the terminal.
func Clean(s string) string {
	safe := func(r rune) bool { return unicode.IsPrint(r) || r == '\n' || r == '\t' }
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if safe(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

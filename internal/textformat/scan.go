package textformat

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Error is the error for text that does not parse, with the place in the text.
type Error struct {
	Line, Column int // both count from 1
	What         string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.What)
}

// scanner takes tokens from text.
type scanner struct {
	text []byte
	at   int
}

// failAt returns an error for a place in the text.
func (s *scanner) failAt(at int, format string, args ...any) error {
	before := s.text[:min(at, len(s.text))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return &Error{Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(before[start:]) + 1,
		What: fmt.Sprintf(format, args...)}
}

// fail returns the error that the next token is not what it should be.
func (s *scanner) fail(want string) error {
	s.space()
	if s.at >= len(s.text) {
		return s.failAt(s.at, "the text ends (unexpected EOF) where %s should be", want)
	}
	return s.failAt(s.at, "%q where %s should be", s.peekToken(), want)
}

// peekToken returns the next token, for an error.
func (s *scanner) peekToken() []byte {
	end := s.at
	for end < len(s.text) && isWord(s.text[end]) {
		end++
	}
	if end == s.at {
		_, n := utf8.DecodeRune(s.text[s.at:])
		end += n
	}
	return s.text[s.at:min(end, s.at+40)]
}

// space skips white space and comments.
func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\n', '\t', '\r', '\f', '\v':
			s.at++
		case '#':
			if n := bytes.IndexByte(s.text[s.at:], '\n'); n >= 0 {
				s.at += n
			} else {
				s.at = len(s.text)
			}
		default:
			return
		}
	}
}

// next returns the first byte of the next token, or 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.at >= len(s.text) {
		return 0
	}
	return s.text[s.at]
}

// take skips the next token if it is c, and reports whether it was.
func (s *scanner) take(c byte) bool {
	if s.next() != c || s.at >= len(s.text) {
		return false
	}
	s.at++
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isWord(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '+' || c == '-' || c == '.'
}

// name takes a name of a field or a value, or returns nil.
func (s *scanner) name() []byte {
	if !isLetter(s.next()) {
		return nil
	}
	start := s.at
	for s.at < len(s.text) && (isLetter(s.text[s.at]) || isDigit(s.text[s.at])) {
		s.at++
	}
	return s.text[start:s.at]
}

// word takes a number or a name as it is, or returns nil.
func (s *scanner) word() []byte {
	if !isWord(s.next()) {
		return nil
	}
	start := s.at
	for s.at < len(s.text) && isWord(s.text[s.at]) {
		s.at++
	}
	return s.text[start:s.at]
}

// quoted takes a string: one literal or several that follow each other.
func (s *scanner) quoted() ([]byte, error) {
	var value []byte
	for n := 0; ; n++ {
		quote := s.next()
		if quote != '"' && quote != '\'' {
			if n == 0 {
				return nil, s.fail("a string")
			}
			return value, nil
		}
		part, err := s.literal(quote)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			value = part
		} else {
			value = append(value[:len(value):len(value)], part...)
		}
	}
}

// literal takes one string literal. The result may be a part of the text.
func (s *scanner) literal(quote byte) ([]byte, error) {
	start := s.at
	body := s.text[s.at+1:]
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case quote:
			s.at += i + 2
			return body[:i:i], nil
		case '\n':
			return nil, s.failAt(start, "the string does not end on its line")
		case '\\':
			value, n, err := s.unescape(quote, body, i)
			s.at += n + 2
			return value, err
		}
	}
	return nil, s.failAt(start, "the string does not end (unexpected EOF)")
}

// unescape returns a literal's value, whose first escape is at body[i], and its length.
func (s *scanner) unescape(quote byte, body []byte, i int) ([]byte, int, error) {
	value := append(make([]byte, 0, i+64), body[:i]...)
	for i < len(body) {
		c := body[i]
		switch {
		case c == quote:
			return value, i, nil
		case c == '\n':
			return nil, 0, s.failAt(s.at, "the string does not end on its line")
		case c != '\\':
			value = append(value, c)
			i++
			continue
		}
		b, n := escape(body[i+1:])
		if n == 0 {
			return nil, 0, s.failAt(s.at+1+i, "%q is no escape", body[i:min(i+2, len(body))])
		}
		value = append(value, b...)
		i += 1 + n
	}
	return nil, 0, s.failAt(s.at, "the string does not end (unexpected EOF)")
}

// escape returns what an escape stands for, given what follows its backslash, and the number
// of bytes that it takes, which is 0 if it is none.
func escape(b []byte) ([]byte, int) {
	if len(b) == 0 {
		return nil, 0
	}
	const from, to = `abfnrtv\'"?`, "\a\b\f\n\r\t\v\\'\"?"
	if i := bytes.IndexByte([]byte(from), b[0]); i >= 0 {
		return []byte{to[i]}, 1
	}
	digits := func(b []byte, base, most int) (value rune, n int) {
		for n < len(b) && n < most {
			d := hexDigit(b[n])
			if d < 0 || d >= base {
				break
			}
			value = value*rune(base) + rune(d)
			n++
		}
		return value, n
	}
	switch b[0] {
	case 'x', 'X':
		v, n := digits(b[1:], 16, 2)
		if n == 0 {
			return nil, 0
		}
		return []byte{byte(v)}, 1 + n
	case 'u', 'U':
		want := 4
		if b[0] == 'U' {
			want = 8
		}
		v, n := digits(b[1:], 16, want)
		if n < want || !utf8.ValidRune(v) {
			return nil, 0
		}
		return utf8.AppendRune(nil, v), 1 + n
	}
	if v, n := digits(b, 8, 3); n > 0 {
		return []byte{byte(v)}, n
	}
	return nil, 0
}

func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

package ui

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
)

// Console has the output streams of a command.
type Console struct {
	Out, Err io.Writer
	outColor bool
	errColor bool
	outTerm  bool
	errTerm  bool
	width    int // of the terminal, 0 if Out is not a terminal
}

// NewConsole returns a console for two streams. getenv returns the environment variables
// NO_COLOR and TERM.
func NewConsole(out, err io.Writer, getenv func(string) string) *Console {
	c := &Console{Out: out, Err: err}
	plain := getenv("NO_COLOR") != "" || getenv("TERM") == "dumb"
	if fd, ok := terminal(out); ok {
		c.outTerm = true
		c.outColor = !plain
		c.width, _, _ = term.GetSize(fd)
	}
	if _, ok := terminal(err); ok {
		c.errTerm = getenv("TERM") != "dumb"
		c.errColor = !plain
	}
	return c
}

func terminal(w io.Writer) (fd int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// Style is a color or another way to highlight text.
type Style string

// The styles. None changes nothing.
const (
	None  Style = ""
	Bold  Style = "1"
	Dim   Style = "2"
	Red   Style = "31"
	Green Style = "32"
	Amber Style = "33"
	Cyan  Style = "36"
)

func paint(on bool, s Style, text string) string {
	if !on || s == None || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// Paint returns text in a style, if Out shows colors.
func (c *Console) Paint(s Style, text string) string { return paint(c.outColor, s, text) }

// Printf prints to Out.
func (c *Console) Printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

// Note prints a line to Err. Control characters in it are escaped.
func (c *Console) Note(format string, args ...any) {
	fmt.Fprintln(c.Err, paint(c.errColor, Dim, Clean(fmt.Sprintf(format, args...))))
}

// Error prints a line to Err with the reason why the command failed.
func (c *Console) Error(prefix string, err error) {
	fmt.Fprintln(c.Err, paint(c.errColor, Red, prefix)+" "+Clean(err.Error()))
}

// OutIsTerminal reports whether Out is a terminal.
func (c *Console) OutIsTerminal() bool { return c.outTerm }

// Width returns the width of the terminal in characters, or fallback.
func (c *Console) Width(fallback int) int {
	if c.width > 0 {
		return c.width
	}
	return fallback
}

// Clean is [cli.Clean].
func Clean(s string) string { return cli.Clean(s) }

// Name is Clean for names, in which line breaks are escaped too.
func Name(s string) string {
	if strings.ContainsAny(s, "\n\t") || !utf8.ValidString(s) {
		return strings.Trim(strconv.Quote(s), `"`)
	}
	return Clean(s)
}

// Size returns a number of bytes with a unit: "1.5 MiB".
func Size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v /= 1024; v < 999.5 || unit == "TiB" {
			digits := 2
			if v >= 9.995 {
				digits = 1
			}
			if v >= 99.95 {
				digits = 0
			}
			text := strconv.FormatFloat(v, 'f', digits, 64)
			if digits > 0 {
				text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
			}
			return text + " " + unit
		}
	}
	return ""
}

// Count returns a whole number with commas: "1,234,567".
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural returns a number and a noun: "1 node", "1,234 nodes".
func Plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

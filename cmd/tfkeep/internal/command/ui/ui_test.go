package ui

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func noEnvironment(string) string { return "" }

func TestSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n    int64
		want string
	}{
		{0, "0 B"}, {1023, "1023 B"}, {1024, "1 KiB"}, {1280, "1.25 KiB"}, {28936, "28.3 KiB"}, {102300, "99.9 KiB"}, {102400, "100 KiB"},
		{1 << 20, "1 MiB"}, {1<<20 - 1, "1 MiB"}, {5 << 40, "5 TiB"}, {5 << 50, "5120 TiB"}, {1 << 30, "1 GiB"},
	} {
		assert.Equal(t, c.want, Size(c.n), c.n)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n    int64
		want string
	}{{0, "0"}, {999, "999"}, {1000, "1,000"}, {1234567, "1,234,567"}, {-1234, "-1,234"}, {-123, "-123"}} {
		assert.Equal(t, c.want, Count(c.n))
	}
	assert.Equal(t, "1 tensor", Plural(1, "tensor"))
	assert.Equal(t, "2,000 tensors", Plural(2000, "tensor"))
}

func TestTableAlignsByCharacters(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table := NewConsole(&out, &out, noEnvironment).NewTable("NAME", ">SIZE", "")
	table.Row("日本語", "1", "x")
	table.Row("b", Styled{Red, "200"}, "")
	require.NoError(t, table.Print())
	assert.Equal(t, "NAME  SIZE\n日本語      1  x\nb      200\n", out.String())
}

func TestColorsAndBarsNeedATerminal(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	c := NewConsole(&out, &errs, noEnvironment)
	assert.Equal(t, "text", c.Paint(Red, "text"))
	assert.False(t, c.OutIsTerminal())
	assert.Equal(t, 75, c.Width(75))
	p := c.NewProgress("work", Count)
	assert.Nil(t, p)
	p.Set(1, 10)
	p.Clear()
	p.Done()
	c.Note("a note")
	assert.Equal(t, "a note\n", errs.String())

	c.outColor = true
	assert.Equal(t, "\x1b[31mtext\x1b[0m", c.Paint(Red, "text"))
	assert.Equal(t, "text", c.Paint(None, "text"))
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	c := NewConsole(&errs, &errs, noEnvironment)
	c.errTerm = true
	p := c.NewProgress("work", Count)
	p.Set(10, 100)
	assert.Empty(t, errs.String(), "not for short work")
	p.start = time.Now().Add(-time.Second)
	p.Set(50, 100)
	assert.Contains(t, errs.String(), "work ███████████████░░░░░░░░░░░░░░░  50%  50 of 100  1s left")
	errs.Reset()
	p.last = time.Time{}
	p.Set(7, 0)
	assert.Contains(t, errs.String(), "work 7", "the total is not known")
	p.Set(1000, 100)
	errs.Reset()
	p.Done()
	assert.Equal(t, "\r\x1b[K", errs.String(), "the bar is gone")
	p.Set(100, 100)
	assert.Equal(t, "\r\x1b[K", errs.String(), "for good")
}

func TestClean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"plain é", "plain é"}, {"a\x1b[31mb", `a\x1b[31mb`}, {"two\nlines", "two\nlines"}, {"\xff", "\uFFFD"},
	} {
		assert.Equal(t, c.want, Clean(c.in))
	}
	assert.Equal(t, `two\nlines`, Name("two\nlines"))
	assert.Equal(t, `a\xff`, Name("a\xff"))
}

package ui

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWrapBreaksAtSpaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		width      int
		want       []string
	}{
		{"no terminal", "a b c", 0, []string{"a b c"}},
		{"fits", "größe float32 [1, 2]", 20, []string{"größe float32 [1, 2]"}},
		{"breaks", "größe float32 [1, 2], more", 20, []string{"größe float32 [1,", "2], more"}},
		{"long word", "a wordthatisverylongindeed b", 20, []string{"a", "wordthatisverylongindeed", "b"}},
		{"empty", "", 20, []string{""}},
	} {
		assert.Equal(t, c.want, Wrap(c.text, c.width), c.name)
	}
}

package tfkeep_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/tfkeep/tfkeep"
)

func TestErrorText(t *testing.T) {
	corrupt := &tfkeep.Error{Op: "read", Path: "m.index", Item: "tensor", Name: "w", Err: tfkeep.ErrCorrupt, Detail: "offset 12: the block is cut short"}
	for _, c := range []struct {
		name string
		err  *tfkeep.Error
		want string
	}{
		{"all of one level", corrupt, `read m.index: tensor "w": corrupt: offset 12: the block is cut short`},
		{"only a kind", &tfkeep.Error{Op: "save", Err: tfkeep.ErrClosed}, "save: already closed"},
		{"a name without an item", &tfkeep.Error{Op: "freeze", Name: "a\nb", Err: tfkeep.ErrNotFound}, `freeze: "a\nb": not found`},
		{"the cause says the kind", &tfkeep.Error{Op: "restore", Path: "m", Err: tfkeep.ErrCorrupt, Cause: corrupt},
			`restore m: read m.index: tensor "w": corrupt: offset 12: the block is cut short`},
		{"the cause is of another kind", &tfkeep.Error{Op: "open", Path: "m", Err: tfkeep.ErrNotFound, Cause: fs.ErrNotExist},
			"open m: not found: file does not exist"},
		{"the cause has the same path", &tfkeep.Error{Op: "import", Path: "m.meta", Cause: &tfkeep.Error{Op: "read", Path: "m.meta", Err: tfkeep.ErrCorrupt}},
			"import m.meta: read: corrupt"},
		{"no kind", &tfkeep.Error{Op: "open", Detail: "it is a folder"}, "open: it is a folder"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.EqualError(t, c.err, c.want) })
	}
}

func TestErrorIsItsKindAndItsCause(t *testing.T) {
	_, cause := os.Open(filepath.Join(t.TempDir(), "missing"))
	var err error = &tfkeep.Error{Op: "open", Err: tfkeep.ErrNotFound, Cause: cause}
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.NotErrorIs(t, err, tfkeep.ErrCorrupt)
	var path *fs.PathError
	assert.True(t, errors.As(err, &path))
}

func TestCauseHasPlainSpaces(t *testing.T) {
	t.Parallel()
	err := &tfkeep.Error{Op: "parse", Cause: &tfkeep.Error{Op: "read", Cause: errors.New("proto:\u00a0cannot parse")}}
	assert.Equal(t, "parse: read: proto: cannot parse", err.Error())
}

package saver

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// The kinds of errors that this package has in addition to those of package tfkeep.
// Errors of runs keep their status codes.
var (
	// ErrNotShared means that the nodes of the graph wrote, or were to read, files on
	// the disk of another machine. See shardError.
	ErrNotShared = errors.New("the machines of the cluster don't share the checkpoint's folder")
	// ErrHalfRestored means that a restore failed when some variables had their new
	// values already. Restore again before the variables are used.
	ErrHalfRestored = errors.New("some variables are restored and others are not; restore again")
)

// opBuild is the operation of New and Build.
const opBuild = "build saver"

// fault returns an error of a kind. The method of the Saver that returns it adds the
// operation and the path, by wrap.
func fault(kind error, format string, args ...any) error {
	return &tfkeep.Error{Err: kind, Detail: fmt.Sprintf(format, args...)}
}

// closeInto calls close and adds its error, if there is one, to *err.
func closeInto(err *error, close func() error) {
	if e := close(); e != nil {
		*err = errors.Join(*err, e)
	}
}

// wrap adds the operation and the path to an error, unless it has them.
func wrap(op, path string, err error) error {
	var misfit *RestoreError
	var shard *shardError
	switch _, ok := outermost(err); {
	case err == nil:
		return nil
	case !ok && (errors.As(err, &misfit) || errors.As(err, &shard)):
		return err
	}
	return addPlace(op, path, err)
}

// addPlace returns err with the operation and the path.
func addPlace(op, path string, err error) *tfkeep.Error {
	e, ok := outermost(err)
	if !ok || e.Op != "" && (e.Op != op || e.Path != path) {
		return &tfkeep.Error{Op: op, Path: path, Cause: err}
	}
	placed := *e
	placed.Op, placed.Path = op, path
	return &placed
}

// outermost returns err itself if it is a *tfkeep.Error. One that err wraps does not
// count.
func outermost(err error) (*tfkeep.Error, bool) {
	e, ok := err.(*tfkeep.Error) //nolint:errorlint // see above
	return e, ok
}

// Mismatch is one variable that can't take what the checkpoint has for it.
type Mismatch struct {
	Key      string // the key in the checkpoint
	Variable string // the variable's name in the graph
	Kind     string // "dtype" or "shape"
	Graph    string // what the graph has
	File     string // what the checkpoint has
	Slices   int    // in how many slices the checkpoint has it, 0 if it is whole
}

// text is TensorFlow's message.
func (m Mismatch) text() string {
	if m.Kind == "dtype" {
		return fmt.Sprintf("tensor_name = %s; expected dtype %s does not equal original dtype %s", m.Key, m.Graph, m.File)
	}
	text := fmt.Sprintf("%s: Assign requires shapes of both tensors to match. lhs shape= %s rhs shape= %s", m.Key, m.Graph, m.File)
	if m.Slices > 0 {
		text += fmt.Sprintf(" (the checkpoint has it in %d slices, which variables of this full shape take, whole or in any parts)", m.Slices)
	}
	return text
}

// Missing is one variable that the checkpoint has nothing for.
type Missing struct {
	Key      string // the key in the checkpoint
	Variable string // the variable's name in the graph
	// Nearest is the most similar key that the checkpoint has and the graph does not
	// use; "" if none is similar.
	Nearest string
	// Hint says where the checkpoint has a value all the same, and how to restore it: for
	// partitioned variables. It is "" if nothing is known.
	Hint string
}

func (m Missing) text() string {
	s := fmt.Sprintf("Key %s not found in checkpoint", m.Key)
	if m.Hint != "" {
		s += ": " + m.Hint
	} else if m.Nearest != "" {
		s += fmt.Sprintf(" (did you mean %s?)", m.Nearest)
	}
	return s
}

// RestoreError lists everything that keeps a checkpoint from fitting a graph. When
// Restore returns one, no variable was changed.
type RestoreError struct {
	Path       string
	Missing    []Missing
	Mismatches []Mismatch
	// Matched counts the tensors that fit.
	Matched int
	// Objects means that objects of TensorFlow 2 wrote the checkpoint. Its values are
	// found by the names that their variables had then, and Unused are those of these
	// names that the graph doesn't have.
	Objects bool
	Unused  []string
	// Ambiguous are names that several variables had in the program that wrote the
	// checkpoint. They do not say whose value is wanted, so nothing is found by them.
	Ambiguous []string

	resumes bool // Resume returns the error
	foreign bool // it was to restore a part, and no part fits
}

func (e *RestoreError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "restore %s: the checkpoint does not fit the graph: %d missing, %d of another type or shape; no variable was changed, and %d match",
		e.Path, len(e.Missing), len(e.Mismatches), e.Matched)
	for _, m := range e.Missing {
		b.WriteString("\n  " + m.text())
	}
	for _, m := range e.Mismatches {
		b.WriteString("\n  " + m.text())
	}
	if e.Objects {
		b.WriteString("\nThe checkpoint was written by objects of TensorFlow 2, and is read by the names that their variables had then.")
		if len(e.Unused) > 0 {
			b.WriteString(" Those that the graph does not have: " + strings.Join(e.Unused, ", ") + ".")
		}
		if len(e.Ambiguous) > 0 {
			b.WriteString(" Names that several variables had, by which no value is found: " + strings.Join(e.Ambiguous, ", ") + ".")
		}
	}
	switch {
	case e.foreign:
		b.WriteString("\nResumeOptions.Partial is set, but no variable of the checkpoint, a global step apart, fits: it may be of another program. Train in another folder or with another LatestFilename, or name the variables in ResumeOptions.Rename.")
	case e.resumes:
		b.WriteString("\nIf the model was changed on purpose, set ResumeOptions.Partial: what does not fit is initialized then. Name renamed variables in ResumeOptions.Rename, and convert others in ResumeOptions.Adapt.")
	default:
		b.WriteString("\nName the variables with Options.VarMap or RestoreOptions.Rename, or restore what matches with RestoreOptions.Partial.")
	}
	return b.String()
}

// Unwrap returns tfkeep.ErrNotFound if a key is missing, and tfkeep.ErrMismatch if a
// type or shape differs.
func (e *RestoreError) Unwrap() []error {
	var kinds []error
	if len(e.Missing) > 0 {
		kinds = append(kinds, tfkeep.ErrNotFound)
	}
	if len(e.Mismatches) > 0 {
		kinds = append(kinds, tfkeep.ErrMismatch)
	}
	return kinds
}

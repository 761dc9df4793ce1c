package saver

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/tf"
)

// The kinds of failure, for errors.Is. Damaged files keep the kinds of package
// checkpoint, failed runs those of package tf.
var (
	// ErrNoVariables: there is nothing to save, and AllowEmpty isn't set.
	ErrNoVariables = errors.New("saver: No variables to save")
	// ErrVarList: VarList or VarMap holds something that can't be saved, or the
	// same thing or name twice.
	ErrVarList = errors.New("saver: bad variable list")
	// ErrNotBuilt: Save or Restore before Build on a Saver with DeferBuild.
	ErrNotBuilt = errors.New("saver: `build()` should be called before save if defer_build==True; call Build first")
	// ErrArgument: an argument or option makes no sense, alone or with another.
	ErrArgument = errors.New("saver: bad argument")
	// ErrNotCheckpoint: there are no checkpoint files under the given path.
	ErrNotCheckpoint = errors.New("saver: The passed save_path is not a valid checkpoint")
	// ErrOtherGraph: the session runs another graph than the Saver was made for.
	ErrOtherGraph = errors.New("saver: the session belongs to another graph; open it with tf.NewSession on the graph that the Saver was made for")
	// ErrUninitialized: a variable to be saved has no value yet.
	ErrUninitialized = errors.New("saver: uninitialized variable")
	// ErrLocked: another process saves into the same directory.
	ErrLocked = errors.New("saver: the checkpoints are in use by another process")
	// ErrSaverDef: a SaverDef lacks a name or names nodes that the graph lacks.
	ErrSaverDef = errors.New("saver: bad SaverDef")
	// ErrNotShared: the nodes of the graph wrote, or were to read, files that lie
	// on the disk of another machine. See ShardError.
	ErrNotShared = errors.New("saver: the machines of the cluster don't share the checkpoint's folder")
	// ErrTooLarge: a tensor is too large to pass between a server and this
	// process. See TooLargeError.
	ErrTooLarge = errors.New("saver: tensor too large for a message")
	// ErrHalfRestored: a restore on a cluster was broken off when some variables
	// had their new values. Restore again before they are used.
	ErrHalfRestored = errors.New("saver: the restore was broken off, and some variables are restored and others not; restore again")
	// ErrClosed: the Saver was closed before.
	ErrClosed = errors.New("saver: already closed")
)

// errNilSaver is what a method of the nil Saver says that ImportMetaGraph gives
// for a graph without variables.
var errNilSaver = fmt.Errorf("%w: the Saver is nil, as for a meta graph without variables", ErrNoVariables)

// TooLargeError names a tensor that no message between a server and this process
// can hold.
type TooLargeError struct {
	// Key is the key in the checkpoint.
	Key string
	// Bytes is its size, -1 if that isn't known.
	Bytes int64
	// Err is what TensorFlow said, if it was asked.
	Err error
}

func (e *TooLargeError) Error() string {
	size := "more"
	if e.Bytes >= 0 {
		size = fmt.Sprintf("%d bytes", e.Bytes)
	}
	return fmt.Sprintf("%v: %s has %s, and a message of gRPC no more than %d; partition the variable, or let the servers do it, with saver.Ops and storage that they share", ErrTooLarge, e.Key, size, tf.MaxMessage)
}

// Unwrap gives ErrTooLarge and what TensorFlow said.
func (e *TooLargeError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrTooLarge}
	}
	return []error{ErrTooLarge, e.Err}
}

// UninitializedError names the variables that have no value.
type UninitializedError struct {
	// Names are the checkpoint keys of the variables. When there are very many,
	// they are the first ones.
	Names []string
	// Err is what TensorFlow said.
	Err error
}

func (e *UninitializedError) Error() string {
	return fmt.Sprintf("%v: %s; run their initializers, or Restore, before Save", ErrUninitialized, strings.Join(e.Names, ", "))
}

// Unwrap gives ErrUninitialized and what the session said.
func (e *UninitializedError) Unwrap() []error { return []error{ErrUninitialized, e.Err} }

// Mismatch is one variable that can't take what the checkpoint has for it.
type Mismatch struct {
	Key      string // the key in the checkpoint
	Variable string // the variable's name in the graph
	Kind     string // "dtype" or "shape"
	Graph    string // what the graph has
	File     string // what the checkpoint has
}

func (m Mismatch) String() string {
	if m.Kind == "dtype" {
		return fmt.Sprintf("tensor_name = %s; expected dtype %s does not equal original dtype %s", m.Key, m.Graph, m.File)
	}
	return fmt.Sprintf("%s: Assign requires shapes of both tensors to match. lhs shape= %s rhs shape= %s", m.Key, m.Graph, m.File)
}

// Missing is one variable that the checkpoint has nothing for.
type Missing struct {
	Key      string
	Variable string
	// Nearest is the most similar key that the checkpoint has and the graph
	// doesn't ask for; "" if none is similar.
	Nearest string
}

func (m Missing) String() string {
	s := fmt.Sprintf("Key %s not found in checkpoint", m.Key)
	if m.Nearest != "" {
		s += fmt.Sprintf(" (did you mean %s?)", m.Nearest)
	}
	return s
}

// RestoreError says everything that keeps a checkpoint from fitting a graph.
// When Restore returns one, no variable was changed.
type RestoreError struct {
	Path       string
	Missing    []Missing
	Mismatches []Mismatch
	// Matched counts the tensors that would have fitted.
	Matched int
}

func (e *RestoreError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "saver: Restoring from checkpoint failed: %s. This is most likely due to %s from the checkpoint. No variable was changed; %d tensor(s) do match.",
		e.Path, e.cause(), e.Matched)
	for _, m := range e.Missing {
		b.WriteString("\n  " + m.String())
	}
	for _, m := range e.Mismatches {
		b.WriteString("\n  " + m.String())
	}
	b.WriteString("\nRestore with RestoreOptions.Partial to take what matches, or name the variables with Options.VarMap.")
	return b.String()
}

func (e *RestoreError) cause() string {
	if len(e.Missing) > 0 {
		return "a Variable name or other graph key that is missing"
	}
	return "a mismatch between the current graph and the graph"
}

// Unwrap gives tfkeep.ErrNotFound if a key is missing, and
// tfkeep.ErrMismatch if a type or shape differs.
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

package dir

import (
	"context"
	"errors"
	"io/fs"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/namelist"
)

// LatestOptions tunes [Latest]. Nil and the zero value follow TensorFlow.
type LatestOptions struct {
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
	// Verified reads the checkpoints whole, in the order of [List], and returns the
	// first one that is not damaged. It works without a state file and with a
	// damaged one.
	Verified bool
	// OnSkip, if not nil, is called for every checkpoint that Verified skips, with
	// the reason; and with the name of the state file if that is damaged.
	OnSkip func(prefix string, err error)
}

// Latest returns the prefix of a folder's newest checkpoint, as
// tf.train.latest_checkpoint does: the state file names it, and its files must exist.
// Unlike in TensorFlow, the state file may have absolute paths even if the folder was
// moved. In a copy of a folder, such paths lead to the original for as long as it exists,
// as they do in TensorFlow.
//
// If there is no checkpoint, the error is an ErrNotFound. If the state file is damaged,
// it is an ErrCorrupt.
func Latest(ctx context.Context, path string, o *LatestOptions) (string, error) {
	var opts LatestOptions
	if o != nil {
		opts = *o
	}
	if err := argcheck.Context(ctx, findLatest, path); err != nil {
		return "", err
	}
	f := openFolder(ctx, path)
	if opts.Verified {
		return f.latestVerified(ctx, &opts)
	}
	return f.latest(opts.LatestFilename)
}

const findLatest = "find the latest checkpoint in"

func (f folder) latest(latestFilename string) (string, error) {
	state, err := readState(f.fs, f.path, latestFilename)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &tfkeep.Error{Op: findLatest, Path: f.path, Err: tfkeep.ErrNotFound, Cause: err,
			Detail: "no checkpoint was saved there, or the state file has another name"}
	}
	if err != nil {
		return "", err
	}
	prefix, ok := newFinder(f).locate(state.ModelCheckpointPath, false)
	if !ok {
		return "", f.gone(state)
	}
	return prefix, nil
}

// gone returns the error for a state file whose newest checkpoint is not there. It names
// those that are.
func (f folder) gone(state *State) error {
	const most, longest = 5, 300
	named := state.ModelCheckpointPath
	if len(named) > longest {
		named = named[:longest] + "…"
	}
	e := &tfkeep.Error{Op: findLatest, Path: f.path, Err: tfkeep.ErrNotFound, Detail: "Couldn't match files for checkpoint " + named}
	list, err := f.list(context.Background(), state, true)
	var others []string
	for _, c := range list {
		if c.Version != 0 {
			others = append(others, c.Prefix)
		}
	}
	switch {
	case err != nil || len(others) == 0:
		e.Detail += "; the folder has no other checkpoint"
	default:
		e.Detail += "; there are " + namelist.Some(others, most) + ": name one of them, or let dir.Latest with LatestOptions.Verified (tfkeep latest --verified) choose the newest that is whole"
	}
	return e
}

func (f folder) latestVerified(ctx context.Context, o *LatestOptions) (string, error) {
	skip := func(prefix string, err error) {
		if o.OnSkip != nil {
			o.OnSkip(prefix, err)
		}
	}
	state, err := f.state(o.LatestFilename)
	if err != nil {
		skip(statePath(f.path, o.LatestFilename), err)
	}
	list, err := f.list(ctx, state, false)
	if err != nil {
		return "", err
	}
	exist := false
	for i := range list {
		c := &list[i]
		if c.Version == 0 {
			skip(c.Prefix, f.check(ctx, c))
			continue
		}
		exist = true
		err := readWhole(ctx, c.Prefix)
		if err == nil {
			return c.Prefix, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		skip(c.Prefix, err)
	}
	if exist {
		return "", &tfkeep.Error{Op: findLatest, Path: f.path, Err: tfkeep.ErrCorrupt, Detail: "all of its checkpoints are damaged"}
	}
	return "", &tfkeep.Error{Op: findLatest, Path: f.path, Err: tfkeep.ErrNotFound, Detail: "no checkpoint was saved there"}
}

// readWhole reads every byte of a checkpoint and compares it with its checksum.
func readWhole(ctx context.Context, prefix string) error {
	report, err := checkpoint.Verify(ctx, prefix, nil)
	if err != nil {
		return err
	}
	for _, fault := range report.Faults {
		if !fault.Harmless {
			return fault.Err
		}
	}
	return nil
}

package saver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/devicename"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/status"
)

// server returns the task of a device, or the session's target if the device names none.
func (t *nodeTransport) server(device string) string {
	if job, index, ok := devicename.TaskOf(device); ok {
		return devicename.Task(job, index)
	}
	return t.sess.Target()
}

var (
	// unmergedShard matches the message of MergeV2Checkpoints (tensor_bundle.cc).
	unmergedShard = regexp.MustCompile(`(\S+/part-|part-)(\d{5})-of-(\d{5}) did not exist`)
	// missingFile matches the messages about missing files and folders.
	missingFile = regexp.MustCompile(`No such file or directory|Failed to find any matching files`)
)

// notShared returns a shardError if the reason for the error of a save is that the
// machines have folders of their own, or nil.
func (t *nodeTransport) notShared(to *target, err error) error {
	if t.sess.Target() == "" || isRemotePath(to.path) {
		return nil
	}
	plan, _, planErr := t.nodes.savePlan()
	if planErr != nil {
		return nil
	}
	if m := unmergedShard.FindStringSubmatch(err.Error()); m != nil {
		e := &shardError{Op: "save", Path: to.path, Shards: plan.Shards, File: strings.TrimSuffix(m[0], " did not exist"), Reader: t.server(plan.Merge), Err: err}
		e.Shard, _ = strconv.Atoi(m[2])
		e.Writer = t.server(deviceOf(plan, e.Shard))
		return e
	}
	dir := filepath.Dir(localPath(to.path))
	if info, statErr := t.fs.Stat(dir); statErr != nil || !info.IsDir() || !errors.Is(err, status.NotFound) || !missingFile.MatchString(err.Error()) {
		return nil
	}
	for _, saved := range plan.Tensors {
		if saved.Node == nodeOf(err) {
			return &shardError{Op: "save", Path: to.path, Shard: -1, Shards: plan.Shards, File: "the folder " + dir, Reader: t.server(saved.Device), Err: err}
		}
	}
	return nil
}

// nodeOf returns the node that failed, or "" where TensorFlow's error doesn't name it.
func nodeOf(err error) string {
	var e *status.Error
	if errors.As(err, &e) {
		return e.Node
	}
	return ""
}

// deviceOf returns the device that writes a shard.
func deviceOf(p *savergraph.SavePlan, shard int) string {
	for _, t := range p.Tensors {
		if t.Shard == shard {
			return t.Device
		}
	}
	return ""
}

// unreadable returns an error that names the machine if a restore failed because a
// machine doesn't see the files, or nil.
func (t *nodeTransport) unreadable(l *load, err error) error {
	if t.sess.Target() == "" || isRemotePath(l.path) || !errors.Is(err, status.NotFound) || !missingFile.MatchString(err.Error()) {
		return nil
	}
	plan, planErr := t.nodes.restorePlan()
	if planErr != nil {
		return nil
	}
	for _, wanted := range plan {
		if wanted.Node != nodeOf(err) {
			continue
		}
		on := t.server(wanted.Device)
		if l.plan == nil && !present(t.fs, localPath(l.path)) {
			return &tfkeep.Error{Err: tfkeep.ErrNotFound, Cause: err, Detail: fmt.Sprintf("there is no checkpoint for this process, nor for %s", on)}
		}
		return &shardError{Op: "restore", Path: l.path, Shard: -1, File: l.path, Reader: on, Err: err}
	}
	return nil
}

// defaultSharedWait is longer than network file systems usually take to show a file.
const defaultSharedWait = 3 * time.Second

// confirm waits until this process sees all files that the nodes have written, because
// network file systems show them late. It does not wait if the target is unwatched.
func (t *nodeTransport) confirm(ctx context.Context, to *target, saved string, before fs.FileInfo) error {
	if t.sess.Target() == "" || isRemotePath(saved) || to.unwatched {
		return nil
	}
	deadline := time.Now().Add(t.sharedWait)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		missing := t.missing(to, saved, before)
		if missing == nil {
			return nil
		}
		if !time.Now().Before(deadline) {
			return missing
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// missing returns an error about the first file that this process doesn't see. The
// index comes last, because its absence is the least specific.
func (t *nodeTransport) missing(to *target, saved string, before fs.FileInfo) error {
	path := localPath(saved)
	// Listing the folder makes a network file system ask its server.
	have := map[string]bool{}
	var found []string
	if entries, err := t.fs.ReadDir(filepath.Dir(path)); err == nil {
		for _, e := range entries {
			have[e.Name()] = true
			if filenames.HoldsValues(e.Name(), filenames.Base(path)) {
				found = append(found, e.Name())
			}
		}
	}
	plan, _, err := t.nodes.savePlan()
	if err != nil { // nodes of an unknown form: look for any file
		if present(t.fs, path) {
			return nil
		}
		return &shardError{Op: "save", Path: to.path, Shard: -1, File: path, Writer: t.sess.Target()}
	}
	e := &shardError{Op: "save", Path: to.path, Shards: plan.Shards, Found: found}
	shardName := filenames.Data
	if plan.V1 {
		shardName = filenames.V1Shard
	}
	for i := range plan.Shards {
		e.File, e.Shard = shardName(localPath(to.path), i, plan.Shards), i
		if plan.V1 && !t.nodes.def.Sharded {
			e.File = path
		}
		if !have[filepath.Base(e.File)] {
			e.Writer = t.server(deviceOf(plan, i))
			return e
		}
	}
	if plan.V1 {
		return nil
	}
	e.File, e.Shard, e.Writer = filenames.Index(path), -1, t.server(plan.Merge)
	after, err := t.fs.Stat(e.File)
	if err != nil || before != nil && before.ModTime().Equal(after.ModTime()) && before.Size() == after.Size() && t.fs.SameFile(before, after) {
		return e // the index is missing, or belongs to an older checkpoint
	}
	return nil
}

// indexOf describes the index file of a checkpoint, nil if there is no such file.
func (t *nodeTransport) indexOf(path string) fs.FileInfo {
	if isRemotePath(path) {
		return nil
	}
	info, err := t.fs.Stat(filenames.Index(localPath(path)))
	if err != nil {
		return nil
	}
	return info
}

// explainSave adds the likely reason to an error of the save nodes, as TensorFlow's Saver
// does.
func (t *nodeTransport) explainSave(to *target, err error) error {
	if other := t.notShared(to, err); other != nil {
		return other
	}
	if !errors.Is(err, status.FailedPrecondition) && !errors.Is(err, status.NotFound) || isRemotePath(to.path) {
		return err
	}
	if info, statErr := t.fs.Stat(filepath.Dir(localPath(to.path))); statErr != nil || !info.IsDir() {
		return &tfkeep.Error{Err: tfkeep.ErrNotFound, Cause: err, Detail: noParent(to.path)}
	}
	return err
}

// noParent describes a path whose parent directory is missing, or is a file.
func noParent(path string) string {
	return fmt.Sprintf("the parent directory of %s does not exist, or is not a directory", path)
}

// explainRestore adds the likely reason to an error of the restore nodes, as TensorFlow's
// Saver does.
func (t *nodeTransport) explainRestore(l *load, err error) error {
	if other := t.unreadable(l, err); other != nil {
		return other
	}
	var likely string
	switch {
	case errors.Is(err, status.NotFound):
		likely = "a name that is missing from the checkpoint"
	case errors.Is(err, status.InvalidArgument):
		likely = "a mismatch between the current graph and the graph from the checkpoint"
	default:
		return err
	}
	return &tfkeep.Error{Cause: err, Detail: "the checkpoint does not fit the graph, probably because of " + likely}
}

// shardError describes a part of a checkpoint that a machine does not see. It is an
// [ErrNotShared].
type shardError struct {
	// Op is "save" or "restore".
	Op string
	// Path is the checkpoint.
	Path string
	// Shard is the number of the shard that is missing, of Shards; -1 if it is the
	// index, the folder, or the whole checkpoint.
	Shard, Shards int
	// Writer is the task, "/job:ps/task:0", that wrote the file; "" if none did.
	Writer string
	// Reader is the task that doesn't see it; "" is this process.
	Reader string
	// File is what is missing.
	File string
	// Found are the files of the checkpoint that this process does see, by name.
	Found []string
	// Err is TensorFlow's error, or nil.
	Err error
}

func (e *shardError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %v: ", e.Op, e.Path, ErrNotShared)
	if e.Shard >= 0 {
		fmt.Fprintf(&b, "shard %d of %d, ", e.Shard, e.Shards)
	}
	b.WriteString(e.File)
	if e.Writer != "" {
		b.WriteString(", written by " + e.Writer)
	}
	reader := e.Reader
	if reader == "" {
		reader = "this process"
	}
	fmt.Fprintf(&b, ", is not visible to %s", reader)
	if len(e.Found) > 0 {
		fmt.Fprintf(&b, ", though %s is here", strings.Join(e.Found, ", "))
	}
	b.WriteString(". ")
	if e.Op == "save" {
		b.WriteString("Set saver.Options.Driver to saver.Files, which gathers the values and writes them here, or save into a folder that all machines share")
		if e.Reader == "" {
			b.WriteString("; SaveOptions.NoState and NoMetaGraph together leave the files where they are")
		}
	} else {
		b.WriteString("Set saver.Options.Driver to saver.Files, which reads the files here, or put the checkpoint into a folder that all machines share")
	}
	return b.String()
}

// Unwrap returns ErrNotShared and TensorFlow's error.
func (e *shardError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrNotShared}
	}
	return []error{ErrNotShared, e.Err}
}

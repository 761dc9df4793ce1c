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

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/tf"
)

// Where the nodes of a graph write a checkpoint, each machine of a cluster writes
// its shard under the same path. That makes one checkpoint only where the path is
// one folder for all of them, and for this process, which says in the state file
// which checkpoint is the newest and deletes old ones.

// ShardError says which part of a checkpoint isn't where it is looked for. It is
// an [ErrNotShared].
type ShardError struct {
	// Op is "save" or "restore".
	Op string
	// Path is the checkpoint.
	Path string
	// Shard is the number of the shard that is missing, of Shards; -1 where it is
	// the index, the folder, or all of the checkpoint.
	Shard, Shards int
	// Writer is the task, "/job:ps/task:0", that wrote the file, "" if none did.
	Writer string
	// Reader is the task that doesn't see it; "" is this process.
	Reader string
	// File is what is missing.
	File string
	// Found are the files of the checkpoint that this process does see, by name.
	Found []string
	// Err is what TensorFlow said, nil if it found nothing wrong.
	Err error
}

func (e *ShardError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %s %s: ", ErrNotShared, e.Op, e.Path)
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
	fmt.Fprintf(&b, ", is not to be seen by %s", reader)
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

// Unwrap gives ErrNotShared and what TensorFlow said.
func (e *ShardError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrNotShared}
	}
	return []error{ErrNotShared, e.Err}
}

// server names the machine of a device; where the graph leaves that to the
// session, it is the session's.
func server(sess *tf.Session, device string) string {
	if t, ok := taskOf(device); ok {
		return t.String()
	}
	return sess.Target()
}

var (
	// unmerged is what MergeV2Checkpoints says (tensor_bundle.cc).
	unmerged = regexp.MustCompile(`(\S+/part-|part-)(\d{5})-of-(\d{5}) did not exist`)
	// nowhere is what the nodes say of files and folders that aren't there.
	nowhere = regexp.MustCompile(`No such file or directory|Failed to find any matching files`)
)

// notShared makes a ShardError of the error of a save if the reason is that the
// machines have folders of their own.
func (j *job) notShared(err error) error {
	if j.sess.Target() == "" || isRemotePath(j.file) {
		return nil
	}
	plan, _, planErr := j.s.plans.forSave(j.s)
	if planErr != nil {
		return nil
	}
	if m := unmerged.FindStringSubmatch(err.Error()); m != nil {
		e := &ShardError{Op: "save", Path: j.file, Shards: plan.shards, File: strings.TrimSuffix(m[0], " did not exist"), Reader: server(j.sess, plan.merge), Err: err}
		e.Shard, _ = strconv.Atoi(m[2])
		e.Writer = server(j.sess, plan.device(e.Shard))
		return e
	}
	dir := filepath.Dir(localPath(j.file))
	if info, statErr := j.s.fs.Stat(dir); statErr != nil || !info.IsDir() || !errors.Is(err, tf.ErrNotFound) || !nowhere.MatchString(err.Error()) {
		return nil
	}
	for _, t := range plan.tensors {
		if t.node == nodeOf(err) {
			return &ShardError{Op: "save", Path: j.file, Shard: -1, Shards: plan.shards, File: "the folder " + dir, Reader: server(j.sess, t.device), Err: err}
		}
	}
	return nil
}

// nodeOf is the node that TensorFlow says has failed, "" if it doesn't.
func nodeOf(err error) string {
	var e *tf.Error
	if errors.As(err, &e) {
		return e.Node
	}
	return ""
}

// device is where a shard is written.
func (p *savePlan) device(shard int) string {
	for _, t := range p.tensors {
		if t.shard == shard {
			return t.device
		}
	}
	return ""
}

// unreadable makes an error of the error of a restore if it is that a machine
// doesn't see the files, which this process does see, or doesn't either.
func (l *load) unreadable(err error, seen bool) error {
	if l.sess.Target() == "" || isRemotePath(l.path) || !errors.Is(err, tf.ErrNotFound) || !nowhere.MatchString(err.Error()) {
		return nil
	}
	plan, planErr := l.s.plans.forRestore(l.s)
	if planErr != nil {
		return nil
	}
	for _, t := range plan.tensors {
		if node, _ := inputRef(t.output); node != nodeOf(err) {
			continue
		}
		if !seen {
			return fmt.Errorf("%w: %s: there is none for this process, nor for %s: %w", ErrNotCheckpoint, l.path, server(l.sess, t.device), err)
		}
		return &ShardError{Op: "restore", Path: l.path, Shard: -1, File: l.path, Reader: server(l.sess, t.device), Err: err}
	}
	return nil
}

// defaultSharedWait is longer than networks take, and shorter than patience.
const defaultSharedWait = 3 * time.Second

// confirm waits until this process sees all files that the nodes say they have
// written: file systems of networks show them late. It is not asked where nobody
// is going to look for them here.
func (j *job) confirm(ctx context.Context, saved string, before fs.FileInfo) error {
	if j.sess.Target() == "" || isRemotePath(saved) || j.opts.NoState && j.opts.NoMetaGraph {
		return nil
	}
	limit := j.s.opts.SharedWait
	if limit == 0 {
		limit = defaultSharedWait
	}
	deadline := time.Now().Add(limit)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		missing := j.missing(saved, before)
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

// missing is an error about the first file that this process doesn't see, the
// index last, for it says the least.
func (j *job) missing(saved string, before fs.FileInfo) error {
	path := localPath(saved)
	// Listing the folder makes a network file system ask its server.
	have := map[string]bool{}
	var found []string
	if entries, err := j.s.fs.ReadDir(filepath.Dir(path)); err == nil {
		for _, e := range entries {
			have[e.Name()] = true
			if belongsTo(e.Name(), filepath.Base(path)) {
				found = append(found, e.Name())
			}
		}
	}
	plan, _, err := j.s.plans.forSave(j.s)
	if err != nil { // Nodes of an unknown form: then one file is as good as another.
		if j.s.present(path) {
			return nil
		}
		return &ShardError{Op: "save", Path: j.file, Shard: -1, File: path, Writer: j.sess.Target()}
	}
	e := &ShardError{Op: "save", Path: j.file, Shards: plan.shards, Found: found}
	format := localPath(j.file) + ".data-%05d-of-%05d"
	if plan.version == checkpoint.V1 {
		format = localPath(j.file) + "-%05d-of-%05d"
	}
	for i := range plan.shards {
		e.File, e.Shard = fmt.Sprintf(format, i, plan.shards), i
		if plan.version == checkpoint.V1 && !j.s.def.Sharded {
			e.File = path
		}
		if !have[filepath.Base(e.File)] {
			e.Writer = server(j.sess, plan.device(i))
			return e
		}
	}
	if plan.version == checkpoint.V1 {
		return nil
	}
	e.File, e.Shard, e.Writer = path+".index", -1, server(j.sess, plan.merge)
	after, err := j.s.fs.Stat(e.File)
	if err != nil || before != nil && before.ModTime().Equal(after.ModTime()) && before.Size() == after.Size() && j.s.fs.SameFile(before, after) {
		return e // none, or still that of an older checkpoint
	}
	return nil
}

// written is the index that is there before a save, nil if there is none.
func (j *job) written() fs.FileInfo {
	if isRemotePath(j.file) {
		return nil
	}
	info, err := j.s.fs.Stat(localPath(j.file) + ".index")
	if err != nil {
		return nil
	}
	return info
}

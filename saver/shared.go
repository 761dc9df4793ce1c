package saver

import (
	"fmt"
	"strings"
)

// Where the nodes of a graph write a checkpoint, each machine of a cluster writes
// its shard under the same path. That makes one checkpoint only where the path is
// one folder for all of them, and for this process, which says in the state file
// which checkpoint is the newest and deletes old ones.

// shardError says which part of a checkpoint isn't where it is looked for. It is
// an [ErrNotShared].
type shardError struct {
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
func (e *shardError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrNotShared}
	}
	return []error{ErrNotShared, e.Err}
}

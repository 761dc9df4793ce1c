package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/locknote"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Folder is the lock on one state file and the checkpoints that it lists.
type Folder struct {
	key   key
	path  string // of the folder
	state string // the state file's name
	refs  int    // how many Sets of this process hold it
	file  vfs.File
	// place is the folder itself, which may be removed or replaced; moves counts how often it was.
	place fs.FileInfo
	moves int

	mu     sync.Mutex // held from Begin to End; guards the fields below
	noSync bool
	synced bool          // the name of the lock file is durable
	note   locknote.Note // the content of the journal, without retired
	// retired is what the save under way removes once it has succeeded.
	retired []Files
	left    *locknote.Note // what the last process noted; nil once inherited has what counts of it
	// inherited are the files that the last process noted and that are not removed yet.
	inherited []Files
	parts     []string // checkpoints whose shards the graph's nodes may have left unmerged
	tidied    bool     // what the last process left is removed
}

// key identifies the lock file of a Folder.
type key struct {
	fs   vfs.FS
	path string
}

// held has the Folders of this process. Its mutex is held for a look-up, or to open or
// remove a lock file, and no other lock is taken meanwhile.
var held = struct {
	sync.Mutex
	folders map[key]*Folder
}{folders: map[key]*Folder{}}

func acquire(fsys vfs.FS, folder, state string) (*Folder, error) {
	abs, err := filepath.Abs(filepath.Join(folder, filenames.Lock(state)))
	if err != nil {
		return nil, err
	}
	k := key{fsys, abs}
	held.Lock()
	defer held.Unlock()
	if f := held.folders[k]; f != nil {
		f.refs++
		return f, nil
	}
	f := &Folder{key: k, path: filepath.Dir(abs), state: state, refs: 1}
	f.note.Owner = fmt.Sprintf("process %d", os.Getpid())
	if host, err := os.Hostname(); err == nil {
		f.note.Owner += " on " + host
	}
	f.note.Owner += ", since " + time.Now().UTC().Format(time.DateTime) + " UTC,"
	if err := f.open(); err != nil {
		return nil, err
	}
	held.folders[k] = f
	return f, nil
}

// open opens the lock file and takes the lock.
func (f *Folder) open() error {
	fsys, path := f.key.fs, f.key.path
	file, err := vfs.OpenLocked(fsys, path)
	if errors.Is(err, tfkeep.ErrLocked) {
		return &tfkeep.Error{
			Op: "lock", Path: path, Err: tfkeep.ErrLocked,
			Detail: locknote.OwnerOf(fsys, path) + " saves here; wait for it (ResumeOptions.Wait) or end it, save into another folder, or use another LatestFilename and another name of the checkpoints",
		}
	}
	if err != nil {
		return vfs.Error("lock", path, err)
	}
	f.left = locknote.Read(file)
	if f.file, err = vfs.Own(fsys, file); err != nil {
		return vfs.Error("lock", path, err)
	}
	f.tidied, f.synced = false, false
	if f.left == nil {
		_ = f.write(f.note) // for messages only
	}
	place, err := fsys.Stat(f.path)
	if f.place != nil && (err != nil || !fsys.SameFile(f.place, place)) {
		f.moves++
	}
	f.place = place
	return nil
}

// reopen takes the lock again if somebody has removed the lock file, alone or with the folder:
// another process may have made its own. What was noted was about files that are gone with the
// folder, or that the note in another lock file names.
func (f *Folder) reopen() error {
	held.Lock()
	defer held.Unlock()
	if ours, err := vfs.IsNamed(f.key.fs, f.file, f.key.path); err != nil || ours {
		return err
	}
	old, moves, remove := f.file, f.moves, f.note.Remove
	if err := f.key.fs.MkdirAll(f.path, 0o755); err != nil {
		return vfs.Error("lock", f.path, err)
	}
	f.note.Remove = nil
	if err := f.open(); err != nil {
		f.note.Remove = remove
		return err
	}
	if f.moves == moves {
		f.note.Remove = remove
	} else {
		f.parts, f.inherited = nil, nil
	}
	return old.Close()
}

// write replaces the note in the lock file.
func (f *Folder) write(n locknote.Note) error {
	n.Remove = append(slices.Clone(f.inherited), n.Remove...)
	return locknote.Write(f.file, n)
}

// release releases the Folder for one Set; the last one removes the lock file.
func (f *Folder) release() error {
	held.Lock()
	defer held.Unlock()
	if f.refs--; f.refs > 0 {
		return nil
	}
	delete(held.folders, f.key)
	if ours, err := vfs.IsNamed(f.key.fs, f.file, f.key.path); err == nil && !ours {
		// Somebody removed the file, and another process may have made its own.
		return f.file.Close()
	}
	if len(f.note.Remove) > 0 {
		f.removeNoted() // a checkpoint that was held may be free now
	}
	if len(f.note.Remove)+len(f.inherited) > 0 {
		// The next process removes what this one could not.
		left := locknote.Note{Remove: f.note.Remove}
		return errors.Join(f.write(left), f.file.Close())
	}
	err := f.key.fs.Remove(f.key.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // with the folder
	}
	return errors.Join(err, f.file.Close())
}

// context returns a context with the folder's file system. It is never canceled.
func (f *Folder) context() context.Context { return vfs.NewContext(context.Background(), f.key.fs) }

// Set is the Folders that one Saver holds. The zero value holds none.
type Set struct {
	folders map[key]*Folder
}

// Take returns the Folder of a state file. The Set holds it until Release. If another
// process holds it, the error is a tfkeep.ErrLocked that names the process.
func (s *Set) Take(fsys vfs.FS, folder, state string) (*Folder, error) {
	f, err := acquire(fsys, folder, state)
	if err != nil {
		return nil, err
	}
	if s.folders[f.key] != nil {
		return f, f.release() // held already; the count stays above zero
	}
	if s.folders == nil {
		s.folders = map[key]*Folder{}
	}
	s.folders[f.key] = f
	return f, nil
}

// Release releases all Folders.
func (s *Set) Release() error {
	var errs []error
	for k, f := range s.folders {
		errs = append(errs, f.release())
		delete(s.folders, k)
	}
	return errors.Join(errs...)
}

// Abandon does to the Folders what the end of the process does: the locks are gone, and
// the files stay. It is for tests.
func (s *Set) Abandon() {
	held.Lock()
	defer held.Unlock()
	for k := range s.folders {
		delete(held.folders, k)
		delete(s.folders, k)
	}
}

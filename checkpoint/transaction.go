package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/recovery"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// transaction is one V2 checkpoint on its way to the disk. It holds the rules
// that make a checkpoint appear whole or not at all; docs/durability.md tells
// why each is there.
//
//	begin    take the prefix's lock, which is the open file
//	         prefix.index.tfkeep-tmp, and clear what a dead writer left;
//	         choose data file names that the present checkpoint does not use
//	create   open data files, under temporary names
//	commit   sync the data; write and sync the index, still temporary: should we
//	         die from here on, it tells which data files are ours;
//	         give the data files their names; sync the directory;
//	         rename the index, which is the commit; sync the directory;
//	         remove the data files of the checkpoint that was replaced
//	abort    remove everything again
type transaction struct {
	fs     vfs.FS
	prefix string
	noSync bool

	index    vfs.File // the lock, and the index to be
	replaces bool     // there is a checkpoint of this prefix
	layout   dataLayout
	files    []*pendingFile
	newDirs  []string // directories above the prefix that begin made
	done     bool
}

// dataLayout names the data files of a checkpoint: shard i of it is
// prefix.data-<first+i>-of-<total>.
type dataLayout struct{ first, total int }

// pendingFile is a file that commit will give its name.
type pendingFile struct {
	vfs.File
	final   string
	side    bool // not a data file: it may replace one of the same name
	renamed bool // it may have its final name
}

func begin(fsys vfs.FS, prefix string, numShards int, noSync bool) (tx *transaction, err error) {
	tx = &transaction{fs: fsys, prefix: prefix, noSync: noSync}
	if tx.newDirs, err = makeDirs(fsys, filepath.Dir(prefix)); err != nil {
		return nil, vfs.Error("create", prefix, err)
	}
	if tx.index, err = vfs.OpenLocked(fsys, filenames.Temp(filenames.Index(prefix))); err != nil {
		return nil, vfs.Error("create", prefix, err)
	}
	removed, err := recovery.Clear(fsys, prefix, tx.index)
	if err == nil && len(removed) > 0 {
		err = tx.syncDir()
	}
	if err == nil {
		err = tx.index.Truncate(0)
	}
	if err == nil {
		err = tx.chooseLayout(numShards)
	}
	if err != nil {
		return nil, errors.Join(vfs.Error("create", prefix, err), tx.abort())
	}
	return tx, nil
}

func checkPrefix(prefix string) error {
	if prefix != "" && !os.IsPathSeparator(prefix[len(prefix)-1]) {
		if base := filepath.Base(prefix); base != "." && base != ".." {
			return nil
		}
	}
	return &tfkeep.Error{Op: "create", Path: prefix, Err: tfkeep.ErrArgument,
		Detail: `a prefix is a directory and the beginning of file names, as "train/model-1"`}
}

// makeDirs makes a directory and returns those that were missing, the outermost
// first.
func makeDirs(fsys vfs.FS, dir string) (made []string, err error) {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := fsys.Stat(d); err == nil || !errors.Is(err, fs.ErrNotExist) || filepath.Dir(d) == d {
			break
		}
		made = append([]string{d}, made...)
	}
	return made, fsys.MkdirAll(dir, 0o755)
}

// chooseLayout finds names for numShards data files that no file has yet, so
// that the checkpoint that is there stays whole until the index is replaced. On
// a fresh prefix they are TensorFlow's, 0 to numShards of numShards; otherwise
// the last numShards of a multiple of it. TensorFlow reads either, as it opens
// only the shards that entries name.
func (tx *transaction) chooseLayout(numShards int) error {
	tx.layout = dataLayout{0, numShards}
	_, err := tx.fs.Stat(filenames.Index(tx.prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	tx.replaces = true
	present, err := recovery.DataFiles(tx.fs, tx.prefix)
	if err != nil {
		return err
	}
	used := map[int]bool{}
	for _, f := range present {
		used[f.Total] = true
	}
	for used[tx.layout.total] {
		tx.layout.first = tx.layout.total
		tx.layout.total += numShards
	}
	return nil
}

// createData opens the data file of a shard. The transaction's lock covers it.
func (tx *transaction) createData(shard int) (*pendingFile, error) {
	final := filenames.Data(tx.prefix, tx.layout.first+shard, tx.layout.total)
	f, err := tx.fs.OpenFile(filenames.Temp(final), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	return tx.add(f, final, false, err)
}

// createSide opens another file that belongs to the checkpoint. It has a lock of
// its own, since its name does not tell which transaction it is part of.
func (tx *transaction) createSide(final string) (*pendingFile, error) {
	f, err := vfs.CreateTemp(tx.fs, final)
	return tx.add(f, final, true, err)
}

func (tx *transaction) add(f vfs.File, final string, side bool, err error) (*pendingFile, error) {
	if err != nil {
		return nil, vfs.Error("create", final, err)
	}
	p := &pendingFile{File: f, final: final, side: side}
	tx.files = append(tx.files, p)
	return p, nil
}

// commit makes the checkpoint take effect. After an error it has not, with one
// exception that the error names: the last sync of the directory failed.
func (tx *transaction) commit(writeIndex func(vfs.File) error) error {
	if err := tx.prepare(writeIndex); err != nil {
		return errors.Join(err, tx.abort())
	}
	indexName := filenames.Index(tx.prefix)
	if err := tx.fs.Rename(filenames.Temp(indexName), indexName); err != nil && !tx.indexIsOurs() {
		return errors.Join(vfs.Error("commit", indexName, err), tx.abort())
	}
	err := tx.syncDir()
	if err != nil {
		err = &tfkeep.Error{Op: "commit", Path: tx.prefix, Cause: err,
			Detail: "the checkpoint is in place and readable, but may be lost in a power cut"}
	}
	tx.done = true
	if err := errors.Join(err, tx.index.Close()); err != nil {
		return err // The old data files stay, for the old index may come back.
	}
	tx.removeReplaced()
	return nil
}

// prepare does all that comes before the commit.
func (tx *transaction) prepare(writeIndex func(vfs.File) error) error {
	if err := tx.syncFiles(); err != nil {
		return err
	}
	if err := writeIndex(tx.index); err != nil {
		return vfs.Error("write", filenames.Index(tx.prefix), err)
	}
	if err := tx.sync(tx.index); err != nil {
		return vfs.Error("sync", filenames.Index(tx.prefix), err)
	}
	if err := tx.syncNewDirs(); err != nil {
		return err
	}
	if err := tx.syncDir(); err != nil {
		return err
	}
	for _, f := range tx.files {
		f.renamed = true // Whatever Rename reports, it may have happened.
		if err := tx.fs.Rename(filenames.Temp(f.final), f.final); err != nil {
			return vfs.Error("commit", f.final, err)
		}
		if err := f.Close(); err != nil {
			return vfs.Error("close", f.final, err)
		}
	}
	return tx.syncDir()
}

// syncFiles syncs all files at once: devices take many writes better than one
// after the other.
func (tx *transaction) syncFiles() error {
	if tx.noSync {
		return nil
	}
	errs := make([]error, len(tx.files))
	var wg sync.WaitGroup
	for i, f := range tx.files {
		wg.Go(func() {
			if err := f.Sync(); err != nil {
				errs[i] = vfs.Error("sync", f.final, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (tx *transaction) sync(f vfs.File) error {
	if tx.noSync {
		return nil
	}
	return f.Sync()
}

func (tx *transaction) syncDir() error { return vfs.SyncDirOf(tx.fs, tx.prefix, tx.noSync) }

func (tx *transaction) syncNewDirs() error {
	for _, d := range tx.newDirs {
		if err := vfs.SyncDirOf(tx.fs, d, tx.noSync); err != nil {
			return err
		}
	}
	return nil
}

// indexIsOurs tells whether a rename that reported an error, as a network file
// system may, was done all the same. If that cannot be known it is taken for
// done: nothing that the index may need is removed then.
func (tx *transaction) indexIsOurs() bool {
	named, err := tx.fs.Stat(filenames.Index(tx.prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	ours, err2 := tx.index.Stat()
	return err != nil || err2 != nil || tx.fs.SameFile(ours, named)
}

// abort removes all traces. The lock goes last, so that what a failing removal
// leaves is cleared by the next writer.
func (tx *transaction) abort() error {
	if tx.done {
		return nil
	}
	tx.done = true
	var errs []error
	for _, f := range tx.files {
		errs = append(errs, remove(tx.fs, filenames.Temp(f.final)))
		// What took the place of the earlier checkpoint's meta graph stays:
		// better this one than none.
		if f.renamed && !(f.side && tx.replaces) {
			errs = append(errs, remove(tx.fs, f.final))
		}
		_ = f.Close()
	}
	errs = append(errs, tx.syncDir())
	if errors.Join(errs...) == nil {
		errs = append(errs, remove(tx.fs, filenames.Temp(filenames.Index(tx.prefix))))
	}
	_ = tx.index.Close()
	if err := errors.Join(errs...); err != nil {
		return vfs.Error("remove", tx.prefix, err)
	}
	return nil
}

// remove removes a file that may exist.
func remove(fsys vfs.FS, name string) error {
	_, err := recovery.Remove(fsys, name)
	return err
}

// removeReplaced removes the data files of the checkpoint that was there
// before. It takes the lock again, which went with the rename: another writer
// may have begun, and then this is its business. What cannot be removed is left
// to [Sweep]: the checkpoint is safe, which is what the caller wants to know.
func (tx *transaction) removeReplaced() {
	if stale, err := recovery.StaleData(tx.fs, tx.prefix, tx.layout.total); err != nil || len(stale) == 0 {
		return
	}
	_, _ = recovery.Sweep(tx.fs, tx.prefix)
}

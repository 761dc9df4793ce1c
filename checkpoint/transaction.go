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

// transaction is a V2 checkpoint that is being written. It has the rules that make a
// checkpoint appear whole or not at all; docs/durability.md explains them.
//
//	begin    take the lock of the prefix, which is the open file
//	         prefix.index.tfkeep-tmp; remove the files of a writer that died;
//	         choose names of data files that the present checkpoint does not use
//	create   open the data files under temporary names
//	commit   sync the data; write and sync the index, which is still temporary: if
//	         the process dies after that, it shows which data files belong to it;
//	         rename the data files; sync the folder;
//	         rename the index, which is the commit; sync the folder;
//	         remove the data files of the checkpoint that was replaced
//	abort    remove everything
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

// dataLayout has the names of the data files: shard i is
// prefix.data-<first+i>-of-<total>.
type dataLayout struct{ first, total int }

// pendingFile is a file that commit renames to its final name.
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
		tx.index, err = vfs.Empty(fsys, tx.index)
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
	if base := filenames.Base(prefix); prefix != "" && base != "." && base != ".." {
		return nil
	}
	return &tfkeep.Error{Op: "create", Path: prefix, Err: tfkeep.ErrArgument,
		Detail: `a prefix is a directory and the beginning of file names, as "train/model-1" or "train/"`}
}

// makeDirs makes a folder and returns the folders that were missing, the outermost
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

// chooseLayout chooses names for numShards data files that no file has yet, so that the
// present checkpoint stays whole until the index is replaced. Under a new prefix they
// are TensorFlow's, 0 to numShards of numShards. Otherwise they are the last numShards
// of a multiple of it. TensorFlow reads either, because it opens only the shards that
// entries name.
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

// createData creates the data file of a shard. The lock of the transaction covers it, and
// begin has removed what an earlier writer left.
func (tx *transaction) createData(shard int) (*pendingFile, error) {
	final := filenames.Data(tx.prefix, tx.layout.first+shard, tx.layout.total)
	f, err := tx.fs.OpenFile(filenames.Temp(final), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	return tx.add(f, final, false, err)
}

// createSide opens another file that belongs to the checkpoint. It has its own lock,
// because its name does not tell which transaction it belongs to.
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

// commit makes the checkpoint take effect. After an error it has not taken effect,
// except if the last sync of the folder failed, which the error says.
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
		return err // The old data files stay, because the old index may come back.
	}
	tx.removeReplaced()
	return nil
}

// prepare does everything that comes before the commit.
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
		f.renamed = true // It may have happened, whatever Rename returns.
		if err := tx.fs.Rename(filenames.Temp(f.final), f.final); err != nil {
			return vfs.Error("commit", f.final, err)
		}
		if err := f.Close(); err != nil {
			return vfs.Error("close", f.final, err)
		}
	}
	return tx.syncDir()
}

// syncFiles syncs all files at the same time, because devices handle many writes faster
// at once.
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

// indexIsOurs reports whether a rename was done although it returned an error, as may
// happen on a network file system. If that cannot be known, the result is true: then no
// file is removed that the index may need.
func (tx *transaction) indexIsOurs() bool {
	named, err := tx.fs.Stat(filenames.Index(tx.prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	ours, err2 := tx.index.Stat()
	return err != nil || err2 != nil || tx.fs.SameFile(ours, named)
}

// abort removes all files. The lock goes last: if a removal fails, the next writer
// removes the rest.
func (tx *transaction) abort() error {
	if tx.done {
		return nil
	}
	tx.done = true
	var errs []error
	for _, f := range tx.files {
		errs = append(errs, remove(tx.fs, filenames.Temp(f.final)))
		// A side file that replaced an earlier meta graph stays: it is better than
		// none.
		if f.renamed && !(f.side && tx.replaces) {
			errs = append(errs, remove(tx.fs, f.final))
		}
		_ = f.Close()
	}
	errs = append(errs, tx.syncDir())
	if errors.Join(errs...) == nil {
		errs = append(errs, remove(tx.fs, filenames.Temp(filenames.Index(tx.prefix))))
	}
	if tx.index != nil {
		_ = tx.index.Close()
	}
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

// removeReplaced removes the data files of the checkpoint that was replaced. The lock
// was renamed with the index, so it has to be taken again. If another writer has it,
// that one removes the files. A failure is ignored: the new checkpoint is safe, and a
// later sweep removes the files.
func (tx *transaction) removeReplaced() {
	if stale, err := recovery.StaleData(tx.fs, tx.prefix, tx.layout.total); err != nil || len(stale) == 0 {
		return
	}
	_, _ = recovery.Sweep(tx.fs, tx.prefix)
}

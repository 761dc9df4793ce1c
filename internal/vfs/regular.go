package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/tfkeep/tfkeep"
)

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

// CheckRegular returns a tfkeep.ErrCorrupt unless info is that of a regular file. Reading
// something else could wait forever, never end, or have effects on a device.
func CheckRegular(name string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return &tfkeep.Error{Op: "open", Path: name, Err: tfkeep.ErrCorrupt,
		Detail: "it is " + kindOf(info.Mode()) + ", not a regular file"}
}

// LinkError reports that a file was not opened for writing because its name is that of
// a link, which may lead anywhere.
func LinkError(name string) error {
	return &tfkeep.Error{Op: "open", Path: name, Err: tfkeep.ErrUnsafe,
		Detail: "it is a symbolic link, and what is written there would change another file; remove the link"}
}

// openRegular opens a file that must be a regular one, and does not wait for the other end
// of a pipe. With os.O_CREATE it does not follow a link.
func openRegular(name string, flag int, perm fs.FileMode) (*os.File, error) {
	stat, extra := os.Stat, openFlags
	if flag&os.O_CREATE != 0 {
		stat, extra = os.Lstat, openFlags|noFollow
	}
	// Opening a device may have effects, so it is not opened if it is known to be one.
	info, err := stat(name)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, LinkError(name)
	}
	if err == nil {
		err = CheckRegular(name, info)
	}
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0) {
		return nil, err
	}
	f, err := os.OpenFile(name, flag|extra, perm)
	if err != nil {
		if noFollow != 0 && isLinkRefused(err) && flag&os.O_CREATE != 0 {
			return nil, LinkError(name)
		}
		return nil, err
	}
	return checked(f, name)
}

// checked closes a file that is not a regular one.
func checked(f *os.File, name string) (*os.File, error) {
	info, err := f.Stat()
	if err == nil {
		err = CheckRegular(name, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// readDir lists a folder, sorted by name, without waiting where the name is that of a
// pipe.
func readDir(name string) ([]fs.DirEntry, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|openFlags|onlyFolder, 0)
	if err != nil {
		return nil, err
	}
	return entries(f)
}

// OpenIn opens a regular file of an fs.FS. It looks at the file first, because opening a
// named pipe waits for a writer. An FS without a Stat of its own has no such files.
func OpenIn(fsys fs.FS, name string) (fs.File, error) {
	if statter, ok := fsys.(fs.StatFS); ok {
		info, err := statter.Stat(name)
		if err == nil {
			err = CheckRegular(name, info)
		}
		if err != nil {
			return nil, err
		}
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = CheckRegular(name, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadFile reads a whole file of at most limit bytes. A larger one is a
// tfkeep.ErrTooLarge.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	return readAndClose(f, name, limit)
}

// ReadIn is [ReadFile] for an fs.FS.
func ReadIn(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := OpenIn(fsys, name)
	if err != nil {
		return nil, err
	}
	return readAndClose(f, name, limit)
}

// readAndClose reads as many bytes as the file has now: some files of the system never
// end, although they are regular and seem to be empty.
func readAndClose(f fs.File, name string, limit int64) ([]byte, error) {
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, &tfkeep.Error{Op: "read", Path: name, Err: tfkeep.ErrTooLarge,
			Detail: fmt.Sprintf("it has %d bytes; at most %d are read", info.Size(), limit)}
	}
	if err := CheckHoles(name, f, info); err != nil {
		return nil, err
	}
	data := make([]byte, info.Size())
	n, err := io.ReadFull(f, data)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil // it was cut meanwhile
	}
	return data[:n], err
}

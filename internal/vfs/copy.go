package vfs

import (
	"errors"
	"io"
	"os"
)

// CopyNew makes a file with the content of in, which must not exist yet, and syncs it. Its
// name is durable once the folder is synced, too.
func CopyNew(fsys FS, name string, in io.Reader) error {
	out, err := fsys.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

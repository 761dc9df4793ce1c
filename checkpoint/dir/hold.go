package dir

import (
	"context"
	"path/filepath"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// holds has the checkpoints that this process must not remove.
var holds = struct {
	sync.Mutex
	changed  sync.Cond
	held     map[held]int
	removing map[held]int
}{held: map[held]int{}, removing: map[held]int{}}

func init() { holds.changed.L = &holds.Mutex }

// held is a checkpoint of a file system.
type held struct {
	fs     vfs.FS
	prefix string
}

// heldKey finds the one name of a checkpoint whose folder may have several.
func heldKey(fsys vfs.FS, prefix string) held {
	folder, base := filepath.Split(prefix)
	if abs, err := filepath.Abs(folder); err == nil {
		folder = abs
	}
	if fsys == vfs.OS {
		if real, err := filepath.EvalSymlinks(folder); err == nil {
			folder = real
		}
	}
	return held{fsys, filenames.Join(folder, base)}
}

// Hold keeps this process from removing a checkpoint until release is called: the retention
// of a Saver removes it at a later save, and [Remove] returns an ErrLocked. Other processes
// are not kept from it. Several holds of one checkpoint count. The checkpoint need not
// exist; look for it after Hold, not before.
func Hold(ctx context.Context, prefix string) (release func()) {
	key := heldKey(vfs.FromContext(ctx), prefix)
	holds.Lock()
	defer holds.Unlock()
	for holds.removing[key] > 0 {
		holds.changed.Wait()
	}
	holds.held[key]++
	return sync.OnceFunc(func() {
		holds.Lock()
		defer holds.Unlock()
		if holds.held[key]--; holds.held[key] == 0 {
			delete(holds.held, key)
		}
	})
}

// beginRemoval keeps a checkpoint from being held until end is called.
func beginRemoval(fsys vfs.FS, prefix string) (end func(), err error) {
	key := heldKey(fsys, prefix)
	holds.Lock()
	defer holds.Unlock()
	if holds.held[key] > 0 {
		return nil, &tfkeep.Error{Op: "remove", Path: prefix, Err: tfkeep.ErrLocked, Detail: "this process holds it (dir.Hold); release it first"}
	}
	holds.removing[key]++
	return func() {
		holds.Lock()
		defer holds.Unlock()
		if holds.removing[key]--; holds.removing[key] == 0 {
			delete(holds.removing, key)
		}
		holds.changed.Broadcast()
	}, nil
}

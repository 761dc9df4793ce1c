package vfs

// StartWriteback tells the system that a range of f will be synced soon, so that the
// device can take it while more is written. It guarantees nothing: only Sync makes the
// range durable and reports errors.
func StartWriteback(f File, offset, length int64) {
	if f, ok := f.(osFile); ok {
		startWriteback(f.File, offset, length)
	}
}

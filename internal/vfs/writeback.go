package vfs

import "sync"

// writebackWindow is how much of a file that is written with a [Writeback] stays in memory.
const writebackWindow = 32 << 20

// earlyWriteback is the smallest size of a piece whose transfer starts by itself.
const earlyWriteback = 256 << 10

// Writeback sends a file that will be synced to the device while more of it is written, so
// that the sync at the end finds little left to do. What the device has then leaves the
// page cache, except for the last writebackWindow bytes: otherwise the system would have to
// find memory for the whole file, which takes longer than writing it where a virtual machine
// gets its memory from the host, and the removal of the file would have to free it.
//
// It guarantees nothing: only Sync makes the file durable. Several goroutines may call Wrote
// at the same time.
type Writeback struct {
	f sender

	mu    sync.Mutex
	ended int64 // the end of what was written
	gone  int64 // before it, the file has left the page cache
}

// sender is a file that can be sent to the device piece by piece.
type sender interface {
	// StartWriteback starts the transfer of a range. Errors are left to Sync.
	StartWriteback(offset, length int64)
	// FinishWriteback waits for the transfer of a range, and frees its memory. Sync does not
	// return the error of the device again.
	FinishWriteback(offset, length int64) error
}

// NewWriteback returns the Writeback of a file. Where the file system has none, it does nothing.
func NewWriteback(f File) *Writeback {
	s, _ := f.(sender)
	return &Writeback{f: s}
}

// Wrote is called after length bytes were written at offset. It returns errors of the device,
// which are those of writing an earlier part of the file.
func (w *Writeback) Wrote(offset, length int64) error {
	if w.f == nil || length < earlyWriteback {
		return nil
	}
	w.f.StartWriteback(offset, length)
	w.mu.Lock()
	w.ended = max(w.ended, offset+length)
	from, to := w.gone, w.ended-writebackWindow
	if to -= to % earlyWriteback; to <= from { // No page is freed in halves.
		w.mu.Unlock()
		return nil
	}
	w.gone = to
	w.mu.Unlock()
	return w.f.FinishWriteback(from, to-from)
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// These pairs compare with the least that the disk and the memory need: the same bytes, written
// or read raw, with their checksums. The two sides begin with a disk that has nothing else to
// write.
var (
	saveRaw    = Pair{Name: "raw: save 1 GiB, beside a write with crc32c and fsync", Goal: 1.1, Prepare: besideRaw(saverPair{count: 64, elements: 4 << 20}.save, rawWrite(false, true))}
	saveSent   = Pair{Name: "raw: save 1 GiB, beside the same write sent early", Goal: 1.1, Prepare: besideRaw(saverPair{count: 64, elements: 4 << 20}.save, rawWrite(true, true))}
	exportRaw  = Pair{Name: "raw: export 1 GiB, beside a write with crc32c and fsync", Goal: 1.1, Prepare: besideRaw(prepareExport, rawWrite(false, false))}
	exportSent = Pair{Name: "raw: export 1 GiB, beside the same write sent early", Goal: 1.1, Prepare: besideRaw(prepareExport, rawWrite(true, false))}
	readRaw    = Pair{Name: "raw: read 1 GiB, beside a parallel read with crc32c", Goal: 1.3, Prepare: besideRaw(readPair{count: 64, elements: 4 << 20, read: readAll, python: "None"}.prepare, rawRead)}
	restoreRaw = Pair{Name: "raw: restore 1 GiB, beside a parallel read with crc32c", Goal: 1.3, Prepare: besideRaw(saverPair{count: 64, elements: 4 << 20}.restore, rawRead)}
	loadRaw    = Pair{Name: "raw: SavedModel load of 1 GiB, beside a parallel read with crc32c", Goal: 1.3, Prepare: besideRaw(prepareLoad, rawRead)}
)

const (
	rawBytes   = 1 << 30
	rawBlock   = 1 << 20 // stays in the cache of a processor between the checksum and the copy
	rawWorkers = 2
)

// besideRaw replaces Python's side of a pair.
func besideRaw(pair func(context.Context, *Env) (Measure, Measure, error), raw func(*Env) (Measure, error)) func(context.Context, *Env) (Measure, Measure, error) {
	return func(ctx context.Context, e *Env) (Measure, Measure, error) {
		ours, _, err := pair(ctx, e)
		if err != nil {
			return nil, nil, err
		}
		theirs, err := raw(e)
		return settled(ours), settled(theirs), err
	}
}

// settled lets the disk take what others have written and removed, before the measurement.
func settled(m Measure) Measure {
	return func(ctx context.Context) (Sample, error) {
		unix.Sync()
		return m(ctx)
	}
}

// rawWrite writes a new file from memory that is there already, as the values of variables
// are. With early it is sent as the files of a save are; see [vfs.Writeback]. With replaces it
// takes the name of the file of the round before, which is removed by that, as the checkpoint of
// a save is; otherwise removing it is not measured.
func rawWrite(early, replaces bool) func(*Env) (Measure, error) {
	return func(e *Env) (Measure, error) {
		memory := rawMemory()
		path := filepath.Join(e.Dir, "raw")
		return func(ctx context.Context) (Sample, error) {
			start := time.Now()
			f, err := vfs.OS.OpenFile(path+"-new", os.O_CREATE|os.O_RDWR, 0o600)
			if err != nil {
				return Sample{}, err
			}
			defer f.Close()
			writeback := vfs.NewWriteback(f)
			err = inBlocks(ctx, func(at int64) error {
				block := memory[at:][:rawBlock]
				rawSum.Add(uint64(crc32c.Checksum(block)))
				if _, err := f.WriteAt(block, at); err != nil || !early {
					return err
				}
				return writeback.Wrote(at, rawBlock)
			})
			if err == nil {
				err = f.Sync()
			}
			if err == nil {
				err = os.Rename(path+"-new", path)
			}
			if err == nil {
				err = vfs.OS.SyncDir(e.Dir)
			}
			took := time.Since(start)
			if err == nil && !replaces {
				err = os.Remove(path)
			}
			return Sample{Time: took}, err
		}, nil
	}
}

// rawRead reads a file, which is in the page cache, into memory that is there already.
func rawRead(e *Env) (Measure, error) {
	path := filepath.Join(e.Dir, "raw")
	memory := rawMemory()
	if err := os.WriteFile(path, memory, 0o600); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (Sample, error) {
		start := time.Now()
		f, err := os.Open(path)
		if err != nil {
			return Sample{}, err
		}
		defer f.Close()
		err = inBlocks(ctx, func(at int64) error {
			block := memory[at:][:rawBlock]
			n, err := f.ReadAt(block, at)
			if n != len(block) {
				return fmt.Errorf("read %d bytes: %w", n, err)
			}
			rawSum.Add(uint64(crc32c.Checksum(block)))
			return nil
		})
		return Sample{Time: time.Since(start)}, err
	}, nil
}

// rawMemory returns memory that is all there.
func rawMemory() []byte {
	memory := make([]byte, rawBytes)
	for i := range memory {
		memory[i] = byte(i * 131)
	}
	return memory
}

// rawSum uses the checksums.
var rawSum atomic.Uint64

// inBlocks calls f for each block, in rawWorkers goroutines.
func inBlocks(ctx context.Context, f func(at int64) error) error {
	return parallel.Each(ctx, rawBytes/rawBlock, rawWorkers, func(_ context.Context, i int) error { return f(int64(i) * rawBlock) })
}

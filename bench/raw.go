package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// These pairs compare with the least that the disk and the memory need: the same bytes, written
// or read raw, with their checksums.
var (
	saveRaw    = Pair{Name: "raw: save 1 GiB, beside a write with crc32c and fsync", Goal: 1.1, Prepare: besideRaw(saverPair{count: 64, elements: 4 << 20}.save, rawWrite)}
	exportRaw  = Pair{Name: "raw: export 1 GiB, beside a write with crc32c and fsync", Goal: 1.1, Prepare: besideRaw(prepareExport, rawWrite)}
	readRaw    = Pair{Name: "raw: read 1 GiB, beside a parallel read with crc32c", Goal: 1.3, Prepare: besideRaw(readPair{count: 64, elements: 4 << 20, read: readAll, python: "None"}.prepare, rawRead)}
	restoreRaw = Pair{Name: "raw: restore 1 GiB, beside a parallel read with crc32c", Goal: 1.3, Prepare: besideRaw(saverPair{count: 64, elements: 4 << 20}.restore, rawRead)}
	loadRaw    = Pair{Name: "raw: SavedModel load of 1 GiB, beside a parallel read with crc32c", Goal: 1.3, Prepare: besideRaw(prepareLoad, rawRead)}
)

const (
	rawBytes   = 1 << 30
	rawBlock   = 16 << 20
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
		return ours, theirs, err
	}
}

// rawWrite writes a new file from memory that is there already, as the values of variables are.
func rawWrite(e *Env) (Measure, error) {
	block := make([]byte, rawBlock)
	for i := range block {
		block[i] = byte(i * 131)
	}
	path := filepath.Join(e.Dir, "raw")
	return func(ctx context.Context) (Sample, error) {
		start := time.Now()
		f, err := os.Create(path)
		if err != nil {
			return Sample{}, err
		}
		defer f.Close()
		err = inBlocks(ctx, func(at int64) error {
			rawSum.Add(uint64(crc32c.Checksum(block)))
			_, err := f.WriteAt(block, at)
			return err
		})
		if err == nil {
			err = f.Sync()
		}
		took := time.Since(start)
		if err != nil {
			return Sample{}, err
		}
		return Sample{Time: took}, os.Remove(path)
	}, nil
}

// rawRead reads a file, which is in the page cache, into memory that is there already.
func rawRead(e *Env) (Measure, error) {
	path := filepath.Join(e.Dir, "raw")
	if err := os.WriteFile(path, make([]byte, rawBytes), 0o600); err != nil {
		return nil, err
	}
	memory := make([]byte, rawBytes)
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

// rawSum uses the checksums.
var rawSum atomic.Uint64

// inBlocks calls f for each block, in rawWorkers goroutines.
func inBlocks(ctx context.Context, f func(at int64) error) error {
	return parallel.Each(ctx, rawBytes/rawBlock, rawWorkers, func(_ context.Context, i int) error { return f(int64(i) * rawBlock) })
}

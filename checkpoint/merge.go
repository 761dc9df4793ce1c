package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/recovery"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// MergeOptions tunes [Merge]. Nil and the zero value do what the MergeV2Checkpoints op
// does without its attributes.
type MergeOptions struct {
	// KeepSources keeps the checkpoints that were merged.
	KeepSources bool
	// DeleteOldDirs removes the folders of the sources if they are empty, except the
	// folder of the result.
	DeleteOldDirs bool
	// AllowMissingFiles merges those of the prefixes that exist, which must be at least
	// one.
	AllowMissingFiles bool
	// NoSync leaves it to the operating system when the files reach the disk; see
	// WriterOptions.
	NoSync bool
}

// Merge makes one checkpoint of several V2 checkpoints, such as the shards that the
// machines of a cluster have written. Where the file system allows a second name for a
// file, the data files are not copied. They become the shards of the result in the
// order of the prefixes.
//
// TensorFlow's merge moves the data files first. This one takes effect as a whole or
// not at all: until the result is committed, the sources, and an earlier checkpoint
// called dst, stay whole. After that the sources are removed.
func Merge(ctx context.Context, prefixes []string, dst string, o *MergeOptions) error {
	if err := argcheck.Context(ctx, "merge", dst); err != nil {
		return err
	}
	m := &merger{fs: vfs.FromContext(ctx), dst: dst, entries: map[string]*bundleEntry{}, shards: map[string]int{}}
	if o != nil {
		m.opts = *o
	}
	for _, p := range prefixes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.read(ctx, p); err != nil {
			return err
		}
	}
	if len(m.sources) == 0 {
		return &tfkeep.Error{Op: "merge", Path: dst, Err: tfkeep.ErrNotFound,
			Detail: "at least one of the checkpoints must exist"}
	}
	if err := m.commit(ctx); err != nil {
		return err
	}
	return m.removeSources()
}

type merger struct {
	fs   vfs.FS
	dst  string
	opts MergeOptions

	sources []string // the prefixes that exist
	header  wire.BundleHeader
	entries map[string]*bundleEntry
	shards  map[string]int // data file of a source → shard of the result
	order   []string       // those data files by shard
}

// read reads the entries of one source.
func (m *merger) read(ctx context.Context, prefix string) error {
	name := filenames.Index(prefix)
	f, err := m.fs.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if m.opts.AllowMissingFiles {
			return nil
		}
		return &tfkeep.Error{Op: "merge", Path: name, Err: tfkeep.ErrNotFound, Cause: err,
			Detail: prefix + " does not exist, and MergeOptions.AllowMissingFiles is not set"}
	}
	if err != nil {
		return vfs.Error("merge", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return vfs.Error("merge", name, err)
	}
	t, err := table.NewReader(f, info.Size(), nil)
	if err != nil {
		return tableError("merge", name, err)
	}
	src := mergeSource{merger: m, prefix: prefix, first: len(m.sources) == 0}
	m.sources = append(m.sources, prefix)
	for e, err := range t.All() {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = src.add(e)
		}
		if err != nil {
			return tableError("merge", name, err)
		}
	}
	if !src.hasHeader {
		return src.error(tfkeep.ErrCorrupt, "", "the index is empty: it has no header")
	}
	return nil
}

// mergeSource is a source while its entries are being read.
type mergeSource struct {
	*merger
	prefix    string
	first     bool
	hasHeader bool
	numShards int
}

func (s *mergeSource) add(e table.Entry) error {
	if !s.hasHeader {
		s.hasHeader = true
		return s.addHeader(e)
	}
	entry, _, err := decodeBundleEntry(slices.Clone(e.Value), nil)
	if err == nil {
		err = entry.check(s.numShards)
	}
	if err != nil {
		return s.error(tfkeep.ErrCorrupt, string(e.Key), err.Error())
	}
	key := string(e.Key)
	present := s.entries[key]
	switch {
	case present == nil:
		entry.shard = s.shardOf(entry.shard)
		s.entries[key] = &entry
		return nil
	case len(present.slices) == 0:
		return s.error(tfkeep.ErrExists, key, fmt.Sprintf("Duplicate tensor keyed by %s encountered, when merging prefix: %s", key, s.prefix))
	case len(entry.slices) == 0:
		return s.error(tfkeep.ErrExists, key, fmt.Sprintf("Duplicate tensor keyed by %s; attempting to merge in a non-slice bundle entry", key))
	case present.dtype != entry.dtype || !slices.Equal(present.shape, entry.shape):
		return s.error(tfkeep.ErrMismatch, key, fmt.Sprintf("its slices are of %s %v here, of %s %v in an earlier prefix",
			dtype.Name(entry.dtype), entry.shape, dtype.Name(present.dtype), present.shape))
	}
	present.slices = append(present.slices, entry.slices...)
	return nil
}

func (s *mergeSource) addHeader(e table.Entry) error {
	if len(e.Key) > 0 {
		return s.error(tfkeep.ErrCorrupt, "", "the header is missing")
	}
	h, err := wire.DecodeBundleHeader(e.Value)
	if err != nil {
		return s.error(tfkeep.ErrCorrupt, "", err.Error())
	}
	if why := h.Versions.Refusal(); why != "" {
		return s.error(tfkeep.ErrUnsupported, "", why)
	}
	s.numShards = h.NumShards
	switch {
	case s.first:
		s.header = h
	case h.BigEndian != s.header.BigEndian:
		return s.error(tfkeep.ErrMismatch, "", "Merging bundles with conflicting endianness; inputs corrupted?")
	case string(h.Versions.Encode(nil)) != string(s.header.Versions.Encode(nil)):
		return s.error(tfkeep.ErrMismatch, "", fmt.Sprintf("Merging bundles with different format versions: merged %+v vs. curr %+v", s.header.Versions, h.Versions))
	}
	return nil
}

// shardOf returns the number that a data file of a source has in the result. Files that
// no entry names are left out.
func (s *mergeSource) shardOf(shard int) int {
	name := filenames.Data(s.prefix, shard, s.numShards)
	n, ok := s.shards[name]
	if !ok {
		n = len(s.order)
		s.shards[name] = n
		s.order = append(s.order, name)
	}
	return n
}

func (s *mergeSource) error(kind error, tensor, detail string) error {
	return &tfkeep.Error{Op: "merge", Path: filenames.Index(s.prefix), Item: "tensor", Name: tensor, Err: kind, Detail: detail}
}

// commit writes the result.
func (m *merger) commit(ctx context.Context) error {
	if err := checkPrefix(m.dst); err != nil {
		return err
	}
	tx, err := begin(m.fs, m.dst, max(len(m.order), 1), m.opts.NoSync)
	if err != nil {
		return err
	}
	for i, name := range m.order {
		err := ctx.Err()
		if err == nil {
			err = tx.linkData(ctx, i, name)
		}
		if err != nil {
			return errors.Join(err, tx.abort())
		}
	}
	for _, e := range m.entries {
		e.shard += tx.layout.first
	}
	m.header.NumShards = tx.layout.total
	return tx.commit(func(f vfs.File) error { return writeIndexTable(f, m.header, m.entries) })
}

// linkData makes an existing file a data file of the checkpoint: by a second name, or
// by a copy if the file system refuses that.
func (tx *transaction) linkData(ctx context.Context, shard int, name string) error {
	final := filenames.Data(tx.prefix, tx.layout.first+shard, tx.layout.total)
	temp := filenames.Temp(final)
	if err := tx.fs.Link(name, temp); err == nil {
		// The file is opened again to be synced, because TensorFlow may have written it
		// without that.
		f, err := tx.fs.Open(temp)
		_, err = tx.add(f, final, false, err)
		return err
	}
	src, err := tx.fs.Open(name)
	if err != nil {
		return vfs.Error("merge", name, err)
	}
	defer src.Close()
	dst, err := tx.createData(shard)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, vfs.ReaderUntil(ctx, src)); err != nil {
		return vfs.Error("merge", final, err)
	}
	return nil
}

func (m *merger) removeSources() error {
	if m.opts.KeepSources {
		return nil
	}
	var errs []error
	for _, p := range m.sources {
		// The result has replaced a source of the same name.
		if filepath.Clean(p) == filepath.Clean(m.dst) {
			continue
		}
		removal := recovery.Removal{FS: m.fs, Prefix: p, Version: int(V2), NoSync: m.opts.NoSync}
		errs = append(errs, vfs.Error("remove", p, removal.Run()))
	}
	if m.opts.DeleteOldDirs {
		for _, p := range m.sources {
			// As in TensorFlow, this is not an error: the folder may have other files.
			if dir := filepath.Dir(p); dir != filepath.Dir(m.dst) {
				_ = m.fs.Remove(dir)
			}
		}
	}
	return errors.Join(errs...)
}

package modeldir

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/fingerprint"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// ManifestName is the name of the manifest: a file that lists all other files with their
// sizes and checksums. TensorFlow ignores it.
const ManifestName = "tfkeep_manifest.json"

// maxManifest is the largest manifest that is read, in bytes.
const maxManifest = 16 << 20

// manifest is the content of the file.
type manifest struct {
	Files []manifestFile `json:"files"`
}

type manifestFile struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// WriteManifest writes the manifest of the files in dir.
func WriteManifest(ctx context.Context, dir string) error {
	m, err := listFiles(ctx, vfs.IOFS(vfs.OS, dir), nil)
	if err != nil {
		return err
	}
	return m.write(dir)
}

// UpdateManifest reads the manifest of a model whose graph will be replaced. The function that
// it returns writes the manifest with the new graph file and fingerprint. All else stays as
// it is: a file that differs from the manifest still does. The function does nothing if the
// model has no manifest. The error is a tfkeep.ErrCorrupt if the manifest is damaged.
func UpdateManifest(dir string) (func(context.Context) error, error) {
	fsys := vfs.IOFS(vfs.OS, dir)
	data, err := vfs.ReadIn(fsys, ManifestName, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return func(context.Context) error { return nil }, nil
	}
	m := &manifest{}
	if err == nil && json.Unmarshal(data, m) != nil {
		err = &tfkeep.Error{Op: "read manifest", Path: filepath.Join(dir, ManifestName), Err: tfkeep.ErrCorrupt, Detail: "it is damaged; remove it"}
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		replaced := []string{FilenamePB, FilenamePBText, fingerprint.Name}
		m.Files = slices.DeleteFunc(m.Files, func(f manifestFile) bool { return slices.Contains(replaced, f.Path) })
		for _, name := range replaced {
			sum, err := checksum(ctx, fsys, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			m.Files = append(m.Files, *sum)
		}
		return m.write(dir)
	}, nil
}

// checksum reads a file of a model.
func checksum(ctx context.Context, fsys fs.FS, name string) (*manifestFile, error) {
	f, err := vfs.OpenIn(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, vfs.ReaderUntil(ctx, f))
	return &manifestFile{Path: name, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

func (m *manifest) write(dir string) error {
	slices.SortFunc(m.Files, func(a, b manifestFile) int { return cmp.Compare(a.Path, b.Path) })
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return vfs.WriteFileAtomic(vfs.OS, filepath.Join(dir, ManifestName), append(data, '\n'), true)
}

// maxHoles is how many bytes of holes are read to compare a model with its manifest: about 20
// seconds of work. A hole makes a file of any size for nothing; zeros that a file system has
// made holes of are fewer.
const maxHoles = 16 << 30

// listFiles lists the files of a model. The checksum of a file is computed unless want, if
// not nil, has no file of that name and size, which differs from the manifest anyway, or the
// files have too many holes.
func listFiles(ctx context.Context, fsys fs.FS, want map[string]int64) (*manifest, error) {
	m := &manifest{Files: []manifestFile{}}
	var holes int64 // bytes
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || d.IsDir() || path == ManifestName {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is not a regular file", path)
		}
		f, err := vfs.OpenIn(fsys, path)
		if err != nil {
			return err
		}
		defer f.Close()
		if want != nil {
			info, err := f.Stat()
			if err != nil {
				return err
			}
			holes += info.Size() - vfs.Stored(f, info)
			if size, ok := want[path]; !ok || size != info.Size() || holes > maxHoles {
				m.Files = append(m.Files, manifestFile{Path: path, Bytes: info.Size()})
				return nil
			}
		}
		h := sha256.New()
		n, err := io.Copy(h, vfs.ReaderUntil(ctx, f))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		m.Files = append(m.Files, manifestFile{Path: path, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))})
		return nil
	})
	slices.SortFunc(m.Files, func(a, b manifestFile) int { return cmp.Compare(a.Path, b.Path) })
	return m, err
}

// CheckManifest compares a model with its manifest and describes every difference. found
// is false if the model has no manifest.
func CheckManifest(ctx context.Context, fsys fs.FS) (faults []string, found bool, err error) {
	data, err := vfs.ReadIn(fsys, ManifestName, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	var want manifest
	if errors.Is(err, tfkeep.ErrTooLarge) || errors.Is(err, tfkeep.ErrCorrupt) || err == nil && json.Unmarshal(data, &want) != nil {
		return []string{ManifestName + " is damaged"}, true, nil
	}
	if err != nil {
		return nil, true, err
	}
	sizes := map[string]int64{}
	for _, w := range want.Files {
		sizes[w.Path] = w.Bytes
	}
	have, err := listFiles(ctx, fsys, sizes)
	if err != nil {
		return nil, true, err
	}
	found = true
	at := map[string]manifestFile{}
	for _, h := range have.Files {
		at[h.Path] = h
	}
	for _, w := range want.Files {
		h, ok := at[w.Path]
		delete(at, w.Path)
		switch {
		case !ok:
			faults = append(faults, w.Path+" is missing")
		case h.Bytes != w.Bytes:
			faults = append(faults, fmt.Sprintf("%s has %d bytes instead of %d", w.Path, h.Bytes, w.Bytes))
		case h.SHA256 == "":
			faults = append(faults, w.Path+" consists of holes; if you trust it, copy it with cp --sparse=never")
		case h.SHA256 != w.SHA256:
			faults = append(faults, "the content of "+w.Path+" has changed")
		}
	}
	for _, h := range have.Files {
		if _, extra := at[h.Path]; extra {
			faults = append(faults, h.Path+" is not in the manifest")
		}
	}
	return faults, found, nil
}

package modeldir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sort"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// ManifestName is the file that lists all others with their sizes and
// checksums. TensorFlow passes it over.
const ManifestName = "tfkeep_manifest.json"

// maxManifest bounds what is read of a manifest.
const maxManifest = 16 << 20

// ErrManifest is the kind of error for a folder that is not as its manifest says.
var ErrManifest = errors.New("the model is not as its manifest says")

// manifest is the content of the file.
type manifest struct {
	Files []manifestFile `json:"files"`
}

type manifestFile struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// WriteManifest lists the files of dir.
func WriteManifest(ctx context.Context, dir string) error {
	m, err := list(ctx, vfs.IOFS(vfs.OS, dir))
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return vfs.WriteFileAtomic(vfs.OS, filepath.Join(dir, ManifestName), append(data, '\n'), true)
}

func list(ctx context.Context, fsys fs.FS) (*manifest, error) {
	m := &manifest{Files: []manifestFile{}}
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || d.IsDir() || path == ManifestName {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is no regular file", path)
		}
		f, err := fsys.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		n, err := io.Copy(h, f)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		m.Files = append(m.Files, manifestFile{Path: path, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))})
		return nil
	})
	sort.Slice(m.Files, func(i, j int) bool { return m.Files[i].Path < m.Files[j].Path })
	return m, err
}

// CheckManifest compares a model with its manifest and returns all faults,
// each with what is wrong with which file. A model without one has none:
// found is false.
func CheckManifest(ctx context.Context, fsys fs.FS) (faults []string, found bool, err error) {
	f, err := fsys.Open(ManifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, true, err
	}
	var want manifest
	if len(data) > maxManifest || json.Unmarshal(data, &want) != nil {
		return []string{ManifestName + " is damaged"}, true, nil
	}
	have, err := list(ctx, fsys)
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
			faults = append(faults, fmt.Sprintf("%s has %d bytes and not %d", w.Path, h.Bytes, w.Bytes))
		case h.SHA256 != w.SHA256:
			faults = append(faults, w.Path+" has another content")
		}
	}
	for _, h := range have.Files {
		if _, extra := at[h.Path]; extra {
			faults = append(faults, h.Path+" is not in the manifest")
		}
	}
	return faults, found, nil
}

package npy

import (
	"archive/zip"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep/dtype"
)

// commentPrefix begins the comment of a member whose type NumPy lacks.
const commentPrefix = "tensorflow dtype: "

// ArchiveWriter writes an .npz archive to a stream, uncompressed, as
// numpy.savez does.
type ArchiveWriter struct {
	zip  *zip.Writer
	seen map[string]bool
}

// NewArchiveWriter begins an archive.
func NewArchiveWriter(w io.Writer) *ArchiveWriter {
	return &ArchiveWriter{zip: zip.NewWriter(w), seen: map[string]bool{}}
}

// Add writes one array under a name; see [Write].
func (a *ArchiveWriter) Add(name string, dt dtype.DataType, shape []int64, data io.Reader) error {
	w, err := a.member(name, dt)
	if err != nil {
		return err
	}
	return Write(w, dt, shape, data)
}

// AddStrings writes an array of strings under a name; see [WriteStrings].
func (a *ArchiveWriter) AddStrings(name string, shape []int64, values [][]byte) error {
	w, err := a.member(name, dtype.String)
	if err != nil {
		return err
	}
	return WriteStrings(w, shape, values)
}

// CheckName tells whether an archive can have an array of this name: one that is
// not UTF-8, or has more than 65,531 bytes, is [ErrUnsupported].
func CheckName(name string) error {
	if !utf8.ValidString(name) || len(name) > math.MaxUint16-len(".npy") {
		return unsupported("%.100q as an array's name", name)
	}
	return nil
}

func (a *ArchiveWriter) member(name string, dt dtype.DataType) (io.Writer, error) {
	stored, err := StoredType(dt)
	if err != nil {
		return nil, err
	}
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if a.seen[name] {
		return nil, fmt.Errorf("npy: array %q given twice", name)
	}
	a.seen[name] = true
	h := &zip.FileHeader{Name: name + ".npy", Method: zip.Store}
	if stored != dt {
		h.Comment = commentPrefix + dtype.Name(dt)
	}
	w, err := a.zip.CreateHeader(h)
	if err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	return w, nil
}

// Close finishes the archive. It does not close the stream.
func (a *ArchiveWriter) Close() error {
	if err := a.zip.Close(); err != nil {
		return fmt.Errorf("npy: %w", err)
	}
	return nil
}

// Archive reads an .npz archive. Its methods may be called from many
// goroutines.
type Archive struct {
	names   []string
	members map[string]*zip.File
	size    int64
	closer  io.Closer
}

// OpenArchive opens the archive at path. Close it when done.
func OpenArchive(path string) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = fmt.Errorf("npy: %s is a directory, not a file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	a, err := NewArchive(f, st.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w (%s)", err, path)
	}
	a.closer = f
	return a, nil
}

// NewArchive opens the archive of size bytes in r.
func NewArchive(r io.ReaderAt, size int64) (*Archive, error) {
	z, err := zip.NewReader(r, size)
	// A name such as "../w" is no danger here: nothing is unpacked.
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, corrupt("not a zip archive: %v", err)
	}
	a := &Archive{members: map[string]*zip.File{}, size: size}
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		if name == f.Name {
			return nil, corrupt("member %q is no array", f.Name)
		}
		if a.members[name] != nil {
			return nil, corrupt("array %q comes twice", name)
		}
		a.members[name] = f
		a.names = append(a.names, name)
	}
	sort.Strings(a.names)
	return a, nil
}

// Names lists the arrays by name. The caller must not change it.
func (a *Archive) Names() []string { return a.names }

// Stat reads an array's header: the type that [Archive.Read] will give it, and
// its shape.
func (a *Archive) Stat(name string) (dtype.DataType, []int64, error) {
	var h *header
	f, err := a.open(name, func(r io.Reader) (err error) {
		h, err = readHeader(r)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	if typeName, ok := strings.CutPrefix(f.Comment, commentPrefix); ok {
		dt, err := originalType(h.dtype, typeName)
		if err != nil {
			return 0, nil, fmt.Errorf("array %q: %w", name, err)
		}
		h.dtype = dt
	}
	return h.dtype, h.shape, nil
}

// open finds a member and lets read have its contents.
func (a *Archive) open(name string, read func(io.Reader) error) (*zip.File, error) {
	f := a.members[name]
	if f == nil {
		return nil, fmt.Errorf("npy: no array %q in the archive: %w", name, ErrNotFound)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", name, readError(err))
	}
	defer r.Close()
	if err := read(r); err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	return f, nil
}

// Read reads one array, in the type that it had before an [ArchiveWriter]
// widened it for NumPy.
func (a *Archive) Read(name string) (*Array, error) {
	var array *Array
	f, err := a.open(name, func(r io.Reader) (err error) {
		var known int64
		if f := a.members[name]; f.Method == zip.Store && f.CompressedSize64 <= uint64(a.size) {
			known = int64(f.CompressedSize64)
		}
		array, err = readArray(r, known)
		return err
	})
	if err != nil {
		return nil, err
	}
	if typeName, ok := strings.CutPrefix(f.Comment, commentPrefix); ok {
		if err := array.restoreType(typeName); err != nil {
			return nil, fmt.Errorf("array %q: %w", name, err)
		}
	}
	return array, nil
}

// originalType checks a comment's word on the type that stored was before.
func originalType(stored dtype.DataType, name string) (dtype.DataType, error) {
	dt, ok := dtype.Parse(name)
	if !ok {
		return 0, corrupt("unknown type %q in the comment", name)
	}
	if as, err := StoredType(dt); err != nil || as != stored {
		return 0, corrupt("a %s cannot have been a %s", dtype.Name(stored), name)
	}
	return dt, nil
}

// restoreType undoes what [StoredType] did for a type that NumPy lacks.
func (a *Array) restoreType(name string) error {
	dt, err := originalType(a.DType, name)
	if err != nil {
		return err
	}
	if smallFloat(dt) && dt != a.DType {
		values := make([]float32, len(a.Data)/4)
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(a.Data[4*i:]))
		}
		data := make([]byte, len(values)*dtype.Size(dt))
		if i := dtype.PutFloat32s(dt, data, values); i >= 0 {
			return corrupt("element %d, %v, cannot have been a %s", i, values[i], name)
		}
		a.Data = data
	}
	a.DType = dt
	return nil
}

// Close closes the file that [OpenArchive] opened.
func (a *Archive) Close() error {
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}

// readError tells damage, which the zip reader finds as it goes, from errors
// of the file system.
func readError(err error) error {
	var deflate flate.CorruptInputError
	if errors.As(err, &deflate) || errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt("%v", err)
	}
	if errors.Is(err, zip.ErrAlgorithm) {
		return unsupported("%v", err)
	}
	return fmt.Errorf("npy: %w", err)
}

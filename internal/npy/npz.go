package npy

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// commentPrefix is the start of the comment of a member whose type NumPy lacks.
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

// Check returns a tfkeep.ErrUnsupported with the reason if an archive cannot hold an
// array: because [StoredType] refuses its type, or because its name is not UTF-8 or has
// more than 65,531 bytes.
func Check(name string, dt dtype.DataType) error {
	if !utf8.ValidString(name) || len(name) > math.MaxUint16-len(".npy") {
		return unsupported("write", "%.100q cannot be an array's name in a .npz file", name)
	}
	_, err := StoredType(dt)
	return err
}

func (a *ArchiveWriter) member(name string, dt dtype.DataType) (io.Writer, error) {
	if err := Check(name, dt); err != nil {
		return nil, err
	}
	if a.seen[name] {
		return nil, &tfkeep.Error{Op: "write", Item: "array", Name: name, Err: tfkeep.ErrArgument, Detail: "it is given twice"}
	}
	a.seen[name] = true
	h := &zip.FileHeader{Name: name + ".npy", Method: zip.Store}
	if stored, _ := StoredType(dt); stored != dt {
		h.Comment = commentPrefix + dtype.Name(dt)
	}
	w, err := a.zip.CreateHeader(h)
	if err != nil {
		return nil, writeError(err)
	}
	return w, nil
}

// Close finishes the archive. It does not close the stream.
func (a *ArchiveWriter) Close() error {
	if err := a.zip.Close(); err != nil {
		return writeError(err)
	}
	return nil
}

// Archive reads an .npz archive. Its methods may be called from many goroutines at
// once.
type Archive struct {
	path    string
	names   []string
	members map[string]*zip.File
	size    int64
	closer  io.Closer
}

// OpenArchive opens the archive at path. The caller closes it.
func OpenArchive(path string) (*Archive, error) {
	f, err := vfs.OS.Open(path)
	if err != nil {
		return nil, vfs.Error("open", path, err)
	}
	st, err := f.Stat()
	err = vfs.Error("open", path, err)
	var a *Archive
	if err == nil {
		a, err = NewArchive(f, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, in(path, "", err)
	}
	a.path, a.closer = path, f
	return a, nil
}

// NewArchive opens the archive of size bytes in r.
func NewArchive(r io.ReaderAt, size int64) (*Archive, error) {
	z, err := zip.NewReader(r, size)
	// A name such as "../w" is harmless: nothing is unpacked.
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, corrupt("not a zip archive: %v", err)
	}
	a := &Archive{members: map[string]*zip.File{}, size: size}
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		if name == f.Name {
			return nil, corrupt("the member %q is not an array", f.Name)
		}
		if a.members[name] != nil {
			return nil, corrupt("the array %q occurs twice", name)
		}
		a.members[name] = f
		a.names = append(a.names, name)
	}
	slices.Sort(a.names)
	return a, nil
}

// Names returns the names of the arrays, sorted. The caller must not change the slice.
func (a *Archive) Names() []string { return a.names }

// Stat reads an array's header and returns the type and shape that [Archive.Read]
// returns.
func (a *Archive) Stat(name string) (dtype.DataType, []int64, error) {
	e, f, err := a.open(name)
	if err != nil {
		return 0, nil, err
	}
	return e.as, e.h.shape, f.Close()
}

// Open streams an array's elements, row-major and little-endian, in the type that
// [Archive.Stat] returns. An array of strings is tfkeep.ErrMismatch. The whole array is
// held in memory if it is stored in Fortran order.
func (a *Archive) Open(name string) (io.ReadCloser, error) {
	e, f, err := a.open(name)
	if err != nil {
		return nil, err
	}
	if e.h.dtype == dtype.String {
		f.Close()
		return nil, in(a.path, name, &tfkeep.Error{Op: "read", Err: tfkeep.ErrMismatch, Detail: "it holds strings"})
	}
	if e.h.fortran && len(e.h.shape) > 1 {
		f.Close()
		array, err := a.Read(name)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(array.Data)), nil
	}
	return &arrayStream{elements: e, Closer: f, path: a.path, name: name}, nil
}

// arrayStream adds the array's name to errors.
type arrayStream struct {
	*elements
	io.Closer
	path, name string
}

func (s *arrayStream) Read(p []byte) (int, error) {
	n, err := s.elements.Read(p)
	return n, in(s.path, s.name, err)
}

// Read reads one array, in the type that it had before an [ArchiveWriter] widened it
// for NumPy.
func (a *Archive) Read(name string) (*Array, error) {
	e, f, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var known int64
	if f := a.members[name]; f.Method == zip.Store && f.CompressedSize64 <= uint64(a.size) {
		known = int64(f.CompressedSize64)
	}
	array, err := readArray(e, known)
	return array, in(a.path, name, err)
}

// open opens a member and reads its header.
func (a *Archive) open(name string) (*elements, io.Closer, error) {
	f := a.members[name]
	if f == nil {
		return nil, nil, in(a.path, name, &tfkeep.Error{Op: "read", Err: tfkeep.ErrNotFound})
	}
	r, err := f.Open()
	if err != nil {
		return nil, nil, in(a.path, name, readError(err))
	}
	h, err := readHeader(r)
	as := dtype.DataType(0)
	if err == nil {
		as = h.dtype
		if typeName, ok := strings.CutPrefix(f.Comment, commentPrefix); ok {
			as, err = originalType(h.dtype, typeName)
		}
	}
	if err != nil {
		r.Close()
		return nil, nil, in(a.path, name, err)
	}
	return newElements(r, h, as), r, nil
}

// originalType parses the comment that names the type before [StoredType], and checks
// that it is stored as the given type.
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

// Close closes the file that [OpenArchive] opened.
func (a *Archive) Close() error {
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}

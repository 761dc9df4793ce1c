package filekind

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// HeadSize is the number of bytes from a file's start that [Of] looks at, at most.
const HeadSize = 4096

// Of describes the file with this name and these first bytes, with what to do: "an HDF5
// file, as Keras writes: …". It returns "" for a file that it does not recognize, or that
// may be a checkpoint or a graph.
func Of(name string, head []byte) string {
	has := func(prefix string) bool { return bytes.HasPrefix(head, []byte(prefix)) }
	base := filepath.Base(name)
	switch {
	case has("version https://git-lfs.github.com/spec/"):
		return `a Git LFS pointer, not the file itself: run "git lfs pull"`
	case has("\x89HDF\r\n\x1a\n"):
		return "an HDF5 file, as Keras writes: load it with Keras and save a checkpoint (model.save_weights) or a SavedModel (model.export)"
	case has("PK\x03\x04") && bytes.Contains(head, []byte("metadata.json")), has("PK\x03\x04") && strings.HasSuffix(base, ".keras"):
		return "a .keras archive: load it with Keras and save a checkpoint (model.save_weights) or a SavedModel (model.export)"
	case has("PK\x03\x04") && (strings.HasSuffix(base, ".npz") || bytes.Contains(head, []byte(".npy"))):
		return `an .npz archive of NumPy: "tfkeep convert" reads it if its name ends in .npz`
	case has("PK\x03\x04"):
		return "a zip archive: unpack it first"
	case has("\x1f\x8b"):
		return "gzip: unpack it first"
	case len(head) >= 263 && string(head[257:262]) == "ustar":
		return "a tar archive: unpack it first"
	case len(head) >= 8 && string(head[4:8]) == "TFL3":
		return "a TensorFlow Lite model, which is another format: name the SavedModel or graph that it was made from"
	case isEvents(head):
		return "an event file of TensorBoard: name the checkpoint or the graph itself"
	case isCpb(base, head):
		return CpbReason
	case isStateFile(head):
		return "a checkpoint's state file: name the folder, or the checkpoint that the file names"
	case isOpList(head):
		return "an OpList, the definitions of ops, which is no graph"
	}
	return ""
}

// CpbReason says what a saved_model.cpb is. Neither libtensorflow nor Python's loaders read
// it; they look for saved_model.pb and saved_model.pbtxt only.
const CpbReason = "a SavedModel in the experimental image format (.cpb), which TensorFlow's own loaders do not read: " +
	"save the model again without SaveOptions(experimental_image_format=True)"

// isEvents reports whether head starts with a record as event files have it: the length of
// the record, the checksum of the length, and an Event, which starts with its time.
func isEvents(head []byte) bool {
	return len(head) > 12 && head[12] == 0x09 &&
		crc32c.Mask(crc32c.Checksum(head[:8])) == binary.LittleEndian.Uint32(head[8:])
}

// isCpb recognizes the records of Riegeli, in which a .cpb is written, also if the name is
// another.
func isCpb(base string, head []byte) bool {
	const riegeli = "\x83\xaf\x70\xd1\x0d\x88\x4a\x3f"
	return strings.HasSuffix(base, ".cpb") || len(head) >= 64 && bytes.Contains(head[:64], []byte(riegeli))
}

// isStateFile reports whether the first field in text is one of a state file.
func isStateFile(head []byte) bool {
	for line := range bytes.Lines(head) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		for _, field := range []string{"model_checkpoint_path", "all_model_checkpoint_paths", "all_model_checkpoint_timestamps", "last_preserved_timestamp"} {
			if rest, ok := bytes.CutPrefix(line, []byte(field)); ok {
				return bytes.HasPrefix(bytes.TrimSpace(rest), []byte(":"))
			}
		}
		return false
	}
	return false
}

// isOpList reports whether head starts like a serialized OpList: ops, each with a name and
// then with what nodes do not have. A graph's node has an op, which is a string, where an
// op definition has the message of an argument.
func isOpList(head []byte) bool {
	seen := 0
	for b := head; len(b) > 2; seen++ {
		if b[0] != 0x0a {
			return false
		}
		size, n := binary.Uvarint(b[1:])
		if n == 0 && seen > 0 {
			break // the head ends in the size
		}
		if n <= 0 || size == 0 {
			return false
		}
		def := b[1+n:]
		whole := uint64(len(def)) >= size
		if whole {
			def = def[:size]
		}
		if _, _, named := text(def, 0x0a); !whole && !named && seen > 0 {
			break // the head ends in the name
		}
		if !startsLikeOp(def) {
			return false
		}
		if !whole {
			break
		}
		b = b[1+n+int(size):]
	}
	return seen > 0 || len(head) == HeadSize && startsLikeOp(head)
}

// startsLikeOp reports whether a message starts with an op's name, and then an argument or
// an attribute, which start with their own names, or other fields of an OpDef.
func startsLikeOp(def []byte) bool {
	name, rest, ok := text(def, 0x0a)
	if !ok || name == "" || name[0] < 'A' || name[0] > 'Z' && name[0] != '_' {
		return false
	}
	for len(rest) > 0 {
		switch rest[0] {
		case 0x12, 0x1a, 0x22: // input_arg, output_arg, attr
			size, n := binary.Uvarint(rest[1:])
			if n <= 0 || size == 0 || len(rest) <= 1+n {
				return n <= 0 || size != 0
			}
			inner := rest[1+n:]
			if inner[0] != 0x0a { // its name
				return false
			}
			if uint64(len(inner)) < size {
				return true
			}
			rest = inner[size:]
		case 0x2a, 0x32, 0x42: // summary, description, deprecation
			return true
		default: // is_stateful and others, whose numbers nodes do not have
			return rest[0] >= 0x80
		}
	}
	return true
}

// text takes a field of text with a one-byte tag off b.
func text(b []byte, tag byte) (value string, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != tag {
		return "", nil, false
	}
	size, n := binary.Uvarint(b[1:])
	if n <= 0 || uint64(len(b)-1-n) < size {
		return "", nil, false
	}
	b = b[1+n:]
	return string(b[:size]), b[size:], true
}

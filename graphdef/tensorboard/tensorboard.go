package tensorboard

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// The fields of tensorflow.Event that are written here.
const (
	eventWallTime    = 1 // double, seconds
	eventFileVersion = 3 // string
	eventGraphDef    = 4 // bytes
)

const fileVersion = "brain.Event:2"

// files counts the files of this process, so that two files of one second have different
// names.
var files atomic.Int64

// WriteGraph writes a graph into a new event file in dir, which it makes if necessary,
// and returns the file's path. The name is one that TensorBoard looks for:
// events.out.tfevents.<seconds>.<host>.<process>.<number>.
func WriteGraph(dir string, g *graphdef.GraphDef) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	now := time.Now()
	path := filepath.Join(dir, fmt.Sprintf("events.out.tfevents.%010d.%s.%d.%d", now.Unix(), host, os.Getpid(), files.Add(1)-1))
	data, err := events(g, now)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", &tfkeep.Error{Op: "write event file", Path: path, Cause: err}
	}
	if err := vfs.WriteFileAtomic(vfs.OS, path, data, true); err != nil {
		return "", &tfkeep.Error{Op: "write event file", Path: path, Cause: err}
	}
	return path, nil
}

// events returns the content of an event file with a graph.
func events(g *graphdef.GraphDef, at time.Time) ([]byte, error) {
	def, err := graphdef.MarshalBinary(g)
	if err != nil {
		return nil, err
	}
	data := appendRecord(nil, event(at, eventFileVersion, []byte(fileVersion)))
	return appendRecord(data, event(at, eventGraphDef, def)), nil
}

func event(at time.Time, field protowire.Number, value []byte) []byte {
	b := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(float64(at.UnixNano())/1e9))
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, value)
}

// appendRecord appends a record in the TFRecord format: its length, the length's
// checksum, the record, its checksum.
func appendRecord(b, record []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(record)))
	b = append(b, length...)
	b = binary.LittleEndian.AppendUint32(b, crc32c.Mask(crc32c.Checksum(length)))
	b = append(b, record...)
	return binary.LittleEndian.AppendUint32(b, crc32c.Mask(crc32c.Checksum(record)))
}

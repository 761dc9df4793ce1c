package filekind_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/filekind"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// TestFilesOfTensorFlow writes files with TensorFlow and Keras, and says what they are.
func TestFilesOfTensorFlow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	oracle.RunEager(t, `
import glob, shutil, zipfile, gzip, tarfile
d = args[0]
model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
model.save(d + "/a.keras")
model.save(d + "/a.h5")
shutil.copy(d + "/a.keras", d + "/renamed_keras")
shutil.copy(d + "/a.h5", d + "/renamed_h5")
open(d + "/a.tflite", "wb").write(tf.lite.TFLiteConverter.from_keras_model(model).convert())
w = tf.summary.create_file_writer(d + "/events")
with w.as_default():
    tf.summary.scalar("a", 1.0, step=1)
w.close()
shutil.copy(glob.glob(d + "/events/*")[0], d + "/event")
np.savez(d + "/a.npz", x=np.zeros(2))
with gzip.open(d + "/a.gz", "w") as f: f.write(b"x")
with tarfile.open(d + "/a.tar", "w") as f: f.add(d + "/a.gz")
with zipfile.ZipFile(d + "/a.zip", "w") as f: f.writestr("x", "y")
from tensorflow.core.framework import op_def_pb2, graph_pb2
from tensorflow.python.framework import op_def_registry
from tensorflow.python.client import pywrap_tf_session
ops = op_def_pb2.OpList()
ops.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
open(d + "/oplist", "wb").write(ops.SerializeToString())
for name in ("NoOp", "Add", "Placeholder", "Const"):
    one = op_def_pb2.OpList(op=[o for o in ops.op if o.name == name])
    open(d + "/op_" + name, "wb").write(one.SerializeToString())
tf.train.Checkpoint(v=tf.Variable(1.0)).write(d + "/ckpt")
tf1.train.update_checkpoint_state(d, "ckpt")
g = graph_pb2.GraphDef()
for o in ops.op:
    g.node.add(name=o.name, op=o.name)
open(d + "/graph", "wb").write(g.SerializeToString())
result = None
`, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lfs"), []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"), 0o666))
	for _, c := range []struct{ file, says string }{
		{"a.keras", ".keras archive"}, {"renamed_keras", ".keras archive"}, {"a.h5", "HDF5"}, {"renamed_h5", "HDF5"},
		{"a.tflite", "TensorFlow Lite"}, {"event", "event file"}, {"a.npz", "NumPy"}, {"a.gz", "gzip"}, {"a.tar", "tar archive"},
		{"a.zip", "zip archive"}, {"oplist", "OpList"}, {"op_Add", "OpList"}, {"op_NoOp", "OpList"}, {"op_Placeholder", "OpList"},
		{"op_Const", "OpList"}, {"checkpoint", "state file"}, {"lfs", "git lfs pull"}, {"graph", ""}, {"ckpt.index", ""},
	} {
		head, err := os.ReadFile(filepath.Join(dir, c.file))
		require.NoError(t, err)
		says := filekind.Of(c.file, head[:min(len(head), filekind.HeadSize)])
		if c.says == "" {
			assert.Empty(t, says, c.file)
		} else {
			assert.Contains(t, says, c.says, c.file)
		}
	}
	// TensorFlow lists its ops in another order in each process, so that the head may end
	// anywhere in an op.
	list, err := os.ReadFile(filepath.Join(dir, "oplist"))
	require.NoError(t, err)
	size, n := binary.Uvarint(list[1:])
	for end := 1 + n + int(size); end <= max(1+n+int(size), filekind.HeadSize); end++ {
		require.Contains(t, filekind.Of("oplist", list[:end]), "OpList", "the first %d bytes", end)
	}
	assert.Contains(t, filekind.Of("x/saved_model.cpb", nil), "experimental_image_format")
}

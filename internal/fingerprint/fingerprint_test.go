package fingerprint_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/tfkeep/tfkeep/internal/fingerprint"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/tfproto"
)

// field appends a field of bytes.
func field(to []byte, num protowire.Number, value ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, num, protowire.BytesType), bytes.Join(value, nil))
}

// models returns SavedModels that no program writes in this way, and may nevertheless.
func models() map[string][]byte {
	graph := func(nodes ...[]byte) []byte { return field(nil, 2, field(nil, 2, bytes.Join(nodes, nil))) }
	node := func(op string, attrs ...[]byte) []byte {
		n := field(field(nil, 2, []byte(op)), 1, []byte("n"))
		return field(nil, 1, n, bytes.Join(attrs, nil))
	}
	attr := func(name string, value []byte) []byte {
		return field(nil, 5, field(nil, 1, []byte(name)), field(nil, 2, value))
	}
	function := func(name string) []byte { return field(nil, 10, field(nil, 1, []byte(name))) }
	text := []byte{0x30, 7}
	argument := func(keys ...uint64) (all []byte) {
		for _, k := range keys {
			all = field(all, 7, protowire.AppendVarint([]byte{8}, k), field(nil, 2))
		}
		return field(nil, 2, field(nil, 2, field(nil, 2, field(nil, 1, all))))
	}
	config, name := field(nil, 2, []byte("config")), field(nil, 10, field(nil, 1, []byte("__inference_f_12")))
	objects := func(nodes ...[]byte) []byte { return field(nil, 2, field(nil, 7, bytes.Join(nodes, nil))) }
	concrete := func(name string, value ...byte) []byte {
		return field(nil, 2, field(nil, 1, []byte(name)), field(nil, 2, value))
	}
	return map[string][]byte{
		"no graph definition":      field(nil, 2),
		"fields in another order":  append(graph(node("NoOp")), 8, 1),
		"a number that is zero":    append([]byte{8, 0}, graph(node("NoOp"))...),
		"a longer varint":          append([]byte{8, 0x81, 0x80, 0}, graph(node("NoOp"))...),
		"unknown fields":           append(field([]byte{0xf8, 7, 1}, 100, []byte("x")), graph(node("NoOp"), []byte{0xf8, 7, 9})...),
		"keys of numbers":          argument(300, 10, 2, 1, 0, 1<<32+5),
		"a key twice":              graph(node("X", attr("a", text), attr("b", text), attr("a", field(nil, 2, []byte("s"))))),
		"a value twice":            graph(node("X", attr("a", append(text, field(nil, 2, []byte("s"))...)))),
		"a tensor twice":           graph(node("X", attr("a", append(field(nil, 8, []byte{8, 1}), field(nil, 8, []byte{8, 3, 0x3a, 1, 2})...)))),
		"numbers one by one":       graph(node("X", attr("a", field(nil, 8, []byte{0x3a, 2, 1, 2, 0x38, 3, 0x38, 0x81, 0})))),
		"negative numbers":         graph(node("X", attr("a", field(nil, 8, []byte{0x38, 0xff, 0xff, 0xff, 0xff, 0x0f})))),
		"an entry without a value": graph(node("X", field(nil, 5, field(nil, 1, []byte("a"))), field(nil, 5))),
		"calls":                    graph(node("PartitionedCall", attr("f", name), attr("config_proto", config)), node("StatefulPartitionedCall", attr("f", function("g")))),
		"numbers of functions":     graph(node("PartitionedCall", attr("f", function("f_007"))), node("PartitionedCall", attr("f", function("f_ +5"))), node("PartitionedCall", attr("f", function("12"))), node("PartitionedCall", attr("f", function("f_-3")))),
		"strings":                  graph(node("Const", attr("dtype", text), attr("value", field(nil, 8, []byte{8, 7}))), node("Const", attr("dtype", []byte{0x30, 1}), attr("value", field(nil, 8, []byte{8, 1})))),
		"two graphs":               append(graph(node("A")), graph(node("B"))...),
		"functions of objects":     objects(concrete("f_10", 0x12, 0), concrete("g_9"), concrete("h_-1"), concrete("i_010x_3")),
		"signatures":               field(nil, 2, field(nil, 5, field(nil, 1, []byte("z"))), field(nil, 5, field(nil, 1, []byte("a")), field(nil, 2, field(nil, 3, []byte("m"))))),
	}
}

// refused are models without a fingerprint.
func refused() map[string][]byte {
	n := func(name string) []byte { return field(nil, 2, field(nil, 1, []byte(name))) }
	return map[string][]byte{
		"a function without a number": field(nil, 2, field(nil, 7, n("f"))),
		"cut off":                     []byte{0x12, 5, 1},
		"text that is none":           field(nil, 2, field(nil, 2, field(nil, 1, field(nil, 1, []byte{0xff})))),
	}
}

// shuffled returns a message with its fields, and those of the messages in it, in another order.
func shuffled(md protoreflect.MessageDescriptor, data []byte, r *rand.Rand) []byte {
	var fields [][]byte
	for len(data) > 0 {
		num, kind, n := protowire.ConsumeTag(data)
		size := protowire.ConsumeFieldValue(num, kind, data[n:])
		f := data[:n+size]
		if fd := md.Fields().ByNumber(num); fd != nil && fd.Message() != nil {
			value, _ := protowire.ConsumeBytes(data[n:])
			f = field(nil, num, shuffled(fd.Message(), value, r))
		}
		fields = append(fields, f)
		data = data[n+size:]
	}
	// Fields of one number keep their order.
	order := map[uint64][]int{}
	var tags []uint64
	for i, f := range fields {
		tag, _ := binary.Uvarint(f)
		order[tag] = append(order[tag], i)
		tags = append(tags, tag)
	}
	r.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
	var out []byte
	for _, tag := range tags {
		out = append(out, fields[order[tag][0]]...)
		order[tag] = order[tag][1:]
	}
	return out
}

// TestFingerprintIsTensorFlows compares with the fingerprints that TensorFlow makes.
func TestFingerprintIsTensorFlows(t *testing.T) {
	dir := t.TempDir()
	oracle.RunEager(t, `
		class M(tf.Module):
			def __init__(self):
				self.w = tf.Variable([[1.0], [2.0]])
				self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -1)
			@tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None], tf.string)])
			def train(self, x, s):
				tf.while_loop(lambda i: i < 3, lambda i: [i + tf.cast(self.w.assign_sub(0.1 * self.w)[0, 0] * 0, tf.int32)+ 1], [0])
				return {"y": tf.py_function(lambda v: v, [x @ self.w], tf.float32), "ids": self.table.lookup(s)}
			@tf.function
			def free(self, a, b=2, *, c=True): return a * b
		m = M(); m.free(tf.constant(1.0)); m.free(tf.constant([1]), 3, c=False)
		tf.saved_model.save(m, args[0] + "/module", signatures={"train": m.train, "z": m.train})
		i = tf.keras.Input([6]); d = tf.keras.layers.Dense(6, activation="relu"); x = d(d(i))
		x = tf.keras.layers.LSTM(3)(tf.keras.layers.Reshape([3, 2])(x))
		k = tf.keras.Model(i, [tf.keras.layers.BatchNormalization()(x), x])
		tf.saved_model.save(k, args[0] + "/keras")
		k.export(args[0] + "/exported", verbose=False)
		tf.saved_model.save(tf.Module(), args[0] + "/empty")
	`, dir)
	cases, index := map[string][]byte{}, map[string][]byte{}
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"module", "keras", "exported", "empty"} {
		data, err := os.ReadFile(filepath.Join(dir, name, "saved_model.pb"))
		require.NoError(t, err)
		cases[name], cases[name+" in another order"] = data, shuffled(tfproto.Message("tensorflow.SavedModel"), data, r)
		index[name], err = os.ReadFile(filepath.Join(dir, name, "variables", "variables.index"))
		require.NoError(t, err)
	}
	for name, data := range models() {
		cases[name] = data
	}
	faulty := refused()
	want := oracle.RunEager(t, `
		from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting
		result = {}
		os.makedirs(args[0] + "/variables")
		for name, data in list(args[1].items()) + list(args[3].items()):
			with open(args[0] + "/saved_model.pb", "wb") as f: f.write(data)
			path = args[0] + "/variables/variables.index"
			if name in args[2]:
				with open(path, "wb") as f: f.write(args[2][name])
			elif os.path.exists(path): os.remove(path)
			try: result[name] = fingerprinting.CreateFingerprintDef(args[0])
			except fingerprinting.FingerprintException: result[name] = b""
	`, filepath.Join(dir, "x"), cases, index, faulty)
	var made map[string][]byte
	want.Decode(t, &made)
	require.Len(t, made, len(cases)+len(faulty))
	md := tfproto.Message("tensorflow.FingerprintDef")
	parse := func(data []byte) *dynamicpb.Message {
		m := dynamicpb.NewMessage(md)
		require.NoError(t, proto.Unmarshal(data, m))
		assert.NotEmpty(t, m.Get(md.Fields().ByName("uuid")).String())
		m.Clear(md.Fields().ByName("uuid"))
		return m
	}
	for name, data := range cases {
		require.NotEmpty(t, made[name], name)
		got, err := fingerprint.Of(data, index[name])
		require.NoError(t, err, name)
		a := parse(got)
		b := parse(made[name])
		assert.True(t, proto.Equal(a, b), "%s:\n%v\n%v", name, a, b)
	}
	for name, data := range faulty {
		assert.Empty(t, made[name], name)
		_, err := fingerprint.Of(data, nil)
		require.Error(t, err, name)
	}
}

// TestHashOfEachLength hashes indexes of all lengths up to some blocks.
func TestHashOfEachLength(t *testing.T) {
	data := make([]byte, 300)
	for i := range data {
		data[i] = byte(i*i + i>>3)
	}
	var want []string
	oracle.RunEager(t, `
		result = [str(int.from_bytes(bytes(tf.fingerprint([args[0][:n]]).numpy()[0]), "little")) for n in range(300)]
	`, data).Decode(t, &want)
	md := tfproto.Message("tensorflow.FingerprintDef")
	for n := range want {
		made, err := fingerprint.Of([]byte{0x12, 0}, data[:n])
		require.NoError(t, err)
		m := dynamicpb.NewMessage(md)
		require.NoError(t, proto.Unmarshal(made, m))
		assert.Equal(t, want[n], m.Get(md.Fields().ByName("checkpoint_hash")).String(), n)
	}
}

func TestFingerprintRefusesWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	concrete := func(name string) []byte { return field(nil, 2, field(nil, 1, []byte(name))) }
	deep := []byte{}
	for range 300 {
		deep = field(nil, 1, field(nil, 1, deep))
	}
	node := func(op string) []byte { return field(nil, 2, field(nil, 2, field(nil, 1, field(nil, 2, []byte(op))))) }
	for name, data := range map[string][]byte{
		"no graph":                         nil,
		"two functions of one number":      field(nil, 2, field(nil, 7, concrete("f_1"), concrete("g_1"))),
		"a call without a function":        node("PartitionedCall"),
		"a constant without a type":        node("Const"),
		"messages in messages in messages": field(nil, 2, field(nil, 2, field(nil, 2, deep))),
		"no end":                           {0x12, 0x80},
	} {
		_, err := fingerprint.Of(data, nil)
		assert.Error(t, err, name)
	}
}

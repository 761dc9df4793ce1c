"""Models with lookup tables. write(folder) saves them and returns what TensorFlow computes."""

import os

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
RNG = np.random.RandomState(1)
WORDS = ["the", "quick", "fox", "nothing", "", "b"]


def file(folder, name="words.txt", lines=("the", "quick", "fox")):
    path = os.path.join(folder, "training machine", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write("".join(l + "\n" for l in lines))
    return path


def module(folder, make, name):
    m = tf.Module()
    lookup = make(m, folder)
    m.serve = tf.function(lambda x: {"y": lookup(x)}, input_signature=[tf.TensorSpec([None], tf.string, name="x")])
    tf.saved_model.save(m, os.path.join(folder, name), signatures=m.serve)


def static_file(m, d):
    m.t = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(file(d), tf.string, -2, tf.int64, -1), -1)
    return m.t.lookup


def static_pairs(m, d):
    m.t = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["the", "fox"], tf.constant([1.5, 2.5])), -1.)
    return m.t.lookup


def equal_values(m, d):
    m.t = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["the", "fox", "the"], tf.constant([7, 7, 7], tf.int64)), 0)
    return m.t.lookup


def buckets(m, d):
    m.t = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(file(d), tf.string, -2, tf.int64, -1), 3)
    return m.t.lookup


def two_tables(m, d):
    static_file(m, d)
    m.u = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(file(d, "other.txt", ("a\tb", "the\tx")), tf.string, 0, tf.string, 1), "none")
    return lambda x: tf.strings.join([m.u.lookup(x), tf.strings.as_string(m.t.lookup(x))])


def same_names(m, d):
    m.t = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(file(d + "/one", "w.txt", ("the", "fox")), tf.string, -2, tf.int64, -1), -1)
    m.u = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(file(d + "/two", "w.txt", ("fox", "b", "the")), tf.string, -2, tf.int64, -1), -1)
    return lambda x: m.t.lookup(x) * 100 + m.u.lookup(x)


def branches(m, d):
    lookup, pairs = static_file(m, d), tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["the"], tf.constant([50], tf.int64)), 0)
    m.u = pairs
    inner = tf.function(lambda x: lookup(x) + 1)
    return lambda x: tf.cond(tf.size(x) > 2, lambda: inner(x), lambda: pairs.lookup(x))


def loop(m, d):
    lookup = static_file(m, d)
    return lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y + lookup(x)), [0, tf.zeros_like(x, tf.int64)], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])])[1]


def mutable(m, d):
    m.t = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    m.t.insert(["the", "fox"], tf.constant([11, 12], tf.int64))
    return m.t.lookup


def vectors(m, d):
    m.t = tf.lookup.experimental.MutableHashTable(tf.string, tf.float32, [-1., 0.])
    m.t.insert(["the", "fox"], [[1., 2.], [3., 4.]])
    return m.t.lookup


def dense(m, d):
    m.t = tf.lookup.experimental.DenseHashTable(tf.string, tf.int64, -1, empty_key="$empty", deleted_key="$gone")
    m.t.insert(["the", "fox"], tf.constant([11, 12], tf.int64))
    return m.t.lookup


def empty_mutable(m, d):
    m.t = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    return m.t.lookup


def writes(m, d):
    mutable(m, d)

    def lookup(x):
        m.t.insert(x, tf.zeros_like(x, tf.int64))
        return m.t.lookup(x)
    return lookup


def keras_adapted(d):
    import keras
    layer = keras.layers.StringLookup()
    layer.adapt(["fox fox", "the", "fox", "the", "the"])
    model = keras.Sequential([keras.Input((1,), dtype="string"), layer])
    model.export(d + "/model", verbose=False)


def again(folder):
    """Loads and saves a model again: the new one makes its tables in functions."""
    module(folder, static_file, "first")
    loaded = tf.saved_model.load(folder + "/first")
    tf.saved_model.save(loaded, folder + "/model", signatures=loaded.signatures["serving_default"])


def v1(folder, make, collection=False):
    with tf.Graph().as_default(), tf1.Session() as s:
        x = tf1.placeholder(tf.string, [None], name="x")
        y = make(x, folder)
        s.run([tf1.global_variables_initializer(), tf1.tables_initializer()])
        b = tf1.saved_model.Builder(folder + "/model")
        signature = tf1.saved_model.predict_signature_def({"x": x}, {"y": y})
        op = tf1.tables_initializer(name="init_all_tables")
        b.add_meta_graph_and_variables(s, ["serve"], {"serving_default": signature}, assets_collection=tf1.get_collection("asset_filepaths"),
                                       **({"legacy_init_op": op} if collection else {"main_op": op}))
        b.save()


def v1_file(x, d):
    w = tf1.get_variable("w", initializer=np.float32([1, 2, 3, 4]))
    t = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(file(d), tf.string, -2, tf.int64, -1), -1)
    return tf.gather(w, t.lookup(x) + 1, name="y")


def v1_tables_only(x, d):
    return tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(file(d), tf.string, -2, tf.int64, -1), -1).lookup(x, name="y")


def v1_frames(x, d):
    t = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(file(d), tf.string, -2, tf.int64, -1), -1)
    tf1.disable_control_flow_v2()
    return tf1.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y + tf1.cond(i > 1, lambda: t.lookup(x), lambda: y)), [0, tf.zeros_like(x, tf.int64)],
                          shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])])[1]


def v1_mutable(x, d):
    t = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    tf1.add_to_collection(tf1.GraphKeys.TABLE_INITIALIZERS, t.insert(["the"], tf.constant([4], tf.int64)))
    return t.lookup(x)


MODELS = [(f.__name__, lambda d, f=f: module(d, f, "model")) for f in (
    static_file, static_pairs, equal_values, buckets, two_tables, same_names, branches, loop, mutable, vectors, dense, empty_mutable, writes)]
MODELS += [("keras_adapted", keras_adapted), ("again", again), ("v1_file", lambda d: v1(d, v1_file)), ("v1_legacy", lambda d: v1(d, v1_file, True)),
           ("v1_tables_only", lambda d: v1(d, v1_tables_only)), ("v1_frames", lambda d: v1(d, v1_frames)), ("v1_mutable", lambda d: v1(d, v1_mutable))]


def write(folder):
    done = []
    for name, save in MODELS:
        d = os.path.join(folder, name)
        os.mkdir(d)
        save(d)
        for root, _, files in os.walk(d):
            for f in files:
                if "training machine" in root:  # rewritten since
                    with open(os.path.join(root, f), "w") as g:
                        g.write("fox\nother\nthe\n" if name != "static_file" else "")
        call = tf.saved_model.load(d + "/model").signatures["serving_default"]
        (key, spec), = call.structured_input_signature[1].items()
        words = np.array(WORDS, object).reshape([-1] + [1] * (len(spec.shape) - 1))
        y, = call(**{key: tf.constant(words)}).values()
        from tensorflow.core.protobuf import saved_model_pb2
        model = saved_model_pb2.SavedModel.FromString(open(d + "/model/saved_model.pb", "rb").read())
        s = model.meta_graphs[0].signature_def["serving_default"]
        done.append({"name": name, "dir": d, "x": s.inputs[key].name, "y": [o.name for o in s.outputs.values()][0], "want": repr(y.numpy().tolist())})
    return done


def run(models):
    results = []
    for m in models:
        with tf.Graph().as_default(), tf1.Session() as s:
            try:
                with open(m["dir"] + "/frozen.pb", "rb") as f:
                    tf.import_graph_def(tf1.GraphDef.FromString(f.read()), name="")
                x = s.graph.get_tensor_by_name(m["x"])
                words = np.array(WORDS, object).reshape([-1] + [1] * (len(x.shape) - 1))
                got = [repr(s.run(m["y"], {x: words}).tolist()) for _ in range(2)]
                results.append(got[0] if got[0] == got[1] else "the second run differs")
            except Exception as e:
                results.append(repr(e)[:400])
    return results

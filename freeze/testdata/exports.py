"""Models that Python programs of TensorFlow 2 export: tf.Module by tf.saved_model.save, and
Keras 3 by model.export and tf.saved_model.save. Each gives all its variables different
random values, so that a value in the wrong variable changes the output.

write(folder) saves all of them and returns what TensorFlow's own loader computes.
run(folder) runs the graphs that were frozen of them.
"""

import os

import numpy as np
import tensorflow as tf

RNG = np.random.RandomState(3)
MODELS = {}  # name → function that saves to a folder


def numbers(*shape):
    return RNG.uniform(0.5, 1.5, shape).astype(np.float32)


def save(name, module, call, *specs, options=None):
    """Saves a tf.Module; call takes x, and perhaps more."""
    args = [tf.TensorSpec(s, d, name=n) for n, s, d in (specs or [("x", [None, 2], tf.float32)])]
    module.serve = tf.function(lambda *inputs: call(*inputs), input_signature=args)
    MODELS[name] = lambda folder: tf.saved_model.save(module, folder, signatures=module.serve, options=options)


def modules():
    V = lambda *shape, name=None, **kw: tf.Variable(numbers(*shape), name=name, **kw)
    for order in ("abc", "acb", "bac", "bca", "cab", "cba"):
        m = tf.Module()
        for attr in order:
            setattr(m, attr, V(2, name="w"))
        save("equal names " + order, m, lambda x, m=m: x * m.a)
    m = tf.Module(); m.z, m.y, m.x = V(2), V(2), V(2)
    save("no names", m, lambda x, m=m: x * m.x + m.y)
    m = tf.Module(); m.a, m.b, m.c = V(2, name="w"), V(2, name="w_1"), V(2, name="w")
    save("names like made ones", m, lambda x, m=m: x * m.b + m.c)
    m = tf.Module(); m.ws = [V(2, name="w") for _ in range(4)]
    save("list", m, lambda x, m=m: x * m.ws[2] + m.ws[0])
    m = tf.Module(); m.ws = {"b": V(2, name="w"), "a": V(2, name="w"), "c/d.e": V(2, name="w")}
    save("dict", m, lambda x, m=m: x * m.ws["c/d.e"] + m.ws["a"])
    m = tf.Module(); m.ws = (V(2), [V(2), {"k": V(2)}], V(2))
    save("nested containers", m, lambda x, m=m: x * m.ws[1][1]["k"] + m.ws[2])
    m = tf.Module(); m.one = m.two = V(2); m.three = V(2)
    save("one variable twice", m, lambda x, m=m: x * m.two + m.three)

    class Dense(tf.Module):
        def __init__(self, n, k, name=None):
            super().__init__(name=name)
            self.b, self.w = V(k, name="v"), V(n, k, name="v")

        def __call__(self, x):
            return tf.tanh(x @ self.w + self.b)

    m = tf.Module(); m.l = [Dense(2, 2), Dense(2, 2), Dense(2, 3)]
    save("nested modules", m, lambda x, m=m: m.l[2](m.l[0](m.l[1](x))))
    m = tf.Module(); m.l = Dense(2, 2)
    save("shared module", m, lambda x, m=m: m.l(m.l(x)))
    m = tf.Module(); m.a, m.b = V(2, name="w"), V(2, name="w")
    inner = tf.function(lambda x, v: x * v)
    save("handles passed on", m, lambda x, m=m, f=inner: f(x, m.b) + f(x, m.a) * 2.)
    m = tf.Module(); m.a, m.b = V(2, name="w"), V(2, name="w")
    save("cond", m, lambda x, m=m: tf.cond(tf.reduce_sum(x) > 0, lambda: x * m.a, lambda: x * m.b))
    m = tf.Module(); m.a, m.b = V(2, name="w"), V(2, name="w")
    save("while", m, lambda x, m=m: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * m.b + m.a), [0, x])[1])
    m = tf.Module(); m.e, m.f = V(5, 3, name="table"), V(5, 3, name="table")
    save("embeddings", m, lambda i, m=m: tf.gather(m.f, i) + tf.nn.embedding_lookup(m.e, i), ("i", [None], tf.int32))
    m = tf.Module(); m.a, m.b = tf.Variable(["one"], name="s"), tf.Variable(["two"], name="s")
    m.n = V(2)
    save("strings", m, lambda x, m=m: x * m.n * tf.cast(tf.strings.length(m.b + m.b + m.a)[0], tf.float32))
    m = tf.Module(); m.a, m.b = V(2, name="w"), V(2, name="w")
    save("two inputs", m, lambda x, y, m=m: x * m.a + y * m.b, ("x", [None, 2], tf.float32), ("y", [None, 2], tf.float32))
    m = tf.Module(); m.a, m.b = V(2, name="w", trainable=False), V(2, name="w", dtype=tf.float32)
    save("not trainable", m, lambda x, m=m: x * m.a)
    m = tf.Module(); m.a, m.b = tf.Variable(numbers(2).astype(np.float64), name="w"), tf.Variable(np.float16([2, 3]), name="w")
    save("types", m, lambda x, m=m: x * tf.cast(m.a, tf.float32) + tf.cast(m.b, tf.float32))
    m = tf.Module(); m.a = tf.Variable(numbers(2), shape=[None], name="w"); m.b = V(2, name="w")
    save("free shape", m, lambda x, m=m: x * m.a + m.b)
    m = tf.Module(); m.a, m.b = V(2, name="w"), V(2, name="w"); m.c = tf.constant([3., 4.])
    save("constants", m, lambda x, m=m: x * m.b + m.c)
    m = tf.Module(); m.steps = tf.Variable(0, name="w"); m.a, m.b = V(2, name="w"), V(2, name="w")
    opts = [tf.keras.optimizers.Adam(0.1), tf.keras.optimizers.SGD(0.1, momentum=0.9)]
    for o in opts:
        o.build([m.a, m.b])
        o.apply_gradients([(tf.constant([1., 2.]), m.a), (tf.constant([2., 1.]), m.b)])
    m.opts = opts
    save("two optimizers", m, lambda x, m=m: x * m.a - m.b)
    m = tf.Module(); m.a, m.b = V(2, name="w"), V(2, name="w")
    save("saved with devices", m, lambda x, m=m: x * m.a - m.b,
         options=tf.saved_model.SaveOptions(experimental_variable_policy=tf.saved_model.experimental.VariablePolicy.SAVE_VARIABLE_DEVICES))
    m = tf.Module(); m.keys = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64)), -1)
    m.a, m.b = V(3, name="w"), V(3, name="w")
    save("table", m, lambda w, m=m: tf.gather(m.b, tf.maximum(m.keys.lookup(w), 0)) * m.a[0], ("w", [None], tf.string))

    expanded = tf.saved_model.SaveOptions(
        experimental_variable_policy=tf.saved_model.experimental.VariablePolicy.EXPAND_DISTRIBUTED_VARIABLES)
    for name, options in (("mirrored", None), ("mirrored, expanded", expanded)):
        with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
            m = tf.Module(); m.a, m.b = V(2, name="w"), V(2, name="w")
        save(name, m, lambda x, m=m: x * m.b, options=options)
    from tensorflow.python.keras.optimizer_v2 import adam
    m = tf.Module(); m.a, m.o = V(2, name="w"), adam.Adam(0.1)
    m.o.apply_gradients([(tf.constant([1., 3.]), m.a)])
    save("slot variables", m, lambda x, m=m: x * m.o.get_slot(m.a, "m") + m.o.get_slot(m.a, "v"))
    m = tf.Module()
    m.wrapped = tf.compat.v1.wrap_function(
        lambda x: x * tf.compat.v1.get_variable("w", initializer=[5., 6.]) + tf.compat.v1.get_variable("v", initializer=[7., 8.]),
        [tf.TensorSpec([None, 2], tf.float32)])
    m.variables_of = list(m.wrapped.graph.variables)
    save("function of TensorFlow 1", m, lambda x, m=m: m.wrapped(x))

    root = tf.train.Checkpoint(model=Dense(2, 3), other=[V(2, name="v")])
    save("checkpoint", root, lambda x, m=root: m.model(x))


def keras_models():
    import keras
    L = keras.layers

    def add(name, model, how=("export", "save")):
        for w in model.weights:
            if w.dtype.startswith(("float", "bfloat")):
                w.assign(numbers(*w.shape))
        if "export" in how:
            MODELS[name + ", exported"] = lambda folder: model.export(folder, verbose=False)
        if "save" in how:
            MODELS[name + ", saved"] = lambda folder: tf.saved_model.save(model, folder)

    S = lambda *layers: keras.Sequential(layers)
    x = lambda *shape, **kw: L.Input(shape, **kw)
    add("dense", S(x(4), L.Dense(3), L.Dense(3), L.Dense(2)))
    add("batch norm", S(x(4), L.Dense(3), L.BatchNormalization(), L.LayerNormalization(), L.Dense(2)))
    add("conv", S(x(6, 6, 1), L.Conv2D(2, 3), L.BatchNormalization(), L.DepthwiseConv2D(2), L.Flatten(), L.Dense(2)))
    add("lstm", S(x(3, 2), L.LSTM(3, return_sequences=True), L.LSTM(2)))
    add("gru and bidirectional", S(x(3, 2), L.GRU(3, return_sequences=True), L.Bidirectional(L.LSTM(2))))
    add("rnn cells", S(x(3, 2), L.RNN([L.LSTMCell(3), L.GRUCell(2), L.SimpleRNNCell(2)])))
    add("embedding", S(x(3, dtype="int32"), L.Embedding(5, 3), L.GlobalAveragePooling1D(), L.Dense(2)))
    a, b = x(4, name="left"), x(4, name="right")
    shared = L.Dense(3)
    add("two inputs and a shared layer", keras.Model([a, b], L.Dense(2)(L.Concatenate()([shared(a), shared(b)]))))
    a = x(4)
    add("nested model", keras.Model(a, S(x(4), L.Dense(4), L.Dense(2))(S(x(4), L.Dense(4), L.Dense(4))(a))))
    add("dropout and seeds", S(x(4), L.Dense(4), L.Dropout(0.5), L.GaussianNoise(0.1), L.Dense(2)))
    add("attention", keras.Model(a, L.Dense(2)(L.Flatten()(L.MultiHeadAttention(2, 2)(*[L.Reshape((2, 2))(a)] * 2)))))
    keras.mixed_precision.set_global_policy("mixed_float16")
    add("mixed precision", S(x(4), L.Dense(3), L.Dense(3), L.Dense(2, dtype="float32")))
    keras.mixed_precision.set_global_policy("float32")
    trained = S(x(4), L.Dense(3), L.BatchNormalization(), L.Dense(2))
    trained.compile("adam", "mse", metrics=["mae"])
    trained.fit(numbers(8, 4), numbers(8, 2), verbose=0)
    add("trained", trained)

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.parts = [L.Dense(3, name="d"), L.Dense(3, name="d")]
            self.scale = self.add_weight(shape=(3,), name="d")
            self.shift = self.add_weight(shape=(3,), name="d")

        def call(self, x):
            return self.parts[1](self.parts[0](x)) * self.scale + self.shift

    own = Own(); own(numbers(1, 4))
    for w in own.weights:
        w.assign(numbers(*w.shape))
    archive = keras.export.ExportArchive()
    archive.track(own)
    archive.add_endpoint("serving_default", own.call, [tf.TensorSpec([None, 4], name="x")])
    MODELS["subclass, archived"] = lambda folder: archive.write_out(folder, verbose=False)
    words = L.TextVectorization(vocabulary=["a", "b", "c"], output_sequence_length=4)
    add("text", S(x(1, dtype="string"), words, L.Embedding(6, 3), L.LSTM(2)), how=("export",))
    add("string lookup", S(x(2, dtype="string"), L.StringLookup(vocabulary=["a", "b"]), L.Embedding(4, 3), L.Flatten(), L.Dense(2)), how=("export",))
    add("integer lookup", S(x(2, dtype="int64"), L.IntegerLookup(vocabulary=[7, 1]), L.Embedding(4, 3), L.Flatten(), L.Dense(2)), how=("export",))


def value(spec):
    shape = [3 if d is None else d for d in spec.shape]
    if spec.dtype == tf.string:
        return RNG.choice(["a", "b", "c b", "zz"], shape).astype(object)
    if tf.as_dtype(spec.dtype).is_integer:
        return RNG.randint(0, 4, shape).astype(tf.as_dtype(spec.dtype).as_numpy_dtype)
    return numbers(*shape)


def write(folder):
    from tensorflow.core.protobuf import saved_model_pb2
    modules()
    keras_models()
    done = []
    for i, (name, save_to) in enumerate(MODELS.items()):
        path = os.path.join(folder, str(i))
        try:
            save_to(path)
            loaded = tf.saved_model.load(path)
            call = loaded.signatures["serving_default"]
            feeds = {n: value(s) for n, s in call.structured_input_signature[1].items()}
            want = call(**{n: tf.constant(v) for n, v in feeds.items()})
        except Exception as e:  # TensorFlow itself cannot save or load it
            done.append({"name": name, "error": repr(e)[:300]})
            continue
        with open(os.path.join(path, "saved_model.pb"), "rb") as f:
            model = saved_model_pb2.SavedModel.FromString(f.read())
        signature = model.meta_graphs[0].signature_def["serving_default"]
        np.save(os.path.join(path, "feeds.npy"), {signature.inputs[n].name: v for n, v in feeds.items()}, allow_pickle=True)
        np.save(os.path.join(path, "want.npy"), {signature.outputs[n].name: v.numpy() for n, v in want.items()}, allow_pickle=True)
        done.append({"name": name, "dir": path, "error": "", "outputs": [o.name for o in signature.outputs.values()]})
    return done


def run(folders):
    """Returns for each model the largest relative difference of the frozen graph's outputs, or why it does not run."""
    results = []
    for path in folders:
        feeds = np.load(os.path.join(path, "feeds.npy"), allow_pickle=True).item()
        want = np.load(os.path.join(path, "want.npy"), allow_pickle=True).item()
        try:
            graph = tf.Graph()
            with graph.as_default(), tf.compat.v1.Session() as session:
                with open(os.path.join(path, "frozen.pb"), "rb") as f:
                    tf.import_graph_def(tf.compat.v1.GraphDef.FromString(f.read()), name="")
                got = session.run(list(want), feeds)
            worst = 0.0
            for w, g in zip(want.values(), got):
                assert w.shape == g.shape, (w.shape, g.shape)
                w, g = w.astype(np.float64), g.astype(np.float64)
                worst = max(worst, float(np.max(np.abs(w - g) / np.maximum(1, np.abs(w)), initial=0)))
            results.append({"error": "", "worst": worst})
        except Exception as e:
            results.append({"error": repr(e)[:400], "worst": 0})
    return results

"""Writes SavedModels and meta graphs of many kinds into the folder args[0], for
TestSoundModelsLoad. tf, tf1, np, os and args are those of package oracle."""

root = args[0]
words = os.path.join(root, "words.txt")
with open(words, "w") as f:
    f.write("a\nb\nc\n")
made = []


def eager(make):
    """Writes the module that make returns."""
    made.append(make.__name__)
    m, signature = make()
    if hasattr(m, "export"):
        m.export(os.path.join(root, make.__name__), verbose=False)
    else:
        tf.saved_model.save(m, os.path.join(root, make.__name__), signatures=signature)


def graph(make):
    """Writes a model of TensorFlow 1 whose graph make builds; it returns inputs, outputs and options."""
    made.append(make.__name__)
    with tf.Graph().as_default(), tf1.Session() as s:
        inputs, outputs, options = make()
        s.run([tf1.global_variables_initializer(), tf1.tables_initializer()])
        b = tf1.saved_model.Builder(os.path.join(root, make.__name__))
        sig = tf1.saved_model.predict_signature_def(inputs, outputs)
        b.add_meta_graph_and_variables(s, ["serve"], {"serving_default": sig}, **options)
        b.save()


def meta(make):
    """Writes the meta graph and checkpoint of a training."""
    made.append(make.__name__ + ".meta")
    with tf.Graph().as_default(), tf1.Session() as s:
        make()
        s.run(tf1.global_variables_initializer())
        tf1.train.Saver().save(s, os.path.join(root, make.__name__))


def text_table():
    return tf.lookup.TextFileInitializer(words, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)


class Module(tf.Module):
    pass


def spec(dtype, *shape):
    return tf.TensorSpec(shape, dtype, name="x")


def module(fn, *specs, **attrs):
    m = Module()
    for k, v in attrs.items():
        setattr(m, k, v)
    m.f = tf.function(fn, input_signature=list(specs))
    return m, m.f


def v2_variables():
    v = tf.Variable([1.0, 2.0])
    return module(lambda x: {"y": x + v}, spec(tf.float32, 2), v=v)


def v2_static_table_from_asset():
    t = tf.lookup.StaticHashTable(text_table(), -1)
    return module(lambda x: {"y": t.lookup(x)}, spec(tf.string, None), t=t)


def v2_vocabulary_with_buckets():
    t = tf.lookup.StaticVocabularyTable(text_table(), 3)
    return module(lambda x: {"y": t.lookup(x)}, spec(tf.string, None), t=t)


def v2_table_of_constants():
    t = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -1)
    return module(lambda x: {"y": t.lookup(x)}, spec(tf.string, None), t=t)


def v2_mutable_table():
    t = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    t.insert(["a"], [7])
    return module(lambda x: {"y": t.lookup(x)}, spec(tf.string, None), t=t)


def v2_dense_table():
    t = tf.lookup.experimental.DenseHashTable(tf.int64, tf.int64, -1, empty_key=0, deleted_key=-1)
    t.insert([1], [7])
    return module(lambda x: {"y": t.lookup(x)}, spec(tf.int64, None), t=t)


def v2_generator():
    g = tf.random.Generator.from_seed(1)
    return module(lambda x: {"y": x + g.normal([2])}, spec(tf.float32, 2), g=g)


def v2_loop():
    return module(lambda x: {"y": tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * 2), [0, x])[1]}, spec(tf.float32, 2))


def v2_cond_and_case():
    return module(lambda x: {"y": tf.switch_case(tf.cast(x[0], tf.int32), [lambda: x, lambda: tf.cond(x[1] > 0, lambda: -x, lambda: x)])}, spec(tf.float32, 2))


def v2_training():
    v = tf.Variable([1.0, 2.0])

    def f(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((x - v) ** 2)
        v.assign_sub(0.1 * tape.gradient(loss, v))
        return {"loss": loss}
    return module(f, spec(tf.float32, 2), v=v)


def v2_asset_only():
    asset = tf.saved_model.Asset(words)
    return module(lambda x: {"y": x}, spec(tf.float32, 2), asset=asset)


def v2_examples():
    def f(x):
        return {"y": tf.io.parse_example(x, {"a": tf.io.FixedLenFeature([1], tf.float32)})["a"]}
    return module(f, spec(tf.string, None))


def v2_images():
    def f(x):
        return {"y": tf.map_fn(lambda s: tf.image.resize(tf.io.decode_image(s, 3, expand_animations=False), [8, 8]), x, fn_output_signature=tf.float32)}
    return module(f, spec(tf.string, None))


def v2_ragged():
    return module(lambda x: {"y": tf.strings.split(x).to_tensor("")}, spec(tf.string, None))


def keras_layers():
    import keras
    return keras.Sequential([keras.layers.Input([8, 8, 1]), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(),
                             keras.layers.GlobalAveragePooling2D(), keras.layers.Dropout(0.5), keras.layers.Dense(2, activation="softmax")]), None


def keras_recurrent():
    import keras
    return keras.Sequential([keras.layers.Input([4]), keras.layers.Embedding(10, 4), keras.layers.LSTM(3, return_sequences=True),
                             keras.layers.GRU(3), keras.layers.Dense(1)]), None


def keras_attention():
    import keras
    x = keras.Input([4, 8])
    return keras.Model(x, keras.layers.MultiHeadAttention(2, 4)(x, x)), None


def keras_string_lookup():
    import keras
    x = keras.Input([1], dtype="string")
    return keras.Model(x, keras.layers.StringLookup(vocabulary=["a", "b"])(x)), None


def keras_string_lookup_file():
    import keras
    x = keras.Input([1], dtype="string")
    return keras.Model(x, keras.layers.StringLookup(vocabulary=words)(x)), None


def keras_text_vectorization():
    import keras
    layer = keras.layers.TextVectorization(output_sequence_length=4)
    layer.adapt(np.array(["a b", "c a"]))
    x = keras.Input([1], dtype="string")
    return keras.Model(x, keras.layers.Embedding(10, 2)(layer(x))), None


def keras_preprocessing():
    import keras
    x, y = keras.Input([1], dtype="int64"), keras.Input([2])
    norm = keras.layers.Normalization()
    norm.adapt(np.array([[1.0, 2.0], [3.0, 4.0]]))
    ints = keras.layers.IntegerLookup(vocabulary=[3, 5], output_mode="one_hot")(x)
    return keras.Model([x, y], keras.layers.Concatenate()([ints, norm(y), keras.layers.CategoryEncoding(4, "multi_hot")(x)])), None


def hub_like():
    t = tf.lookup.StaticHashTable(text_table(), 0)
    v = tf.Variable(tf.random.normal([4, 8]), name="embeddings")
    m = Module()
    m.t, m.v, m.variables_, m.trainable_variables_ = t, v, [v], [v]
    m.__call__ = tf.function(lambda x: tf.nn.embedding_lookup(v, t.lookup(x)), input_signature=[spec(tf.string, None)])
    m.f = tf.function(lambda x: {"default": m.__call__(x)}, input_signature=[spec(tf.string, None)])
    return m, m.f


def v1_table_from_asset():
    x = tf1.placeholder(tf.string, [None], name="x")
    t = tf.lookup.StaticHashTable(text_table(), -1)
    tf1.get_variable("v", initializer=1.0)
    return {"x": x}, {"y": t.lookup(x)}, dict(main_op=tf1.tables_initializer(), assets_collection=tf1.get_collection(tf1.GraphKeys.ASSET_FILEPATHS))


def v1_legacy_init():
    x = tf1.placeholder(tf.string, [None], name="x")
    t = tf.lookup.StaticHashTable(text_table(), -1)
    tf1.get_variable("v", initializer=1.0)
    return {"x": x}, {"y": t.lookup(x)}, dict(legacy_init_op=tf.group(tf1.tables_initializer()), assets_collection=tf1.get_collection(tf1.GraphKeys.ASSET_FILEPATHS))


def v1_init_with_local_variables():
    x = tf1.placeholder(tf.float32, [2], name="x")
    v = tf1.get_variable("v", initializer=[1.0, 2.0])
    local = tf1.get_local_variable("l", initializer=tf1.truncated_normal_initializer(), shape=[2])
    return {"x": x}, {"y": x + v + local}, dict(main_op=tf.group(tf1.local_variables_initializer(), tf1.tables_initializer()))


def v1_init_with_loop():
    x = tf1.placeholder(tf.float32, [2], name="x")
    v = tf1.get_variable("v", initializer=[1.0, 2.0], use_resource=True)
    total = tf1.while_loop(lambda i, s: i < 10, lambda i, s: (i + 1, s + tf.cast(i, tf.float32)), [0, 0.0])[1]
    check = tf1.assert_positive(total)
    return {"x": x}, {"y": x + v}, dict(main_op=tf.group(v.assign_add([total, total]), check))


def v1_init_with_loop_of_frames():
    x = tf1.placeholder(tf.float32, [2], name="x")
    v = tf1.get_variable("v", initializer=[[1.0, 2.0], [3.0, 4.0]], use_resource=True)
    tf1.disable_control_flow_v2()
    step = lambda i, s, t: (i + 1, tf.matmul(s, s) * 0.1, tf1.cond(i > 3, lambda: t + 1.0, lambda: t - tf.cast(i, tf.float32)))
    total = tf1.while_loop(lambda i, s, t: tf.logical_and(i < 10, t < 100.0), step, [0, tf.ones([2, 2]), 0.0])
    tf1.enable_control_flow_v2()
    return {"x": x}, {"y": tf.linalg.matvec(v, x)}, dict(main_op=tf.group(v.assign_add(total[1] + total[2])))


def v1_partitioned():
    x = tf1.placeholder(tf.float32, [None, 4], name="x")
    v = tf1.get_variable("v", [4, 4], partitioner=tf1.fixed_size_partitioner(2))
    return {"x": x}, {"y": tf.matmul(x, tf.convert_to_tensor(v))}, {}


def v1_references():
    x = tf1.placeholder(tf.float32, [2], name="x")
    v = tf1.get_variable("v", initializer=[1.0, 2.0], use_resource=False)
    return {"x": x}, {"y": x + v}, dict(strip_default_attrs=True)


def v1_control_flow():
    x = tf1.placeholder(tf.float32, [2], name="x")
    v = tf1.get_variable("v", initializer=2.0)
    y = tf1.cond(x[0] > 0, lambda: x * v, lambda: -x)
    z = tf1.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * v), [0, y])[1]
    return {"x": x}, {"y": z}, {}


def train_from_queues():
    names = tf1.train.string_input_producer([words])
    key, value = tf1.WholeFileReader().read(names)
    batch = tf1.train.batch([tf.strings.length(value), tf.io.read_file(key)], 2)
    v = tf1.get_variable("v", initializer=1.0)
    tf1.train.GradientDescentOptimizer(0.1).minimize((v - tf.cast(batch[0][0], tf.float32)) ** 2)


def train_from_dataset():
    def image(name):
        return tf.image.resize(tf.io.decode_jpeg(tf.io.read_file(name), 3), [8, 8])
    files = tf.data.Dataset.list_files(os.path.join(root, "*.txt"), shuffle=False).map(image).batch(2).repeat()
    x = tf1.data.make_one_shot_iterator(files).get_next()
    v = tf1.get_variable("v", [3])
    tf1.train.AdamOptimizer().minimize(tf.reduce_sum((x - v) ** 2))
    lines = tf1.data.make_initializable_iterator(tf.data.TextLineDataset([words]))
    tf1.add_to_collection("lines", lines.get_next())


def train_from_constant_file():
    image = tf.io.decode_image(tf.io.read_file(os.path.join(root, "image.png")), 3, expand_animations=False)
    small = tf.image.resize(tf.expand_dims(tf.cast(image, tf.float32), 0), [8, 8], method="nearest")
    text = tf.io.decode_csv(tf.io.read_file(words), [[0.0]])[0]
    w = tf1.get_variable("w", [8, 8, 3])
    tf.reduce_sum(small * w) + tf.reduce_sum(text)
    tf1.summary.scalar("s", tf.reduce_sum(small))


for make in (v2_variables, v2_static_table_from_asset, v2_vocabulary_with_buckets, v2_table_of_constants, v2_mutable_table, v2_dense_table,
             v2_generator, v2_loop, v2_cond_and_case, v2_training, v2_asset_only, v2_examples, v2_images, v2_ragged, keras_layers,
             keras_recurrent, keras_attention, keras_string_lookup, keras_string_lookup_file, keras_text_vectorization, keras_preprocessing, hub_like):
    eager(make)
for make in (v1_table_from_asset, v1_legacy_init, v1_init_with_local_variables, v1_init_with_loop, v1_init_with_loop_of_frames, v1_partitioned, v1_references, v1_control_flow):
    graph(make)
for make in (train_from_queues, train_from_dataset, train_from_constant_file):
    meta(make)
os.remove(words)
result = made

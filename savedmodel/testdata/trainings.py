"""Writes meta graphs of trainings of many kinds into the folder args[0], for
TestSoundTrainingsImport: all, or those that the list args[1] names. tf, tf1, np, os and args are those of package
oracle."""

import warnings

warnings.filterwarnings("ignore")
root = args[0]
made, broken = [], {}
F, I = tf.float32, tf.int32


def var(name, *shape, **kw):
    return tf1.get_variable(name, list(shape), initializer=tf1.zeros_initializer(), **kw)


def ph(dtype, *shape):
    return tf1.placeholder(dtype, list(shape))


def train(loss, opt=None):
    (opt or tf1.train.AdamOptimizer()).minimize(tf.reduce_sum(tf.cast(loss, F)))


def write(name, make):
    if args[1] and name not in args[1]:
        return
    try:
        with tf.Graph().as_default():
            make()
            tf1.train.Saver().export_meta_graph(os.path.join(root, name + ".meta"))
        made.append(name)
    except Exception as e:
        broken[name] = repr(e)[:300]


# Recurrent nets: by tf.while_loop and TensorArrays, as tf.nn.dynamic_rnn builds them.
def cell(kind, size, inputs, name="cell"):
    with tf1.variable_scope(name, reuse=tf1.AUTO_REUSE):
        gates = {"rnn": 1, "gru": 3, "lstm": 4}[kind]
        w, b = var("w", inputs + size, gates * size), var("b", gates * size)

        def step(x, h):
            if kind == "rnn":
                return tf.tanh(tf.matmul(tf.concat([x, h], 1), w) + b)
            if kind == "gru":
                z = tf.matmul(tf.concat([x, h], 1), w) + b
                r, u, c = tf.split(z, 3, 1)
                return tf.sigmoid(u) * h + (1 - tf.sigmoid(u)) * tf.tanh(c * tf.sigmoid(r))
            i, j, f, o = tf.split(tf.matmul(tf.concat([x, h[1]], 1), w) + b, 4, 1)
            c = h[0] * tf.sigmoid(f + 1) + tf.sigmoid(i) * tf.tanh(j)
            return tf.stack([c, tf.tanh(c) * tf.sigmoid(o)])
        return step


def dynamic_rnn(x, kind="lstm", size=8, lengths=None, swap=False, parallel=32, name="cell"):
    """x is time-major. The loop is that of tf.nn.dynamic_rnn."""
    shape = tf.shape(x)
    time, batch = shape[0], shape[1]
    step = cell(kind, size, x.shape[2], name)
    xs = tf.TensorArray(x.dtype, time, element_shape=x.shape[1:]).unstack(x)
    out = tf.TensorArray(x.dtype, time)
    h = tf.zeros([2, batch, size] if kind == "lstm" else [batch, size])

    def body(t, out, h):
        new = step(xs.read(t), h)
        if lengths is not None:
            new = tf1.where_v2(tf.reshape(t < lengths, [-1, 1]), new, h)
        return t + 1, out.write(t, new[1] if kind == "lstm" else new), new
    _, out, h = tf1.while_loop(lambda t, *_: t < time, body, [0, out, h], parallel_iterations=parallel, swap_memory=swap)
    y = out.stack()
    y.set_shape([x.shape[0], x.shape[1], size])
    return y, h


def constant(*shape):
    return tf.constant(np.linspace(-1, 1, int(np.prod(shape))).reshape(shape).astype(np.float32))


for kind in ("rnn", "gru", "lstm"):
    for where, x in (("constant", lambda: constant(16, 30, 32)), ("known", lambda: ph(F, 16, 30, 32)), ("unknown", lambda: ph(F, None, None, 32)),
                     ("large", lambda: constant(300, 64, 40)), ("variable", lambda: var("x", 20, 50, 32))):
        write(f"rnn_{kind}_{where}", lambda: train(dynamic_rnn(x(), kind)[0]))
write("rnn_lengths", lambda: train(dynamic_rnn(constant(16, 30, 32), lengths=tf.constant(list(range(30))))[0]))
write("rnn_lengths_fed", lambda: train(dynamic_rnn(ph(F, None, 30, 32), lengths=ph(I, None))[0]))
write("rnn_swapped", lambda: train(dynamic_rnn(constant(16, 30, 32), swap=True, parallel=1)[0]))


def bidirectional():
    x = constant(40, 32, 64)
    a, _ = dynamic_rnn(x, "lstm", 32, name="fw")
    b, _ = dynamic_rnn(tf.reverse(x, [0]), "lstm", 32, name="bw")
    train(tf.concat([a, tf.reverse(b, [0])], 2))


class Cell:
    """What tf.nn.dynamic_rnn needs of a cell."""

    def __init__(self, kind, size, name="cell"):
        self.kind, self.output_size, self.state_size, self.name = kind, size, size, name

    def zero_state(self, batch, dtype):
        return tf.zeros([batch, self.state_size], dtype)

    def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
        return self.zero_state(batch_size, dtype)

    def __call__(self, x, state, scope=None):
        new = cell(self.kind, self.output_size, x.shape[1], self.name)(x, state)
        return new, new


def rnn_library(x, lengths=None, **kw):
    return tf1.nn.dynamic_rnn(Cell("gru", 32), x, lengths, dtype=F, **kw)[0]


for name, make in (("dynamic", lambda: rnn_library(constant(16, 30, 32))), ("lengths", lambda: rnn_library(constant(16, 30, 32), tf.constant([30] * 16))),
                   ("fed", lambda: rnn_library(ph(F, None, None, 32), ph(I, None))), ("time_major", lambda: rnn_library(constant(16, 30, 32), time_major=True)),
                   ("swap", lambda: rnn_library(constant(64, 100, 40), swap_memory=True)),
                   ("bidirectional", lambda: tf.concat(tf1.nn.bidirectional_dynamic_rnn(Cell("gru", 8, "a"), Cell("rnn", 8, "b"), constant(16, 30, 32), dtype=F)[0], 2)),
                   ("static", lambda: tf1.nn.static_rnn(Cell("rnn", 8), tf.unstack(constant(20, 16, 32)), dtype=F)[0][-1]),
                   ("static_lengths", lambda: tf1.nn.static_rnn(Cell("rnn", 8), tf.unstack(constant(20, 16, 32)), dtype=F, sequence_length=ph(I, 16))[0][-1])):
    write("library_rnn_" + name, lambda: train(make()))


def raw_rnn():
    x = tf.TensorArray(F, 30).unstack(constant(30, 16, 32))

    def loop(time, output, state, loop_state):
        done = time >= tf.fill([16], 30)
        state = tf.zeros([16, 8]) if state is None else state
        return done, tf.cond(tf.reduce_all(done), lambda: tf.zeros([16, 32]), lambda: x.read(time)), state, output, None
    train(tf1.nn.raw_rnn(Cell("gru", 8), loop)[0].stack())


def stacked(n=3):
    x = constant(16, 30, 32)
    for i in range(n):
        x, _ = dynamic_rnn(x, "gru", 32, name=f"layer{i}")
    train(x, tf1.train.RMSPropOptimizer(0.1))


def batch_major():
    x = tf.transpose(constant(64, 128, 40), [1, 0, 2])
    y, _ = dynamic_rnn(x, "lstm", 64)
    logits = tf.einsum("tbh,hv->tbv", y, var("out", 64, 100))
    train(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.zeros([128, 64], I), logits))


def static_rnn():
    x = constant(20, 32, 16)
    step, h = cell("gru", 16, 16), tf.zeros([32, 16])
    for t in range(20):
        h = step(x[t], h)
    train(h)


def language_model():
    words = tf.constant(np.arange(64 * 35).reshape(35, 64) % 10000, I)
    x = tf.nn.embedding_lookup(var("emb", 10000, 64), words)
    y, _ = dynamic_rnn(x, "lstm", 64)
    logits = tf.matmul(tf.reshape(y, [-1, 64]), var("out", 64, 10000)) + var("bias", 10000)
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.reshape(words, [-1]), logits)
    grads = tf.gradients(tf.reduce_mean(loss), tf1.trainable_variables())
    clipped, _ = tf.clip_by_global_norm([tf.convert_to_tensor(g) for g in grads], 5.0)
    tf1.train.GradientDescentOptimizer(1.0).apply_gradients(zip(clipped, tf1.trainable_variables()), tf1.train.get_or_create_global_step())


def attention(source=50, target=40, batch=64, size=128, heads=8):
    x, y = constant(batch, source, size), constant(batch, target, size)
    q, k, v = (tf.reshape(tf.einsum("bts,so->bto", a, var(n, size, size)), [batch, -1, heads, size // heads]) for n, a in (("q", y), ("k", x), ("v", x)))
    p = tf.nn.softmax(tf.einsum("bthd,bshd->bhts", q, k) / np.sqrt(size // heads))
    p = tf.nn.dropout(p, rate=0.1)
    return tf.reshape(tf.einsum("bhts,bshd->bthd", p, v), [batch, -1, size])


def transformer(batch=32, time=64, size=128):
    ids = tf.constant(np.arange(batch * time).reshape(batch, time) % 1000, I)
    x = tf.gather(var("emb", 1000, size), ids)
    pos = tf.range(time, dtype=F)[:, None] / tf.pow(10000.0, tf.range(0, size, 2, dtype=F) / size)
    x += tf.reshape(tf.stack([tf.sin(pos), tf.cos(pos)], 2), [time, size])
    for i in range(2):
        with tf1.variable_scope(f"l{i}"):
            q, k, v = (tf.transpose(tf.reshape(tf.matmul(tf.reshape(x, [-1, size]), var(n, size, size)), [batch, time, 8, size // 8]), [0, 2, 1, 3]) for n in "qkv")
            mask = tf.linalg.band_part(tf.ones([time, time]), -1, 0)
            s = tf.matmul(q, k, transpose_b=True) - 1e9 * (1 - mask)
            x += tf.reshape(tf.transpose(tf.matmul(tf.nn.softmax(s), v), [0, 2, 1, 3]), [batch, time, size])
            mean, variance = tf.nn.moments(x, -1, keepdims=True)
            x = (x - mean) * tf.math.rsqrt(variance + 1e-6) * var("g", size)
            x += tf.reshape(tf.matmul(tf.nn.relu(tf.matmul(tf.reshape(x, [-1, size]), var("f1", size, 4 * size))), var("f2", 4 * size, size)), [batch, time, size])
    logits = tf.matmul(tf.reshape(x, [-1, size]), var("out", size, 1000))
    step = tf1.train.get_or_create_global_step()
    rate = size ** -0.5 * tf.minimum(tf.math.rsqrt(tf.cast(step + 1, F)), tf.cast(step, F) * 4000 ** -1.5)
    train(tf.nn.softmax_cross_entropy_with_logits(tf.one_hot(tf.reshape(ids, [-1]), 1000), logits), tf1.train.AdamOptimizer(rate))


def beam_search(batch=16, beam=10, vocab=5000, length=50):
    """The tensor2tensor beam search: tiles, gathers by batch and beam, grows by concatenation."""
    emb = var("emb", vocab, 64)
    alive = tf.tile(tf.zeros([batch, 1, 1], I), [1, beam, 1])
    logp = tf.tile(tf.constant([[0.0] + [-1e9] * (beam - 1)]), [batch, 1])
    positions = tf.tile(tf.range(batch)[:, None], [1, 2 * beam])

    def body(i, alive, logp):
        last = tf.reshape(alive[:, :, -1], [batch * beam])
        logits = tf.reshape(tf.matmul(tf.gather(emb, last), emb, transpose_b=True), [batch, beam, vocab])
        scores = tf.reshape(tf.nn.log_softmax(logits) + logp[:, :, None], [batch, beam * vocab])
        top, ids = tf.nn.top_k(scores, 2 * beam)
        alive = tf.gather_nd(alive, tf.stack([positions, ids // vocab], 2))
        alive = tf.concat([alive, (ids % vocab)[:, :, None]], 2)[:, :beam]
        return i + 1, alive, top[:, :beam]
    out = tf1.while_loop(lambda i, *_: i < length, body, [0, alive, logp],
                         shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, beam, None]), tf.TensorShape([None, beam])])
    tf.identity(out[1], "ids")


def seq2seq(unknown=False):
    x = ph(I, None, None) if unknown else tf.constant(np.arange(30 * 32).reshape(30, 32), I)
    emb = var("emb", 1000, 32)
    enc, h = dynamic_rnn(tf.nn.embedding_lookup(emb, x), "lstm", 32, name="enc")
    step = cell("lstm", 32, 32, "dec")
    enc = tf.transpose(enc, [1, 0, 2])

    def body(t, ids, h, out):
        a = tf.nn.softmax(tf.reduce_sum(enc * h[1][:, None, :], 2))
        context = tf.reduce_sum(enc * a[:, :, None], 1)
        h = step(tf.gather(emb, ids) + context, h)
        logits = tf.matmul(h[1], emb, transpose_b=True)
        return t + 1, tf.argmax(logits, 1, output_type=I), h, out.write(t, logits)
    b = tf.shape(x)[1]
    inv = [tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([2, None, 32]), None]
    out = tf1.while_loop(lambda t, *_: t < 20, body, [0, tf.zeros([b], I), h, tf.TensorArray(F, 20)], shape_invariants=inv if unknown else None)[3]
    train(tf.reduce_logsumexp(out.stack(), 2))


def conv_net(batch, size, known=True, depth=3, fmt="NHWC"):
    x = ph(F, batch if known else None, size, size, 3)
    c = 3
    for i in range(depth):
        with tf1.variable_scope(f"c{i}"):
            x = tf.nn.conv2d(x, var("w", 3, 3, c, 64 << i), 2, "SAME")
            c = 64 << i
            x, _, _ = tf1.nn.fused_batch_norm(x, var("scale", c), var("offset", c))
            x = tf.nn.relu(x)
    x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    x = tf.reshape(x, [-1, int(np.prod(x.shape[1:]))])
    train(tf.matmul(x, var("out", x.shape[1], 10)), tf1.train.MomentumOptimizer(0.1, 0.9))


def conv_constant():
    x = tf.constant(0.5, shape=[64, 224, 224, 3])
    x = tf.nn.conv2d(x, var("w", 7, 7, 3, 64), 2, "SAME")
    x = tf.nn.avg_pool2d(x, 3, 2, "SAME")
    train(tf.reduce_mean(x, [1, 2]))


def unet():
    x = ph(F, None, 256, 256, 1)
    a = tf.nn.relu(tf.nn.conv2d(x, var("a", 3, 3, 1, 32), 1, "SAME"))
    b = tf.nn.relu(tf.nn.conv2d(tf.nn.max_pool2d(a, 2, 2, "SAME"), var("b", 3, 3, 32, 64), 1, "SAME"))
    up = tf.nn.conv2d_transpose(b, var("u", 2, 2, 32, 64), tf.stack([tf.shape(x)[0], 256, 256, 32]), 2)
    train(tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.zeros_like(x), logits=tf.nn.conv2d(tf.concat([a, up], 3), var("o", 1, 1, 64, 1), 1, "SAME")))


def conv3d():
    x = tf.zeros([4, 16, 64, 64, 3])
    train(tf.nn.max_pool3d(tf.nn.conv3d(x, var("w", 3, 3, 3, 3, 16), [1] * 5, "SAME"), 2, 2, "SAME"))


def depthwise():
    x = ph(F, None, 112, 112, 32)
    train(tf.nn.separable_conv2d(x, var("d", 3, 3, 32, 1), var("p", 1, 1, 32, 64), [1, 1, 1, 1], "SAME"))


def detection(batch=8, size=608):
    """A single-shot detector: anchors from ranges and meshgrids, IoU of all pairs, NMS."""
    xs = tf.range(0, size, 8, dtype=F)
    cx, cy = tf.meshgrid(xs, xs)
    anchors = tf.reshape(tf.stack([cx, cy, cx + 16, cy + 16], 2), [-1, 4])
    anchors = tf.reshape(anchors[:, None, :] * tf.reshape(tf.constant([1.0, 2.0, 3.0]), [1, 3, 1]), [-1, 4])
    boxes = ph(F, None, 4)
    lo = tf.maximum(anchors[:, None, :2], boxes[None, :, :2])
    hi = tf.minimum(anchors[:, None, 2:], boxes[None, :, 2:])
    inter = tf.reduce_prod(tf.maximum(hi - lo, 0), 2)
    best = tf.reduce_max(inter, 1)
    keep = tf.image.non_max_suppression(anchors, best + var("w"), 100)
    train(tf.gather(best, keep) * var("w2"))


def roi_align():
    f = tf.zeros([2, 50, 50, 256]) + var("f", 256)
    train(tf.image.crop_and_resize(f, tf.constant(np.tile([[0.0, 0, 1, 1]], (300, 1)), F), tf.zeros([300], I), [14, 14]))


def word2vec():
    emb = var("emb", 50000, 128)
    inputs, labels = ph(I, 128), ph(tf.int64, 128, 1)
    train(tf.nn.nce_loss(var("w", 50000, 128), var("b", 50000), labels, tf.nn.embedding_lookup(emb, inputs), 64, 50000), tf1.train.GradientDescentOptimizer(1.0))


def sampled_softmax():
    x = constant(256, 64)
    train(tf.nn.sampled_softmax_loss(var("w", 200000, 64), var("b", 200000), tf.zeros([256, 1], tf.int64), tf.matmul(x, var("p", 64, 64)), 4096, 200000), tf1.train.AdagradOptimizer(0.1))


def huge_embedding():
    ids = ph(I, None, None)
    x = tf.nn.embedding_lookup(tf1.get_variable("emb", [1000000, 64], partitioner=tf1.fixed_size_partitioner(4)), ids)
    train(tf.reduce_mean(x, 1), tf1.train.GradientDescentOptimizer(0.1))


def sparse_embedding():
    sp = tf1.sparse_placeholder(tf.int64, [None, 20])
    train(tf.nn.safe_embedding_lookup_sparse(var("emb", 100000, 16), sp, combiner="mean"))


def one_hot_large():
    x = tf.one_hot(tf.constant(np.arange(512), I), 50000)
    train(tf.matmul(x, var("w", 50000, 8)))


def crf(batch=64, time=100, tags=30):
    """A linear-chain CRF: forward algorithm in a loop over constant potentials, viterbi back."""
    unary, trans = constant(batch, time, tags), var("trans", tags, tags)
    rest = tf.transpose(unary[:, 1:], [1, 0, 2])
    alphas = tf.scan(lambda a, x: tf.reduce_logsumexp(a[:, :, None] + trans[None], 1) + x, rest, initializer=unary[:, 0])
    train(tf.reduce_logsumexp(alphas[-1], 1))


def ctc():
    logits = tf.reshape(tf.matmul(tf.reshape(constant(100, 16, 40), [-1, 40]), var("w", 40, 30)), [100, 16, 30])
    labels = tf.sparse.from_dense(tf.ones([16, 10], I))
    train(tf1.nn.ctc_loss(labels, logits, tf.fill([16], 100)))
    tf.nn.ctc_beam_search_decoder(logits, tf.fill([16], 100))


def accumulate():
    w = var("w", 256, 256)
    total = tf1.while_loop(lambda i, s: i < 1000, lambda i, s: (i + 1, s + tf.matmul(w, w)), [0, tf.zeros([256, 256])])[1]
    train(total)


def accumulate_rows():
    rows = tf1.while_loop(lambda i, r: i < 100, lambda i, r: (i + 1, tf.concat([r, tf.ones([1, 50]) * var("w", 50)], 0)), [0, tf.zeros([0, 50])],
                          shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 50])])[1]
    train(rows)


def nested_loops():
    w = var("w")

    def inner(i, s):
        return i + 1, tf1.while_loop(lambda j, t: j < 100, lambda j, t: (j + 1, t * w), [0, s])[1]
    train(tf1.while_loop(lambda i, s: i < 100, inner, [0, tf.ones([64, 64])])[1])


def tensor_arrays():
    a = tf.TensorArray(F, 100, element_shape=[64, 64]).unstack(constant(100, 64, 64))
    b = tf.TensorArray(F, 100).scatter(tf.range(100), constant(100, 64, 64))
    train(a.gather([1, 2, 3]) * var("w") + b.stack()[0] + tf.TensorArray(F, 10, infer_shape=False).split(constant(100, 64), tf.fill([10], 10)).concat()[0])


def resize():
    x = ph(F, None, 300, 300, 3)
    y = tf.image.resize(x, [1200, 1200]) * var("w", 3)
    train(tf.image.resize(y, [299, 299], "bicubic"))


def resize_constant():
    train(tf.image.resize(tf.ones([4, 64, 64, 3]), [1024, 1024]) * var("w", 3))


def upsample_tile():
    x = tf.tile(tf.reshape(constant(32, 32), [1, 32, 1, 32, 1]), [16, 1, 8, 1, 8])
    train(tf.reshape(x, [16, 256, 256]) * var("w"))


def decode_images():
    def one(s):
        image = tf.image.decode_jpeg(s, 3)
        image = tf.image.random_flip_left_right(tf.image.random_crop(tf.image.resize(image, [256, 256]), [224, 224, 3]))
        return tf.image.per_image_standardization(tf.image.random_brightness(image, 0.1))
    images = tf.map_fn(one, ph(tf.string, None), fn_output_signature=F, parallel_iterations=8)
    train(images * var("w", 3))


def distort_bounding_box():
    image = tf.image.decode_png(ph(tf.string), 3)
    begin, size, _ = tf.image.sample_distorted_bounding_box(tf.shape(image), tf.constant([[[0.0, 0, 1, 1]]]))
    image = tf.image.resize(tf.slice(image, begin, size), [299, 299])
    image.set_shape([299, 299, 3])
    train(image * var("w", 3))


def map_constants():
    train(tf.map_fn(lambda x: tf.matmul(x, x), constant(256, 32, 32)) * var("w"))


def scan_constants():
    train(tf.scan(lambda a, x: a + x * var_in("w"), constant(500, 64, 8)))


def var_in(name):
    with tf1.variable_scope("", reuse=tf1.AUTO_REUSE):
        return var(name)


def fold():
    train(tf.foldl(lambda a, x: a + tf.reduce_sum(x), constant(500, 64, 8), 0.0) * var("w") + tf.foldr(lambda a, x: a * x, constant(500), 1.0))


def vectorized():
    w = var("w", 32, 32)
    train(tf.vectorized_map(lambda x: tf.matmul(x, w), constant(256, 32, 32)))


def records():
    spec = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64), "tags": tf.io.VarLenFeature(tf.string)}

    def one(s):
        e = tf.io.parse_single_example(s, spec)
        image = tf.reshape(tf.io.decode_raw(e["image"], tf.uint8), [224, 224, 3])
        return tf.cast(image, F) / 255, e["label"]
    d = tf.data.TFRecordDataset(["x"] * 64).map(one, num_parallel_calls=8).shuffle(100000).repeat().batch(256).prefetch(4)
    x, y = tf1.data.make_initializable_iterator(d).get_next()
    train(tf.nn.sparse_softmax_cross_entropy_with_logits(y, tf.matmul(tf.reshape(x, [-1, 224 * 224 * 3]), var("w", 224 * 224 * 3, 10))))


def dataset_constants():
    d = tf.data.Dataset.from_tensor_slices((np.zeros([2000, 28, 28], np.float32), np.zeros([2000], np.int32))).shuffle(60000).batch(128).repeat(100)
    x, y = tf1.data.make_one_shot_iterator(d).get_next()
    train(tf.matmul(tf.reshape(x, [-1, 784]), var("w", 784, 10)))


def dataset_windows():
    d = tf.data.Dataset.range(100000).window(100, 1).flat_map(lambda w: w.batch(100)).interleave(lambda x: tf.data.Dataset.from_tensors(x), cycle_length=16)
    d = d.padded_batch(32, [None]).map(lambda x: tf.cast(x, F))
    train(tf1.data.make_initializable_iterator(d).get_next() * var("w"))


def bucketed():
    d = tf.data.Dataset.range(1000).map(lambda i: tf.ones([tf.cast(i % 50 + 1, I)]))
    d = d.bucket_by_sequence_length(lambda x: tf.shape(x)[0], [10, 20, 30], [32, 16, 8, 4])
    train(tf1.data.make_initializable_iterator(d).get_next() * var("w"))


def queues():
    names = tf1.train.string_input_producer(["a"] * 1000)
    _, value = tf1.TFRecordReader().read(names)
    x = tf.reshape(tf.io.decode_raw(value, F), [784])
    batch = tf1.train.shuffle_batch([x], 128, 50000, 10000, num_threads=4)
    train(tf.matmul(batch, var("w", 784, 10)))


def function_graph():
    w = var("w", 64, 64, use_resource=True)

    @tf.function(autograph=False)
    def f(x, n):
        def body(i, x):
            x = tf.matmul(x, w)
            return i + 1, tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x)
        return tf.while_loop(lambda i, x: i < n, body, [0, x])[1]
    train(f(constant(1024, 64), tf.constant(50)))


def function_tensor_list():
    w = var("w", 64, use_resource=True)

    @tf.function(autograph=False)
    def f(x):
        ta = tf.TensorArray(F, 0, dynamic_size=True)
        return tf.while_loop(lambda i, _: i < tf.shape(x)[0], lambda i, ta: (i + 1, ta.write(i, x[i] * w)), [0, ta])[1].stack()
    train(f(constant(500, 30, 64)))


def mixture_density():
    x = tf.random.normal([1000, 1, 20])
    d = tf.square(x - var("means", 50, 20)) / tf.exp(var("scale", 50, 20))
    train(-tf.reduce_logsumexp(-0.5 * tf.reduce_sum(d, 2) + var("w", 50), 1))


def pairwise():
    x = constant(2000, 16) * var("w", 16)
    train(tf.reduce_sum(tf.square(x[:, None] - x[None]), 2))


def gaussian_process():
    x = constant(1000, 4)
    k = tf.exp(-tf.reduce_sum(tf.square(x[:, None] - x[None]), 2) * tf.exp(var("l")))
    chol = tf.linalg.cholesky(k + 1e-3 * tf.eye(1000))
    train(tf.reduce_sum(tf.linalg.triangular_solve(chol, tf.ones([1000, 1]))) + tf.linalg.logdet(k + tf.eye(1000)))


def covariance():
    d = tf.linalg.diag(tf.ones([64, 128]) * var("d", 128))
    train(tf.linalg.inv(d + tf.eye(128, batch_shape=[64])))


def outer_products():
    x = constant(64, 100)
    train(tf.einsum("bi,bj->bij", x, x * var("w", 100)))


def factorization():
    x = constant(512, 300) * var("w", 300)
    train(tf.reshape(tf.matmul(x[:, :, None], x[:, None, :]), [512, 90000]))


def gan():
    z = tf.random.normal([64, 100])
    g = tf.reshape(tf.matmul(z, var("g1", 100, 4 * 4 * 512)), [-1, 4, 4, 512])
    g = tf.nn.conv2d_transpose(g, var("g2", 5, 5, 256, 512), [64, 8, 8, 256], 2)
    g = tf.nn.conv2d_transpose(g, var("g3", 5, 5, 3, 256), [64, 16, 16, 3], 2)
    d = tf.reduce_mean(tf.nn.conv2d(g, var("d1", 5, 5, 3, 64), 2, "SAME"), [1, 2])
    grad = tf.gradients(d, g)[0]
    train(tf.reduce_sum(d) + tf.reduce_sum(tf.square(tf.sqrt(tf.reduce_sum(tf.square(grad), [1, 2, 3]) + 1e-8) - 1)))


def vae():
    x = ph(F, None, 784)
    m, s = tf.split(tf.matmul(x, var("e", 784, 64)), 2, 1)
    z = m + tf.exp(s) * tf.random.normal(tf.shape(m))
    train(tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=tf.matmul(z, var("d", 32, 784))))


def wavenet():
    x = tf.one_hot(ph(I, None, 16000), 256)
    for i in range(10):
        x = x + tf.nn.conv1d(tf.pad(x, [[0, 0], [2 ** i, 0], [0, 0]]), var(f"w{i}", 2, 256, 256), 1, "VALID", dilations=2 ** i)
    train(x)


def spectrogram():
    x = tf.sin(tf.range(16000.0)) * var("w")
    s = tf.abs(tf.signal.stft(x[None], 1024, 256))
    mel = tf.matmul(s[0], tf.signal.linear_to_mel_weight_matrix(80, 513, 16000))
    train(tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(mel + 1e-6)))


def policy_gradient():
    obs, act, adv = ph(F, None, 4), ph(I, None), ph(F, None)
    logits = tf.matmul(tf.nn.relu(tf.matmul(obs, var("a", 4, 64))), var("b", 64, 2))
    train(tf.nn.sparse_softmax_cross_entropy_with_logits(act, logits) * adv)
    tf.squeeze(tf.random.categorical(logits, 1), 1)


def dqn_memory():
    memory = var("memory", 10000, 84, 84, 1, trainable=False)
    idx = tf.random.uniform([32], 0, 10000, I)
    x = tf.gather(memory, idx)
    q = tf.matmul(tf.reshape(x, [32, 7056]), var("q", 7056, 6))
    train(tf.gather_nd(q, tf.stack([tf.range(32), tf.zeros([32], I)], 1)))
    tf1.assign(memory[0:1], tf.ones([1, 84, 84, 1]))


def boosted():
    x = ph(F, None, 20)
    ids = tf.searchsorted(tf.constant(np.tile(np.linspace(0, 1, 255), (20, 1)), F), tf.transpose(x))
    g = tf.math.unsorted_segment_sum(tf.reshape(tf.transpose(x), [-1]), tf.reshape(ids, [-1]), 256 * 20)
    train(g * var("w"))


def segments():
    ids = tf.constant(np.arange(100000) // 100, I)
    train(tf.math.segment_mean(constant(100000, 8) * var("w", 8), ids))
    train(tf.math.unsorted_segment_max(constant(100000) * var("w2"), ids, 1000))


def graph_net():
    src, dst = tf.constant(np.arange(50000) % 5000, I), tf.constant(np.arange(50000) * 7 % 5000, I)
    h = var("h", 5000, 64)
    m = tf.gather(h, src) * tf.gather(h, dst)
    train(tf.math.unsorted_segment_sum(m, dst, 5000))


def sparse_matmul():
    idx = np.stack([np.arange(10000), np.arange(10000) % 1000], 1)
    sp = tf.SparseTensor(idx, np.ones(10000, np.float32), [10000, 1000])
    train(tf.sparse.sparse_dense_matmul(sp, var("w", 1000, 64)))
    train(tf.sparse.to_dense(sp)[0, 0] * var("w2"))


def scatter_dense():
    train(tf.scatter_nd(tf.constant(np.arange(1000)[:, None], I), constant(1000, 64) * var("w", 64), [50000, 64]))


def text_pipeline():
    words = tf.strings.split(tf.strings.regex_replace(tf.strings.lower(ph(tf.string, None)), "[^a-z ]", "")).to_sparse()
    ids = tf.strings.to_hash_bucket_fast(words.values, 100000)
    train(tf1.nn.embedding_lookup_sparse(var("emb", 100000, 16), tf.SparseTensor(words.indices, ids, words.dense_shape), None))


def text_constants():
    words = tf.constant("the quick brown fox jumps over the lazy dog".split() * 200)
    grams = tf.raw_ops.StringNGrams(data=words, data_splits=list(range(0, 1801, 9)), separator=" ", ngram_widths=[1, 2, 3], left_pad="", right_pad="",
                                    pad_width=0, preserve_short_sequences=False)
    ids = tf.strings.to_hash_bucket_fast(grams.ngrams, 10000)
    names = tf.strings.join(["layer_", tf.strings.as_string(tf.range(1000)), tf.constant("x" * 20)])
    train(tf.gather(var("emb", 10000, 8), ids))
    tf.strings.reduce_join(names, 0, separator=", ")
    tf1.summary.text("names", names)


def tables():
    keys = tf.constant([f"word{i}" for i in range(20000)])
    t = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, tf.range(20000)), -1)
    train(tf.gather(var("emb", 20001, 8), t.lookup(ph(tf.string, None)) + 1))


def summaries():
    w = var("w", 784, 256)
    tf1.summary.histogram("w", w)
    tf1.summary.image("filters", tf.reshape(tf.transpose(w), [256, 28, 28, 1]), 64)
    tf1.summary.audio("a", tf.zeros([4, 16000 * 10]), 16000)
    tf1.summary.merge_all()
    train(w)


def large_initializers():
    w = tf1.get_variable("w", [4096, 4096], initializer=tf1.glorot_uniform_initializer())
    o = tf1.get_variable("o", [512, 512], initializer=tf1.orthogonal_initializer())
    train(tf.reduce_sum(w) + tf.reduce_sum(o), tf1.train.FtrlOptimizer(0.1))


def moving_averages():
    w = var("w", 1000, 1000)
    step = tf1.train.get_or_create_global_step()
    ema = tf.train.ExponentialMovingAverage(0.99, step)
    rate = tf1.train.piecewise_constant(step, [1000, 2000], [0.1, 0.01, 0.001])
    op = tf1.train.MomentumOptimizer(rate, 0.9, use_nesterov=True).minimize(tf.nn.l2_loss(w), step)
    with tf1.control_dependencies([op]):
        ema.apply([w])


def bucket_one_hot():
    b = tf.raw_ops.Bucketize(input=constant(4096, 100), boundaries=[float(i) for i in range(100)])
    train(tf.reduce_sum(tf.one_hot(b, 101), 1) * var("w", 101))


def multi_hot():
    train(tf.matmul(tf.reduce_max(tf.one_hot(tf.constant(np.arange(256 * 50).reshape(256, 50), I), 20000), 1), var("w", 20000, 16)))


def positional():
    i = tf.range(512)
    rel = tf.clip_by_value(i[None] - i[:, None] + 128, 0, 256)
    train(tf.einsum("bqd,qkd->bqk", constant(8, 512, 64), tf.gather(var("r", 257, 64), rel)))


def space_batch():
    x = tf.space_to_batch_nd(constant(4, 128, 128, 3), [2, 2], [[0, 0], [0, 0]])
    x = tf.nn.atrous_conv2d(tf.nn.depth_to_space(tf.nn.space_to_depth(x, 2), 2), var("w", 3, 3, 3, 8), 4, "SAME")
    train(tf.nn.lrn(x))


def patches():
    p = tf.image.extract_patches(constant(8, 128, 128, 3), [1, 7, 7, 1], [1, 1, 1, 1], [1, 1, 1, 1], "SAME")
    train(tf.matmul(tf.reshape(p, [-1, 147]), var("w", 147, 8)))


def unstacked():
    train(sum(tf.reduce_sum(x) * var_in("w") for x in tf.unstack(constant(100, 64, 64))))


def ragged():
    r = tf.RaggedTensor.from_row_splits(constant(10000, 8), tf.range(0, 10001, 10, dtype=tf.int64))
    train(tf.reduce_sum(r, 1) * var("w", 8))
    train(tf.gather(var("emb", 100, 4), tf.ragged.range(tf.range(100)).to_tensor(0)))


def dct_fft():
    train(tf.abs(tf.signal.fft2d(tf.cast(constant(16, 256, 256) * var("w"), tf.complex64))))
    train(tf.abs(tf.signal.rfft2d(constant(4, 32, 32, 32) * var("w2"))))


def hessian():
    w = var("w", 100)
    train(tf.hessians(tf.reduce_sum(tf.pow(w, 3.0)), w)[0])


def jacobian():
    w = var("w", 64)
    y = tf.tanh(tf.matmul(constant(128, 64), w[:, None]))[:, 0]
    train(tf.stack([tf.gradients(y[i], w)[0] for i in range(32)]))


def mesh_grid():
    a, b, c = tf.meshgrid(tf.range(100.0), tf.range(100.0), tf.range(100.0))
    train(tf.reduce_sum(a * b * c) * var("w"))


def broadcast_grid():
    g = tf.stack(tf.broadcast_to(tf.range(64.0)[:, None], [64, 64])) + tf.range(64.0)
    train(tf.reshape(g, [1, 64, 64, 1]) * var("w", 32, 1, 1, 16))


def affine_sampler():
    x = ph(F, 16, 100, 100, 3)
    i, j = tf.meshgrid(tf.linspace(-1.0, 1.0, 100), tf.linspace(-1.0, 1.0, 100))
    grid = tf.tile(tf.stack([tf.reshape(i, [-1]), tf.reshape(j, [-1]), tf.ones([10000])])[None], [16, 1, 1])
    t = tf.matmul(tf.reshape(var("theta", 6), [1, 2, 3]) + tf.zeros([16, 2, 3]), grid)
    ix = tf.cast(tf.clip_by_value((t + 1) * 50, 0, 99), I)
    base = tf.repeat(tf.range(16) * 10000, 10000)
    idx = base + tf.reshape(ix[:, 1] * 100 + ix[:, 0], [-1])
    train(tf.gather(tf.reshape(x, [-1, 3]), idx) * tf.reshape(t[:, 0], [-1, 1]))


def capsules():
    u = tf.reshape(ph(F, None, 6, 6, 32 * 8), [-1, 1152, 1, 8, 1])
    w = tf.tile(var("w", 1, 1152, 160, 8, 1), [tf.shape(u)[0], 1, 1, 1, 1])
    hat = tf.reshape(tf.reduce_sum(w * tf.tile(u, [1, 1, 160, 1, 1]), 3), [-1, 1152, 10, 16])
    b = tf.zeros_like(hat[:, :, :, :1])
    for _ in range(3):
        v = tf.reduce_sum(tf.nn.softmax(b, 2) * hat, 1, keepdims=True)
        b += tf.reduce_sum(hat * v, 3, keepdims=True)
    train(v)


def neural_style():
    f = tf.reshape(tf.nn.conv2d(var("image", 1, 512, 512, 3), constant(3, 3, 3, 64), 1, "SAME"), [-1, 64])
    train(tf.matmul(f, f, transpose_a=True) / 262144)


def kmeans():
    x, c = constant(20000, 16), var("c", 256, 16)
    d = tf.reduce_sum(x ** 2, 1, keepdims=True) - 2 * tf.matmul(x, c, transpose_b=True) + tf.reduce_sum(c ** 2, 1)
    a = tf.argmin(d, 1)
    tf1.assign(c, tf.math.unsorted_segment_mean(x, a, 256))


def random_ops():
    train(tf.random.truncated_normal([1024, 1024]) * var("w") + tf.random.gamma([1024, 1024], 1.0) + tf.random.shuffle(tf.range(1024.0)))
    train(tf.random.stateless_uniform([2048, 2048], [1, 2]) * var("w2"))


def quantized():
    w = var("w", 3, 3, 3, 64)
    x = tf.quantization.fake_quant_with_min_max_vars(ph(F, None, 224, 224, 3), var("lo"), var("hi"))
    train(tf.nn.conv2d(x, tf.quantization.fake_quant_with_min_max_vars_per_channel(w, var("l", 64), var("h", 64)), 1, "SAME"))


def old_tile_gradient():
    x = var("x", 32, 1, 64)
    train(tf.tile(x, [1, 1000, 1]) * constant(32, 1000, 64))


def multi_device():
    for i in range(4):
        with tf1.device("/cpu:0"), tf1.variable_scope("t", reuse=tf1.AUTO_REUSE):
            train(tf.matmul(ph(F, None, 100), var("w", 100, 10)), tf1.train.GradientDescentOptimizer(0.1))


def conditional():
    w = var("w", 64, 64)
    train(tf1.cond(ph(tf.bool), lambda: tf.matmul(constant(4096, 64), w), lambda: tf.tile(w, [64, 1])))


def case():
    w = var("w", 64, 64)
    i = ph(I)
    train(tf1.case([(tf.equal(i, k), lambda k=k: tf.tile(w, [k + 1, k + 1])[:64, :64]) for k in range(8)], default=lambda: w))


def tf2_while_in_graph():
    tf1.enable_control_flow_v2()
    try:
        train(dynamic_rnn(constant(16, 30, 32), "lstm")[0])
        train(tf.map_fn(lambda x: x * var_in("k"), constant(300, 64, 16)))
    finally:
        tf1.disable_control_flow_v2()


for make in (bidirectional, raw_rnn, stacked, batch_major, static_rnn, language_model, transformer, beam_search, seq2seq, conv_constant, unet, conv3d, depthwise,
             detection, roi_align, word2vec, sampled_softmax, huge_embedding, sparse_embedding, one_hot_large, crf, ctc, accumulate, accumulate_rows,
             nested_loops, tensor_arrays, resize, resize_constant, upsample_tile, decode_images, distort_bounding_box, map_constants, scan_constants, fold,
             vectorized, records, dataset_constants, dataset_windows, bucketed, queues, function_graph, function_tensor_list, mixture_density, pairwise,
             gaussian_process, covariance, outer_products, factorization, gan, vae, wavenet, spectrogram, policy_gradient, dqn_memory, boosted, segments,
             graph_net, sparse_matmul, scatter_dense, text_pipeline, text_constants, tables, summaries, large_initializers, moving_averages,
             bucket_one_hot, multi_hot, positional, space_batch, patches, unstacked, ragged, dct_fft, hessian, jacobian, mesh_grid, broadcast_grid,
             affine_sampler, capsules, neural_style, kmeans, random_ops, quantized, old_tile_gradient, multi_device, conditional, case, tf2_while_in_graph):
    write(make.__name__, make)


# Shapes that don't depend on the values of computed constants, though these are inputs of the ops.
def computed_constants():
    start = tf.reduce_sum(constant(4, 3) * 2.0)
    grid = tf.linspace(start, start + 3.0, 7) + tf.reduce_sum(tf.linspace(constant(3) * 2.0, constant(3) * 5.0, 7, axis=1))
    root = tf.linalg.cholesky(tf.eye(3) * 2.0)
    solved = tf.linalg.solve(root, constant(3, 3))
    product = tf.einsum("ij,jk->ik", root, solved) + tf.einsum("bij,bkj->ik", tf.stack([root, root]), tf.stack([solved, solved]))
    rows = tf.sparse.segment_mean(constant(5, 3) * 2.0, [0, 1, 2], [0, 0, 1])
    left, right = tf.split(rows, [1, 2], 1)
    filled = tf.fill([3, 3], start) + tf.one_hot([0, 1, 2], 3, on_value=start, off_value=0.0) + tf.broadcast_to(root[0], tf.broadcast_dynamic_shape([3, 1], [1, 3]))
    train((tf.reduce_sum(product + filled) + tf.reduce_sum(grid) + tf.reduce_sum(left) * tf.reduce_sum(right)) * var("w", 3))


write("computed_constants", computed_constants)
write("attention", lambda: train(attention()))
write("seq2seq_unknown", lambda: seq2seq(True))
write("conv_known", lambda: conv_net(256, 224))
write("conv_unknown", lambda: conv_net(None, 299, False, 5))
write("conv_deep", lambda: conv_net(32, 512, True, 6))
result = {"made": made, "broken": broken}

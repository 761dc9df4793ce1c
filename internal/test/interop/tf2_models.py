# Ten TensorFlow 2 models with a signature "train" of x [4, 3] and y [4, 1], one in args[0]/NAME/1
# each. The result has, by name, the losses of 101 steps in Python alone.
x = tf.constant([[0., 1., 2.], [2., 0., 1.], [1., 1., 0.], [0., 2., 2.]])
y = tf.constant([[0.5], [-1.0], [2.0], [0.25]])
layers, optimizers = tf.keras.layers, tf.keras.optimizers


class Trained(tf.Module):
    def __init__(self, call, variables, *opts, **parts):
        self.parts = parts
        self.opts = list(opts)
        self.call, self.listed = call, variables
        for o, v in zip(self.opts, variables()):
            o.build(v)

    @tf.function(input_signature=[tf.TensorSpec([4, 3]), tf.TensorSpec([4, 1])])
    def train(self, x, y):
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean((tf.cast(self.call(x), tf.float32) - y) ** 2)
        for o, v in zip(self.opts, self.listed()):
            o.apply_gradients(zip(tape.gradient(loss, v), v))
        return {"loss": loss}


class Plain(tf.Module):
    """Gradient descent of variables that parts() returns."""

    @tf.function(input_signature=[tf.TensorSpec([4, 3]), tf.TensorSpec([4, 1])])
    def train(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.cast(self.call(x), tf.float32) - y) ** 2)
        v = self.trained()
        for a, g in zip(v, tape.gradient(loss, v)):
            a.assign_sub(tf.cast(0.02, a.dtype) * g)
        return {"loss": loss}


def keras(model, *opts, split=None, **parts):
    split = split or (lambda: [model.trainable_variables])
    return Trained(lambda x: model(x, training=True), split, *opts, model=model, **parts)


def dense():
    return keras(tf.keras.Sequential([tf.keras.Input([3]), layers.Dense(4, activation="tanh"), layers.Dense(1)]), optimizers.Adam(0.01))


def conv():
    return keras(tf.keras.Sequential([tf.keras.Input([3]), layers.Reshape([3, 1]), layers.Conv1D(2, 2),
                                      layers.BatchNormalization(), layers.Flatten(), layers.Dense(1)]), optimizers.SGD(0.01, momentum=0.9))


def lstm():
    return keras(tf.keras.Sequential([tf.keras.Input([3]), layers.Reshape([3, 1]), layers.LSTM(3), layers.Dense(1)]), optimizers.RMSprop(0.01))


def embedding():
    words = tf.constant(["a", "b", "c"])
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["c", "b", "a"], tf.constant([0, 1, 2], tf.int64)), -1)
    embed, out = layers.Embedding(3, 2), layers.Dense(1)
    embed.build([None]), out.build([None, 6])

    def call(x):
        ids = table.lookup(tf.gather(words, tf.cast(x, tf.int32)))
        return out(tf.reshape(embed(ids), [4, 6]))
    return Trained(call, lambda: [embed.trainable_variables + out.trainable_variables], optimizers.Adagrad(0.05), table=table, embed=embed, out=out)


def two_optimizers():
    a, b = layers.Dense(4), layers.Dense(1)
    a.build([None, 3]), b.build([None, 4])
    return Trained(lambda x: b(tf.tanh(a(x))), lambda: [a.trainable_variables, b.trainable_variables],
                   optimizers.Adam(0.01), optimizers.SGD(0.01, momentum=0.5), a=a, b=b)


def shared():
    i, d = tf.keras.Input([3]), layers.Dense(3, activation="tanh")
    return keras(tf.keras.Model(i, layers.Dense(1)(d(d(i)))), optimizers.Adam(0.01))


def mixed():
    m = Plain()
    m.single, m.double = tf.Variable([[0.1], [0.2], [0.3]]), tf.Variable(0.5, dtype=tf.float64)
    m.half, m.count, m.flag = tf.Variable([1.5], dtype=tf.bfloat16), tf.Variable(0, dtype=tf.int64), tf.Variable(False)

    def call(x):
        m.count.assign_add(1)
        m.flag.assign(tf.logical_not(m.flag))
        return tf.cast(tf.matmul(x, m.single), tf.float64) + m.double + tf.cast(m.half, tf.float64) * tf.cast(m.count % 2, tf.float64)
    m.call, m.trained = call, lambda: [m.single, m.double]
    return m


def nested():
    m = Plain()
    m.a, m.b = tf.Module(), tf.Module()
    m.a.inner, m.b.inner = tf.Module(), tf.Module()
    m.a.inner.w, m.b.inner.w = tf.Variable(tf.fill([3, 2], 0.1), name="w"), tf.Variable(tf.fill([2, 1], 0.2), name="w")
    m.call = lambda x: tf.tanh(x @ m.a.inner.w) @ m.b.inner.w
    m.trained = lambda: [m.a.inner.w, m.b.inner.w]
    return m


def attributes():
    m = Plain()
    m.by_name = {"w": tf.Variable(tf.fill([3, 1], 0.3)), "more": {"scale": tf.Variable(1.1)}}
    m.in_order = [tf.Variable([0.1]), (tf.Variable([0.2]), tf.Variable(0.7))]
    m.call = lambda x: (x @ m.by_name["w"]) * m.by_name["more"]["scale"] + m.in_order[0] + m.in_order[1][0] * m.in_order[1][1]
    m.trained = lambda: [m.by_name["w"], m.by_name["more"]["scale"], m.in_order[0], m.in_order[1][0], m.in_order[1][1]]
    return m


def equal_names():
    m = Plain()
    m.v = [tf.Variable(tf.fill([3, 1], 0.1 * i)) for i in range(1, 5)]
    m.call = lambda x: tf.add_n([tf.tanh(x * i) @ v for i, v in enumerate(m.v)])
    m.trained = lambda: m.v
    return m


tf.keras.utils.set_random_seed(7)
result = {}
for make in (dense, conv, lstm, embedding, two_optimizers, shared, mixed, nested, attributes, equal_names):
    m = make()
    tf.saved_model.save(m, f"{args[0]}/{make.__name__}/1", signatures={"train": m.train})
    result[make.__name__] = [float(m.train(x, y)["loss"]) for _ in range(101)]

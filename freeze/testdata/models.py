"""The models that the tests freeze: each builds one graph, trains nothing, and
names its output "y". build(kind) returns the placeholder feeds to check it with.
"""


def build(tf, tf1, np, kind):
    rng = np.random.RandomState(7)
    base, _, flavor = kind.partition(":")
    if flavor == "ref":
        tf1.disable_resource_variables()
    else:
        tf1.enable_resource_variables()
    if flavor in ("ref", "v1flow"):
        tf1.disable_control_flow_v2()
    if flavor in ("resource", "v2flow"):
        tf1.enable_control_flow_v2()
    x = tf1.placeholder(tf.float32, [None, 4], name="x")
    feeds = {"x:0": rng.rand(3, 4).astype(np.float32)}

    def var(name, *shape, dtype=np.float32):
        value = (rng.rand(*shape) * 4 - 2).astype(dtype)
        return tf1.get_variable(name, initializer=value)

    if base == "mlp":
        h = tf.nn.relu(tf.matmul(x, var("h/w", 4, 5)) + var("h/b", 5))
        y = tf.nn.softmax(tf.matmul(h, var("o/w", 5, 3)) + var("o/b", 3))
    elif base == "bn":
        # Batch normalization in training mode: the output waits for the
        # updates of the moving averages.
        h = tf.matmul(x, var("h/w", 4, 5))
        mean, variance = tf.nn.moments(h, [0])
        mm, mv = var("bn/moving_mean", 5), tf1.get_variable("bn/moving_variance", initializer=np.ones(5, np.float32))
        gamma, beta = var("bn/gamma", 5), var("bn/beta", 5)
        training = tf1.placeholder_with_default(True, [], name="is_training")

        def update():
            a = tf1.assign_sub(mm, (mm - mean) * 0.1)
            b = tf1.assign_sub(mv, (mv - variance) * 0.1)
            with tf1.control_dependencies([a, b]):
                return tf.identity(mean), tf.identity(variance)

        m, v = tf1.cond(training, update, lambda: (tf.identity(mm), tf.identity(mv)))
        y = tf.nn.batch_normalization(h, m, v, beta, gamma, 1e-3)
    elif base == "update":
        # Moving averages without a condition, as control dependencies.
        h = tf.matmul(x, var("h/w", 4, 5))
        mm = var("mm", 5)
        with tf1.control_dependencies([tf1.assign_sub(mm, mm * 0.1)]):
            y = tf.identity(h) * 2.0
    elif base == "while":
        w, b = var("w", 4, 4), var("b", 4)
        y = tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.tanh(tf.matmul(a, w) + b)), [tf.constant(0), x])[1]
    elif base == "cond":
        w, b = var("w", 4, 4), var("b", 4)
        y = tf1.cond(tf.reduce_sum(x) > 0, lambda: tf.matmul(x, w) + b, lambda: tf.matmul(x, w) - b)
    elif base == "case":
        w, b = var("w", 4, 4), var("b", 4)
        s = tf.reduce_sum(x)
        y = tf1.case([(s < -1, lambda: x * b), (s < 100, lambda: tf.matmul(x, w))], default=lambda: x, exclusive=False)
    elif base == "embedding":
        ids = tf1.placeholder(tf.int32, [None], name="ids")
        feeds["ids:0"] = np.array([3, 0, 3], np.int32)
        y = tf.matmul(x, tf.transpose(tf.nn.embedding_lookup(var("table", 6, 4), ids)))
    elif base == "loopembedding":
        table = var("table", 6, 4)
        y = tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + tf.nn.embedding_lookup(table, i)), [tf.constant(0), x])[1]
    elif base == "partitioned":
        with tf1.variable_scope("p", partitioner=tf1.fixed_size_partitioner(2)):
            w = tf1.get_variable("w", initializer=tf1.random_uniform_initializer(-1, 1, seed=3), shape=[4, 3])
        y = tf.matmul(x, tf.convert_to_tensor(w))
    elif base == "mixed":
        a = var("a", 4, 4, dtype=np.float64)
        i = tf1.get_variable("i", initializer=np.arange(4, dtype=np.int64))
        h = tf1.get_variable("half", initializer=np.ones(4, np.float16))
        f = tf1.get_variable("flag", initializer=np.array(True))
        s = tf1.get_variable("s", initializer=tf.constant(["1.5", "2", "-3", "0.25"]))
        bf = tf1.get_variable("bf", initializer=tf.cast(tf.constant([0.5, 2.0, 1.0, -1.0]), tf.bfloat16))
        y = tf.matmul(tf.cast(x, tf.float64), a) + tf.cast(i, tf.float64) + tf.cast(h, tf.float64)
        y = tf.where(f, y, -y) + tf.cast(tf.strings.to_number(s), tf.float64) + tf.cast(bf, tf.float64)
    elif base == "function":
        w = var("w", 4, 4)

        @tf.function
        def inner(a):
            return tf.matmul(a, w)

        @tf.function
        def outer(a):
            return tf.nn.relu(inner(a)) + w[0]

        y = outer(x)
    elif base == "ownhandle":
        # Functions that make the handle of the variable themselves.
        shape = [4, 4]
        var("w", *shape)

        def own(name):
            h = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=shape, shared_name="w", name=name)
            return tf.raw_ops.ReadVariableOp(resource=h, dtype=tf.float32)

        @tf.function
        def inner(a):
            return tf.matmul(a, own("inner_w"))

        @tf.function
        def outer(a):
            a = tf.while_loop(
                lambda i, a: tf.cast(i, tf.float32) < 2 + 0 * own("cond_w")[0, 0],
                lambda i, a: (i + 1, tf.tanh(inner(a)) + own("body_w")[0]),
                [tf.constant(0), a])[1]
            return tf.cond(tf.reduce_sum(a) > -100, lambda: inner(a) + own("then_w")[1], lambda: a) + own("outer_w")[2]

        y = outer(x)
    else:
        raise ValueError(kind)
    tf.identity(y, name="y")
    return feeds


def write(tf, tf1, np, os, kind, directory):
    """Builds, initializes and saves a model in every form; returns what it computes."""
    with tf1.Graph().as_default() as g:
        tf1.set_random_seed(1)
        feeds = build(tf, tf1, np, kind)
        saver = tf1.train.Saver()
        with tf1.Session() as sess:
            sess.run(tf1.global_variables_initializer())
            saver.save(sess, os.path.join(directory, "model"), write_state=False)
            tf1.train.write_graph(g, directory, "graph.pb", as_text=False)
            tf1.train.write_graph(g, directory, "graph.pbtxt")
            tf1.saved_model.simple_save(
                sess, os.path.join(directory, "saved_model"),
                {"x": g.get_tensor_by_name("x:0")}, {"y": g.get_tensor_by_name("y:0")})
            return sess.run("y:0", feeds).astype(np.float64).tolist(), {k: v.tolist() for k, v in feeds.items()}


def run(tf, tf1, np, path, feeds):
    """Loads a frozen graph and runs it; returns its output and its operations."""
    def_ = tf1.GraphDef()
    with open(path, "rb") as f:
        def_.ParseFromString(f.read())
    with tf1.Graph().as_default() as g:
        tf1.import_graph_def(def_, name="")
        with tf1.Session() as sess:
            typed = {k: np.array(v, g.get_tensor_by_name(k).dtype.as_numpy_dtype) for k, v in feeds.items() if _has(g, k)}
            return sess.run("y:0", typed).astype(np.float64).tolist(), sorted({n.op for n in def_.node}
                | {n.op for f in def_.library.function if "_frozen_" in f.signature.name for n in f.node_def})


def _has(g, name):
    try:
        g.get_tensor_by_name(name)
        return True
    except (KeyError, ValueError):
        return False

"""Training graphs, made from a seed, in which a placeholder chooses between training and
inference: batch normalizations, fused and spelled out, and dropouts, behind every kind of
conditional. Weights are constants, as in a frozen graph.
"""

import random

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import function as defuns

tf1 = tf.compat.v1

HOW = ["cond", "if", "select", "where", "case", "switch_case", "nested", "nested if", "function", "defun", "smart", "mixed"]
PREDICATES = ["plain", "identity", "not not", "and", "or", "cast", "equal", "less", "where", "float"]


class Builder:
    def __init__(self, seed):
        self.rng = random.Random(f"training {seed}")
        self.np = np.random.RandomState(seed)
        self.norms = self.dropouts = 0
        self.text = []

    def const(self, *shape, lo=-1.0, hi=1.0):
        c = tf.constant(self.np.uniform(lo, hi, shape).astype(np.float32))
        return tf.identity(c) if self.rng.random() < 0.5 else c

    def predicate(self, p):
        kind = self.rng.choice(PREDICATES)
        self.text.append(kind)
        return {
            "plain": lambda: p,
            "identity": lambda: tf.identity(p),
            "not not": lambda: tf.logical_not(tf.logical_not(p)),
            "and": lambda: tf.logical_and(p, tf.constant(True)),
            "or": lambda: tf.logical_or(tf.constant(False), p),
            "cast": lambda: tf.cast(tf.cast(p, tf.int32), tf.bool),
            "equal": lambda: tf.equal(tf.cast(p, tf.int32), 1),
            "less": lambda: tf.less(0.5, tf.cast(p, tf.float32)),
            "where": lambda: tf.where(p, tf.constant(True), tf.constant(False)),
            "float": lambda: tf.not_equal(tf.cast(p, tf.float32) * 2.0, 0.0),
        }[kind]()

    def choose(self, training, yes, no, how=None):
        """yes() in training, no() in inference. Both return the same number of tensors."""
        how = how or self.rng.choice(HOW)
        self.text.append(how)
        p = self.predicate(training)
        many = lambda t: list(t) if isinstance(t, (list, tuple)) else [t]  # noqa: E731
        one = lambda t: t[0] if isinstance(t, (list, tuple)) and len(t) == 1 else t  # noqa: E731
        if how in ("cond", "if"):
            (tf1.disable_control_flow_v2 if how == "cond" else tf1.enable_control_flow_v2)()
            return one(tf1.cond(p, yes, no))
        if how == "smart":
            tf1.disable_control_flow_v2()
            return one(tf1.cond(tf.identity(p), lambda: [tf.identity(t) for t in many(yes())], lambda: [tf.identity(t) for t in many(no())]))
        if how == "case":
            tf1.disable_control_flow_v2()
            return one(tf1.case([(p, yes)], default=no))
        if how == "switch_case":
            tf1.enable_control_flow_v2()
            return one(tf.switch_case(tf.cast(p, tf.int32), [no, yes]))
        if how in ("nested", "nested if"):
            (tf1.disable_control_flow_v2 if how == "nested" else tf1.enable_control_flow_v2)()
            return one(tf1.cond(tf.logical_not(p), lambda: tf1.cond(tf.logical_and(p, training), yes, no), yes))
        if how == "mixed":
            tf1.disable_control_flow_v2()

            def inner():
                tf1.enable_control_flow_v2()
                r = tf1.cond(training, yes, no)
                tf1.disable_control_flow_v2()
                return r

            return one(tf1.cond(p, yes, inner))
        if how == "function":
            tf1.enable_control_flow_v2()
            f = tf.function(lambda q: tf1.cond(q, yes, no), autograph=False)
            return one(f(p))
        if how == "defun":
            tf1.disable_control_flow_v2()
            a, b = many(yes()), many(no())

            def body(q, *xs):
                k = len(xs) // 2
                return [tf1.cond(q, lambda i=i: xs[i], lambda i=i: xs[k + i]) for i in range(k)]

            types = [tf.bool] + [t.dtype for t in a + b]
            out = many(defuns.Defun(*types, func_name=f"choose_{self.norms}_{self.dropouts}")(body)(p, *a, *b))
            for o, t in zip(out, a):
                o.set_shape(t.shape)
            return one(out)
        a, b = many(yes()), many(no())
        if how == "where":
            return one([tf.where(p, s, t) for s, t in zip(a, b)])
        return one([tf1.where(tf.fill(tf.shape(s), p), s, t) for s, t in zip(a, b)])

    def norm(self, h, training, how=None):
        self.norms += 1
        c = h.shape[-1]
        gamma, beta, mean = self.const(c), self.const(c), self.const(c)
        variance = self.const(c, lo=0.5, hi=2.0)
        kind = self.rng.choice(["fused", "fused", "moments"])
        if h.shape.rank != 4:
            kind = "moments"
        self.text.append(f"norm {kind}")
        if kind == "fused":
            return self.choose(
                training,
                lambda: tf1.nn.fused_batch_norm(h, gamma, beta, epsilon=1e-3, is_training=True)[0],
                lambda: tf1.nn.fused_batch_norm(h, gamma, beta, mean, variance, epsilon=1e-3, is_training=False)[0], how)
        axes = list(range(h.shape.rank - 1))
        m, v = self.choose(training, lambda: list(tf.nn.moments(h, axes)), lambda: [tf.identity(mean), tf.identity(variance)], how)
        return tf.nn.batch_normalization(h, m, v, beta, gamma, 1e-3)

    def dropout(self, h, training, how=None):
        self.dropouts += 1
        self.text.append("dropout")
        return self.choose(training, lambda: tf1.nn.dropout(h, rate=0.4, seed=self.rng.choice([None, 3])), lambda: tf.identity(h), how)

    def product(self, h):
        if h.shape.rank == 2:
            return tf.matmul(h, self.const(h.shape[1], 5))
        if self.rng.random() < 0.3:
            return tf.nn.depthwise_conv2d(h, self.const(2, 2, h.shape[3], 2), [1, 1, 1, 1], "SAME")
        return tf.nn.conv2d(h, self.const(2, 2, h.shape[3], 4), [1, 1, 1, 1], "SAME")

    def build(self):
        batch = self.rng.choice([None, None, 2])
        x = tf1.placeholder(tf.float32, [batch, 4, 4, 3], name="x")
        training = tf1.placeholder(tf.bool, [], name="is_training")
        if self.rng.random() < 0.3:
            training = tf1.placeholder_with_default(self.rng.random() < 0.5, [], name="training_default")
        self.training = training.op.name
        h = x
        for i in range(self.rng.choice([2, 3, 4])):
            if h.shape.rank == 4 and self.rng.random() < 0.25:
                h = tf.reshape(h, [-1, int(np.prod(h.shape[1:]))])
            h = tf.nn.relu(self.norm(self.product(h), training))
            if self.rng.random() < 0.55:
                h = self.dropout(h, training)
        tf.identity(h, name="y")


def run(definition, feeds):
    with tf1.Graph().as_default():
        tf1.import_graph_def(definition, name="")
        with tf1.Session() as s:
            return s.run("y:0", feeds)


X = np.random.RandomState(5).rand(2, 4, 4, 3).astype(np.float32)
wants = {}


def write(count, directory):
    """Writes graphs; returns what is in each."""
    out = []
    for seed in range(count):
        b = Builder(seed)
        with tf1.Graph().as_default() as g:
            b.build()
            definition = g.as_graph_def(add_shapes=b.rng.random() < 0.3)
        tf1.enable_control_flow_v2()
        path = f"{directory}/{seed}.pb"
        with open(path, "wb") as f:
            f.write(definition.SerializeToString())
        wants[seed] = run(definition, {"x:0": X, b.training + ":0": False})
        out.append(dict(path=path, seed=seed, training=b.training, norms=b.norms, dropouts=b.dropouts, text=", ".join(b.text)))
    return out


def difference(seed, path):
    """Returns the largest relative difference between a graph and its optimized form."""
    definition = tf1.GraphDef()
    with open(path, "rb") as f:
        definition.ParseFromString(f.read())
    got, want = run(definition, {"x:0": X}), wants[seed]
    if got.shape != want.shape:
        return 1e9
    return float(np.max(np.abs(got - want) / (np.abs(want) + 1.0)))

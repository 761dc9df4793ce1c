"""Graphs with predicates that a placeholder decides, each built to break a careless choice
of the branch.
"""

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import function as defuns

tf1 = tf.compat.v1


def conditional(v2, p, yes, no):
    (tf1.enable_control_flow_v2 if v2 else tf1.disable_control_flow_v2)()
    return tf1.cond(p, yes, no)


def while_(v2, x, p, inner):
    (tf1.enable_control_flow_v2 if v2 else tf1.disable_control_flow_v2)()
    return tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, conditional(v2, p, lambda: inner(a) + 1.0, lambda: a * 2.0 - tf.cast(i, tf.float32))),
                          [tf.constant(0), x])[1]


def build(kind, x, p):
    noisy = lambda a: a + tf1.random_uniform(tf.shape(a), seed=3) * 0.0  # noqa: E731
    v2 = kind.endswith("v2")
    base = kind.removesuffix(" v2")
    if base == "loop":
        return while_(v2, x, p, noisy)
    if base == "loop with predicate computed inside":
        (tf1.enable_control_flow_v2 if v2 else tf1.disable_control_flow_v2)()
        return tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, conditional(v2, tf.logical_not(p), lambda: noisy(a), lambda: a * 3.0)), [0, x])[1]
    if base == "loop ends by predicate":
        (tf1.enable_control_flow_v2 if v2 else tf1.disable_control_flow_v2)()
        return tf1.while_loop(lambda i, a: tf.logical_and(i < 3, p), lambda i, a: (i + 1, a * 3.0), [0, x])[1]
    if base == "loop changes the predicate":
        (tf1.enable_control_flow_v2 if v2 else tf1.disable_control_flow_v2)()
        return tf1.while_loop(lambda i, a, q: i < 3, lambda i, a, q: (i + 1, conditional(v2, q, lambda: a * 3.0, lambda: a + 1.0), tf.logical_not(q)), [0, x, p])[1]
    if base == "loop in branch":
        return conditional(v2, p, lambda: while_(v2, x, tf.reduce_sum(x) > 0, noisy), lambda: x - 1.0)
    if base == "constants in branches":
        return x + conditional(v2, p, lambda: tf.constant(3.0), lambda: tf.constant(4.0))
    if base == "undecided inside":
        return conditional(v2, p, lambda: conditional(v2, x[0] > 0.0, lambda: x * 5.0, lambda: noisy(x)), lambda: conditional(v2, x[1] > 0.0, lambda: x * 7.0, lambda: x))
    if base == "undecided outside":
        return conditional(v2, x[0] > 0.0, lambda: conditional(v2, p, lambda: noisy(x), lambda: x * 7.0), lambda: tf.constant([1.0, 2.0, 3.0, 4.0]))
    if base == "call in undecided branch":
        f = tf.function(lambda q: tf.cond(q, lambda: tf.constant([9.0, 8.0, 7.0, 6.0]), lambda: tf.constant([5.0, 5.0, 5.0, 5.0])), autograph=False)
        return conditional(v2, x[0] > 0.0, lambda: f(p), lambda: x)
    if base == "several results":
        a, b = conditional(v2, p, lambda: [x, x * 2.0], lambda: [x * 3.0, noisy(x)])
        return a - b * 0.25
    if base == "assertion in branch":
        def checked():
            with tf.control_dependencies([tf.debugging.Assert(x[0] > 0.0, [x])]):
                return x * 2.0
        return conditional(v2, p, checked, lambda: x)
    if base == "assertion before":
        with tf.control_dependencies([tf.debugging.Assert(x[0] > 0.0, [x])]):
            return conditional(v2, p, lambda: x * 2.0, lambda: x)
    if base == "assertion in function":
        def body(a, q):
            tf.debugging.Assert(a[0] > 0.0, [a])
            return tf.cond(q, lambda: a * 2.0, lambda: a)
        return tf.function(body, autograph=False)(x, p)
    if base == "assertion behind loop":
        (tf1.enable_control_flow_v2 if v2 else tf1.disable_control_flow_v2)()
        def step(i, a):
            with tf.control_dependencies([tf.debugging.Assert(a[0] > 0.0, [a])]):
                return i + 1, conditional(v2, p, lambda: a * 2.0, lambda: noisy(a) + 1.0)
        return tf1.while_loop(lambda i, a: i < 2, step, [0, x])[1]
    if base == "function called twice":
        f = tf.function(lambda a, q: tf.cond(q, lambda: a * 2.0, lambda: noisy(a) - 1.0), autograph=False)
        return f(f(x, p), tf.logical_not(p)) + f(x, tf.constant(True))
    if base == "function of function":
        g = tf.function(lambda a, q: tf.cond(q, lambda: a * 2.0, lambda: noisy(a) - 1.0), autograph=False)
        f = tf.function(lambda a, q: g(g(a, q), tf.logical_not(q)), autograph=False)
        return f(x, p)
    if base == "function returns its argument":
        f = tf.function(lambda a, q: (a, tf.cond(q, lambda: a, lambda: a + 1.0), q), autograph=False)
        a, b, q = f(x, p)
        return a + b * 2.0 + tf.cast(q, tf.float32)
    if base == "defun":
        return defuns.Defun(tf.float32, tf.bool, func_name="chooses")(lambda a, q: conditional(v2, q, lambda: a * 2.0, lambda: a + 1.0))(x, p)
    if base == "case":
        tf1.enable_control_flow_v2()
        return tf.switch_case(tf.cast(p, tf.int32) * 7 - 1, [lambda: x, lambda: x * 2.0, lambda: noisy(x) * 3.0])
    if base == "select of other shapes":
        return tf.where(p, x, tf.ones([3, 4])) + tf.where(p, tf.ones([2, 1, 1]), x)
    if base == "select of a vector":
        return tf.where(tf.stack([p, tf.logical_not(p), p, p]), x, -x)
    if base == "select of an empty":
        return x + tf.reduce_sum(tf1.where(tf.fill([0], p), tf.zeros([0]), tf.ones([0])))
    if base == "select of unknown shapes":
        y = tf1.placeholder_with_default(tf.ones([3, 1]), None)
        return tf.where(p, y, x) + tf.where(p, x, y)
    if base == "numbers":
        n = tf.cast(p, tf.int32)
        return tf.where(tf.equal(n * 3 - 1, 2), x, x * 2.0) + tf.where(tf.cast(p, tf.float32) >= 1.0, x, x * 4.0)
    if base == "merge tells its index":
        a, b = tf.raw_ops.Switch(data=x, pred=p)
        m = tf.raw_ops.Merge(inputs=[tf.identity(a), tf.identity(b) * 2.0])
        return m.output + tf.cast(m.value_index, tf.float32)
    if base == "merge of three":
        a, b = tf.raw_ops.Switch(data=x, pred=p)
        c, d = tf.raw_ops.Switch(data=b * 2.0, pred=x[1] > 0.0)
        return tf.raw_ops.Merge(inputs=[a - 1.0, c + 0.5, d]).output
    if base == "control edge on switch":
        a, b = tf.raw_ops.Switch(data=p, pred=p)
        with tf.control_dependencies([tf.identity(a).op]):
            no = tf.constant(1.0) + x[0]
        with tf.control_dependencies([tf.identity(b).op]):
            yes = tf.constant(2.0) + x[1]
        return x + tf.raw_ops.Merge(inputs=[no, yes]).output
    raise ValueError(kind)


KINDS = [
    "loop", "loop v2", "loop with predicate computed inside", "loop with predicate computed inside v2", "loop ends by predicate", "loop ends by predicate v2",
    "loop changes the predicate", "loop changes the predicate v2", "loop in branch", "loop in branch v2", "constants in branches", "constants in branches v2",
    "undecided inside", "undecided inside v2", "undecided outside", "undecided outside v2", "call in undecided branch", "call in undecided branch v2",
    "several results", "several results v2", "assertion in branch", "assertion in branch v2", "assertion before", "assertion before v2",
    "assertion in function", "assertion behind loop", "assertion behind loop v2", "function called twice", "function of function", "function returns its argument", "defun", "defun v2", "case",
    "select of other shapes", "select of a vector", "select of an empty", "select of unknown shapes", "numbers", "merge tells its index", "merge of three", "control edge on switch",
]
INPUTS = [[1.0, 2.0, -1.0, 0.5], [-1.0, 2.0, 3.0, 0.25], [-1.0, -2.0, -3.0, 0.0]]


def outcomes(definition, feeds):
    out = []
    with tf1.Graph().as_default():
        tf1.import_graph_def(definition, name="")
        with tf1.Session() as s:
            for x in INPUTS:
                try:
                    out.append(s.run("y:0", {"x:0": x, **feeds}, tf1.RunOptions(timeout_in_ms=20000)).tolist())
                except tf.errors.OpError as err:
                    out.append(type(err).__name__)
    return out


def write(directory):
    out = []
    for i, kind in enumerate(KINDS):
        with tf1.Graph().as_default() as g:
            x = tf1.placeholder(tf.float32, [4], name="x")
            p = tf1.placeholder(tf.bool, [], name="p")
            tf.identity(build(kind, x, p), name="y")
            definition = g.as_graph_def()
        tf1.enable_control_flow_v2()
        path = f"{directory}/{i}.pb"
        with open(path, "wb") as f:
            f.write(definition.SerializeToString())
        out.append(dict(kind=kind, path=path, wants=[outcomes(definition, {"p:0": v}) for v in (False, True)]))
    return out


def run(path):
    definition = tf1.GraphDef()
    with open(path, "rb") as f:
        definition.ParseFromString(f.read())
    return outcomes(definition, {})

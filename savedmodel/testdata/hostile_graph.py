"""Graphs written node by node, for hostile_more.py and hostile_kinds.py, so that Python neither
checks them nor computes parts of them. hostile_base.py comes before it."""

from tensorflow.core.framework import attr_value_pb2, tensor_pb2
from tensorflow.python.framework import op_def_registry

STR, I32, I64, F32, RES, VAR, BOOL = tf.string, tf.int32, tf.int64, tf.float32, tf.resource, tf.variant, tf.bool
SCALAR, ANY = tf.TensorShape([]), tf.TensorShape(None)


# Graphs.

class Func:
    def __init__(self, name, **attrs):
        self.name, self.attrs = name, attrs

    def put(self, to):
        to.name = self.name
        for key, v in self.attrs.items():
            to.attr[key].CopyFrom(attr(v))


class Chosen:
    """An attribute that the caller of a function chooses."""

    def __init__(self, name):
        self.name = name


def attr(v):
    a = attr_value_pb2.AttrValue()
    if isinstance(v, Func):
        v.put(a.func)
    elif isinstance(v, Chosen):
        a.placeholder = v.name
    elif isinstance(v, tf.DType):
        a.type = v.as_datatype_enum
    elif isinstance(v, bool):
        a.b = v
    elif isinstance(v, int):
        a.i = v
    elif isinstance(v, float):
        a.f = v
    elif isinstance(v, (str, bytes)):
        a.s = v.encode() if isinstance(v, str) else v
    elif isinstance(v, tensor_pb2.TensorProto):
        a.tensor.CopyFrom(v)
    elif isinstance(v, tf.TensorShape):
        a.shape.CopyFrom(v.as_proto())
    else:
        a.list.SetInParent()
        for x in v:
            if isinstance(x, Func):
                x.put(a.list.func.add())
            elif isinstance(x, tf.DType):
                a.list.type.append(x.as_datatype_enum)
            elif isinstance(x, bool):
                a.list.b.append(x)
            elif isinstance(x, int):
                a.list.i.append(x)
            elif isinstance(x, tf.TensorShape):
                a.list.shape.add().CopyFrom(x.as_proto())
            else:
                a.list.s.append(x.encode() if isinstance(x, str) else x)
    return a


class Graph:
    """Adds nodes to a graph; names of tensors are those that nodes of the graph use."""

    def __init__(self, library, nodes):
        self.library, self.nodes, self.inside = library, nodes, False

    def op(self, op, *inputs, name=None, **attrs):
        prefix = "" if self.inside else "more/"
        n = self.nodes.add(name=name or f"{prefix}n{len(self.nodes)}", op=op, input=inputs)
        for key, v in attrs.items():
            n.attr[key].CopyFrom(attr(v))
        return self.output(n)

    def output(self, n):
        if not self.inside:
            return n.name
        op = op_def_registry.get(n.op)
        if op is None:
            return n.name + ":out:0"
        return f"{n.name}:{op.output_arg[0].name}:0" if op.output_arg else "^" + n.name

    def const(self, v, dtype=I32, shape=None):
        return self.op("Const", dtype=dtype, value=tf.make_tensor_proto(v, dtype, shape))

    def function(self, name, body, ins=(), outs=(("out", I32),), attrs=(), control=True):
        """Defines a function. body gets a Graph for its nodes, and returns its outputs."""
        f = self.library.function.add()
        f.signature.name, f.signature.is_stateful = name, True
        for arg, dtype in ins:
            f.signature.input_arg.add(name=arg, type=dtype.as_datatype_enum)
        for arg, dtype in outs:
            f.signature.output_arg.add(name=arg, type=dtype.as_datatype_enum)
        for arg, kind in attrs:
            f.signature.attr.add(name=arg, type=kind)
        g = Graph(self.library, f.node_def)
        g.inside = True
        got = body(g)
        for (arg, _), tensor in zip(outs, got):
            f.ret[arg] = tensor
        if control:
            for n in f.node_def:
                f.control_ret[n.name] = n.name
                f.signature.control_output.append(n.name)
        return f


def one(g, x=None):
    """Returns the number 1, after x."""
    c = g.const(1)
    if x is None:
        return c
    return g.op("Identity", c, x if x.startswith("^") else "^" + x.split(":")[0], T=I32)


def numbers(g, x, dtype):
    """Returns a tensor as a list of int32."""
    if dtype == STR:
        x, dtype = g.op("StringLength", x), I32
    if dtype != I32:
        x = g.op("Cast", x, SrcT=dtype, DstT=I32)
    return g.op("Reshape", x, g.const([-1]), T=I32, Tshape=I32)


def read_by_a_shape(g, x, dtype):
    """Adds a node whose shape is the sum of a tensor."""
    total = g.op("Sum", numbers(g, x, dtype), g.const([0]), T=I32, Tidx=I32, keep_dims=True)
    reshaped = g.op("RandomUniform", g.const([4]), T=I32, dtype=F32) if g.inside else g.op("Placeholder", dtype=F32)
    return g.op("Reshape", reshaped, total, T=F32, Tshape=I32)


# Small helpers.

def times(g, x, y):
    return g.op("Mul", g.const(x), g.const(y), T=I32)


def vector(g, size, dtype=I32):
    return g.op("Fill", g.op("Mul", g.const([1 << 12]), g.const([size >> 12]), T=I32), g.const(1, dtype), T=dtype, index_type=I32)


def doubled(g, x, join, count):
    for _ in range(count):
        x = join(x)
    return x


# Where it is tried.

def direct(g, build):
    return build(g)


def in_function(g, build):
    g.function("more_f", lambda f: [one(f, build(f))])
    return g.op("StatefulPartitionedCall", Tin=[], Tout=[I32], f=Func("more_f"))


def called_by_name(g, build):
    g.function("more_f", lambda f: [one(f, build(f))])
    return g.op("more_f")


def in_list(g, build):
    g.function("more_good", lambda f: [f.const(1)])
    g.function("more_f", lambda f: [one(f, build(f))])
    return g.op("Case", g.const(1), Tin=[], Tout=[I32], branches=[Func("more_good"), Func("more_f")], output_shapes=[])


def chosen(g, build):
    """A body calls what its caller's caller chose."""
    g.function("more_f", lambda f: [one(f, build(f))])
    g.function("more_inner", lambda f: [f.op("StatefulPartitionedCall", Tin=[], Tout=[I32], f=Chosen("g"))], attrs=(("g", "func"),))
    g.function("more_outer", lambda f: [f.op("StatefulPartitionedCall", Tin=[], Tout=[I32], f=Func("more_inner", g=Chosen("h")))], attrs=(("h", "func"),))
    return g.op("StatefulPartitionedCall", Tin=[], Tout=[I32], f=Func("more_outer", h=Func("more_f")))


def chosen_in_a_list(g, build):
    g.function("more_f", lambda f: [one(f, build(f))])
    g.function("more_good", lambda f: [f.const(1)])
    g.function("more_case", lambda f: [f.op("Case", f.const(1), Tin=[], Tout=[I32], branches=Chosen("b"), output_shapes=[])], attrs=(("b", "list(func)"),))
    return g.op("StatefulPartitionedCall", Tin=[], Tout=[I32], f=Func("more_case", b=[Func("more_good"), Func("more_f")]))


def in_loop(g, build):
    g.function("more_cond", lambda f: [f.op("Less", "i", f.const(1), T=I32)], ins=(("i", I32),), outs=(("out", BOOL),), control=False)
    g.function("more_body", lambda f: [f.op("Add", "i", one(f, build(f)), T=I32)], ins=(("i", I32),))
    return g.op("While", g.const(0), T=[I32], cond=Func("more_cond"), body=Func("more_body"), output_shapes=[], parallel_iterations=10)


def in_condition(g, build):
    g.function("more_cond", lambda f: [f.op("Less", "i", one(f, build(f)), T=I32)], ins=(("i", I32),), outs=(("out", BOOL),))
    g.function("more_body", lambda f: [f.op("Add", "i", f.const(1), T=I32)], ins=(("i", I32),))
    return g.op("While", g.const(0), T=[I32], cond=Func("more_cond"), body=Func("more_body"), output_shapes=[], parallel_iterations=10)


def in_branch_of_loop(g, build):
    def body(f):
        f.function("more_then", lambda h: [one(h, build(h))])
        f.function("more_else", lambda h: [h.const(1)])
        return [f.op("Add", "i", f.op("If", f.op("Less", "i", f.const(5), T=I32), Tcond=BOOL, Tin=[], Tout=[I32], then_branch=Func("more_then"), else_branch=Func("more_else"), output_shapes=[]), T=I32)]
    g.function("more_cond", lambda f: [f.op("Less", "i", f.const(1), T=I32)], ins=(("i", I32),), outs=(("out", BOOL),), control=False)
    g.function("more_body", body, ins=(("i", I32),))
    g.function("more_loop", lambda f: [f.op("While", f.const(0), T=[I32], cond=Func("more_cond"), body=Func("more_body"), output_shapes=[], parallel_iterations=10)])
    return g.op("PartitionedCall", Tin=[], Tout=[I32], f=Func("more_loop"))


def gradient_of_good(g, build):
    g.function("more_good", lambda f: [f.op("Identity", "x", T=I32)], ins=(("x", I32),), control=False)
    g.function("more_evil", lambda f: [one(f, build(f))], ins=(("x", I32), ("dy", I32)))
    g.library.gradient.add(function_name="more_good", gradient_func="more_evil")
    g.function("more_step", lambda f: [f.op("SymbolicGradient", f.const(1), f.const(1), Tin=[I32, I32], Tout=[I32], f=Func("more_good"))])
    return g.op("StatefulPartitionedCall", Tin=[], Tout=[I32], f=Func("more_step"))


def like_good(g, build):
    """TensorFlow may exchange a function for another one with the same interface."""
    good = g.function("more_good", lambda f: [f.const(1)])
    evil = g.function("more_evil", lambda f: [one(f, build(f))])
    for f in (good, evil):
        f.attr["api_implements"].s = b"more"
        f.attr["api_preferred_device"].s = b"CPU"
    g.function("more_outer", lambda f: [f.op("StatefulPartitionedCall", Tin=[], Tout=[I32], f=Func("more_good"))])
    return g.op("StatefulPartitionedCall", Tin=[], Tout=[I32], f=Func("more_outer"))


# Models.

def node(mg, name):
    return next(n for n in mg.graph_def.node if n.name == name)


def by_main(mg, name):
    main = mg.collection_def["saved_model_main_op"].node_list.value
    node(mg, main[0]).input.append("^" + name)


def by_restore(mg, name):
    node(mg, mg.saver_def.restore_op_name).input.append("^" + name)


def beside(mg, name):
    pass


def add(name, hook, build):
    sm = model()
    sm.meta_graphs[0].meta_info_def.ClearField("stripped_op_list")
    mg = sm.meta_graphs[0]
    last = build(Graph(mg.graph_def.library, mg.graph_def.node))
    while isinstance(last, tuple):
        last = last[-1]
    hook(mg, last.strip("^").split(":")[0])
    write("more-" + name, sm)


def looked_at(build):
    return lambda g: read_by_a_shape(g, *build(g))


def computed(build):
    return lambda g: build(g)[0]

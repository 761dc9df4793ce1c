"""Graphs that write a variable slowly and read it, where it is not plain what waits for what.

Each has a control edge, or a loop, between the write and the read. Where TensorFlow waits for the
write, the output "y" is 6, or 16 after three iterations.
"""


def slow(tf, a):
    m = tf.fill([500, 500], tf.reduce_sum(a) * 0.0)
    for _ in range(4):
        m = tf.matmul(m, m)
    return tf.reduce_sum(m)


def after_call(tf, kind, linked, control):
    """A read that waits for a call by a control edge.

    linked: a result waits for the write. control: the function has a control output for it.
    """
    from tensorflow.python.framework import function as defuns

    tf1 = tf.compat.v1
    v = tf1.Variable([1.0], use_resource=True, name="v")
    x = tf1.placeholder(tf.float32, [1], name="x")

    def body(a, h):
        w = tf.raw_ops.AssignAddVariableOp(resource=h, value=a + slow(tf, a))
        with tf.control_dependencies([w] if linked else []):
            return a * 2.0, tf.identity(a * 3.0)

    if kind in ("If", "Case", "While"):
        if kind == "If":
            tf.cond(x[0] > 0, lambda: body(x, v.handle), lambda: (x, x))
        elif kind == "Case":
            tf.switch_case(tf.cast(x[0] * 0, tf.int32), [lambda: body(x, v.handle), lambda: (x, x)])
        else:
            tf.while_loop(lambda i, a, b: i < 3, lambda i, a, b: (i + 1,) + body(x, v.handle), [0, x, x])
        op = [o for o in tf1.get_default_graph().get_operations() if o.type.endswith(kind)][0]
    else:
        f = defuns.Defun(tf.float32, tf.resource, func_name="f")(body)
        if kind == "named":
            op = f(x, v.handle)[0].op
        else:
            f.add_to_graph(tf1.get_default_graph())
            op = getattr(tf.raw_ops, kind)(args=[x, v.handle], Tout=[tf.float32] * 2, f=f)[0].op
    with tf.control_dependencies([op]):
        tf.identity(v.read_value(), name="y")


def loop_aliases(tf, through):
    """A loop that looks at memory that was read before it, and writes to it."""
    tf1 = tf.compat.v1
    v = tf1.Variable([1.0], use_resource=False, name="v")
    x = tf1.placeholder(tf.float32, [1], name="x")
    read = v._ref() * 1.0 if through == "copy" else tf.identity(v._ref())

    def body(i, a):
        with tf.control_dependencies([tf1.assign_add(v, x)]):
            t = read * 1.0
        with tf.control_dependencies([t]):
            return i + 1, a + t

    with tf.control_dependencies([read]):
        _, a = tf.while_loop(lambda i, a: i < 3, body, [tf.constant(0), tf.zeros([1])], parallel_iterations=1)
    tf.identity(a + 3.0 if through == "copy" else a, name="y")


def held(tf, through):
    """Something holds on to the memory of a reference that is written then."""
    from tensorflow.python.framework import function as defuns

    tf1, raw = tf.compat.v1, tf.raw_ops
    v = tf1.Variable([1.0], use_resource=False, name="v")
    x = tf1.placeholder(tf.float32, [1], name="x")

    def stored(put, get):
        with tf.control_dependencies([put]):
            return get()

    if through == "queue":
        q = tf1.FIFOQueue(1, [tf.float32], [[1]])
        t = stored(raw.QueueEnqueueV2(handle=q.queue_ref, components=[v._ref()]), q.dequeue)
    elif through == "stack":
        h = raw.StackV2(max_size=1, elem_type=tf.float32)
        t = stored(raw.StackPushV2(handle=h, elem=v._ref()), lambda: raw.StackPopV2(handle=h, elem_type=tf.float32))
    elif through == "stage":
        t = stored(raw.Stage(values=[v._ref()], shared_name="area"), lambda: raw.Unstage(dtypes=[tf.float32], shared_name="area")[0])
    elif through == "print":
        t = raw.Print(input=v._ref(), data=[], first_n=0)
    elif through == "named":
        t = defuns.Defun(tf.float32, func_name="same")(lambda a: tf.identity(a))(v._ref())
    elif through == "If":
        t = tf.cond(x[0] > 0, lambda: tf.identity(v._ref()), lambda: v._ref() * 2.0)
    elif through == "While":
        t = tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, tf.identity(a)), [0, v._ref()])[1]
    with tf.control_dependencies([t]):
        w = tf1.assign_add(v, x)
    with tf.control_dependencies([w]):
        tf.multiply(t, 1.0, name="y")


def branch_after(tf):
    """A branch that takes the value of a reference after it was written, by a control edge."""
    tf1 = tf.compat.v1
    v = tf1.Variable([1.0], use_resource=False, name="v")
    x = tf1.placeholder(tf.float32, [1], name="x")
    with tf.control_dependencies([tf1.assign_add(v, x)]):
        tf.identity(tf.cond(x[0] > 0, lambda: tf.identity(v._ref()), lambda: v._ref() * 2.0), name="y")


def conditions_in_turn(tf):
    """Three conditions after each other that write the same variable, and a read after them."""
    tf1 = tf.compat.v1
    v = tf1.Variable([1.0], use_resource=True, name="v")
    x = tf1.placeholder(tf.float32, [1], name="x")

    def add():
        with tf.control_dependencies([tf.raw_ops.AssignAddVariableOp(resource=v.handle, value=x + slow(tf, x))]):
            return tf.identity(x)

    last = x
    for _ in range(3):
        with tf.control_dependencies([last]):
            last = tf1.cond(x[0] > 0, add, lambda: x * 1.0)
    with tf.control_dependencies([last]):
        tf.identity(v.read_value(), name="y")


def destroyed(tf):
    """Asks whether a variable that was destroyed has a value."""
    tf1 = tf.compat.v1
    v = tf1.Variable([1.0], use_resource=True, name="v")
    x = tf1.placeholder(tf.float32, [1], name="x")
    with tf.control_dependencies([tf.raw_ops.DestroyResourceOp(resource=v.handle)]):
        asked = tf.raw_ops.VarIsInitializedOp(resource=v.handle)
    tf.add(tf.cast(asked, tf.float32), x, name="y")


def write(tf, directory):
    tf1 = tf.compat.v1
    out = []

    def model(name, build, control=False, v2=True):
        (tf1.enable_control_flow_v2 if v2 else tf1.disable_control_flow_v2)()
        with tf1.Graph().as_default() as g:
            build()
            with tf1.Session() as s:
                s.run(g.get_operation_by_name("v/Assign"))
                saver = tf1.train.Saver(tf1.global_variables())
                prefix = f"{directory}/{name}"
                saver.save(s, prefix, write_state=False, write_meta_graph=False)
            definition = g.as_graph_def()
        if control:
            for f in definition.library.function:
                for n in f.node_def:
                    if n.op == "AssignAddVariableOp":
                        f.control_ret["done"] = n.name
                        f.signature.control_output.append("done")
                        f.signature.is_stateful = True
        with open(prefix + ".pb", "wb") as f:
            f.write(definition.SerializeToString())
        runs = []
        for optimize in (False, True):
            config = tf1.ConfigProto(inter_op_parallelism_threads=4)
            config.graph_options.rewrite_options.disable_meta_optimizer = not optimize
            with tf1.Graph().as_default() as g:
                tf1.import_graph_def(definition, name="")
                with tf1.Session(config=config) as s:
                    s.run("v/Assign")
                    runs.append(s.run("y:0", {"x:0": [5.0]}).tolist()[0])
        out.append(dict(Name=name, Graph=prefix + ".pb", Checkpoint=prefix, Runs=runs))

    for kind in ("named", "StatefulPartitionedCall", "PartitionedCall", "If", "Case", "While"):
        for linked in (False, True):
            for control in (False, True):
                name = kind + ("_linked" if linked else "") + ("_control" if control else "")
                model(name, lambda: after_call(tf, kind, linked, control), control)
    for through in ("copy", "identity"):
        model("loop_" + through, lambda: loop_aliases(tf, through), v2=False)
    for through in ("queue", "stack", "stage", "print", "named", "If", "While"):
        model("held_" + through, lambda: held(tf, through))
    model("branch_after", lambda: branch_after(tf))
    model("destroyed", lambda: destroyed(tf))
    model("conditions_in_turn", lambda: conditions_in_turn(tf), v2=False)
    tf1.enable_control_flow_v2()
    return out


def run(tf, paths):
    tf1 = tf.compat.v1
    out = {}
    for name, path in paths.items():
        definition = tf1.GraphDef()
        with open(path, "rb") as f:
            definition.ParseFromString(f.read())
        with tf1.Graph().as_default():
            tf1.import_graph_def(definition, name="")
            with tf1.Session() as s:
                feeds = {"x:0": [5.0]} if any(n.name == "x" for n in definition.node) else {}
                out[name] = s.run("y:0", feeds).tolist()[0]
    return out

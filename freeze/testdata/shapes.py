"""Graphs of one write each, whose value has a shape that is known only at run time."""

FEEDS = [[2, 3], [3], [], [3, 2], [1, 3], [6]]


def writes(tf):
    raw = tf.raw_ops
    return {
        "Assign": lambda h, p, ref: raw.Assign(ref=h, value=p) if ref else raw.AssignVariableOp(resource=h, value=p, validate_shape=True),
        "AssignAdd": lambda h, p, ref: raw.AssignAdd(ref=h, value=p) if ref else raw.AssignAddVariableOp(resource=h, value=p),
        "AssignSub": lambda h, p, ref: raw.AssignSub(ref=h, value=p) if ref else raw.AssignSubVariableOp(resource=h, value=p),
        "Descent": lambda h, p, ref: raw.ApplyGradientDescent(var=h, alpha=0.5, delta=p) if ref else raw.ResourceApplyGradientDescent(var=h, alpha=0.5, delta=p),
        "Rate": lambda h, p, ref: raw.ApplyGradientDescent(var=h, alpha=p, delta=tf.ones([2, 3])) if ref else raw.ResourceApplyGradientDescent(var=h, alpha=p, delta=tf.ones([2, 3])),
        "Unchecked": lambda h, p, ref: raw.Assign(ref=h, value=p, validate_shape=False) if ref else raw.AssignVariableOp(resource=h, value=p),
    }


def once(tf, np, session, shape):
    try:
        return str(session.run("y:0", {"p:0": np.ones(shape, np.float32)}).tolist())
    except tf.errors.InvalidArgumentError:
        return "refused"


def write(tf, np, directory):
    tf1, models = tf.compat.v1, []
    for kind in ("ref", "resource", "function"):
        for name, change in writes(tf).items():
            with tf.Graph().as_default(), tf1.Session() as session:
                start = tf.reshape(tf.range(1.0, 7.0), [2, 3])
                v = tf1.get_variable("v", initializer=start, use_resource=kind != "ref")
                p = tf1.placeholder(tf.float32, None, name="p")
                if kind == "ref":
                    changed = change(v._variable, p, True)
                    with tf.control_dependencies([changed]):
                        tf.identity(changed, name="y")
                elif kind == "resource":
                    with tf.control_dependencies([change(v.handle, p, False)]):
                        tf.identity(v.read_value(), name="y")
                else:

                    @tf.function
                    def changing(value):
                        change(v.handle, value, False)
                        return tf.raw_ops.ReadVariableOp(resource=v.handle, dtype=tf.float32)

                    tf.identity(changing(p), name="y")
                session.run(tf1.global_variables_initializer())
                saver = tf1.train.Saver([v])
                path = saver.save(session, f"{directory}/{kind}-{name}")
                want = []
                for shape in FEEDS:
                    with tf1.Session() as fresh:
                        saver.restore(fresh, path)
                        want.append(once(tf, np, fresh, shape))
                models.append({"name": f"{kind}-{name}", "path": path, "want": want})
    return models


def run(tf, np, frozen):
    out = {}
    for name, path in frozen.items():
        graph_def = tf.compat.v1.GraphDef()
        with open(path, "rb") as f:
            graph_def.ParseFromString(f.read())
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            tf.import_graph_def(graph_def, name="")
            out[name] = [once(tf, np, session, shape) for shape in FEEDS]
    return out

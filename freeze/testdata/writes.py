"""Graphs of one write each, on random numbers, whose output "y" is the variable afterwards."""


def cases(tf, np):
    raw = tf.raw_ops
    scatter = ["Update", "Add", "Sub", "Mul", "Div", "Min", "Max"]
    out = []

    def case(name, run, slots=1):
        out.append((name, run, slots))

    case("Assign", lambda ref, v, r: (raw.Assign(ref=v[0], value=r(5, 3)) if ref else raw.AssignVariableOp(resource=v[0], value=r(5, 3))))
    case("AssignAdd", lambda ref, v, r: (raw.AssignAdd(ref=v[0], value=r(5, 3)) if ref else raw.AssignAddVariableOp(resource=v[0], value=r(5, 3))))
    case("AssignSub", lambda ref, v, r: (raw.AssignSub(ref=v[0], value=r(5, 3)) if ref else raw.AssignSubVariableOp(resource=v[0], value=r(5, 3))))
    for kind in scatter:
        for what, index, shape in (("unique", [3, 0], (2, 3)), ("repeated", [3, 0, 3, 3], (4, 3)), ("scalar", [1, 4], ()), ("one", 2, (3,)), ("matrix", [[0, 1], [3, 2]], (2, 2, 3))):
            if kind in ("Mul", "Div") and what == "repeated":
                continue

            def run(ref, v, r, kind=kind, index=index, shape=shape):
                args = {"ref" if ref else "resource": v[0], "indices": tf.constant(index), "updates": r(*shape)}
                return getattr(raw, ("" if ref else "Resource") + "Scatter" + kind)(**args)

            case(f"Scatter{kind}-{what}", run)
    for kind in ("Update", "Add", "Sub", "Min", "Max"):
        for what, index, shape in (("rows", [[3], [0], [3]], (3, 3)), ("elements", [[3, 1], [3, 1], [0, 2]], (3,))):

            def run(ref, v, r, kind=kind, index=index, shape=shape):
                return getattr(raw, ("" if ref else "Resource") + "ScatterNd" + kind)(ref=v[0], indices=tf.constant(index), updates=r(*shape))

            case(f"ScatterNd{kind}-{what}", run)
    for what, begin, end, strides, masks, shape in (
        ("rows", [1, 0], [4, 3], [2, 1], {}, (2, 3)),
        ("shrunk", [2], [3], [1], {"shrink_axis_mask": 1}, (3,)),
        ("open", [1, 0], [0, 2], [1, 1], {"end_mask": 1}, (4, 2)),
        ("backward", [4, 0], [1, 3], [-1, 1], {}, (3, 3)),
    ):

        def run(ref, v, r, begin=begin, end=end, strides=strides, masks=masks, shape=shape):
            op = raw.StridedSliceAssign if ref else raw.ResourceStridedSliceAssign
            return op(ref=v[0], begin=begin, end=end, strides=strides, value=r(*shape), **masks)

        case(f"Slice-{what}", run)

    def descent(ref, v, r):
        return (raw.ApplyGradientDescent if ref else raw.ResourceApplyGradientDescent)(var=v[0], alpha=r(), delta=r(5, 3))

    case("Descent", descent)
    for nesterov in (False, True):

        def momentum(ref, v, r, nesterov=nesterov):
            op = raw.ApplyMomentum if ref else raw.ResourceApplyMomentum
            return op(var=v[0], accum=v[1], lr=r(), grad=r(5, 3), momentum=r(), use_nesterov=nesterov)

        case(f"Momentum-{nesterov}", momentum, 2)
    return out


def write(tf, np, os, directory):
    tf1, out = tf.compat.v1, []
    for n, (name, run, slots) in enumerate(cases(tf, np)):
        for dtype in (tf.float32, tf.float64, tf.float16, tf.int32, tf.bfloat16):
            for ref in (True, False):
                if ref and dtype in (tf.float64, tf.bfloat16):
                    continue  # the kernels are those of resource variables
                full = f"{name}-{dtype.name}-{'ref' if ref else 'resource'}"
                folder = os.path.join(directory, full)
                rng = np.random.RandomState(n)

                def r(*shape):
                    a = rng.randint(1, 50, shape) if dtype.is_integer else rng.uniform(0.1, 3.0, shape)
                    return tf.cast(tf.constant(a), dtype)

                with tf1.Graph().as_default(), tf1.Session() as s:
                    try:
                        vs = [tf1.Variable(r(5, 3), name=f"v{i}", use_resource=not ref) for i in range(slots)]
                        op = run(ref, [v._ref() if ref else v.handle for v in vs], r)
                        with tf1.control_dependencies([op.op if isinstance(op, tf.Tensor) else op]):
                            reads = [tf.identity(v._ref()) if ref else raw_read(tf, v) for v in vs]
                        tf.stack([tf.cast(x, tf.float64) for x in reads], name="y")
                        saver = tf1.train.Saver(vs)
                        s.run([v.initializer for v in vs])
                        saver.save(s, os.path.join(folder, "model"), write_state=False)
                        want = s.run("y:0").tobytes().hex()
                    except (tf.errors.OpError, TypeError, ValueError):
                        continue  # TensorFlow has no kernel for the type
                out.append(dict(name=full, path=os.path.join(folder, "model"), want=want))
    return out


def raw_read(tf, v):
    return tf.raw_ops.ReadVariableOp(resource=v.handle, dtype=v.dtype)


def run(tf, np, frozen):
    tf1, out = tf.compat.v1, {}
    for name, path in frozen.items():
        definition = tf1.GraphDef()
        with open(path, "rb") as f:
            definition.ParseFromString(f.read())
        with tf1.Graph().as_default() as g:
            try:
                tf1.import_graph_def(definition, name="")
                with tf1.Session(graph=g) as s:
                    out[name] = s.run("y:0").tobytes().hex()
            except Exception as err:
                out[name] = str(err)
    return out

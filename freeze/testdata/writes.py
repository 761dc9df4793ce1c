"""Graphs of one write each, on random numbers, whose output "y" is the variable afterwards."""

NESTEROV = [{"use_nesterov": False}, {"use_nesterov": True}]
LINEAR = [{"multiply_linear_by_lr": False}, {"multiply_linear_by_lr": True}]

# The steps of optimizers: their slots, the scalars that they take, and their flags.
OPTIMIZERS = [
    ("GradientDescent", "", "alpha", [{}]),
    ("Momentum", "accum", "lr momentum", NESTEROV),
    ("KerasMomentum", "accum", "lr momentum", NESTEROV),
    ("Adagrad", "accum", "lr", [{}, {"update_slots": False}]),
    ("AdagradV2", "accum", "lr epsilon", [{}, {"update_slots": False}]),
    ("Adadelta", "accum accum_update", "lr rho epsilon", [{}]),
    ("Adam", "m v", "beta1_power beta2_power lr beta1 beta2 epsilon", NESTEROV),
    ("AdaMax", "m v", "beta1_power lr beta1 beta2 epsilon", [{}]),
    ("AddSign", "m", "lr alpha sign_decay beta", [{}]),
    ("PowerSign", "m", "lr logbase sign_decay beta", [{}]),
    ("RMSProp", "ms mom", "lr rho momentum epsilon", [{}]),
    ("CenteredRMSProp", "mg ms mom", "lr rho momentum epsilon", [{}]),
    ("Ftrl", "accum linear", "lr l1 l2 lr_power", LINEAR),
    ("FtrlV2", "accum linear", "lr l1 l2 l2_shrinkage lr_power", LINEAR),
    ("ProximalGradientDescent", "", "alpha l1 l2", [{}]),
    ("ProximalAdagrad", "accum", "lr l1 l2", [{}]),
]
SPARSE = {"Momentum", "KerasMomentum", "AdagradV2", "ProximalGradientDescent"}


def cases(tf, np):
    raw = tf.raw_ops
    scatter = ["Update", "Add", "Sub", "Mul", "Div", "Min", "Max"]
    out = []

    def case(name, run, slots=1, types=(tf.float32, tf.float64, tf.float16, tf.int32, tf.bfloat16)):
        out.append((name, run, slots, types))

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

    for name, slots, args, flags in OPTIMIZERS:
        for sparse in (False, True):
            if sparse and name not in SPARSE:
                continue
            for flag in flags:
                for power in (-0.5, -0.7) if "lr_power" in args else (None,):

                    def step(ref, v, r, name=name, slots=slots, args=args, sparse=sparse, flag=flag, power=power):
                        given = dict(zip(["var"] + slots.split(), v))
                        for a in args.split():
                            given[a] = r.rate(power) if a == "lr_power" else r.rate()
                        grad = "delta" if name == "GradientDescent" or name == "ProximalGradientDescent" and not sparse else "grad"
                        if sparse:
                            given["indices"] = tf.constant([3, 0, 4])
                        given[grad] = r.signed(3 if sparse else 5, 3)
                        return getattr(raw, ("" if ref else "Resource") + ("Sparse" if sparse else "") + "Apply" + name)(**given, **flag)

                    label = "".join(str(v)[0] for v in flag.values()) + ("" if power is None else str(power))
                    case(f"{'Sparse' if sparse else ''}{name}-{label}", step, 1 + len(slots.split()), (tf.float32, tf.bfloat16))
    return out


def write(tf, np, os, directory):
    tf1, out = tf.compat.v1, []
    for n, (name, run, slots, types) in enumerate(cases(tf, np)):
        for dtype in types:
            for ref in (True, False):
                if ref and dtype in (tf.float64, tf.bfloat16):
                    continue  # the kernels are those of resource variables
                full = f"{name}-{dtype.name}-{'ref' if ref else 'resource'}"
                folder = os.path.join(directory, full)
                rng = np.random.RandomState(n)

                def r(*shape):
                    a = rng.randint(1, 50, shape) if dtype.is_integer else rng.uniform(0.1, 3.0, shape)
                    return tf.cast(tf.constant(a), dtype)

                def scalar(value=None):
                    return tf.cast(tf.constant(rng.uniform(0.1, 0.9) if value is None else value), dtype)

                r.rate = scalar
                r.signed = lambda *shape: tf.cast(tf.constant(rng.uniform(-2.0, 2.0, shape)), dtype)
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
                    except (tf.errors.OpError, AttributeError, TypeError, ValueError):
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

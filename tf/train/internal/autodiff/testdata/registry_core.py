def core(tf, np, case, any_, pos, f64, p64, c64, c128):
    """Operations on elements, products and reductions."""
    raw, m = tf.raw_ops, tf.math

    def spec(low, high):
        return lambda dtype: ((3, 4), low, high, dtype)

    around, above, inside = spec(-0.9, 0.9), spec(0.3, 1.7), spec(-0.6, 0.6)
    unary = {
        "Abs": around, "Neg": around, "Inv": above, "Reciprocal": above, "Square": around, "Sqrt": above, "Rsqrt": above, "Exp": around,
        "Expm1": around, "Log": above, "Log1p": above, "Sinh": around, "Cosh": around, "Tanh": around, "Asinh": around, "Acosh": spec(1.3, 2.6),
        "Atanh": inside, "Erf": around, "Erfc": around, "Erfinv": inside, "Ndtri": spec(0.2, 0.8), "Lgamma": above, "Sigmoid": around, "Sign": around,
        "Sin": around, "Cos": around, "Tan": around, "Asin": inside, "Acos": inside, "Atan": around, "Conj": around,
    }
    whole = "Abs Erf Erfc Erfinv Ndtri Lgamma".split()
    for op, of in unary.items():
        arg = "input" if op == "Conj" else "x"
        types = ["complex64"] if op == "Conj" else ["float32", "float64"] + ([] if op in whole else ["complex128"])
        for dtype in types:
            case(op, lambda x, op=op, arg=arg: getattr(raw, op)(**{arg: x}), of(dtype))
    for dtype in ("float16", "bfloat16"):
        case("Tanh", tf.tanh, around(dtype))
        case("Exp", tf.exp, around(dtype))
        case("Mul", tf.multiply, around(dtype), around(dtype))
        case("Sum", lambda x: tf.reduce_sum(x, 1), around(dtype))
    case("Abs", lambda x: tf.abs(x - x[0]), any_(3, 4))
    case("Identity", tf.identity, any_(3, 4))
    case("IdentityN", lambda x, y: tf.identity_n([x, y]), any_(3, 4), any_(2))
    case("EnsureShape", lambda x: tf.ensure_shape(x, [3, 4]), any_(3, 4))
    case("CheckNumerics", lambda x: raw.CheckNumerics(tensor=x, message="here"), any_(3, 4))
    case("PlaceholderWithDefault", lambda x: tf.compat.v1.placeholder_with_default(x, [None, 4]), any_(3, 4))
    case("AccumulateNV2", lambda x, y: raw.AccumulateNV2(inputs=[x, y, x], shape=[3, 4]), any_(3, 4), any_(3, 4))
    case("AddN", lambda x, y: tf.add_n([x, y, x * y]), any_(3, 4), any_(3, 4))
    case("AddN", lambda x, y: tf.add_n([x, y]), c64(3, 4), c64(3, 4))

    pairs = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (2, 3, 4)), ((), (3, 4)), ((3, 1), (1, 4)), ((1, 4), (3, 4))]
    for op in ("Add", "AddV2", "Sub", "Mul", "Div", "RealDiv", "DivNoNan", "MulNoNan", "FloorMod", "Pow", "Maximum", "Minimum", "SquaredDifference", "Atan2", "Xlogy", "FloorDiv", "TruncateDiv"):
        for number, (a, b) in enumerate(pairs):
            arg = ("y", "x") if op == "Atan2" else ("x", "y")
            f = lambda x, y, op=op, arg=arg: getattr(raw, op)(**{arg[0]: x, arg[1]: y})
            if op == "TruncateDiv":
                f = lambda x, y: x * y + tf.cast(raw.TruncateDiv(x=tf.cast(x * 9, tf.int32), y=tf.cast(y * 9, tf.int32)), x.dtype)
            case(op, f, pos(*a), pos(*b))
            if number < 3 and op not in ("FloorMod", "Maximum", "Minimum", "Atan2", "FloorDiv", "TruncateDiv", "Div"):
                case(op, f, (a, 0.3, 1.7, "complex128"), (b, 0.3, 1.7, "complex128"))
            elif number < 3 and op != "TruncateDiv":
                case(op, f, p64(*a), p64(*b))
    zero = lambda x: tf.concat([x, x[:1] * 0.0], 0)
    case("Pow", lambda x, y: tf.pow(zero(x), y), pos(3, 4), pos(4))
    case("Pow", lambda x: tf.pow(x, 3.0), any_(3, 4))
    case("Pow", lambda x: tf.pow(x, 2.0), any_(3, 4))
    case("DivNoNan", lambda x, y: m.divide_no_nan(zero(x), zero(y)), pos(3, 4), pos(3, 4))
    case("MulNoNan", lambda x, y: m.multiply_no_nan(zero(x), zero(y)), pos(3, 4), pos(3, 4))
    case("Maximum", lambda x, y: tf.maximum(tf.concat([x, x], 0), tf.concat([x, y], 0)), any_(3, 4), any_(3, 4))
    case("Minimum", lambda x, y: tf.minimum(tf.concat([x, x], 0), tf.concat([x, y], 0)), any_(3, 4), any_(3, 4))
    case("Select", lambda x, y: raw.Select(condition=x > 0.1, x=x, y=y), any_(3, 4), any_(3, 4))
    case("Select", lambda x, y: raw.Select(condition=[True, False, True], x=x, y=y), any_(3, 4), any_(3, 4))
    case("Select", lambda x, y: raw.Select(condition=x[0, 0] > 0, x=x, y=y), any_(3, 4), any_(3, 4))
    for a, b in pairs:
        case("SelectV2", lambda x, y: raw.SelectV2(condition=[[True], [False], [True]], t=x, e=y), any_(*a), any_(*b))
    case("SelectV2", lambda x, y: raw.SelectV2(condition=True, t=x, e=y), c128(4), c128(3, 4))
    case("ClipByValue", lambda x, a, b: raw.ClipByValue(t=x, clip_value_min=a - 0.5, clip_value_max=b + 0.1), any_(3, 4), any_(), pos())
    case("ClipByValue", lambda x, a, b: raw.ClipByValue(t=x, clip_value_min=a - 1.0, clip_value_max=b), any_(3, 4), any_(3, 4), pos(3, 4))
    for source in ("float32", "float64", "complex64", "complex128", "float16", "bfloat16"):
        for target in ("float32", "float64", "complex64", "complex128", "bfloat16"):
            if source != target and not (source.startswith("complex") and target == "bfloat16"):
                case("Cast", lambda x, target=target: tf.cast(x, target), any_(3, 4, dtype=source))
    case("Cast", lambda x: tf.cast(tf.cast(x * 9, tf.int32), tf.float32) * x, any_(3, 4))
    for op in ("Floor", "Ceil", "Round", "Rint"):
        case(op, lambda x, op=op: getattr(raw, op)(x=x * 4) * x, any_(3, 4))
    case("ArgMax", lambda x: tf.cast(tf.argmax(x), tf.float32) * x, any_(3, 4))
    case("ArgMin", lambda x: tf.cast(tf.argmin(x), tf.float32) * x, any_(3, 4))

    for t in (any_, c64):
        for a in (False, True):
            for b in (False, True):
                x, y = t(*((4, 3) if a else (3, 4))), t(*((2, 4) if b else (4, 2)))
                case("MatMul", lambda x, y, a=a, b=b: tf.matmul(x, y, transpose_a=a, transpose_b=b), x, y)
                x, y = t(2, *((4, 3) if a else (3, 4))), t(2, *((2, 4) if b else (4, 2)))
                f = lambda x, y, a=a, b=b, op="BatchMatMul": getattr(raw, op)(x=x, y=y, adj_x=a, adj_y=b)
                case("BatchMatMul", f, x, y)
                case("BatchMatMulV2", lambda x, y, a=a, b=b: raw.BatchMatMulV2(x=x, y=y, adj_x=a, adj_y=b), x, y)
                case("BatchMatMulV2", lambda x, y, a=a, b=b: raw.BatchMatMulV2(x=x, y=y, adj_x=a, adj_y=b), x, (y[0][1:],) + y[1:])
                case("BatchMatMulV2", lambda x, y, a=a, b=b: raw.BatchMatMulV2(x=x, y=y, adj_x=a, adj_y=b), ((1,) + x[0][1:],) + x[1:], ((3, 2) + y[0][1:],) + y[1:])
                case("BatchMatMulV3", lambda x, y, a=a, b=b: raw.BatchMatMulV3(x=x, y=y, Tout=x.dtype, adj_x=a, adj_y=b), x, y)
    for equation, shapes in (
        ("ij,jk->ik", ((3, 4), (4, 2))), ("bij,kj->bik", ((2, 3, 4), (5, 4))), ("ij->ji", ((3, 4),)), ("ij->i", ((3, 4),)), ("ij->", ((3, 4),)), ("ii->i", ((3, 3),)), ("ii->", ((3, 3),)),
        ("i,j->ij", ((3,), (4,))), ("...ij,...jk->...ik", ((2, 3, 4), (4, 2))), ("...i,i->...", ((2, 3), (3,))), ("ij,ij->", ((3, 4), (3, 4))), ("iij,jk->ik", ((3, 3, 4), (4, 2))),
        ("abc,cd->ab", ((2, 3, 4), (4, 5))), ("...ij,...jk->...ik", ((1, 3, 4), (5, 4, 2))), ("b...i,ij->b...j", ((2, 3, 4), (4, 2))), ("ij,jk->k", ((3, 4), (4, 2))), ("i...->...", ((3, 4),)), ("ij,k->k", ((3, 4), (2,))), ("i->ii", ((3,),)), ("ijj->ji", ((2, 3, 3),)), ("b...i,i->b...", ((2, 3, 4), (4,))),
    ):
        for t in (f64, c128):
            case("Einsum", lambda *xs, e=equation: raw.Einsum(inputs=xs, equation=e), *[t(*s) for s in shapes])

    for op in ("Sum", "Mean", "Max", "Min", "Prod"):
        for axis in (0, [1], [-1], [0, 2], [0, 1, 2], [], [2, 0]):
            for keep in (False, True):
                case(op, lambda x, op=op, axis=axis, keep=keep: getattr(raw, op)(input=x, axis=np.array(axis, np.int32), keep_dims=keep), any_(2, 3, 4))
    for op in ("Sum", "Mean", "Prod"):
        case(op, lambda x, op=op: getattr(raw, op)(input=x, axis=tf.constant([0], tf.int64)), c128(3, 4))
    case("Prod", lambda x: tf.reduce_prod(zero(x), 0), any_(3, 4))
    case("Prod", lambda x: tf.reduce_prod(tf.concat([zero(x), x * 0.0], 0), 0), any_(3, 4))
    case("Max", lambda x: tf.reduce_max(tf.concat([x, x], 0), 0), any_(3, 4))
    case("Min", lambda x: tf.reduce_min(tf.concat([x, x], 1)), any_(3, 4))
    case("L2Loss", tf.nn.l2_loss, any_(3, 4))
    for exclusive in (False, True):
        for reverse in (False, True):
            case("Cumsum", lambda x, e=exclusive, r=reverse: tf.cumsum(x, -1, e, r), any_(3, 4))
    ids = [0, 0, 1, 3]
    case("SegmentSum", lambda x: m.segment_sum(x, ids), any_(4, 3))
    double = lambda x: tf.concat([x, x], 0)
    for op in ("UnsortedSegmentSum", "UnsortedSegmentMax", "UnsortedSegmentMin"):
        case(op, lambda x, op=op: getattr(raw, op)(data=x, segment_ids=[2, 0, -1, 2], num_segments=4), any_(4, 3))
        case(op, lambda x, op=op: getattr(raw, op)(data=double(x), segment_ids=[2, 0, -1, 2, 2, 0, 1, 2], num_segments=3), any_(4, 3))
        case(op, lambda x, op=op: getattr(raw, op)(data=x, segment_ids=[[2, 0], [0, 1]], num_segments=3), any_(2, 2, 3))
    for name in ("Sum", "Mean", "SqrtN"):
        for sparse in (False, True):
            f = lambda x, name=name, s=sparse: getattr(raw, "SparseSegment" + name)(data=x, indices=[2, 0, 2], segment_ids=[0, 0, 2], sparse_gradient=s)
            case("SparseSegment" + name, f, any_(4, 3))
            f = lambda x, name=name, s=sparse: getattr(raw, f"SparseSegment{name}WithNumSegments")(data=x, indices=[2, 0, 2], segment_ids=[0, 0, 2], num_segments=4, sparse_gradient=s)
            case(f"SparseSegment{name}WithNumSegments", f, any_(4, 3))


def arrays(tf, np, case, any_, pos, f64, c64):
    """Operations that move, copy or choose elements."""
    raw = tf.raw_ops
    for axis in (0, 1, -1):
        case("Pack", lambda x, y, a=axis: tf.stack([x, y], a), any_(3, 4), any_(3, 4))
        case("Unpack", lambda x, a=axis: tf.unstack(x, axis=a, num=[3, 4, 4][a]), any_(3, 4))
        case("Concat", lambda x, y, a=axis: raw.Concat(concat_dim=a % 2, values=[x, y]), any_(3, 4), any_(3, 4))
        case("ConcatV2", lambda x, y, a=axis: tf.concat([x, y], a), any_(3, 4), any_(3, 4))
        case("Split", lambda x, a=axis: tf.split(x, 2, axis=a), any_(2, 4))
        case("SplitV", lambda x, a=axis: tf.split(x, [1, 3], axis=a), any_(4, 4))
    case("Unpack", lambda x: tf.unstack(x, num=3)[1], any_(3, 4))
    case("Split", lambda x: tf.split(x, 2, axis=1)[1], any_(3, 4))
    case("SplitV", lambda x: tf.split(x, [1, 2, 1], axis=1)[1], any_(3, 4))
    case("ConcatV2", lambda x: tf.concat([x] * 20 + [x[:1]], 0), any_(2, 3))
    case("ConcatV2", lambda x: raw.ConcatV2(values=[x, x, x[:0]], axis=0), c64(3, 4))
    case("Slice", lambda x: tf.slice(x, [1, 0], [2, -1]), any_(3, 4))
    case("Slice", lambda x: tf.slice(x, tf.constant([1, 2], tf.int64), tf.constant([1, 2], tf.int64)), any_(3, 4))
    case("StridedSlice", lambda x: x[1:, ::2], any_(3, 4))
    case("StridedSlice", lambda x: x[::-1, tf.newaxis, 1], any_(3, 4))
    case("StridedSlice", lambda x: x[..., -1], any_(2, 3, 4))
    case("StridedSlice", lambda x: x[tf.constant(1, tf.int64):, 2], any_(3, 4))
    case("Diag", lambda x: raw.Diag(diagonal=x), any_(3))
    case("Diag", lambda x: raw.Diag(diagonal=x), any_(2, 3))
    case("DiagPart", lambda x: raw.DiagPart(input=x), any_(3, 3))
    case("MatrixDiag", lambda x: raw.MatrixDiag(diagonal=x), any_(2, 3))
    case("MatrixBandPart", lambda x: tf.linalg.band_part(x, 1, 0), any_(2, 3, 4))
    case("MatrixBandPart", lambda x: tf.linalg.band_part(x, -1, 1), c64(3, 4))
    case("Fill", lambda x: tf.fill([2, 3], x), any_())
    case("Gather", lambda x: raw.Gather(params=x, indices=[[2, 0], [2, 1]]), any_(3, 4))
    for axis in (0, 1, -1):
        for indices in ([2, 0, 2], [[1, 0], [2, 2]], 1):
            case("GatherV2", lambda x, a=axis, i=indices: tf.gather(x, i, axis=a), any_(3, 4))
    case("GatherV2", lambda x: tf.gather(x, [[0, 1], [2, 0]], axis=1, batch_dims=1), any_(2, 3, 4))
    case("GatherV2", lambda x: tf.gather(x, [[0, 1], [2, 0]], axis=2, batch_dims=1), any_(2, 3, 4))
    case("GatherV2", lambda x: tf.gather(x, tf.constant([[[0, 1]] * 3] * 2, tf.int64), axis=2, batch_dims=2), any_(2, 3, 4))
    case("GatherV2", lambda x: tf.gather(x, [[0, 1], [2, 0]], axis=-1, batch_dims=-1), any_(2, 3))
    case("GatherV2", lambda x: tf.gather(x, [0, 2], axis=tf.constant(1, tf.int64)), any_(3, 4))
    case("GatherNd", lambda x: tf.gather_nd(x, [[0, 1], [2, 3], [0, 1]]), any_(3, 4))
    case("GatherNd", lambda x: tf.gather_nd(x, [[0], [2], [0]]), any_(3, 4))
    case("GatherNd", lambda x: tf.gather_nd(x, tf.constant([[[0, 1]], [[2, 3]]], tf.int64)), c64(3, 4))
    case("GatherNd", lambda x: tf.gather_nd(x, [[1], [0]], batch_dims=1), any_(2, 3, 4))
    for op, args in (("Reshape", dict(shape=[2, -1])), ("ExpandDims", dict(axis=1)), ("Squeeze", dict(axis=[0])), ("Tile", dict(multiples=[2, 1, 3])), ("Transpose", dict(perm=[2, 0, 1]))):
        arg = {"Reshape": "tensor", "Transpose": "x"}.get(op, "input")
        case(op, lambda x, op=op, arg=arg, args=args: getattr(raw, op)(**{arg: x}, **args), any_(1, 3, 4))
        case(op, lambda x, op=op, arg=arg, args=args: getattr(raw, op)(**{arg: x}, **args), c64(1, 3, 4))
    case("Squeeze", lambda x: raw.Squeeze(input=x), any_(1, 3, 1, 4))
    case("Tile", lambda x: tf.tile(x, tf.constant([2, 3], tf.int64)), any_(2, 3))
    case("Pad", lambda x: raw.Pad(input=x, paddings=[[1, 0], [2, 1]]), any_(3, 4))
    case("Pad", lambda x: raw.Pad(input=x, paddings=tf.constant([[1, 0], [2, 1]], tf.int64)), c64(3, 4))
    case("PadV2", lambda x, v: raw.PadV2(input=x, paddings=[[1, 0], [2, 1]], constant_values=v), any_(3, 4), any_())
    for mode in ("REFLECT", "SYMMETRIC"):
        case("MirrorPad", lambda x, mode=mode: raw.MirrorPad(input=x, paddings=[[1, 0], [2, 1]], mode=mode), any_(3, 4))
        case("MirrorPadGrad", lambda x, mode=mode: raw.MirrorPadGrad(input=x, paddings=[[1, 0], [1, 1]], mode=mode), any_(4, 5))
    case("ReverseSequence", lambda x: tf.reverse_sequence(x, [1, 3, 2], seq_axis=1, batch_axis=0), any_(3, 4, 2))
    case("ReverseSequence", lambda x: tf.reverse_sequence(x, tf.constant([1, 3, 2, 0], tf.int64), seq_axis=0, batch_axis=1), any_(3, 4, 2))
    case("ReverseV2", lambda x: tf.reverse(x, [-1, 0]), any_(3, 4))
    case("Roll", lambda x: tf.roll(x, [1, -2], [0, 1]), any_(3, 4))
    case("Roll", lambda x: tf.roll(x, 1, 1), c64(3, 4))
    case("BroadcastTo", lambda x: tf.broadcast_to(x, [2, 3, 4]), any_(3, 1))
    case("BroadcastTo", lambda x: tf.broadcast_to(x, tf.constant([3, 4], tf.int64)), any_(3, 4))
    case("SpaceToBatch", lambda x: raw.SpaceToBatch(input=x, paddings=[[1, 1], [0, 0]], block_size=2), any_(1, 2, 4, 3))
    case("BatchToSpace", lambda x: raw.BatchToSpace(input=x, crops=[[1, 1], [0, 0]], block_size=2), any_(4, 2, 2, 3))
    case("SpaceToBatchND", lambda x: tf.space_to_batch(x, [2, 2], [[1, 1], [0, 0]]), any_(1, 2, 4, 3))
    case("BatchToSpaceND", lambda x: tf.batch_to_space(x, [2, 2], [[1, 1], [0, 0]]), any_(4, 2, 2, 3))
    for layout in ("NHWC",):
        case("SpaceToDepth", lambda x: raw.SpaceToDepth(input=x, block_size=2), any_(1, 4, 4, 3))
        case("DepthToSpace", lambda x: raw.DepthToSpace(input=x, block_size=2), any_(1, 2, 2, 8))
    for t in (any_, c64):
        case("ScatterNd", lambda u: tf.scatter_nd([[1], [3], [1]], u, [5, 4]), t(3, 4))
        case("ScatterNdNonAliasingAdd", lambda x, u: raw.ScatterNdNonAliasingAdd(input=x, indices=[[1], [2], [1]], updates=u), t(3, 4), t(3, 4))
    case("DynamicPartition", lambda x: tf.dynamic_partition(x, [0, 2, 0], 3), any_(3, 4))
    case("DynamicPartition", lambda x: tf.dynamic_partition(x, [[0, 1], [1, 0]], 2), any_(2, 2, 3))
    case("DynamicPartition", lambda x: tf.dynamic_partition(x, [0, 1, 0], 2)[1], any_(3, 4))
    for op in ("DynamicStitch", "ParallelDynamicStitch"):
        case(op, lambda x, y, op=op: getattr(raw, op)(indices=[[0, 2], [1, 3, 4]], data=[x, y]), any_(2, 4), any_(3, 4))
        case(op, lambda x, y, op=op: getattr(raw, op)(indices=[1, [[0, 2], [3, 4]]], data=[x, y]), any_(4), any_(2, 2, 4))
    case("DynamicStitch", lambda x, y: raw.DynamicStitch(indices=[[0, 2], [2, 1]], data=[x, y]), any_(2, 4), any_(2, 4))
    case("Reverse", lambda x: raw.Reverse(tensor=x, dims=[True, False, True]), c64(4, 3, 2))
    table = ((4, 3), -0.9, 0.9, "variable")
    case("ReadVariableOp", lambda v: tf.convert_to_tensor(v) * 2.0, table)
    case("ResourceGather", lambda v: raw.ResourceGather(resource=v.handle, indices=[[2, 0], [2, 1]], dtype=tf.float32), table)
    case("ResourceGatherNd", lambda v: raw.ResourceGatherNd(resource=v.handle, indices=[[2], [0], [2]], dtype=tf.float32), table)
    case("ResourceGatherNd", lambda v: raw.ResourceGatherNd(resource=v.handle, indices=[[2, 1], [0, 0], [2, 1]], dtype=tf.float32), table)

"""A case for each operation that has a gradient in Python: a graph, and what tf.gradients says."""

def cases(tf, np):
    """Returns (operation, function of the inputs, specifications of the inputs) for each case."""
    tf1, raw, math, nn, linalg = tf.compat.v1, tf.raw_ops, tf.math, tf.nn, tf.linalg
    out = []

    def case(op, f, *specs):
        out.append((op, f, specs))

    # Specifications of inputs: numbers around 0, positive ones, and those of other types.
    def any_(*shape, dtype="float32"):
        return (shape, -0.9, 0.9, dtype)

    def pos(*shape, dtype="float32"):
        return (shape, 0.3, 1.7, dtype)

    def f64(*shape):
        return any_(*shape, dtype="float64")

    def p64(*shape):
        return pos(*shape, dtype="float64")

    def c64(*shape):
        return any_(*shape, dtype="complex64")

    def c128(*shape):
        return any_(*shape, dtype="complex128")

    special(tf, case, any_, pos, f64, p64)
    elements(tf, case, any_, pos, f64, c128)
    segments(tf, case, any_, pos, f64)
    linear(tf, case, any_, f64, c128)
    transforms(tf, case, any_, f64, c64, c128)
    sparse(tf, np, case, any_, pos)
    pools(tf, case, any_, pos)
    moves(tf, case, any_, f64, c64)
    recurrent(tf, np, case, any_)
    compressed(tf, np, case, any_, c64)
    ragged(tf, np, case, any_)
    images(tf, np, case, any_, pos)
    norms(tf, case, any_, pos)
    core(tf, np, case, any_, pos, f64, p64, c64, c128)
    arrays(tf, np, case, any_, pos, f64, c64)
    layers(tf, np, case, any_, pos, f64)
    return out


def special(tf, case, any_, pos, f64, p64):
    m, s, raw = tf.math, tf.math.special, tf.raw_ops
    case("Digamma", m.digamma, p64(3, 4))
    case("Dawsn", s.dawsn, f64(3, 4))
    case("Expint", s.expint, p64(3, 4))
    case("FresnelCos", s.fresnel_cos, f64(3, 4))
    case("FresnelSin", s.fresnel_sin, f64(3, 4))
    case("Spence", lambda x: s.spence(tf.concat([x, tf.ones([1, 4], tf.float64)], 0)), p64(3, 4))
    for name in ("I0", "I0e", "I1", "I1e", "J0", "J1"):
        case("Bessel" + name, lambda x, name=name: getattr(raw, "Bessel" + name)(x=tf.concat([x, x * 0.0], 0)), f64(3, 4))
    for name in ("K0", "K0e", "K1", "K1e", "Y0", "Y1"):
        case("Bessel" + name, lambda x, name=name: getattr(raw, "Bessel" + name)(x=x), p64(3, 4))
    case("Igamma", m.igamma, p64(3, 4), p64(4))
    case("Igammac", m.igammac, p64(4), p64(3, 4))
    case("Betainc", m.betainc, p64(3, 4), p64(3, 4), (((3, 4), 0.2, 0.8, "float64")))
    case("Zeta", m.zeta, ((3, 4), 1.3, 2.0, "float64"), p64(4))
    case("Polygamma", lambda n, x: m.polygamma(tf.round(n) + 1, x), p64(4), p64(3, 4))
    case("Xlog1py", m.xlog1py, f64(3, 4), p64(4))
    case("Xdivy", m.xdivy, f64(3, 4), p64(4))
    case("NextAfter", m.nextafter, f64(3, 4), f64(4))


def elements(tf, case, any_, pos, f64, c128):
    raw = tf.raw_ops
    case("ComplexAbs", tf.abs, c128(3, 4))
    case("Conj", tf.math.conj, c128(3, 4))
    case("Cross", tf.linalg.cross, any_(2, 3), any_(2, 3))
    case("InvGrad", lambda y, dy: raw.InvGrad(y=y, dy=dy), any_(3, 4), any_(3, 4))
    for op in ("ReciprocalGrad", "SqrtGrad", "RsqrtGrad", "SigmoidGrad", "TanhGrad"):
        f = lambda y, dy, op=op: getattr(raw, op)(y=y, dy=dy)
        case(op, f, pos(3, 4), any_(3, 4))
        if op not in ("SigmoidGrad", "TanhGrad"):
            case(op, f, c128(3, 4), c128(3, 4))
    case("EluGrad", lambda g, y: raw.EluGrad(gradients=g, outputs=y), any_(3, 4), any_(3, 4))
    case("SeluGrad", lambda g, y: raw.SeluGrad(gradients=g, outputs=y), any_(3, 4), any_(3, 4))
    case("ReluGrad", lambda g, x: raw.ReluGrad(gradients=g, features=x), any_(3, 4), any_(3, 4))
    case("Relu6Grad", lambda g, x: raw.Relu6Grad(gradients=g, features=x * 9.0), any_(3, 4), any_(3, 4))
    case("SoftplusGrad", lambda g, x: raw.SoftplusGrad(gradients=g, features=x), any_(3, 4), any_(3, 4))
    case("FakeQuantWithMinMaxVarsPerChannel", lambda x: tf.quantization.fake_quant_with_min_max_vars_per_channel(x, [-0.5] * 4, [0.6] * 4), any_(3, 4))
    case("QuantizeAndDequantizeV2", lambda x: raw.QuantizeAndDequantizeV2(input=x, input_min=-1.0, input_max=1.0), any_(3, 4))
    case("CheckNumericsV2", lambda x: raw.CheckNumericsV2(tensor=x, message="here"), any_(3, 4))
    case("Print", lambda x: tf.compat.v1.Print(x, [x], first_n=0), any_(3, 4))


def segments(tf, case, any_, pos, f64):
    m, raw = tf.math, tf.raw_ops
    ids = [0, 0, 1, 3]
    twice = lambda x: tf.concat([x, x[1:2], x[2:3] * 0.0], 0)
    long = [0, 0, 1, 1, 3, 3]
    case("SegmentMean", lambda x: m.segment_mean(x, ids), any_(4, 3))
    case("SegmentMean", lambda x: m.segment_mean(x, ids), any_(4))
    case("SegmentMin", lambda x: m.segment_min(twice(x), long), any_(4, 3))
    case("SegmentMax", lambda x: m.segment_max(twice(x), long), any_(4, 3))
    case("SegmentProd", lambda x: m.segment_prod(twice(x), long), any_(4, 3))
    case("UnsortedSegmentProd", lambda x: m.unsorted_segment_prod(twice(x)[:5], [2, 0, 0, -1, 2], 4), any_(4, 3))
    for name in ("Sum", "Mean", "SqrtN"):
        f = lambda x, name=name: getattr(raw, f"SparseSegment{name}WithNumSegments")(data=x, indices=[2, 0, 2], segment_ids=[0, 0, 2], num_segments=4)
        case(f"SparseSegment{name}WithNumSegments", f, any_(4, 3))
    for exclusive in (False, True):
        for reverse in (False, True):
            case("Cumprod", lambda x, e=exclusive, r=reverse: m.cumprod(x, 1, e, r), pos(3, 4))
            case("CumulativeLogsumexp", lambda x, e=exclusive, r=reverse: m.cumulative_logsumexp(x, 1, e, r), any_(3, 4))
    for keep in (False, True):
        case("EuclideanNorm", lambda x, keep=keep: m.reduce_euclidean_norm(x, -1, keep), any_(3, 4))
        case("EuclideanNorm", lambda x, keep=keep: m.reduce_euclidean_norm(x, [0, 2], keep), any_(3, 4, 2))


def linear(tf, case, any_, f64, c128):
    linalg, raw = tf.linalg, tf.raw_ops

    def eye(x):
        return 2.0 * tf.eye(3, dtype=x.dtype)

    def positive(x):
        return tf.matmul(x, x, adjoint_b=True) + eye(x)

    for t in (f64, c128):
        for adjoint in (False, True):
            case("MatrixInverse", lambda x, a=adjoint: linalg.inv(x + eye(x), a), t(2, 3, 3))
            case("MatrixSolve", lambda x, y, a=adjoint: linalg.solve(x + eye(x), y, a), t(2, 3, 3), t(2, 3, 2))
            for lower in (False, True):
                f = lambda x, y, a=adjoint, l=lower: linalg.triangular_solve(x + eye(x), y, l, a)
                case("MatrixTriangularSolve", f, t(2, 3, 3), t(2, 3, 2))
                case("MatrixTriangularSolve", f, t(3, 3), t(2, 3, 2))
                case("BandedTriangularSolve", lambda x, y, a=adjoint, l=lower: linalg.banded_triangular_solve(x + 2, y, l, a), t(2, 2, 3), t(2, 3, 2))
        case("MatrixDeterminant", lambda x: linalg.det(x + eye(x)), t(2, 3, 3))
        case("LogMatrixDeterminant", lambda x: linalg.slogdet(x + eye(x))[1], t(2, 3, 3))
        case("LogMatrixDeterminant", lambda x: list(linalg.slogdet(x + eye(x))), t(3, 3))
        case("Cholesky", lambda x: linalg.cholesky(positive(x)), t(2, 3, 3))
        case("SelfAdjointEigV2", lambda x: list(linalg.eigh(positive(x))), t(2, 3, 3))
        case("SelfAdjointEigV2", lambda x: linalg.eigvalsh(positive(x)), t(3, 3))
        case("Eig", lambda x: linalg.eigvals(x + linalg.diag(tf.range(3, dtype=tf.float64) * 4 if x.dtype == tf.float64 else tf.cast(tf.range(3) * 4, x.dtype))), t(3, 3))
        case("TridiagonalMatMul", lambda *x: linalg.tridiagonal_matmul((x[0], x[1], x[2]), x[3], "sequence"), t(2, 4), t(2, 4), t(2, 4), t(2, 4, 3))
        case("TridiagonalSolve", lambda d, y: linalg.tridiagonal_solve(d + tf.constant([[0.0], [3.0], [0.0]], d.dtype), y, "compact"), t(2, 3, 4), t(2, 4, 2))
        for shape in ((2, 3, 3), (4, 3), (3, 4), (2, 3, 5)):
            case("Qr", lambda x: list(linalg.qr(x)), t(*shape))
            for uv in (True, False):
                case("Svd", lambda x, uv=uv: list(linalg.svd(x, compute_uv=True)) if uv else linalg.svd(x, compute_uv=False), t(*shape))
        case("Svd", lambda x: list(linalg.svd(x, full_matrices=True)), t(3, 4))
        case("Qr", lambda x: list(linalg.qr(x, full_matrices=True)), t(3, 4))
    case("Eig", lambda x: list(linalg.eig(x + linalg.diag(tf.cast(tf.range(3) * 4, x.dtype)))), c128(3, 3))
    case("MatrixSquareRoot", lambda x: linalg.sqrtm(positive(x)), f64(2, 3, 3))
    for shape in ((4, 3), (2, 3, 4)):
        case("MatrixSolveLs", lambda x, y: raw.MatrixSolveLs(matrix=x, rhs=y, l2_regularizer=tf.constant(0.1, tf.float64), fast=True), f64(*shape), f64(*shape[:-1], 2))
    for a in (False, True):
        for b in (False, True):
            f = lambda x, y, a=a, b=b: raw.SparseMatMul(a=x, b=y, transpose_a=a, transpose_b=b, a_is_sparse=True)
            case("SparseMatMul", f, any_(*((4, 3) if a else (3, 4))), any_(*((2, 4) if b else (4, 2))))


def transforms(tf, case, any_, f64, c64, c128):
    signal, raw = tf.signal, tf.raw_ops
    for t in (c64, c128):
        for n, shape in (("", (2, 5)), ("2d", (2, 3, 4)), ("3d", (2, 2, 3, 4))):
            case("FFT" + n.upper(), getattr(signal, "fft" + n), t(*shape))
            case("IFFT" + n.upper(), getattr(signal, "ifft" + n), t(*shape))
        case("Real", tf.math.real, t(3, 4))
        case("Imag", tf.math.imag, t(3, 4))
        case("Angle", tf.math.angle, t(3, 4))
    for t in (any_, f64):
        case("Complex", lambda x, y: tf.complex(x, y[0]), t(3, 4), t(3, 4))
        for length in (4, 5):
            case("RFFT", lambda x, n=length: signal.rfft(x, [n]), t(2, length))
    for t in (c64, c128):
        for length in (4, 5, 8):
            case("IRFFT", lambda x, n=length: signal.irfft(x, [n]), t(2, length // 2 + 1))
        case("IRFFT2D", lambda x: signal.irfft2d(x, [4, 4]), t(2, 4, 3))
        case("IRFFT2D", lambda x: signal.irfft2d(x, [3, 5]), t(2, 3, 3))
    for shape in ((2, 4, 4), (2, 3, 5), (3, 4)):
        case("RFFT2D", lambda x: signal.rfft2d(x), any_(*shape))


def sparse(tf, np, case, any_, pos):
    raw, sp = tf.raw_ops, tf.sparse
    at = np.array([[0, 1], [1, 0], [2, 3]], np.int64)

    def sparse_of(values, indices=at, shape=(3, 4)):
        return tf.SparseTensor(indices, values, shape)

    case("SparseReorder", lambda v: sp.reorder(sparse_of(v, at[::-1].copy())).values, any_(3))
    case("SparseAdd", lambda v, w: sp.add(sparse_of(v), sparse_of(w, np.array([[0, 1], [2, 0], [2, 3]], np.int64))).values, any_(3), any_(3))
    case("SparseTensorDenseAdd", lambda v, d: sp.add(sparse_of(v), d), any_(3), any_(3, 4))
    for axis in ([0], [-1], [0, 1]):
        for keep in (False, True):
            case("SparseReduceSum", lambda v, a=axis, k=keep: tf.compat.v1.sparse_reduce_sum(sparse_of(v), a, k), any_(3))
    case("SparseSlice", lambda v: sp.slice(sparse_of(v), [1, 0], [2, 3]).values, any_(3))
    for a in (False, True):
        for b in (False, True):
            f = lambda v, d, a=a, b=b: sp.sparse_dense_matmul(sparse_of(v), d, adjoint_a=a, adjoint_b=b)
            rows = 3 if a else 4
            case("SparseTensorDenseMatMul", f, any_(3), any_(*((2, rows) if b else (rows, 2))))
    for shape in ((3, 4), (4,), (3, 1), (1, 1)):
        case("SparseDenseCwiseMul", lambda v, d: raw.SparseDenseCwiseMul(sp_indices=at, sp_values=v, sp_shape=[3, 4], dense=d), any_(3), pos(*shape))
        case("SparseDenseCwiseDiv", lambda v, d: raw.SparseDenseCwiseDiv(sp_indices=at, sp_values=v, sp_shape=[3, 4], dense=d), any_(3), pos(*shape))
    two = np.array([[0, 1], [0, 3], [2, 0]], np.int64)
    case("SparseSoftmax", lambda v: sp.softmax(sparse_of(v, two)).values, any_(3))
    case("SparseFillEmptyRows", lambda v, d: raw.SparseFillEmptyRows(indices=two, values=v, dense_shape=[4, 4], default_value=d).output_values, any_(3), any_())
    case("RaggedFillEmptyRows", lambda v, d: raw.RaggedFillEmptyRows(value_rowids=[0, 0, 2], values=v, nrows=4, default_value=d).output_values, any_(3), any_())
    case("SparseToDense", lambda v, d: raw.SparseToDense(sparse_indices=at, output_shape=[3, 4], sparse_values=v, default_value=d), any_(3), any_())


def pools(tf, case, any_, pos):
    nn, raw = tf.nn, tf.raw_ops
    image, kernel = any_(2, 5, 6, 3), any_(2, 3, 3, 4)
    for padding in ("SAME", "VALID"):
        for strides in ([1, 1, 1, 1], [1, 2, 2, 1]):
            out = nn_shape(padding, strides)
            a = dict(strides=strides, padding=padding)
            case("Conv2DBackpropFilter", lambda x, dy, a=a: raw.Conv2DBackpropFilter(input=x, filter_sizes=[2, 3, 3, 4], out_backprop=dy, **a), image, any_(2, *out, 4))
            case("DepthwiseConv2dNativeBackpropFilter", lambda x, dy, a=a: raw.DepthwiseConv2dNativeBackpropFilter(input=x, filter_sizes=[2, 3, 3, 2], out_backprop=dy, **a), image, any_(2, *out, 6))
            case("DepthwiseConv2dNativeBackpropInput", lambda k, dy, a=a: raw.DepthwiseConv2dNativeBackpropInput(input_sizes=[2, 5, 6, 3], filter=k, out_backprop=dy, **a), any_(2, 3, 3, 2), any_(2, *out, 6))
        pool = dict(ksize=[1, 2, 3, 1], strides=[1, 2, 2, 1], padding=padding)
        out = nn_shape(padding, [1, 2, 2, 1])
        case("AvgPoolGrad", lambda dy, p=pool: raw.AvgPoolGrad(orig_input_shape=[2, 5, 6, 3], grad=dy, **p), any_(2, *out, 3))
        case("MaxPoolGrad", lambda x, dy, p=pool: raw.MaxPoolGrad(orig_input=x, orig_output=raw.MaxPool(input=x, **p), grad=dy, **p), image, any_(2, *out, 3))
        case("MaxPoolGradGrad", lambda x, dy, p=pool: raw.MaxPoolGradGrad(orig_input=x, orig_output=raw.MaxPool(input=x, **p), grad=dy, **p), image, image)
        v2 = dict(ksize=pool["ksize"], strides=pool["strides"], padding=padding)
        case("MaxPoolGradV2", lambda x, dy, p=v2: raw.MaxPoolGradV2(orig_input=x, orig_output=raw.MaxPool(input=x, **p), grad=dy, **p), image, any_(2, *out, 3))
        case("MaxPoolV2", lambda x, p=v2: raw.MaxPoolV2(input=x, **p), image)
        case("MaxPoolWithArgmax", lambda x, p=pool: raw.MaxPoolWithArgmax(input=x, **p).output, image)
        case("MaxPoolWithArgmax", lambda x, p=pool: raw.MaxPoolWithArgmax(input=x, include_batch_in_index=True, **p).output, image)
        case("Dilation2D", lambda x, k, padding=padding: raw.Dilation2D(input=x, filter=k, strides=[1, 2, 1, 1], rates=[1, 1, 2, 1], padding=padding), image, any_(2, 3, 3))
        volume, cube = any_(2, 4, 5, 4, 2), dict(strides=[1, 1, 1, 1, 1], padding=padding)
        size = (4, 5, 4) if padding == "SAME" else (3, 4, 3)
        case("Conv3DBackpropFilterV2", lambda x, dy, c=cube: raw.Conv3DBackpropFilterV2(input=x, filter_sizes=[2, 2, 2, 2, 3], out_backprop=dy, **c), volume, any_(2, *size, 3))
        case("Conv3DBackpropInputV2", lambda k, dy, c=cube: raw.Conv3DBackpropInputV2(input_sizes=[2, 4, 5, 4, 2], filter=k, out_backprop=dy, **c), any_(2, 2, 2, 2, 3), any_(2, *size, 3))
        p3 = dict(ksize=[1, 2, 2, 2, 1], **cube)
        case("AvgPool3DGrad", lambda dy, p=p3: raw.AvgPool3DGrad(orig_input_shape=[2, 4, 5, 4, 2], grad=dy, **p), any_(2, *size, 2))
        case("MaxPool3DGrad", lambda x, dy, p=p3: raw.MaxPool3DGrad(orig_input=x, orig_output=raw.MaxPool3D(input=x, **p), grad=dy, **p), volume, any_(2, *size, 2))
        case("MaxPool3DGradGrad", lambda x, dy, p=p3: raw.MaxPool3DGradGrad(orig_input=x, orig_output=raw.MaxPool3D(input=x, **p), grad=dy, **p), volume, volume)


def nn_shape(padding, strides):
    if padding == "SAME":
        return (5, 6) if strides[1] == 1 else (3, 3)
    return (4, 4) if strides[1] == 1 else (2, 2)


def moves(tf, case, any_, f64, c64):
    raw, linalg = tf.raw_ops, tf.linalg
    at = [[0], [2], [0]]
    unique = [[0], [2]]
    case("TensorScatterUpdate", lambda x, u: tf.tensor_scatter_nd_update(x, unique, u), any_(4, 3), any_(2, 3))
    case("TensorScatterAdd", lambda x, u: tf.tensor_scatter_nd_add(x, at, u), any_(4, 3), any_(3, 3))
    case("TensorScatterSub", lambda x, u: tf.tensor_scatter_nd_sub(x, at, u), any_(4, 3), any_(3, 3))
    case("TensorScatterMax", lambda x, u: tf.tensor_scatter_nd_max(x, at, u), any_(4, 3), any_(3, 3))
    case("TensorScatterMin", lambda x, u: tf.tensor_scatter_nd_min(x, at, u), any_(4, 3), any_(3, 3))
    case("TensorStridedSliceUpdate", lambda x, v: raw.TensorStridedSliceUpdate(input=x, begin=[0, 1], end=[4, 3], strides=[2, 1], value=v), any_(4, 3), any_(2, 2))
    case("TensorStridedSliceUpdate", lambda x, v: raw.TensorStridedSliceUpdate(input=x, begin=[1, 1], end=[2, 0], strides=[1, 1], value=v, end_mask=2, shrink_axis_mask=1), any_(4, 3), any_(2))
    case("StridedSliceGrad", lambda dy: raw.StridedSliceGrad(shape=[4, 3], begin=[0, 1], end=[4, 3], strides=[2, 1], dy=dy), any_(2, 2))
    case("ConjugateTranspose", lambda x: tf.transpose(x, [2, 0, 1], conjugate=True), c64(2, 3, 4))
    case("Reverse", lambda x: raw.Reverse(tensor=x, dims=[True, False]), any_(4, 3))
    case("MatrixDiagPart", lambda x: raw.MatrixDiagPart(input=x), any_(2, 4, 3))
    case("MatrixDiagPartV2", lambda x: raw.MatrixDiagPartV2(input=x, k=-1, padding_value=0.5), any_(2, 4, 3))
    case("MatrixDiagPartV3", lambda x: raw.MatrixDiagPartV3(input=x, k=[-1, 1], padding_value=0.5), any_(2, 4, 3))
    case("MatrixDiagV2", lambda x: raw.MatrixDiagV2(diagonal=x, k=1, num_rows=-1, num_cols=-1, padding_value=0.5), any_(2, 3))
    case("MatrixDiagV3", lambda x: raw.MatrixDiagV3(diagonal=x, k=[-1, 0], num_rows=4, num_cols=3, padding_value=0.5), any_(2, 2, 3))
    case("MatrixSetDiag", lambda x, d: raw.MatrixSetDiag(input=x, diagonal=d), any_(2, 4, 3), any_(2, 3))
    case("MatrixSetDiagV2", lambda x, d: raw.MatrixSetDiagV2(input=x, diagonal=d, k=1), any_(2, 4, 3), any_(2, 2))
    case("MatrixSetDiagV3", lambda x, d: raw.MatrixSetDiagV3(input=x, diagonal=d, k=[-1, 0], align="LEFT_RIGHT"), any_(2, 4, 3), any_(2, 2, 3))
    case("TopKV2", lambda x: tf.math.top_k(x, 2).values, any_(3, 4))
    case("TopKV2", lambda x: tf.math.top_k(x, 2).values, any_(2, 3, 4))
    case("TopKV2", lambda x: tf.math.top_k(x, 2).values, any_(4))
    case("NthElement", lambda x: tf.math.reduce_sum(raw.NthElement(input=tf.concat([x, x], 1), n=2)) * tf.ones([1]), any_(3, 4))
    case("ExtractImagePatches", lambda x: tf.image.extract_patches(x, [1, 2, 3, 1], [1, 1, 2, 1], [1, 1, 1, 1], "SAME"), any_(2, 4, 5, 3))
    case("ExtractImagePatches", lambda x: tf.image.extract_patches(x, [1, 2, 2, 1], [1, 2, 1, 1], [1, 2, 1, 1], "VALID"), any_(2, 4, 5, 3))


def recurrent(tf, np, case, any_):
    raw = tf.raw_ops
    for op in ("BlockLSTM", "BlockLSTMV2"):
        for peephole in (False, True):

            def lstm(x, c, h, w, wi, wf, wo, b, op=op, peephole=peephole):
                out = getattr(raw, op)(seq_len_max=tf.constant(3, tf.int64), x=x, cs_prev=c, h_prev=h, w=w, wci=wi, wcf=wf, wco=wo, b=b, use_peephole=peephole)
                return [out.cs, out.h]

            case(op, lstm, any_(3, 2, 4), any_(2, 3), any_(2, 3), any_(7, 12), any_(3), any_(3), any_(3), any_(12))
    labels = dict(labels_indices=np.array([[0, 0], [0, 1], [1, 0]], np.int64), labels_values=[1, 2, 0], sequence_length=[4, 3])
    case("CTCLoss", lambda x: raw.CTCLoss(inputs=x, **labels).loss, any_(4, 2, 5))


def compressed(tf, np, case, any_, c64):
    from tensorflow.python.ops.linalg.sparse import sparse_csr_matrix_ops as csr

    raw = tf.raw_ops
    at = np.array([[0, 1], [0, 3], [2, 0], [2, 3]], np.int64)

    def matrix(values, indices=at, shape=(3, 4)):
        return csr.sparse_tensor_to_csr_sparse_matrix(indices, values, tf.constant(shape, tf.int64))

    def dense(m, t=tf.float32):
        return csr.csr_sparse_matrix_to_dense(m, type=t)

    case("DenseToCSRSparseMatrix", lambda x: dense(csr.dense_to_csr_sparse_matrix(x, at)), any_(3, 4))
    case("CSRSparseMatrixToDense", lambda v: dense(matrix(v)), any_(4))
    case("SparseTensorToCSRSparseMatrix", lambda v: dense(matrix(v), tf.complex64), c64(4))
    case("CSRSparseMatrixToSparseTensor", lambda v: csr.csr_sparse_matrix_to_sparse_tensor(matrix(v), type=tf.float32).values, any_(4))
    case("SparseMatrixTranspose", lambda v: dense(csr.sparse_matrix_transpose(matrix(v), type=tf.float32)), any_(4))
    case("SparseMatrixTranspose", lambda v: dense(csr.sparse_matrix_transpose(matrix(v), type=tf.complex64, conjugate=True), tf.complex64), c64(4))
    for kind in ("transpose", "adjoint"):
        for a in (False, True):
            for b in (False, True):
                flags = {kind + "_a": a, kind + "_b": b}
                rows = 3 if a else 4
                for output in (False, True):
                    f = lambda v, d, flags=flags, output=output: csr.sparse_matrix_mat_mul(matrix(v), d, transpose_output=output, **flags)
                    case("SparseMatrixMatMul", f, any_(4), any_(*((2, rows) if b else (rows, 2))))
                shape = (4, 3) if a == b else (3, 4)
                f = lambda v, w, flags=flags, shape=shape: dense(csr.sparse_matrix_sparse_mat_mul(matrix(v), matrix(w, at if shape == (3, 4) else at[:, ::-1][[2, 0, 1, 3]].copy(), shape), type=tf.float32, **flags))
                case("SparseMatrixSparseMatMul", f, any_(4), any_(4))


def ragged(tf, np, case, any_):
    raw = tf.raw_ops

    def of(values, splits=(0, 2, 2, 5)):
        return tf.RaggedTensor.from_row_splits(values, np.array(splits, np.int64))

    case("RaggedGather", lambda v: tf.gather(of(v), [2, 0, 2]).flat_values, any_(5))
    case("RaggedGather", lambda v: tf.gather(of(of(v), (0, 1, 3)), [1, 0]).flat_values, any_(5, 2))
    case("RaggedTensorToTensor", lambda v, d: of(v).to_tensor(d), any_(5), any_())
    case("RaggedTensorToTensor", lambda v, d: of(v).to_tensor(d, shape=[None, 2, 2]), any_(5, 2), any_(2))
    case("RaggedTensorToTensor", lambda v, d: of(of(v), (0, 1, 3)).to_tensor(d), any_(5, 2), any_(1))
    case("RaggedTensorToSparse", lambda v: of(v).to_sparse().values, any_(5))
    case("RaggedTensorToVariant", lambda v: raw.RaggedTensorFromVariant(encoded_ragged=raw.RaggedTensorToVariant(rt_nested_splits=[np.array([0, 2, 2, 5], np.int64)], rt_dense_values=v, batched_input=True), input_ragged_rank=-1, output_ragged_rank=1, Tvalues=tf.float32).output_dense_values * 2.0, any_(5))
    case("RaggedTensorFromVariant", lambda v: raw.RaggedTensorFromVariant(encoded_ragged=raw.RaggedTensorToVariant(rt_nested_splits=[np.array([0, 2, 2, 5], np.int64)], rt_dense_values=v, batched_input=False), input_ragged_rank=1, output_ragged_rank=1, Tvalues=tf.float32).output_dense_values * 2.0, any_(5))
    for op in ("CompositeTensorVariantFromComponents", "CompositeTensorVariantToComponents"):
        case(op, lambda x, y: [2.0 * t for t in raw.CompositeTensorVariantToComponents(encoded=raw.CompositeTensorVariantFromComponents(components=[x * y, y], metadata=""), metadata="", Tcomponents=[tf.float32] * 2)], any_(3), any_(3))
    case("OptionalFromValue", lambda x, y: list(raw.OptionalGetValue(optional=raw.OptionalFromValue(components=[x, y]), output_types=[tf.float32] * 2, output_shapes=[[3], [2]])), any_(3), any_(2))


def images(tf, np, case, any_, pos):
    raw = tf.raw_ops
    transform = [[1.0, 0.1, -0.2, 0.05, 0.9, 0.3, 0.001, 0.002]]
    for fill in ("CONSTANT", "REFLECT"):
        case("ImageProjectiveTransformV2", lambda x, f=fill: raw.ImageProjectiveTransformV2(images=x, transforms=transform, output_shape=[5, 6], interpolation="BILINEAR", fill_mode=f), any_(2, 5, 6, 3))
        case("ImageProjectiveTransformV3", lambda x, f=fill: raw.ImageProjectiveTransformV3(images=x, transforms=transform, output_shape=[5, 6], fill_value=0.0, interpolation="NEAREST", fill_mode=f), any_(2, 5, 6, 3))
    case("RGBToHSV", tf.image.rgb_to_hsv, ((5, 7, 3), 0.05, 0.95, "float32"))
    case("RGBToHSV", lambda x: tf.image.rgb_to_hsv(tf.stop_gradient(tf.round(x * 2.0) - x) + x), ((5, 7, 3), 0.0, 1.0, "float32"))
    case("ExtractVolumePatches", lambda x: tf.extract_volume_patches(x, [1, 2, 2, 3, 1], [1, 1, 2, 1, 1], "SAME"), any_(2, 3, 4, 5, 2))
    case("ExtractVolumePatches", lambda x: tf.extract_volume_patches(x, [1, 2, 2, 2, 1], [1, 1, 1, 1, 1], "VALID"), any_(1, 3, 4, 5, 1))
    case("IsotonicRegression", lambda x: tf.nn.isotonic_regression(x, decreasing=False)[0], any_(3, 6))
    case("IsotonicRegression", lambda x: tf.nn.isotonic_regression(x, axis=0)[0], any_(3, 6))
    case("ApproxTopK", lambda x: tf.math.approx_max_k(x, 2)[0], any_(3, 8))
    case("RandomGamma", lambda a: tf.compat.v1.random_gamma([5], a, seed=3), pos(2, 3))
    case("StatelessRandomGammaV2", lambda a: raw.StatelessRandomGammaV2(shape=[5, 2, 3], seed=[1, 2], alpha=a), pos(2, 3))
    case("StatelessRandomGammaV3", lambda a: raw.StatelessRandomGammaV3(shape=[5, 2, 3], key=[1], counter=[1, 2], alg=1, alpha=a), pos(2, 3))
    f = lambda m, s, lo, hi: tf.random.stateless_parameterized_truncated_normal([4, 3], [1, 2], m, s + 0.5, lo - 1.5, hi + 1.5)
    case("StatelessParameterizedTruncatedNormal", f, any_(3), pos(1), any_(), any_(3))


def norms(tf, case, any_, pos):
    raw = tf.raw_ops
    for training in (True, False):
        a = dict(epsilon=0.1, is_training=training)
        x, v = any_(2, 3, 4, 5), (any_(5), any_(5), pos(5))

        def v1(dy, x, s, m, r, a=a):
            return list(raw.FusedBatchNormGrad(y_backprop=dy, x=x, scale=s, reserve_space_1=m, reserve_space_2=r, **a))[:3]

        def v2(dy, x, s, m, r, a=a):
            return list(raw.FusedBatchNormGradV2(y_backprop=dy, x=x, scale=s, reserve_space_1=m, reserve_space_2=r, **a))[:3]

        def v3(dy, x, s, m, r, a=a):
            return list(raw.FusedBatchNormGradV3(y_backprop=dy, x=x, scale=s, reserve_space_1=m, reserve_space_2=r, reserve_space_3=r, **a))[:3]

        for op, f in (("FusedBatchNormGrad", v1), ("FusedBatchNormGradV2", v2), ("FusedBatchNormGradV3", v3)):
            case(op, lambda dy, x, s, m, r, f=f: f(dy, x, s, tf.stop_gradient(m), tf.stop_gradient(r)), x, x, *v)
            case(op, lambda dy, x, s, m, r, f=f: f(dy, x, s, tf.stop_gradient(m), tf.stop_gradient(r))[0], x, x, *v)
        for op in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
            f = lambda x, s, o, m, r, op=op, t=training: getattr(raw, op)(x=x, scale=s, offset=o, mean=[] if t else m, variance=[] if t else r, epsilon=0.1, is_training=t).y
            case(op, f, x, any_(5), any_(5), any_(5), pos(5))

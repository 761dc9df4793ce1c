"""Writes hostile SavedModels of further kinds for TestHostileModelsDoNothing: sizes that hide in
attributes, in rows of calls and in loops; ops that few models have; and values that kernels do not
expect.

hostile_base.py and hostile_graph.py come before it."""

from tensorflow.python.framework import dtypes

U8, F64, HALF = tf.uint8, tf.float64, tf.half
HUGE = 1 << 40
made = {}  # by name: what adds the nodes, and where they run


def kind(*hooks):
    """Adds a function to the models, under its name."""
    def note(build):
        made[build.__name__] = (build, hooks)
        return build
    return note


def kinds(hooks, **builds):
    for name, build in builds.items():
        made[name] = (build, hooks)


def shape_of(g, x, dtype=I32):
    """Uses a tensor as a shape, so that TensorFlow computes it during the import."""
    if dtype == STR:
        x, dtype = g.op("StringLength", x), I32
    if dtype != I32:
        x = g.op("Cast", x, SrcT=dtype, DstT=I32)
    total = g.op("Max", g.op("Reshape", x, g.const([-1]), T=I32, Tshape=I32), g.const([0]), T=I32, Tidx=I32, keep_dims=True)
    return g.op("BroadcastTo", g.op("Placeholder", dtype=F32), total, T=F32, Tidx=I32)


def row(g, count, dtype=I32, value=1):
    """A vector, from a few bytes."""
    return g.op("Fill", g.const([count]), g.const(value, dtype), T=dtype, index_type=I32)


def identity(g, x, dtype=I32):
    return g.op("Identity", x, T=dtype)


def proto(dtype, dims, **values):
    p = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, **values)
    p.tensor_shape.SetInParent()
    for d in dims:
        p.tensor_shape.dim.add(size=d)
    return p


def constant(g, dtype, dims, **values):
    return g.op("Const", dtype=dtype, value=proto(dtype, dims, **values))


INIT, SHAPE = by_main, beside
M = 1 << 20

# Text that grows.

kinds((INIT, SHAPE),
      regex_growth=lambda g: at_shape(g, doubled(g, g.const("a" * 32, STR), lambda x: g.op("StaticRegexReplace", x, pattern="(.+)", rewrite="\\1\\1", replace_global=True), 26), STR),
      base64_chain=lambda g: at_shape(g, doubled(g, g.const("a" * 64, STR), lambda x: g.op("EncodeBase64", x, pad=True), 60), STR),
      reduce_join=lambda g: at_shape(g, g.op("ReduceJoin", row(g, 4 * M, STR, "abcdefgh" * 8), g.const([0]), keep_dims=False, separator=""), STR),
      segment_join=lambda g: at_shape(g, g.op("UnsortedSegmentJoin", row(g, 4 * M, STR, "abcdefgh" * 8), row(g, 4 * M, I32, 0), g.const(1), separator="-" * 100, Tindices=I32), STR),
      unicode_encode=lambda g: at_shape(g, g.op("UnicodeEncode", row(g, 100 * M), g.const([0, 100 * M], I64), output_encoding="UTF-32-BE", errors="replace", replacement_char=65533, Tsplits=I64), STR),
      as_string_padded=lambda g: at_shape(g, g.op("AsString", row(g, 1000), T=I32, precision=-1, scientific=False, shortest=False, width=M, fill="0"), STR),
      sharded=lambda g: at_shape(g, doubled(g, g.const("a" * 64, STR), lambda x: g.op("StringJoin", g.op("ShardedFilespec", x, g.const(1)), x, N=2, separator=""), 24), STR),
      upper=lambda g: at_shape(g, g.op("StringUpper", doubled(g, g.const("ß" * 64, STR), lambda x: g.op("StringJoin", x, x, N=2, separator=""), 22), encoding="utf-8"), STR),
      joined_separators=lambda g: at_shape(g, g.op("StringJoin", *[row(g, 1000, STR, "")] * 64, N=64, separator="s" * 8192), STR),
      decoded_raw=lambda g: at_shape(g, g.op("DecodeRaw", doubled(g, g.const("a" * 64, STR), lambda x: g.op("StringJoin", x, x, N=2, separator=""), 22), out_type=U8, little_endian=True), U8),
      split_letters=lambda g: at_shape(g, g.op("StringSplitV2", doubled(g, g.const(["a b "] * 16, STR), lambda x: g.op("StringJoin", x, x, N=2, separator=""), 19), g.const("", STR), maxsplit=-1), I64),
      )


def at_shape(g, x, dtype=I32):
    """Leads x to the run or to the shape, as the model wants it."""
    return shape_of(g, x, dtype) if g.looked else x


# Numbers that grow.

kinds((INIT, SHAPE),
      gathered=lambda g: at_shape(g, g.op("GatherV2", g.op("Reshape", row(g, M), g.const([1, M]), T=I32, Tshape=I32), row(g, 512, I32, 0), g.const(0), Tparams=I32, Tindices=I32, Taxis=I32, batch_dims=0)),
      gathered_v1=lambda g: at_shape(g, g.op("Gather", g.op("Reshape", row(g, M), g.const([1, M]), T=I32, Tshape=I32), row(g, 512, I32, 0), Tparams=I32, Tindices=I32, validate_indices=True)),
      gather_nd=lambda g: at_shape(g, g.op("GatherNd", g.op("Reshape", row(g, M), g.const([1, M]), T=I32, Tshape=I32), g.op("Reshape", row(g, 512, I32, 0), g.const([512, 1]), T=I32, Tshape=I32), Tparams=I32, Tindices=I32)),
      mirrored=lambda g: at_shape(g, doubled(g, row(g, 4096), lambda x: g.op("MirrorPad", x, g.op("Reshape", g.op("Pack", g.op("Size", x, T=I32, out_type=I32), g.op("Size", x, T=I32, out_type=I32), N=2, T=I32, axis=0), g.const([1, 2]), T=I32, Tshape=I32), T=I32, Tpaddings=I32, mode="SYMMETRIC"), 11)),
      batch_outer=lambda g: at_shape(g, g.op("BatchMatMulV2", g.op("Reshape", row(g, 1 << 14, F32), g.const([1 << 14, 1]), T=F32, Tshape=I32), g.op("Reshape", row(g, 1 << 14, F32), g.const([1, 1 << 14]), T=F32, Tshape=I32), T=F32, adj_x=False, adj_y=False), F32),
      new_axes=lambda g: at_shape(g, g.op("BroadcastTo", g.const([[1]]), g.op("Shape", g.op("MatMul", g.op("Fill", g.const([1 << 14, 1]), g.const(1.0, F32), T=F32, index_type=I32), g.op("Fill", g.const([1, 4]), g.const(1.0, F32), T=F32, index_type=I32), T=F32), T=F32, out_type=I32), T=I32, Tidx=I32)),
      strided_grad=lambda g: at_shape(g, g.op("StridedSliceGrad", g.const([200 * M]), g.const([0]), g.const([1]), g.const([1]), g.const([1]), T=I32, Index=I32, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0)),
      bitcast_growth=lambda g: at_shape(g, g.op("Bitcast", row(g, 20 * M, tf.complex128, 1), T=tf.complex128, type=U8), U8),
      unique_all=lambda g: at_shape(g, g.op("UniqueWithCounts", g.op("Range", g.const(0), g.const(40 * M), g.const(1), Tidx=I32), T=I32, out_idx=I64)),
      where_all=lambda g: at_shape(g, g.op("Where", g.op("Fill", g.const([256, 256, 512]), g.const(True, BOOL), T=BOOL, index_type=I32), T=BOOL), I64),
      sorted_all=lambda g: at_shape(g, g.op("TopKV2", row(g, 40 * M), g.const(40 * M), T=I32, sorted=True, Tk=I32, index_type=I32)),
      list_diff=lambda g: at_shape(g, g.op("ListDiff", g.op("Range", g.const(0), g.const(40 * M), g.const(1), Tidx=I32), g.const([5]), T=I32, out_idx=I64)),
      concat_lists=lambda g: g.op("TensorListLength", doubled(g, g.op("TensorListFromTensor", row(g, 1024), g.const([], I32, [0]), element_dtype=I32, shape_type=I32), lambda x: g.op("TensorListConcatLists", x, x, element_dtype=I32), 20)),
      resized_list=lambda g: g.op("TensorListLength", g.op("TensorListResize", g.op("TensorListReserve", g.const([1]), g.const(1), element_dtype=I32, shape_type=I32), g.const(100 * M))),
      scattered_list=lambda g: g.op("TensorListLength", g.op("TensorListScatterV2", g.const([[1]]), g.const([0]), g.const([1]), g.const(100 * M), element_dtype=I32, shape_type=I32)),
      scattered_index=lambda g: g.op("TensorListLength", g.op("TensorListScatter", g.const([[1]]), g.const([100 * M]), g.const([1]), element_dtype=I32, shape_type=I32)),
      stacked_zeros=lambda g: at_shape(g, g.op("TensorListStack", g.op("TensorListReserve", g.const([M]), g.const(256), element_dtype=I32, shape_type=I32), g.const([M]), element_dtype=I32, num_elements=-1)),
      gathered_zeros=lambda g: at_shape(g, g.op("TensorListGather", g.op("TensorListReserve", g.const([M]), g.const(1), element_dtype=I32, shape_type=I32), row(g, 256, I32, 0), g.const([M]), element_dtype=I32)),
      element_of_list=lambda g: at_shape(g, g.op("TensorListGetItem", g.op("TensorListReserve", g.const([200 * M]), g.const(1), element_dtype=I32, shape_type=I32), g.const(0), g.const([200 * M]), element_dtype=I32)),
      unstacked_and_stacked=lambda g: at_shape(g, doubled(g, row(g, 1024), lambda x: g.op("ConcatV2", *[g.op("TensorListStack", g.op("TensorListFromTensor", x, g.const([], I32, [0]), element_dtype=I32, shape_type=I32), g.const([], I32, [0]), element_dtype=I32, num_elements=-1)] * 2, g.const(0), T=I32, Tidx=I32, N=2), 18)),
      default_doubled=lambda g: at_shape(g, doubled(g, g.op("PlaceholderWithDefault", row(g, 1024), dtype=I32, shape=ANY), lambda x: g.op("ConcatV2", x, x, g.const(0), T=I32, Tidx=I32, N=2), 18)),
      deterministic_noise=lambda g: at_shape(g, g.op("StatelessRandomGammaV2", g.const([1 << 14, 1 << 14]), g.const([1, 2]), g.const([1.0], F32), dtype=F32, T=I32, Tseed=I32), F32),
      shuffled_rounds=lambda g: at_shape(g, g.op("RandomIndexShuffle", g.const(1, I64), g.const([1, 2, 3], tf.uint32), g.const(5, I64), rounds=(1 << 30), dtype=I64, Tseed=tf.uint32), I64),
      binomial=lambda g: at_shape(g, g.op("StatelessRandomBinomial", g.const([4]), g.const([1, 2]), g.const(1e300, F64), g.const(0.5, F64), S=I32, Tseed=I32, T=F64, dtype=F64), F64),
      poisson=lambda g: at_shape(g, g.op("StatelessRandomPoisson", g.const([4]), g.const([1, 2]), g.const([1e300, float("nan"), 1e-300, float("inf")], F64), Rtype=F64, dtype=F64, T=I32, Tseed=I32), F64),
      gamma=lambda g: at_shape(g, g.op("StatelessRandomGammaV2", g.const([4]), g.const([1, 2]), g.const([0.0, float("nan"), -1.0, float("inf")], F64), dtype=F64, T=I32, Tseed=I32), F64),
      normal_of_nothing=lambda g: at_shape(g, g.op("StatelessParameterizedTruncatedNormal", g.const([4]), g.const([1, 2]), g.const(0.0, F64), g.const(float("nan"), F64), g.const(5.0, F64), g.const(5.0, F64), S=I32, Tseed=I32, dtype=F64), F64),
      polygamma=lambda g: at_shape(g, g.op("Polygamma", g.const([1e15], F64), g.const([1e-300], F64), T=F64), F64),
      zeta=lambda g: at_shape(g, g.op("Zeta", g.const([1.0000000001], F64), g.const([-1e17 + 0.5], F64), T=F64), F64),
      betainc=lambda g: at_shape(g, g.op("Betainc", g.const([1e300], F64), g.const([1e300], F64), g.const([0.5], F64), T=F64), F64),
      expint=lambda g: at_shape(g, g.op("Igammac", g.const([1e300], F64), g.const([1e300], F64), T=F64), F64),
      )

# Numbers that kernels do not expect.

LEAST, LEAST64 = -(1 << 31), -(1 << 63)
for op in ("Div", "FloorDiv", "TruncateDiv", "Mod", "FloorMod", "TruncateMod", "Pow", "LeftShift", "RightShift"):
    made[f"least_{op}"] = (lambda g, op=op: at_shape(g, g.op(op, g.const([LEAST, 5]), g.const([-1, -1]), T=I32)), (INIT, SHAPE))
    made[f"least64_{op}"] = (lambda g, op=op: at_shape(g, g.op(op, g.const([LEAST64, 5], I64), g.const([-1, -1], I64), T=I64), I64), (INIT, SHAPE))

kinds((INIT, SHAPE),
      roll=lambda g: at_shape(g, g.op("Roll", g.const([1, 2, 3]), g.const([LEAST]), g.const([0]), T=I32, Tshift=I32, Taxis=I32)),
      roll_of_nothing=lambda g: at_shape(g, g.op("Roll", g.const([], I32, [0]), g.const([1]), g.const([0]), T=I32, Tshift=I32, Taxis=I32)),
      unravel=lambda g: at_shape(g, g.op("UnravelIndex", g.const([5]), g.const([0, 3]), Tidx=I32)),
      histogram=lambda g: at_shape(g, g.op("HistogramFixedWidth", g.const([float("nan"), 1e38], F32), g.const([-3e38, 3e38], F32), g.const(4), T=F32, dtype=I32)),
      range_back=lambda g: at_shape(g, g.op("Range", g.const(LEAST64, I64), g.const((1 << 63) - 1, I64), g.const((1 << 62), I64), Tidx=I64), I64),
      range_nan=lambda g: at_shape(g, g.op("Range", g.const(0.0, F32), g.const(float("inf"), F32), g.const(1e-38, F32), Tidx=F32), F32),
      line=lambda g: at_shape(g, g.op("LinSpace", g.const(0.0, F32), g.const(1.0, F32), g.const(LEAST), T=F32, Tidx=I32), F32),
      top_many=lambda g: at_shape(g, g.op("TopKV2", g.const([1, 2]), g.const(LEAST), T=I32, sorted=True, Tk=I32, index_type=I32)),
      nth=lambda g: at_shape(g, g.op("NthElement", g.const([1, 2]), g.const(LEAST), T=I32, reverse=True)),
      reverse=lambda g: at_shape(g, g.op("ReverseSequence", g.const([[1, 2]]), g.const([LEAST64], I64), T=I32, Tlen=I64, seq_dim=1, batch_dim=LEAST64)),
      substr=lambda g: at_shape(g, g.op("Substr", g.const(["abc"], STR), g.const([LEAST]), g.const([(1 << 31) - 1]), T=I32, unit="UTF8_CHAR"), STR),
      segment_negative=lambda g: at_shape(g, g.op("SegmentSum", g.const([1, 2]), g.const([LEAST, (1 << 31) - 1]), T=I32, Tindices=I32)),
      unsorted_negative=lambda g: at_shape(g, g.op("UnsortedSegmentSum", g.const([1, 2]), g.const([LEAST, -1]), g.const(2), T=I32, Tindices=I32, Tnumsegments=I32)),
      join_negative=lambda g: at_shape(g, g.op("UnsortedSegmentJoin", g.const(["a", "b"], STR), g.const([LEAST, -1]), g.const(2), separator="", Tindices=I32, Tnumsegments=I32), STR),
      partition=lambda g: at_shape(g, g.op("DynamicPartition", g.const([1, 2]), g.const([LEAST, 7]), T=I32, num_partitions=2)),
      scatter_out=lambda g: at_shape(g, g.op("ScatterNd", g.const([[LEAST]]), g.const([1]), g.const([4]), T=I32, Tindices=I32)),
      tensor_scatter_out=lambda g: at_shape(g, g.op("TensorScatterAdd", g.const([1, 2]), g.const([[LEAST]]), g.const([1]), T=I32, Tindices=I32)),
      bincount_out=lambda g: at_shape(g, g.op("DenseBincount", g.const([LEAST, (1 << 31) - 1]), g.const(4), g.const([], I32, [0]), Tidx=I32, T=I32, binary_output=True)),
      bincount_weights=lambda g: at_shape(g, g.op("Bincount", g.const([1, 2, 3]), g.const(4), g.const([1]), T=I32)),
      sobol=lambda g: at_shape(g, g.op("SobolSample", g.const(-1), g.const(-1), g.const(-1), dtype=F32), F32),
      bounds=lambda g: at_shape(g, g.op("UpperBound", g.const([[1], [2]]), g.const([[1, 2]]), T=I32, out_type=I32)),
      diag_far=lambda g: at_shape(g, g.op("MatrixDiagPartV3", g.const([[1, 2]]), g.const([LEAST, (1 << 31) - 1]), g.const(0), T=I32, align="RIGHT_LEFT")),
      set_diag_far=lambda g: at_shape(g, g.op("MatrixSetDiagV3", g.const([[1, 2]]), g.const([1]), g.const([LEAST]), T=I32, align="LEFT_LEFT")),
      band=lambda g: at_shape(g, g.op("MatrixBandPart", g.const([[1, 2]]), g.const(LEAST64, I64), g.const((1 << 63) - 1, I64), T=I32, Tindex=I64)),
      reshape_minus=lambda g: at_shape(g, g.op("Reshape", g.const([1, 2]), g.const([LEAST, LEAST]), T=I32, Tshape=I32)),
      slice_far=lambda g: at_shape(g, g.op("Slice", g.const([1, 2]), g.const([(1 << 63) - 1], I64), g.const([(1 << 63) - 1], I64), T=I32, Index=I64)),
      strided_far=lambda g: at_shape(g, g.op("StridedSlice", g.const([1, 2]), g.const([LEAST64], I64), g.const([(1 << 63) - 1], I64), g.const([LEAST64], I64), T=I32, Index=I64, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0)),
      fill_overflow=lambda g: at_shape(g, g.op("Fill", g.const([1 << 32, 1 << 32], I64), g.const(1), T=I32, index_type=I64)),
      fill_zero=lambda g: at_shape(g, g.op("Fill", g.const([0, (1 << 62), (1 << 62)], I64), g.const(1), T=I32, index_type=I64)),
      tile_zero=lambda g: at_shape(g, g.op("Tile", g.const([[1]]), g.const([0, (1 << 62)], I64), T=I32, Tmultiples=I64)),
      pad_least=lambda g: at_shape(g, g.op("Pad", g.const([1]), g.const([[(1 << 62), (1 << 62)]], I64), T=I32, Tpaddings=I64)),
      broadcast_args=lambda g: at_shape(g, g.op("BroadcastArgs", g.const([LEAST]), g.const([-5]), T=I32)),
      gradient_args=lambda g: at_shape(g, g.op("BroadcastGradientArgs", g.const([LEAST, -1]), g.const([-5]), T=I32)),
      offsets=lambda g: at_shape(g, g.op("ConcatOffset", g.const(LEAST), g.const([1, 2]), g.const([1, 2]), N=2)),
      regex_tower=lambda g: at_shape(g, g.op("StaticRegexReplace", g.const("a" * 1000, STR), pattern="((((((a{1,30}){1,30}){1,30}){1,30}){1,30}){1,30})+$", rewrite="", replace_global=True), STR),
      regex_long=lambda g: at_shape(g, g.op("RegexFullMatch", g.const("a" * 1000, STR), g.const("(" * 20000 + "a" + ")" * 20000, STR)), BOOL),
      csv=lambda g: at_shape(g, g.op("DecodeCSV", g.const(['"' * 9999], STR), g.const([""], STR), OUT_TYPE=[STR], field_delim=",", use_quote_delim=True, na_value="", select_cols=[]), STR),
      transcode=lambda g: at_shape(g, g.op("UnicodeTranscode", g.const(["\x80abc"], STR), input_encoding="no such code", output_encoding="UTF-8", errors="replace", replacement_char=1 << 40, replace_control_characters=True), STR),
      transcode_utf7=lambda g: at_shape(g, g.op("UnicodeTranscode", g.const(["+" * 999], STR), input_encoding="UTF-7", output_encoding="UTF-32-BE", errors="replace", replacement_char=65533, replace_control_characters=True), STR),
      unicode_negative=lambda g: at_shape(g, g.op("UnicodeEncode", g.const([LEAST, 0x7fffffff]), g.const([5, 2, -1], I64), output_encoding="UTF-8", errors="replace", replacement_char=65533, Tsplits=I64), STR),
      fingerprint=lambda g: at_shape(g, g.op("Fingerprint", g.const(5), g.const("farmhash64", STR), T=I32), U8),
      padded_raw=lambda g: at_shape(g, g.op("DecodePaddedRaw", g.const(["abc"], STR), g.const(LEAST), out_type=F64, little_endian=True), F64),
      ngrams=lambda g: at_shape(g, g.op("StringNGrams", g.const(["a", "b"], STR), g.const([5, 0, -1], I64), separator="", ngram_widths=[1 << 30, -(1 << 30)], left_pad="", right_pad="", pad_width=-(1 << 62), preserve_short_sequences=True, Tsplits=I64), STR),
      format_many=lambda g: at_shape(g, g.op("StringFormat", *[g.const(1)] * 5, T=[I32] * 5, template="%s" * 3, placeholder="", summarize=LEAST64), STR),
      einsum=lambda g: at_shape(g, g.op("Einsum", g.const([[1.0]], F32), T=F32, N=1, equation="...ii...->...,->->"), F32),
      einsum_labels=lambda g: at_shape(g, g.op("Einsum", g.const(1.0, F32), T=F32, N=1, equation="->" + "ab" * 300), F32),
      parallel_concat=lambda g: at_shape(g, g.op("ParallelConcat", g.const([1]), g.const([2]), T=I32, N=2, shape=tf.TensorShape([1 << 40]))),
      list_negative=lambda g: g.op("TensorListLength", g.op("TensorListReserve", g.const([LEAST]), g.const(LEAST), element_dtype=I32, shape_type=I32)),
      list_far=lambda g: at_shape(g, g.op("TensorListGetItem", g.op("TensorListReserve", g.const([1]), g.const(3), element_dtype=I32, shape_type=I32), g.const(LEAST), g.const([1]), element_dtype=I32)),
      list_of_other=lambda g: at_shape(g, g.op("TensorListStack", g.op("TensorListReserve", g.const([1]), g.const(3), element_dtype=F32, shape_type=I32), g.const([1]), element_dtype=I32, num_elements=-1)),
      list_split=lambda g: g.op("TensorListLength", g.op("TensorListSplit", g.const([1, 2]), g.const([1]), g.const([LEAST64, (1 << 62)], I64), element_dtype=I32, shape_type=I32)),
      list_concat=lambda g: at_shape(g, g.op("TensorListConcatV2", g.op("TensorListReserve", g.const([1]), g.const(3), element_dtype=I32, shape_type=I32), g.const([1]), g.const([LEAST64, (1 << 62)], I64), element_dtype=I32, shape_type=I32)),
      list_in_list=lambda g: g.op("TensorListLength", doubled(g, g.op("EmptyTensorList", g.const([], I32, [0]), g.const(-1), element_dtype=VAR, shape_type=I32), lambda x: g.op("TensorListPushBack", g.op("EmptyTensorList", g.const([], I32, [0]), g.const(-1), element_dtype=VAR, shape_type=I32), x, element_dtype=VAR), 3000)),
      map_of_maps=lambda g: g.op("TensorMapSize", doubled(g, g.op("EmptyTensorMap"), lambda x: g.op("TensorMapInsert", g.op("EmptyTensorMap"), g.const(1), x, key_dtype=I32, value_dtype=VAR), 3000)),
      map_key=lambda g: g.op("TensorMapSize", g.op("TensorMapInsert", g.op("EmptyTensorMap"), g.op("EmptyTensorMap"), g.const(1), key_dtype=VAR, value_dtype=I32)),
      zeros_of_list=lambda g: g.op("TensorListLength", g.op("ZerosLike", doubled(g, g.op("EmptyTensorList", g.const([], I32, [0]), g.const(-1), element_dtype=VAR, shape_type=I32), lambda x: g.op("TensorListPushBack", g.op("EmptyTensorList", g.const([], I32, [0]), g.const(-1), element_dtype=VAR, shape_type=I32), x, element_dtype=VAR), 900), T=VAR)),
      )

# Constants.

kinds((INIT, SHAPE),
      const_short=lambda g: at_shape(g, constant(g, I32, [4], tensor_content=b"abc")),
      const_negative=lambda g: at_shape(g, constant(g, I32, [-4], int_val=[1])),
      const_zero=lambda g: at_shape(g, constant(g, I32, [0, 1 << 62, 1 << 62], int_val=[1])),
      const_many=lambda g: at_shape(g, constant(g, I32, [150 * M], int_val=[1])),
      const_text=lambda g: at_shape(g, constant(g, STR, [20 * M], string_val=[b""]), STR),
      const_half=lambda g: at_shape(g, g.op("Cast", constant(g, HALF, [300 * M], half_val=[1]), SrcT=HALF, DstT=I32)),
      const_overflow=lambda g: at_shape(g, constant(g, I32, [1 << 33, 1 << 31], int_val=[1])),
      const_rank=lambda g: at_shape(g, constant(g, I32, [1] * 300, int_val=[1])),
      const_wrong_type=lambda g: at_shape(g, g.op("Const", dtype=I32, value=proto(F32, [4], float_val=[1.0]))),
      const_invalid=lambda g: at_shape(g, g.op("Const", dtype=I32, value=tensor_pb2.TensorProto(dtype=99))),
      const_qint=lambda g: g.op("Const", dtype=tf.qint8, value=proto(tf.qint8, [1 << 40], int_val=[1])),
      const_bool=lambda g: g.op("Const", dtype=BOOL, value=proto(BOOL, [1 << 31], bool_val=[True])),
      const_complex=lambda g: g.op("Const", dtype=tf.complex64, value=proto(tf.complex64, [1 << 25], scomplex_val=[1.0])),
      const_int4=lambda g: g.op("Const", dtype=dtypes.int4, value=proto(dtypes.int4, [1 << 31], int_val=[1])),
      host_const=lambda g: g.op("HostConst", dtype=I32, value=proto(I32, [150 * M], int_val=[1])),
      guarantee=lambda g: g.op("GuaranteeConst", constant(g, I32, [150 * M], int_val=[1]), T=I32),
      many_consts=lambda g: g.op("NoOp", *["^" + constant(g, I32, [5 * M], int_val=[1]).split(":")[0] for _ in range(40)]),
      const_resource=lambda g: g.op("Const", dtype=RES, value=resource_proto()),
      read_const_resource=lambda g: g.op("ReadVariableOp", g.op("Const", dtype=RES, value=resource_proto()), dtype=F32),
      const_variant=lambda g: g.op("TensorListLength", g.op("Const", dtype=VAR, value=variant_proto("tensorflow::TensorList", 0))),
      const_variant_deep=lambda g: g.op("TensorListLength", g.op("Const", dtype=VAR, value=variant_proto("tensorflow::TensorList", 20))),
      const_variant_looked=lambda g: shape_of(g, g.op("TensorListLength", g.op("Const", dtype=VAR, value=variant_proto("tensorflow::TensorList", 0)))),
      const_variant_stack=lambda g: shape_of(g, g.op("TensorListStack", g.op("Const", dtype=VAR, value=variant_proto("tensorflow::TensorList", 0)), g.const([1]), element_dtype=I32, num_elements=-1)),
      const_variant_ragged=lambda g: g.op("RaggedTensorFromVariant", g.op("Const", dtype=VAR, value=variant_proto("RaggedTensorVariant", 0)), input_ragged_rank=1, output_ragged_rank=1, Tvalues=I32, Tsplits=I64),
      const_variant_map=lambda g: g.op("TensorMapSize", g.op("Const", dtype=VAR, value=variant_proto("tensorflow::TensorMap", 0))),
      const_variant_dataset=lambda g: g.op("DatasetToSingleElement", g.op("Const", dtype=VAR, value=variant_proto("tensorflow::DatasetVariantWrapper", 0)), metadata="", output_types=[STR], output_shapes=[SCALAR]),
      )


def resource_proto():
    p = proto(RES, [])
    h = p.resource_handle_val.add()
    h.device, h.container, h.name = "/job:localhost/replica:0/task:0/device:CPU:0", "localhost", "w"
    h.hash_code, h.maybe_type_name = 1, "tensorflow::Var"
    return p


def variant_proto(name, depth):
    p = proto(VAR, [])
    v = p.variant_val.add()
    v.type_name, v.metadata = name, b"\x00\x80\x80\x80\x80\x80\x80\x80\x80\x01\xff\xff\xff\xff\x0f"
    t = v.tensors.add()
    t.CopyFrom(variant_proto(name, depth - 1) if depth else proto(I32, [1 << 33], int_val=[1]))
    return p


# Sizes in attributes.

kinds((INIT, SHAPE),
      unpack_many=lambda g: g.op("Unpack", g.const([1]), num=HUGE, T=I32, axis=0),
      split_many=lambda g: g.op("Split", g.const(0), g.const([1]), num_split=HUGE, T=I32),
      split_v_many=lambda g: g.op("SplitV", g.const([1]), g.const([1]), g.const(0), num_split=HUGE, T=I32, Tlen=I32),
      partition_many=lambda g: g.op("DynamicPartition", g.const([1]), g.const([0]), num_partitions=HUGE, T=I32),
      unpack_some=lambda g: g.op("Unpack", row(g, 4 * M), num=4 * M, T=I32, axis=0),
      switch_many=lambda g: g.op("_SwitchN", g.const(1), g.const(0), num_outs=HUGE, T=I32),
      handles_many=lambda g: g.op("_VarHandlesOp", containers=[""], shared_names=["a"], N=HUGE, dtypes=[I32], shapes=[SCALAR]),
      add_n_many=lambda g: g.op("AddN", g.const(1), N=HUGE, T=I32),
      pack_none=lambda g: g.op("Pack", N=0, T=I32, axis=0),
      pack_axis=lambda g: g.op("Pack", g.const([1]), N=1, T=I32, axis=LEAST64),
      parse_many=lambda g: g.op("ParseSingleExample", g.const("", STR), num_sparse=HUGE, sparse_keys=[], dense_keys=[], sparse_types=[], Tdense=[], dense_shapes=[]),
      replicated=lambda g: g.op("TPUReplicatedOutput", g.const(1), num_replicas=HUGE, T=I32),
      sparse_split=lambda g: g.op("SparseSplit", g.const(0, I64), g.const([[0]], I64), g.const([1]), g.const([1], I64), num_split=HUGE, T=I32),
      buckets=lambda g: g.op("LookupTableSizeV2", dense_table(g, initial_num_buckets=1 << 30)),
      buckets_negative=lambda g: g.op("LookupTableSizeV2", dense_table(g, initial_num_buckets=-8)),
      load_factor=lambda g: g.op("LookupTableInsertV2", dense_table(g, initial_num_buckets=8, max_load_factor=-1.0), g.const([1], I64), g.const([1], I64), Tin=I64, Tout=I64),
      load_factor_nan=lambda g: g.op("LookupTableInsertV2", dense_table(g, initial_num_buckets=8, max_load_factor=float("nan")), g.const([1], I64), g.const([1], I64), Tin=I64, Tout=I64),
      load_factor_large=lambda g: g.op("LookupTableInsertV2", dense_table(g, initial_num_buckets=4, max_load_factor=5.0), g.const(list(range(1, 9)), I64), g.const(list(range(1, 9)), I64), Tin=I64, Tout=I64),
      bucket_values=lambda g: g.op("LookupTableSizeV2", dense_table(g, initial_num_buckets=1024, value_shape=tf.TensorShape([M]))),
      find_in_large=lambda g: find_in(g, M),
      anonymous_buckets=lambda g: g.op("LookupTableSizeV2", g.op("AnonymousMutableDenseHashTable", g.const(0, I64), g.const(-1, I64), key_dtype=I64, value_dtype=I64, value_shape=SCALAR, initial_num_buckets=1 << 30, max_load_factor=0.8)),
      array_of_many=lambda g: g.op("TensorArrayV3", g.const(300 * M), dtype=F32, element_shape=ANY, dynamic_size=False, clear_after_read=True, identical_element_shapes=False, tensor_array_name=""),
      array_write_far=lambda g: array_write(g, 300 * M),
      array_scatter_far=lambda g: array_scatter(g),
      array_zeros=lambda g: array_zeros(g),
      stack_many=lambda g: g.op("StackV2", g.const(LEAST), elem_type=I32, stack_name=""),
      temporary=lambda g: g.op("DestroyTemporaryVariable", g.op("Assign", g.op("TemporaryVariable", shape=tf.TensorShape([200 * M]), dtype=I32, var_name="t"), row(g, 200 * M), T=I32, validate_shape=True, use_locking=True), T=I32, var_name="t"),
      temporary_alone=lambda g: g.op("AssignAdd", g.op("TemporaryVariable", shape=tf.TensorShape([200 * M]), dtype=I32, var_name="t"), g.const(1), T=I32, use_locking=True),
      temporary_huge=lambda g: g.op("TemporaryVariable", shape=tf.TensorShape([1 << 61]), dtype=I32, var_name="t"),
      temporary_copied=lambda g: g.op("Neg", g.op("TemporaryVariable", shape=tf.TensorShape([200 * M]), dtype=I32, var_name="t"), T=I32),
      empty_filled=lambda g: g.op("Empty", g.const([200 * M]), dtype=I32, init=True),
      fake=lambda g: g.op("FakeParam", dtype=I32, shape=tf.TensorShape([200 * M])),
      fake_copied=lambda g: g.op("Neg", g.op("FakeParam", dtype=I32, shape=tf.TensorShape([200 * M])), T=I32),
      declared=lambda g: declared(g),
      placeholder_shape=lambda g: g.op("Placeholder", dtype=I32, shape=tf.TensorShape([1 << 62, 1 << 62])),
      variable_shape=lambda g: g.op("VarHandleOp", dtype=I32, shape=tf.TensorShape([1 << 62, 1 << 62]), container="", shared_name="v"),
      count_up=lambda g: g.op("CountUpTo", g.op("VariableV2", dtype=I32, shape=SCALAR, container="", shared_name=""), T=I32, limit=LEAST64),
      trees=lambda g: g.op("BoostedTreesCreateQuantileStreamResource", g.op("BoostedTreesQuantileStreamResourceHandleOp", container="", shared_name="q"), g.const(1e-30, F32), g.const(HUGE, I64), max_elements=HUGE),
      ensemble=lambda g: g.op("BoostedTreesCreateEnsemble", g.op("BoostedTreesEnsembleResourceHandleOp", container="", shared_name="e"), g.const(0, I64), g.const("\x0a\x00", STR)),
      rng_algorithm=lambda g: rng(g, 99, [4]),
      rng_large=lambda g: rng(g, 1, [100 * M]),
      rng_short=lambda g: rng(g, 3, [4]),
      )


def dense_table(g, **attrs):
    attrs = dict(dict(key_dtype=I64, value_dtype=I64, value_shape=SCALAR, max_load_factor=0.8, container="", shared_name="dense", use_node_name_sharing=False), **attrs)
    return g.op("MutableDenseHashTableV2", g.const(0, I64), g.const(-1, I64), **attrs)


def find_in(g, width):
    """Each key of a table of vectors gets a vector."""
    table = g.op("MutableHashTableOfTensorsV2", key_dtype=I64, value_dtype=I64, value_shape=tf.TensorShape([width]), container="", shared_name="wide", use_node_name_sharing=False)
    return g.op("LookupTableFindV2", table, row(g, 1024, I64), row(g, width, I64), Tin=I64, Tout=I64)


def array(g, size, **attrs):
    attrs = dict(dict(dtype=F32, element_shape=ANY, dynamic_size=True, clear_after_read=False, identical_element_shapes=False, tensor_array_name=""), **attrs)
    n = g.op("TensorArrayV3", g.const(size), **attrs)
    base = n.split(":")[0]
    return (f"{base}:handle:0", f"{base}:flow:0") if g.inside else (base, base + ":1")


def array_write(g, at):
    handle, flow = array(g, 1)
    return g.op("TensorArrayWriteV3", handle, g.const(at), g.const(1.0, F32), flow, T=F32)


def array_scatter(g):
    handle, flow = array(g, 1)
    return g.op("TensorArrayScatterV3", handle, g.const([300 * M]), g.const([1.0], F32), flow, T=F32)


def array_zeros(g):
    """Elements that were not written are zeros of the stated shape."""
    handle, flow = array(g, 256, element_shape=tf.TensorShape([M]), dynamic_size=False)
    return g.op("TensorArrayGatherV3", handle, g.op("Range", g.const(0), g.const(256), g.const(1), Tidx=I32), flow, dtype=F32, element_shape=tf.TensorShape([M]))


def declared(g):
    """A variable of a size that would raise the limits, if they followed what a graph declares."""
    g.op("VarHandleOp", dtype=I32, shape=tf.TensorShape([1 << 36]), container="", shared_name="declared")
    return row(g, 150 * M)


def rng(g, algorithm, dims):
    v = g.op("VarHandleOp", dtype=I64, shape=tf.TensorShape([3]), container="", shared_name="state")
    set_ = g.op("AssignVariableOp", v, g.const([1, 2, 3], I64), dtype=I64, validate_shape=False)
    return g.op("StatefulUniform", v, g.const(algorithm, I64), g.const(dims), "^" + set_.strip("^").split(":")[0], dtype=F32, shape_dtype=I32)


# Growth that calls, branches, loops and variables hide.

def doubling(g, name="double"):
    g.function(name, lambda f: [f.op("ConcatV2", "x", "x", f.const(0), T=I32, Tidx=I32, N=2)], ins=(("x", I32),), control=False)
    return name


@kind(INIT, SHAPE)
def doubled_by_calls(g):
    f = doubling(g)
    return at_shape(g, doubled(g, row(g, 1024), lambda x: g.op("PartitionedCall", x, Tin=[I32], Tout=[I32], f=Func(f)), 17))


@kind(INIT, SHAPE)
def doubled_by_names(g):
    f = doubling(g)
    return at_shape(g, doubled(g, row(g, 1024), lambda x: g.op(f, x), 17))


@kind(INIT, SHAPE)
def doubled_by_nested_calls(g):
    below = doubling(g, "double_0")
    for i in range(1, 5):
        g.function(f"double_{i}", lambda f, b=below: [doubled(f, "x", lambda x: f.op("StatefulPartitionedCall", x, Tin=[I32], Tout=[I32], f=Func(b)), 2)], ins=(("x", I32),), control=False)
        below = f"double_{i}"
    return at_shape(g, g.op("StatefulPartitionedCall", row(g, 2048), Tin=[I32], Tout=[I32], f=Func(below)))


@kind(INIT, SHAPE)
def doubled_by_branches(g):
    f = doubling(g)
    yes = lambda: g.const(True, BOOL)
    return at_shape(g, doubled(g, row(g, 1024), lambda x: g.op("If", yes(), x, Tcond=BOOL, Tin=[I32], Tout=[I32], then_branch=Func(f), else_branch=Func(f), output_shapes=[]), 17))


@kind(INIT, SHAPE)
def doubled_by_cases(g):
    f = doubling(g)
    return at_shape(g, doubled(g, row(g, 1024), lambda x: g.op("StatelessCase", g.const(0), x, Tin=[I32], Tout=[I32], branches=[Func(f), Func(f)], output_shapes=[]), 17))


def loop(g, name, times_, body, first, ins, op="While"):
    """A loop that counts to times_; body gets the other arguments."""
    g.function(name + "_cond", lambda f: [f.op("Less", "i", f.const(times_), T=I32)], ins=(("i", I32), *ins), outs=(("out", BOOL),), control=False)
    g.function(name + "_body", lambda f: [f.op("AddV2", "i", f.const(1), T=I32), *body(f)], ins=(("i", I32), *ins), outs=(("o", I32), *((f"o{i}", t) for i, (_, t) in enumerate(ins))), control=False)
    types = [I32, *(t for _, t in ins)]
    n = g.op(op, g.const(0), *first, T=types, cond=Func(name + "_cond"), body=Func(name + "_body"), output_shapes=[], parallel_iterations=10)
    base = n.split(":")[0]
    return f"{base}:output:1" if g.inside else base + ":1"


@kind(INIT, SHAPE)
def doubled_by_a_loop(g):
    return at_shape(g, loop(g, "grow", 17, lambda f: [f.op("ConcatV2", "x", "x", f.const(0), T=I32, Tidx=I32, N=2)], [row(g, 1024)], (("x", I32),)))


@kind(INIT, SHAPE)
def text_by_a_loop(g):
    return at_shape(g, loop(g, "grow", 24, lambda f: [f.op("StringJoin", "x", "x", N=2, separator="")], [g.const("abcdefgh", STR)], (("x", STR),)), STR)


@kind(INIT, SHAPE)
def list_by_a_loop(g):
    empty = g.op("EmptyTensorList", g.const([], I32, [0]), g.const(-1), element_dtype=I32, shape_type=I32)
    grown = loop(g, "grow", 100 * M, lambda f: [f.op("TensorListPushBack", "x", "i", element_dtype=I32)], [empty], (("x", VAR),))
    return g.op("TensorListLength", grown)


@kind(INIT, SHAPE)
def squared_by_a_loop(g):
    return at_shape(g, loop(g, "grow", 3, lambda f: [f.op("Reshape", f.op("Mul", "x", f.op("Reshape", "x", f.const([-1, 1]), T=I32, Tshape=I32), T=I32), f.const([-1]), T=I32, Tshape=I32)], [row(g, 16)], (("x", I32),), op="StatelessWhile"))


@kind(INIT)
def doubled_by_a_variable(g):
    v = g.op("VarHandleOp", dtype=I32, shape=ANY, container="", shared_name="grows")
    last = g.op("AssignVariableOp", v, row(g, 1024), dtype=I32, validate_shape=False)
    for _ in range(17):
        x = g.op("ReadVariableOp", v, "^" + last, dtype=I32)
        last = g.op("AssignVariableOp", v, g.op("ConcatV2", x, x, g.const(0), T=I32, Tidx=I32, N=2), dtype=I32, validate_shape=False)
    return last


@kind(INIT)
def doubled_by_references(g):
    v = g.op("VariableV2", dtype=I32, shape=ANY, container="", shared_name="grows")
    x = g.op("Assign", v, row(g, 1024), T=I32, validate_shape=False, use_locking=True)
    for _ in range(17):
        x = g.op("Assign", v, g.op("ConcatV2", x, x, g.const(0), T=I32, Tidx=I32, N=2), T=I32, validate_shape=False, use_locking=True)
    return x


@kind(INIT)
def doubled_by_an_array(g):
    x = row(g, 1024, F32)
    for _ in range(17):
        handle, flow = array(g, 1)
        flow = g.op("TensorArrayWriteV3", handle, g.const(0), g.op("ConcatV2", x, x, g.const(0), T=F32, Tidx=I32, N=2), flow, T=F32)
        x = g.op("TensorArrayReadV3", handle, g.const(0), flow, dtype=F32)
    return x


@kind(INIT)
def doubled_by_a_stack(g):
    x = row(g, 1024)
    for _ in range(17):
        s = g.op("StackV2", g.const(4), elem_type=I32, stack_name="")
        pushed = g.op("StackPushV2", s, g.op("ConcatV2", x, x, g.const(0), T=I32, Tidx=I32, N=2), T=I32, swap_memory=False)
        x = g.op("StackPopV2", s, "^" + pushed.split(":")[0], elem_type=I32)
    return x


@kind(INIT)
def doubled_by_a_table(g):
    table = g.op("MutableHashTableV2", key_dtype=I64, value_dtype=I64, container="", shared_name="grows", use_node_name_sharing=False)
    last, x = None, g.const([1, 2, 3], I64)
    for _ in range(25):
        more = g.op("ConcatV2", x, g.op("AddV2", x, g.op("Size", x, T=I64, out_type=I64), T=I64), g.const(0), T=I64, Tidx=I32, N=2)
        last = g.op("LookupTableInsertV2", table, more, more, Tin=I64, Tout=I64)
        x = g.op("LookupTableExportV2", table, "^" + last, Tkeys=I64, Tvalues=I64)
    return last


@kind(INIT)
def doubled_by_map(g):
    m = g.op("TensorMapInsert", g.op("EmptyTensorMap"), g.const(1), row(g, 1024), key_dtype=I32, value_dtype=I32)
    for _ in range(17):
        x = g.op("TensorMapLookup", m, g.const(1), key_dtype=I32, value_dtype=I32)
        m = g.op("TensorMapInsert", m, g.const(1), g.op("ConcatV2", x, x, g.const(0), T=I32, Tidx=I32, N=2), key_dtype=I32, value_dtype=I32)
    return m


@kind(INIT)
def variable_in_a_loop(g):
    v = g.op("VarHandleOp", dtype=I32, shape=ANY, container="", shared_name="grows")
    set_ = g.op("AssignVariableOp", v, row(g, 1024), dtype=I32, validate_shape=False)
    def body(f):
        x = f.op("ReadVariableOp", "v", dtype=I32)
        f.op("AssignVariableOp", "v", f.op("ConcatV2", x, x, f.const(0), T=I32, Tidx=I32, N=2), name="set", dtype=I32, validate_shape=False)
        return [f.op("Identity", "v", "^set", T=RES)]
    return loop(g, "grow", 17, body, [g.op("Identity", v, "^" + set_, T=RES)], (("v", RES),))


# Loops without an end.

@kind(INIT)
def endless_constant(g):
    g.function("always", lambda f: [f.const(True, BOOL)], ins=(("i", I32),), outs=(("out", BOOL),), control=False)
    g.function("next", lambda f: [f.op("AddV2", "i", f.const(1), T=I32)], ins=(("i", I32),), control=False)
    return g.op("While", g.const(0), T=[I32], cond=Func("always"), body=Func("next"), output_shapes=[], parallel_iterations=10)


@kind(INIT)
def endless_invariant(g):
    g.function("below", lambda f: [f.op("Less", "i", f.const(9), T=I32)], ins=(("i", I32),), outs=(("out", BOOL),), control=False)
    g.function("same", lambda f: [f.op("Identity", "i", T=I32)], ins=(("i", I32),), control=False)
    return g.op("StatelessWhile", g.const(0), T=[I32], cond=Func("below"), body=Func("same"), output_shapes=[], parallel_iterations=10)


@kind(INIT)
def endless_in_a_function(g):
    def f(h):
        return [h.op("Identity", endless_constant(h), T=I32)]
    g.function("calls", f, control=False)
    return g.op("PartitionedCall", Tin=[], Tout=[I32], f=Func("calls"))


@kind(INIT)
def endless_count(g):
    return loop(g, "grow", (1 << 31) - 1, lambda f: [f.op("Identity", "x", T=I32)], [g.const(1)], (("x", I32),))


@kind(INIT)
def endless_nested(g):
    def body(f):
        return [loop(f, "inner", 100000, lambda h: [h.op("AddV2", "x", h.const(1), T=I32)], ["x"], (("x", I32),))]
    return loop(g, "outer", 100000, body, [g.const(1)], (("x", I32),))


@kind(INIT)
def endless_v1(g):
    enter = g.op("Enter", g.const(0), T=I32, frame_name="endless", is_constant=False, parallel_iterations=10)
    base = f"more/n{len(g.nodes)}"
    merge = g.op("Merge", enter, "more/next", T=I32, N=2)
    always = g.op("Const", "^" + merge, dtype=BOOL, value=tf.make_tensor_proto(True))
    sw = g.op("Switch", merge, g.op("LoopCond", always), T=I32)
    g.op("NextIteration", g.op("Identity", sw + ":1", T=I32), name="more/next", T=I32)
    return g.op("Exit", sw, T=I32)


@kind(INIT)
def endless_v1_without_switch(g):
    enter = g.op("Enter", g.const(0), T=I32, frame_name="endless", is_constant=False, parallel_iterations=10)
    merge = g.op("Merge", enter, "more/next", T=I32, N=2)
    g.op("NextIteration", g.op("Identity", merge, T=I32), name="more/next", T=I32)
    return g.op("Exit", merge, T=I32)


@kind(INIT)
def v1_doubling(g):
    enter = g.op("Enter", row(g, 1024), T=I32, frame_name="grow", is_constant=False, parallel_iterations=10)
    merge = g.op("Merge", enter, "more/next", T=I32, N=2)
    small = g.op("Less", g.op("Size", merge, T=I32, out_type=I32), g.const(1 << 27), T=I32)
    g.nodes[-2].input.append("^" + merge)  # the constant is in the loop
    sw = g.op("Switch", merge, g.op("LoopCond", small), T=I32)
    axis = g.op("Const", "^" + merge, dtype=I32, value=tf.make_tensor_proto(0))
    g.op("NextIteration", g.op("ConcatV2", sw + ":1", sw + ":1", axis, T=I32, Tidx=I32, N=2), name="more/next", T=I32)
    return g.op("Exit", sw, T=I32)


@kind(INIT)
def endless_for(g):
    g.function("step", lambda f: [f.op("AddV2", "x", "i", T=I32)], ins=(("i", I32), ("x", I32)), control=False)
    return g.op("For", g.const(0), g.const((1 << 31) - 1), g.const(1), g.const(0), T=[I32], body=Func("step"))


# Control flow that is broken.

kinds((INIT, SHAPE),
      exit_alone=lambda g: g.op("Exit", g.const(1), T=I32),
      next_alone=lambda g: g.op("NextIteration", g.const(1), T=I32),
      enter_alone=lambda g: g.op("Enter", g.const(1), T=I32, frame_name="a", is_constant=False, parallel_iterations=10),
      merge_none=lambda g: g.op("Merge", N=1, T=I32),
      switch_nothing=lambda g: g.op("Merge", g.op("Switch", g.const(1), g.const(True, BOOL), T=I32), N=1, T=I32),
      frames_mixed=lambda g: g.op("AddV2", g.op("Enter", g.const(1), T=I32, frame_name="a", is_constant=False, parallel_iterations=10), g.op("Enter", g.const(1), T=I32, frame_name="b", is_constant=False, parallel_iterations=10), T=I32),
      frames_deep=lambda g: doubled(g, g.const(1), lambda x: g.op("Enter", x, T=I32, frame_name="a" * 99, is_constant=False, parallel_iterations=65536), 900),
      case_none=lambda g: g.op("Case", g.const(0), Tin=[], Tout=[I32], branches=[], output_shapes=[]),
      case_far=lambda g: g.function("zero", lambda f: [f.const(0)], control=False) and g.op("Case", g.const(LEAST), Tin=[], Tout=[I32], branches=[Func("zero")], output_shapes=[]),
      while_types=lambda g: g.function("zero", lambda f: [f.const(0)], control=False) and g.op("While", g.const(0), T=[I32], cond=Func("zero"), body=Func("zero"), output_shapes=[], parallel_iterations=LEAST64),
      call_types=lambda g: g.function("zero", lambda f: [f.const(0)], control=False) and g.op("PartitionedCall", g.const(0), g.const("a", STR), Tin=[I32, STR], Tout=[F32, F32], f=Func("zero")),
      call_itself=lambda g: g.function("again", lambda f: [f.op("PartitionedCall", Tin=[], Tout=[I32], f=Func("again"))], control=False) and g.op("PartitionedCall", Tin=[], Tout=[I32], f=Func("again")),
      call_itself_by_branch=lambda g: g.function("again", lambda f: [f.op("If", f.const(True, BOOL), Tcond=BOOL, Tin=[], Tout=[I32], then_branch=Func("again"), else_branch=Func("again"), output_shapes=[])], control=False) and g.op("PartitionedCall", Tin=[], Tout=[I32], f=Func("again")),
      call_itself_by_op=lambda g: g.function("again", lambda f: [f.op("again")], control=False) and g.op("again"),
      call_compiled=lambda g: compiled(g, _XlaMustCompile=True),
      call_compiled_at_tpu=lambda g: compiled(g, _tpu_replicate="a", _XlaMustCompile=True),
      call_config=lambda g: compiled(g, config_proto=b"\xff\xff\xff\xff"),
      call_executor=lambda g: compiled(g, executor_type="no such executor"),
      call_config_types=lambda g: compiled(g, config_proto=config()),
      call_device=lambda g: on_device(g, "/job:other/replica:7/task:99/device:GPU:1234567"),
      call_device_xla=lambda g: on_device(g, "/device:XLA_CPU_JIT:0"),
      device_number=lambda g: on_device(g, "/device:CPU:99999999999999999999"),
      colocated_with_itself=lambda g: g.op("Const", name="more/self", dtype=I32, value=tf.make_tensor_proto(1), _class=["loc:@more/self"]),
      colocated_with_none=lambda g: g.op("Const", name="more/self", dtype=I32, value=tf.make_tensor_proto(1), _class=["loc:@", "loc:@nobody", "a", ""]),
      kernel_label=lambda g: g.op("Neg", g.const(1), T=I32, _kernel="no such kernel"),
      )


def compiled(g, **attrs):
    g.function("zero", lambda f: [f.op("AddV2", f.const(0), f.const(1), T=I32)], control=False)
    if "_XlaMustCompile" in attrs:
        g.library.function[-1].attr["_XlaMustCompile"].b = True
    return g.op("StatefulPartitionedCall", Tin=[], Tout=[I32], f=Func("zero"), **attrs)


def config():
    c = tf1.ConfigProto()
    c.graph_options.rewrite_options.custom_optimizers.add(name="no such optimizer")
    c.graph_options.rewrite_options.meta_optimizer_iterations = 2
    c.experimental.enable_mlir_bridge = True
    c.graph_options.optimizer_options.global_jit_level = 2
    return c.SerializeToString()


def on_device(g, device):
    x = g.op("Neg", g.const(1), T=I32)
    g.nodes[-1].device = device
    return x


# Ops that reach out or wait, of kinds that the other files do not have.

DEVICE = "/job:localhost/replica:0/task:0/device:CPU:0"
kinds((INIT, by_restore),
      send=lambda g: g.op("_Send", g.const(1), T=I32, tensor_name="a", send_device=DEVICE, send_device_incarnation=1, recv_device=DEVICE, client_terminated=False),
      receive=lambda g: g.op("_Recv", tensor_type=I32, tensor_name="a", send_device=DEVICE, send_device_incarnation=1, recv_device=DEVICE, client_terminated=False),
      host_receive=lambda g: g.op("_HostRecv", tensor_type=I32, tensor_name="a", send_device=DEVICE, send_device_incarnation=1, recv_device=DEVICE, client_terminated=False),
      arg=lambda g: g.op("_Arg", T=I32, index=0),
      retval=lambda g: g.op("_Retval", g.const(1), T=I32, index=0),
      device_retval=lambda g: g.op("_DeviceRetval", g.const(1), T=I32, index=-1),
      launch=lambda g: g.function("writes", lambda f: [one(f, f.op("WriteFile", f.const(victim, STR), f.const("x", STR)))]) and g.op("XlaLaunch", Tconstants=[], Targs=[], Nresources=0, Tresults=[I32], function=Func("writes")),
      xla_if=lambda g: g.function("writes", lambda f: [one(f, f.op("WriteFile", f.const(victim, STR), f.const("x", STR)))]) and g.op("XlaIf", g.const(True, BOOL), Tcond=BOOL, Tin=[], Tout=[I32], then_branch=Func("writes"), else_branch=Func("writes")),
      xla_custom=lambda g: g.op("XlaCustomCallV2", call_target_name="system", backend_config="", has_side_effect=True, operand_dtypes=[], result_dtypes=[I32], result_shapes=[SCALAR]),
      tpu_call=lambda g: g.function("writes", lambda f: [one(f, f.op("WriteFile", f.const(victim, STR), f.const("x", STR)))]) and g.op("TPUPartitionedCall", g.const(0), Tin=[], Tout=[I32], f=Func("writes"), autotuner_thresh=0),
      remote=lambda g: g.function("writes", lambda f: [one(f, f.op("WriteFile", f.const(victim, STR), f.const("x", STR)))]) and g.op("RemoteCall", g.const(DEVICE, STR), Tin=[], Tout=[I32], f=Func("writes")),
      rpc=lambda g: g.op("RpcClient", g.const(address, STR), g.const(1000, I64), shared_name="c", list_registered_methods=True),
      batch_wait=lambda g: g.op("Batch", g.const([1]), num_batch_threads=1, max_batch_size=4, max_enqueued_batches=10, batch_timeout_micros=1 << 40, allowed_batch_sizes=[], grad_timeout_micros=1, container="", shared_name="b", batching_queue="", T=[I32]),
      unbatch=lambda g: g.op("Unbatch", g.const([1]), g.const([[1, 0, 1]], I64), g.const(5, I64), timeout_micros=1 << 40, container="", shared_name="u", T=I32),
      session_tensor=lambda g: g.op("GetSessionTensor", g.op("GetSessionHandleV2", g.const(1), T=I32), dtype=I32),
      delete_session=lambda g: g.op("DeleteSessionTensor", g.const("a", STR)),
      queue_close=lambda g: g.op("QueueEnqueueManyV2", g.op("FIFOQueueV2", component_types=[I32], shapes=[SCALAR], capacity=1, container="", shared_name=""), g.const([1, 2, 3]), Tcomponents=[I32], timeout_ms=-1),
      shuffle_queue=lambda g: g.op("QueueDequeueV2", g.op("RandomShuffleQueueV2", component_types=[I32], shapes=[SCALAR], capacity=5, min_after_dequeue=4, seed=0, seed2=0, container="", shared_name=""), component_types=[I32], timeout_ms=-1),
      take_grad=lambda g: g.op("AccumulatorTakeGradient", g.op("ConditionalAccumulator", dtype=F32, shape=SCALAR, container="", shared_name="", reduction_type="MEAN"), g.const(1), dtype=F32),
      nccl=lambda g: g.op("NcclAllReduce", g.const([1.0], F32), T=F32, reduction="sum", num_devices=2, shared_name="n"),
      bcast=lambda g: g.op("CollectiveBcastRecv", T=F32, group_size=2, group_key=1, instance_key=1, shape=tf.TensorShape([1]), communication_hint="auto", timeout_seconds=0.0),
      assign_group=lambda g: g.op("CollectiveAssignGroupV2", g.const([[0, 1]]), g.const(0), g.const(1)),
      communicator=lambda g: g.op("CollectiveInitializeCommunicator", g.const(1), g.const(0), g.const(2), communication_hint="auto", timeout_seconds=0.0),
      sync=lambda g: g.op("SyncDevice"),
      dtensor=lambda g: g.op("DTensorRestoreV2", g.const(secret, STR), g.const(["a"], STR), g.const([""], STR), input_shapes=[SCALAR], input_layouts=[""], dtypes=[F32]),
      distributed_save=lambda g: g.op("DistributedSave", g.op("RangeDataset", g.const(0, I64), g.const(5, I64), g.const(1, I64), output_types=[I64], output_shapes=[SCALAR], metadata="", replicate_on_split=False), g.const(victim, STR), g.const(address, STR), metadata=""),
      dump=lambda g: g.op("DumpTensor", g.const(1), T=I32, log_dir_path=victim, tensor_name="a", func_name="", node_name="", enabled=True),
      calibration=lambda g: g.op("CalibrationStatisticsSaver", g.const(1.0, F32), Tin=[F32], ids=["a"], calibration_methods=[1], output_file_path=victim),
      aggregate=lambda g: g.op("CustomAggregator", g.const([1.0], F32), id="a", calibration_method=1, num_bins=1, min_percentile=0.0, max_percentile=1.0),
      import_event=lambda g: g.op("ImportEvent", g.op("SummaryWriter", shared_name="s", container=""), g.const("", STR)),
      print_v1=lambda g: g.op("Print", g.const(1), g.const(1), T=I32, U=[I32], message="x", first_n=-1, summarize=3),
      timestamp=lambda g: g.op("Timestamp"),
      iterator_string=lambda g: g.op("IteratorFromStringHandle", g.const("a", STR), output_types=[], output_shapes=[]),
      deserialize_iterator=lambda g: g.op("DeserializeIterator", g.op("IteratorV2", shared_name="i", container="", output_types=[I32], output_shapes=[SCALAR]), g.op("Const", dtype=VAR, value=variant_proto("tensorflow::IteratorStateVariant", 0))),
      range_reduce=lambda g: reduce_range(g),
      shuffled=lambda g: g.op("DatasetToSingleElement", g.op("ShuffleDataset", ranged(g), g.const(1 << 40, I64), g.const(1, I64), g.const(1, I64), reshuffle_each_iteration=True, output_types=[I64], output_shapes=[SCALAR], metadata=""), output_types=[I64], output_shapes=[SCALAR], metadata=""),
      cardinality=lambda g: g.op("DatasetCardinality", g.op("FilterDataset", ranged(g), predicate=Func(never(g)), Targuments=[], output_types=[I64], output_shapes=[SCALAR], metadata=""), cardinality_options=""),
      to_graph=lambda g: g.op("DatasetToGraphV2", ranged(g), external_state_policy=0, strip_device_assignment=False),
      tables_of_dataset=lambda g: g.op("InitializeTableFromDataset", g.op("HashTableV2", key_dtype=I64, value_dtype=I64, container="", shared_name="t", use_node_name_sharing=False), ranged(g)),
      uncompress=lambda g: g.op("UncompressElement", g.op("CompressElement", g.const(1), input_types=[I32]), output_types=[I32], output_shapes=[SCALAR]),
      decompressed=lambda g: g.op("DecodeCompressed", g.const([b"\x1f\x8b" + b"\x00" * 40], STR), compression_type="GZIP"),
      png=lambda g: g.op("DecodePng", g.const(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\x00\x00\x00", STR), channels=0, dtype=U8),
      future=lambda g: g.op("ReadFileV9", g.const(secret, STR)),
      future_init=lambda g: g.op("InitializeTableFromTextFileV3", g.op("HashTableV2", key_dtype=I64, value_dtype=I64, container="", shared_name="t", use_node_name_sharing=False), g.const(secret, STR)),
      )


def ranged(g, to=1 << 40):
    return g.op("RangeDataset", g.const(0, I64), g.const(to, I64), g.const(1, I64), output_types=[I64], output_shapes=[SCALAR], metadata="", replicate_on_split=False)


def never(g):
    g.function("never", lambda f: [f.const(False, BOOL)], ins=(("x", I64),), outs=(("out", BOOL),), control=False)
    return "never"


def reduce_range(g):
    g.function("add", lambda f: [f.op("AddV2", "s", "x", T=I64)], ins=(("s", I64), ("x", I64)), outs=(("out", I64),), control=False)
    return g.op("ReduceDataset", ranged(g), g.const(0, I64), f=Func("add"), Tstate=[I64], Targuments=[], output_types=[I64], output_shapes=[SCALAR], use_inter_op_parallelism=True, metadata="")


# Tables of assets.

def asset_table(change):
    def build(g):
        n = next(n for n in g.nodes if n.op == "InitializeTableFromTextFileV2")
        change(n)
        return n.name
    return build


def set_attr(**attrs):
    def change(n):
        for key, v in attrs.items():
            n.attr[key].CopyFrom(attr(v))
    return asset_table(change)


kinds((INIT,),
      vocab_size=set_attr(vocab_size=1 << 60),
      vocab_offset=set_attr(offset=LEAST64),
      vocab_columns=set_attr(key_index=1 << 60, value_index=1 << 60, delimiter=","),
      vocab_lines=set_attr(key_index=-1, value_index=-2),
      vocab_delimiter=set_attr(key_index=0, value_index=0, delimiter=""),
      )


# Models.

for name, (build, hooks) in made.items():
    for hook in dict.fromkeys(hooks):
        def make(g, build=build, looked=hook is SHAPE):
            g.looked = looked
            return build(g)
        add(f"{name}-{hook.__name__}", hook, make)
result = {"models": result, "skipped": []}

"""Writes more hostile SavedModels for TestHostileModelsDoNothing.

hostile_base.py and hostile_graph.py come before it."""

# Tensors that are large, from a few bytes. Each returns a tensor and its type.

def big_range(g):
    return g.op("Range", g.const(0), times(g, 1 << 14, 1 << 14), g.const(1), Tidx=I32)


def long_text(g):
    return doubled(g, g.const("abcdefgh" * 8, STR), lambda x: g.op("StringJoin", x, x, N=2, separator=""), 24)


def shape_products(g):
    x = g.op("Shape", g.op("Fill", g.const([1 << 10, 1 << 9]), g.const(1), T=I32, index_type=I32), T=I32, out_type=I32)
    return g.op("Fill", g.op("Mul", x, x, T=I32), g.const(1), T=I32, index_type=I32)


def matrices(g):
    x = g.op("Fill", g.const([3000, 3000]), g.const(0.5, F32), T=F32, index_type=I32)
    return doubled(g, x, lambda x: g.op("MatMul", x, x, T=F32), 40)


large = {
    "range": lambda g: (big_range(g), I32),
    "range_of_float": lambda g: (g.op("Range", g.const(0.0, F32), g.const(1e9, F32), g.const(0.125, F32), Tidx=F32), F32),
    "fill": lambda g: (vector(g, 1 << 28), I32),
    "fill_of_text": lambda g: (g.op("Fill", g.op("Mul", g.const([1 << 13]), g.const([1 << 13]), T=I32), g.const("abc", STR), T=STR, index_type=I32), STR),
    "tile": lambda g: (doubled(g, g.const([1] * 64), lambda x: g.op("Tile", x, g.op("Add", g.const([8]), g.const([8]), T=I32), T=I32, Tmultiples=I32), 6), I32),
    "broadcast": lambda g: (g.op("BroadcastTo", g.const(1), g.op("Pack", times(g, 128, 128), times(g, 128, 128), T=I32, N=2, axis=0), T=I32, Tidx=I32), I32),
    "concat": lambda g: (doubled(g, g.const([1] * 64), lambda x: g.op("ConcatV2", x, x, g.const(0), T=I32, Tidx=I32, N=2), 23), I32),
    "concat_of_text": lambda g: (doubled(g, g.const(["a"] * 64, STR), lambda x: g.op("Concat", g.const(0), x, x, T=STR, N=2), 21), STR),
    "pack": lambda g: (doubled(g, g.const([1] * 64), lambda x: g.op("Reshape", g.op("Pack", x, x, T=I32, N=2, axis=0), g.const([-1]), T=I32, Tshape=I32), 23), I32),
    "pad": lambda g: (g.op("Pad", g.const([[1]]), g.op("Mul", g.const([[0, 128], [0, 128]]), g.const(128), T=I32), T=I32, Tpaddings=I32), I32),
    "one_hot": lambda g: (g.op("OneHot", vector(g, 1 << 14), times(g, 128, 128), g.const(1), g.const(0), T=I32, TI=I32, axis=-1), I32),
    "outer_sum": lambda g: (g.op("AddV2", vector(g, 1 << 14), g.op("Reshape", vector(g, 1 << 14), g.const([-1, 1]), T=I32, Tshape=I32), T=I32), I32),
    "outer_product": lambda g: (g.op("Einsum", vector(g, 1 << 14, F32), vector(g, 1 << 14, F32), T=F32, N=2, equation="i,j->ij"), F32),
    "einsum_diagonal": lambda g: (g.op("Einsum", vector(g, 1 << 14, F32), T=F32, N=1, equation="i->ii"), F32),
    "diagonal": lambda g: (g.op("Diag", vector(g, 1 << 14), T=I32), I32),
    "matrix_diagonal": lambda g: (g.op("MatrixDiagV3", g.const([1]), g.const(0), times(g, 128, 128), times(g, 128, 128), g.const(0), T=I32, align="RIGHT_LEFT"), I32),
    "meshgrid": lambda g: (g.op("Mul", g.op("Reshape", vector(g, 1 << 14), g.const([1, -1]), T=I32, Tshape=I32), g.op("OnesLike", g.op("Reshape", vector(g, 1 << 14), g.const([-1, 1]), T=I32, Tshape=I32), T=I32), T=I32), I32),
    "select": lambda g: (g.op("SelectV2", g.const([True], BOOL), vector(g, 1 << 14), g.op("Reshape", vector(g, 1 << 14), g.const([-1, 1]), T=I32, Tshape=I32), T=I32), I32),
    "segments": lambda g: (g.op("SegmentSum", g.const([1]), g.const([1 << 28]), T=I32, Tindices=I32), I32),
    "means_of_segments": lambda g: (g.op("SegmentMean", g.const([1]), g.const([1 << 28]), T=I32, Tindices=I32), I32),
    "unsorted_segments": lambda g: (g.op("UnsortedSegmentMax", g.const([1]), g.const([0]), times(g, 1 << 14, 1 << 14), T=I32, Tindices=I32, Tnumsegments=I32), I32),
    "counts": lambda g: (g.op("Bincount", g.const([1]), times(g, 1 << 14, 1 << 14), g.const([], I32, [0]), T=I32), I32),
    "dense_counts": lambda g: (g.op("DenseBincount", g.const([1]), times(g, 1 << 14, 1 << 14), g.const([], I32, [0]), T=I32, Tidx=I32), I32),
    "histogram": lambda g: (g.op("HistogramFixedWidth", g.const([1]), g.const([0, 1]), times(g, 1 << 14, 1 << 14), T=I32, dtype=I32), I32),
    "stitch": lambda g: (g.op("DynamicStitch", g.const([1 << 28]), g.const([1]), T=I32, N=1), I32),
    "scatter": lambda g: (g.op("ScatterNd", g.const([[0]]), g.const([1]), g.op("Mul", g.const([1 << 14]), g.const([1 << 14]), T=I32), T=I32, Tindices=I32), I32),
    "sparse": lambda g: (g.op("SparseToDense", g.const([0]), g.op("Mul", g.const([1 << 14]), g.const([1 << 14]), T=I32), g.const([1]), g.const(0), T=I32, Tindices=I32), I32),
    "line": lambda g: (g.op("LinSpace", g.const(0.0, F32), g.const(1.0, F32), times(g, 1 << 14, 1 << 14), T=F32, Tidx=I32), F32),
    "sobol": lambda g: (g.op("SobolSample", times(g, 8, 16), times(g, 1 << 11, 1 << 10), g.const(0), dtype=F32), F32),
    "random": lambda g: (g.op("StatelessRandomUniformInt", g.op("Mul", g.const([1 << 14]), g.const([1 << 14]), T=I32), g.const([1, 2]), g.const(0), g.const(9), T=I32, Tseed=I32, dtype=I32), I32),
    "shape_products": lambda g: (shape_products(g), I32),
    "text": lambda g: (long_text(g), STR),
    "text_of_width": lambda g: (g.op("AsString", g.const([1, 2]), T=I32, width=(1 << 30)), STR),
    "text_of_regex": lambda g: (g.op("StaticRegexReplace", g.const("a" * 4096, STR), pattern="a", rewrite="b" * 65536), STR),
    "text_of_a_format": lambda g: (g.op("StringFormat", vector(g, 1 << 24), T=[I32], template="%s", placeholder="%s", summarize=-1), STR),
    "text_of_ngrams": lambda g: (g.op("StringNGrams", g.const(["a"], STR), g.const([0, 1], I64), separator="-" * 999, ngram_widths=[5000], left_pad="l" * 999, right_pad="r" * 999, pad_width=-1, preserve_short_sequences=False, Tsplits=I64), STR),
    "decoded": lambda g: (g.op("DecodePaddedRaw", g.const("a", STR), times(g, 1 << 14, 1 << 14), out_type=tf.uint8, little_endian=True), tf.uint8),
    "letters": lambda g: (g.op("StringSplit", vector_text(g), g.const("", STR), skip_empty=False), I64),
    "array": lambda g: (g.op("TensorListStack", g.op("TensorListReserve", g.const([1 << 12]), times(g, 1 << 8, 1 << 8), element_dtype=I32, shape_type=I32), g.const([1 << 12]), element_dtype=I32, num_elements=-1), I32),
    "list": lambda g: (g.op("TensorListLength", g.op("TensorListReserve", g.const([1]), times(g, 1 << 14, 1 << 14), element_dtype=I32, shape_type=I32)), I32),
    "many": lambda g: (g.op("AddN", *[vector(g, 15 << 20) for _ in range(16)], T=I32, N=16), I32),
    "many_joined": lambda g: (g.op("IdentityN", *[vector(g, 15 << 20) for _ in range(16)], T=[I32] * 16), I32),
    "time": lambda g: (matrices(g), F32),
    "slow_function": lambda g: (g.op("Igamma", vector(g, 1 << 23, F32), g.const(1e30, F32), T=F32), F32),
}


def vector_text(g):
    return doubled(g, g.const("abcdefgh" * 8, STR), lambda x: g.op("StringJoin", x, x, N=2, separator=""), 18)


# What reaches out, ends the process, or waits. Each returns a tensor or an operation.

DATASET = dict(output_types=[STR], output_shapes=[SCALAR])


def iterate(g, dataset):
    it = g.op("IteratorV2", shared_name="it", container="", **DATASET)
    made = g.op("MakeIterator", dataset, it)
    return g.op("IteratorGetNextSync", it, "^" + made.strip("^").split(":")[0], **DATASET)


def text_lines(g, name=None):
    return g.op("TextLineDataset", g.const([name or secret], STR), g.const("", STR), g.const(0, I64))


def nested_graph(g):
    """A graph inside of a constant, with a dataset that opens a file."""
    inner = tf.compat.v1.GraphDef()
    h = Graph(inner.library, inner.node)
    d = text_lines(h)
    h.op("_Retval", d, T=VAR, index=0)
    return g.op("DatasetFromGraph", g.const(inner.SerializeToString(), STR))


def one_shot(g):
    g.function("factory", lambda f: [text_lines(f)], outs=(("out", VAR),), control=False)
    return g.op("IteratorGetNext", g.op("OneShotIterator", dataset_factory=Func("factory"), container="", shared_name="", **DATASET), **DATASET)


def generator(g):
    g.function("gen", lambda f: [f.op("ReadFile", f.const(secret, STR))], ins=(("x", STR),), outs=(("out", STR),), control=False)
    return iterate(g, g.op("GeneratorDataset", g.const("a", STR), g.const("a", STR), g.const("a", STR), init_func=Func("gen"), next_func=Func("gen"), finalize_func=Func("gen"),
                           Tinit_func_args=[STR], Tnext_func_args=[STR], Tfinalize_func_args=[STR], **DATASET))


def interleave(g):
    g.function("open", lambda f: [f.op("TextLineDataset", "x", f.const("", STR), f.const(0, I64))], ins=(("x", STR),), outs=(("out", VAR),), control=False)
    d = g.op("TensorSliceDataset", g.const([secret], STR), Toutput_types=[STR], output_shapes=[SCALAR])
    return iterate(g, g.op("ParallelInterleaveDatasetV4", d, g.const(1, I64), g.const(1, I64), g.const(1, I64), g.const(1, I64), g.const(1, I64),
                           f=Func("open"), Targuments=[], deterministic="default", **DATASET))


def reduce_dataset(g):
    g.function("reduce", lambda f: [f.op("Identity", "state", f.op("WriteFile", f.const(victim, STR), "x"), T=STR)], ins=(("state", STR), ("x", STR)), outs=(("out", STR),))
    return g.op("ReduceDataset", text_lines(g), g.const("a", STR), f=Func("reduce"), Tstate=[STR], Targuments=[], use_inter_op_parallelism=False, **DATASET)


def batched(g):
    g.function("batch", lambda f: [f.op("ReadFile", f.const(secret, STR))], ins=(("x", I32),), outs=(("out", STR),))
    return g.op("BatchFunction", g.const([1]), f=Func("batch"), num_batch_threads=1, max_batch_size=1, batch_timeout_micros=0, Tin=[I32], Tcaptured=[], Tout=[STR])


def mapped(g):
    g.function("each", lambda f: [f.op("Identity", "x", f.op("WriteFile", f.const(victim, STR), f.const("a", STR)), T=I32)], ins=(("x", I32),))
    return g.op("MapDefun", g.const([1]), f=Func("each"), Targuments=[I32], Tcaptured=[], output_types=[I32], output_shapes=[SCALAR], max_intra_op_parallelism=1)


def reader_state(g):
    r = g.op("WholeFileReaderV2")
    q = g.op("FIFOQueueV2", component_types=[STR], shapes=[])
    put = g.op("QueueEnqueueV2", q, g.const(secret, STR), Tcomponents=[STR])
    return g.op("ReaderReadUpToV2", r, q, g.const(1, I64), put if put.startswith("^") else "^" + put)


def table_v1(g):
    t = g.op("HashTable", key_dtype=STR, value_dtype=I64, shared_name="more")
    return g.op("InitializeTableFromTextFile", t, g.op("StringJoin", g.const(outside, STR), g.const("/secret", STR), N=2, separator=""), key_index=-2, value_index=-1, vocab_size=-1)


def checkpoint_by_names(g):
    names = g.op("StringJoin", g.const(["a"], STR), g.const([""], STR), N=2, separator="")
    return g.op("RestoreV2", g.op("Identity", g.const(secret, STR), T=STR), names, g.const([""], STR), dtypes=[F32])


def checkpoint_of_a_choice(g):
    path = g.op("SelectV2", g.const(True, BOOL), g.const(secret, STR), g.const("", STR), T=STR)
    return g.op("RestoreSlice", path, g.const("a", STR), g.const("", STR), dt=F32, preferred_shard=-1)


def summary(g):
    w = g.op("SummaryWriter", shared_name="more", container="")
    made = g.op("CreateSummaryFileWriter", w, g.const(victim, STR), g.const(1), g.const(1), g.const("", STR))
    return g.op("WriteScalarSummary", w, g.const(1, I64), g.const("a", STR), g.const(1.0, F32), "^" + made.strip("^"), T=F32)


DEBUG = dict(device_name="/job:localhost/replica:0/task:0/device:CPU:0", tensor_name="a:0", gated_grpc=False)
actions = {
    "nested_graph": lambda g: iterate(g, nested_graph(g)),
    "nested_graph_once": lambda g: g.op("DatasetToSingleElement", nested_graph(g), metadata="", **DATASET),
    "one_shot": one_shot,
    "generator": generator,
    "interleave": interleave,
    "reduce": reduce_dataset,
    "batch_function": batched,
    "map_defun": mapped,
    "reader": reader_state,
    "table_of_computed_name": table_v1,
    "restore_of_computed_names": checkpoint_by_names,
    "restore_of_a_choice": checkpoint_of_a_choice,
    "summary": summary,
    "debug_summary_v2": lambda g: g.op("DebugIdentity", g.op("DebugNumericSummary", g.const([1.0], F32), T=F32, debug_urls=["file://" + victim], lower_bound=0.0, upper_bound=1.0, mute_if_healthy=False, **DEBUG), T=tf.float64, debug_urls=["file://" + victim], **DEBUG),
    "copy_host": lambda g: g.op("CopyHost", g.const([1.0], F32), T=F32, tensor_name="a:0", debug_ops_spec=["DebugIdentity;file://" + victim + ";0"]),
    "save_dataset": lambda g: g.function("shard", lambda f: [f.const(0, I64)], ins=(("x", STR),), outs=(("out", I64),), control=False) and g.op("SaveDatasetV2", text_lines(g), g.const(victim, STR), shard_func=Func("shard"), compression="", use_shard_func=True, Tshard_func_args=[], **DATASET),
    "snapshot_reader": lambda g: iterate(g, g.op("SnapshotDatasetReader", g.const(outside, STR), g.const(0, I64), compression="", version=2, **DATASET)),
    "list_chunks": lambda g: iterate(g, g.op("ListSnapshotChunksDataset", g.const(outside, STR), **DATASET)),
    "choose_fastest": lambda g: iterate(g, g.op("ChooseFastestDataset", text_lines(g), text_lines(g), N=2, num_experiments=1, **DATASET)),
    "cluster": lambda g: g.op("RpcServer", g.const("localhost:0", STR)),
    "collective": lambda g: g.op("CollectiveGatherV2", g.const([1.0], F32), g.const(2), g.const(1), g.const(1), T=F32, communication_hint="auto", timeout_seconds=0.0, is_stateless=False, Nordering_token=0),
    "receive": lambda g: g.op("Recv", tensor_type=F32, tensor_name="a", send_device=DEBUG["device_name"], send_device_incarnation=1, recv_device=DEBUG["device_name"], client_terminated=False),
    "mutex": lambda g: g.op("MutexLock", g.op("MutexV2", shared_name="m", container="")),
    "map_stage": lambda g: g.op("OrderedMapPeek", g.const(1, I64), g.const([0]), dtypes=[STR], capacity=0, memory_limit=0, container="", shared_name="om"),
    "priority_queue": lambda g: g.op("QueueDequeueUpToV2", g.op("PriorityQueueV2", component_types=[STR], shapes=[SCALAR], container="", shared_name="pq"), g.const(1), component_types=[I64, STR], timeout_ms=-1),
    "sparse_accumulator": lambda g: g.op("SparseAccumulatorTakeGradient", g.op("SparseConditionalAccumulator", dtype=F32, shape=tf.TensorShape([1]), container="", shared_name="sa", reduction_type="MEAN"), g.const(1), dtype=F32),
    "abort_after": lambda g: g.op("Abort", "^" + g.const(1).split(":")[0], error_msg="", exit_without_error=True),
    "host_code": lambda g: g.op("EagerPyFunc", token="a", is_async=False, Tin=[], Tout=[F32]),
    "mlir": lambda g: g.op("MlirPassthroughOp", mlir_module="module {}", Tinputs=[], Toutputs=[F32]),
    "remap": lambda g: g.op("GenerateVocabRemapping", g.const(secret, STR), g.const(secret, STR), new_vocab_offset=0, num_new_vocab=1, old_vocab_size=-1),
}


# Functions that become many when TensorFlow replaces calls by their bodies.

def call(g, name, *inputs):
    return g.op("PartitionedCall", *inputs, Tin=[F32], Tout=[F32], f=Func(name))


def unary(g, name, body):
    return g.function(name, body, ins=(("x", F32),), outs=(("out", F32),), control=False)


def fan(depth, width):
    def build(g):
        for i in range(depth):
            unary(g, f"more_{i}", lambda f, i=i: [f.op("Neg", "x", T=F32) if i == depth - 1 else doubled(f, "x", lambda x: call(f, f"more_{i+1}", x), width)])
        return call(g, "more_0", g.const(1.0, F32))
    return build


def alike_fan(g):
    for i in range(9):
        for j in range(6):
            f = unary(g, f"more_{i}_{j}", lambda f, i=i: [f.op("Neg", "x", T=F32) if i == 8 else doubled(f, "x", lambda x: call(f, f"more_{i+1}_{j}", x), 5)])
            f.attr["api_implements"].s, f.attr["api_preferred_device"].s = b"more%d" % i, b"CPU"
    return call(g, "more_0_0", g.const(1.0, F32))


def alike_cycle(g):
    """Neither function calls itself until TensorFlow exchanges one for the other."""
    unary(g, "more_end", lambda f: [f.op("Neg", "x", T=F32)])
    unary(g, "more_start", lambda f: [call(f, "more_end", "x")])
    unary(g, "more_again", lambda f: [call(f, "more_start", "x")])
    for f in g.library.function:
        if f.signature.name in ("more_end", "more_again"):
            f.attr["api_implements"].s, f.attr["api_preferred_device"].s = b"more", b"CPU"
    return call(g, "more_start", g.const(1.0, F32))


def gradient_of_itself(g):
    unary(g, "more_f", lambda f: [f.op("Neg", "x", T=F32)])
    g.function("more_g", lambda f: [f.op("SymbolicGradient", "x", "dy", Tin=[F32, F32], Tout=[F32], f=Func("more_f"))], ins=(("x", F32), ("dy", F32)), outs=(("out", F32),), control=False)
    g.library.gradient.add(function_name="more_f", gradient_func="more_g")
    return g.op("PartitionedCall", g.const(1.0, F32), g.const(1.0, F32), Tin=[F32, F32], Tout=[F32], f=Func("more_g"))


def gradients_of_each_other(g):
    for a, b in (("more_a", "more_b"), ("more_b", "more_a")):
        unary(g, a, lambda f: [f.op("Neg", "x", T=F32)])
        g.function(a + "_g", lambda f, b=b: [f.op("SymbolicGradient", "x", "dy", Tin=[F32, F32], Tout=[F32], f=Func(b))], ins=(("x", F32), ("dy", F32)), outs=(("out", F32),), control=False)
        g.library.gradient.add(function_name=a, gradient_func=a + "_g")
    return g.op("SymbolicGradient", g.const(1.0, F32), g.const(1.0, F32), Tin=[F32, F32], Tout=[F32], f=Func("more_a"))


def gradients_of_gradients(g):
    unary(g, "more_0", lambda f: [f.op("Mul", f.op("Sin", "x", T=F32), f.op("Exp", "x", T=F32), T=F32)])
    count = 1
    for i in range(25):
        def body(f, i=i, count=count):
            ins = [f"x{k}" for k in range(count)] + ["dy"]
            return [f.op("SymbolicGradient", *ins, Tin=[F32] * (count + 1), Tout=[F32] * count, f=Func(f"more_{i}"))]
        g.function(f"more_{i+1}", body, ins=[(f"x{k}" if i or k else "x0", F32) for k in range(count)] + [("dy", F32)], outs=(("out", F32),), control=False)
        count += 1
    x = g.const(1.0, F32)
    return g.op("PartitionedCall", *[x] * count, Tin=[F32] * count, Tout=[F32], f=Func("more_25"))


def deep(g):
    return fan(3000, 1)(g)


expanding = {"fan_of_2": fan(25, 2), "fan_of_40": fan(5, 40), "deep": deep, "alike_fan": alike_fan, "alike_cycle": alike_cycle,
             "gradient_of_itself": gradient_of_itself, "gradients_of_each_other": gradients_of_each_other, "gradients_of_gradients": gradients_of_gradients}


# Graphs whose shape inference, or whose kernels, end the process.

def crash_nodes(g):
    def ph(dtype, dims):
        return g.op("Placeholder", dtype=dtype, shape=tf.TensorShape(dims))
    return {
        "gather_of_a_function": lambda: (g.function("more_same", lambda f: ["x"], ins=(("x", I32),), control=False), g.op("GatherV2", g.const([1, 2]), g.op("PartitionedCall", g.const(0), Tin=[I32], Tout=[I32], f=Func("more_same")), g.const(0), Tparams=I32, Tindices=I32, Taxis=I32, batch_dims=2)),
        "gather_negative": lambda: g.op("GatherV2", g.const([[1, 2]]), g.const([0]), g.const(0), Tparams=I32, Tindices=I32, Taxis=I32, batch_dims=-(1 << 31)),
        "gather_of_a_loop": lambda: g.op("GatherV2", g.const([1, 2]), g.op("Exit", g.op("Enter", g.const(0), T=I32, frame_name="more", is_constant=False, parallel_iterations=10), T=I32), g.const(0), Tparams=I32, Tindices=I32, Taxis=I32, batch_dims=2),
        "loop_of_no_iterations": lambda: g.op("Reshape", ph(F32, None), g.op("Cast", g.op("Enter", g.const([2]), T=I32, frame_name="more", is_constant=False, parallel_iterations=-1), SrcT=I32, DstT=I64), T=F32, Tshape=I64),
        "transpose_of_many": lambda: g.op("Transpose", ph(F32, None), ph(I32, [1 << 61]), T=F32, Tperm=I32),
        "transpose_of_text": lambda: read_by_a_shape(g, g.op("ConjugateTranspose", g.const(["a"], STR), g.const([0]), T=STR, Tperm=I32), STR),
        "stitch_of_the_largest": lambda: read_by_a_shape(g, g.op("DynamicStitch", g.const([(1 << 31) - 1]), g.const([1]), T=I32, N=1), I32),
        "stitch_at_run": lambda: g.op("DynamicStitch", g.const([(1 << 31) - 1]), g.const([1]), T=I32, N=1),
        "unicode": lambda: g.op("UnicodeDecodeWithOffsets", g.const(["a"], STR), input_encoding="UTF-8", errors="replace", replacement_char=65533, replace_control_characters=False, Tsplits=I32),
        "split_of_bytes": lambda: g.op("SplitV", ph(F32, [4]), g.const([2, 2], tf.int8), g.const(0), T=F32, Tlen=tf.int8, num_split=2),
        "dequeue_a_list": lambda: g.op("QueueDequeueManyV2", ph(RES, None), g.const([1, 2]), component_types=[I32], timeout_ms=-1),
        "ragged": lambda: g.op("RaggedGather", *[g.const([0], I64)] * 3, g.const([1.0], F32), g.const(0), Tvalues=F32, Tindices=I32, Tsplits=I64, PARAMS_RAGGED_RANK=3, OUTPUT_RAGGED_RANK=0),
        "infeed": lambda: g.op("InfeedDequeueTuple", dtypes=[I32, I32], shapes=[SCALAR]),
        "compiled": lambda: g.op("XlaCallModule", version=9, module="", Sout=[], Tout=[I32], Tin=[], dim_args_spec=[], platforms=[], function_list=[], has_token_input_output=False, disabled_checks=[], use_shardy_partitioner=False),
        "partition": lambda: g.op("TPUPartitionedInput", g.const(1), g.const(1), T=I32, N=2, partition_dim=0),
        "map_of_many": lambda: (g.function("more_same", lambda f: ["x"], ins=(("x", I32),), control=False), g.op("MapDefun", g.const([1, 2]), Targuments=[I32], Tcaptured=[], output_types=[I32], output_shapes=[tf.TensorShape([1 << 61])], f=Func("more_same"), max_intra_op_parallelism=1)),
        "collective_of_many": lambda: g.op("CollectiveGather", g.const([1.0], F32), T=F32, group_size=-(1 << 40), group_key=1, instance_key=1, shape=tf.TensorShape([1]), communication_hint="auto", timeout_seconds=0.0),
    }


# Models.

for name, build in large.items():
    add(name + "-shape", beside, looked_at(build))
    add(name + "-init", by_main, computed(build))
for name in ("range", "concat", "text", "outer_sum", "time", "stitch"):
    for where in (in_function, called_by_name, in_list, in_branch_of_loop, gradient_of_good, like_good):
        add(f"{name}-{where.__name__}-shape", by_main, lambda g: where(g, looked_at(large[name])))
for name, build in actions.items():
    add(name + "-init", by_main, build)
    add(name + "-restore", by_restore, build)
    for where in (chosen, chosen_in_a_list, in_condition, in_branch_of_loop):
        if name in ("nested_graph", "reader", "table_of_computed_name", "restore_of_computed_names", "summary", "mutex", "abort_after", "map_defun"):
            add(f"{name}-{where.__name__}", by_main, lambda g: where(g, build))
for name, build in expanding.items():
    add(name + "-beside", beside, build)
    add(name + "-init", by_main, build)
for name in crash_nodes(Graph(tf.compat.v1.GraphDef().library, tf.compat.v1.GraphDef().node)):
    add(name + "-beside", beside, lambda g: crash_nodes(g)[name]())
add("stitch_at_run-init", by_main, lambda g: crash_nodes(g)["stitch_at_run"]())
result = {"models": result, "skipped": []}

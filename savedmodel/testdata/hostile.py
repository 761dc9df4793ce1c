"""Writes hostile SavedModels, for TestHostileModelsDoNothing: each tries to reach out of its
folder, to end the process or never to come back while it is loaded.

hostile_base.py comes before it."""

from tensorflow.core.framework import attr_value_pb2
from tensorflow.core.protobuf import meta_graph_pb2

R = tf.raw_ops
VARIANT = dict(output_types=[tf.int64], output_shapes=[[]])


# What is tried. Each function adds nodes, and returns an operation or a tensor.

def consume(dataset):
    """Takes the first element of a dataset."""
    return R.DatasetToSingleElement(dataset=R.TakeDataset(input_dataset=dataset, count=tf.constant(1, tf.int64), **strings), **strings)[0]


debugged = dict(tensor_name="a:0", device_name="/job:localhost/replica:0/task:0/device:CPU:0")
strings = dict(output_types=[tf.string], output_shapes=[[]])


def reader(make):
    def build():
        queue = R.FIFOQueueV2(component_types=[tf.string])
        fill = R.QueueEnqueueV2(handle=queue, components=[tf.constant(secret)])
        with tf.control_dependencies([fill]):
            return R.ReaderReadV2(reader_handle=make(), queue_handle=queue).value
    return build


def queue_get():
    return R.QueueDequeueV2(handle=R.FIFOQueueV2(component_types=[tf.string]), component_types=[tf.string])[0]


def from_graph():
    with tf.Graph().as_default() as g:
        d = R.TextLineDataset(filenames=tf.constant([secret]), compression_type="", buffer_size=tf.constant(0, tf.int64))
        tf.identity(d, name="ret")
    gd = g.as_graph_def()
    gd.node.add(name="retval", op="_Retval", input=["ret"], attr={"T": attr_value_pb2.AttrValue(type=tf.variant.as_datatype_enum), "index": attr_value_pb2.AttrValue(i=0)})
    return consume(R.DatasetFromGraph(graph_def=gd.SerializeToString()))


def summary_file():
    w = R.SummaryWriter(shared_name="w")
    made = R.CreateSummaryFileWriter(writer=w, logdir=tf.constant(victim), max_queue=1, flush_millis=1, filename_suffix="")
    with tf.control_dependencies([made]):
        return R.FlushSummaryWriter(writer=w)


def summary_db():
    return R.CreateSummaryDbWriter(writer=R.SummaryWriter(shared_name="w"), db_uri=tf.constant(victim), experiment_name="", run_name="", user_name="")


def table():
    return R.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name="evil_table")


def fill_table(filename):
    return R.InitializeTableFromTextFileV2(table_handle=table(), filename=filename, key_index=-2, value_index=-1)


def i64(x):
    return tf.constant(x, tf.int64)


def writing(dataset):
    return R.DatasetToTFRecord(input_dataset=dataset, filename=tf.constant(victim), compression_type="")


def lines():
    return R.TensorDataset(components=[tf.constant("x")], output_shapes=[[]])


payloads = {
    "read_file": lambda: R.ReadFile(filename=secret),
    "write_file": lambda: R.WriteFile(filename=victim, contents="x"),
    "matching_files": lambda: R.MatchingFiles(pattern=everything),
    "immutable_const": lambda: tf.identity(R.ImmutableConst(dtype=tf.uint8, shape=[4], memory_region_name=secret)),
    "text_line_reader": reader(lambda: R.TextLineReaderV2()),
    "whole_file_reader": reader(lambda: R.WholeFileReaderV2()),
    "tf_record_reader": reader(lambda: R.TFRecordReaderV2()),
    "fixed_length_reader": reader(lambda: R.FixedLengthRecordReaderV2(record_bytes=1)),
    "load_and_remap": lambda: R.LoadAndRemapMatrix(ckpt_path=tf.constant(secret), old_tensor_name=tf.constant("a"), row_remapping=i64([0]), col_remapping=i64([0]), initializing_values=[0.0], num_rows=1, num_cols=1),
    "vocab_remapping": lambda: R.GenerateVocabRemapping(new_vocab_file=secret, old_vocab_file=secret, new_vocab_offset=0, num_new_vocab=1).remapping,
    "table_of_file": lambda: fill_table(secret),
    "table_of_computed_name": lambda: fill_table(tf.strings.join([outside, "/secret"])),
    "save_v2": lambda: R.SaveV2(prefix=victim, tensor_names=["a"], shape_and_slices=[""], tensors=[tf.constant(1.0)]),
    "save_slices": lambda: R.SaveSlices(filename=victim, tensor_names=["a"], shapes_and_slices=[""], data=[tf.constant(1.0)]),
    "save_v1": lambda: R.Save(filename=victim, tensor_names=["a"], data=[tf.constant(1.0)]),
    "merge": lambda: R.MergeV2Checkpoints(checkpoint_prefixes=[secret], destination_prefix=victim, allow_missing_files=True),
    "restore_v2": lambda: R.RestoreV2(prefix=secret, tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32])[0],
    "restore_slice": lambda: R.RestoreSlice(file_pattern=everything, tensor_name="a", shape_and_slice="", dt=tf.float32),
    "restore_v1": lambda: R.Restore(file_pattern=everything, tensor_name="a", dt=tf.float32),
    "text_dataset": lambda: consume(R.TextLineDataset(filenames=[secret], compression_type="", buffer_size=i64(0))),
    "record_dataset": lambda: consume(R.TFRecordDataset(filenames=[secret], compression_type="", buffer_size=i64(0))),
    "fixed_dataset": lambda: consume(R.FixedLengthRecordDatasetV2(filenames=[secret], header_bytes=i64(0), record_bytes=i64(1), footer_bytes=i64(0), buffer_size=i64(0), compression_type="")),
    "cache_dataset": lambda: consume(R.CacheDataset(input_dataset=lines(), filename=victim, **strings)),
    "sql_dataset": lambda: consume(R.SqlDataset(driver_name="sqlite", data_source_name=victim, query="create table a(b text)", **strings)),
    "csv_dataset": lambda: consume(R.CSVDataset(filenames=[secret], compression_type="", buffer_size=i64(1), header=False, field_delim=",", use_quote_delim=True, na_value="", select_cols=i64([]), record_defaults=[tf.constant([""])], output_shapes=[[]])),
    "lmdb_dataset": lambda: consume(R.LMDBDataset(filenames=[secret], output_types=[tf.string, tf.string], output_shapes=[[], []])),
    "matching_dataset": lambda: consume(R.MatchingFilesDataset(patterns=[everything])),
    "snapshot_dataset": lambda: consume(R.SnapshotDataset(input_dataset=lines(), path=victim, **strings)),
    "load_dataset": lambda: consume(R.LoadDataset(path=outside, reader_func_other_args=[], reader_func=function_of(lambda: tf.constant(0)), **strings)),
    "to_record": lambda: writing(lines()),
    "dataset_of_graph": from_graph,
    "debug_identity": lambda: R.DebugIdentity(input=tf.constant([1.0]), debug_urls=["file://" + victim], **debugged),
    "debug_identity_grpc": lambda: R.DebugIdentity(input=tf.constant([1.0]), debug_urls=["grpc://" + address], **debugged),
    "debug_identity_v2": lambda: R.DebugIdentityV2(input=tf.constant([1.0]), tensor_debug_mode=2, debug_urls=["file://" + victim], tfdbg_run_id="r", circular_buffer_size=0),
    "debug_identity_v3": lambda: R.DebugIdentityV3(input=tf.constant([1.0]), debug_urls=["file://" + victim], **debugged),
    "debug_nan_count": lambda: R.DebugNanCount(input=tf.constant([1.0]), debug_urls=["file://" + victim], **debugged),
    "debug_nan_count_grpc": lambda: R.DebugNanCount(input=tf.constant([1.0]), debug_urls=["grpc://" + address], **debugged),
    "debug_summary": lambda: R.DebugNumericSummary(input=tf.constant([1.0]), debug_urls=["file://" + victim], **debugged),
    "print_v2": lambda: R.PrintV2(input="x", output_stream="file://" + victim),
    "summary_file": summary_file,
    "summary_db": summary_db,
    "sampler": lambda: R.FixedUnigramCandidateSampler(true_classes=i64([[0]]), num_true=1, num_sampled=1, unique=False, range_max=1, vocab_file=secret).sampled_candidates,
    "decode_proto": lambda: R.DecodeProtoV2(bytes=[""], message_type="a.B", field_names=[], output_types=[], descriptor_source=secret).sizes,
    "encode_proto": lambda: R.EncodeProto(sizes=tf.zeros([1, 1], tf.int32), values=[tf.constant([["a"]])], field_names=["a"], message_type="a.B", descriptor_source=secret),
    "record_input": lambda: R.RecordInput(file_pattern=everything, batch_size=1),
    "data_service": lambda: consume(R.DataServiceDatasetV2(dataset_id=i64(1), processing_mode="parallel_epochs", address=address, protocol="grpc", job_name="", consumer_index=i64(0), num_consumers=i64(1), max_outstanding_requests=i64(1), iteration_counter=R.DummyIterationCounter(), **strings)),
    "register_dataset": lambda: R.RegisterDatasetV2(dataset=lines(), address=address, protocol="grpc", external_state_policy=0),
    "file_system": lambda: R.FileSystemSetConfiguration(scheme="file", key="a", value="b"),
    "abort": lambda: R.Abort(error_msg="a"),
    "abort_quietly": lambda: R.Abort(exit_without_error=True),
    "py_func": lambda: R.PyFunc(input=[], token="a", Tout=[tf.float32])[0],
    "unstage": lambda: R.Unstage(dtypes=[tf.string], shared_name="s")[0],
    "map_unstage": lambda: R.MapUnstage(key=i64(1), indices=[0], dtypes=[tf.string], shared_name="m")[0],
    "dequeue": queue_get,
    "barrier": lambda: R.BarrierTakeMany(handle=R.Barrier(component_types=[tf.string], shapes=[[]]), num_elements=1, component_types=[tf.string]).indices,
    "accumulator": lambda: R.ResourceAccumulatorTakeGradient(handle=R.ResourceConditionalAccumulator(dtype=tf.float32, shape=[]), num_required=1, dtype=tf.float32),
    "collective": lambda: R.CollectiveReduce(input=tf.constant([1.0]), group_size=2, group_key=1, instance_key=1, merge_op="Add", final_op="Id", subdiv_offsets=[0]),
    "remote_call": lambda: R.RemoteCall(target="/job:localhost/replica:0/task:0/device:CPU:0", args=[tf.constant(1)], Tout=[tf.int32], f=function_of(lambda: R.WriteFile(filename=victim, contents="x"), tf.TensorSpec([], tf.int32)))[0],
    "sleep": lambda: consume(R.SleepDataset(input_dataset=lines(), sleep_microseconds=i64(40_000_000), **strings)),
    "worker_heartbeat": lambda: R.WorkerHeartbeat(request=""),
    "tpu": lambda: R.ConfigureDistributedTPU(),
    "table_of_dataset": lambda: R.InitializeTableFromDataset(table_handle=table(), dataset=R.ZipDataset(input_datasets=[
        R.TextLineDataset(filenames=[secret], compression_type="", buffer_size=i64(0)), R.RangeDataset(start=i64(0), stop=i64(9), step=i64(1), **VARIANT)],
        output_types=[tf.string, tf.int64], output_shapes=[[], []])),
    "iterator": lambda: iterator(),
    "get_session_tensor": lambda: R.GetSessionTensor(handle="a", dtype=tf.float32),
}

# Ops without a state, which shape inference may run.
foldable = ["read_file", "matching_files", "vocab_remapping", "debug_identity", "debug_identity_grpc", "debug_nan_count",
            "debug_nan_count_grpc", "debug_summary", "decode_proto", "encode_proto", "immutable_const"]


def iterator():
    it = R.IteratorV2(shared_name="it", container="", **strings)
    made = R.MakeIterator(dataset=R.TextLineDataset(filenames=[secret], compression_type="", buffer_size=i64(0)), iterator=it)
    with tf.control_dependencies([made]):
        return R.IteratorGetNext(iterator=it, **strings)[0]


# Where it is tried.

def after(x):
    """Returns a number that needs an operation or a tensor."""
    if isinstance(x, tf.Tensor) and x.dtype in (tf.string, tf.int32, tf.int64, tf.float32, tf.float64, tf.uint8):
        return 1 + 0 * tf.reduce_sum(number(x))  # a control input of an op without a state is dropped
    with tf.control_dependencies([x] if x is not None else []):
        return tf.constant(1)


def function_of(build, *specs):
    def f(*inputs):
        with tf.control_dependencies([build()]):
            return [tf.identity(x) for x in inputs]
    return tf.function(f, autograph=False, input_signature=specs).get_concrete_function()


def call(build):
    return tf.function(lambda: after(build()), autograph=False)()


def deep(build):
    return call(lambda: call(lambda: call(build)))


def branch(build):
    return tf.cond(tf.constant(True), lambda: after(build()), lambda: 0)


def loop_body(build):
    return tf.while_loop(lambda i: i < 1, lambda i: i + after(build()), [0])[0]


def loop_condition(build):
    return tf.while_loop(lambda i: i < after(build()), lambda i: i + 1, [0])[0]


def case(build):
    return tf.switch_case(tf.constant(1), [lambda: 0, lambda: after(build())])


def mapped(build):
    d = tf.data.Dataset.range(1).map(tf.autograph.experimental.do_not_convert(lambda i: after(build())))
    return tf.data.experimental.get_single_element(d)


def all_nested(build):
    return call(lambda: tf.while_loop(lambda i: i < 1, lambda i: i + tf.cond(tf.equal(i, 0), lambda: call(build), lambda: 1), [0])[0])


def number(x):
    x = R.PlaceholderWithDefault(input=x, shape=None, name="hold")  # so that Python does not evaluate it; see release
    if x.dtype == tf.string:
        return tf.cast(tf.strings.length(tf.reshape(x, [-1])), tf.int32)
    return tf.cast(tf.reshape(x, [-1]), tf.int32)


def shape_argument(build):
    return tf.reshape(tf1.placeholder(tf.float32), number(build()))


def shape_in_function(build):
    return tf.function(lambda x: tf.reshape(x, number(build())), autograph=False)(tf1.placeholder(tf.float32))


def shape_of_argument(build):
    f = tf.function(lambda s: tf.fill(s, 1.0), autograph=False, input_signature=[tf.TensorSpec(None, tf.int32)])
    return f(number(build()))


def shape_of_shape(build):
    return tf.zeros(tf.shape(tf.zeros(number(build()))))


def part_of_shape(build):
    return tf.reshape(tf1.placeholder(tf.float32), tf.stack([tf.size(tf1.placeholder(tf.float32)), tf.reduce_sum(number(build()))]))


def shape_in_loop(build):
    return tf.while_loop(lambda i, x: i < 1, lambda i, x: (i + 1, tf.reshape(x, number(build()))), [0, tf.zeros([4])],
                         shape_invariants=[tf.TensorShape([]), tf.TensorShape(None)])[1]


# Models.

def merge(mg, gd):
    release(gd)
    mg.graph_def.node.extend(gd.node)
    mg.graph_def.library.MergeFrom(gd.library)
    mg.meta_info_def.ClearField("stripped_op_list")


def nodes(where, build):
    """Returns a graph with the nodes, and the name of the last one."""
    with tf.Graph().as_default() as g, tf.name_scope("evil"):
        x = where(build)
    x = x if isinstance(x, tf.Operation) else x.op
    return g.as_graph_def(), x.name


def release(gd):
    """Makes an Identity of each node that kept Python from evaluating what is before it."""
    for n in [*gd.node, *(n for f in gd.library.function for n in f.node_def)]:
        if n.op == "PlaceholderWithDefault" and n.name.split("/")[-1].startswith("hold"):
            dtype = n.attr["dtype"].type
            n.op = "Identity"
            n.attr.clear()
            n.attr["T"].type = dtype


def node(mg, name):
    return next(n for n in mg.graph_def.node if n.name == name)


def main_op(mg):
    return mg.collection_def["saved_model_main_op"].node_list.value


def hook_main(mg, name):
    main_op(mg)[0] = name


def hook_before_main(mg, name):
    node(mg, main_op(mg)[0]).input.append("^" + name)


def hook_restore(mg, name):
    node(mg, mg.saver_def.restore_op_name).input.append("^" + name)


def hook_assign(mg, name):
    node(mg, "save/Identity_1").input.append("^" + name)


def hook_signature(mg, name):
    sig = mg.signature_def["__saved_model_init_op"]
    sig.outputs["__saved_model_init_op"].name = name


def hook_legacy(mg, name):
    del mg.collection_def["saved_model_main_op"]
    mg.collection_def["legacy_init_op"].node_list.value.append(name)


def hook_variable(mg, name):
    node(mg, "w").input.append("^" + name)


def hook_nothing(mg, name):
    pass


def add(name, where, build, hook, change=None):
    try:
        gd, last = nodes(where, build)
    except Exception as e:  # an op that this TensorFlow does not build
        skipped.append(f"{name}: {type(e).__name__}: {e}"[:200])
        return
    sm = model()
    mg = sm.meta_graphs[0]
    merge(mg, gd)
    hook(mg, last)
    if change:
        change(mg, last)
    write(name, sm)


skipped = []


def direct(build):
    x = build()
    return x if isinstance(x, tf.Operation) else tf.identity(x).op if x is not None else None


for name, build in payloads.items():
    for where, hook in ((direct, hook_main), (direct, hook_restore), (deep, hook_before_main), (all_nested, hook_signature)):
        add(f"{name}-{where.__name__}-{hook.__name__}", where, build, hook)
# A node that nothing needs, and a function that it calls, do nothing.
for name, build in payloads.items():
    add(f"{name}-direct-beside", direct, build, hook_nothing)
    add(f"{name}-call-beside", call, build, hook_nothing)
for name in ("write_file", "read_file", "table_of_file", "debug_identity", "abort", "unstage", "text_dataset", "print_v2"):
    for where in (call, branch, loop_body, loop_condition, case, mapped):
        add(f"{name}-{where.__name__}", where, payloads[name], hook_main)
    for hook in (hook_assign, hook_legacy, hook_variable, hook_before_main):
        add(f"{name}-{hook.__name__}", direct, payloads[name], hook)
for name in foldable:
    for where in (shape_argument, shape_in_function, shape_of_argument, shape_of_shape, part_of_shape, shape_in_loop):
        add(f"{name}-{where.__name__}", where, payloads[name], hook_nothing)


# Functions that are not called by name.

def function_def(mg, part):
    return next(f for f in mg.graph_def.library.function if part in f.signature.name)


def harmless(build):
    """Calls a function without an effect; the evil one is in the library too."""
    f = tf.function(lambda: after(build()), autograph=False)
    f.get_concrete_function().add_to_graph()
    return tf.function(lambda: tf.constant(1), autograph=False)()


def call_node(mg, last):
    return next(n for n in mg.graph_def.node if n.op in ("PartitionedCall", "StatefulPartitionedCall"))


def evil_function(mg):
    return next(f for f in mg.graph_def.library.function if any(n.op not in ("Const", "Identity", "NoOp") for n in f.node_def))


def api_implements(mg, last):
    good = call_node(mg, last).attr["f"].func.name
    for f in mg.graph_def.library.function:
        f.attr["api_implements"].s = b"same"
        f.attr["api_preferred_device"].s = b"CPU"
    call_node(mg, last).attr["f"].func.name = good


def placeholder_attribute(mg, last):
    """The body of a function calls what its caller names, one level deeper than attributes."""
    evil = evil_function(mg).signature.name
    f = mg.graph_def.library.function.add()
    f.signature.name = "calls_what_it_is_told"
    f.signature.is_stateful = True
    f.signature.output_arg.add(name="out", type=tf.int32.as_datatype_enum)
    f.signature.attr.add(name="g", type="func")
    n = f.node_def.add(name="n", op="StatefulPartitionedCall")
    n.attr["f"].placeholder = "g"
    n.attr["Tin"].list.SetInParent()
    n.attr["Tout"].list.type.append(tf.int32.as_datatype_enum)
    f.ret["out"] = "n:output:0"
    c = call_node(mg, last)
    c.op = "StatefulPartitionedCall"
    c.attr["f"].func.name = f.signature.name
    c.attr["f"].func.attr["g"].func.name = evil


def default_attribute(mg, last):
    placeholder_attribute(mg, last)
    f = mg.graph_def.library.function[-1]
    c = call_node(mg, last)
    evil = c.attr["f"].func.attr["g"].func.name
    del c.attr["f"].func.attr["g"]
    f.signature.attr[0].default_value.func.name = evil


def list_attribute(mg, last):
    evil = evil_function(mg).signature.name
    good = call_node(mg, last).attr["f"].func.name
    c = call_node(mg, last)
    index = mg.graph_def.node.add(name="evil/index", op="Const")
    index.attr["dtype"].type = tf.int32.as_datatype_enum
    index.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(1, tf.int32))
    del c.attr["f"]
    for key in ("config", "config_proto", "executor_type"):
        del c.attr[key]
    c.op = "Case"
    c.input.insert(0, "evil/index")
    c.attr["branches"].list.func.add(name=good)
    c.attr["branches"].list.func.add(name=evil)
    c.attr["output_shapes"].list.SetInParent()


def gradient(mg, last):
    """The gradient of a harmless function is the evil one."""
    evil = evil_function(mg)
    c = call_node(mg, last)
    good = next(f for f in mg.graph_def.library.function if f.signature.name == c.attr["f"].func.name)
    mg.graph_def.library.gradient.add(function_name=good.signature.name, gradient_func=evil.signature.name)
    for key in list(c.attr):
        if key not in ("Tin", "Tout", "f"):
            del c.attr[key]
    c.op = "SymbolicGradient"
    c.input.append("evil/one")
    one = mg.graph_def.node.add(name="evil/one", op="Const")
    one.attr["dtype"].type = tf.int32.as_datatype_enum
    one.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(1, tf.int32))
    c.attr["Tin"].list.type.append(tf.int32.as_datatype_enum)
    evil.signature.input_arg.add(name="dy", type=tf.int32.as_datatype_enum)


def function_named_like_op(mg, last):
    evil = evil_function(mg)
    old, evil.signature.name = evil.signature.name, "ControlTrigger"
    mg.graph_def.node.add(name="evil/trigger", op="ControlTrigger")
    hook_before_main(mg, "evil/trigger")


for name in ("write_file", "read_file", "abort", "unstage", "print_v2", "table_of_file"):
    for change in (api_implements, placeholder_attribute, default_attribute, list_attribute, gradient, function_named_like_op):
        add(f"{name}-{change.__name__}", harmless, payloads[name], hook_main, change)


# Assets, handles and restores.

def assets(mg):
    return mg.collection_def["saved_model_assets"].any_list.value


def asset(mg, tensor, file="words.txt"):
    a = meta_graph_pb2.AssetFileDef(filename=file)
    a.tensor_info.name = tensor
    packed = assets(mg).add()
    packed.Pack(a)


def special(change):
    sm = model()
    mg = sm.meta_graphs[0]
    mg.meta_info_def.ClearField("stripped_op_list")
    change(mg)
    write(change.__name__, sm)


def table_node(mg):
    return next(n for n in mg.graph_def.node if n.op == "InitializeTableFromTextFileV2")


def extra(mg, build):
    gd, last = nodes(direct, build)
    merge(mg, gd)
    return last


def asset_of_other_output(mg):
    last = extra(mg, lambda: R.Unpack(value=[secret, secret], num=2)[0].op)
    del assets(mg)[:]
    asset(mg, last + ":1")
    table_node(mg).input[1] = last + ":0"


def asset_listed_twice(mg):
    asset(mg, "vocabulary:0", "../../secret")


def asset_listed_under_two_outputs(mg):
    last = extra(mg, lambda: R.Unpack(value=[secret, secret], num=2)[0].op)
    del assets(mg)[:]
    asset(mg, last + ":1")
    asset(mg, last + ":0", "words.txt")
    asset(mg, last + ":0", "nope.txt")
    table_node(mg).input[1] = last + ":0"


def asset_outside(mg):
    del assets(mg)[:]
    asset(mg, "vocabulary:0", "../../../" + os.path.relpath(secret, "/"))


def asset_in_variable(alias):
    """A variable gets the asset, and then another path by way of an alias of its handle."""
    def build(mg):
        def add_nodes():
            v = R.VarHandleOp(dtype=tf.string, shape=[], shared_name="path")
            first = R.AssignVariableOp(resource=v, value=tf1.placeholder_with_default("", [], name="fed"))
            with tf.control_dependencies([first]):
                second = R.AssignVariableOp(resource=alias(v), value=tf.constant(secret))
            with tf.control_dependencies([first, second]):
                return R.ReadVariableOp(resource=v, dtype=tf.string)
        last = extra(mg, add_nodes)
        del assets(mg)[:]
        asset(mg, "evil/fed:0")
        table_node(mg).input[1] = last + ":0"
    return build


def of_same_name(v):
    return R.VarHandleOp(dtype=tf.string, shape=[], shared_name="path")


def of_function(v):
    return tf.function(lambda: R.VarHandleOp(dtype=tf.string, shape=[], shared_name="path"), autograph=False)()


def passed_on(v):
    return tf.identity(v)


for alias in (of_same_name, of_function, passed_on):
    f = asset_in_variable(alias)
    f.__name__ = "asset_variable_" + alias.__name__
    special(f)


def handles_of_many(mg):
    asset_in_variable(lambda v: tf.identity(v, name="alias"))(mg)
    n = node(mg, "evil/alias")
    n.op = "_VarHandlesOp"
    del n.input[:]
    n.attr.clear()
    n.attr["containers"].list.s.append(b"")
    n.attr["shared_names"].list.s.append(b"path")
    n.attr["N"].i = 1
    n.attr["shapes"].list.shape.add()
    n.attr["dtypes"].list.type.append(tf.string.as_datatype_enum)


def handle_constant(mg):
    asset_in_variable(lambda v: tf.identity(v, name="alias"))(mg)
    n = node(mg, "evil/alias")
    n.op = "Const"
    del n.input[:]
    n.attr.clear()
    n.attr["dtype"].type = tf.resource.as_datatype_enum
    t = n.attr["value"].tensor
    t.dtype = tf.resource.as_datatype_enum
    t.tensor_shape.SetInParent()
    h = t.resource_handle_val.add()
    h.device, h.container, h.name = "/job:localhost/replica:0/task:0/device:CPU:0", "localhost", "path"
    h.maybe_type_name = "tensorflow::Var"


def restore_computed_names(mg):
    last = extra(mg, lambda: tf.strings.join([["w"], [""]]).op)
    node(mg, "save/RestoreV2").input[1] = last


def restore_other_file(mg):
    last = extra(mg, lambda: tf.constant(secret).op)
    restored = node(mg, "save/RestoreV2")
    restored.input[0] = last


def restore_beside(mg):
    last = extra(mg, lambda: R.RestoreV2(prefix=secret, tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32])[0])
    hook_restore(mg, last)


def restore_in_function(mg):
    gd, last = nodes(deep, payloads["restore_v2"])
    merge(mg, gd)
    mg.saver_def.restore_op_name = last


def restore_name_by_function(mg):
    def build():
        f = tf.function(lambda p: R.RestoreV2(prefix=p, tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32])[0], autograph=False)
        return f(tf.constant(secret))
    gd, last = nodes(direct, build)
    merge(mg, gd)
    mg.saver_def.restore_op_name = last


def checkpoint_named_by_the_graph(mg):
    """The restore node has a known form, and a function beside it reads the default name."""
    def build():
        f = tf.function(lambda p: R.RestoreV2(prefix=p, tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32])[0], autograph=False)
        return f(tf.constant(secret, name="p"))
    last = extra(mg, build)
    hook_restore(mg, last)
    node(mg, "save/filename/input").attr["value"].tensor.CopyFrom(tf.make_tensor_proto(secret))


def sizes_of_a_scalar(mg):
    """Shape inference ends the process."""
    n = mg.graph_def.node.add(name="evil/split", op="SplitV", input=["evil/value", "evil/sizes", "evil/axis"])
    n.attr["num_split"].i = 2
    n.attr["T"].type = n.attr["Tlen"].type = tf.int32.as_datatype_enum
    for name, value in (("value", [[1, 2], [3, 4]]), ("sizes", 1), ("axis", 0)):
        c = mg.graph_def.node.add(name="evil/" + name, op="Const")
        c.attr["dtype"].type = tf.int32.as_datatype_enum
        c.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.int32))


def batch_dimensions_of_a_vector(mg):
    """Shape inference ends the process."""
    n = mg.graph_def.node.add(name="evil/gather", op="GatherV2", input=["evil/value", "evil/index", "evil/index"])
    n.attr["Tparams"].type = n.attr["Tindices"].type = n.attr["Taxis"].type = tf.int32.as_datatype_enum
    n.attr["batch_dims"].i = 2
    for name, value in (("value", [1, 2]), ("index", 0)):
        c = mg.graph_def.node.add(name="evil/" + name, op="Const")
        c.attr["dtype"].type = tf.int32.as_datatype_enum
        c.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.int32))


for change in (asset_of_other_output, asset_listed_twice, asset_listed_under_two_outputs, asset_outside, handles_of_many, handle_constant,
               restore_computed_names, restore_other_file, restore_beside, restore_in_function, restore_name_by_function,
               checkpoint_named_by_the_graph, sizes_of_a_scalar, batch_dimensions_of_a_vector):
    special(change)
result = {"models": result, "skipped": skipped}

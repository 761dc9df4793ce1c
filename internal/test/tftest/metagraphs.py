# Damaged and odd meta graphs, and what TensorFlow's import_meta_graph says of each. The
# result is a list of {name, data, error}: error is "" if TensorFlow accepts it.
from tensorflow.core.framework import attr_value_pb2, tensor_pb2, variable_pb2
from tensorflow.core.protobuf import control_flow_pb2, meta_graph_pb2, queue_runner_pb2, saver_pb2
from google.protobuf import any_pb2, wrappers_pb2


def make():
    with tf1.Graph().as_default() as g:
        tf1.get_variable("ref", [2], use_resource=False)
        tf1.get_variable("res", [2], use_resource=True)
        with tf1.variable_scope("p", partitioner=tf1.fixed_size_partitioner(2)):
            tf1.get_variable("part", [4, 2], use_resource=False)
        q = tf1.FIFOQueue(3, [tf.float32], name="q")
        tf1.train.add_queue_runner(tf1.train.QueueRunner(q, [q.enqueue(1.0)]))
        x = tf1.placeholder(tf.float32, [], name="x")
        with g.control_dependencies(None):
            tf1.disable_control_flow_v2()
            c = tf1.cond(x > 0, lambda: x + 1, lambda: x - 1)
            tf1.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.constant(0)], maximum_iterations=5)
        tf.identity(c, name="neg")
        tf1.add_to_collection("ops", c.op)
        tf1.add_to_collection("tensors", c)
        tf1.add_to_collection("floats", 1.5)
        tf1.add_to_collection("ints", 7)
        tf1.add_to_collection("bytes", "text")
        saver = tf1.train.Saver()
        tf1.add_to_collection("savers", saver)
        return tf1.train.export_meta_graph(saver_def=saver.saver_def)


sound = make()
cases = []


def case(name):
    def add(damage):
        m = meta_graph_pb2.MetaGraphDef()
        m.CopyFrom(sound)
        cases.append((name, damage(m) or m))
    return add


def node(m, name):
    return next(n for n in m.graph_def.node if n.name == name)


def items(m, key, typ):
    return [typ.FromString(b) for b in m.collection_def[key].bytes_list.value]


def put(m, key, messages):
    m.collection_def[key].bytes_list.value[:] = [x if isinstance(x, bytes) else x.SerializeToString() for x in messages]


def nodes(key, *names):
    """A collection of the names of nodes."""
    @case("collection of " + " ".join(names))
    def _(m):
        m.collection_def[key].node_list.value.extend(names)


def changed(name, key, typ, change, item=0):
    """One message of a collection changed."""
    @case(name)
    def _(m):
        keys = [key] if typ is not variable_pb2.VariableDef else ["variables", "trainable_variables"]
        for k in keys:
            all = items(m, k, typ)
            change(all[item])
            put(m, k, all)


def var(name, change, of="ref:0"):
    @case(name)
    def _(m):
        for k in ["variables", "trainable_variables"]:
            all = items(m, k, variable_pb2.VariableDef)
            change(next(v for v in all if v.variable_name == of))
            put(m, k, all)


def sets(field, value):
    def change(x):
        setattr(x, field, value)
    return change


def clears(field):
    return lambda x: x.ClearField(field)


def extends(field, *values):
    return lambda x: getattr(x, field).extend(values)


@case("sound")
def _(m): pass


# Plain collections.
nodes("more", "gone")
nodes("more", "gone:0")
nodes("more", "ref", "ref:0")
nodes("more", "ref:1")
nodes("more", "ref:-1")
nodes("more", "ref:x")
nodes("more", "ref:0:0")
nodes("more", "ref: 0")
nodes("more", "ref:+0")
nodes("more", "ref:00")
nodes("more", "ref:1_0")
nodes("more", "")
nodes("more", "^ref")
nodes("more", "ref:")
nodes("more", ":0")
nodes("cond/Switch", "cond/Switch:1", "cond/Switch:2")


@case("float NaN")
def _(m): m.collection_def["floats"].float_list.value.extend([float("nan"), float("inf")])


@case("collection without kind")
def _(m): m.collection_def["none"].SetInParent()


@case("collection of an unknown Any")
def _(m):
    m.collection_def["any"].any_list.value.add(type_url="type.googleapis.com/nobody.Knows", value=b"\x08\x01")


@case("collection of a damaged Any")
def _(m):
    m.collection_def["any"].any_list.value.add(type_url="type.googleapis.com/google.protobuf.Int32Value", value=b"\xff\xff")


@case("collection of an empty Any")
def _(m): m.collection_def["any"].any_list.value.add()


@case("bytes that are no text")
def _(m): m.collection_def["bytes"].bytes_list.value.append(b"\xff\x00")


@case("an empty key")
def _(m): m.collection_def[""].bytes_list.value.append(b"x")


for key in ["variables", "queue_runners", "savers", "cond_context", "while_context", "metric_variables", "global_step"]:
    @case("bytes that are no message in " + key)
    def _(m): m.collection_def[key].bytes_list.value.append(b"\xff\xff\xff")

    @case("an empty message in " + key)
    def _(m): m.collection_def[key].bytes_list.value.append(b"")

    @case("integers in " + key)
    def _(m): m.collection_def[key].int64_list.value.append(3)

    @case("nodes in " + key)
    def _(m): m.collection_def[key].node_list.value.append("x")

    @case("missing nodes in " + key)
    def _(m): m.collection_def[key].node_list.value.append("gone")


@case("floats in variables without SaverDef")
def _(m):
    m.ClearField("saver_def")
    m.collection_def["variables"].float_list.value.append(3)


@case("nodes in variables without SaverDef")
def _(m):
    m.ClearField("saver_def")
    m.collection_def["variables"].node_list.value.append("ref:0")


@case("nodes that are no variables in variables without SaverDef")
def _(m):
    m.ClearField("saver_def")
    m.collection_def["variables"].node_list.value.append("x:0")


# Variables.
for field in ["variable_name", "initializer_name", "initial_value_name", "snapshot_name"]:
    for of in ["ref:0", "res:0"]:
        var(f"{of} {field} gone", sets(field, "gone"), of)
        var(f"{of} {field} gone:0", sets(field, "gone:0"), of)
        var(f"{of} {field} empty", clears(field), of)
        var(f"{of} {field} an operation", sets(field, "x"), of)
        var(f"{of} {field} another tensor", sets(field, "x:0"), of)
        var(f"{of} {field} bad port", sets(field, of[:3] + ":3"), of)
var("ref said to be a resource", sets("is_resource", True))
var("resource said to be ref", sets("is_resource", False), "res:0")
var("unknown synchronization", sets("synchronization", 9))
var("unknown aggregation", sets("aggregation", 9))
var("synchronization on read and trainable", sets("synchronization", 3))
var("resource of unknown synchronization", sets("synchronization", 9), "res:0")
var("resource's snapshot an identity of a read", sets("snapshot_name", "neg:0"), "res:0")
var("resource's snapshot a placeholder", sets("snapshot_name", "x:0"), "res:0")
var("not trainable", sets("trainable", False))
var("slice without dims", lambda v: v.save_slice_info_def.SetInParent(), "p/part/part_0:0")
var("slice of a whole variable", lambda v: (v.save_slice_info_def.full_shape.append(2), sets("full_name", "other")(v.save_slice_info_def)))
var("slice's ranks differ", lambda v: v.save_slice_info_def.var_shape.append(5), "p/part/part_0:0")
var("slice of another full name", lambda v: sets("full_name", "q/part")(v.save_slice_info_def), "p/part/part_0:0")


def part(name, change):
    """The same damage without a SaverDef, where TensorFlow makes a new Saver."""
    @case(name + " without SaverDef")
    def _(m):
        m.ClearField("saver_def")
        all = items(m, "variables", variable_pb2.VariableDef)
        r = change(all)
        put(m, "variables", all if r is None else r)


def first(all, name):
    return next(v for v in all if v.variable_name == name)


part("sound", lambda all: None)
part("no variables", lambda all: [])
part("the same variable twice", lambda all: all + [first(all, "ref:0")])
part("the same resource variable twice", lambda all: all + [first(all, "res:0")])
part("slices that lack one", lambda all: [v for v in all if v.variable_name != "p/part/part_1:0"])
part("slices' var_offset", lambda all: first(all, "p/part/part_1:0").save_slice_info_def.var_offset.__setitem__(0, 1))
part("slices' var_shape", lambda all: first(all, "p/part/part_1:0").save_slice_info_def.var_shape.__setitem__(0, 1))
part("slices' full_shape", lambda all: first(all, "p/part/part_1:0").save_slice_info_def.full_shape.__setitem__(0, 9))
part("slices' negative full_shape", lambda all: first(all, "p/part/part_1:0").save_slice_info_def.full_shape.__setitem__(0, -4))
part("slices' ranks", lambda all: first(all, "p/part/part_1:0").save_slice_info_def.var_shape.append(5))
part("slice past the end", lambda all: first(all, "p/part/part_1:0").save_slice_info_def.var_offset.__setitem__(0, 3))
part("slice without dims", lambda all: first(all, "p/part/part_1:0").save_slice_info_def.CopyFrom(variable_pb2.SaveSliceInfoDef(full_name="p/part")))
part("slice and whole of one name", lambda all: first(all, "p/part/part_1:0").save_slice_info_def.__setattr__("full_name", "ref"))
part("slices of two names", lambda all: first(all, "p/part/part_1:0").save_slice_info_def.__setattr__("full_name", "other"))
part("a slice of a variable of a whole one", lambda all: first(all, "p/part/part_1:0").ClearField("save_slice_info_def"))


def twice(all):
    v = variable_pb2.VariableDef()
    v.CopyFrom(first(all, "ref:0"))
    v.trainable = not v.trainable
    return all + [v]


part("two VariableDefs of one variable", twice)


@case("two VariableDefs of one variable")
def _(m): put(m, "variables", twice(items(m, "variables", variable_pb2.VariableDef)))


@case("the same variable twice")
def _(m): m.collection_def["variables"].bytes_list.value.append(m.collection_def["variables"].bytes_list.value[0])


@case("a variable only in another collection, without SaverDef")
def _(m):
    m.ClearField("saver_def")
    for k in ["variables", "trainable_variables"]:
        del m.collection_def[k]


@case("a placeholder as variable, without SaverDef")
def _(m):
    m.ClearField("saver_def")
    put(m, "variables", [variable_pb2.VariableDef(variable_name="x:0", initializer_name="ref/Assign", snapshot_name="ref/read:0")])


@case("a ref of an operation, without SaverDef")
def _(m):
    m.ClearField("saver_def")
    put(m, "variables", [variable_pb2.VariableDef(variable_name="ref/Assign:0", initializer_name="ref/Assign", snapshot_name="ref/read:0")])


@case("saveable objects' collection that is gone")
def _(m):
    m.ClearField("saver_def")
    m.collection_def["saveable_objects"].node_list.value.append("gone:0")


@case("saveable objects that are tensors, without SaverDef")
def _(m):
    m.ClearField("saver_def")
    m.collection_def["saveable_objects"].node_list.value.append("x:0")


# Queue runners.
QR = queue_runner_pb2.QueueRunnerDef
for field in ["queue_name", "close_op_name", "cancel_op_name"]:
    changed(f"queue runner's {field} gone", "queue_runners", QR, sets(field, "gone"))
    changed(f"queue runner's {field} empty", "queue_runners", QR, clears(field))
    changed(f"queue runner's {field} another", "queue_runners", QR, sets(field, "x:0"))
changed("queue runner's enqueue op gone", "queue_runners", QR, extends("enqueue_op_name", "gone"))
changed("queue runner without enqueue ops", "queue_runners", QR, clears("enqueue_op_name"))
changed("queue runner without exceptions", "queue_runners", QR, clears("queue_closed_exception_types"))
changed("queue runner of an unknown exception", "queue_runners", QR, extends("queue_closed_exception_types", 99))
changed("queue runner of the exception OK", "queue_runners", QR, extends("queue_closed_exception_types", 0))
changed("queue runner of the exception 20", "queue_runners", QR, extends("queue_closed_exception_types", 20))

# Conditionals.
CC = control_flow_pb2.CondContextDef
for field in ["pred_name", "pivot_name", "context_name"]:
    changed(f"cond's {field} gone", "cond_context", CC, sets(field, "gone:0"))
    changed(f"cond's {field} empty", "cond_context", CC, clears(field))
changed("cond's pivot an operation", "cond_context", CC, sets("pivot_name", "x"))
changed("cond's branch", "cond_context", CC, sets("branch", 5))
changed("cond's value gone", "cond_context", CC, lambda c: c.values_def.values.append("gone:0"))
changed("cond's value without index", "cond_context", CC, lambda c: c.values_def.values.append("x"))
changed("cond's value of an index too high", "cond_context", CC, lambda c: c.values_def.values.append("x:7"))
changed("cond's value malformed", "cond_context", CC, lambda c: c.values_def.values.append("x:y:z"))
changed("cond's value empty", "cond_context", CC, lambda c: c.values_def.values.append(""))
changed("cond's external value gone", "cond_context", CC, lambda c: c.values_def.external_values.__setitem__("new", "gone:0"))
changed("cond's external key gone", "cond_context", CC, lambda c: (c.values_def.values.append("new:0"), c.values_def.external_values.__setitem__("new:0", "x:0")))
changed("cond without values", "cond_context", CC, clears("values_def"))
changed("cond nested in a damaged one", "cond_context", CC,
        lambda c: c.nested_contexts.add().cond_ctxt.CopyFrom(CC(context_name="n", pred_name="x:0", pivot_name="gone:0")))
changed("cond nested in a sound one", "cond_context", CC,
        lambda c: c.nested_contexts.add().cond_ctxt.CopyFrom(CC(context_name="n", pred_name="x:0", pivot_name="x:0")))
changed("cond nested without kind", "cond_context", CC, lambda c: c.nested_contexts.add())

# Loops.
WC = control_flow_pb2.WhileContextDef
for field in ["pivot_name", "pivot_for_pred_name", "pivot_for_body_name", "maximum_iterations_name", "context_name"]:
    changed(f"loop's {field} gone", "while_context", WC, sets(field, "gone:0"))
    changed(f"loop's {field} empty", "while_context", WC, clears(field))
changed("loop's exit gone", "while_context", WC, extends("loop_exit_names", "gone:0"))
changed("loop's enter gone", "while_context", WC, extends("loop_enter_names", "gone:0"))
changed("loop's enter another", "while_context", WC, extends("loop_enter_names", "x:0"))
changed("loop's value gone", "while_context", WC, lambda c: c.values_def.values.append("gone:0"))
changed("loop's value of an index too high", "while_context", WC, lambda c: c.values_def.values.append("x:7"))
changed("loop's external value gone", "while_context", WC, lambda c: c.values_def.external_values.__setitem__("new", "gone:0"))
changed("loop without values", "while_context", WC, clears("values_def"))
changed("loop of 0 parallel iterations", "while_context", WC, sets("parallel_iterations", 0))
changed("loop of -1 parallel iterations", "while_context", WC, sets("parallel_iterations", -1))
changed("loop nested damaged", "while_context", WC,
        lambda c: c.nested_contexts.add().while_ctxt.CopyFrom(WC(context_name="n", pivot_name="gone:0")))
changed("cond nested damaged in a loop", "while_context", WC,
        lambda c: c.nested_contexts.add().cond_ctxt.CopyFrom(CC(context_name="n", pred_name="gone:0", pivot_name="x:0")))

# Savers.
SD = saver_pb2.SaverDef
for field in ["filename_tensor_name", "save_tensor_name", "restore_op_name"]:
    changed(f"savers' {field} empty", "savers", SD, clears(field))
    changed(f"savers' {field} gone", "savers", SD, sets(field, "gone:0"))
changed("savers' version", "savers", SD, sets("version", 9))
for field in ["filename_tensor_name", "save_tensor_name", "restore_op_name"]:
    @case(f"SaverDef's {field} empty")
    def _(m): m.saver_def.ClearField(field)

    @case(f"SaverDef's {field} gone")
    def _(m): setattr(m.saver_def, field, "gone:0")


@case("SaverDef empty")
def _(m): m.saver_def.Clear(); m.saver_def.SetInParent()


@case("SaverDef of an unknown version")
def _(m): m.saver_def.version = 9


@case("SaverDef of a negative max_to_keep")
def _(m): m.saver_def.max_to_keep = -1


# Unbound inputs.
@case("unbound inputs")
def _(m): m.collection_def["unbound_inputs"].bytes_list.value.append(b"in:0")


@case("no unbound inputs")
def _(m): m.collection_def["unbound_inputs"].bytes_list.SetInParent()


@case("unbound inputs without kind")
def _(m): m.collection_def["unbound_inputs"].SetInParent()


@case("unbound inputs of a number")
def _(m): m.collection_def["unbound_inputs"].int64_list.value.append(1)


# Nodes.
def attr(name, change, of="x"):
    @case(name)
    def _(m): change(node(m, of).attr)


attr("Placeholder without dtype", lambda a: a.__delitem__("dtype"))
attr("Identity without T", lambda a: a.__delitem__("T"), "neg")
attr("variable without dtype", lambda a: a.__delitem__("dtype"), "ref")
attr("variable without shape", lambda a: a.__delitem__("shape"), "ref")
attr("handle without shape", lambda a: a.__delitem__("shape"), "res")
attr("handle without dtype", lambda a: a.__delitem__("dtype"), "res")
attr("variable without container", lambda a: a.__delitem__("container"), "ref")
attr("Const without value", lambda a: a.__delitem__("value"), "while/add/y")
attr("Const without dtype", lambda a: a.__delitem__("dtype"), "while/add/y")
attr("Const of another dtype", lambda a: sets("type", 1)(a["dtype"]), "while/add/y")
attr("Const with an empty value", lambda a: a["value"].Clear(), "while/add/y")
attr("Const with an empty tensor", lambda a: a["value"].tensor.Clear(), "while/add/y")
attr("Const of too many elements", lambda a: a["value"].tensor.int_val.extend([1, 2, 3]), "while/add/y")
attr("Const of unknown shape", lambda a: a["value"].tensor.tensor_shape.__setattr__("unknown_rank", True), "while/add/y")
attr("Const of a negative dimension", lambda a: a["value"].tensor.tensor_shape.dim.add(size=-1), "while/add/y")
attr("Const of short content", lambda a: (a["value"].tensor.ClearField("int_val"), sets("tensor_content", b"abc")(a["value"].tensor)), "while/add/y")
attr("dtype of another kind", lambda a: sets("i", 3)(a["dtype"]))
attr("dtype invalid", lambda a: sets("type", 0)(a["dtype"]))
attr("dtype unknown", lambda a: sets("type", 77)(a["dtype"]))
attr("dtype without value", lambda a: a["dtype"].Clear())
attr("T not allowed", lambda a: sets("type", 7)(a["T"]), "cond/add")
attr("T a reference", lambda a: sets("type", 101)(a["dtype"]))
attr("an attribute that the op lacks", lambda a: sets("i", 3)(a["nobody"]))
attr("an attribute of users", lambda a: sets("i", 3)(a["_mine"]))
attr("an attribute without a name", lambda a: sets("i", 3)(a[""]))
attr("a private attribute without value", lambda a: a["_mine"].SetInParent())
attr("a string where a shape is expected", lambda a: sets("s", b"x")(a["shape"]))
attr("an integer list where an integer is expected", lambda a: a["capacity"].list.i.append(3), "q")
attr("a list of the wrong kind", lambda a: a["component_types"].list.i.append(3), "q")
attr("a list of two kinds", lambda a: a["component_types"].list.b.append(True), "q")
attr("a list that is too short", lambda a: a["component_types"].list.Clear(), "q")
attr("a placeholder outside of a function", lambda a: sets("placeholder", "P")(a["dtype"]))
attr("a shape of a negative dimension", lambda a: a["shape"].shape.dim.add(size=-7))
attr("a shape of dimension -1", lambda a: (a.__delitem__("_output_shapes"), a["shape"].shape.dim.add(size=-1)))
attr("_output_shapes that do not fit", lambda a: a["shape"].shape.dim.add(size=-1))
attr("a shape that the shape function refuses", lambda a: (a.__delitem__("_output_shapes"), a["shape"].shape.dim.add(size=-1), a["shape"].shape.dim.add(size=3)), "res")
attr("a class of another kind", lambda a: sets("i", 3)(a["_class"]), "neg")
attr("a class that is no location", lambda a: a["_class"].list.s.append(b"nowhere"), "neg")
attr("input of another type", lambda a: sets("type", 3)(a["T"]), "neg")
attr("an int below its minimum", lambda a: sets("i", -5)(a["parallel_iterations"]), "while/Enter")
attr("N below its minimum", lambda a: sets("i", 0)(a["N"]), "while/Merge")


@case("an op that nobody knows")
def _(m): m.graph_def.node.add(name="odd", op="NobodyKnowsThis")


@case("a node that is gone")
def _(m): m.graph_def.node.remove(node(m, "neg")); m.collection_def["more"].node_list.value.append("neg")


@case("a variable's node that is gone")
def _(m):
    for name in ["ref", "ref/Assign", "ref/read"]:
        m.graph_def.node.remove(node(m, name))


@case("a device that is no device")
def _(m): node(m, "x").device = "nonsense"


@case("a device of another machine")
def _(m): node(m, "x").device = "/job:ps/task:7/device:GPU:3"


@case("no graph")
def _(m): m.ClearField("graph_def")


@case("no collections")
def _(m): m.collection_def.clear()


@case("a version before trainable")
def _(m): m.meta_info_def.tensorflow_version = "1.8.0"


@case("a version that is none")
def _(m): m.meta_info_def.tensorflow_version = "banana"


KILLS = {"slices' negative full_shape without SaverDef"}  # end the process of TensorFlow


def verdict(name, m):
    if name in KILLS:
        return "ends the process", False
    with tf1.Graph().as_default():
        try:
            saver = tf1.train.import_meta_graph(m)
            return "", saver is not None
        except Exception as e:
            return type(e).__name__ + ": " + str(e)[:160], False


result = []
for name, m in cases:
    data = m.SerializeToString()
    error, saver = verdict(name, m)
    result.append({"name": name, "data": data, "error": error, "saver": saver})

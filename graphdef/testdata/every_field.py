# Makes a message for each field of each message that TensorFlow's files hold, wherever that
# field can stand. It runs in the interpreter of internal/test/oracle.
#
# args[0] has the names of the root messages. The result has, for each root, the messages as
# bytes (fields by number) and as text, and a name for each.

import importlib
import math
import pathlib

from google.protobuf import any_pb2, descriptor_pool, message_factory, text_format

root = pathlib.Path(tf.__file__).parent
for path in sorted(root.rglob("*_pb2.py")):
    importlib.import_module(".".join(path.relative_to(root.parent).with_suffix("").parts))
pool = descriptor_pool.Default()

FLOATS = [1.5, 0.1, -0.0, math.nan, math.inf, -math.inf, 1e-45, 1.1754942e-38, 3.4028235e38, 16777216.0, 1e16, 0.0001]
DOUBLES = FLOATS + [5e-324, 1.7976931348623157e308, 123456789.123456789, 1e15]
TEXTS = ["a", "größe\x01\x7f", "it's \"quoted\"\\\n\r\t\0", "名前\U0001f600", "a/b c"]


def samples(f):
    kind = f.cpp_type
    if kind in (f.CPPTYPE_INT32, f.CPPTYPE_INT64):
        bits = 32 if kind == f.CPPTYPE_INT32 else 64
        return [1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))]
    if kind in (f.CPPTYPE_UINT32, f.CPPTYPE_UINT64):
        return [1, 2 ** (32 if kind == f.CPPTYPE_UINT32 else 64) - 1]
    if kind == f.CPPTYPE_FLOAT:
        return FLOATS
    if kind == f.CPPTYPE_DOUBLE:
        return DOUBLES
    if kind == f.CPPTYPE_BOOL:
        return [True]
    if kind == f.CPPTYPE_ENUM:
        return [v.number for v in f.enum_type.values] + ([] if f.enum_type.is_closed else [9999, -1])
    if f.type == f.TYPE_BYTES:
        return [bytes(range(256)), b"'\"\\", "ä".encode()]
    return TEXTS


def is_map(f):
    return f.message_type is not None and f.message_type.GetOptions().map_entry


def anys():
    saver = pool.FindMessageTypeByName("tensorflow.SaverDef")
    known = message_factory.GetMessageClass(saver)(max_to_keep=5, filename_tensor_name="ä", keep_checkpoint_every_n_hours=0.1)
    signature = message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.SignatureDef"))()
    signature.defaults["x"].float8_val = b"\x01\xff"
    nested = message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.MetaGraphDef.MetaInfoDef"))()
    nested.any_info.Pack(known)
    rare = message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.RunMetadata"))()
    rare.partition_graphs.add().node.add(name="n", op="NoOp")
    made = [any_pb2.Any(type_url="unknown.type/no.such.Type", value=bytes(range(256))), any_pb2.Any(),
            any_pb2.Any(type_url="type.googleapis.com/tensorflow.SaverDef"), any_pb2.Any(type_url="tensorflow.SaverDef", value=b"x")]
    for m in (known, signature, nested, rare):
        made.append(any_pb2.Any())
        made[-1].Pack(m)
    # The same message in another order of its fields, and with another prefix.
    made.append(any_pb2.Any(type_url="example.org/a/tensorflow.SaverDef", value=b"\x20\x05\x0a\x01a"))
    return made


def settings(f):
    """Yields functions that set a field of a message, by a name."""
    if is_map(f):
        key, value = f.message_type.fields_by_name["key"], f.message_type.fields_by_name["value"]

        def fill(m, keys):
            entries = getattr(m, f.name)
            for k in keys:
                if value.message_type is not None:
                    entries[k].SetInParent()
                else:
                    entries[k] = samples(value)[0]
        yield "entry", lambda m: fill(m, samples(key)[:1])
        yield "map", lambda m: fill(m, samples(key) + ([""] if key.cpp_type == key.CPPTYPE_STRING else [0]))
    elif f.message_type is not None and f.message_type.full_name == "google.protobuf.Any":
        for n, value in enumerate(anys()):
            def fill(m, value=value):
                (getattr(m, f.name).add() if f.is_repeated else getattr(m, f.name)).CopyFrom(value)
            yield f"any{n}", fill
    elif f.message_type is not None:
        def fill(m):
            for _ in range(2 if f.is_repeated else 1):
                (getattr(m, f.name).add() if f.is_repeated else getattr(m, f.name)).SetInParent()
        yield "empty", fill
    elif f.is_repeated:
        yield "list", lambda m: getattr(m, f.name).extend(samples(f))
    else:
        for n, value in enumerate(samples(f) + ([type(samples(f)[0])()] if f.has_presence else [])):
            yield f"value{n}", lambda m, value=value: setattr(m, f.name, value)


def child(m, f):
    """Makes a message in field f of m and returns it."""
    if is_map(f):
        key = f.message_type.fields_by_name["key"]
        return getattr(m, f.name)[samples(key)[0]]
    if f.is_repeated:
        return getattr(m, f.name).add()
    c = getattr(m, f.name)
    c.SetInParent()
    return c


def target(f):
    d = f.message_type
    if d is not None and d.GetOptions().map_entry:
        d = d.fields_by_name["value"].message_type
    return d


def paths(root):
    """Returns the shortest path of fields to each message under a root, and all edges."""
    at, queue, edges = {root.full_name: []}, [root], []
    while queue:
        d = queue.pop(0)
        for f in d.fields:
            t = target(f)
            if t is None:
                continue
            edges.append((at[d.full_name], f))
            if t.full_name not in at:
                at[t.full_name] = at[d.full_name] + [f]
                queue.append(t)
    return edges


def cases(root):
    cls = message_factory.GetMessageClass(root)
    for path, last in [([], None)] + paths(root):
        d = root if last is None else target(last)
        for f in d.fields:
            for name, fill in settings(f):
                m = inner = cls()
                for step in path + ([last] if last else []):
                    inner = child(inner, step)
                fill(inner)
                yield f"{last.full_name if last else root.name} > {f.full_name} {name}", d.full_name, f.name, m
        # All fields together, with the first and with the last member of each oneof.
        for pick in (0, -1):
            m = inner = cls()
            for step in path + ([last] if last else []):
                inner = child(inner, step)
            for f in d.fields:
                if f.containing_oneof is not None and f != f.containing_oneof.fields[pick]:
                    continue
                next(iter(settings(f)))[1](inner)
            yield f"{last.full_name if last else root.name} > {d.full_name} all{pick}", d.full_name, "", m


result = []
for name in args[0]:
    for case, message, field, m in cases(pool.FindMessageTypeByName(name)):
        result.append({"root": name, "name": case, "message": message, "field": field,
                       "binary": m.SerializeToString(deterministic=True), "text": text_format.MessageToString(m)})
kept["every_field"] = result

"""Write the message definitions that package internal/tfproto embeds.

They are those of the TensorFlow in the virtual environment, in two deflated
FileDescriptorSets: graph.bin has the files that models, checkpoints and events need, and
rest.bin has all others. Each file follows its imports. After a change of TensorFlow's
version, run "go generate ./internal/tfproto".
"""

import importlib
import os
import pathlib
import sys
import zlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

# The files whose messages models, checkpoints and events are made of.
GRAPH = [
    "tensorflow/core/protobuf/saved_model.proto",
    "tensorflow/core/protobuf/queue_runner.proto",
    "tensorflow/core/protobuf/control_flow.proto",
    "tensorflow/core/protobuf/tensor_bundle.proto",
    "tensorflow/core/util/event.proto",
    "tensorflow/core/util/saved_tensor_slice.proto",
    "tensorflow/python/training/checkpoint_state.proto",
]


def files():
    """Returns the files of the graph, and all other files, by name."""
    import tensorflow

    root = pathlib.Path(tensorflow.__file__).parent
    known = {}
    for path in sorted(root.rglob("*_pb2.py")):
        module = path.relative_to(root.parent).with_suffix("")
        file = importlib.import_module(".".join(module.parts)).DESCRIPTOR
        known[file.name] = file

    graph, rest = {}, {}

    def add(file, to):
        if file.name in graph or file.name in rest:
            return
        for imported in file.dependencies:
            add(imported, to)
        to[file.name] = file

    for name in GRAPH:
        if name in known:
            add(known[name], graph)
    for name in sorted(known):
        add(known[name], rest)
    return graph, rest


def write(out, group):
    from google.protobuf import descriptor_pb2

    whole = descriptor_pb2.FileDescriptorSet()
    for file in group.values():
        file.CopyToProto(whole.file.add())
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(whole.SerializeToString(deterministic=True)) + deflate.flush()
    out.write_bytes(packed)
    print(f"{out}: {len(group)} files, {len(packed)} bytes")


def main(folder):
    graph, rest = files()
    write(folder / "graph.bin", graph)
    write(folder / "rest.bin", rest)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

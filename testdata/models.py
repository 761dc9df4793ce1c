"""Makes the models in this folder: .venv/bin/python testdata/models.py [OUT]

OUT is this folder by default. README.md describes the models.
"""

import os
import shutil
import sys


def make_models(tf, out):
    """Makes all models in the folder out."""
    previous = os.getcwd()
    os.chdir(out)  # paths in the models are relative, so that they are the same everywhere
    try:
        for make in (linear, half_plus_two, words):
            shutil.rmtree(make.__name__, ignore_errors=True)
            with tf.Graph().as_default():
                make(tf.compat.v1, make.__name__)
    finally:
        os.chdir(previous)


def linear(tf1, folder):
    """Two checkpoints of y = x w + b, as a training saves them."""
    x = tf1.placeholder(tf1.float32, [None, 2], name="x")
    w = tf1.get_variable("w", [2, 3], initializer=tf1.ones_initializer(), use_resource=True)
    b = tf1.get_variable("b", [3], initializer=tf1.zeros_initializer(), use_resource=True)
    tf1.identity(tf1.matmul(x, w) + b, name="y")
    step = tf1.assign_add(b, [1.0, 1.0, 1.0])
    saver = tf1.train.Saver(save_relative_paths=True)
    with tf1.Session() as s:
        s.run(tf1.global_variables_initializer())
        for n in (1, 2):
            s.run(step)
            saver.save(s, os.path.join(folder, "model"), global_step=n)


def half_plus_two(tf1, folder):
    """TensorFlow Serving's model y = x / 2 + 2, in a graph without tags and one with "serve"."""
    x = tf1.placeholder(tf1.float32, [None, 1], name="x")
    a = tf1.get_variable("a", initializer=0.5, use_resource=True)
    b = tf1.get_variable("b", initializer=2.0, use_resource=True)
    y = tf1.add(a * x, b, name="y")
    examples = tf1.placeholder(tf1.string, [None], name="tf_example")
    parsed = tf1.io.parse_example(examples, {
        "x": tf1.io.FixedLenFeature([1], tf1.float32),
        "name": tf1.io.FixedLenFeature([1], tf1.string, ""),
        "n": tf1.io.FixedLenFeature([1], tf1.int64, 0),
    })
    sm = tf1.saved_model
    signatures = {
        "serving_default": sm.predict_signature_def({"x": x}, {"y": y}),
        "regress": sm.regression_signature_def(examples, a * parsed["x"] + b),
        "parse": sm.predict_signature_def({"inputs": examples}, {"name": parsed["name"], "n": parsed["n"]}),
    }
    with tf1.Session() as s:
        s.run(tf1.global_variables_initializer())
        builder = sm.Builder(folder)
        builder.add_meta_graph_and_variables(s, [], signatures)
        builder.add_meta_graph(["serve"], signatures)
        builder.save()


def words(tf1, folder):
    """Looks up words in a table that the main op fills from an asset with the words a, b and c."""
    file = folder + ".txt"
    with open(file, "w") as f:
        f.write("a\nb\nc\n")
    path = tf1.constant(file, name="vocabulary")
    tf1.add_to_collection(tf1.GraphKeys.ASSET_FILEPATHS, path)
    x = tf1.placeholder(tf1.string, [None], name="x")
    index = tf1.lookup.TextFileIndex
    table = tf1.lookup.StaticHashTable(
        tf1.lookup.TextFileInitializer(path, tf1.string, index.WHOLE_LINE, tf1.int64, index.LINE_NUMBER), -1)
    w = tf1.get_variable("w", initializer=[10.0, 20.0, 30.0, 40.0], use_resource=True)
    y = tf1.gather(w, table.lookup(x) + 1, name="y")
    with tf1.Session() as s:
        s.run([tf1.global_variables_initializer(), tf1.tables_initializer()])
        builder = tf1.saved_model.Builder(folder)
        builder.add_meta_graph_and_variables(
            s, ["serve"],
            {"serving_default": tf1.saved_model.predict_signature_def({"x": x}, {"y": y})},
            assets_collection=tf1.get_collection(tf1.GraphKeys.ASSET_FILEPATHS), main_op=tf1.tables_initializer())
        builder.save()
    os.remove(file)


if __name__ == "__main__":
    import tensorflow

    tensorflow.compat.v1.disable_eager_execution()
    make_models(tensorflow, sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))

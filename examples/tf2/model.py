"""A Keras model of handwritten digits whose training step Go can run.

    model.py export DIR      builds the model, and exports it as DIR with the signatures
                             train, evaluate and predict
    model.py continue DIR    loads a model that Go has trained, trains it for 50 steps more,
                             and serves it
"""

import gzip
import os
import sys

import absl.logging
import numpy as np
import tensorflow as tf

absl.logging.set_verbosity("error")  # no warning that the exported step cannot be differentiated again


def digits():
    """Returns the images of the training set and of the test set, as the Go program has them."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../digits/dataset/digits.csv.gz")
    with gzip.open(path, "rt") as f:
        table = np.loadtxt(f, delimiter=",", dtype=np.float32)
    test = np.arange(len(table)) % 5 == 0
    split = lambda rows: (rows[:, :64], rows[:, 64].astype(np.int64))
    return split(table[~test]), split(table[test])


class Trainable(tf.Module):
    """What changes in training belongs to the module: the model, the optimizer and its slots."""

    def __init__(self):
        tf.keras.utils.set_random_seed(1)
        self.model = tf.keras.Sequential([
            tf.keras.layers.Rescaling(1 / 16),
            tf.keras.layers.Dense(64, activation="relu"),
            tf.keras.layers.BatchNormalization(),
            tf.keras.layers.Dense(10),
        ])
        self.model.build([None, 64])
        self.optimizer = tf.keras.optimizers.Adam(0.002)
        self.optimizer.build(self.model.trainable_variables)
        self.loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(input_signature=[tf.TensorSpec([None, 64]), tf.TensorSpec([None], tf.int64)])
    def train(self, x, y):
        with tf.GradientTape() as tape:
            loss = self.loss(y, self.model(x, training=True))
        variables = self.model.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return {"loss": loss, "step": self.optimizer.iterations.value}

    @tf.function(input_signature=[tf.TensorSpec([None, 64]), tf.TensorSpec([None], tf.int64)])
    def evaluate(self, x, y):
        hits = tf.argmax(self.model(x), -1) == y
        return {"accuracy": tf.reduce_mean(tf.cast(hits, tf.float32))}

    @tf.function(input_signature=[tf.TensorSpec([None, 64])])
    def predict(self, x):
        return {"scores": tf.nn.softmax(self.model(x))}


def export(folder):
    m = Trainable()
    tf.saved_model.save(m, folder, signatures={"train": m.train, "evaluate": m.evaluate, "predict": m.predict})
    print(f"python: exported {folder} with the signatures train, evaluate and predict")


def go_on(folder):
    m = tf.saved_model.load(folder)
    (images, labels), (test_images, test_labels) = digits()
    accuracy = lambda: 100 * float(m.evaluate(test_images, test_labels)["accuracy"])
    print(f"python: loaded {folder}, accuracy {accuracy():.2f} %")
    for step in range(50):
        rows = np.arange(step * 32, step * 32 + 32) % len(images)
        out = m.train(images[rows], labels[rows])
    print(f"python: step {int(out['step'])}, loss {float(out['loss']):.4f}, accuracy {accuracy():.2f} %")
    scores = m.signatures["predict"](x=tf.constant(test_images[:1]))["scores"]
    print(f"python: the first test image is a {int(tf.argmax(scores[0]))}; it says {test_labels[0]}")


if __name__ == "__main__":
    {"export": export, "continue": go_on}[sys.argv[1]](sys.argv[2])

# A member of the cluster that TF_CONFIG describes: it serves until its standard
# input ends. A worker that is given a folder trains the digits there first, on the
# variables of the other members, and writes down what it saw.
import json
import os
import sys
import threading
import time


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()

import tensorflow as tf

tf1 = tf.compat.v1
tf1.disable_eager_execution()

config = json.loads(os.environ["TF_CONFIG"])
job, task = config["task"]["type"], config["task"]["index"]
cluster = tf.train.ClusterSpec(config["cluster"])
server = tf1.train.Server(cluster, job_name=job, task_index=task)
print("serving %s as /job:%s/task:%d" % (server.target, job, task), flush=True)

STEPS = 100


def dense(name, x, inputs, outputs):
    w = tf1.get_variable(name + "/w", [inputs, outputs], initializer=tf1.glorot_uniform_initializer())
    b = tf1.get_variable(name + "/b", [outputs], initializer=tf1.zeros_initializer())
    return tf.nn.bias_add(tf.matmul(x, w), b)


def train(folder):
    with open(os.path.join(folder, "data.json")) as f:
        data = json.load(f)
    with tf1.device(tf1.train.replica_device_setter(cluster=cluster, worker_device="/job:worker/task:%d" % task)):
        x = tf1.placeholder(tf.float32, [None, 64])
        labels = tf1.placeholder(tf.int32, [None])
        hidden = tf.nn.relu(dense("hidden", x / 16, 64, 128))
        logits = dense("classes", hidden, 128, 10)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        step = tf1.train.get_or_create_global_step()
        update = tf1.train.AdamOptimizer(2e-3).minimize(loss, step)
        with tf1.device("/job:ps/task:0"):
            note = tf1.get_variable("note", initializer=tf.constant(0, tf.int64), trainable=False)
        noted = note.assign(42)
        missing = tf1.report_uninitialized_variables()
    devices = {v.op.name: v.device for v in tf1.global_variables()}
    result = {"Steps": STEPS, "Seen": [], "Loss": [], "Variables": devices}
    filters = ["/job:ps", "/job:worker/task:%d" % task]
    with tf1.Session(server.target, config=tf1.ConfigProto(device_filters=filters)) as session:
        while session.run(missing).size:
            time.sleep(0.05)
        result["Note"] = int(session.run(note))
        session.run(noted)
        feed = {x: data["images"], labels: data["labels"]}
        for _ in range(STEPS):
            value, _ = session.run([loss, update], feed)
            result["Loss"].append(float(value))
            result["Seen"].append(int(session.run(step)))
    partial = os.path.join(folder, "trained.partial")
    with open(partial, "w") as f:
        json.dump(result, f)
    os.rename(partial, os.path.join(folder, "trained.json"))


if len(sys.argv) > 1 and job == "worker":
    train(sys.argv[1])
threading.Event().wait()

"""The Python half of package python: it reads a JSON request per line, runs its script
and writes a JSON answer per line.

Answers go to a private copy of standard output. Descriptor 1 is redirected to standard
error, so that nothing that a script or a C++ library prints gets between the answers.
"""

import base64
import json
import os
import queue
import sys
import textwrap
import threading
import traceback

answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf1 = tf.compat.v1
kept = {}  # values that scripts keep for later scripts


def from_go(value):
    """Converts the values that Go has marked as []byte, at any depth."""
    if isinstance(value, dict):
        if set(value) == {"__bytes__"}:
            return base64.b64decode(value["__bytes__"])
        return {key: from_go(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_go(item) for item in value]
    return value


def to_go(value):
    if isinstance(value, np.ndarray):
        return to_go(value.tolist())
    if isinstance(value, np.generic):
        return to_go(value.item())
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {str(key): to_go(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_go(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"result holds a {type(value).__name__}, which JSON cannot carry; "
        "return numbers, strings, bytes, lists or dicts"
    )


def run(request):
    names = {
        "__name__": "script",
        "tf": tf,
        "tf1": tf1,
        "np": np,
        "os": os,
        "kept": kept,
        "args": from_go(request["args"]),
        "result": None,
    }
    code = compile(textwrap.dedent(request["script"]), "<script>", "exec")
    if request["eager"]:
        exec(code, names)
    else:
        with tf.Graph().as_default():
            exec(code, names)
    return to_go(names["result"])


def answer(message):
    answers.write(json.dumps(message, allow_nan=False) + "\n")
    answers.flush()


def read_requests(requests):
    """Ends the process when the test binary has ended, even while a script runs."""
    for line in sys.stdin:
        requests.put(json.loads(line))
    os._exit(0)


def main():
    requests = queue.Queue()
    threading.Thread(target=read_requests, args=(requests,), daemon=True).start()
    answer({"ready": tf.__version__})
    while True:
        request = requests.get()
        try:
            answer({"id": request["id"], "result": run(request)})
        except BaseException as err:  # a script may raise SystemExit, too
            answer(
                {
                    "id": request["id"],
                    "error": {
                        "type": type(err).__name__,
                        "message": str(err),
                        "traceback": traceback.format_exc(),
                    },
                }
            )


main()

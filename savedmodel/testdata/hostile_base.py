"""What hostile.py and hostile_more.py share, before each of them: their arguments, and the model
that they change.

args: the folder to write into, the model that is changed, a folder outside of the models with
the file secret, and the address of a server. tf, tf1, np, os and args are those of package
oracle."""

import shutil

from tensorflow.core.protobuf import saved_model_pb2

out, base_dir, outside, address = args
secret, victim, everything = outside + "/secret", outside + "/victim", outside + "/*"
result = []


def model():
    sm = saved_model_pb2.SavedModel()
    with open(base_dir + "/saved_model.pb", "rb") as f:
        sm.ParseFromString(f.read())
    return sm


def write(name, sm):
    to = os.path.join(out, name)
    os.makedirs(to)
    for folder in ("variables", "assets"):
        shutil.copytree(os.path.join(base_dir, folder), os.path.join(to, folder))
    with open(to + "/saved_model.pb", "wb") as f:
        f.write(sm.SerializeToString())
    result.append(name)

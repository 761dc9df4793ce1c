"""Random programs that write variables and read them, made from a seed.

A program is a graph of TensorFlow 1, with reference or resource variables and with
control flow of version 1 or 2, or a function of a SavedModel of TensorFlow 2. Its input
"x" has four numbers, and so has its output. It consists of steps: writes of all kinds,
reads, assertions, and branches, loops and called functions that have steps themselves.
What is read goes into the output. In a control program nothing that is written is read
for the output.

All numbers are multiples of small powers of two, so that results are exact, except after
the steps of an optimizer.
"""

import contextlib
import random

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1

# What the programs are run with. The second input fails the assertions.
FEEDS = [[1.0, 2.0, -1.0, 0.5], [-2.0, 0.25, -3.0, 1.0]]


class Var:
    """A variable, its other handles, and what the program may do with it."""

    def __init__(self, kind, var, value, readable, writable):
        self.kind, self.var, self.value = kind, var, value
        self.readable, self.writable = readable, writable
        self.aliases = []  # (what, a function that returns a handle)


class Program:
    def __init__(self, seed, world):
        self.seed, self.world = seed, world
        self.rng = random.Random(f"{world} {seed}")
        self.control = seed % 7 == 3
        self.hard = seed % 4 == 1
        self.loose = seed % 23 == 5  # some reads and writes have no order
        self.exact = True
        self.vars, self.text = [], []
        self.depth, self.where = 0, ""
        self.last = []  # what the next step waits for
        self.names = 0

    def say(self, text):
        self.text.append("  " * self.depth + text)

    def pick(self, *options):
        return self.rng.choice(options)

    def chance(self, p):
        return self.rng.random() < p

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}_of_{self.seed}"

    # Variables

    def make_variables(self):
        kinds = ["f", "f"] + [k for k in "fttilsbg" if self.chance(0.45)]
        for i, kind in enumerate(kinds):
            fixed = self.control and i % 2 == 0
            self.make_variable(kind, readable=not self.control or fixed, writable=not fixed)

    def make_variable(self, kind, readable, writable):
        r = np.random.RandomState(self.rng.randrange(1 << 30))
        value = {
            "f": lambda: r.randint(-8, 8, 4) / 4,
            "t": lambda: r.randint(-8, 8, (5, 4)) / 4,
            "i": lambda: r.randint(0, 3, ()),
            "l": lambda: r.randint(0, 3, ()),
            "s": lambda: np.array(["v%d" % n for n in r.randint(0, 9, 2)], object),
            "b": lambda: np.array(r.rand() < 0.5),
            "g": lambda: r.randint(-8, 8, 3) / 4,
        }[kind]()
        dtype = {"f": tf.float32, "t": tf.float32, "i": tf.int32, "l": tf.int64, "s": tf.string, "b": tf.bool, "g": tf.float32}[kind]
        if kind not in "sb":
            value = value.astype(dtype.as_numpy_dtype)
        name = self.name(kind)
        if self.world == "function":
            shape = tf.TensorShape([None]) if kind == "g" else None
            var = tf.Variable(tf.constant(value, dtype), name=name, shape=shape)
        else:
            zero = tf.constant(np.full(value.shape, b"", object) if kind == "s" else np.zeros(value.shape), dtype)
            if kind == "g":
                zero = tf1.placeholder_with_default(zero, [None])
            # A default that the checkpoint overrides: a freeze that took it would be seen.
            var = tf1.Variable(zero, name=name, dtype=dtype, validate_shape=kind != "g", use_resource=self.world == "resource")
        self.say(f"{name} = {kind} {np.asarray(value).tolist()}{'' if readable else ', never read'}{'' if writable else ', never written'}")
        v = Var(kind, var, value, readable, writable)
        self.vars.append(v)
        self.add_alias(v)
        return v

    def add_alias(self, v):
        if self.world == "function" or v.kind == "g" or not self.chance(0.3):
            return
        if self.chance(0.5):
            shared = v.var.op.name
            if self.world == "resource":
                handle = tf.raw_ops.VarHandleOp(dtype=v.var.dtype, shape=v.var.shape, shared_name=shared, name=self.name("alias"))
            else:
                handle = tf.raw_ops.VariableV2(dtype=v.var.dtype.base_dtype, shape=v.var.shape, shared_name=shared, name=self.name("alias"))
            v.aliases.append(("a second handle of ", handle))
        elif self.world == "resource":
            v.aliases.append(("an Identity of ", tf.identity(v.var.handle, name=self.name("identity"))))
        else:
            v.aliases.append(("a RefIdentity of ", tf.raw_ops.RefIdentity(input=v.var._ref(), name=self.name("identity"))))

    def handle(self, v):
        """A handle or reference of the variable, and what to call it."""
        if v.aliases and self.chance(0.6):
            what, handle = self.pick(*v.aliases)
            return handle, what + v.var.name
        if self.world == "function" and self.chance(0.2):
            return tf.identity(v.var.handle), "an Identity of " + v.var.name
        return (v.var._ref() if self.world == "ref" else v.var.handle), v.var.name

    def some(self, kinds, readable=None, writable=None):
        found = [v for v in self.vars if v.kind in kinds
                 and (readable is None or v.readable == readable) and (writable is None or v.writable == writable)]
        return self.rng.choice(found) if found else None

    # Order

    @contextlib.contextmanager
    def ordered(self):
        """What is made here waits for the steps before it."""
        if self.world == "function":
            yield
        elif self.loose and self.chance(0.4):
            self.say("(no order)")
            yield
        else:
            with tf.control_dependencies(self.last):
                yield

    def done(self, *ops):
        if self.world != "function":
            self.last = [op for op in ops if op is not None]

    # Values

    def operand(self):
        """Four numbers to write."""
        c = self.pick(1.0, 0.5, -1.0, 2.0)
        which = self.pick("x", "x", "acc", "const", "own")
        if which == "x":
            return self.x * c + 1.0, f"x*{c}+1"
        if which == "acc":
            return self.acc * 0.5 + c, f"acc/2+{c}"
        if which == "own":
            # A moving average reads itself for the write.
            v = self.some("f", writable=True)
            if v is not None and not self.loose:
                return (self.read_value(v) - self.x) * 0.5, f"({v.var.name}-x)/2"
        return tf.constant([c, 1.0, -c, 3.0]), f"[{c},1,-{c},3]"

    def read_value(self, v):
        """The whole value, as a plain reading."""
        h, _ = self.handle(v)
        if self.world == "ref":
            return tf.identity(h)
        return tf.raw_ops.ReadVariableOp(resource=h, dtype=v.var.dtype)

    def fold(self, t):
        """Adds a tensor of any kind to the output."""
        if t.dtype.base_dtype == tf.string:
            t = tf.strings.to_hash_bucket_fast(t, 64)
        t = tf.cast(t, tf.float32)
        c = self.pick(1.0, 0.5, 2.0, -1.0)
        if t.shape.rank != 1 or t.shape[0] != 4:
            t = tf.reduce_sum(t, axis=0) if t.shape.rank == 2 else tf.reduce_sum(t)
        self.acc = self.acc + t * c

    # Steps

    def steps(self, n):
        for _ in range(n):
            options = [self.write] * 6 + [self.read] * 3 + [self.check]
            if self.depth < 3:
                options += [self.cond, self.cond, self.case, self.loop, self.loop, self.call]
            if self.depth == 0:
                options += [self.metric, self.optimizer]
            self.rng.choice(options)()

    def write(self):
        v = self.some("fffttilsbg", writable=True)
        if v is None:
            return
        use = self.pick("result", "later", "both", "nothing")
        if self.control:
            use = "nothing"
        with self.ordered():
            result, what = getattr(self, "write_" + {"f": "vector", "t": "table", "i": "counter", "l": "counter",
                                                     "s": "string", "b": "bool", "g": "growing"}[v.kind])(v)
        self.say(f"{what}, {use} used")
        op = result if isinstance(result, tf.Operation) else getattr(result, "op", result)
        is_tensor = isinstance(result, tf.Tensor) and result.dtype != tf.resource
        if use in ("result", "both") and is_tensor:
            self.fold(result)
        # Python changes the order of what is done: the result is read before anything else.
        self.done(op if isinstance(op, tf.Operation) else None, getattr(self.acc, "op", None))
        if use in ("later", "both") or use == "result" and not is_tensor:
            self.read_of(v)

    def assign(self, v, value, how):
        """An assignment through any handle, or the methods of the variable."""
        if v.kind == "g":
            if self.world == "function":
                return v.var.assign(value)
            return tf1.assign(v.var, value, validate_shape=False)
        if self.chance(0.5):
            if self.world == "function":
                return {"assign": v.var.assign, "assign_add": v.var.assign_add, "assign_sub": v.var.assign_sub}[how](value).read_value()
            r = getattr(tf1, how)(v.var, value)
            if self.world == "ref":
                return r
            return tf.convert_to_tensor(r) if self.chance(0.6) else r.op
        h, _ = self.handle(v)
        if self.world == "ref":
            return {"assign": lambda: tf.raw_ops.Assign(ref=h, value=value), "assign_add": lambda: tf.raw_ops.AssignAdd(ref=h, value=value),
                    "assign_sub": lambda: tf.raw_ops.AssignSub(ref=h, value=value)}[how]()
        op = {"assign": tf.raw_ops.AssignVariableOp, "assign_add": tf.raw_ops.AssignAddVariableOp,
              "assign_sub": tf.raw_ops.AssignSubVariableOp}[how]
        return op(resource=h, value=value)

    def write_vector(self, v):
        value, text = self.operand()
        how = self.pick("assign", "assign_add", "assign_add", "assign_sub", "scatter", "nd", "slice", "descent", "momentum")
        if how.startswith("assign"):
            return self.assign(v, value, how), f"{how} {v.var.name} {text}"
        if how == "slice":
            return self.slice_assign(v, value[1:3], lambda s: s[1:3]), f"{v.var.name}[1:3].assign({text}[1:3])"
        if how in ("descent", "momentum"):
            return self.raw_apply(v, value, how), f"{how} {v.var.name} {text}"
        return self.scatter(v, value[:2], how, text, rows=4)

    def write_table(self, v):
        value, text = self.operand()
        how = self.pick("scatter", "scatter", "nd", "slice", "assign_add")
        if how == "assign_add":
            return self.assign(v, tf.stack([value] * 5), how), f"{how} {v.var.name} {text}"
        if how == "slice":
            k = self.rng.randrange(4)
            return self.slice_assign(v, value, lambda s: s[k]), f"{v.var.name}[{k}].assign({text})"
        return self.scatter(v, tf.stack([value, value + 1.0]), how, text, rows=5)

    def slice_assign(self, v, value, of):
        r = of(v.var).assign(value)
        if self.world == "function":
            return None if r is None or isinstance(r, tf.Operation) else tf.convert_to_tensor(r)
        return r

    def scatter(self, v, updates, how, text, rows):
        idx = self.rng.sample(range(rows), 2)
        h, name = self.handle(v)
        if how == "scatter":
            kind = self.pick("Update", "Add", "Sub", "Mul", "Div", "Min", "Max")
            if kind == "Div":
                updates = updates * 0.0 + 2.0
            if kind in ("Add", "Sub", "Min", "Max") and self.chance(0.3):
                idx = [idx[0], idx[0]]
            indices = tf.constant(idx)
            op = f"Scatter{kind}"
        else:
            kind = self.pick("Update", "Add", "Sub")
            indices = tf.constant([[i] for i in idx], self.pick(tf.int32, tf.int64))
            op = f"ScatterNd{kind}"
        what = f"{op} {name} {idx} {text}"
        if self.world == "ref":
            return getattr(tf.raw_ops, op)(ref=h, indices=indices, updates=updates), what
        key = "ref" if how == "nd" else "resource"
        return getattr(tf.raw_ops, "Resource" + op)(**{key: h, "indices": indices, "updates": updates}), what

    def raw_apply(self, v, grad, how):
        h, _ = self.handle(v)
        prefix = "" if self.world == "ref" else "Resource"
        if how == "descent":
            return getattr(tf.raw_ops, prefix + "ApplyGradientDescent")(var=h, alpha=0.5, delta=grad)
        slots = [s for s in self.vars if s.kind == "f" and s.writable and s is not v]
        if not slots:
            return getattr(tf.raw_ops, prefix + "ApplyGradientDescent")(var=h, alpha=0.25, delta=grad)
        slot, _ = self.handle(self.rng.choice(slots))
        return getattr(tf.raw_ops, prefix + "ApplyMomentum")(var=h, accum=slot, lr=0.5, grad=grad, momentum=0.5, use_nesterov=self.chance(0.3))

    def write_counter(self, v):
        if self.world != "function" and self.chance(0.3):
            return tf1.count_up_to(v.var, 1000), f"count_up_to {v.var.name}"
        how = self.pick("assign_add", "assign_add", "assign")
        return self.assign(v, tf.constant(self.pick(1, 2, 5), v.var.dtype.base_dtype), how), f"{how} {v.var.name}"

    def write_string(self, v):
        value = tf.strings.as_string(tf.cast(self.x[:2] * 4.0, tf.int32))
        return self.assign(v, value, "assign"), f"assign {v.var.name} as_string(x)"

    def write_bool(self, v):
        value = tf.reduce_sum(self.acc) > self.pick(-2.0, 0.0, 2.0)
        return self.assign(v, value, "assign"), f"assign {v.var.name} by acc"

    def write_growing(self, v):
        old = v.var.read_value()
        value = tf.concat([old, self.x[:2]], 0)
        return self.assign(v, value, "assign"), f"{v.var.name} grows by x[:2]"

    def read(self):
        v = self.some("fffttilsbg", readable=True)
        if v is None:
            return
        if self.world != "ref" and self.chance(0.2):
            # Read here, used after the next step.
            with self.ordered():
                t = self.read_value(v)
            self.say(f"read {v.var.name}, use it after")
            self.done(t.op if self.world != "function" else None)
            if self.chance(0.7):
                self.write()
            before = self.last
            self.fold(t)
            self.done(*before, getattr(self.acc, "op", None) if self.world != "function" else None)
            return
        self.read_of(v)

    def read_of(self, v):
        with self.ordered():
            h, name = self.handle(v)
            how = "whole"
            if v.kind == "t" and self.chance(0.6):
                how = self.pick("gather", "gather_nd")
                idx = [self.rng.randrange(5), self.rng.randrange(5)]
                if self.world == "ref":
                    t = tf.raw_ops.Gather(params=h, indices=idx) if how == "gather" else tf.raw_ops.GatherNd(params=h, indices=[[i] for i in idx])
                elif how == "gather":
                    t = tf.raw_ops.ResourceGather(resource=h, indices=idx, dtype=tf.float32)
                else:
                    t = tf.raw_ops.ResourceGatherNd(resource=h, indices=[[i] for i in idx], dtype=tf.float32)
            elif v.kind == "f" and self.chance(0.2):
                how = "slice"
                t = v.var.read_value()[self.rng.randrange(4)]
            elif v.kind == "g" or self.chance(0.5):
                t = v.var.read_value()
            else:
                t = self.read_value(v)
            if v.kind == "b" and self.chance(0.5):
                how = "select"
                self.acc = tf.where(t, self.acc, self.x - self.acc)
            else:
                self.fold(t)
        self.say(f"read {name} ({how})")
        self.done(getattr(self.acc, "op", None) if self.world != "function" else None)

    def check(self):
        """An assertion, which the second input fails; some before a write that is dropped."""
        what = self.pick("assert", "numerics", "numerics of a write")
        self.say(what)
        with self.ordered():
            if what == "assert":
                op = tf.debugging.Assert(tf.reduce_sum(self.x) > -1.0, [self.x])
                self.done(*self.last, op)
                return
            checked = tf.debugging.check_numerics(tf.math.sqrt(tf.reduce_sum(self.x) + 1.5) * 0.0 + self.x, "bad")
            v = self.some("f", writable=True)
            if what == "numerics" or v is None:
                self.acc = self.acc + checked
                self.done(getattr(self.acc, "op", None))
                return
            r = self.assign(v, checked, "assign")
            self.done(r if isinstance(r, tf.Operation) else getattr(r, "op", None))

    # Steps that have steps

    def inner(self, n=None, first=()):
        """Runs steps inside a branch, a body or a function, which returns the output so far."""
        self.depth += 1
        self.last = []
        if first and self.chance(0.4):
            self.say("(nothing)")
        else:
            self.steps(n or self.pick(1, 1, 2))
        with self.ordered():
            out = tf.identity(self.acc)
        self.depth -= 1
        return out

    def predicate(self):
        which = self.pick("x", "acc", "variable", "bool")
        if which == "bool":
            v = self.some("b", readable=True)
            if v is not None:
                self.say(f"predicate {v.var.name}")
                return self.read_value(v)
        if which == "variable":
            v = self.some("f", readable=True)
            if v is not None:
                self.say(f"predicate {v.var.name}[0] > 0")
                return self.read_value(v)[0] > 0.0
        if which == "acc":
            self.say("predicate acc")
            return tf.reduce_sum(self.acc) > self.pick(-4.0, 0.0, 4.0)
        self.say("predicate x")
        return self.x[0] > self.pick(-5.0, 0.0, 5.0)

    def branch(self, outer, optional):
        acc, last = self.acc, self.last

        def run():
            self.acc, x = outer, self.x
            self.say("branch:")
            out = self.inner(first=("nothing",) if optional else ())
            self.acc, self.x, self.last = acc, x, last
            return out

        return run

    def cond(self):
        self.say("cond")
        with self.ordered():
            p = self.predicate()
            outer = self.acc
            out = tf.cond(p, self.branch(outer, False), self.branch(outer, True))
        self.acc = out
        self.done(getattr(out, "op", None) if self.world != "function" else None)

    def case(self):
        self.say("case")
        with self.ordered():
            outer = self.acc
            branches = [self.branch(outer, k > 0) for k in range(3)]
            if self.chance(0.5):
                index = tf.cast(tf.abs(self.acc[0]) + self.x[1], tf.int32) % 3
                v = self.some("i", readable=True)
                if v is not None and self.chance(0.5):
                    index = self.read_value(v) % 3
                out = tf.switch_case(index, dict(enumerate(branches)))
            else:
                p, q = self.predicate(), self.predicate()
                out = tf.case([(p, branches[0]), (q, branches[1])], default=branches[2])
        self.acc = out
        self.done(getattr(out, "op", None) if self.world != "function" else None)

    def loop(self):
        counter = None if self.control else self.some("il", readable=True)
        by_variable = counter is not None and self.chance(0.5)
        turns = self.pick(1, 2, 3)
        self.say(f"while {counter.var.name + ' < 6' if by_variable else 'i < %d' % turns}")
        acc, x, last = self.acc, self.x, self.last
        fixed = None
        if not by_variable and self.control and self.chance(0.5):
            fixed = self.some("f", readable=True)

        def goes_on(i, a):
            if by_variable:
                n = tf.cast(self.read_value(counter), tf.int32)
                return (n < 6) & (i < 9) if self.chance(0.6) else n < 6
            if fixed is not None:
                return (i < turns) & (self.read_value(fixed)[0] > -90.0)
            return i < turns

        def body(i, a):
            self.acc, self.last = a, []
            if by_variable:  # an assignment in the body would make the loop endless
                counter.writable = False
            out = self.inner()
            if by_variable:
                counter.writable = True
            self.depth += 1
            self.last = [out.op] if self.world != "function" else []
            if by_variable:
                with self.ordered():
                    r = self.assign(counter, tf.constant(1, counter.var.dtype.base_dtype), "assign_add")
                self.say(f"{counter.var.name} += 1")
                self.done(r if isinstance(r, tf.Operation) else getattr(r, "op", None), out.op if self.world != "function" else None)
            with self.ordered():
                out, i = tf.identity(out), i + 1
            self.depth -= 1
            return i, out

        with self.ordered():
            start = tf.identity(self.acc)
            loose, self.loose = self.loose, False
            _, out = tf.while_loop(goes_on, body, [tf.constant(0), start], parallel_iterations=1)
            self.loose = loose
        self.acc, self.x, self.last = out, x, last
        self.done(getattr(out, "op", None) if self.world != "function" else None)

    def call(self):
        """A called function. Functions cannot take a reference."""
        if self.world == "ref":
            return self.cond()
        how = self.pick("captured", "captured", "argument") if self.world == "function" else self.pick("tf.function", "tf.function", "Defun")
        v = self.some("f", readable=None if not self.control else False, writable=True)
        self.say(f"call a function ({how})")
        acc, x, last = self.acc, self.x, self.last

        def run(a, b, *handles):
            self.acc, self.x = a, b
            world_last, self.last = self.last, []
            if handles:
                with self.ordered():
                    self.say(f"  {v.var.name} += x by argument")
                    op = tf.raw_ops.AssignAddVariableOp(resource=handles[0], value=b)
                    self.done(op)
            out = self.inner()
            self.acc, self.x, self.last = acc, x, world_last
            return out

        with self.ordered():
            if how == "argument" and v is not None:
                out = tf.function(run, autograph=False)(self.acc, self.x, v.var.handle)
                # The variable belongs to the program that calls.
            elif how == "Defun":
                from tensorflow.python.framework import function as defuns

                out = defuns.Defun(tf.float32, tf.float32, func_name=self.name("defun"), noinline=self.chance(0.5))(run)(self.acc, self.x)
                out.set_shape([4])
            else:
                out = tf.function(run, autograph=False)(self.acc, self.x)
        self.acc, self.x, self.last = out, x, last
        self.done(getattr(out, "op", None) if self.world != "function" else None)

    def metric(self):
        """Total and count, as metrics keep them: the mean of all inputs so far."""
        self.say("metric")
        fixed = self.control
        total = self.metric_vars("total", fixed)
        with self.ordered():
            ops = [self.assign(total[0], self.x, "assign_add"), self.assign(total[1], tf.ones([4]), "assign_add")]
        self.done(*[o if isinstance(o, tf.Operation) else getattr(o, "op", None) for o in ops])
        if not fixed:
            with self.ordered():
                self.acc = self.acc + tf.math.divide_no_nan(self.read_value(total[0]), self.read_value(total[1]) * 0.0 + 2.0) + self.read_value(total[1])
            self.done(getattr(self.acc, "op", None) if self.world != "function" else None)

    def metric_vars(self, name, fixed):
        if not hasattr(self, "totals"):
            self.totals = [v for v in self.vars if v.kind == "f" and v.writable][:2]
            if len(self.totals) < 2:
                if self.world == "function":
                    self.totals = [self.totals[0]] * 2
                else:
                    self.totals = [self.make_variable("f", not fixed, True) for _ in range(2)]
        return self.totals

    def optimizer(self):
        """A step of an optimizer that has slots."""
        v = self.some("ft", writable=True)
        if v is None or self.world == "function":
            return self.write()
        name = self.pick("GradientDescent", "Momentum", "Adam", "RMSProp", "Adagrad", "Ftrl", "Adadelta")
        self.say(f"{name} on {v.var.name}")
        self.exact = False
        make = getattr(tf1.train, name + "Optimizer")
        opt = make(0.5, 0.5) if name == "Momentum" else make(0.5)
        shape = [4] if v.kind == "f" else [5, 4]
        grad = tf.broadcast_to(self.x, shape) + 0.5
        if self.chance(0.3):
            grad = tf.IndexedSlices(tf.gather(grad, [1, 2]), tf.constant([1, 2]), tf.constant(shape))
        before = set(tf1.global_variables())
        with self.ordered():
            op = opt.apply_gradients([(grad, v.var)])
        self.slots = getattr(self, "slots", []) + [s for s in tf1.global_variables() if s not in before]
        self.done(op)
        if not self.control:
            self.read_of(v)

    def count(self):
        return self.rng.randint(4, 8) if self.hard else self.rng.randint(1, 4)

    def body(self, x):
        self.x = self.acc = x
        self.steps(self.count())
        if self.control and self.last:
            self.say("the output waits for the last step")
        with self.ordered():
            return tf.identity(self.acc)


def build_graph(seed, world):
    """Builds a program of TensorFlow 1 in the default graph; returns it and its values."""
    p = Program(seed, world)
    if p.chance(0.85 if world == "ref" else 0.5):
        p.say("control flow of version 1")
        tf1.disable_control_flow_v2()
    else:
        tf1.enable_control_flow_v2()
    try:
        x = tf1.placeholder(tf.float32, [4], name="x")
        p.make_variables()
        with tf1.name_scope(p.pick("model", "net")):
            y = p.body(x)
        tf.identity(y, name="y")
    finally:
        tf1.enable_control_flow_v2()
    return p


# Truth

LIMIT = tf1.RunOptions(timeout_in_ms=5000)

# Without the optimizer of graphs. It takes most of the time of a session's first run, and
# a program whose result depends on it has no truth.
PLAIN = tf1.ConfigProto()
PLAIN.graph_options.rewrite_options.disable_meta_optimizer = True


def outcome(run):
    """The output, or the kind of the error."""
    try:
        return np.asarray(run())
    except tf.errors.DeadlineExceededError:
        return "endless"
    except tf.errors.InvalidArgumentError:
        return "InvalidArgument"
    except tf.errors.OpError as err:
        return type(err).__name__


def same(a, b, exact=True):
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    if a.shape != b.shape:
        return False
    return np.array_equal(a, b, equal_nan=True) if exact else np.allclose(a, b, rtol=1e-6, atol=1e-6, equal_nan=True)


def truth(runs, exact):
    """What all runs agree on, as a value; otherwise why there is none."""
    first = runs[0]
    if any(not same(first, r, exact) for r in runs):
        return None, "the runs differ"
    if isinstance(first, str):
        return None, first
    return first, ""


kept_truths = {}  # (world, seed) → (input, output, exact)


def settle(p, again, session, fetch, path, input, output):
    """Finds the truth of a program, and remembers it for judge.

    session(config) is a fresh session with the restored variables. again(x) does the
    same and a run in another way.
    """
    wants, why = [], ""
    for k, x in enumerate(FEEDS):
        runs = []
        if k == 0:
            with session(None) as s:
                runs.append(outcome(lambda: s.run(fetch, {input: x}, LIMIT)))
        runs += [outcome(lambda: again(x)) for _ in range(2)]
        want, reason = truth(runs, p.exact)
        if reason == "InvalidArgument" and k == 1:
            want, reason = reason, ""  # an assertion: the frozen graph has to fail too
        wants.append(None if reason else want)
        if k == 0 and reason:
            why = reason
            break
    kept_truths[p.world, p.seed] = (wants, p.exact)
    return dict(seed=p.seed, world=p.world, control=p.control, text="\n".join(p.text), why=why, path=path, input=input, output=output)


def no_program(seed, world, err):
    return dict(seed=seed, world=world, control=False, text="", why=f"build: {type(err).__name__}: {err}")


def write_graph(seed, world, directory):
    with tf1.Graph().as_default() as g:
        try:
            p = build_graph(seed, world)
        except Exception as err:
            return no_program(seed, world, err)
        r = np.random.RandomState(seed)
        values = [(v.var, v.value) for v in p.vars]
        values += [(s, (r.randint(1, 8, s.shape.as_list()) / 4).astype(np.float32)) for s in getattr(p, "slots", [])]
        saver = tf1.train.Saver([v for v, _ in values])
        prefix = f"{directory}/model"
        with tf1.Session(config=PLAIN) as s:
            s.run([v.initializer for v, _ in values], {v.initializer.inputs[1]: value for v, value in values})
            saver.save(s, prefix, write_state=False)

        def session(config):
            s = tf1.Session(graph=g, config=config)
            saver.restore(s, prefix)
            return s

        def again(x):
            with session(PLAIN) as s:
                return s.run("y:0", {"x:0": x}, LIMIT)

        return settle(p, again, session, "y:0", prefix, "x:0", "y")


def signature(p):
    @tf.function(input_signature=[tf.TensorSpec([4], tf.float32, name=f"x{p.seed}")], autograph=False)
    def f(x):
        return {"y": p.body(x)}

    return f.get_concrete_function()


def write_functions(seeds, directory):
    """Writes programs as the signatures of one SavedModel."""
    model, signatures, programs, out = tf.Module(), {}, [], []
    for seed in seeds:
        p, part = Program(seed, "function"), tf.Module()
        try:
            p.make_variables()
            part.vars = [v.var for v in p.vars]
            signatures[f"p{seed}"] = signature(p)
        except Exception as err:
            out.append(no_program(seed, "function", err))
            continue
        setattr(model, f"part{seed}", part)
        programs.append(p)
    tf.saved_model.save(model, directory, signatures=signatures)
    with tf1.Graph().as_default() as g:
        with tf1.Session(graph=g) as s:
            meta = tf1.saved_model.load(s, ["serve"], directory)
        saver = meta.saver_def

    def session(config):
        s = tf1.Session(graph=g, config=config)
        s.run(saver.restore_op_name, {saver.filename_tensor_name: f"{directory}/variables/variables"})
        return s

    for p in programs:

        def again(x, p=p):
            for v in p.vars:
                v.var.assign(v.value)
            return signatures[f"p{p.seed}"](tf.constant(x))["y"].numpy()

        about = meta.signature_def[f"p{p.seed}"]
        fetch = about.outputs["y"].name
        out.append(settle(p, again, session, fetch, directory, next(iter(about.inputs.values())).name, fetch.split(":")[0]))
    return out


def write(seeds, directory):
    """Writes the programs of some seeds, of all kinds; returns what is known about each."""
    import os

    out, functions = [], []
    for seed in seeds:
        world = ["ref", "resource", "function"][seed % 3]
        if world == "function":
            functions.append(seed)
            continue
        folder = f"{directory}/{seed}"
        os.makedirs(folder)
        out.append(write_graph(seed, world, folder))
    for i in range(0, len(functions), 4):
        out += write_functions(functions[i:i + 4], f"{directory}/functions{i}")
    return out


def judge(world, seed, path, input, output):
    """Runs a frozen graph and compares it: "equal", "endless", or what is wrong."""
    wants, exact = kept_truths[world, seed]
    definition = tf1.GraphDef()
    with open(path, "rb") as f:
        definition.ParseFromString(f.read())
    with tf1.Graph().as_default() as g:
        try:
            tf1.import_graph_def(definition, name="")
        except Exception as err:
            return f"does not load: {err}"
        has_input = any(n.name == input.split(":")[0] for n in definition.node)
        with tf1.Session(graph=g, config=PLAIN if seed % 2 else None) as s:
            for x, want in zip(FEEDS, wants):
                if want is None:
                    continue
                got = outcome(lambda: s.run(output + ":0", {input: x} if has_input else {}, LIMIT))
                if isinstance(got, str) and got == "endless":
                    return got
                if not same(want, got, exact):
                    return f"for {x}: {np.asarray(got).tolist()} instead of {np.asarray(want).tolist()}"
    return "equal"

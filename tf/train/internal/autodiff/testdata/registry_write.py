"""Differentiates the cases in Python. Many of them share a graph, for speed."""

import zlib

GROUP = 30

# Python's gradients of these fail if they get slices.
NO_SLICES = {"TanhGrad", "Svd", "SparseMatMul", "RFFT", "RFFT2D", "MatrixSetDiag", "RGBToHSV"}


def write(tf, np, only=()):
    chosen, seen = [], set()
    for number, c in enumerate(cases(tf, np)):
        if not only or c[0] in only:
            chosen.append((number, *c, c[0] not in seen and c[0] not in NO_SLICES))
        seen.add(c[0])
    groups, failures = [], []
    for start in range(0, len(chosen), GROUP):
        differentiate(tf, np, chosen[start : start + GROUP], groups, failures)
    return {"groups": groups, "failures": failures}


class Case:
    """A function in a graph, and its gradients."""

    def __init__(self, tf, np, number, op, f, specs, kind, rows=False):
        self.tf, self.np, self.op, self.kind = tf, np, op, kind
        self.label = f"{op} {number} {kind}".strip()
        self.rng = np.random.RandomState(zlib.crc32(f"{op} {number}".encode()))
        values = [self.values(*s) for s in specs]
        self.xs = [self.input(v, s[3]) for v, s in zip(values, specs)]
        y = f(*self.xs)
        known = tf.compat.v1.get_default_graph().get_operations()
        assert any(n.type == op for n in known), f"{op} is not in the graph"
        self.ys = [t for t in (y if isinstance(y, (list, tuple)) else [y]) if t.dtype.is_floating or t.dtype.is_complex]
        if rows:  # the gradient of each result is slices, which some operations pass on as slices
            self.ys = [tf.gather(t, list(range(t.shape[0]))) if t.shape.rank and t.shape[0] else t for t in self.ys]

    def values(self, shape, low, high, dtype):
        a = self.rng.uniform(low, high, shape)
        if dtype.startswith("complex"):
            a = a + 1j * self.rng.uniform(low, high, shape)
        return self.np.asarray(a)

    def input(self, value, dtype):
        tf = self.tf
        if dtype == "variable":
            return tf.compat.v1.Variable(value.astype("float32"), use_resource=True)
        x = tf.constant(value, dtype)
        return tf.compat.v1.placeholder_with_default(x, None) if self.kind == "dynamic" else x

    def like(self, t, shape):
        return self.tf.constant(self.values(shape, -1.0, 1.0, t.dtype.name), t.dtype)

    def differentiate(self, shapes):
        tf = self.tf
        self.dys = [self.like(t, shape) for t, shape in zip(self.ys, shapes)]
        self.grads = tf.compat.v1.gradients(self.ys, self.xs, self.dys)
        self.fetch = [tf.convert_to_tensor(g) for g in self.grads if g is not None]

    def second(self):
        """Returns the gradients of the gradients, if Python has them."""
        if self.kind or not self.fetch or any(isinstance(g, self.tf.IndexedSlices) for g in self.grads):
            return None
        other = object.__new__(Case)
        other.__dict__.update(self.__dict__)
        other.kind, other.label = "second", self.label + " second"
        other.ys = self.fetch
        xs, other.xs = self.xs, self.xs + self.dys
        if any(not hasattr(x, "op") or x.dtype.is_integer for x in xs) or any(not y.shape.is_fully_defined() for y in other.ys):
            return None
        try:
            other.differentiate([y.shape.as_list() for y in other.ys])
        except Exception as err:
            return None
        return other if other.fetch else None

    def write(self, values):
        values = list(reversed(values))
        tf, np = self.tf, self.np

        def flat(a):
            a = np.ascontiguousarray(a)
            return (a.view(a.real.dtype) if np.iscomplexobj(a) else a).astype(np.float64).tobytes()

        def name(x):
            return x.name if isinstance(x, tf.Tensor) else x.handle.name

        grads = [
            None if g is None else {"sparse": isinstance(g, tf.IndexedSlices), "dtype": g.dtype.name, "shape": list(values[-1].shape), "values": flat(values.pop())}
            for g in self.grads
        ]
        return {"op": self.op, "label": self.label, "ys": [t.name for t in self.ys], "xs": [name(x) for x in self.xs], "dYs": [t.name for t in self.dys], "grads": grads}


def differentiate(tf, np, chosen, groups, failures):
    """Writes some cases in one graph, or each by itself if one of them fails."""
    tf1 = tf.compat.v1
    with tf1.Graph().as_default() as g:
        done, late = [], []
        try:
            first = []
            for number, op, f, specs, rows in chosen:
                first.append(Case(tf, np, number, op, f, specs, "", rows))
                if all(spec[3] != "variable" for spec in specs):
                    try:
                        first.append(Case(tf, np, number, op, f, specs, "dynamic"))
                    except Exception:
                        pass  # Python needs to know the shapes
            init = tf1.global_variables_initializer()

            def run(fetches):
                with tf1.Session() as s:  # a new one, so that random numbers begin again
                    s.run(init)
                    return s.run(fetches)

            shapes = [[y.shape for y in out] for out in run([c.ys for c in first])]
            for c, shape in zip(first, shapes):
                try:
                    c.differentiate(shape)
                    done.append(c)
                except Exception:
                    if c.kind == "":
                        raise
            late = [c for c in (c.second() for c in done) if c]
            got = run([c.fetch for c in done])
            graph = None
            try:
                more = run([c.fetch for c in late])
            except Exception:
                if len(chosen) > 1:
                    raise
                late, more = [], []
            graph = g.as_graph_def().SerializeToString()
            groups.append({"graph": graph, "init": init.name, "cases": [c.write(v) for c, v in zip(done + late, got + more)]})
            return
        except Exception as err:
            if len(chosen) == 1:
                failures.append(f"{chosen[0][1]} {chosen[0][0]}: {type(err).__name__}: {err}"[:400])
                return
    for start in range(0, len(chosen), max(1, len(chosen) // 5)):
        differentiate(tf, np, chosen[start : start + max(1, len(chosen) // 5)], groups, failures)


def registry(tf):
    """Returns the operations that have a gradient in Python, and those that have none on purpose."""
    from tensorflow.python.framework import ops

    entries = {name: entry["type"] for name, entry in ops.gradient_registry._registry.items()}
    return {"gradients": sorted(n for n, f in entries.items() if f), "stops": sorted(n for n, f in entries.items() if not f)}

"""Text files that lookup tables are filled from, and what TensorFlow makes of them.

write(folder) writes a file and a graph for each case, and returns the entries of the table that
TensorFlow fills, or that it refuses the file. run(folders) runs the frozen graphs, twice in one
session.
"""

import os

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
S, I, J, F, D = tf.string, tf.int64, tf.int32, tf.float32, tf.float64


def cases():
    """Yields name, content, key type and column, value type and column, and more attributes."""
    W, N = -2, -1
    lines = {
        "lf": b"a\nb\nc\n", "no last newline": b"a\nb\nc", "crlf": b"a\r\nb\r\nc\r\n", "cr": b"a\rb\rc", "crlf without the last": b"a\r\nb\r\nc",
        "mixed ends": b"a\r\nb\nc\r", "cr in a line": b"a\rx\nb\n", "two cr": b"a\r\r\nb\n", "blank last line": b"a\nb\n\n", "blank line": b"a\n\nb\n",
        "blank crlf line": b"a\r\n\r\nb\r\n", "empty": b"", "only a newline": b"\n", "bom": b"\xef\xbb\xbfa\nb\n", "same word twice": b"a\nb\na\n", "nul": b"a\x00b\nc\n",
        "spaces": b" a \n b\n", "not utf-8": b"\xff\xfe\na\n", "tabs": b"a\tb\nc\td\n", "one space": b" \na\n", "long line": b"x" * 300000 + b"\ny\n",
        "many lines": b"".join(b"w%d\n" % i for i in range(5000)),
    }
    for name, content in lines.items():
        yield name, content, S, W, I, N, {}
    for size in (1, 2, 3, 4, 0):
        yield "vocab_size %d" % size, b"a\nb\nc\n", S, W, I, N, {"vocab_size": size}
    yield "vocab_size before a blank line", b"a\nb\n\nc\n", S, W, I, N, {"vocab_size": 2}
    yield "vocab_size before the same word", b"a\nb\na\n", S, W, I, N, {"vocab_size": 2}
    for offset in (1, 2, 9):
        yield "offset %d" % offset, b"h\na\nb\n", S, W, I, N, {"offset": offset}
    yield "offset and vocab_size", b"h\na\nb\n", S, W, I, N, {"offset": 2, "vocab_size": 2}
    yield "offset of columns", b"h,1\na,2\n", S, 0, I, 1, {"offset": 1, "delimiter": ","}
    yield "line numbers as keys", b"a\nb\n", I, N, S, W, {}
    yield "numbers as keys", b" 7\n8 \n+9\n-1\n", I, W, I, N, {}
    yield "same number twice", b"1\n01\n", I, W, I, N, {}
    yield "whole line on both sides", b"a\nb\n", S, W, S, W, {}
    yield "whole line as a number", b"1\n2\n", I, N, I, W, {}
    yield "whole line as a float", b"1\n2\n", I, N, F, W, {}
    yield "line number as int32", b"1\n2\n", I, W, J, N, {}
    yield "line number as a string", b"1\n2\n", I, W, S, N, {}
    columns = {
        "columns": b"a,b\nc,d\n", "columns with crlf": b"a,b\r\nc,d\r\n", "more columns": b"a,b,c\nd,e\n", "too few columns": b"a,b\nc\n", "empty columns": b",\n",
        "empty value": b"a,\nb,c\n", "same entry twice": b"a,1\na,1\nb,2\n", "other value": b"a,1\na,2\n", "blank line between columns": b"a,b\n\nc,d\n",
        "other delimiter": b"a;b\nc;d\n", "spaces in columns": b" a , b \n", "quotes": b'"a,b",c\n',
    }
    for name, content in columns.items():
        yield name, content, S, 0, S, 1, {"delimiter": ","}
    yield "columns exchanged", b"a,b\nc,d\n", S, 1, S, 0, {"delimiter": ","}
    yield "third column", b"a,b,c\nd,e,f\n", S, 2, S, 0, {"delimiter": ","}
    yield "same column", b"a,b\nc,d\n", S, 1, S, 1, {"delimiter": ","}
    yield "no such column", b"a,b\nc,d\n", S, 0, S, 5, {"delimiter": ","}
    yield "tabs by default", b"a\t1\nb\t2\n", S, 0, I, 1, {}
    yield "delimiter space", b"a 1\nb 2\n", S, 0, I, 1, {"delimiter": " "}
    numbers = ["1", " 1", "1 ", "+1", "-1", "\t1\t", "\v1\f", "1.0", "0x10", "010", "2147483647", "2147483648", "-2147483649", "9223372036854775807",
               "9223372036854775808", "-9223372036854775808", "", " ", "1e3", "inf", "-INF", "+infinity", "NaN", "-nan", "1e400", "-1e400", "1e-400", "0x1p3", "0X1.8p1",
               "1_0", "1f", ".5", "5.", "+.5", "--1", "+-1", "+ 1", "1e39", "3.4028236e38", "16777217", "-0", "1d0", "true", "1\0", "1\x00x", "1e-46", "1e-45", "0.1",
               "1.17549429e-38", "1e", "e1", ".", "+", "0x", "1 2", "１", "99999999999999999999999999", "1e5000", "123456789.123456789", "nan(1)", "0x1_0"]
    for i, n in enumerate(numbers):
        for dt in (J, I, F, D):
            yield "%s of %r" % (dt.name, n), b"k|" + n.encode() + b"\nl|1\n", S, 0, dt, 1, {"delimiter": "|"}


def entries(keys, values):
    return sorted([repr(k), repr(v)] for k, v in zip(keys.tolist(), values.tolist()))


def write(folder):
    done = []
    for i, (name, content, kt, kc, vt, vc, attrs) in enumerate(cases()):
        path = os.path.join(folder, str(i))
        os.mkdir(path)
        with open(path + "/words.txt", "wb") as f:
            f.write(content)
        with tf.Graph().as_default() as g, tf1.Session() as s:
            entry = {"name": name, "dir": path, "refused": "", "entries": []}
            table = tf.raw_ops.HashTableV2(key_dtype=kt, value_dtype=vt, name="table")
            export = tf.raw_ops.LookupTableExportV2(table_handle=table, Tkeys=kt, Tvalues=vt, name="export")
            try:
                init = tf.raw_ops.InitializeTableFromTextFileV2(table_handle=table, filename=path + "/words.txt", key_index=kc, value_index=vc, **attrs)
                with open(path + "/graph.pb", "wb") as f:
                    f.write(g.as_graph_def().SerializeToString())
                s.run(init)
                entry["entries"] = entries(*s.run(export))
            except Exception as e:
                entry["refused"] = repr(e)[:200]
            done.append(entry)
    return done


def run(folders):
    results = []
    for path in folders:
        with tf.Graph().as_default(), tf1.Session() as s:
            try:
                with open(path + "/frozen.pb", "rb") as f:
                    tf.import_graph_def(tf1.GraphDef.FromString(f.read()), name="")
                got = [entries(*s.run(["export:0", "export:1"])) for _ in range(2)]
                results.append({"error": "" if got[0] == got[1] else "the second run differs", "entries": got[0]})
            except Exception as e:
                results.append({"error": repr(e)[:300], "entries": []})
    return results

package autodiff_test

import "testing"

// models are differentiated in Go and by Python's tf.gradients.
var models = []struct{ name, script string }{
	{"one layer", `
w, b = v("w", 4, 3), v("b", 3)
y = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=tf.one_hot([0, 2], 3), logits=tf.matmul(feed(values(2, 4)), w) + b))
xs = [w, b]`},
	{"multilayer perceptron", `
w1, b1, w2, b2 = v("w1", 6, 8), v("b1", 8), v("w2", 8, 3), v("b2", 3)
x = feed(values(5, 6), shape=[None, 6])
h = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, w1), b1))
y = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=tf.one_hot(feed([0, 1, 2, 1, 0], np.int64), 3), logits=tf.matmul(h, w2) + b2))
xs = [w1, b1, w2, b2, h]`},
	{"sparse cross entropy", `
w1, b1, w2, b2 = v("w1", 6, 8), v("b1", 8), v("w2", 8, 3), v("b2", 3)
h = tf.nn.tanh(tf.matmul(feed(values(5, 6)), w1) + b1)
y = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=feed([0, 1, 2, 1, 0], np.int64), logits=tf.matmul(h, w2) + b2))
xs = [w1, b1, w2, b2]`},
	{"reference variables", `
ref = True
w, b = v("w", 6, 3), v("b", 3)
y = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 1], logits=tf.matmul(f(2, 6), w) + b))
xs = [w, b]`},
	{"weight decay beside a rule", `
w1, w2 = v("w1", 6, 8), v("w2", 8, 3)
h = tf.sigmoid(tf.matmul(f(4, 6), w1))
y = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 1, 2, 0], logits=tf.matmul(h, w2)))
y += 0.01 * tf.nn.l2_loss(w1) + 0.02 * tf.reduce_sum(tf.abs(w2))
xs = [w1, w2]`},
	{"convolution and max pool", `
k1, k2, w = v("k1", 3, 3, 1, 4), v("k2", 3, 3, 4, 4), v("w", 16, 3)
x = tf.reshape(feed(values(2, 64), shape=[None, 64]), [-1, 8, 8, 1])
h = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, k1, 1, "SAME")), 2, 2, "VALID")
h = tf.nn.avg_pool2d(tf.nn.elu(tf.nn.conv2d(h, k2, 1, "SAME")), 2, 2, "VALID")
y = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 2], logits=tf.matmul(tf.reshape(h, [-1, 16]), w)))
xs = [k1, k2, w, x]`},
	{"embedding", `
table, w = v("table", 7, 4), v("w", 4, 3)
ids = feed([[1, 2, 2], [0, 6, 1]], np.int32)
h = tf.reduce_mean(tf.nn.embedding_lookup(table, ids), 1)
y = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 2], logits=tf.matmul(h, w)))
xs = [table, w]`},
	{"embedding in a reference variable", `
ref = True
table = v("table", 7, 4)
h = tf.nn.embedding_lookup(table, tf.identity(feed([1, 2, 2], np.int64)))
y = tf.reduce_sum(h * h)
xs = [table]`},
	{"gather of the read value", `
table = v("table", 7, 4)
y = tf.reduce_sum(tf.square(tf.gather(tf.convert_to_tensor(table), [1, 5, 1])))
xs = [table]`},
	{"gather along another axis", `
table = v("table", 4, 7)
y = tf.reduce_sum(tf.square(tf.gather(table, [1, 5, 1], axis=1)))
xs = [table]`},
	{"gather of an activation", `
w = v("w", 4, 3)
h = tf.matmul(f(6, 4), w)
y = tf.reduce_sum(tf.square(tf.gather(h, [1, 5, 1])))
xs = [w]`},
	{"slices of an activation", `
h = tf.matmul(f(6, 4), f(4, 3))
y = tf.reduce_sum(tf.square(tf.gather(h, [1, 5, 1])))
xs = [h]`},
	{"gather, first version", `
table = v("table", 7, 2, 3)
y = tf.reduce_sum(tf.square(tf.raw_ops.Gather(params=table, indices=[[1, 5], [1, 0]])))
xs = [table]`},
	{"two lookups in one table", `
table = v("table", 7, 4)
a = tf.nn.embedding_lookup(table, feed([1, 2, 2], np.int32))
b = tf.nn.embedding_lookup(table, feed([2, 0], np.int64))
y = tf.reduce_sum(a * a) + tf.reduce_sum(tf.exp(b))
xs = [table]`},
	{"tied embedding", `
table = v("table", 7, 4)
h = tf.tanh(tf.nn.embedding_lookup(table, feed([1, 2, 2], np.int32)))
y = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 2, 6], logits=tf.matmul(h, table, transpose_b=True)))
xs = [table]`},
	{"table of unknown row shape", `
table = tf1.placeholder_with_default(values(5, 2), [None, None])
y = tf.reduce_sum(tf.square(tf.gather(table, [1, 4, 1])))
xs = [table]`},
	{"embedding bag", `
table = v("table", 7, 4)
a = tf.sparse.segment_mean(tf.convert_to_tensor(table), [1, 2, 2, 6], [0, 0, 1, 1])
b = tf.sparse.segment_sum(tf.convert_to_tensor(table), [1, 2, 2, 6], [0, 0, 1, 1])
c = tf.sparse.segment_sqrt_n(tf.convert_to_tensor(table), [0, 2, 2, 6], [0, 0, 1, 1])
y = tf.reduce_sum(a * b + c)
xs = [table]`},
	{"batch norm, fused, training", `
k, scale, offset = v("k", 3, 3, 1, 4), v("scale", 4), v("offset", 4)
h = tf.nn.conv2d(f(2, 6, 6, 1), k, 1, "SAME")
h, mean, var = tf1.nn.fused_batch_norm(h, scale, offset, is_training=True)
y = tf.reduce_mean(tf.square(tf.nn.relu(h) - 0.3))
xs = [k, scale, offset]`},
	{"batch norm, fused, older versions", `
k, scale, offset = v("k", 3, 3, 1, 4), v("scale", 4), v("offset", 4)
h = tf.nn.conv2d(f(2, 6, 6, 1), k, 1, "SAME")
h = tf.raw_ops.FusedBatchNorm(x=h, scale=scale, offset=offset, mean=[], variance=[], epsilon=0.001).y
h = tf.raw_ops.FusedBatchNormV2(x=tf.nn.relu(h), scale=scale, offset=offset, mean=values(4), variance=np.ones(4, np.float32), epsilon=0.001, is_training=False).y
y = tf.reduce_mean(tf.square(h - 0.3))
xs = [k, scale, offset]`},
	{"batch norm by hand", `
w, scale, offset = v("w", 4, 3), v("scale", 3), v("offset", 3)
h = tf.matmul(f(6, 4), w)
mean, var = tf.nn.moments(h, [0])
y = tf.reduce_sum(tf.tanh(tf.nn.batch_normalization(h, mean, var, offset, scale, 1e-3)) * f(6, 3))
xs = [w, scale, offset]`},
	{"dropout with a fed mask", `
w1, w2 = v("w1", 4, 6), v("w2", 6, 2)
h = tf.nn.relu(tf.matmul(f(3, 4), w1)) * feed([[1, 0, 1, 1, 0, 1]]) / 0.5
y = tf.reduce_sum(tf.square(tf.matmul(h, w2)))
xs = [w1, w2]`},
	{"dropout with a seeded random op", `
w1 = v("w1", 4, 6)
h = tf.matmul(f(3, 4), w1)
keep = tf.random.stateless_uniform(tf.shape(h), [1, 2]) >= 0.5
y = tf.reduce_sum(tf.square(tf.where(keep, h, tf.zeros_like(h)) / 0.5))
xs = [w1]`},
	{"shared weights and a diamond", `
w = v("w", 4, 4)
h = tf.tanh(tf.matmul(f(3, 4), w))
h = h + tf.sigmoid(tf.matmul(h, w)) * h
y = tf.reduce_sum(h) + tf.reduce_sum(h * h)
xs = [w, h]`},
	{"skip connection around a rule", `
w = v("w", 4, 4)
h = tf.tanh(tf.matmul(f(3, 4), w))
n = tf.identity_n([h, h * 2.0])
y = tf.reduce_sum(h * n[0] + n[1] * tf.exp(h))
xs = [w, h]`},
	{"many rules in a chain", `
w = v("w", 4, 4)
h = tf.matmul(f(3, 4), w)
for i in range(6):
    h = tf.raw_ops.Concat(concat_dim=0, values=[h, tf.tanh(tf.matmul(h, w))])
    h = tf.identity_n([h + 0.1 * h])[0][1:, :]
y = tf.reduce_sum(h * h)
xs = [w]`},
	{"concat of both versions", `
a, b = v("a", 2, 3), v("b", 2, 5)
y = tf.reduce_sum(tf.square(tf.raw_ops.Concat(concat_dim=1, values=[a, b])) * tf.concat([b, a], 1))
xs = [a, b]`},
	{"split, one part used", `
w = v("w", 4, 6)
p = tf.split(w, 3, axis=1)
y = tf.reduce_sum(p[1] * p[1]) + tf.reduce_sum(tf.unstack(w)[2])
xs = [w]`},
	{"stop gradient", `
w, u = v("w", 4, 4), v("u", 4, 4)
a = tf.tanh(tf.matmul(f(3, 4), w))
y = tf.reduce_sum(tf.square(tf.stop_gradient(tf.sin(a)) * 3.0 - tf.matmul(a, w))) + tf.reduce_sum(tf.stop_gradient(u))
xs = [w, u, a]`},
	{"no influence", `
w, u = v("w", 4, 4), v("u", 4, 4)
y = tf.reduce_sum(w)
xs = [u, w]`},
	{"influence through integers only", `
w, u = v("w", 4, 4), v("u", 4, 4)
rounded = tf.cast(tf.cast(w * 10.0, tf.int32) + 1, tf.float32)
y = tf.reduce_sum(rounded * u) + tf.reduce_sum(tf.cast(tf.argmax(w), tf.float32))
xs = [w, u]`},
	{"integers beside a true path", `
w = v("w", 4, 4)
h = tf.matmul(f(3, 4), w)
y = tf.reduce_sum(h * tf.cast(tf.cast(h * 10.0, tf.int32), tf.float32)) + tf.reduce_sum(tf.one_hot(tf.argmax(h, 1), 4) * h)
y += tf.reduce_sum(tf.ones_like(h) - tf.exp(h) + tf.math.ceil(h) * h)
xs = [w]`},
	{"shapes taken from values", `
w = v("w", 4, 6)
x = feed(values(5, 4), shape=[None, 4])
h = tf.matmul(x, w)
h = tf.reshape(h, tf.stack([tf.shape(h)[0] * 2, 3]))
y = tf.reduce_sum(tf.square(h)) / tf.cast(tf.shape(h)[0], tf.float32)
xs = [w, x]`},
	{"function call", `
w = v("w", 3, 4)
h = tf.function(lambda a: tf.tanh(a) * a)(tf.convert_to_tensor(w))
y = tf.reduce_sum(h * h)
xs = [w]`},
	{"part of a dynamic partition", `
w = v("w", 3, 4)
y = tf.reduce_sum(tf.square(tf.dynamic_partition(w, [0, 1, 0], 2)[0]))
xs = [w]`},
	{"several ys, one an x", `
w = v("w", 4, 4)
h = tf.tanh(tf.matmul(f(3, 4), w))
y = [h, tf.reduce_sum(h * h), tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 1, 2], logits=h))]
xs = [h, w]`},
	{"the loss itself", `
w = v("w", 2, 2)
y = tf.reduce_sum(w * w)
xs = [y, w]`},
	{"float64", `
w = tf1.Variable(values(4, 3).astype(np.float64), use_resource=True)
y = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 1], logits=tf.matmul(tf.cast(f(2, 4), tf.float64), w)))
xs = [w]`},
	{"layer norm, gelu, attention", `
wq, wk, wv, g = v("wq", 4, 4), v("wk", 4, 4), v("wv", 4, 4), v("g", 4)
x = f(5, 4)
a = tf.nn.softmax(tf.matmul(tf.matmul(x, wq), tf.matmul(x, wk), transpose_b=True) / 2.0)
h = x + tf.matmul(a, tf.matmul(x, wv))
m, s = tf.nn.moments(h, [-1], keepdims=True)
h = (h - m) * tf.math.rsqrt(s + 1e-5) * g
h = 0.5 * h * (1.0 + tf.math.erf(h / math.sqrt(2.0)))
y = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 1, 2, 3, 0], logits=h))
xs = [wq, wk, wv, g]`},
	{"recurrent, unrolled", `
w, u, table = v("w", 8, 16), v("b", 16), v("table", 9, 4)
h = c = tf.zeros([2, 4])
y = 0.0
for step in range(4):
    x = tf.nn.embedding_lookup(table, feed([step, 8 - step], np.int32))
    i, j, o, k = tf.split(tf.matmul(tf.concat([x, h], 1), w) + u, 4, axis=1)
    c = tf.sigmoid(k) * c + tf.sigmoid(i) * tf.tanh(j)
    h = tf.sigmoid(o) * tf.tanh(c)
    y += tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[step, 0], logits=h))
xs = [w, u, table]`},
	{"three dimensions", `
k = v("k", 2, 2, 2, 1, 2)
h = tf.nn.conv3d(f(1, 4, 4, 4, 1), k, [1, 1, 1, 1, 1], "SAME")
y = tf.reduce_sum(tf.square(h))
xs = [k]`},
	{"rare functions", `
w = v("w", 3, 4)
y = tf.reduce_sum(tf.math.erfc(w)) + tf.reduce_sum(tf.quantization.fake_quant_with_min_max_args(w * w, -1, 1))
y += tf.reduce_sum(tf.quantization.fake_quant_with_min_max_vars(w, -0.5, 0.5) * w) + tf.reduce_sum(tf.ensure_shape(w, [None, 4]) * 3.0)
y += tf.reduce_sum(tf.raw_ops.AccumulateNV2(inputs=[w * w, w], shape=[3, 4])) + tf.reduce_sum(tf.raw_ops.BiasAddV1(value=w, bias=w[0]))
y += tf.reduce_sum(tf1.placeholder_with_default(w * 2.0, [None, 4]) ** 2)
xs = [w]`},
	{"second derivative of sparse cross entropy", `
w = v("w", 2, 3)
g = tf1.gradients(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 1], logits=w * w), [w])[0]
y = tf.reduce_sum(g * g)
xs = [w]`},
	{"slices through sums and identities", `
table, other = v("table", 5, 3), v("other", 5, 3)
a, b = tf.convert_to_tensor(table), tf.convert_to_tensor(other)
both = tf.add_n([tf.identity(a), -b, a]) + a - b
y = tf.reduce_sum(tf.square(tf.gather(tf.identity(both), [1, 4, 1]))) + tf.reduce_sum(tf.square(tf.gather(a, [2, 1])))
xs = [table, other]`},
	{"slices and a dense gradient", `
table = v("table", 5, 3)
a = tf.identity(table)
y = tf.reduce_sum(tf.square(tf.gather(a, [1, 4, 1]))) + tf.reduce_sum(tf.square(a)) + tf.reduce_sum(tf.gather(a * 2.0, [0]))
xs = [table, a]`},
	{"gradients of gradients", `
w = v("w", 4, 3)
x = feed(values(2, 4))
h = tf.nn.relu(tf.nn.bias_add(tf.matmul(tf.sigmoid(tf.tanh(tf.matmul(x, w))), tf.transpose(w)), values(4)))
g = tf1.gradients(tf.reduce_sum(h * h), [x, w])
y = tf.reduce_sum(tf.square(g[0])) + tf.reduce_sum(tf.square(g[1]))
xs = [w]`},
}

func TestGradientsMatchPython(t *testing.T) {
	for _, tt := range models {
		t.Run(tt.name, func(t *testing.T) { sameGradients(t, pythonModel(t, tt.script)) })
	}
}

package autodiff_test

import (
	"fmt"
	"strings"
	"testing"
)

// functions are everyday functions of w with the shape [3, 4], w3 with [2, 3, 4] and w4 with
// [2, 4, 4, 3]. Their gradients must be those of Python.
const functions = `
tf.abs(w)
tf.acos(w * 0.5)
tf.acosh(w + 2.0)
tf.asin(w * 0.5)
tf.asinh(w)
tf.atan(w)
tf.atan2(w, w[0] + 2.0)
tf.atanh(w * 0.5)
tf.cos(w) * tf.sin(w) + tf.tan(w * 0.5)
tf.cosh(w) * tf.sinh(w)
tf.exp(w) + tf.math.expm1(w)
tf.math.log(tf.abs(w) + 0.1) + tf.math.log1p(tf.square(w))
tf.math.lgamma(tf.abs(w) + 1.0)
tf.math.erf(w) + tf.math.erfinv(w * 0.5)
tf.math.reciprocal(w + 2.0) + tf.math.rsqrt(w + 2.0) + tf.sqrt(w + 2.0)
tf.sign(w) * w - tf.negative(w)
tf.sigmoid(w) * tf.tanh(w)
tf.nn.relu(w) + tf.nn.relu6(w * 10.0) + tf.nn.leaky_relu(w, 0.3)
tf.nn.elu(w) + tf.nn.selu(w)
tf.nn.softplus(w) + tf.nn.softsign(w)
tf.nn.softmax(w) * w + tf.nn.log_softmax(w)
w * tf.sigmoid(w)
tf.nn.gelu(w)
w + w[0] + w[:, :1]
w - w[:, 1:2] * 3.0
w * w[1]
w / (w[1] + 2.0)
tf.math.divide_no_nan(w, w[1:2] - w[1:2])
tf.pow(tf.abs(w) + 0.1, w[0])
tf.pow(w, 3.0)
tf.maximum(w, w[1]) + tf.minimum(w, 0.2)
tf.math.squared_difference(w, w[1])
tf.add_n([w, w * w, w])
tf.clip_by_value(w, -0.3, 0.4) * w
tf.clip_by_norm(w, 0.5)
tf.cast(tf.cast(w, tf.float64) * 2.0, tf.float32) * w
tf.reduce_sum(w, 1) * tf.reduce_sum(w, 1)
tf.reduce_mean(w * w, [0, 1], keepdims=True)
tf.reduce_max(w, 0) + tf.reduce_min(w, 0)
tf.reduce_max(w, 1, keepdims=True) * w
tf.reduce_prod(w + 1.0, 1)
tf.reduce_logsumexp(w, 1)
tf.math.reduce_std(w, 1)
tf.linalg.norm(w, axis=1)
tf.nn.l2_normalize(w, 1)
tf.nn.l2_loss(w)
tf.matmul(w, w, transpose_b=True)
tf.matmul(w, w, transpose_a=True)
tf.matmul(w3, w3, transpose_b=True) * tf.matmul(w3, w3, adjoint_b=True)
tf.matmul(w3, w[:, :2], transpose_a=True)
tf.einsum("bij,kj->bik", w3, w)
tf.linalg.band_part(w, 1, 0) * w
tf.linalg.diag(w) * 2.0
tf.linalg.diag_part(w) * 2.0
tf.linalg.diag_part(w3, k=1) * 2.0
tf1.diag(w[0]) * 2.0
tf.transpose(w3, [2, 0, 1]) * 2.0
tf.reshape(w, [2, -1])
tf.expand_dims(w, 1) * tf.squeeze(tf.expand_dims(w, 0), 0)
tf.concat([w, w * w], 1)
tf.stack([w, w * w], 1)
tf.unstack(w, axis=1)[2] * w[:, 0]
tf.split(w, 2, axis=1)[1][:2] * tf.split(w, [1, 2], axis=0)[1][:, :2]
tf.tile(w, [2, 3]) * 2.0
tf.broadcast_to(w[0], [5, 4]) * 3.0
tf.pad(w, [[1, 2], [0, 1]])
tf.pad(w, [[1, 2], [0, 1]], "REFLECT")
tf.pad(w, [[1, 2], [0, 1]], constant_values=3.0)
tf.slice(w, [1, 0], [2, 3])
w[::2, ::-1] * w[0:2, tf.newaxis, 1][0]
tf.reverse(w, [1]) * w
tf.roll(w, 1, 0) * w
tf.where(w > 0.1, w * w, w[0])
tf1.where(w > 0.1, w * w, w)
tf.gather(w * 2.0, [0, 2, 2])
tf.gather(w, [1, 1], axis=1)
tf.gather(w3, [[0, 1], [2, 0]], axis=1, batch_dims=1)
tf.gather_nd(w, [[0, 1], [2, 3], [0, 1]])
tf.scatter_nd([[1], [3]], w[:2], [5, 4])
tf.math.unsorted_segment_sum(w, [1, 0, 1], 3)
tf.math.unsorted_segment_max(w, [1, 0, 1], 2)
tf.math.segment_sum(w, [0, 0, 1])
tf.dynamic_stitch([[0, 2], [1]], [w[:2], w[2:]])
tf.concat(tf.dynamic_partition(w, [0, 1, 0], 2), 0)
tf.cumsum(w, 1, exclusive=True, reverse=True)
tf.one_hot([1, 2, 0], 4) * w
tf.sequence_mask([1, 2, 3], 4, tf.float32) * w
tf.reverse_sequence(w, [1, 3, 2], seq_axis=1)
tf.nn.conv2d(w4, k, [1, 2, 1, 1], "SAME")
tf.nn.conv2d(w4, k, 1, "VALID")
tf.nn.conv2d(w4, k, 1, [[0, 0], [1, 0], [0, 1], [0, 0]])
tf.nn.conv2d(w4, k, 1, "SAME", dilations=2)
tf.nn.conv2d_transpose(w4, tf.reshape(w3, [2, 2, 2, 3]), [2, 8, 8, 2], 2, "SAME")
tf.nn.depthwise_conv2d(w4, tf.expand_dims(w4[0, :2, :2, :], -1), [1, 1, 1, 1], "SAME")
tf.nn.depthwise_conv2d(w4, k, [1, 1, 1, 1], [[0, 0], [1, 0], [0, 1], [0, 0]])
tf.nn.conv2d_transpose(w4, tf.reshape(w3, [2, 2, 2, 3]), [2, 4, 4, 2], 1, [[0, 0], [1, 0], [0, 1], [0, 0]])
tf.nn.depthwise_conv2d(w4, k, [1, 1, 1, 1], "VALID", dilations=[2, 2])
tf.nn.conv2d_transpose(w4, tf.reshape(w3, [2, 2, 2, 3]), [2, 6, 6, 2], 1, "VALID", dilations=2)
tf.nn.max_pool2d(w4, 3, 2, [[0, 0], [1, 1], [1, 0], [0, 0]])
tf.image.resize(w4, [7, 5])
tf.image.resize(w4, [7, 5], "nearest")
tf.image.resize(w4, [7, 5], "bicubic")
tf1.image.resize_bilinear(w4, [7, 5], align_corners=True)
tf.pad(w, [[1, 2], [0, 1]], "SYMMETRIC")
tf.nn.lrn(w4, 2, 1.5, 0.5, 0.7)
tf.nn.max_pool3d(tf.expand_dims(w4, -1), 2, 1, "SAME")
tf.nn.avg_pool3d(tf.expand_dims(w4, -1), 2, 1, "VALID")
tf1.nn.fused_batch_norm(w4, w[:, 0], w[:, 1], epsilon=0.1)[0] * w4
tf.cumsum(w3, 2)
tf.cumsum(w3, -2, reverse=True)
tf.einsum("ij,ij->", w, w) * tf.einsum("bij->ji", w3)
tf.matmul(w3, w3, transpose_a=True) * 2.0
tf.where([True, False, True], w[:, :3], w[:, 1:])
tf.nn.max_pool2d(w4, 2, 2, "SAME")
tf.nn.avg_pool2d(w4, 3, 2, "SAME")
tf.nn.bias_add(w4, w[:, 0])
tf.nn.lrn(w4)
tf1.image.resize_bilinear(w4, [7, 5])
tf1.image.resize_nearest_neighbor(w4, [6, 8])
tf1.image.resize_bicubic(w4, [5, 5])
tf.nn.space_to_depth(w4, 2)
tf.nn.depth_to_space(tf.concat([w4, w4[..., :1]], -1), 2)
tf.space_to_batch_nd(w4, [2, 2], [[0, 0], [0, 0]])
tf1.nn.fused_batch_norm(w4, w[:, 0], w[:, 1])[0] * w4
tf1.nn.fused_batch_norm(w4, w[:, 0], w[:, 1], w[:, 2], tf.abs(w[:, 3]), is_training=False)[0]
tf.nn.softmax_cross_entropy_with_logits(labels=tf.nn.softmax(w * 2.0), logits=w)
tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.ones_like(w), logits=w)
tf1.losses.huber_loss(tf.ones_like(w), w)
tf1.losses.mean_squared_error(w[0:2], w[1:3])
tf1.losses.cosine_distance(tf.ones_like(w), w, axis=1)
tf.nn.dropout(w, 0.0)
tf.stop_gradient(w) * w
tf.debugging.check_numerics(w, "") * w
tf.math.real(tf.complex(w, w * 2.0)) + tf.math.imag(tf.complex(w, w * 2.0))
tf.fill([2, 3], w[0, 0])
tf.image.crop_and_resize(w4, [[0.1, 0.2, 0.8, 0.9]], [1], [3, 3])
tf.nn.embedding_lookup(w, [[0, 1], [1, 2]]) * tf.nn.embedding_lookup(w, [2])
tf.nn.moments(w, [1])[1]
tf.math.ceil(w) * w + tf.floor(w) * w + tf.round(w) * w
tf.math.atan2(w[0] + 2.0, w)
tf.gather_nd(w, [[0], [2], [0]])
tf.gather_nd(w * 2.0, [[0, 1], [2, 3], [0, 1]])
tf.math.multiply_no_nan(w, w[0])
tf.math.xlogy(w[0], tf.abs(w) + 0.1)
tf.math.floormod(w, w[0] + 2.0)
`

func TestFunctionsMatchPython(t *testing.T) {
	all := strings.Split(strings.TrimSpace(functions), "\n")
	const group = 12 // in one model, for speed; -v prints them
	for start := 0; start < len(all); start += group {
		some := all[start:min(start+group, len(all))]
		t.Run(fmt.Sprint(start), func(t *testing.T) {
			t.Log(strings.Join(some, "\n"))
			sameGradients(t, pythonModel(t, `
w, w3, w4 = v("w", 3, 4), v("w3", 2, 3, 4), v("w4", 2, 4, 4, 3)
k = tf.reshape(w3, [2, 2, 3, 2])
y = 0.0
for out in [
`+strings.Join(some, ",\n")+`]:
    out = tf.cast(out, tf.float32)
    y += tf.reduce_sum(out * tf.reshape(tf.cos(tf.cast(tf.range(tf.size(out)), tf.float32)), tf.shape(out)))
xs = [w, w3, w4]`))
		})
	}
}

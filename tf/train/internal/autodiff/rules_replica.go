package autodiff

// The rules of operations between the replicas of a model and of those that only mark a tensor, as
// in tensorflow/python/tpu/ops/tpu_ops.py, compiler/tf2xla/python/xla.py and python/debug. Their
// kernels are for TPUs and XLA; the gradient is made of the same operations.

func init() {
	addRules(map[string]rule{
		"AllToAll": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			a["split_dimension"], a["concat_dimension"] = a["concat_dimension"], a["split_dimension"]
			return grads(b.one("AllToAll", a, grad, n.x(1)))
		}, "split_dimension", "concat_dimension", "split_count"),
		"CollectivePermute": formula(func(b *builder, n *node, grad output) []Gradient {
			backward := b.one("StridedSlice", attrs{"begin_mask": int64(3), "end_mask": int64(3)}, n.x(1), b.int32s(0, 0), b.int32s(0, 0), b.int32s(1, -1))
			return grads(b.one("CollectivePermute", nil, grad, backward))
		}),
		"CrossReplicaSum": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("CrossReplicaSum", nil, grad, n.x(1)))
		}),

		"XlaSharding": withAttrs(func(b *builder, _ *node, a attrs, grad output) []Gradient {
			a["_XlaSharding"] = a["sharding"]
			return grads(b.one("XlaSharding", a, grad))
		}, "sharding", "unspecified_dims"),
		"XlaSpmdFullToShardShape": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			a["full_shape"] = n.x(0).Shape()
			return grads(b.one("XlaSpmdShardToFullShape", a, grad))
		}, "manual_sharding", "dim", "unspecified_dims"),
		"XlaSpmdShardToFullShape": withAttrs(func(b *builder, _ *node, a attrs, grad output) []Gradient {
			return grads(b.one("XlaSpmdFullToShardShape", a, grad))
		}, "manual_sharding", "dim", "unspecified_dims"),

		// Python's debugger notes the gradient in its process; the numbers are those of an identity.
		"DebugGradientIdentity": passThrough, "DebugGradientRefIdentity": passThrough, "DebugIdentityV2": passThrough,

		"CompositeTensorVariantFromComponents": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.several("CompositeTensorVariantToComponents", a, len(n.in), grad)...)
		}, "metadata", "Tcomponents"),
		"CompositeTensorVariantToComponents": compositeFromComponents,
	})
}

// compositeFromComponents takes the components themselves where they have no gradient, as indices
// have none.
func compositeFromComponents(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "metadata", "Tcomponents")
	if err != nil {
		return nil, err
	}
	components := make([]output, len(dy))
	for i := range components {
		if components[i] = n.y(i); !dy[i].IsNone() {
			components[i] = b.dense(dy[i])
		}
	}
	return one(b.one("CompositeTensorVariantFromComponents", a, list(components...))), b.Err()
}

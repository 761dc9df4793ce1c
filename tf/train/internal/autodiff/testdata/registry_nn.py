def layers(tf, np, case, any_, pos, f64):
    """Operations of neural networks and of images."""
    raw, nn = tf.raw_ops, tf.nn
    for op in ("Softmax", "LogSoftmax"):
        case(op, lambda x, op=op: getattr(raw, op)(logits=x), any_(3, 4))
        case(op, lambda x, op=op: getattr(raw, op)(logits=x), f64(2, 3, 4))
    for op in ("Relu", "Relu6", "Elu", "Selu", "Softplus", "Softsign"):
        case(op, lambda x, op=op: getattr(raw, op)(features=x * 4), any_(3, 4))
        case(op, lambda x, op=op: getattr(raw, op)(features=x), f64(3, 4))
    case("LeakyRelu", lambda x: raw.LeakyRelu(features=x, alpha=0.3), any_(3, 4))
    case("LeakyReluGrad", lambda g, x: raw.LeakyReluGrad(gradients=g, features=x, alpha=0.3), any_(3, 4), any_(3, 4))
    case("SoftmaxCrossEntropyWithLogits", lambda x, y: raw.SoftmaxCrossEntropyWithLogits(features=x, labels=y).loss, any_(3, 4), pos(3, 4))
    case("SparseSoftmaxCrossEntropyWithLogits", lambda x: raw.SparseSoftmaxCrossEntropyWithLogits(features=x, labels=[1, 0, 3]).loss, any_(3, 4))
    case("BiasAdd", lambda x, b: raw.BiasAdd(value=x, bias=b), any_(2, 3, 4), any_(4))
    case("BiasAdd", lambda x, b: raw.BiasAdd(value=x, bias=b, data_format="NCHW"), any_(2, 3, 4, 5), any_(3))
    case("BiasAddV1", lambda x, b: raw.BiasAddV1(value=x, bias=b), any_(2, 3, 4), any_(4))
    case("BiasAddGrad", lambda x: raw.BiasAddGrad(out_backprop=x), any_(2, 3, 4))
    case("BiasAddGrad", lambda x: raw.BiasAddGrad(out_backprop=x, data_format="NCHW"), any_(2, 3, 4, 5))
    case("BiasAddGrad", lambda x: raw.BiasAddGrad(out_backprop=x, data_format="NCHW"), any_(2, 3, 4))
    image = any_(2, 5, 6, 4)
    for padding in ("SAME", "VALID"):
        for strides in ([1, 1, 1, 1], [1, 2, 2, 1]):
            a = dict(strides=strides, padding=padding)
            case("Conv2D", lambda x, k, a=a: raw.Conv2D(input=x, filter=k, **a), image, any_(2, 3, 4, 3))
            case("DepthwiseConv2dNative", lambda x, k, a=a: raw.DepthwiseConv2dNative(input=x, filter=k, **a), image, any_(2, 3, 4, 2))
            out = (5, 6) if padding == "SAME" and strides[1] == 1 else (4, 4) if strides[1] == 1 else (3, 3) if padding == "SAME" else (2, 2)
            case("Conv2DBackpropInput", lambda k, dy, a=a: raw.Conv2DBackpropInput(input_sizes=[2, 5, 6, 4], filter=k, out_backprop=dy, **a), any_(2, 3, 4, 3), any_(2, *out, 3))
            case("AvgPool", lambda x, a=a: raw.AvgPool(value=x, ksize=[1, 2, 3, 1], **a), image)
            case("MaxPool", lambda x, a=a: raw.MaxPool(input=x, ksize=[1, 2, 3, 1], **a), image)
        cube = dict(strides=[1, 2, 1, 2, 1], padding=padding)
        case("Conv3D", lambda x, k, a=cube: raw.Conv3D(input=x, filter=k, **a), any_(1, 4, 5, 4, 2), any_(2, 2, 2, 2, 3))
        case("AvgPool3D", lambda x, a=cube: raw.AvgPool3D(input=x, ksize=[1, 2, 2, 2, 1], **a), any_(1, 4, 5, 4, 2))
        case("MaxPool3D", lambda x, a=cube: raw.MaxPool3D(input=x, ksize=[1, 2, 2, 2, 1], **a), any_(1, 4, 5, 4, 2))
    case("Conv2D", lambda x, k: raw.Conv2D(input=x, filter=k, strides=[1, 1, 1, 1], padding="VALID", dilations=[1, 2, 2, 1]), image, any_(2, 2, 4, 3))
    case("Conv2D", lambda x, k: raw.Conv2D(input=x, filter=k, strides=[1, 1, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 0, 0, 2, 0, 0]), image, any_(2, 2, 4, 3))
    case("Conv2D", lambda x, k: raw.Conv2D(input=x, filter=k, strides=[1, 1, 1, 1], padding="SAME"), image, any_(2, 2, 2, 6))
    case("DepthwiseConv2dNative", lambda x, k: raw.DepthwiseConv2dNative(input=x, filter=k, strides=[1, 1, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 0, 0, 2, 0, 0]), image, any_(2, 2, 4, 2))
    case("Conv3D", lambda x, k: raw.Conv3D(input=x, filter=k, strides=[1] * 5, padding="SAME"), f64(1, 3, 4, 3, 2), f64(2, 2, 2, 2, 3))
    case("MaxPool", lambda x: raw.MaxPool(input=tf.concat([x, x], 2), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 0, 0, 1, 0, 0]), image)
    for deterministic in (True,):
        fractional = dict(pooling_ratio=[1.0, 1.5, 1.3, 1.0], deterministic=True, seed=3, seed2=4)
        for overlapping in (False, True):
            case("FractionalMaxPool", lambda x, o=overlapping: raw.FractionalMaxPool(value=x, overlapping=o, **fractional)[0], any_(1, 6, 7, 2))
            case("FractionalAvgPool", lambda x, o=overlapping: raw.FractionalAvgPool(value=x, overlapping=o, **fractional)[0], any_(1, 6, 7, 2))
    case("LRN", lambda x: raw.LRN(input=x, depth_radius=2, bias=1.5, alpha=0.5, beta=0.7), image)
    norm = any_(2, 3, 3, 4), any_(4), any_(4)
    for op in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
        for training in (True, False):
            def f(x, s, o, op=op, training=training):
                stats = dict(mean=[], variance=[]) if training else dict(mean=[0.1, 0.2, -0.1, 0.0], variance=[0.5, 0.9, 1.1, 1.0])
                return getattr(raw, op)(x=x, scale=s, offset=o, epsilon=0.01, is_training=training, **stats)[0]
            case(op, f, *norm)
    case("FusedBatchNormV3", lambda x, s, o: raw.FusedBatchNormV3(x=x, scale=s, offset=o, mean=[], variance=[], epsilon=0.01, data_format="NCHW")[0], any_(2, 4, 3, 3), any_(4), any_(4))
    case("FusedBatchNormV3", lambda x, s, o: raw.FusedBatchNormV3(x=x, scale=s, offset=o, mean=[0.0] * 4, variance=[1.0] * 4, epsilon=0.01, is_training=False, data_format="NDHWC")[0], any_(2, 2, 3, 3, 4), any_(4), any_(4))
    case("FusedBatchNormV3", lambda x, s, o: raw.FusedBatchNormV3(x=x, scale=s, offset=o, mean=[], variance=[], epsilon=0.01, data_format="NDHWC")[0], any_(2, 2, 3, 3, 4), any_(4), any_(4))
    case("FusedBatchNormV3", lambda x, s, o: raw.FusedBatchNormV3(x=x, scale=s, offset=o, mean=[0.1] * 4, variance=[0.7] * 4, epsilon=0.01, is_training=False)[0], any_(2, 3, 3, 4, dtype="float16"), any_(4), any_(4))
    for corners, half in ((False, False), (True, False), (False, True)):
        for size in ([7, 5], [3, 4]):
            a = dict(size=size, align_corners=corners, half_pixel_centers=half)
            case("ResizeBilinear", lambda x, a=a: raw.ResizeBilinear(images=x, **a), any_(1, 4, 6, 2))
            case("ResizeBicubic", lambda x, a=a: raw.ResizeBicubic(images=x, **a), any_(1, 4, 6, 2))
            case("ResizeNearestNeighbor", lambda x, a=a: raw.ResizeNearestNeighbor(images=x, **a), any_(1, 4, 6, 2))
    case("ResizeBilinear", lambda x: raw.ResizeBilinear(images=x, size=[3, 3]), f64(1, 4, 6, 2))
    for kernel in ("lanczos3", "triangle"):
        case("ScaleAndTranslate", lambda x, k=kernel: raw.ScaleAndTranslate(images=x, size=[5, 7], scale=[1.2, 0.9], translation=[0.3, -0.2], kernel_type=k), any_(1, 4, 6, 2))
        case("ScaleAndTranslate", lambda x, k=kernel: raw.ScaleAndTranslate(images=x, size=[3, 3], scale=[0.6, 0.5], translation=[0.0, 0.0], kernel_type=k, antialias=False), any_(1, 4, 6, 2))
    for method in ("bilinear", "nearest"):
        case("CropAndResize", lambda x, m=method: raw.CropAndResize(image=x, boxes=[[0.1, 0.2, 0.8, 0.9], [0.0, 0.0, 1.2, 0.5]], box_ind=[1, 0], crop_size=[3, 4], method=m), any_(2, 4, 6, 2))
    case("CropAndResize", lambda x, b: raw.CropAndResize(image=x, boxes=b, box_ind=[1, 0], crop_size=[3, 4]), any_(2, 4, 6, 2), pos(2, 4))

    for narrow in (False, True):
        case("FakeQuantWithMinMaxArgs", lambda x, n=narrow: raw.FakeQuantWithMinMaxArgs(inputs=x, min=-0.5, max=0.6, num_bits=4, narrow_range=n), any_(3, 4))
        case("FakeQuantWithMinMaxVars", lambda x, a, b, n=narrow: raw.FakeQuantWithMinMaxVars(inputs=x, min=-0.5 + 0 * a, max=0.6 + b * 0, num_bits=4, narrow_range=n), any_(3, 4), any_(), any_())
        case("FakeQuantWithMinMaxVarsPerChannel", lambda x, a, b, n=narrow: raw.FakeQuantWithMinMaxVarsPerChannel(inputs=x, min=-a, max=b, num_bits=4, narrow_range=n), any_(3, 4), pos(4), pos(4))
    case("QuantizeAndDequantizeV3", lambda x: raw.QuantizeAndDequantizeV3(input=x, input_min=-1.0, input_max=1.0, num_bits=4), any_(3, 4))
    case("QuantizeAndDequantizeV4", lambda x: raw.QuantizeAndDequantizeV4(input=x, input_min=-0.5, input_max=0.5), any_(3, 4))
    case("QuantizeAndDequantizeV4", lambda x, a, b: raw.QuantizeAndDequantizeV4(input=x, input_min=a - 0.5, input_max=b, range_given=True), any_(3, 4), any_(), pos())

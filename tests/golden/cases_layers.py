"""Layers and activations: output and gradients for a given upstream gradient."""
import numpy as np
import tensorflow as tf
import keras

from golden import Numbers, gradients

TIE_MARGIN = 1e-3      # smallest gap between the two largest cells of a pooling window
RELU_MARGIN = 1e-3     # smallest |input| of a ReLU


def layer_outputs(layer, dtype, x, weights, upstream, names, call=None):
    """Run a built layer with the given weights; `names` are those of its trainable weights, in order."""
    layer.build(x.shape)
    layer.set_weights([np.asarray(w, dtype) for w in weights])
    x = tf.constant(x, dtype)
    y, grads = gradients(lambda: layer(x) if call is None else call(layer, x),
                         [x] + [v.value for v in layer.trainable_variables], upstream)
    return dict({"output": y, "grad/input": grads[0]}, **{f"grad/{n}": g for n, g in zip(names, grads[1:])})


# ---- Convolution ---------------------------------------------------------------------------------------------------

# name: (input NHWC, filters, kernel, strides, padding, dilation, groups, bias)
CONV2D = {
    "valid_3x3": ((2, 8, 8, 3), 5, (3, 3), (1, 1), "valid", (1, 1), 1, True),
    "same_3x3": ((2, 7, 7, 3), 4, (3, 3), (1, 1), "same", (1, 1), 1, True),
    "same_stride2_even": ((2, 8, 8, 3), 4, (3, 3), (2, 2), "same", (1, 1), 1, True),
    "same_stride2_odd": ((2, 9, 7, 3), 4, (3, 3), (2, 2), "same", (1, 1), 1, True),
    "same_stride3_5x5": ((2, 11, 10, 2), 3, (5, 5), (3, 3), "same", (1, 1), 1, True),
    "same_even_kernel": ((2, 7, 6, 3), 4, (2, 2), (1, 1), "same", (1, 1), 1, True),
    "same_even_kernel_stride2": ((2, 9, 8, 3), 4, (4, 4), (2, 2), "same", (1, 1), 1, True),
    "valid_stride2_leftover": ((2, 10, 8, 3), 4, (3, 3), (2, 2), "valid", (1, 1), 1, True),
    "stride_over_kernel_valid": ((2, 11, 10, 2), 3, (2, 2), (3, 3), "valid", (1, 1), 1, True),
    "stride_over_kernel_same": ((2, 10, 11, 2), 3, (1, 1), (2, 2), "same", (1, 1), 1, True),
    "strides_differ": ((2, 9, 10, 2), 3, (3, 3), (2, 1), "same", (1, 1), 1, True),
    "dilation2_valid": ((2, 9, 11, 3), 4, (3, 3), (1, 1), "valid", (2, 2), 1, True),
    "dilation2_same": ((2, 8, 9, 3), 4, (3, 3), (1, 1), "same", (2, 2), 1, True),
    "dilation_differs": ((2, 9, 9, 2), 3, (3, 2), (1, 1), "same", (2, 3), 1, True),
    "groups2": ((2, 7, 7, 4), 6, (3, 3), (1, 1), "valid", (1, 1), 2, True),
    "groups2_same_stride2": ((2, 7, 8, 4), 6, (3, 3), (2, 2), "same", (1, 1), 2, True),
    "groups_are_channels": ((2, 6, 7, 4), 8, (3, 3), (1, 1), "same", (1, 1), 4, True),
    "pointwise": ((2, 5, 6, 7), 9, (1, 1), (1, 1), "valid", (1, 1), 1, True),
    "pointwise_stride2": ((2, 5, 6, 7), 9, (1, 1), (2, 2), "valid", (1, 1), 1, True),
    "valid_5x5": ((2, 9, 9, 3), 4, (5, 5), (1, 1), "valid", (1, 1), 1, True),
    "same_5x5": ((2, 6, 7, 3), 4, (5, 5), (1, 1), "same", (1, 1), 1, True),
    "kernel_over_input_same": ((2, 3, 4, 2), 3, (7, 7), (1, 1), "same", (1, 1), 1, True),
    "kernel_equals_input": ((2, 5, 4, 3), 6, (5, 4), (1, 1), "valid", (1, 1), 1, True),
    "rectangular_1x7": ((2, 6, 11, 3), 4, (1, 7), (1, 1), "same", (1, 1), 1, True),
    "rectangular_5x2": ((2, 9, 8, 3), 4, (5, 2), (2, 2), "same", (1, 1), 1, True),
    "single_channel": ((2, 8, 7, 1), 1, (3, 3), (1, 1), "valid", (1, 1), 1, True),
    "one_image_one_row": ((1, 1, 13, 3), 5, (1, 3), (1, 1), "valid", (1, 1), 1, True),
    "no_bias": ((2, 7, 7, 3), 4, (3, 3), (1, 1), "same", (1, 1), 1, False),
    "many_channels": ((2, 6, 6, 33), 19, (3, 3), (1, 1), "valid", (1, 1), 1, True),
}


def conv2d(recorder):
    for short, (shape, filters, kernel, strides, padding, dilation, groups, bias) in CONV2D.items():
        name, numbers = f"conv2d/{short}", Numbers(f"conv2d/{short}")
        make = lambda dtype: keras.layers.Conv2D(filters, kernel, strides, padding, dilation_rate=dilation, groups=groups,
                                                 use_bias=bias, dtype=dtype)
        given = {"input": numbers.signed(*shape),
                 "kernel": numbers.signed(*kernel, shape[3] // groups, filters, limit=0.5)}
        if bias:
            given["bias"] = numbers.signed(filters, limit=0.5)
        given["upstream"] = numbers.signed(*make("float32").compute_output_shape(shape))
        weights = [given[key] for key in ("kernel", "bias") if key in given]
        recorder.case(name, "conv2d", dict(filters=filters, kernel_size=kernel, strides=strides, padding=padding, dilation=dilation,
                                           groups=groups, use_bias=bias, activation="linear"), given,
                      lambda dtype: layer_outputs(make(dtype), dtype, given["input"], weights, given["upstream"],
                                                  ("kernel", "bias")))


# name: (input, kernel, strides, padding, dilation, multiplier)
DEPTHWISE = {
    "valid_3x3": ((2, 7, 8, 5), (3, 3), (1, 1), "valid", (1, 1), 1),
    "same_3x3": ((2, 7, 8, 5), (3, 3), (1, 1), "same", (1, 1), 1),
    "same_stride2_even": ((2, 8, 8, 4), (3, 3), (2, 2), "same", (1, 1), 1),
    "same_stride2_odd": ((2, 9, 7, 4), (3, 3), (2, 2), "same", (1, 1), 1),
    "valid_stride2_5x5": ((2, 11, 10, 3), (5, 5), (2, 2), "valid", (1, 1), 1),
    "multiplier2": ((2, 7, 6, 3), (3, 3), (1, 1), "valid", (1, 1), 2),
    "multiplier2_same_stride2": ((2, 7, 8, 3), (3, 3), (2, 2), "same", (1, 1), 2),
    "multiplier3_one_channel": ((2, 6, 6, 1), (3, 3), (1, 1), "same", (1, 1), 3),
    "dilation2_valid": ((2, 9, 8, 3), (3, 3), (1, 1), "valid", (2, 2), 1),
    "dilation2_same": ((2, 8, 9, 3), (3, 3), (1, 1), "same", (2, 2), 2),
    "rectangular_2x5": ((2, 7, 9, 3), (2, 5), (1, 1), "same", (1, 1), 1),
}


def depthwise(recorder):
    for short, (shape, kernel, strides, padding, dilation, multiplier) in DEPTHWISE.items():
        name, numbers = f"depthwise_conv2d/{short}", Numbers(f"depthwise_conv2d/{short}")
        make = lambda dtype: keras.layers.DepthwiseConv2D(kernel, strides, padding, depth_multiplier=multiplier,
                                                          dilation_rate=dilation, dtype=dtype)
        given = {"input": numbers.signed(*shape), "kernel": numbers.signed(*kernel, shape[3], multiplier, limit=0.5),
                 "bias": numbers.signed(shape[3] * multiplier, limit=0.5)}
        given["upstream"] = numbers.signed(*make("float32").compute_output_shape(shape))
        recorder.case(name, "depthwise_conv2d", dict(kernel_size=kernel, strides=strides, padding=padding, dilation=dilation,
                                                     depth_multiplier=multiplier, use_bias=True, activation="linear"), given,
                      lambda dtype: layer_outputs(make(dtype), dtype, given["input"], [given["kernel"], given["bias"]],
                                                  given["upstream"], ("kernel", "bias")))


# ---- Pooling -------------------------------------------------------------------------------------------------------

# name: (input, pool, strides, padding)
POOL = {
    "valid_2x2": ((2, 6, 8, 3), (2, 2), (2, 2), "valid"),
    "valid_2x2_odd": ((2, 7, 5, 3), (2, 2), (2, 2), "valid"),
    "same_2x2_odd": ((2, 7, 5, 3), (2, 2), (2, 2), "same"),
    "overlap_3x3_stride2_valid": ((2, 9, 8, 3), (3, 3), (2, 2), "valid"),
    "overlap_3x3_stride2_same": ((2, 9, 8, 3), (3, 3), (2, 2), "same"),
    "overlap_3x3_stride1_same": ((2, 5, 6, 3), (3, 3), (1, 1), "same"),
    "gaps_2x2_stride3": ((2, 10, 11, 3), (2, 2), (3, 3), "valid"),
    "gaps_2x2_stride3_same": ((2, 10, 11, 3), (2, 2), (3, 3), "same"),
    "rectangular_2x3_strides_differ": ((2, 8, 9, 2), (2, 3), (2, 1), "same"),
    "whole_image": ((2, 5, 4, 3), (5, 4), (5, 4), "valid"),
    "one_by_one": ((2, 4, 5, 3), (1, 1), (1, 1), "valid"),
}


def window_gap(x, pool, strides, padding):
    """Smallest difference between the two largest cells of any window."""
    pads = []
    for n, k, s in zip(x.shape[1:3], pool, strides):
        extra = max((-(-n // s) - 1) * s + k - n, 0) if padding == "same" else 0
        pads.append((extra // 2, extra - extra // 2))
    padded = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, pool, axis=(1, 2))[:, ::strides[0], ::strides[1]]
    cells = np.sort(windows.reshape(*windows.shape[:4], -1), axis=-1)
    return np.inf if cells.shape[-1] == 1 else float((cells[..., -1] - cells[..., -2]).min())


def pooling(recorder):
    for kind, layer in (("max_pool2d", keras.layers.MaxPooling2D), ("average_pool2d", keras.layers.AveragePooling2D)):
        for short, (shape, pool, strides, padding) in POOL.items():
            name, retry = f"{kind}/{short}", 0
            while True:
                numbers = Numbers(name, retry)
                given = {"input": numbers.signed(*shape)}
                if kind != "max_pool2d" or window_gap(given["input"], pool, strides, padding) > TIE_MARGIN:
                    break
                retry += 1
            make = lambda dtype: layer(pool, strides, padding, dtype=dtype)
            given["upstream"] = numbers.signed(*make("float32").compute_output_shape(shape))
            recorder.case(name, kind, dict(pool_size=pool, strides=strides, padding=padding), given,
                          lambda dtype: layer_outputs(make(dtype), dtype, given["input"], [], given["upstream"], ()))
    for short, shape in (("odd", (3, 5, 7, 4)), ("one_pixel", (2, 1, 1, 6)), ("wide", (2, 2, 9, 17))):
        name, numbers = f"global_average_pool2d/{short}", Numbers(f"global_average_pool2d/{short}")
        given = {"input": numbers.signed(*shape), "upstream": numbers.signed(shape[0], shape[3])}
        recorder.case(name, "global_average_pool2d", {}, given,
                      lambda dtype: layer_outputs(keras.layers.GlobalAveragePooling2D(dtype=dtype), dtype, given["input"], [],
                                                  given["upstream"], ()))


# ---- Dense, Rescaling, BatchNormalization --------------------------------------------------------------------------

# name: (batch, in, units, bias, activation)
DENSE = {
    "plain": (3, 17, 5, True, "linear"),
    "no_bias": (3, 8, 6, False, "linear"),
    "one_to_one": (1, 1, 1, True, "linear"),
    "wide": (2, 65, 33, True, "linear"),
    "relu": (4, 11, 9, True, "relu"),
    "softmax": (4, 11, 10, True, "softmax"),
    "sigmoid": (4, 7, 3, True, "sigmoid"),
}


def dense(recorder):
    for short, (batch, inputs, units, bias, activation) in DENSE.items():
        name, retry = f"dense/{short}", 0
        while True:
            numbers = Numbers(name, retry)
            given = {"input": numbers.signed(batch, inputs), "kernel": numbers.signed(inputs, units, limit=0.5)}
            if bias:
                given["bias"] = numbers.signed(units, limit=0.5)
            sums = given["input"].astype(np.float64) @ given["kernel"] + given.get("bias", 0)
            if activation != "relu" or np.abs(sums).min() > RELU_MARGIN:
                break
            retry += 1
        given["upstream"] = numbers.signed(batch, units)
        weights = [given[key] for key in ("kernel", "bias") if key in given]
        recorder.case(name, "dense", dict(units=units, use_bias=bias, activation=activation), given,
                      lambda dtype: layer_outputs(keras.layers.Dense(units, activation, bias, dtype=dtype), dtype,
                                                  given["input"], weights, given["upstream"], ("kernel", "bias")))


def rescaling(recorder):
    for short, scale, offset in (("to_unit", 1 / 255, 0.0), ("to_signed", 1 / 127.5, -1.0),
                                 ("per_channel", (0.25, 0.5, 2.0), (0.5, -0.25, 1.0))):
        name, numbers = f"rescaling/{short}", Numbers(f"rescaling/{short}")
        given = {"input": numbers.integers(256, 2, 3, 4, 3).astype(np.float32), "upstream": numbers.signed(2, 3, 4, 3)}
        recorder.case(name, "rescaling", dict(scale=scale, offset=offset), given,
                      lambda dtype: layer_outputs(keras.layers.Rescaling(scale, offset, dtype=dtype), dtype, given["input"], [],
                                                  given["upstream"], ()))


# name: (input, momentum, epsilon, center, scale)
BATCH_NORM = {
    "images": ((4, 5, 3, 6), 0.99, 1e-3, True, True),
    "vectors": ((7, 9), 0.99, 1e-3, True, True),
    "other_constants": ((3, 4, 4, 5), 0.9, 1e-5, True, True),
    "no_center": ((3, 4, 4, 5), 0.99, 1e-3, False, True),
    "no_scale": ((3, 4, 4, 5), 0.99, 1e-3, True, False),
    "large_mean": ((4, 4, 4, 3), 0.99, 1e-3, True, True),
}


def batch_norm(recorder):
    for short, (shape, momentum, epsilon, center, scale) in BATCH_NORM.items():
        name, numbers, channels = f"batch_normalization/{short}", Numbers(f"batch_normalization/{short}"), shape[-1]
        given = {"input": numbers.signed(*shape, limit=2) + numbers.signed(channels) * (32 if short == "large_mean" else 1)}
        if scale:
            given["gamma"] = numbers.signed(channels) + np.float32(1.25)
        if center:
            given["beta"] = numbers.signed(channels)
        given["moving_mean"], given["moving_variance"] = numbers.signed(channels), numbers.unit(channels) + np.float32(0.5)
        given["upstream"] = numbers.signed(*shape)
        names = [n for n in ("gamma", "beta") if n in given]

        def compute(dtype):
            results = {}
            for mode, prefix in ((True, ""), (False, "inference/")):
                layer = keras.layers.BatchNormalization(momentum=momentum, epsilon=epsilon, center=center, scale=scale, dtype=dtype)
                weights = [given[n] for n in names + ["moving_mean", "moving_variance"]]
                part = layer_outputs(layer, dtype, given["input"], weights, given["upstream"], names,
                                     lambda l, x: l(x, training=mode))
                results.update({prefix + key: value for key, value in part.items()})
                if mode:
                    results["after/moving_mean"] = layer.moving_mean.numpy()
                    results["after/moving_variance"] = layer.moving_variance.numpy()
            return results

        recorder.case(name, "batch_normalization", dict(momentum=momentum, epsilon=epsilon, center=center, scale=scale),
                      given, compute)


# ---- Activations ---------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "linear": (keras.activations.linear, {}),
    "relu": (keras.activations.relu, {}),
    "leaky_relu": (keras.activations.leaky_relu, {"negative_slope": 0.2}),
    "leaky_relu_0.3": (lambda x: keras.activations.leaky_relu(x, negative_slope=0.3), {"negative_slope": 0.3}),
    "relu6": (keras.activations.relu6, {}),
    "sigmoid": (keras.activations.sigmoid, {}),
    "tanh": (keras.activations.tanh, {}),
    "elu": (keras.activations.elu, {"alpha": 1.0}),
    "gelu": (keras.activations.gelu, {"approximate": False}),
    "gelu_tanh": (lambda x: keras.activations.gelu(x, approximate=True), {"approximate": True}),
    "silu": (keras.activations.silu, {}),
    "softplus": (keras.activations.softplus, {}),
}
FAR = (1, 8.5, 9.5, 12, 16.5, 20, 30, 45, 60, 80, 88, 90, 100, 104, 150, 300, 1000)


def activations(recorder):
    near = np.concatenate([np.linspace(-8, 8, 129), [1e-6, -1e-6, 1e-3, -1e-3, 6.0 - 2 ** -18, 6.0 + 2 ** -18]]).astype(np.float32)
    far = np.array([s * v for v in FAR for s in (1, -1)], np.float32)
    for short, (function, params) in ACTIVATIONS.items():
        for suffix, x in (("", near), ("_far", far)):
            name, numbers = f"activation/{short}{suffix}", Numbers(f"activation/{short}{suffix}")
            given = {"input": x, "upstream": numbers.signed(x.size)}

            def compute(dtype):
                t = tf.constant(x, dtype)
                y, (g,) = gradients(lambda: tf.convert_to_tensor(function(t)), [t], given["upstream"])
                return {"output": y, "grad/input": g}

            kind = "gelu" if short == "gelu_tanh" else short.split("_0.")[0]
            recorder.case(name, "activation", dict(activation=kind, **params), given, compute)
    for short, rows in (("moderate", lambda n: n.signed(6, 10, limit=6)), ("one_class", lambda n: n.signed(4, 1, limit=3)),
                        ("images", lambda n: n.signed(2, 3, 2, 5, limit=4)),
                        ("far", lambda n: n.signed(4, 7, limit=1000) + np.array([[0], [5000], [-5000], [0]], np.float32)),
                        ("equal", lambda n: np.repeat(n.signed(3, 1, limit=80), 9, axis=1))):
        name, numbers = f"activation/softmax_{short}", Numbers(f"activation/softmax_{short}")
        given = {"input": rows(numbers)}
        given["upstream"] = numbers.signed(*given["input"].shape)

        def compute(dtype):
            t = tf.constant(given["input"], dtype)
            y, (g,) = gradients(lambda: keras.activations.softmax(t), [t], given["upstream"])
            return {"output": y, "grad/input": g}

        recorder.case(name, "activation", dict(activation="softmax", axis=-1), given, compute)


def all_cases(recorder):
    for part in (conv2d, depthwise, pooling, dense, rescaling, batch_norm, activations):
        part(recorder)

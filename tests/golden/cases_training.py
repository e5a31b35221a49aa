"""Losses, optimizers, schedules and metrics."""
import numpy as np
import tensorflow as tf
import keras

from golden import Numbers

# ---- Losses --------------------------------------------------------------------------------------------------------


def loss_case(recorder, short, kind, make, params, given, **options):
    """`make(dtype, reduction)` gives the Keras loss; sample weights come from given["sample_weight"], if there."""

    def compute(dtype):
        integer = given["target"].dtype.kind == "i"
        target = tf.constant(given["target"]) if integer else tf.constant(given["target"], dtype)
        weight = tf.constant(given["sample_weight"], dtype) if "sample_weight" in given else None
        x = tf.constant(given["input"], dtype)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = make(dtype, "sum_over_batch_size")(target, x, sample_weight=weight)
        return {"output": value.numpy().reshape(1), "grad/input": tape.gradient(value, x).numpy(),
                "per_sample": make(dtype, None)(target, x, sample_weight=weight).numpy()}

    weighting = {"sample_weight": "yes" if "sample_weight" in given else "no"}
    recorder.case(f"loss/{short}", kind, dict(params, **weighting), given, compute, **options)


def softmax(x):
    e = np.exp(x.astype(np.float64) - x.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)).astype(np.float32)


def one_hot(labels, classes):
    return np.eye(classes, dtype=np.float32)[labels]


def sparse_categorical(recorder):
    name = "sparse_categorical_crossentropy"
    make = lambda logits: lambda dtype, reduction: keras.losses.SparseCategoricalCrossentropy(
        logits, reduction=reduction, dtype=dtype)
    for logits in (False, True):
        suffix = "_from_logits" if logits else ""
        for variant in ("", "_sample_weight", "_class_weight", "_far"):
            if variant == "_far" and not logits:
                continue
            short = f"{name}{suffix}{variant}"
            numbers = Numbers(short)
            x = numbers.signed(6, 10, limit=500 if variant == "_far" else 3)
            given = {"target": numbers.integers(10, 6), "input": x if logits else softmax(x)}
            if variant == "_sample_weight":
                given["sample_weight"] = numbers.unit(6) * np.float32(2)
            if variant == "_class_weight":
                given["class_weight"] = numbers.unit(10) + np.float32(0.25)
                given["sample_weight"] = given["class_weight"][given["target"]]
            loss_case(recorder, short, name, make(logits), {"from_logits": logits}, given)
    numbers = Numbers(name + "_unnormalised")
    given = {"target": numbers.integers(5, 6), "input": numbers.unit(6, 5) * np.float32(0.4) + np.float32(0.01)}
    loss_case(recorder, f"{name}_unnormalised", name, make(False), {"from_logits": False}, given)


def categorical(recorder):
    name = "categorical_crossentropy"
    make = lambda logits, smooth: lambda dtype, reduction: keras.losses.CategoricalCrossentropy(
        logits, smooth, reduction=reduction, dtype=dtype)
    for logits in (False, True):
        suffix = "_from_logits" if logits else ""
        for variant, smooth in (("", 0.0), ("_smoothing", 0.1), ("_soft_targets", 0.0), ("_sample_weight", 0.0),
                                ("_smoothing_sample_weight", 0.2)):
            short = f"{name}{suffix}{variant}"
            numbers = Numbers(short)
            x = numbers.signed(6, 7, limit=3)
            target = one_hot(numbers.integers(7, 6), 7)
            if variant == "_soft_targets":
                target = softmax(numbers.signed(6, 7, limit=2))
            given = {"target": target, "input": x if logits else softmax(x)}
            if "sample_weight" in variant:
                given["sample_weight"] = numbers.unit(6) * np.float32(2)
            loss_case(recorder, short, name, make(logits, smooth), {"from_logits": logits, "label_smoothing": smooth}, given)
    numbers = Numbers(name + "_unnormalised")
    given = {"target": one_hot(numbers.integers(5, 6), 5), "input": numbers.unit(6, 5) * np.float32(0.4) + np.float32(0.01)}
    loss_case(recorder, f"{name}_unnormalised", name, make(False, 0.0), {"from_logits": False, "label_smoothing": 0.0}, given)


def binary(recorder):
    name = "binary_crossentropy"
    make = lambda logits, smooth: lambda dtype, reduction: keras.losses.BinaryCrossentropy(
        logits, smooth, reduction=reduction, dtype=dtype)
    for logits in (False, True):
        suffix = "_from_logits" if logits else ""
        for variant, smooth, shape in (("", 0.0, (6, 4)), ("_one_unit", 0.0, (7, 1)), ("_smoothing", 0.1, (6, 4)),
                                       ("_sample_weight", 0.0, (6, 4)), ("_far", 0.0, (6, 4))):
            if variant == "_far" and not logits:
                continue
            short = f"{name}{suffix}{variant}"
            numbers = Numbers(short)
            x = numbers.signed(*shape, limit=200 if variant == "_far" else 3)
            given = {"target": numbers.integers(2, *shape).astype(np.float32),
                     "input": x if logits else (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32)}
            if variant == "_sample_weight":
                given["sample_weight"] = numbers.unit(shape[0]) * np.float32(2)
            loss_case(recorder, short, name, make(logits, smooth), {"from_logits": logits, "label_smoothing": smooth}, given)
    # Probabilities of exactly 0 and 1. In float32 the upper clip 1 - 1e-7 is 1 - 2^-23, so where the target is 0 and the
    # probability 1 the loss is -log(2^-23) = 15.942 instead of -log(1e-7) = 16.118: both are stored, float32's as the answer.
    given = {"target": np.array([[0, 0, 1, 1, 0]], np.float32), "input": np.array([[0, 1, 1, 0, 0.25]], np.float32)}
    results = {}
    for dtype in ("float64", "float32"):
        keras.config.set_floatx(dtype)
        x = tf.constant(given["input"], dtype)
        elements = keras.ops.binary_crossentropy(tf.constant(given["target"], dtype), x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = make(False, 0.0)(dtype, "sum_over_batch_size")(tf.constant(given["target"], dtype), x)
        results[dtype] = {"output": value.numpy().reshape(1), "per_element": elements.numpy(),
                          "grad/input": tape.gradient(value, x).numpy()}
    given.update({key: value for key, value in results["float32"].items()})
    given.update({f"float64/{key}": value.astype(np.float32) for key, value in results["float64"].items()})
    recorder.case(f"loss/{name}_clipped", name, {"from_logits": False, "label_smoothing": 0.0, "sample_weight": "no"}, given,
                  source="keras float32")


REGRESSION = {
    "mean_squared_error": (keras.losses.MeanSquaredError, {}),
    "mean_absolute_error": (keras.losses.MeanAbsoluteError, {}),
    "huber": (keras.losses.Huber, {"delta": 1.0}),
    "huber_half": (keras.losses.Huber, {"delta": 0.5}),
}


def regression(recorder):
    for short, (loss, params) in REGRESSION.items():
        for variant, shape in (("", (6, 4)), ("_sample_weight", (6, 4)), ("_one_unit", (7, 1)), ("_images", (2, 3, 4, 2))):
            numbers = Numbers(f"{short}{variant}")
            given = {"target": numbers.signed(*shape, limit=2), "input": numbers.signed(*shape, limit=2)}
            if variant == "":
                given["input"][0, 0] = given["target"][0, 0]      # equal: gradient 0, for the absolute error, too
            if variant == "_sample_weight":
                given["sample_weight"] = numbers.unit(shape[0]) * np.float32(2)
            make = lambda dtype, reduction: loss(reduction=reduction, dtype=dtype, **params)
            loss_case(recorder, f"{short}{variant}", short.split("_half")[0], make, params, given)


# ---- Optimizers ----------------------------------------------------------------------------------------------------

O = keras.optimizers
OPTIMIZERS = {
    "sgd": (O.SGD, {"learning_rate": 0.01}),
    "sgd_momentum": (O.SGD, {"learning_rate": 0.01, "momentum": 0.9}),
    "sgd_nesterov": (O.SGD, {"learning_rate": 0.01, "momentum": 0.9, "nesterov": True}),
    "sgd_weight_decay": (O.SGD, {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.1}),
    "sgd_clipnorm": (O.SGD, {"learning_rate": 0.01, "clipnorm": 1.0}),
    "sgd_global_clipnorm": (O.SGD, {"learning_rate": 0.01, "global_clipnorm": 1.0}),
    "sgd_clipvalue": (O.SGD, {"learning_rate": 0.01, "clipvalue": 0.5}),
    "rmsprop": (O.RMSprop, {"learning_rate": 0.001}),
    "rmsprop_momentum": (O.RMSprop, {"learning_rate": 0.001, "momentum": 0.9}),
    "rmsprop_centered": (O.RMSprop, {"learning_rate": 0.001, "centered": True}),
    "rmsprop_centered_momentum": (O.RMSprop, {"learning_rate": 0.001, "rho": 0.8, "momentum": 0.5, "centered": True,
                                              "epsilon": 1e-5}),
    "rmsprop_weight_decay": (O.RMSprop, {"learning_rate": 0.001, "weight_decay": 0.1}),
    "adam": (O.Adam, {}),
    "adam_constants": (O.Adam, {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    "adam_amsgrad": (O.Adam, {"amsgrad": True}),
    "adam_weight_decay": (O.Adam, {"weight_decay": 0.1}),
    "adam_clipnorm": (O.Adam, {"clipnorm": 1.0}),
    "adam_global_clipnorm": (O.Adam, {"global_clipnorm": 1.0}),
    "adam_clipvalue": (O.Adam, {"clipvalue": 0.5}),
    "adam_ema": (O.Adam, {"use_ema": True, "ema_momentum": 0.99}),
    "adam_exponential_decay": (O.Adam, {"exponential_decay": (0.01, 3, 0.5)}),
    "adamw": (O.AdamW, {}),
    "adamw_amsgrad_clipnorm": (O.AdamW, {"learning_rate": 0.002, "weight_decay": 0.05, "amsgrad": True, "clipnorm": 1.0}),
}
SHOWN = ("learning_rate", "momentum", "nesterov", "rho", "centered", "beta_1", "beta_2", "epsilon", "amsgrad", "weight_decay",
         "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum")
STEPS = 10


def optimizers(recorder):
    for short, (optimizer, arguments) in OPTIMIZERS.items():
        numbers = Numbers("optimizer")                             # the same weights and gradients for all
        given = {"kernel": numbers.signed(4, 3), "bias": numbers.signed(5)}
        # Sizes from 1e-4 to 3, so that clipping acts in some steps and not in others; one element always 0.
        size = np.geomspace(1e-4, 3, STEPS).astype(np.float32)[[9, 3, 6, 8, 0, 7, 9, 2, 5, 8]]
        for key in ("kernel", "bias"):
            given[f"gradients/{key}"] = numbers.signed(STEPS, *given[key].shape) * size.reshape(-1, *[1] * given[key].ndim)
            given[f"gradients/{key}"][(slice(None),) + (0,) * given[key].ndim] = 0
        arguments = dict(arguments)

        def build():
            kwargs = dict(arguments)
            if "exponential_decay" in kwargs:
                start, every, rate = kwargs.pop("exponential_decay")
                kwargs["learning_rate"] = O.schedules.ExponentialDecay(np.dtype(keras.config.floatx()).type(start), every, rate)
            return optimizer(**kwargs)

        def compute(dtype):
            variables = [keras.Variable(given[key], dtype=dtype, name=key) for key in ("kernel", "bias")]
            rule = build()
            rule.build(variables)
            prefixes = ("weights", "ema") if rule.use_ema else ("weights",)
            trail = {f"{prefix}/{v.name}": [] for v in variables for prefix in prefixes}
            for step in range(STEPS):
                rule.apply([tf.constant(given[f"gradients/{v.name}"][step], dtype) for v in variables])
                for i, v in enumerate(variables):
                    trail[f"weights/{v.name}"].append(v.numpy())
                    if rule.use_ema:
                        trail[f"ema/{v.name}"].append(rule._model_variables_moving_average[i].numpy())
            return {key: np.stack(values) for key, values in trail.items()}

        keras.config.set_floatx("float64")
        config = build().get_config()
        keras.config.set_floatx("float32")
        shown = {key: config[key] for key in SHOWN if key in config}
        if "exponential_decay" in arguments:                       # initial rate, decay steps, decay rate
            shown["exponential_decay"] = arguments["exponential_decay"]
            shown["learning_rate"] = None
        else:
            shown["learning_rate"] = float(config["learning_rate"])
        recorder.case(f"optimizer/{short}", optimizer.__name__.lower(), dict(steps=STEPS, **shown), given, compute)


# ---- Schedules -----------------------------------------------------------------------------------------------------

S = keras.optimizers.schedules
EXPONENTIAL = {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}
SCHEDULES = {
    "exponential_decay": (S.ExponentialDecay, {**EXPONENTIAL, "staircase": False}),
    "exponential_decay_staircase": (S.ExponentialDecay, {**EXPONENTIAL, "staircase": True}),
    "cosine_decay": (S.CosineDecay, {"initial_learning_rate": 0.05, "decay_steps": 40, "alpha": 0.0}),
    "cosine_decay_alpha": (S.CosineDecay, {"initial_learning_rate": 0.05, "decay_steps": 40, "alpha": 0.1}),
    "cosine_decay_warmup": (S.CosineDecay, {"initial_learning_rate": 0.0, "decay_steps": 40, "alpha": 0.1, "warmup_target": 0.05,
                                              "warmup_steps": 10}),
    "piecewise_constant_decay": (S.PiecewiseConstantDecay, {"boundaries": [7, 20], "values": [0.1, 0.01, 0.001]}),
}


def typed(params, dtype):
    """Schedules compute in the type of their rates, and take a Python number for float32 whatever the float type is."""
    one = np.dtype(dtype).type
    return {key: one(value) if isinstance(value, float) else [one(v) for v in value] if key == "values" else value
            for key, value in params.items()}


SCHEDULE_STEPS = [0, 1, 2, 6, 7, 8, 10, 13, 14, 19, 20, 21, 30, 39, 40, 41, 49, 50, 51, 100]


def schedules(recorder):
    for short, (schedule, params) in SCHEDULES.items():
        def compute(dtype):
            rates = [schedule(**typed(params, dtype))(step) for step in SCHEDULE_STEPS]
            assert all(keras.backend.standardize_dtype(rate.dtype) == dtype for rate in rates), short
            return {"output": np.array([float(rate) for rate in rates])}

        kind = short.replace("_staircase", "").replace("_alpha", "").replace("_warmup", "")
        recorder.case(f"schedule/{short}", kind, params, {"step": np.array(SCHEDULE_STEPS, np.int32)}, compute, keep_float64=True)


# ---- Metrics -------------------------------------------------------------------------------------------------------

M = keras.metrics
METRICS = {
    "binary_accuracy": (lambda d: M.BinaryAccuracy(dtype=d), {"threshold": 0.5}, "binary"),
    "binary_accuracy_threshold": (lambda d: M.BinaryAccuracy(threshold=0.3, dtype=d), {"threshold": 0.3}, "binary"),
    "categorical_accuracy": (lambda d: M.CategoricalAccuracy(dtype=d), {}, "one_hot"),
    "sparse_categorical_accuracy": (lambda d: M.SparseCategoricalAccuracy(dtype=d), {}, "sparse"),
    "top_k_categorical_accuracy": (lambda d: M.TopKCategoricalAccuracy(3, dtype=d), {"k": 3}, "one_hot"),
    "sparse_top_k_categorical_accuracy": (lambda d: M.SparseTopKCategoricalAccuracy(3, dtype=d), {"k": 3}, "sparse"),
    "sparse_top_k_k5": (lambda d: M.SparseTopKCategoricalAccuracy(5, dtype=d), {"k": 5}, "sparse"),
}


def metrics(recorder):
    for short, (make, params, targets) in METRICS.items():
        for variant in ("", "_sample_weight"):
            name = f"metric/{short}{variant}"
            numbers, batches, given = Numbers(name), (13, 6), {}
            for b, n in enumerate(batches):
                if targets == "binary":
                    given[f"target/{b}"], given[f"input/{b}"] = numbers.integers(2, n, 3).astype(np.float32), numbers.unit(n, 3)
                else:
                    labels, given[f"input/{b}"] = numbers.integers(8, n), softmax(numbers.signed(n, 8, limit=2))
                    given[f"target/{b}"] = labels if targets == "sparse" else one_hot(labels, 8)
                if variant:
                    given[f"sample_weight/{b}"] = numbers.unit(n) + np.float32(0.25)

            def compute(dtype):
                metric, values = make(dtype), []
                for b in range(len(batches)):
                    metric.update_state(given[f"target/{b}"], given[f"input/{b}"], given.get(f"sample_weight/{b}"))
                    values.append(float(metric.result()))
                return {"output": np.array(values)}

            recorder.case(name, short.replace("_k5", "_categorical_accuracy").replace("_threshold", ""), params, given, compute)
    # Ties: argmax takes the first of equals; a label tied with the k-th place: what Keras says.
    given = {"target/0": np.array([0, 1, 2, 3, 3], np.int32),
             "input/0": np.array([[4, 4, 1, 1], [4, 4, 1, 1], [1, 2, 2, 3], [2, 2, 2, 2], [5, 4, 3, 3]], np.float32)}
    for short, metric, params in (("ties_accuracy", M.SparseCategoricalAccuracy, {}),
                                  ("ties_top_k", M.SparseTopKCategoricalAccuracy, {"k": 2})):
        def compute(dtype):
            one = metric(dtype=dtype, **params)
            each = []
            for row in range(5):
                single = metric(dtype=dtype, **params)
                single.update_state(given["target/0"][row:row + 1], given["input/0"][row:row + 1])
                each.append(float(single.result()))
            one.update_state(given["target/0"], given["input/0"])
            return {"output": np.array([float(one.result())]), "per_sample": np.array(each)}

        kind = "sparse_top_k_categorical_accuracy" if params else "sparse_categorical_accuracy"
        recorder.case(f"metric/{short}", kind, params, given, compute)


def all_cases(recorder):
    for part in (sparse_categorical, categorical, binary, regression, optimizers, schedules, metrics):
        part(recorder)

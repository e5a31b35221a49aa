"""The tutorial's forward pass in ONNX Runtime, batch 1 and 64, and what its import and first prediction take.

usage: infer_onnxruntime.py [--threads N] [--runs N]

The model, with random weights, is written here by hand: a few messages of ONNX's protocol buffers (onnx.proto3), so that
nothing but onnxruntime is needed."""
import argparse
import time

START = time.perf_counter()
import numpy as np
import onnxruntime

IMPORTED = time.perf_counter()


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, value):
    """A field of a message: an integer, or text, or another message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name, array):
    data_type = {np.dtype(np.float32): 1, np.dtype(np.int64): 7}[array.dtype]
    dimensions = b"".join(field(1, size) for size in array.shape)
    return dimensions + field(2, data_type) + field(8, name) + field(9, array.tobytes())


def node(kind, inputs, output, **attributes):
    parts = [field(1, name) for name in inputs] + [field(2, output), field(4, kind)]
    for name, values in attributes.items():
        if isinstance(values, int):
            parts.append(field(5, field(1, name) + field(3, values) + field(20, 2)))
        else:
            parts.append(field(5, field(1, name) + b"".join(field(8, v) for v in values) + field(20, 7)))
    return b"".join(parts)


def value_info(name, dimensions):
    shape = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in dimensions)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def tutorial():
    random = np.random.default_rng(1)
    nodes, weights, at = [], [], "images"

    def parameters(name, *shape):
        scale = np.sqrt(6 / (np.prod(shape[1:]) + shape[0]))
        weights.append(tensor(name + ".w", (random.uniform(-scale, scale, shape)).astype(np.float32)))
        weights.append(tensor(name + ".b", random.uniform(-.1, .1, shape[0]).astype(np.float32)))
        return [name + ".w", name + ".b"]

    for i, (channels, filters) in enumerate(((3, 32), (32, 64), (64, 128))):
        nodes.append(node("Conv", [at] + parameters(f"conv{i}", filters, channels, 3, 3), f"conv{i}", kernel_shape=[3, 3]))
        nodes.append(node("Relu", [f"conv{i}"], f"relu{i}"))
        nodes.append(node("MaxPool", [f"relu{i}"], f"pool{i}", kernel_shape=[2, 2], strides=[2, 2]))
        at = f"pool{i}"
    nodes.append(node("Flatten", [at], "flat", axis=1))
    nodes.append(node("Gemm", ["flat"] + parameters("dense0", 128, 512), "dense0", transB=1))
    nodes.append(node("Relu", ["dense0"], "relu3"))
    nodes.append(node("Gemm", ["relu3"] + parameters("dense1", 10, 128), "dense1", transB=1))
    nodes.append(node("Softmax", ["dense1"], "probabilities", axis=1))
    graph = b"".join([field(1, n) for n in nodes] + [field(2, "tutorial")] + [field(5, w) for w in weights]
                     + [field(11, value_info("images", ["n", 3, 32, 32])), field(12, value_info("probabilities", ["n", 10]))])
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=400)
    options = parser.parse_args()
    model = tutorial()
    start = time.perf_counter()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(2).random((64, 3, 32, 32), np.float32)
    session.run(None, {"images": image[:1]})
    done = time.perf_counter()
    print(f"ONNX Runtime {onnxruntime.__version__}, {options.threads} threads: import {1e3 * (IMPORTED - START):.0f} ms, "
          f"load and first prediction {1e3 * (done - start):.1f} ms")
    for batch in (1, 64):
        repeats, seconds = (20 if batch == 1 else 1), []
        for _ in range(options.runs):
            begin = time.perf_counter()
            for _ in range(repeats):
                session.run(None, {"images": image[:batch]})
            seconds.append((time.perf_counter() - begin) / repeats)
        seconds.sort()
        print(f"batch {batch}: best {seconds[0] * 1e6:.1f} us, median {seconds[len(seconds) // 2] * 1e6:.1f} us")


main()

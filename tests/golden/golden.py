"""What every golden case shares: the number hash, the safetensors writer, the recorder that compares float64 with float32.

Keras runs every case twice, in float64 and in float32. The float64 result, rounded to float32, is what is stored; the
distance of Keras's own float32 result is recorded in the file's metadata and must stay within the case's tolerance.
"""
import json
import os
import struct
import warnings
import zlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"      # Eigen's kernels: float64 and float32 take the same path
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import scipy
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
tf.config.experimental.enable_op_determinism()
tf.get_logger().setLevel("ERROR")
warnings.filterwarnings("ignore", category=UserWarning, module="keras")
keras.utils.set_random_seed(0)

PASS = 1e-5        # max|a-b| / max|b| of a tensor, one pass
TRAINED = 1e-3     # the same for weights after ten steps
VERSIONS = {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__, "scipy": scipy.__version__}

# ---- Numbers from a hash -------------------------------------------------------------------------------------------

HASH_RULE = ("u = splitmix64(seed + tensor_id * 2^32 + i mod 2^64) >> 40; unit = u / 2^24; "
             "value = (u / 2^23 - 1) * limit; float32 throughout, only the product with limit rounds")


def hash24(seed, tensor_id, count):
    """The top 24 bits of splitmix64 at `count` successive positions, as uint64."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.uint64(tensor_id << 32) + np.arange(count, dtype=np.uint64)
        z += np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return z >> np.uint64(40)


def unit(seed, tensor_id, shape):
    """float32 in [0, 1): u / 2^24, exact."""
    u = hash24(seed, tensor_id, int(np.prod(shape))).astype(np.float32)
    return (u * np.float32(2.0 ** -24)).reshape(shape)


def signed(seed, tensor_id, shape, limit=1.0):
    """float32 in [-limit, limit): (u / 2^23 - 1) * limit, one rounding."""
    u = hash24(seed, tensor_id, int(np.prod(shape))).astype(np.float32)
    return ((u * np.float32(2.0 ** -23) - np.float32(1)) * np.float32(limit)).reshape(shape)


class Numbers:
    """Successive tensors of one case, seeded by the case's name and a retry count."""

    def __init__(self, case, retry=0):
        self.seed, self.next_id = zlib.crc32(case.encode()) + (retry << 40), 0

    def _id(self):
        self.next_id += 1
        return self.next_id - 1

    def unit(self, *shape):
        return unit(self.seed, self._id(), shape)

    def signed(self, *shape, limit=1.0):
        return signed(self.seed, self._id(), shape, limit)

    def integers(self, below, *shape):
        u = hash24(self.seed, self._id(), int(np.prod(shape)))
        return ((u * np.uint64(below)) >> np.uint64(24)).astype(np.int32).reshape(shape)


# ---- Files ---------------------------------------------------------------------------------------------------------

DTYPES = {"float64": "F64", "float32": "F32", "int32": "I32", "uint8": "U8"}


def write_safetensors(path, tensors, metadata):
    """Header keys sorted; data by falling element size, so that without any gap each tensor lies aligned to its elements."""
    tensors = {name: np.asarray(array, order="C") for name, array in tensors.items()}   # rank 0 stays rank 0: refused below
    header, offset, blobs = {"__metadata__": metadata}, 0, []
    for name in sorted(tensors, key=lambda n: (-tensors[n].dtype.itemsize, n)):
        array = tensors[name]
        assert array.ndim > 0 and array.size > 0, name
        blobs.append(array.astype(array.dtype.newbyteorder("<")).tobytes())
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [offset, offset + len(blobs[-1])]}
        offset += len(blobs[-1])
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def text(value):
    """A parameter as the string that the metadata holds."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return ",".join(text(v) for v in value)
    if isinstance(value, float):
        return repr(value)
    return "none" if value is None else str(value)


def relative(a, b):
    """max|a-b| / max|b|: the error measure of all golden tests."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape and np.isfinite(b).all(), (a.shape, b.shape)
    top = np.abs(b).max()
    return float(np.abs(a - b).max() / top) if top else float(np.abs(a).max())


class Recorder:
    """Writes cases below one folder and keeps the list of what was written."""

    def __init__(self, folder):
        self.folder, self.rows = folder, []

    def case(self, name, kind, params, given, compute=None, tolerance=PASS, source="keras", keep_float64=False,
             check=None):
        """Store the tensors `given` as they are, and those that compute(dtype) returns from a float64 run.

        `check` (default: the tolerance) bounds Keras's own float32 distance from float64.
        """
        tensors, metadata = dict(given), {"case": name, "kind": kind, "source": source, "tolerance": repr(tolerance)}
        metadata.update(VERSIONS)
        metadata.update({key: text(value) for key, value in params.items()})
        worst, worst_name = 0.0, "none"
        if compute:
            keras.config.set_floatx("float64")
            exact = compute("float64")
            keras.config.set_floatx("float32")
            single = compute("float32")
            for key, value in exact.items():
                distance = relative(single[key], value)
                if distance > worst:
                    worst, worst_name = distance, key
                tensors[key] = np.asarray(value, np.float64 if keep_float64 else np.float32)
            metadata["keras_float32_distance"] = f"{worst:.1e}"
            metadata["keras_float32_farthest"] = worst_name
            limit = tolerance if check is None else check
            assert worst <= limit, f"{name}: Keras float32 is {worst:.2e} away from float64 in {worst_name} (limit {limit:.0e})"
        for key, value in tensors.items():
            assert np.isfinite(np.asarray(value, np.float64)).all(), (name, key)
        path = os.path.join(self.folder, *name.split("/")) + ".safetensors"
        write_safetensors(path, tensors, metadata)
        self.rows.append((name, tensors, metadata))
        return tensors

    def write_index(self):
        """INDEX: every file with its kind, tolerance and tensors, one tab-separated line each."""
        with open(os.path.join(self.folder, "INDEX"), "w", encoding="ascii") as file:
            for name, tensors, metadata in sorted(self.rows, key=lambda row: row[0]):
                shapes = " ".join(f"{key}[{','.join(map(str, np.shape(tensors[key])))}]" for key in sorted(tensors))
                file.write(f"{name}\t{metadata['kind']}\t{metadata['tolerance']}\t{shapes}\n")


def gradients(function, variables, upstream):
    """Output of function() and the gradients of sum(output * upstream) with respect to the tensors."""
    with tf.GradientTape() as tape:
        for v in variables:
            tape.watch(v)
        y = function()
    grads = tape.gradient(y, variables, output_gradients=tf.cast(upstream, y.dtype))
    return y.numpy(), [g.numpy() for g in grads]

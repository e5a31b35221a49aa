"""A folder of images by tf.data: decoded, shuffled, batched as floats.

    python3 data_tensorflow.py DIR [WORKERS] [ROUNDS]
"""
import pathlib
import sys
import time

import tensorflow as tf

folder, workers = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 1
tf.config.threading.set_intra_op_parallelism_threads(workers)
paths = sorted(str(path) for path in pathlib.Path(folder).glob("*/*.jpg"))


def read(path):
    return tf.cast(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), tf.float32) / 255


images = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths)).map(read, num_parallel_calls=workers)
options = tf.data.Options()
options.threading.private_threadpool_size = workers
images = images.batch(64).prefetch(2).with_options(options)
best = float("inf")
for _ in range(rounds):
    start, count = time.perf_counter(), 0
    for batch in images:
        count += batch.shape[0]
    best = min(best, time.perf_counter() - start)
print(f"tf.data {tf.__version__}, {workers} workers: {count} images in {best:.3f} s, {count / best:.0f} images/s")

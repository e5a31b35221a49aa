"""The tutorial's network trained by Keras on CIFAR-10, plain or with the tutorial's augmentation; or the generator alone.

usage: train_keras.py CIFAR_DIRECTORY [--augment] [--generator] [--epochs N] [--batch N] [--threads N]"""
import argparse
import os
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.src.legacy.preprocessing.image import ImageDataGenerator


def load(directory):
    files = [os.path.join(directory, f"data_batch_{i}.bin") for i in range(1, 6)]
    raw = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files])
    images = raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).astype(np.float32) / 255
    return images, raw[:, 0].astype(np.int32)


def network():
    model = keras.Sequential([
        layers.Input((32, 32, 3)),
        layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(128, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def time_generator(batches):
    count = 60
    next(batches)
    start = time.perf_counter()
    images = sum(len(next(batches)[0]) for _ in range(count))
    seconds = (time.perf_counter() - start) / images
    print(f"ImageDataGenerator: {seconds * 1e6:.0f} us an image, {seconds * 50000:.1f} s an epoch of 50,000")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--augment", action="store_true")
    parser.add_argument("--generator", action="store_true")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    keras.utils.set_random_seed(1)
    images, labels = load(options.directory)
    batches = ImageDataGenerator(rotation_range=20, width_shift_range=.2, height_shift_range=.2, shear_range=.2,
                                 zoom_range=.2, horizontal_flip=True,
                                 fill_mode="nearest").flow(images, labels, batch_size=options.batch)
    if options.generator:
        time_generator(batches)
        return
    model = network()
    print(f"Keras {keras.__version__} on TensorFlow {tf.__version__}, {options.threads} threads, batch {options.batch}"
          + (", augmented" if options.augment else ""))
    for epoch in range(1, options.epochs + 1):
        start = time.perf_counter()
        if options.augment:
            history = model.fit(batches, epochs=1, verbose=0)
        else:
            history = model.fit(images, labels, batch_size=options.batch, epochs=1, verbose=0)
        print(f"epoch {epoch}: {time.perf_counter() - start:.2f} s, loss {history.history['loss'][0]:.4f}", flush=True)


main()

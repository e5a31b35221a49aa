"""The tutorial's augmentation by Keras's ImageDataGenerator, over so many images of CIFAR-10's size.

    python3 data_keras.py [IMAGES]
"""
import sys
import time

import numpy as np
import scipy.ndimage

if not hasattr(scipy.ndimage, "interpolation"):   # an old namespace that Keras's legacy code still names
    scipy.ndimage.interpolation = scipy.ndimage
from keras.src.legacy.preprocessing.image import ImageDataGenerator

count = int(sys.argv[1]) if len(sys.argv) > 1 else 50000
images = np.random.RandomState(1).randint(0, 256, (count, 32, 32, 3)).astype(np.float32)
labels = np.zeros((count, 1), np.int32)
generator = ImageDataGenerator(rescale=1 / 255, rotation_range=20, width_shift_range=0.2, height_shift_range=0.2,
                               shear_range=0.2, zoom_range=0.2, horizontal_flip=True, fill_mode="nearest")
batches = generator.flow(images, labels, batch_size=64)
start, processor = time.perf_counter(), time.process_time()
for _ in range(len(batches)):
    next(batches)
wall, processor = time.perf_counter() - start, time.process_time() - processor
print(f"ImageDataGenerator: {count} images in {wall:.3f} s, processor {processor:.3f} s, {count / wall:.0f} images/s")

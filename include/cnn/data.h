/** @file
 * Data, all of it: datasets, transforms (augmentation), the loader that makes batches of them, and
 * images in files.
 *
 * files -> dataset -> loader (shuffle, decode, transform, batch, prefetch) -> model.
 */
#ifndef CNN_DATA_H
#define CNN_DATA_H

#include <cnn/dataset.h>
#include <cnn/image.h>
#include <cnn/loader.h>
#include <cnn/transform.h>

#endif

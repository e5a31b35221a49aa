/** @file
 * Single images and arrays in files: PNG, JPEG, NumPy's .npy.
 */
#ifndef CNN_IMAGE_H
#define CNN_IMAGE_H

#include <cnn/transform.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Reads a PNG or JPEG image (by content) as (height, width, channels) uint8, turned as EXIF says.
 * Palettes are looked up, alpha is dropped, of 16 bits the upper 8 are taken, CMYK becomes RGB.
 * @param channels 3: RGB; 1: grey.
 * @return The image; NULL on failure: CNN_E_INVALID, CNN_E_NOT_FOUND, CNN_E_IO, CNN_E_FORMAT,
 *         CNN_E_LIMIT (over the context's max_pixels or max_file_bytes), CNN_E_UNSUPPORTED (a form, or
 *         a format that was left out of this build), CNN_E_NOMEM. Any thread. Since 0.1.0.
 */
CNN_API cnn_tensor *cnn_image_read(const char *path, int64_t channels);
/** The same from memory; name stands in messages (NULL: "image"). */
CNN_API cnn_tensor *cnn_image_decode(const char *name, const void *bytes, size_t size,
                                     int64_t channels);
/**
 * Writes (height, width, 1 or 3) uint8, or float32 in [0, 1], as PNG, whole or not at all; the same
 * pixels make the same file. CNN_OK, CNN_E_INVALID, CNN_E_NOT_FOUND (no such folder), CNN_E_IO,
 * CNN_E_UNSUPPORTED (built without libpng), CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_status cnn_image_write_png(const char *path, const cnn_tensor *image);

/**
 * Writes a file whole or not at all, as the library writes its own: a temporary file in the same
 * folder, flushed to the disk and renamed. Until then an older file stays as it was.
 * @param bytes size of them; NULL only where size is 0.
 * @return CNN_OK, CNN_E_INVALID, CNN_E_NOT_FOUND (no such folder), CNN_E_IO (path and cause in the
 *         message), CNN_E_NOMEM. Any thread. Since 0.1.0.
 */
CNN_API cnn_status cnn_file_write(const char *path, const void *bytes, size_t size);

/**
 * An image at another size, same dtype, as Pillow resizes. uint8: within one level, but bicubic where Pillow takes
 * rows before columns and cuts values in between, by up to 26 levels as far as was seen.
 * @return A new tensor; NULL on failure: CNN_E_INVALID, CNN_E_SHAPE, CNN_E_LIMIT, CNN_E_NOMEM.
 */
CNN_API cnn_tensor *cnn_image_resize(const cnn_tensor *image, int64_t height, int64_t width,
                                     cnn_interpolation interpolation);

/**
 * Reads a NumPy .npy array (little-endian, C order; float32, float64, uint8, int32, int64, uint64).
 * NULL on failure: CNN_E_INVALID, CNN_E_NOT_FOUND, CNN_E_IO, CNN_E_FORMAT, CNN_E_UNSUPPORTED (another
 * dtype or order), CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_tensor *cnn_npy_read(const char *path);
/** Writes a tensor as .npy, whole or not at all. CNN_OK, CNN_E_INVALID, CNN_E_NOT_FOUND, CNN_E_IO,
 * CNN_E_NOMEM. */
CNN_API cnn_status cnn_npy_write(const char *path, const cnn_tensor *tensor);

#ifdef __cplusplus
}
#endif

#endif

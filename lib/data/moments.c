#include "data/moments.h"
#include <math.h>

void cnn__moments_free(cnn_context *context, cnn__moments *moments) {
  cnn__free(context, moments->mean);
  *moments = (cnn__moments){0};
}

/* Adds one image's sums to mean[c] (and sums of squares to deviation[c]). */
static void add_image(const cnn__sample *sample, cnn_dtype dtype, size_t channels, double *sum,
                      double *squares) {
  const size_t count = cnn__shape_product(&sample->shape);
  const uint8_t *bytes = sample->pixels;
  const float *floats = sample->pixels;
  for (size_t c = 0; c < channels; c++) {
    double first = 0, second = 0;
    for (size_t e = c; e < count; e += channels) {
      const double value = dtype == CNN_UINT8 ? bytes[e] : (double)floats[e];
      first += value;
      second += value * value;
    }
    sum[c] += first;
    squares[c] += second;
  }
}

/* The sums of all images, but of those that the set leaves out; where it leaves out all, the last one's failure. */
static cnn_status add_images(cnn_context *context, const cnn_dataset *dataset, size_t channels,
                             cnn__moments *moments, double *pixels) {
  cnn__sample sample = {.context = context};
  cnn__failure before;
  cnn__failure_take(&before);
  cnn_status status = CNN_OK;
  bool goes_on = true;
  for (size_t i = 0; goes_on && i < dataset->count; i++) {
    status = cnn__dataset_image(dataset, i, &sample);
    goes_on = status == CNN_OK || (dataset->skips_broken && cnn__dataset_broken(status));
    if (status != CNN_OK) continue;
    add_image(&sample, dataset->dtype, channels, moments->mean, moments->deviation);
    *pixels += (double)(sample.shape.dim[0] * sample.shape.dim[1]);
  }
  cnn__sample_release(&sample);
  if (!goes_on || !(*pixels > 0)) return status;
  cnn__failure_give(&before);
  return CNN_OK;
}

cnn_status cnn__moments_of_set(cnn_context *context, const cnn_dataset *dataset, double rescale,
                               cnn__moments *moments) {
  char text[CNN__SHAPE_TEXT];
  if (dataset->shape.rank != 3)
    return cnn__fail(CNN_E_SHAPE, "cnn_transform_fit: images %s are not (height, width, channels)",
                     cnn__shape_text(&dataset->shape, text));
  const size_t channels = dataset->shape.dim[2];
  double *memory = cnn__calloc_array(context, channels, 2 * sizeof *memory, "a set's moments");
  if (!memory) return CNN_E_NOMEM;
  *moments = (cnn__moments){.channels = channels, .mean = memory, .deviation = memory + channels};
  double pixels = 0;
  cnn_status status = add_images(context, dataset, channels, moments, &pixels);
  for (size_t c = 0; c < channels; c++) {
    const double mean = moments->mean[c] / pixels;
    const double variance = moments->deviation[c] / pixels - mean * mean;
    moments->mean[c] = mean * rescale;
    moments->deviation[c] = sqrt(variance > 0 ? variance : 0) * rescale;
    if (status == CNN_OK && !isfinite(variance))
      status = cnn__fail(CNN_E_NUMERIC, "cnn_transform_fit: NaN or infinity in channel %zu", c);
  }
  if (status != CNN_OK) cnn__moments_free(context, moments);
  return status;
}

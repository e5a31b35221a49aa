/* A loader's preprocessing for what does not come from one: images to predict. */
#include "data/loader.h"
#include "ops/image.h"

struct cnn__preprocess {
  cnn_context *context;
  cnn__factors factors;
};

cnn_status cnn__preprocess_new(cnn_context *context, const cnn__preprocessing *preprocessing,
                               cnn__preprocess **out) {
  cnn__preprocess *made = cnn__calloc_array(context, 1, sizeof *made, "preprocessing");
  if (!made) return CNN_E_NOMEM;
  made->context = context;
  const cnn_status status =
      cnn__factors_make(context, preprocessing->rescale, preprocessing->channels,
                        preprocessing->mean, preprocessing->deviation, &made->factors);
  if (status == CNN_OK)
    *out = made;
  else
    cnn__free(context, made);
  return status;
}

void cnn__preprocess_run(const cnn__preprocess *preprocess, size_t count, const uint8_t *from,
                         float *to) {
  cnn__image_convert_u8(&preprocess->factors, 1, count, count, from, to);
}

void cnn__preprocess_free(cnn__preprocess *preprocess) {
  if (!preprocess) return;
  cnn_context *context = preprocess->context;
  cnn__factors_free(context, &preprocess->factors);
  cnn__free(context, preprocess);
}

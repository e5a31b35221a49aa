/* MixUp and CutMix: a batch with itself in another order. Draws, from the batch's own stream: whether,
   the share, the order, and CutMix's centre (row, column). */
#include "base/mathematics.h"
#include "base/size.h"
#include "data/fields.h"
#include "data/transform.h"
#include <math.h>
#include <string.h>

typedef cnn_mix_options options;

static const cnn__field mixup_fields[] = {REAL(alpha, 1e-3, 1e3, 0.2), REAL(probability, 0, 1, 1)};
static const cnn__field cutmix_fields[] = {REAL(alpha, 1e-3, 1e3, 1), REAL(probability, 0, 1, 1)};

/* Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; the logarithm, since
   for small alpha the number itself underflows. */
static double draw_log_gamma(cnn__random *random, double alpha) {
  const double boosted = alpha < 1 ? alpha + 1 : alpha;
  const double d = boosted - 1. / 3, c = 1 / sqrt(9 * d);
  double log_value = 0;
  for (;;) {
    const double x = cnn__random_normal(random), cube_root = 1 + c * x;
    const double u = 1 - cnn__random_range(random, 0, 1); /* (0, 1] */
    if (!(cube_root > 0)) continue;
    const double v = cube_root * cube_root * cube_root, log_v = cnn__log(v);
    if (cnn__log(u) < 0.5 * x * x + d - d * v + d * log_v) {
      log_value = cnn__log(d) + log_v;
      break;
    }
  }
  if (alpha < 1) log_value += cnn__log(1 - cnn__random_range(random, 0, 1)) / alpha;
  return log_value;
}

/* Beta(alpha, alpha) */
static double draw_share(cnn__random *random, double alpha) {
  const double a = draw_log_gamma(random, alpha), b = draw_log_gamma(random, alpha);
  const double difference = b - a; /* the share is a / (a + b) */
  if (difference > 700) return 0;
  return difference < -700 ? 1 : 1 / (1 + cnn__exp(difference));
}

/* Draws whether, the share, and the partner of every sample. */
static bool draw_mix(const options *o, cnn__random *random, size_t count, uint32_t *partners,
                     double *share) {
  if (!(cnn__random_range(random, 0, 1) < o->probability)) return false;
  *share = draw_share(random, o->alpha);
  for (size_t i = 0; i < count; i++)
    partners[i] = (uint32_t)i;
  cnn__random_shuffle(random, partners, count);
  return true;
}

/* rows = share * rows + (1 - share) * rows of partners */
static void blend(size_t count, size_t width, float *rows, const uint32_t *partners, float share,
                  float *scratch) {
  memcpy(scratch, rows, count * width * sizeof *rows);
  const float rest = 1 - share;
  for (size_t i = 0; i < count; i++) {
    const float *other = scratch + partners[i] * width;
    for (size_t e = 0; e < width; e++)
      rows[i * width + e] = share * rows[i * width + e] + rest * other[e];
  }
}

static void mixup(const cnn_transform *transform, cnn__random *random, cnn__mix *mix) {
  double share;
  if (!draw_mix(transform->settings, random, mix->count, mix->partners, &share)) return;
  blend(mix->count, cnn__shape_product(mix->shape), mix->images, mix->partners, (float)share,
        mix->scratch);
  blend(mix->count, mix->label_width, mix->labels, mix->partners, (float)share, mix->scratch);
}

/* The middle part of an axis, of a share of its length around a drawn centre, clipped. */
static void draw_side(cnn__random *random, size_t n, double share, size_t *begin, size_t *end) {
  const double centre = (double)cnn__random_below(random, n), half = (double)n * share / 2;
  const double low = centre - half, high = centre + half;
  *begin = low > 0 ? (size_t)low : 0;
  *end = cnn__size_min((size_t)high, n);
}

static void cutmix(const cnn_transform *transform, cnn__random *random, cnn__mix *mix) {
  const size_t height = mix->shape->dim[0], width = mix->shape->dim[1];
  const size_t channels = mix->shape->dim[2], image = height * width * channels;
  double share;
  if (!draw_mix(transform->settings, random, mix->count, mix->partners, &share)) return;
  const double side = sqrt(1 - share);
  size_t top, bottom, left, right;
  draw_side(random, height, side, &top, &bottom);
  draw_side(random, width, side, &left, &right);
  memcpy(mix->scratch, mix->images, mix->count * image * sizeof *mix->images);
  for (size_t i = 0; i < mix->count; i++)
    for (size_t y = top; y < bottom; y++) {
      const size_t at = (y * width + left) * channels;
      memcpy(mix->images + i * image + at, mix->scratch + mix->partners[i] * image + at,
             (right - left) * channels * sizeof *mix->images);
    }
  /* What is left of each image, which clipping made larger, is its label's share. */
  const double cut = (double)((bottom - top) * (right - left)) / (double)(height * width);
  blend(mix->count, mix->label_width, mix->labels, mix->partners, (float)(1 - cut), mix->scratch);
}

static const cnn__transform_class mixup_class = {
    .name = "cnn_mixup",
    .settings_size = sizeof(options),
    .fields = mixup_fields,
    .field_count = sizeof mixup_fields / sizeof *mixup_fields,
    .random = true,
    .mix = mixup,
};

static const cnn__transform_class cutmix_class = {
    .name = "cnn_cutmix",
    .settings_size = sizeof(options),
    .fields = cutmix_fields,
    .field_count = sizeof cutmix_fields / sizeof *cutmix_fields,
    .random = true,
    .mix = cutmix,
};

void cnn_mix_options_init(cnn_mix_options *o, size_t size) {
  cnn__options_init(o, size);
}

cnn_transform *cnn_mixup_create(const cnn_mix_options *given) {
  return cnn__transform_create(&mixup_class, given);
}

cnn_transform *cnn_cutmix_create(const cnn_mix_options *given) {
  return cnn__transform_create(&cutmix_class, given);
}

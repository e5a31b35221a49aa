/* Bodies of kernels/elementwise/loss.h, over the vector abstraction included before. */
#include "base/mathematics.h"
#include "kernels/elementwise/loss.h"
#include "kernels/elementwise/mathematics_body.h"

/* Where row begins in an array that may be missing. */
static inline float *row_of(float *array, size_t row, size_t n) {
  return array ? array + row * n : NULL;
}
static inline float weight_of(const cnn__loss_rows *rows, size_t row) {
  return rows->row_weights ? rows->row_weights[row] : 1.0f;
}

/* t = (1 - smoothing) * target + smoothing / n, the targets being 0 where labels stand instead. */
typedef struct smoothed {
  float share, base;
} smoothed;

static inline vector smoothed_target(smoothed smooth, const float *targets, size_t i, size_t n) {
  const vector base = vector_set(smooth.base);
  return targets ? vector_fma(vector_set(smooth.share), get(targets, i, n), base) : base;
}

/* What one pass over a row of logits finds, with their exponentials left in keep (or nowhere). */
typedef struct softmax_row {
  float sum;             /* of exp(p - max) */
  double targets, cross; /* sums of t and of t * (p - max) */
} softmax_row;

INLINE_CONSTANTS softmax_row softmax_pass(size_t n, const float *p, float max, smoothed smooth,
                                          const float *targets, float *keep) {
  vector sums[VECTORS];
  doubles total[VECTORS], cross[VECTORS];
  for (size_t v = 0; v < VECTORS; v++) {
    sums[v] = vector_zero();
    total[v] = cross[v] = doubles_zero();
  }
  const bool dense = targets || smooth.base != 0;
  for (size_t i = 0; i < n; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t at = i + v * VECTOR_WIDTH;
      const vector_mask here = present(at, n);
      const vector below = vector_sub(get(p, at, n), vector_set(max));
      const vector power = vector_exp(below);
      sums[v] = vector_add(sums[v], vector_keep(here, power));
      if (dense) {
        const doubles t = doubles_of(vector_keep(here, smoothed_target(smooth, targets, at, n)));
        total[v] = doubles_add(total[v], t);
        cross[v] = doubles_add_product(cross[v], t, doubles_of(vector_keep(here, below)));
      }
      if (keep) put(keep, at, n, power);
    }
  softmax_row result = {.sum = sum_lanes(sums)};
  if (dense) {
    result.targets = sum_double_lanes(total);
    result.cross = sum_double_lanes(cross);
  }
  return result;
}

/* probabilities = e / sum; gradient = factor * (total * e / sum - t). */
INLINE_CONSTANTS void softmax_finish(size_t n, const float *exponentials, float sum, float total,
                                     float factor, smoothed smooth, const float *targets,
                                     float *gradient, float *probabilities) {
  for (size_t i = 0; i < n; i += VECTOR_WIDTH) {
    const vector share = vector_div(get(exponentials, i, n), vector_set(sum));
    if (gradient) {
      const vector t = smoothed_target(smooth, targets, i, n);
      const vector slope = vector_sub(vector_mul(vector_set(total), share), t);
      put(gradient, i, n, vector_mul(vector_set(factor), slope));
    }
    if (probabilities) put(probabilities, i, n, share);
  }
}

static double softmax_cross_entropy(const cnn__loss_rows *rows) {
  const size_t n = rows->n;
  const smoothed smooth = {1.0f - rows->smoothing, rows->smoothing / (float)n};
  double loss = 0;
  for (size_t row = 0; row < rows->rows; row++) {
    const float *p = rows->predictions + row * n;
    const float *targets = rows->labels ? NULL : rows->targets + row * n;
    float *gradient = row_of(rows->gradient, row, n);
    float *probabilities = row_of(rows->probabilities, row, n);
    float *keep = probabilities ? probabilities : gradient;
    const int64_t label = rows->labels ? rows->labels[row] : -1;
    const bool labelled = label >= 0 && (size_t)label < n;
    const float max = row_max(n, p);
    const float at_label = labelled ? p[label] - max : 0;
    softmax_row found = softmax_pass(n, p, max, smooth, targets, keep);
    if (rows->labels) {
      found.targets = labelled ? 1.0 : (double)NAN;
      found.cross += (double)smooth.share * at_label;
    }
    const float weight = weight_of(rows, row), factor = rows->scale * weight;
    loss += weight * (found.targets * cnn__log(found.sum) - found.cross);
    if (!keep) continue;
    const float power = labelled ? keep[label] : 0;
    softmax_finish(n, keep, found.sum, (float)found.targets, factor, smooth, targets, gradient,
                   probabilities);
    if (gradient && labelled)
      gradient[label] = factor * (power / found.sum - (smooth.share + smooth.base));
  }
  return loss;
}

/* The losses whose values stand alone: one of n gives a loss, a slope and perhaps a probability. */
typedef struct one_loss {
  vector loss, slope, probability;
} one_loss;
typedef one_loss value_function(vector p, vector t, float delta);

/* The targets are smoothed towards base. */
INLINE_CONSTANTS double sum_of_values(value_function *function, const cnn__loss_rows *rows,
                                      smoothed smooth) {
  const size_t n = rows->n;
  double loss = 0;
  for (size_t row = 0; row < rows->rows; row++) {
    const float *p = rows->predictions + row * n, *targets = rows->targets + row * n;
    float *gradient = row_of(rows->gradient, row, n);
    float *probabilities = row_of(rows->probabilities, row, n);
    const float weight = weight_of(rows, row);
    const vector factor = vector_set(rows->scale * weight);
    doubles lanes[VECTORS];
    for (size_t v = 0; v < VECTORS; v++)
      lanes[v] = doubles_zero();
    for (size_t i = 0; i < n; i += LANES)
      for (size_t v = 0; v < VECTORS; v++) {
        const size_t at = i + v * VECTOR_WIDTH;
        const vector t = smoothed_target(smooth, targets, at, n);
        const one_loss one = function(get(p, at, n), t, rows->delta);
        lanes[v] = doubles_add(lanes[v], doubles_of(vector_keep(present(at, n), one.loss)));
        if (gradient) put(gradient, at, n, vector_mul(factor, one.slope));
        if (probabilities) put(probabilities, at, n, one.probability);
      }
    loss += weight * sum_double_lanes(lanes);
  }
  return loss;
}

static inline one_loss cross_entropy_of_logit(vector p, vector t, float delta) {
  const vector one = vector_set(1.0f), zero = vector_zero();
  const vector power = vector_exp(vector_negate(vector_abs(p)));
  const vector above = vector_select(vector_less(p, zero), power, one);
  const vector sigmoid = vector_div(above, vector_add(one, power));
  const vector line = vector_fnma(p, t, vector_max(p, zero));
  return (one_loss){vector_add(line, vector_log1p_unit(power)), vector_sub(sigmoid, t), sigmoid};
}
static inline one_loss square_of_difference(vector p, vector t, float delta) {
  const vector d = vector_sub(p, t);
  return (one_loss){vector_mul(d, d), vector_add(d, d), p};
}
static inline one_loss size_of_difference(vector p, vector t, float delta) {
  const vector d = vector_sub(p, t);
  const vector sign = vector_copy_sign(vector_set(1.0f), d);
  const vector_mask none = vector_mask_or(vector_equal(d, vector_zero()), vector_is_nan(d));
  return (one_loss){vector_abs(d), vector_select(none, d, sign), p};
}
static inline one_loss huber_of_difference(vector p, vector t, float delta) {
  const vector d = vector_sub(p, t), limit = vector_set(delta), half = vector_set(0.5f);
  const vector clipped = vector_min(limit, vector_max(vector_negate(limit), d));
  /* d^2 / 2 within; delta |d| - delta^2 / 2 = clipped (d - clipped / 2) beyond and within. */
  return (one_loss){vector_mul(clipped, vector_fnma(half, clipped, d)), clipped, p};
}

static double sigmoid_cross_entropy(const cnn__loss_rows *rows) {
  return sum_of_values(cross_entropy_of_logit, rows,
                       (smoothed){1.0f - rows->smoothing, rows->smoothing * 0.5f});
}
static double squared_error(const cnn__loss_rows *rows) {
  return sum_of_values(square_of_difference, rows, (smoothed){1.0f, 0.0f});
}
static double absolute_error(const cnn__loss_rows *rows) {
  return sum_of_values(size_of_difference, rows, (smoothed){1.0f, 0.0f});
}
static double huber(const cnn__loss_rows *rows) {
  return sum_of_values(huber_of_difference, rows, (smoothed){1.0f, 0.0f});
}

static void fill_loss(cnn__loss_kernels *table) {
  *table = (cnn__loss_kernels){
      .softmax_cross_entropy = softmax_cross_entropy,
      .sigmoid_cross_entropy = sigmoid_cross_entropy,
      .squared_error = squared_error,
      .absolute_error = absolute_error,
      .huber = huber,
  };
}

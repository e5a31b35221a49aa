/* Bodies of kernels/elementwise/optimizer.h, over the vector abstraction included before. */
#include "kernels/elementwise/lanes.h"
#include "kernels/elementwise/optimizer.h"

/* What every optimizer does first. */
typedef struct preparation {
  vector scale, limit, decay;
} preparation;

static inline preparation prepare(float gradient_scale, float clip_value, float decay) {
  return (preparation){vector_set(gradient_scale),
                       vector_set(clip_value > 0 ? clip_value : INFINITY), vector_set(decay)};
}
static inline vector prepared_gradient(preparation by, vector gradient) {
  const vector scaled = vector_mul(gradient, by.scale);
  return vector_min(by.limit, vector_max(vector_negate(by.limit), scaled));
}
static inline vector decayed(preparation by, vector weight) {
  return vector_fnma(weight, by.decay, weight);
}

/* Moments that fade away would become denormal, and slow. NaN stays. */
static inline vector flush_first(vector m) {
  return vector_select(vector_less(vector_abs(m), vector_set(0x1p-100f)), vector_zero(), m);
}
static inline vector flush_second(vector v) {
  return vector_select(vector_less(v, vector_set(0x1p-120f)), vector_zero(), v);
}

/* maximum comes apart from the arrays, so that the common case carries no test for it. */
INLINE_CONSTANTS void adam_update(const cnn__adam_step *step, size_t count, const float *gradient,
                                  float *weights, float *first, float *second, float *maximum) {
  const preparation by = prepare(step->gradient_scale, step->clip_value, step->decay);
  const vector alpha = vector_set(step->alpha), epsilon = vector_set(step->epsilon);
  const vector rate1 = vector_set(step->one_minus_beta1);
  const vector rate2 = vector_set(step->one_minus_beta2);
  for (size_t i = 0; i < count; i += VECTOR_WIDTH) {
    const vector g = prepared_gradient(by, get(gradient, i, count));
    vector m = get(first, i, count), v = get(second, i, count);
    m = flush_first(vector_fma(vector_sub(g, m), rate1, m));
    v = flush_second(vector_fma(vector_fma(g, g, vector_negate(v)), rate2, v));
    put(first, i, count, m);
    put(second, i, count, v);
    if (maximum) {
      v = vector_max(get(maximum, i, count), v);
      put(maximum, i, count, v);
    }
    const vector root = vector_add(vector_sqrt(v), epsilon);
    const vector move = vector_div(vector_mul(m, alpha), root);
    put(weights, i, count, vector_sub(decayed(by, get(weights, i, count)), move));
  }
}

static void adam(const cnn__adam_step *step, size_t count, const float *gradient, float *weights,
                 float *first, float *second, float *maximum) {
  if (maximum)
    adam_update(step, count, gradient, weights, first, second, maximum);
  else
    adam_update(step, count, gradient, weights, first, second, NULL);
}

static void sgd(const cnn__sgd_step *step, size_t count, const float *gradient, float *weights,
                float *velocity) {
  const preparation by = prepare(step->gradient_scale, step->clip_value, step->decay);
  const vector rate = vector_set(step->learning_rate), momentum = vector_set(step->momentum);
  for (size_t i = 0; i < count; i += VECTOR_WIDTH) {
    const vector g = prepared_gradient(by, get(gradient, i, count));
    const vector w = decayed(by, get(weights, i, count));
    if (!velocity) {
      put(weights, i, count, vector_fnma(rate, g, w));
      continue;
    }
    const vector step_down = vector_negate(vector_mul(rate, g));
    const vector m = flush_first(vector_fma(momentum, get(velocity, i, count), step_down));
    put(velocity, i, count, m);
    put(weights, i, count, vector_add(w, step->nesterov ? vector_fma(momentum, m, step_down) : m));
  }
}

static void rmsprop(const cnn__rmsprop_step *step, size_t count, const float *gradient,
                    float *weights, float *square, float *average, float *velocity) {
  const preparation by = prepare(step->gradient_scale, step->clip_value, step->decay);
  const vector rate = vector_set(step->learning_rate), momentum = vector_set(step->momentum);
  const vector rho = vector_set(step->rho), rest = vector_set(1.0f - step->rho);
  for (size_t i = 0; i < count; i += VECTOR_WIDTH) {
    const vector g = prepared_gradient(by, get(gradient, i, count));
    vector s = vector_mul(rho, get(square, i, count));
    s = flush_second(vector_fma(rest, vector_mul(g, g), s));
    put(square, i, count, s);
    if (average) {
      vector mean = vector_mul(rho, get(average, i, count));
      mean = flush_first(vector_fma(rest, g, mean));
      put(average, i, count, mean);
      s = vector_fnma(mean, mean, s);
    }
    const vector root = vector_sqrt(vector_add(s, vector_set(step->epsilon)));
    vector move = vector_div(vector_mul(rate, g), root);
    if (velocity) {
      move = flush_first(vector_fma(momentum, get(velocity, i, count), move));
      put(velocity, i, count, move);
    }
    put(weights, i, count, vector_sub(decayed(by, get(weights, i, count)), move));
  }
}

static void fill_optimizer(cnn__optimizer_kernels *table) {
  *table = (cnn__optimizer_kernels){.adam = adam, .sgd = sgd, .rmsprop = rmsprop};
}

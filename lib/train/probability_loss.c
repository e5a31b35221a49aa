/* Cross-entropies of probabilities: for models whose outputs are no logits. In float64, one row
   after the other: the exception, not the path that training takes. */
#include "base/mathematics.h"
#include "train/loss.h"

static const double least = 1e-7; /* Keras's epsilon */

static double clip(double p) {
  return p < least ? least : p > 1 - least ? 1 - least : p;
}

/* Keras computes the binary one in float32, whose largest number below 1 - 1e-7 is 1 - 2^-23. */
static double clip_binary(double p) {
  const double most = 1 - 0x1p-23;
  return p < least ? least : p > most ? most : p;
}

static bool inside(double p) {
  return p > least && p < 1 - least;
}

/* Labels as they count after smoothing. */
static double target(const cnn_loss *loss, const cnn__loss_call *call, size_t row, size_t i) {
  double smoothing = loss->settings.crossentropy.label_smoothing;
  double t = loss->class->by_index ? (size_t)call->labels.index[row] == i
                                   : (double)call->labels.vector[row * call->width + i];
  double share = loss->class->family == CNN__LOSS_SIGMOID ? 2 : (double)call->width;
  return t * (1 - smoothing) + smoothing / share;
}

/* Clipped, then normalised (through the log-softmax of their logarithms). */
static double sparse_row(const cnn_loss *loss, const cnn__loss_call *call, size_t row,
                         const float *p, double scale, float *gradient) {
  double sum = 0, weight = 0, value = 0;
  for (size_t i = 0; i < call->width; i++)
    sum += clip(p[i]);
  for (size_t i = 0; i < call->width; i++) {
    double t = target(loss, call, row, i);
    weight += t;
    value -= t * cnn__log(clip(p[i]) / sum);
  }
  for (size_t i = 0; gradient && i < call->width; i++) {
    double t = target(loss, call, row, i), slope = weight / sum - t / clip(p[i]);
    gradient[i] = inside(p[i]) ? (float)(scale * slope) : 0;
  }
  return value;
}

/* Normalised, then clipped. */
static double categorical_row(const cnn_loss *loss, const cnn__loss_call *call, size_t row,
                              const float *p, double scale, float *gradient) {
  double sum = 0, value = 0, mean = 0;
  for (size_t i = 0; i < call->width; i++)
    sum += p[i];
  for (size_t i = 0; i < call->width; i++) {
    double q = p[i] / sum, t = target(loss, call, row, i);
    value -= t * cnn__log(clip(q));
    if (inside(q)) mean -= t; /* q times the slope -t / q */
  }
  for (size_t i = 0; gradient && i < call->width; i++) {
    double q = p[i] / sum, t = target(loss, call, row, i), slope = inside(q) ? -t / q : 0;
    gradient[i] = (float)(scale * (slope - mean) / sum);
  }
  return value;
}

static double binary_row(const cnn_loss *loss, const cnn__loss_call *call, size_t row,
                         const float *p, double scale, float *gradient) {
  double value = 0, width = (double)call->width;
  for (size_t i = 0; i < call->width; i++) {
    double q = clip_binary(p[i]), t = target(loss, call, row, i);
    value -= t * cnn__log(q) + (1 - t) * cnn__log(1 - q);
    if (!gradient) continue;
    double slope = (1 - t) / (1 - q) - t / q;
    gradient[i] = q == (double)p[i] ? (float)(scale * slope / width) : 0;
  }
  return value / width;
}

double cnn__probability_loss(const cnn_loss *loss, const cnn__loss_call *call) {
  double sum = 0;
  for (size_t row = 0; row < call->rows; row++) {
    const float *p = call->outputs + row * call->width;
    float *gradient = call->gradient ? call->gradient + row * call->width : NULL;
    double weight = call->weights ? (double)call->weights[row] : 1;
    double scale = weight / (double)call->rows;
    if (loss->class->family == CNN__LOSS_SIGMOID)
      sum += weight * binary_row(loss, call, row, p, scale, gradient);
    else if (loss->class->by_index)
      sum += weight * sparse_row(loss, call, row, p, scale, gradient);
    else
      sum += weight * categorical_row(loss, call, row, p, scale, gradient);
  }
  return sum;
}

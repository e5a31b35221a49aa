#include "elementwise_runners.h"
#include <math.h>
#include <string.h>

static size_t count_of(const sample *s) {
  return s->rows * s->columns;
}

/* For what is not negative: targets, second moments. */
static void no_negatives(const sample *s, float *x) {
  for (size_t i = 0; i < count_of(s); i++)
    x[i] = x[i] < 0 ? -x[i] : x[i];
}

/* Arithmetic */
static void run_add(const cnn__elementwise_kernels *k, const sample *s) {
  k->arithmetic.add(count_of(s), s->in[0], s->in[1], s->out[0]);
}
static void run_multiply(const cnn__elementwise_kernels *k, const sample *s) {
  k->arithmetic.multiply(count_of(s), s->in[0], s->in[1], s->out[0]);
}
static void run_scale(const cnn__elementwise_kernels *k, const sample *s) {
  k->arithmetic.scale(count_of(s), 0.7f, s->in[0], s->out[0]);
}
static void run_axpy(const cnn__elementwise_kernels *k, const sample *s) {
  k->arithmetic.axpy(count_of(s), 0.7f, s->in[0], s->out[0]);
}
static void run_affine(const cnn__elementwise_kernels *k, const sample *s) {
  k->arithmetic.affine(count_of(s), 0.7f, -0.1f, s->in[0], s->out[0]);
}
static void run_exp(const cnn__elementwise_kernels *k, const sample *s) {
  k->arithmetic.exp(count_of(s), s->in[0], s->out[0]);
}
static void run_log(const cnn__elementwise_kernels *k, const sample *s) {
  k->arithmetic.log(count_of(s), s->in[0], s->out[0]);
}
static void run_sum_of_squares(const cnn__elementwise_kernels *k, const sample *s) {
  s->sums[0][0] = k->arithmetic.sum_of_squares(count_of(s), s->in[0]);
}
static void run_finite(const cnn__elementwise_kernels *k, const sample *s) {
  s->sums[0][0] = k->arithmetic.finite(count_of(s), s->in[0]);
  for (size_t i = 0; i <= count_of(s) && i < 48; i++)
    s->sums[1][0] = 2 * s->sums[1][0] + k->arithmetic.finite(i, s->in[1]);
}
static void run_dropout(const cnn__elementwise_kernels *k, const sample *s) {
  const cnn__philox_stream stream = {{0xfffffffeu, 5, 77, 0x80000001u}, {123, 0xdeadbeefu}};
  k->arithmetic.dropout(count_of(s), &stream, 0x60000000u, 1.6f, s->in[0], s->out[0]);
  k->arithmetic.dropout(count_of(s), &stream, 0xc0000000u, 1.6f, s->in[0], s->out[1]);
}

/* Activations */
static void run_activation(const cnn__activation_kernel *kernel, const sample *s) {
  kernel->forward(count_of(s), 0.3f, s->in[0], s->out[0]);
  kernel->backward(count_of(s), 0.3f, s->in[0], s->out[0], s->in[1], s->out[1]);
}
static void run_relu(const cnn__elementwise_kernels *k, const sample *s) {
  run_activation(&k->activation.relu, s);
}
static void run_leaky_relu(const cnn__elementwise_kernels *k, const sample *s) {
  run_activation(&k->activation.leaky_relu, s);
}
static void run_relu6(const cnn__elementwise_kernels *k, const sample *s) {
  run_activation(&k->activation.relu6, s);
}
static void run_sigmoid(const cnn__elementwise_kernels *k, const sample *s) {
  run_activation(&k->activation.sigmoid, s);
}
static void run_tanh(const cnn__elementwise_kernels *k, const sample *s) {
  run_activation(&k->activation.tanh, s);
}
static void run_elu(const cnn__elementwise_kernels *k, const sample *s) {
  run_activation(&k->activation.elu, s);
}
static void run_gelu(const cnn__elementwise_kernels *k, const sample *s) {
  run_activation(&k->activation.gelu, s);
}
static void run_silu(const cnn__elementwise_kernels *k, const sample *s) {
  run_activation(&k->activation.silu, s);
}
static void run_softplus(const cnn__elementwise_kernels *k, const sample *s) {
  run_activation(&k->activation.softplus, s);
}
static void run_softmax(const cnn__elementwise_kernels *k, const sample *s) {
  k->activation.softmax(s->rows, s->columns, s->in[0], s->out[0]);
  k->activation.softmax_backward(s->rows, s->columns, s->out[0], s->in[1], s->out[1]);
}

/* Losses */
typedef double loss_kernel(const cnn__loss_rows *rows);
static void run_loss(loss_kernel *kernel, float smoothing, const int32_t *labels, const sample *s) {
  cnn__loss_rows rows = {.rows = s->rows,
                         .n = s->columns,
                         .predictions = s->in[0],
                         .labels = labels,
                         .targets = s->out[3],
                         .row_weights = s->in[2],
                         .smoothing = smoothing,
                         .delta = 0.6f,
                         .scale = 0.3f,
                         .gradient = s->out[0],
                         .probabilities = s->out[1]};
  no_negatives(s, s->out[3]);
  if (s->columns) s->sums[0][0] = kernel(&rows);
  rows.row_weights = NULL;
  rows.gradient = s->out[2];
  rows.probabilities = NULL;
  if (s->columns) s->sums[1][0] = kernel(&rows);
}
static void run_sparse(const cnn__elementwise_kernels *k, const sample *s, float smoothing) {
  int32_t labels[64];
  for (size_t row = 0; row < s->rows; row++)
    labels[row] = (int32_t)(row * 7 % (s->columns + (s->columns == 0)));
  run_loss(k->loss.softmax_cross_entropy, smoothing, labels, s);
}
static void run_cross_entropy_of_labels(const cnn__elementwise_kernels *k, const sample *s) {
  run_sparse(k, s, 0);
}
static void run_cross_entropy_smoothed(const cnn__elementwise_kernels *k, const sample *s) {
  run_sparse(k, s, 0.1f);
}
static void run_cross_entropy_of_targets(const cnn__elementwise_kernels *k, const sample *s) {
  run_loss(k->loss.softmax_cross_entropy, 0.1f, NULL, s);
}
static void run_sigmoid_cross_entropy(const cnn__elementwise_kernels *k, const sample *s) {
  run_loss(k->loss.sigmoid_cross_entropy, 0.1f, NULL, s);
}
static void run_squared_error(const cnn__elementwise_kernels *k, const sample *s) {
  run_loss(k->loss.squared_error, 0, NULL, s);
}
static void run_absolute_error(const cnn__elementwise_kernels *k, const sample *s) {
  run_loss(k->loss.absolute_error, 0, NULL, s);
}
static void run_huber(const cnn__elementwise_kernels *k, const sample *s) {
  run_loss(k->loss.huber, 0, NULL, s);
}

/* Pooling: rows x columns are cells x channels of the output; windows of two cells side by side in
   two rows lie within rows x columns of the input where there are enough of them. */
static cnn__pool_run pool_run(const sample *s, size_t rows, size_t columns, bool overlap) {
  const size_t channels = s->columns, width = s->rows / rows;
  cnn__pool_run run = {.channels = channels,
                       .rows = rows,
                       .columns = columns,
                       .row = width * channels,
                       .position = 3,
                       .position_row = 1000,
                       .accumulate = overlap};
  const size_t step = overlap ? 1 : columns;
  run.step = step * channels;
  run.position_step = (uint32_t)step;
  run.cells = width < columns ? 0 : (width - columns) / step + 1;
  return run;
}
static void run_pool(const cnn__elementwise_kernels *k, const sample *s, size_t rows,
                     size_t columns, bool overlap) {
  const cnn__pool_run run = pool_run(s, rows, columns, overlap);
  uint32_t *positions = (uint32_t *)(void *)s->out[1];
  k->pooling.max_pool(&run, s->in[0], s->out[0], positions);
  k->pooling.max_pool_backward(&run, s->in[1], positions, s->out[2]);
  k->pooling.average_pool_backward(&run, s->in[1], s->out[3]);
}
static void run_pool_2x2(const cnn__elementwise_kernels *k, const sample *s) {
  run_pool(k, s, 2, 2, false);
}
static void run_pool_3x2_overlapping(const cnn__elementwise_kernels *k, const sample *s) {
  run_pool(k, s, 3, 2, true);
}
static void run_average_pool(const cnn__elementwise_kernels *k, const sample *s) {
  const cnn__pool_run two = pool_run(s, 2, 2, false), three = pool_run(s, 1, 3, true);
  k->pooling.average_pool(&two, s->in[0], s->out[0]);
  k->pooling.average_pool(&three, s->in[0], s->out[1]);
  k->pooling.max_pool(&three, s->in[0], s->out[2], NULL);
}

/* Normalisation */
static void run_column_sums(const cnn__elementwise_kernels *k, const sample *s) {
  k->normalization.column_sums(s->rows, s->columns, s->in[0], s->sums[0]);
}
static void run_column_moments(const cnn__elementwise_kernels *k, const sample *s) {
  k->normalization.column_moments(s->rows, s->columns, s->in[0], s->sums[0], s->sums[1]);
}
static void run_column_products(const cnn__elementwise_kernels *k, const sample *s) {
  k->normalization.column_products(s->rows, s->columns, s->in[0], s->in[2], s->in[1], NULL,
                                   s->sums[0], s->sums[1]);
}
/* By factors of 1 and -1, which round nothing: a result beside its limit would pass on one side alone. */
static cnn__normalization_gate gate_of(const sample *s, float most) {
  float *scale = s->out[2];
  for (size_t i = 0; i < s->columns && s->rows > 0; i++)
    scale[i] = copysignf(1, scale[i]);
  return (cnn__normalization_gate){scale, s->in[3], 0, most};
}
static void run_gated_products(const cnn__elementwise_kernels *k, const sample *s) {
  const cnn__normalization_gate gate = gate_of(s, 6);
  k->normalization.column_products(s->rows, s->columns, s->in[0], s->in[2], s->in[1], &gate,
                                   s->sums[0], s->sums[1]);
}
static void run_normalize(const cnn__elementwise_kernels *k, const sample *s) {
  k->normalization.normalize(s->rows, s->columns, s->in[0], s->in[1], s->in[2], s->in[3],
                             -HUGE_VALF, HUGE_VALF, s->out[0]);
  k->normalization.normalize_backward(s->rows, s->columns, s->in[0], s->in[1], s->in[3], NULL,
                                      s->in[2], s->in[1], s->in[2], s->out[1]);
}
static void run_gated_normalize(const cnn__elementwise_kernels *k, const sample *s) {
  const cnn__normalization_gate gate = gate_of(s, NAN);
  k->normalization.normalize(s->rows, s->columns, s->in[0], s->in[1], s->in[2], s->in[3], 0, 6,
                             s->out[0]);
  k->normalization.normalize_backward(s->rows, s->columns, s->in[0], s->in[1], s->in[3], &gate,
                                      s->in[2], s->in[1], s->in[2], s->out[1]);
}

/* Optimizers */
static void run_adam(const cnn__elementwise_kernels *k, const sample *s) {
  const cnn__adam_step step = {0.01f, 0.1f, 0.001f, 1e-7f, 0, 1, 0};
  no_negatives(s, s->out[2]);
  k->optimizer.adam(&step, count_of(s), s->in[0], s->out[0], s->out[1], s->out[2], NULL);
}
static void run_amsgrad(const cnn__elementwise_kernels *k, const sample *s) {
  const cnn__adam_step step = {0.01f, 0.1f, 0.001f, 1e-7f, 0.01f, 0.7f, 0.5f};
  no_negatives(s, s->out[2]);
  no_negatives(s, s->out[3]);
  k->optimizer.adam(&step, count_of(s), s->in[0], s->out[0], s->out[1], s->out[2], s->out[3]);
}
static void run_sgd(const cnn__elementwise_kernels *k, const sample *s) {
  const cnn__sgd_step plain = {.learning_rate = 0.1f, .gradient_scale = 1};
  const cnn__sgd_step nesterov = {0.1f, 0.9f, true, 0.01f, 0.3f, 0.8f};
  k->optimizer.sgd(&plain, count_of(s), s->in[0], s->out[0], NULL);
  k->optimizer.sgd(&nesterov, count_of(s), s->in[0], s->out[2], s->out[1]);
}
static void run_rmsprop(const cnn__elementwise_kernels *k, const sample *s) {
  const cnn__rmsprop_step step = {0.01f, 0.9f, 0.5f, 1e-3f, 0.01f, 1, 0};
  no_negatives(s, s->out[1]);
  memset(s->out[2], 0, count_of(s) * sizeof(float));
  k->optimizer.rmsprop(&step, count_of(s), s->in[0], s->out[0], s->out[1], s->out[2], s->out[3]);
}
static void run_plain_rmsprop(const cnn__elementwise_kernels *k, const sample *s) {
  const cnn__rmsprop_step step = {0.01f, 0.9f, 0, 1e-3f, 0, 1, 0.5f};
  no_negatives(s, s->out[1]);
  k->optimizer.rmsprop(&step, count_of(s), s->in[0], s->out[0], s->out[1], NULL, NULL);
}

const elementwise_runner elementwise_runners[] = {
    {"add", run_add, -1},
    {"multiply", run_multiply, -1},
    {"scale", run_scale, -1},
    {"axpy", run_axpy, 2e-7},
    {"affine", run_affine, 2e-7},
    {"exp", run_exp, 1e-6},
    {"log", run_log, 1e-6},
    {"sum_of_squares", run_sum_of_squares, -1},
    {"finite", run_finite, -1},
    {"dropout", run_dropout, -1},
    {"relu", run_relu, -1},
    {"leaky_relu", run_leaky_relu, -1},
    {"relu6", run_relu6, -1},
    {"sigmoid", run_sigmoid, 1e-6},
    {"tanh", run_tanh, 1e-6},
    {"elu", run_elu, 1e-6},
    {"gelu", run_gelu, 2e-6},
    {"silu", run_silu, 2e-6},
    {"softplus", run_softplus, 1e-6},
    {"softmax", run_softmax, 2e-6},
    {"cross_entropy_of_labels", run_cross_entropy_of_labels, 1e-5},
    {"cross_entropy_smoothed", run_cross_entropy_smoothed, 1e-5},
    {"cross_entropy_of_targets", run_cross_entropy_of_targets, 1e-5},
    {"sigmoid_cross_entropy", run_sigmoid_cross_entropy, 1e-5},
    {"squared_error", run_squared_error, 1e-6},
    {"absolute_error", run_absolute_error, 1e-6},
    {"huber", run_huber, 1e-6},
    {"max_pool_2x2", run_pool_2x2, -1},
    {"max_pool_3x2_overlapping", run_pool_3x2_overlapping, -1},
    {"average_pool", run_average_pool, -1},
    {"column_sums", run_column_sums, -1},
    {"column_moments", run_column_moments, -1},
    {"column_products", run_column_products, -1},
    {"gated column_products", run_gated_products, -1},
    {"normalize", run_normalize, 1e-6},
    {"normalize, gated", run_gated_normalize, 1e-6},
    {"adam", run_adam, 1e-5},
    {"amsgrad", run_amsgrad, 1e-5},
    {"sgd", run_sgd, 1e-6},
    {"rmsprop", run_rmsprop, 1e-5},
    {"plain_rmsprop", run_plain_rmsprop, 1e-5},
};
const size_t elementwise_runner_count = sizeof elementwise_runners / sizeof *elementwise_runners;

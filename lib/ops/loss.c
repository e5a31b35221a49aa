#include "ops/loss.h"
#include "kernels/kernels.h"
#include "ops/blocks.h"

static const cnn__loss_kernels *kernels(void) {
  return &cnn__kernels_get()->elementwise.loss;
}

/* Exponentials and logarithms make an element dearer than in other operations. */
enum { LOSS_BLOCK = 4096 };

typedef struct loss {
  double (*kernel)(const cnn__loss_rows *rows);
  const cnn__loss_rows *rows;
} loss;

static double loss_of_rows(const void *argument, size_t first, size_t count) {
  const loss *of = argument;
  cnn__loss_rows part = *of->rows;
  const size_t offset = first * part.n;
  part.rows = count;
  part.predictions += offset;
  if (part.labels) part.labels += first;
  if (part.targets) part.targets += offset;
  if (part.row_weights) part.row_weights += first;
  if (part.gradient) part.gradient += offset;
  if (part.probabilities) part.probabilities += offset;
  return of->kernel(&part);
}

static double sum_of_losses(cnn_context *context, double (*kernel)(const cnn__loss_rows *rows),
                            const cnn__loss_rows *rows) {
  const loss of = {kernel, rows};
  const size_t size = cnn__size_max(1, LOSS_BLOCK / cnn__size_max(rows->n, 1));
  return cnn__sum_blocks(context, &(cnn__sum){loss_of_rows, &of, rows->rows, size});
}

double cnn__softmax_cross_entropy(cnn_context *context, const cnn__loss_rows *rows) {
  return sum_of_losses(context, kernels()->softmax_cross_entropy, rows);
}
double cnn__sigmoid_cross_entropy(cnn_context *context, const cnn__loss_rows *rows) {
  return sum_of_losses(context, kernels()->sigmoid_cross_entropy, rows);
}
double cnn__squared_error(cnn_context *context, const cnn__loss_rows *rows) {
  return sum_of_losses(context, kernels()->squared_error, rows);
}
double cnn__absolute_error(cnn_context *context, const cnn__loss_rows *rows) {
  return sum_of_losses(context, kernels()->absolute_error, rows);
}
double cnn__huber(cnn_context *context, const cnn__loss_rows *rows) {
  return sum_of_losses(context, kernels()->huber, rows);
}

/* The family's bodies together, and the table of them. */
#include "kernels/convolution.h"
#include "kernels/convolution/pooling_body.h"
#include "kernels/convolution/shallow_body.h"
#include "kernels/convolution/winograd_body.h"

static void fill_convolution(cnn__convolution_kernels *table) {
  fill_windows(&table->windows);
  fill_shallow(&table->shallow);
  fill_winograd(&table->winograd);
}

/* The whole family, over the vector abstraction included before. Each elementwise_<isa>.c includes
   this and fills the table. */
#include "kernels/elementwise.h"
#include "kernels/elementwise/activation_body.h"
#include "kernels/elementwise/arithmetic_body.h"
#include "kernels/elementwise/loss_body.h"
#include "kernels/elementwise/normalization_body.h"
#include "kernels/elementwise/optimizer_body.h"
#include "kernels/elementwise/pooling_body.h"

static void fill_elementwise(cnn__elementwise_kernels *table) {
  fill_arithmetic(&table->arithmetic);
  fill_activation(&table->activation);
  fill_loss(&table->loss);
  fill_pooling(&table->pooling);
  fill_normalization(&table->normalization);
  fill_optimizer(&table->optimizer);
}

#include "kernels/generic/vector_generic.h"

#include "kernels/elementwise/elementwise_body.h"
#include "kernels/fill.h"

void cnn__elementwise_kernels_fill_generic(cnn__elementwise_kernels *table) {
  fill_elementwise(table);
}

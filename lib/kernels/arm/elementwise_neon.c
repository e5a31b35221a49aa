#include "kernels/arm/vector_neon.h"

#include "kernels/elementwise/elementwise_body.h"
#include "kernels/fill.h"

void cnn__elementwise_kernels_fill_neon(cnn__elementwise_kernels *table) {
  fill_elementwise(table);
}

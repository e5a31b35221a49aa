#include "kernels/x86/vector_avx512.h"

#include "kernels/elementwise/elementwise_body.h"
#include "kernels/fill.h"

void cnn__elementwise_kernels_fill_avx512(cnn__elementwise_kernels *table) {
  fill_elementwise(table);
}

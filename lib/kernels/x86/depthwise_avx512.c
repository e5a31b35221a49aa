#include "kernels/x86/vector_avx512.h"

#include "kernels/depthwise/depthwise_body.h"
#include "kernels/fill.h"

void cnn__depthwise_kernels_fill_avx512(cnn__depthwise_kernels *table) {
  fill_depthwise(table);
}

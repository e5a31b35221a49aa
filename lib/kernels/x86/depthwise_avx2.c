#include "kernels/x86/vector_avx2.h"

#include "kernels/depthwise/depthwise_body.h"
#include "kernels/fill.h"

void cnn__depthwise_kernels_fill_avx2(cnn__depthwise_kernels *table) {
  fill_depthwise(table);
}

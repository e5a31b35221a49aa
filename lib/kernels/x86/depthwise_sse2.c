#include "kernels/x86/vector_sse2.h"

#include "kernels/depthwise/depthwise_body.h"
#include "kernels/fill.h"

void cnn__depthwise_kernels_fill_sse2(cnn__depthwise_kernels *table) {
  fill_depthwise(table);
}

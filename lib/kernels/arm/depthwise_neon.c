#include "kernels/arm/vector_neon.h"

#include "kernels/depthwise/depthwise_body.h"
#include "kernels/fill.h"

void cnn__depthwise_kernels_fill_neon(cnn__depthwise_kernels *table) {
  fill_depthwise(table);
}

#include "kernels/generic/vector_generic.h"

#include "kernels/depthwise/depthwise_body.h"
#include "kernels/fill.h"

void cnn__depthwise_kernels_fill_generic(cnn__depthwise_kernels *table) {
  fill_depthwise(table);
}

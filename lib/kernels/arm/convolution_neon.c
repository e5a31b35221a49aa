#include "kernels/arm/vector_neon.h"

#include "kernels/convolution/convolution_body.h"
#include "kernels/fill.h"

void cnn__convolution_kernels_fill_neon(cnn__convolution_kernels *table) {
  fill_convolution(table);
}

#include "kernels/x86/vector_avx2.h"

#include "kernels/convolution/convolution_body.h"
#include "kernels/fill.h"

void cnn__convolution_kernels_fill_avx2(cnn__convolution_kernels *table) {
  fill_convolution(table);
}

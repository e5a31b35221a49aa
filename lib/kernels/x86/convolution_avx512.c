#include "kernels/x86/vector_avx512.h"

#include "kernels/convolution/convolution_body.h"
#include "kernels/fill.h"

void cnn__convolution_kernels_fill_avx512(cnn__convolution_kernels *table) {
  fill_convolution(table);
}

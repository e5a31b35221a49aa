#include "kernels/x86/vector_sse2.h"

#include "kernels/convolution/convolution_body.h"
#include "kernels/fill.h"

void cnn__convolution_kernels_fill_sse2(cnn__convolution_kernels *table) {
  fill_convolution(table);
}

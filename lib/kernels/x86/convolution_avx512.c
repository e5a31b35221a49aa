#include "kernels/x86/vector_avx512.h"

#include "kernels/convolution/convolution_body.h"
#include "kernels/fill.h"
#include "kernels/x86/shallow_avx512_body.h"

void cnn__convolution_kernels_fill_avx512(cnn__convolution_kernels *table) {
  fill_convolution(table);
  table->shallow.gradient = shallow_gradient_picked;
}

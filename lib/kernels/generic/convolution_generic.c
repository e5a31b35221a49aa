#include "kernels/generic/vector_generic.h"

#include "kernels/convolution/convolution_body.h"
#include "kernels/fill.h"

void cnn__convolution_kernels_fill_generic(cnn__convolution_kernels *table) {
  fill_convolution(table);
}

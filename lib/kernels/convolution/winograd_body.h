/* The bodies of kernels/convolution/winograd.h together, and the table of them. */
#include "kernels/convolution/winograd_adjoint_body.h"
#include "kernels/convolution/winograd_forward_body.h"
#include "kernels/convolution/winograd_kernel_body.h"

static void fill_winograd(cnn__winograd_kernels *table) {
  *table = (cnn__winograd_kernels){
      .input = winograd_input,
      .output = winograd_output,
      .output_pooled = winograd_output_pooled,
      .output_adjoint = winograd_output_adjoint,
      .output_pooled_adjoint = winograd_output_pooled_adjoint,
      .input_adjoint = winograd_input_adjoint,
      .kernel = winograd_kernel,
      .kernel_adjoint = winograd_kernel_adjoint,
  };
}

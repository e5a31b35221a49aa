/* A convolution layer in oneDNN, for bench_layers: with bias, and ReLU in the forward pass where the
   shape has it. */
#ifndef CNN_BENCH_ONEDNN_H
#define CNN_BENCH_ONEDNN_H

#include "ops/conv.h"

typedef enum onednn_pass {
  ONEDNN_FORWARD,
  ONEDNN_DATA,   /* the input's gradient */
  ONEDNN_WEIGHTS /* the kernel's and the bias's */
} onednn_pass;

/* One pass of a layer in one memory format, planned, its memory filled. */
typedef struct onednn_convolution onednn_convolution;

/* own_format: oneDNN's choice for input and output, else NHWC; weights are oneDNN's choice in either case. NULL where oneDNN has
   no such kernel. */
onednn_convolution *onednn_create(const cnn__conv_shape *shape, onednn_pass pass, bool training,
                                  bool own_format);
void onednn_run(onednn_convolution *convolution);
void onednn_free(onednn_convolution *convolution);
const char *onednn_version_text(void);

#endif

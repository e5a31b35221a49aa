/* Direct convolution's weight gradient: what a step of a task sees, and the ways to multiply. */
#ifndef CNN_OPS_CONV_DIRECT_WEIGHTS_H
#define CNN_OPS_CONV_DIRECT_WEIGHTS_H

#include "ops/conv_direct.h"

typedef struct cnn__weight_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  size_t images;
  size_t in_blocks, out_blocks; /* of one group */
  size_t tasks;
} cnn__weight_job;

/* The work of one task: a slice of images, a block of input and one of output channels. */
typedef struct cnn__weight_task {
  const cnn__weight_job *job;
  size_t group;
  size_t in, in_count; /* channels within the group */
  size_t out, out_count;
  size_t first_image, images, first_row, rows; /* of the step at hand */
  const float *dy;                             /* the block's gradients of the step's first cell */
  size_t dy_image, dy_pitch;                   /* floats to the next image's, to the next cell's */
  float *inputs, *gradients;                   /* scratch for copies of the step's */
  size_t pitch;                                /* floats from one channel's inputs to the next */
  const float *zeros;                          /* a cell outside the image */
  float *dkernel, *dbias;                      /* NULL: not wanted */
  float image_bias[DIRECT_MOST_OUT];           /* sums of the image at hand */
  bool accumulate;
  const float **pointers;
} cnn__weight_task;

/* dkernel and dbias, as far as they are wanted; dy has gone through the ReLU already. Tasks in any order, then
   what slices of images have, summed. */
cnn__weight_job cnn__direct_weight_job(const cnn__conv *conv, size_t images,
                                       const cnn__conv_buffers *buffers);
void cnn__direct_weight_task(void *job, size_t task, size_t slot);
void cnn__direct_sum_weights(const cnn__weight_job *job, cnn_context *context);

/* dkernel (+)= the step's inputs, transposed, times its gradients: tap by tap; */
void cnn__weights_by_taps(const cnn__weight_task *work);
/* as one product, which packs the gradients in scratch, where DIRECT_PACK; */
void cnn__weights_packing(const cnn__weight_task *work);
/* a row of the kernel at once, where cnn__direct_few; */
void cnn__weights_by_rows(const cnn__weight_task *work);
/* all at once, where DIRECT_COLUMNS; */
void cnn__weights_by_columns(const cnn__weight_task *work);
/* the other way round, where cnn__direct_narrow: its transpose, in inputs, which in the end is turned. */
void cnn__weights_across(const cnn__weight_task *work);
void cnn__weights_turn(const cnn__weight_task *work);

#endif

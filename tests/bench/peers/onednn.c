#include "onednn.h"
#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>

/* Of oneDNN's own memory formats none is asked for: "any" lets it choose. oneDNN measured without its reorders: as if every
   neighbour kept the format that it likes. */
enum { MOST_ARGUMENTS = 4, DIMENSIONS = 5 };

struct onednn_convolution {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_desc_t hint, description;
  dnnl_primitive_t primitive;
  dnnl_primitive_attr_t attributes;
  int count;
  dnnl_exec_arg_t arguments[MOST_ARGUMENTS];
};

typedef struct tensors {
  dnnl_memory_desc_t x, weights, bias, y;
} tensors;

static tensors describe(const cnn__conv_shape *s, bool own_format) {
  const dnnl_format_tag_t image = own_format ? dnnl_format_tag_any : dnnl_nhwc;
  const dnnl_dim_t batch = (dnnl_dim_t)s->batch, groups = (dnnl_dim_t)s->groups;
  const dnnl_dims_t x = {batch, (dnnl_dim_t)s->in_channels, (dnnl_dim_t)s->in_height,
                         (dnnl_dim_t)s->in_width};
  const dnnl_dims_t y = {batch, (dnnl_dim_t)s->out_channels, (dnnl_dim_t)s->out_height,
                         (dnnl_dim_t)s->out_width};
  const dnnl_dims_t bias = {(dnnl_dim_t)s->out_channels};
  const dnnl_dims_t grouped = {groups, (dnnl_dim_t)s->out_channels / groups,
                               (dnnl_dim_t)s->in_channels / groups, (dnnl_dim_t)s->kernel_height,
                               (dnnl_dim_t)s->kernel_width};
  const dnnl_dims_t ungrouped = {grouped[1], grouped[2], grouped[3], grouped[4]};
  tensors t;
  dnnl_memory_desc_init_by_tag(&t.x, 4, x, dnnl_f32, image);
  dnnl_memory_desc_init_by_tag(&t.y, 4, y, dnnl_f32, image);
  dnnl_memory_desc_init_by_tag(&t.bias, 1, bias, dnnl_f32, dnnl_a);
  if (groups > 1)
    dnnl_memory_desc_init_by_tag(&t.weights, DIMENSIONS, grouped, dnnl_f32, dnnl_format_tag_any);
  else
    dnnl_memory_desc_init_by_tag(&t.weights, 4, ungrouped, dnnl_f32, dnnl_format_tag_any);
  return t;
}

static bool add_memory(onednn_convolution *c, int argument, dnnl_query_t query) {
  const dnnl_memory_desc_t *description = dnnl_primitive_desc_query_md(c->description, query, 0);
  dnnl_memory_t memory;
  if (!description ||
      dnnl_memory_create(&memory, description, c->engine, DNNL_MEMORY_ALLOCATE) != dnnl_success)
    return false;
  void *data;
  dnnl_memory_get_data_handle(memory, &data);
  float *values = data;
  for (size_t i = 0; i < dnnl_memory_desc_get_size(description) / sizeof *values; i++)
    values[i] = (float)(i * 2654435761u % 65536) / 32768 - 1;
  c->arguments[c->count++] = (dnnl_exec_arg_t){argument, memory};
  return true;
}

static bool add_memories(onednn_convolution *c, onednn_pass pass) {
  if (pass == ONEDNN_FORWARD)
    return add_memory(c, DNNL_ARG_SRC, dnnl_query_src_md) &&
           add_memory(c, DNNL_ARG_WEIGHTS, dnnl_query_weights_md) &&
           dnnl_primitive_desc_query_md(c->description, dnnl_query_weights_md, 1) &&
           add_memory(c, DNNL_ARG_DST, dnnl_query_dst_md);
  if (pass == ONEDNN_DATA)
    return add_memory(c, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md) &&
           add_memory(c, DNNL_ARG_WEIGHTS, dnnl_query_weights_md) &&
           add_memory(c, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md);
  return add_memory(c, DNNL_ARG_SRC, dnnl_query_src_md) &&
         add_memory(c, DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md) &&
         add_memory(c, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md);
}

static bool add_bias(onednn_convolution *c, onednn_pass pass, const dnnl_memory_desc_t *bias) {
  if (pass == ONEDNN_DATA) return true;
  dnnl_memory_t memory;
  if (dnnl_memory_create(&memory, bias, c->engine, DNNL_MEMORY_ALLOCATE) != dnnl_success)
    return false;
  void *data;
  dnnl_memory_get_data_handle(memory, &data);
  for (dnnl_dim_t i = 0; i < bias->dims[0]; i++)
    ((float *)data)[i] = 0.1f;
  c->arguments[c->count++] =
      (dnnl_exec_arg_t){pass == ONEDNN_FORWARD ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS, memory};
  return true;
}

static bool plan(onednn_convolution *c, const cnn__conv_shape *s, onednn_pass pass, bool training,
                 const tensors *t) {
  const dnnl_dims_t strides = {(dnnl_dim_t)s->stride_height, (dnnl_dim_t)s->stride_width};
  const dnnl_dims_t before = {(dnnl_dim_t)s->pad_top, (dnnl_dim_t)s->pad_left};
  const dnnl_dims_t after = {(dnnl_dim_t)((s->out_height - 1) * s->stride_height +
                                          s->kernel_height - s->in_height - s->pad_top),
                             (dnnl_dim_t)((s->out_width - 1) * s->stride_width + s->kernel_width -
                                          s->in_width - s->pad_left)};
  dnnl_convolution_desc_t forward, backward;
  if (dnnl_convolution_forward_desc_init(&forward,
                                         training ? dnnl_forward_training : dnnl_forward_inference,
                                         dnnl_convolution_direct, &t->x, &t->weights, &t->bias,
                                         &t->y, strides, before, after) != dnnl_success)
    return false;
  if (pass == ONEDNN_FORWARD) {
    dnnl_post_ops_t relu;
    dnnl_primitive_attr_create(&c->attributes);
    dnnl_post_ops_create(&relu);
    if (s->relu) dnnl_post_ops_append_eltwise(relu, 1, dnnl_eltwise_relu, 0, 0);
    dnnl_primitive_attr_set_post_ops(c->attributes, relu);
    dnnl_post_ops_destroy(relu);
    return dnnl_primitive_desc_create(&c->description, &forward, c->attributes, c->engine, NULL) ==
           dnnl_success;
  }
  if (dnnl_primitive_desc_create(&c->hint, &forward, NULL, c->engine, NULL) != dnnl_success)
    return false;
  const dnnl_status_t status =
      pass == ONEDNN_DATA
          ? dnnl_convolution_backward_data_desc_init(&backward, dnnl_convolution_direct, &t->x,
                                                     &t->weights, &t->y, strides, before, after)
          : dnnl_convolution_backward_weights_desc_init(&backward, dnnl_convolution_direct, &t->x,
                                                        &t->weights, &t->bias, &t->y, strides,
                                                        before, after);
  return status == dnnl_success && dnnl_primitive_desc_create(&c->description, &backward, NULL,
                                                              c->engine, c->hint) == dnnl_success;
}

onednn_convolution *onednn_create(const cnn__conv_shape *shape, onednn_pass pass, bool training,
                                  bool own_format) {
  onednn_convolution *c = calloc(1, sizeof *c);
  const tensors t = describe(shape, own_format);
  if (c && dnnl_engine_create(&c->engine, dnnl_cpu, 0) == dnnl_success &&
      dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags) == dnnl_success &&
      plan(c, shape, pass, training, &t) &&
      dnnl_primitive_create(&c->primitive, c->description) == dnnl_success &&
      add_memories(c, pass) && add_bias(c, pass, &t.bias))
    return c;
  onednn_free(c);
  return NULL;
}

void onednn_run(onednn_convolution *c) {
  dnnl_primitive_execute(c->primitive, c->stream, c->count, c->arguments);
  dnnl_stream_wait(c->stream);
}

void onednn_free(onednn_convolution *c) {
  if (!c) return;
  for (int i = 0; i < c->count; i++)
    dnnl_memory_destroy(c->arguments[i].memory);
  if (c->primitive) dnnl_primitive_destroy(c->primitive);
  if (c->description) dnnl_primitive_desc_destroy(c->description);
  if (c->hint) dnnl_primitive_desc_destroy(c->hint);
  if (c->attributes) dnnl_primitive_attr_destroy(c->attributes);
  if (c->stream) dnnl_stream_destroy(c->stream);
  if (c->engine) dnnl_engine_destroy(c->engine);
  free(c);
}

const char *onednn_version_text(void) {
  static char text[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
  return text;
}

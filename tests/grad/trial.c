#include "trial.h"

#include "base/random.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EDGE = 64, EDGE_BYTE = 0xa5 };

/* size bytes, aligned to 64, between two edges. */
static void *take(op_trial *trial, size_t size) {
  assert_true(trial->buffer_count < TRIAL_BUFFERS);
  trial_buffer *buffer = &trial->buffers[trial->buffer_count++];
  size_t whole = (EDGE + size + EDGE + 63) / 64 * 64;
  buffer->base = aligned_alloc(64, whole);
  assert_non_null(buffer->base);
  memset(buffer->base, EDGE_BYTE, whole);
  buffer->bytes = buffer->base + EDGE;
  buffer->size = size;
  memset(buffer->bytes, 0, size);
  return buffer->bytes;
}

static void check_edges(const op_trial *trial) {
  for (size_t i = 0; i < trial->buffer_count; i++) {
    const trial_buffer *buffer = &trial->buffers[i];
    for (size_t k = 0; k < EDGE; k++) {
      assert_int_equal(buffer->base[k], EDGE_BYTE);
      assert_int_equal(buffer->bytes[buffer->size + k], EDGE_BYTE);
    }
  }
}

static void poison(void *bytes, size_t size) {
  if (bytes != NULL) memset(bytes, 0xff, size);
}

/* What the plan of a model would ask. */
static void plan(op_trial *trial, cnn_context *context) {
  const trial_setup *setup = &trial->setup;
  cnn__op_request request = {
      .context = context,
      .name = "trial",
      .batch = setup->images + 1,
      .training = setup->training,
      .frozen = setup->frozen,
      .exact = setup->exact,
      .slots = cnn__context_slots(context),
      .inputs = setup->inputs,
      .input = setup->input,
      .output = &trial->spec.output,
      .fuse_activation = setup->fuse_activation,
      .fuse_pool = setup->fuse_pool,
  };
  for (size_t i = 0; i < setup->inputs; i++)
    request.input_gradient[i] = setup->training && !setup->no_input_gradient;
  if (setup->fuse_activation != CNN_LINEAR)
    assert_true(setup->layer->class->can_fuse_activation(&request, setup->fuse_activation));
  if (setup->fuse_pool != NULL)
    assert_true(setup->layer->class->can_fuse_pool(setup->layer, &request, setup->fuse_pool));
  cnn_status status = setup->layer != NULL ? cnn__layer_plan(setup->layer, &request, &trial->op)
                                           : cnn__activation_plan(setup->activation, setup->slope,
                                                                  &request, &trial->op);
  if (status != CNN_OK) fail_msg("%s", cnn_last_error());
}

static size_t slots_size(const op_trial *trial) {
  return cnn__context_slots(trial->run.context) * trial->op.slot_bytes;
}

static void take_gradients(op_trial *trial) {
  const trial_setup *setup = &trial->setup;
  cnn__op_run *run = &trial->run;
  trial->upstream = take(trial, trial->output_count * sizeof(float));
  for (size_t i = 0; i < setup->inputs; i++)
    if (!setup->no_input_gradient)
      run->input_gradient[i] = take(trial, trial->input_count[i] * sizeof(float));
  run->output_gradient =
      setup->in_place ? run->input_gradient[0] : take(trial, trial->output_count * sizeof(float));
  for (size_t i = 0; i < trial->spec.parameter_count; i++)
    if (!setup->frozen && trial->spec.parameters[i].trainable)
      run->parameter_gradient[i] = take(trial, trial->parameter_count[i] * sizeof(float));
}

void trial_start(op_trial *trial, cnn_context *context, const trial_setup *setup) {
  memset(trial, 0, sizeof *trial);
  trial->setup = *setup;
  if (trial->setup.inputs == 0) trial->setup.inputs = 1;
  setup = &trial->setup;
  if (setup->layer == NULL)
    trial->spec.output = setup->input[0];
  else if (cnn__layer_infer(setup->layer, "trial", setup->inputs, setup->input, &trial->spec) !=
           CNN_OK)
    fail_msg("%s", cnn_last_error());
  plan(trial, context);
  trial->output = trial->spec.output;
  if (setup->fuse_pool != NULL) {
    trial->output.dim[0] = setup->fuse_pool->out_height;
    trial->output.dim[1] = setup->fuse_pool->out_width;
  }
  cnn__op_run *run = &trial->run;
  *run = (cnn__op_run){.context = context,
                       .images = setup->images,
                       .training = setup->training && !setup->evaluating,
                       .seed = 11,
                       .step = 5};
  for (size_t i = 0; i < setup->inputs; i++) {
    trial->input_count[i] = setup->images * cnn__shape_product(&setup->input[i]);
    trial->input[i] = take(trial, trial->input_count[i] * sizeof(float));
    run->input[i] = take(trial, trial->input_count[i] * sizeof(float));
  }
  for (size_t i = 0; i < trial->spec.parameter_count; i++) {
    trial->parameter_count[i] = cnn__shape_product(&trial->spec.parameters[i].shape);
    trial->parameter[i] = take(trial, trial->parameter_count[i] * sizeof(float));
    run->parameter[i] = take(trial, trial->parameter_count[i] * sizeof(float));
  }
  trial->output_count = setup->images * cnn__shape_product(&trial->output);
  run->output = setup->in_place ? (float *)(uintptr_t)run->input[0]
                                : take(trial, trial->output_count * sizeof(float));
  trial->prepared = take(trial, trial->op.prepared_floats * sizeof(float));
  run->prepared = trial->prepared;
  run->saved = trial->op.saved_bytes > 0 ? take(trial, trial->op.saved_bytes) : NULL;
  run->scratch = trial->op.scratch_bytes > 0 ? take(trial, trial->op.scratch_bytes) : NULL;
  run->slot_pitch = trial->op.slot_bytes;
  run->slots = run->slot_pitch > 0 ? take(trial, slots_size(trial)) : NULL;
  if (setup->training) take_gradients(trial);
}

void trial_forward(op_trial *trial) {
  cnn__op_run *run = &trial->run;
  for (size_t i = 0; i < trial->spec.parameter_count; i++)
    memcpy(run->parameter[i], trial->parameter[i], trial->parameter_count[i] * sizeof(float));
  poison(run->output, trial->output_count * sizeof(float));
  poison(run->saved, trial->op.saved_bytes);
  poison(run->scratch, trial->op.scratch_bytes);
  poison(run->slots, slots_size(trial));
  for (size_t i = 0; i < trial->setup.inputs; i++)
    memcpy((float *)(uintptr_t)run->input[i], trial->input[i],
           trial->input_count[i] * sizeof(float));
  if (trial->op.prepare != NULL) {
    poison(trial->prepared, trial->op.prepared_floats * sizeof(float));
    trial->op.prepare(&trial->op, run->context, run->parameter, trial->prepared);
  }
  trial->op.forward(&trial->op, run);
  check_edges(trial);
}

void trial_backward(op_trial *trial) {
  cnn__op_run *run = &trial->run;
  bool shared = trial->setup.in_place;
  for (size_t i = 0; i < trial->setup.inputs; i++) {
    poison(run->input_gradient[i], trial->input_count[i] * sizeof(float));
    if (!trial->op.backward_reads_input && !shared)
      poison((float *)(uintptr_t)run->input[i], trial->input_count[i] * sizeof(float));
  }
  for (size_t i = 0; i < trial->spec.parameter_count; i++)
    poison(run->parameter_gradient[i], trial->parameter_count[i] * sizeof(float));
  if (!trial->op.backward_reads_output && !(shared && trial->op.backward_reads_input))
    poison(run->output, trial->output_count * sizeof(float));
  poison(run->scratch, trial->op.scratch_bytes);
  poison(run->slots, slots_size(trial));
  memcpy(run->output_gradient, trial->upstream, trial->output_count * sizeof(float));
  trial->op.backward(&trial->op, run);
  check_edges(trial);
}

void trial_end(op_trial *trial) {
  if (trial->op.release != NULL) trial->op.release(&trial->op, trial->run.context);
  for (size_t i = 0; i < trial->buffer_count; i++)
    free(trial->buffers[i].base);
  memset(trial, 0, sizeof *trial);
}

void trial_fill(float *values, size_t count, uint64_t seed, float limit) {
  cnn__random random;
  cnn__random_start(&random, seed, CNN__PURPOSE_SYNTHETIC, 0, 0);
  for (size_t i = 0; i < count; i++)
    values[i] = (float)cnn__random_range(&random, -(double)limit, (double)limit);
}

void trial_fill_apart(float *values, size_t count, uint64_t seed, float spacing) {
  cnn__random random;
  cnn__random_start(&random, seed, CNN__PURPOSE_SYNTHETIC, 1, 0);
  for (size_t i = 0; i < count; i++)
    values[i] = spacing * ((float)i - (float)(count / 2) + 0.5f);
  for (size_t i = count; i > 1; i--) {
    size_t k = (size_t)cnn__random_below(&random, i);
    float value = values[k];
    values[k] = values[i - 1];
    values[i - 1] = value;
  }
}

#include "gradient.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DRAWS = 2000 };

static const double steps[] = {[LINEAR] = 0.5, [PIECEWISE] = 0x1p-8, [SMOOTH] = 0x1p-5};
static const double tolerances[] = {[LINEAR] = 1e-5, [PIECEWISE] = 1e-3, [SMOOTH] = 2e-4};

static void fill(op_trial *trial, const gradient_case *test, uint64_t seed) {
  for (size_t i = 0; i < trial->setup.inputs; i++)
    if (test->spacing > 0)
      trial_fill_apart(trial->input[i], trial->input_count[i], seed * 16 + i, test->spacing);
    else
      trial_fill(trial->input[i], trial->input_count[i], seed * 16 + i,
                 test->limit > 0 ? test->limit : 1);
  for (size_t i = 0; i < trial->spec.parameter_count; i++) {
    trial_fill(trial->parameter[i], trial->parameter_count[i], seed * 16 + 8 + i, 1);
    if (strcmp(trial->spec.parameters[i].name, "moving_variance") != 0) continue;
    for (size_t k = 0; k < trial->parameter_count[i]; k++)
      trial->parameter[i][k] += 1.5f;
  }
  if (trial->upstream != NULL) trial_fill(trial->upstream, trial->output_count, seed * 16 + 15, 1);
}

static double objective(op_trial *trial) {
  trial_forward(trial);
  double sum = 0;
  for (size_t i = 0; i < trial->output_count; i++)
    sum += (double)trial->upstream[i] * (double)trial->run.output[i];
  return sum;
}

static double objective_at(op_trial *trial, float *value, double shift) {
  const float kept = *value;
  *value = (float)(kept + shift);
  const double result = objective(trial);
  *value = kept;
  return result;
}

/* Powers of two as steps: kept + shift is rounded, and what was really added is divided by. */
static double derivative(op_trial *trial, float *value, enum smoothness smoothness) {
  const double step = steps[smoothness];
  const double width = (double)(float)(*value + step) - (double)(float)(*value - step);
  const double near =
      (objective_at(trial, value, step) - objective_at(trial, value, -step)) / width;
  if (smoothness != SMOOTH) return near;
  const double far =
      (objective_at(trial, value, 2 * step) - objective_at(trial, value, -2 * step)) /
      ((double)(float)(*value + 2 * step) - (double)(float)(*value - 2 * step));
  return (4 * near - far) / 3;
}

/* No kink within a step of these numbers: forward and backward differences agree. */
static bool is_straight(op_trial *trial, float *values, size_t count, double middle) {
  const double step = steps[PIECEWISE];
  for (size_t i = 0; i < count; i++) {
    double up = objective_at(trial, &values[i], step) - middle;
    double down = middle - objective_at(trial, &values[i], -step);
    if (fabs(up - down) > 2e-3 * step) return false;
  }
  return true;
}

static bool has_no_kink(op_trial *trial) {
  const double middle = objective(trial);
  for (size_t i = 0; i < trial->setup.inputs; i++)
    if (!is_straight(trial, trial->input[i], trial->input_count[i], middle)) return false;
  for (size_t i = 0; i < trial->spec.parameter_count; i++)
    if (trial->run.parameter_gradient[i] != NULL &&
        !is_straight(trial, trial->parameter[i], trial->parameter_count[i], middle))
      return false;
  return true;
}

static void compare(op_trial *trial, const gradient_case *test, const char *what, float *values,
                    size_t count, const float *analytic) {
  double largest = 0, farthest = 0;
  for (size_t i = 0; i < count; i++) {
    const double expected = derivative(trial, &values[i], test->smoothness);
    largest = fmax(largest, fabs(expected));
    const double distance = fabs(expected - (double)analytic[i]);
    if (!(distance <= farthest)) farthest = distance; /* keeps a NaN */
  }
  if (!(farthest <= tolerances[test->smoothness] * largest))
    fail_msg("%s: the gradient by %s is off by %g, the largest being %g", test->name, what,
             farthest, largest);
}

static trial_setup setup_of(const gradient_case *test, const cnn__pool_shape *pool) {
  trial_setup setup = {
      .layer = test->layer,
      .activation = test->activation,
      .slope = test->slope,
      .images = test->images,
      .inputs = test->inputs,
      .training = true,
      .frozen = test->frozen,
      .fuse_activation = test->fuse_activation,
      .fuse_pool = test->fuse_pool[0] > 0 ? pool : NULL,
  };
  memcpy(setup.input, test->input, sizeof setup.input);
  return setup;
}

/* The same numbers, from another trial of the same data. */
static void check_same(const op_trial *one, const op_trial *other, const gradient_case *test,
                       const char *what, bool outputs) {
  bool same = !outputs ||
              memcmp(one->run.output, other->run.output, one->output_count * sizeof(float)) == 0;
  for (size_t i = 0; i < one->setup.inputs; i++)
    if (one->run.input_gradient[i] != NULL && other->run.input_gradient[i] != NULL)
      same = same && memcmp(one->run.input_gradient[i], other->run.input_gradient[i],
                            one->input_count[i] * sizeof(float)) == 0;
  for (size_t i = 0; i < one->spec.parameter_count; i++)
    if (one->run.parameter_gradient[i] != NULL && other->run.parameter_gradient[i] != NULL)
      same = same && memcmp(one->run.parameter_gradient[i], other->run.parameter_gradient[i],
                            one->parameter_count[i] * sizeof(float)) == 0;
  if (!same) fail_msg("%s: %s gives other bytes", test->name, what);
}

static void check_variant(const op_trial *reference, const trial_setup *setup, cnn_context *context,
                          const gradient_case *test, uint64_t seed, const char *what) {
  op_trial variant;
  trial_start(&variant, context, setup);
  fill(&variant, test, seed);
  trial_forward(&variant);
  if (memcmp(variant.run.output, reference->run.output, reference->output_count * sizeof(float)) !=
      0)
    fail_msg("%s: %s gives another output", test->name, what);
  trial_backward(&variant);
  check_same(reference, &variant, test, what, false);
  trial_end(&variant);
}

static cnn__pool_shape pool_after(const gradient_case *test) {
  cnn__layer_spec spec = {0};
  if (test->fuse_pool[0] == 0) return (cnn__pool_shape){0};
  assert_int_equal(cnn__layer_infer(test->layer, test->name, 1, test->input, &spec), 0);
  return (cnn__pool_shape){
      .in_height = spec.output.dim[0],
      .in_width = spec.output.dim[1],
      .channels = spec.output.dim[2],
      .out_height = spec.output.dim[0] / test->fuse_pool[0],
      .out_width = spec.output.dim[1] / test->fuse_pool[1],
      .pool_height = test->fuse_pool[0],
      .pool_width = test->fuse_pool[1],
      .stride_height = test->fuse_pool[0],
      .stride_width = test->fuse_pool[1],
  };
}

static void check_numbers(op_trial *trial, const gradient_case *test) {
  for (size_t i = 0; i < trial->spec.parameter_count; i++)
    if (trial->run.parameter_gradient[i] != NULL)
      compare(trial, test, trial->spec.parameters[i].name, trial->parameter[i],
              trial->parameter_count[i], trial->run.parameter_gradient[i]);
  for (size_t i = 0; i < trial->setup.inputs; i++)
    compare(trial, test, "an input", trial->input[i], trial->input_count[i],
            trial->run.input_gradient[i]);
}

void check_gradient(gradient_case test) {
  if (!test.is_activation && test.layer == NULL) fail_msg("%s", cnn_last_error());
  if (test.images == 0) test.images = 2;
  if (test.inputs == 0) test.inputs = 1;
  cnn_context *one = cnn_context_new(.threads = 1), *three = cnn_context_new(.threads = 3);
  assert_non_null(one);
  assert_non_null(three);
  const cnn__pool_shape pool = pool_after(&test);
  trial_setup setup = setup_of(&test, &pool);
  op_trial trial;
  uint64_t seed = 1;
  trial_start(&trial, one, &setup);
  fill(&trial, &test, seed);
  if (test.smoothness == PIECEWISE)
    while (!has_no_kink(&trial)) {
      if (seed++ == DRAWS) fail_msg("%s: no data without a kink", test.name);
      fill(&trial, &test, seed);
    }
  trial_forward(&trial);
  trial_backward(&trial);
  trial_forward(&trial); /* outputs may be gone; gradients are still there */

  check_variant(&trial, &setup, three, &test, seed, "running on three threads");
  setup.no_input_gradient = true;
  check_variant(&trial, &setup, one, &test, seed, "leaving the input's gradient out");
  setup.no_input_gradient = false;
  setup.in_place = trial.op.in_place;
  if (setup.in_place) check_variant(&trial, &setup, three, &test, seed, "running in place");
  check_numbers(&trial, &test);

  trial_end(&trial);
  cnn_layer_free(test.layer);
  cnn_context_free(one);
  cnn_context_free(three);
}

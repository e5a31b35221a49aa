/* Losses, optimizers, schedules and metrics against Keras's numbers. */
#include "train/train.h"
#include "vectors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static cnn_context *context;

static void *grab(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  assert_non_null(memory);
  return memory;
}

/* ---- losses ---- */

static cnn_loss *loss_of(const vector_file *file) {
  const char *kind = vectors_text(file, "kind");
  const cnn_crossentropy_options crossentropy = {.struct_size = sizeof crossentropy,
                                                 .from_logits = vectors_flag(file, "from_logits"),
                                                 .label_smoothing =
                                                     vectors_number(file, "label_smoothing")};
  const cnn_error_loss_options error = {.struct_size = sizeof error,
                                        .delta = vectors_number(file, "delta")};
  if (strcmp(kind, "sparse_categorical_crossentropy") == 0)
    return cnn_sparse_categorical_crossentropy_create(&crossentropy);
  if (strcmp(kind, "categorical_crossentropy") == 0)
    return cnn_categorical_crossentropy_create(&crossentropy);
  if (strcmp(kind, "binary_crossentropy") == 0)
    return cnn_binary_crossentropy_create(&crossentropy);
  if (strcmp(kind, "mean_squared_error") == 0) return cnn_mean_squared_error_create(&error);
  if (strcmp(kind, "mean_absolute_error") == 0) return cnn_mean_absolute_error_create(&error);
  assert_string_equal(kind, "huber");
  return cnn_huber_create(&error);
}

static float *weights_of(const vector_file *file, size_t rows) {
  if (vectors_has(file, "sample_weight")) {
    float *weights = grab(rows, sizeof *weights);
    memcpy(weights, vectors_get(file, "sample_weight").data, rows * sizeof *weights);
    return weights;
  }
  if (!vectors_has(file, "class_weight")) return NULL;
  float *weights = grab(rows, sizeof *weights);
  vector classes = vectors_get(file, "class_weight"), target = vectors_get(file, "target");
  for (size_t i = 0; i < rows; i++)
    weights[i] = classes.f32[target.i32[i]];
  return weights;
}

static void check_loss(const char *name) {
  vector_file *file = vectors_open(name);
  vector input = vectors_get(file, "input"), target = vectors_get(file, "target");
  size_t rows = input.dim[0], width = input.count / rows, bytes = 0;
  cnn_loss *loss = loss_of(file);
  assert_non_null(loss);
  assert_true(cnn__loss_scratch(rows, width, &bytes));
  float *gradient = grab(input.count, sizeof *gradient), *weights = weights_of(file, rows);
  void *scratch = grab(bytes, 1);
  cnn__loss_call call = {.rows = rows,
                         .width = width,
                         .outputs = input.f32,
                         .labels = {.index = target.i32, .vector = target.f32},
                         .weights = weights,
                         .gradient = gradient,
                         .scratch = scratch};
  double sum;
  assert_int_equal(cnn__loss_compute(loss, context, &call, &sum), CNN_OK);
  float mean = (float)(sum / (double)rows);
  double tolerance = vectors_number(file, "tolerance");
  char label[256];
  snprintf(label, sizeof label, "%s: loss", name);
  vectors_compare(label, &mean, vectors_get(file, "output").f32, 1, tolerance);
  snprintf(label, sizeof label, "%s: gradient", name);
  vectors_compare(label, gradient, vectors_get(file, "grad/input").f32, input.count, tolerance);
  free(scratch), free(weights), free(gradient);
  cnn_loss_free(loss);
  vectors_close(file);
}

static void test_losses_and_their_gradients_are_those_of_keras(void **state) {
  (void)state;
  assert_int_equal(vectors_each("loss", check_loss), 45);
}

/* ---- optimizers ---- */

static double zero_stays(double value) {
  return value == 0 ? CNN_ZERO : value;
}

static cnn_schedule *schedule_of(const vector_file *file) {
  const char *text = vectors_text(file, "exponential_decay"); /* initial,steps,rate */
  if (!text) return NULL;
  cnn_schedule_options options = {.struct_size = sizeof options};
  char *end;
  options.initial = strtod(text, &end);
  options.steps = strtoll(end + 1, &end, 10);
  options.rate = strtod(end + 1, &end);
  return cnn_exponential_decay_create(&options);
}

static cnn_optimizer *optimizer_of(const vector_file *file) {
  const char *kind = vectors_text(file, "kind");
  double rate = vectors_number(file, "learning_rate"), norm = vectors_number(file, "clipnorm"),
         global = vectors_number(file, "global_clipnorm"), clip = vectors_number(file, "clipvalue"),
         decay = vectors_number(file, "weight_decay"),
         ema = vectors_flag(file, "use_ema") ? vectors_number(file, "ema_momentum") : 0;
  cnn_schedule *schedule = schedule_of(file);
  if (strcmp(kind, "sgd") == 0)
    return cnn_sgd(.learning_rate = rate, .momentum = vectors_number(file, "momentum"),
                   .nesterov = vectors_flag(file, "nesterov"), .clip_norm = norm,
                   .global_clip_norm = global, .clip_value = clip, .weight_decay = decay,
                   .ema_momentum = ema, .schedule = schedule);
  if (strcmp(kind, "rmsprop") == 0)
    return cnn_rmsprop(.learning_rate = rate, .rho = zero_stays(vectors_number(file, "rho")),
                       .momentum = vectors_number(file, "momentum"),
                       .centered = vectors_flag(file, "centered"),
                       .epsilon = vectors_number(file, "epsilon"), .clip_norm = norm,
                       .global_clip_norm = global, .clip_value = clip, .weight_decay = decay,
                       .ema_momentum = ema, .schedule = schedule);
  const cnn_adam_options adam = {.struct_size = sizeof adam,
                                 .learning_rate = rate,
                                 .beta_1 = zero_stays(vectors_number(file, "beta_1")),
                                 .beta_2 = zero_stays(vectors_number(file, "beta_2")),
                                 .epsilon = vectors_number(file, "epsilon"),
                                 .amsgrad = vectors_flag(file, "amsgrad"),
                                 .schedule = schedule,
                                 .clip_norm = norm,
                                 .global_clip_norm = global,
                                 .clip_value = clip,
                                 .weight_decay = decay,
                                 .ema_momentum = ema};
  return strcmp(kind, "adamw") == 0 ? cnn_adamw_create(&adam) : cnn_adam_create(&adam);
}

static void check_optimizer(const char *name) {
  static const char *const parts[] = {"kernel", "bias"};
  vector_file *file = vectors_open(name);
  cnn_optimizer *optimizer = optimizer_of(file);
  if (!optimizer) fail_msg("%s: %s", name, cnn_last_error());
  cnn__trained parameters[2] = {{0}};
  vector gradients[2], expected[2];
  size_t slots = cnn__optimizer_slots(optimizer), steps = (size_t)vectors_number(file, "steps");
  char tensor[64], label[256];
  for (size_t p = 0; p < 2; p++) {
    vector start = vectors_get(file, parts[p]);
    parameters[p].count = start.count;
    parameters[p].weights = grab(start.count, sizeof(float));
    memcpy(parameters[p].weights, start.data, start.count * sizeof(float));
    for (size_t s = 0; s < slots; s++)
      parameters[p].slot[s] = grab(start.count, sizeof(float));
    snprintf(tensor, sizeof tensor, "gradients/%s", parts[p]);
    gradients[p] = vectors_get(file, tensor);
    snprintf(tensor, sizeof tensor, "weights/%s", parts[p]);
    expected[p] = vectors_get(file, tensor);
  }
  assert_true(steps > 0);
  for (size_t step = 0; step < steps; step++) {
    for (size_t p = 0; p < 2; p++)
      parameters[p].gradient = gradients[p].f32 + step * parameters[p].count;
    cnn__optimizer_step(optimizer, context, parameters, 2);
    for (size_t p = 0; p < 2; p++) {
      size_t count = parameters[p].count;
      snprintf(label, sizeof label, "%s: %s after step %zu", name, parts[p], step + 1);
      vectors_compare(label, parameters[p].weights, expected[p].f32 + step * count, count,
                      vectors_number(file, "tolerance"));
      snprintf(tensor, sizeof tensor, "ema/%s", parts[p]);
      if (vectors_has(file, tensor))
        vectors_compare(tensor, parameters[p].slot[slots - 1],
                        vectors_get(file, tensor).f32 + step * count, count,
                        vectors_number(file, "tolerance"));
    }
  }
  for (size_t p = 0; p < 2; p++) {
    free(parameters[p].weights);
    for (size_t s = 0; s < slots; s++)
      free(parameters[p].slot[s]);
  }
  cnn_optimizer_free(optimizer);
  vectors_close(file);
}

static void test_optimizers_step_as_those_of_keras(void **state) {
  (void)state;
  assert_int_equal(vectors_each("optimizer", check_optimizer), 23);
}

/* ---- schedules ---- */

static size_t schedules_checked;

static void check_schedule(const char *name) {
  vector_file *file = vectors_open(name);
  const char *kind = vectors_text(file, "kind");
  cnn_schedule_options options = {.struct_size = sizeof options,
                                  .initial =
                                      zero_stays(vectors_number(file, "initial_learning_rate")),
                                  .steps = (int64_t)vectors_number(file, "decay_steps"),
                                  .rate = vectors_number(file, "decay_rate"),
                                  .staircase = vectors_flag(file, "staircase")};
  cnn_schedule *schedule = NULL;
  if (strcmp(kind, "exponential_decay") == 0) schedule = cnn_exponential_decay_create(&options);
  if (strcmp(kind, "cosine_decay") == 0) {
    options.final = vectors_number(file, "alpha");
    options.warmup_steps = (int64_t)vectors_number(file, "warmup_steps");
    options.steps += options.warmup_steps; /* Keras counts the decay alone */
    if (options.warmup_steps) options.initial = vectors_number(file, "warmup_target");
    schedule = cnn_cosine_decay_create(&options);
  }
  if (!schedule) { /* piecewise constant: the library has step_decay, of equal steps, instead */
    vectors_close(file);
    return;
  }
  schedules_checked++;
  vector step = vectors_get(file, "step"), output = vectors_get(file, "output");
  for (size_t i = 0; i < step.count; i++) {
    double rate = cnn_schedule_rate(schedule, step.i32[i]);
    if (!(fabs(rate - output.f64[i]) <= 1e-12 * fabs(output.f64[i]) + 1e-18))
      fail_msg("%s: step %d gives %.17g, expected %.17g", name, step.i32[i], rate, output.f64[i]);
  }
  cnn_schedule_free(schedule);
  vectors_close(file);
}

static void test_schedules_give_the_rates_of_keras(void **state) {
  (void)state;
  assert_int_equal(vectors_each("schedule", check_schedule), 6);
  assert_int_equal(schedules_checked, 5);
}

/* ---- metrics ---- */

static cnn_metric *metric_of(const vector_file *file) {
  const char *kind = vectors_text(file, "kind");
  const cnn_metric_options options = {.struct_size = sizeof options,
                                      .k = (int64_t)vectors_number(file, "k"),
                                      .threshold = vectors_number(file, "threshold")};
  if (strstr(kind, "top_k")) return cnn_top_k_accuracy_create(&options);
  if (strcmp(kind, "binary_accuracy") == 0) return cnn_binary_accuracy_create(&options);
  if (strcmp(kind, "categorical_accuracy") == 0) return cnn_categorical_accuracy_create(&options);
  return cnn_sparse_categorical_accuracy_create(&options);
}

static void check_metric(const char *name) {
  vector_file *file = vectors_open(name);
  cnn_metric *metric = metric_of(file);
  assert_non_null(metric);
  vector output = vectors_get(file, "output");
  for (size_t batch = 0; batch < output.count; batch++) {
    char tensor[64];
    snprintf(tensor, sizeof tensor, "input/%zu", batch);
    vector input = vectors_get(file, tensor);
    snprintf(tensor, sizeof tensor, "target/%zu", batch);
    vector target = vectors_get(file, tensor);
    snprintf(tensor, sizeof tensor, "sample_weight/%zu", batch);
    const float *weights = vectors_has(file, tensor) ? vectors_get(file, tensor).f32 : NULL;
    size_t rows = input.dim[0], width = input.count / rows;
    cnn__shape shape = {.rank = 1, .dim = {width}};
    assert_int_equal(cnn__metric_bind(metric, &shape, target.i32 != NULL, width), CNN_OK);
    cnn__labels labels = {.index = target.i32, .vector = target.f32};
    cnn__metric_update(metric, rows, width, input.f32, false, &labels, weights);
    float value = (float)cnn__metric_value(metric);
    vectors_compare(name, &value, output.f32 + batch, 1, 1e-6);
  }
  cnn_metric_free(metric);
  vectors_close(file);
}

static void test_metrics_run_as_those_of_keras(void **state) {
  (void)state;
  assert_int_equal(vectors_each("metric", check_metric), 16);
}

static int set_up(void **state) {
  (void)state;
  context = cnn_context_new(.threads = 2);
  return context ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  cnn_context_free(context);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_losses_and_their_gradients_are_those_of_keras),
      cmocka_unit_test(test_optimizers_step_as_those_of_keras),
      cmocka_unit_test(test_schedules_give_the_rates_of_keras),
      cmocka_unit_test(test_metrics_run_as_those_of_keras),
  };
  return cmocka_run_group_tests_name("golden: train", tests, set_up, tear_down);
}

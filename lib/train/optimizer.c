/* Optimizers: what all kinds share. The order of work in a step is Keras's: clip, decay, update,
   running mean of the weights. */
#include "train/optimizer.h"
#include "ops/optimizer.h"
#include "ops/vector.h"
#include <math.h>
#include <string.h>

static const cnn__kind *const kinds[] = {&cnn__adam_class.kind, &cnn__adamw_class.kind,
                                         &cnn__sgd_class.kind, &cnn__rmsprop_class.kind};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const cnn__optimizer_class *class_of(const cnn__kind *kind) {
  return (const cnn__optimizer_class *)kind; /* which it begins with */
}

static cnn_schedule **schedule_of(const cnn__optimizer_class *class, void *settings) {
  return (cnn_schedule **)((uintptr_t)settings + class->schedule_offset);
}

/* What the fields cannot say. */
static cnn_status check(const char *who, const cnn__optimizer_common *common) {
  int clips = (common->clip_norm > 0) + (common->global_clip_norm > 0) + (common->clip_value > 0);
  if (clips <= 1) return CNN_OK;
  return cnn__fail(CNN_E_INVALID,
                   "%s: set one of clip_norm, global_clip_norm and clip_value, not %d", who, clips);
}

/* From settings that are complete; owns schedule on success only. */
static cnn_status make(cnn_context *context, const char *who, const cnn__optimizer_class *class,
                       const void *settings, cnn_schedule *schedule, cnn_optimizer **out) {
  cnn_optimizer *optimizer = cnn__alloc(context, sizeof *optimizer, "an optimizer");
  if (!optimizer) return CNN_E_NOMEM;
  memset(optimizer, 0, sizeof *optimizer);
  optimizer->class = class;
  memcpy(&optimizer->settings, settings, class->kind.settings_size);
  *schedule_of(class, &optimizer->settings) = NULL;
  optimizer->common = class->common(optimizer);
  cnn_status status = check(who, &optimizer->common);
  if (status) {
    cnn__free(context, optimizer);
    return status;
  }
  optimizer->context = cnn__context_retain(context);
  optimizer->schedule = schedule;
  optimizer->rate = optimizer->common.learning_rate;
  optimizer->beta_1_power = optimizer->beta_2_power = 1;
  *out = optimizer;
  return CNN_OK;
}

static cnn_optimizer *create(const cnn__optimizer_class *class, const char *function,
                             const void *options) {
  cnn__optimizer_settings settings;
  memset(&settings, 0, sizeof settings);
  cnn_status status = cnn__kind_options(&class->kind, function, options, &settings);
  cnn_schedule *schedule = *schedule_of(class, &settings);
  cnn_optimizer *optimizer = NULL;
  cnn_context *context = status ? NULL : cnn__context_acquire();
  if (context) status = make(context, function, class, &settings, schedule, &optimizer);
  cnn_context_free(context);
  if (!optimizer) cnn_schedule_free(schedule);
  return optimizer;
}

cnn_optimizer *cnn_adam_create(const cnn_adam_options *options) {
  return create(&cnn__adam_class, "adam", options);
}
cnn_optimizer *cnn_adamw_create(const cnn_adam_options *options) {
  return create(&cnn__adamw_class, "adamw", options);
}
cnn_optimizer *cnn_sgd_create(const cnn_sgd_options *options) {
  return create(&cnn__sgd_class, "sgd", options);
}
cnn_optimizer *cnn_rmsprop_create(const cnn_rmsprop_options *options) {
  return create(&cnn__rmsprop_class, "rmsprop", options);
}
void cnn_adam_options_init(cnn_adam_options *options, size_t size) {
  cnn__options_init(options, size);
}
void cnn_sgd_options_init(cnn_sgd_options *options, size_t size) {
  cnn__options_init(options, size);
}
void cnn_rmsprop_options_init(cnn_rmsprop_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_optimizer *cnn_optimizer_by_name(const char *name) {
  const cnn__kind *kind = cnn__kind_named(kinds, KINDS, "cnn_optimizer_by_name", "optimizer", name);
  return kind ? create(class_of(kind), kind->name, NULL) : NULL;
}

void cnn_optimizer_free(cnn_optimizer *optimizer) {
  if (!optimizer) return;
  cnn_context *context = optimizer->context;
  cnn_schedule_free(optimizer->schedule);
  cnn__free(context, optimizer);
  cnn_context_free(context);
}

bool cnn__optimizer_keeps_mean(const cnn_optimizer *optimizer) {
  return optimizer->common.ema_momentum > 0;
}

size_t cnn__optimizer_slots(const cnn_optimizer *optimizer) {
  return optimizer->class->slots(optimizer) + cnn__optimizer_keeps_mean(optimizer);
}

const char *cnn__optimizer_slot_name(const cnn_optimizer *optimizer, size_t slot) {
  return slot < optimizer->class->slots(optimizer) ? optimizer->class->slot_names[slot] : "ema";
}

const char *cnn__optimizer_name(const cnn_optimizer *optimizer) {
  return optimizer->class->kind.name;
}

double cnn__optimizer_rate(const cnn_optimizer *optimizer) {
  if (optimizer->schedule && !optimizer->rate_set)
    return cnn_schedule_rate(optimizer->schedule, (int64_t)optimizer->steps);
  return optimizer->rate;
}

cnn_status cnn__optimizer_set_rate(cnn_optimizer *optimizer, double rate) {
  if (!isfinite(rate) || rate < 0)
    return cnn__fail(CNN_E_INVALID, "%s: a learning rate is finite and not negative",
                     cnn__optimizer_name(optimizer));
  optimizer->rate = rate;
  optimizer->rate_set = true;
  return CNN_OK;
}

/* The factor that brings a norm down to bound. A norm that is not finite gives NaN, as in Keras:
   the fault then shows instead of being hidden. */
static float shrink(double squares, double bound) {
  double norm = sqrt(squares);
  if (!isfinite(norm)) return NAN;
  return norm > bound ? (float)(bound / norm) : 1.0f;
}

static float global_scale(const cnn_optimizer *optimizer, cnn_context *context,
                          const cnn__trained *parameters, size_t count) {
  double bound = optimizer->common.global_clip_norm, squares = 0;
  if (bound <= 0) return 1;
  for (size_t i = 0; i < count; i++)
    squares += cnn__vector_sum_of_squares(context, parameters[i].count, parameters[i].gradient);
  return shrink(squares, bound);
}

/* The first step copies: a mean that began at 0 would lag. */
static void follow(const cnn_optimizer *optimizer, cnn_context *context,
                   const cnn__trained *parameter) {
  float *mean = parameter->slot[optimizer->class->slots(optimizer)];
  float momentum = optimizer->steps == 1 ? 0 : (float)optimizer->common.ema_momentum;
  cnn__vector_scale(context, parameter->count, momentum, mean, mean);
  cnn__vector_axpy(context, parameter->count, 1 - momentum, parameter->weights, mean);
}

void cnn__optimizer_step(cnn_optimizer *optimizer, cnn_context *context, cnn__trained *parameters,
                         size_t count) {
  double rate = cnn__optimizer_rate(optimizer), bound = optimizer->common.clip_norm;
  float common_scale = global_scale(optimizer, context, parameters, count);
  optimizer->steps++;
  if (optimizer->class == &cnn__adam_class || optimizer->class == &cnn__adamw_class) {
    optimizer->beta_1_power *= optimizer->settings.adam.beta_1;
    optimizer->beta_2_power *= optimizer->settings.adam.beta_2;
  }
  for (size_t i = 0; i < count; i++) {
    const cnn__trained *parameter = &parameters[i];
    float scale = common_scale;
    if (bound > 0)
      scale =
          shrink(cnn__vector_sum_of_squares(context, parameter->count, parameter->gradient), bound);
    optimizer->class->update(optimizer, context, parameter, rate, scale);
    if (cnn__optimizer_keeps_mean(optimizer)) follow(optimizer, context, parameter);
  }
}

void cnn__optimizer_finish(cnn_optimizer *optimizer, cnn_context *context, cnn__trained *parameters,
                           size_t count) {
  if (!cnn__optimizer_keeps_mean(optimizer) || optimizer->steps == 0) return;
  size_t slot = optimizer->class->slots(optimizer);
  for (size_t i = 0; i < count; i++)
    cnn__vector_scale(context, parameters[i].count, 1, parameters[i].slot[slot],
                      parameters[i].weights);
}

void cnn__optimizer_write(cnn__text *text, const cnn_optimizer *optimizer) {
  cnn__kind_write(text, &optimizer->class->kind, &optimizer->settings);
  if (optimizer->schedule) {
    cnn__text_format(text, ",\"schedule\":");
    cnn__schedule_write(text, optimizer->schedule);
  }
  cnn__text_append(text, "}", 1);
}

cnn_status cnn__optimizer_read(cnn_context *context, const char *what, const cnn__json *json,
                               cnn_optimizer **optimizer) {
  static const char *const others[] = {"kind", "schedule", NULL};
  cnn__optimizer_settings settings;
  const cnn__kind *kind;
  cnn_schedule *schedule = NULL;
  memset(&settings, 0, sizeof settings);
  cnn_status status = cnn__kind_read(kinds, KINDS, what, json, others, &settings, &kind);
  if (status) return status;
  const cnn__json *member = cnn__json_get(json, "schedule");
  if (member) status = cnn__schedule_read(context, what, member, &schedule);
  if (!status) status = make(context, what, class_of(kind), &settings, schedule, optimizer);
  if (status) cnn_schedule_free(schedule);
  return status;
}

void cnn__optimizer_state(const cnn_optimizer *optimizer, double state[CNN__OPTIMIZER_STATE]) {
  const double values[CNN__OPTIMIZER_STATE] = {(double)optimizer->steps, optimizer->rate,
                                               optimizer->rate_set, optimizer->beta_1_power,
                                               optimizer->beta_2_power};
  memcpy(state, values, sizeof values);
}

cnn_status cnn__optimizer_restore(cnn_optimizer *optimizer, const char *what,
                                  const double state[CNN__OPTIMIZER_STATE]) {
  double steps = state[0], rate = state[1], set = state[2], power_1 = state[3], power_2 = state[4];
  bool right = steps >= 0 && steps <= 0x1p53 && steps == floor(steps) && isfinite(rate) &&
               rate >= 0 && (set == 0 || set == 1) && power_1 >= 0 && power_1 <= 1 &&
               power_2 >= 0 && power_2 <= 1;
  for (size_t i = 5; i < CNN__OPTIMIZER_STATE; i++)
    right = right && state[i] == 0;
  if (!right) return cnn__fail(CNN_E_FORMAT, "%s: the optimizer's state cannot be", what);
  optimizer->steps = (uint64_t)steps;
  optimizer->rate = rate;
  optimizer->rate_set = set == 1;
  optimizer->beta_1_power = power_1;
  optimizer->beta_2_power = power_2;
  return CNN_OK;
}

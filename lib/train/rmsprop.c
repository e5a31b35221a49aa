/* RMSprop (Hinton, 2012, lecture 6e), epsilon inside the root as in Keras. */
#include "ops/optimizer.h"
#include "train/optimizer.h"

#define AT(member) offsetof(cnn_rmsprop_options, member)
static const cnn__field fields[] = {
    {"learning_rate", CNN__FIELD_REAL, AT(learning_rate), false, 1e-3, 0, 1e9, NULL},
    {"rho", CNN__FIELD_REAL, AT(rho), false, 0.9, 0, 1, NULL},
    {"momentum", CNN__FIELD_REAL, AT(momentum), false, 0, 0, 1, NULL},
    {"epsilon", CNN__FIELD_REAL, AT(epsilon), false, 1e-7, 0, 1, NULL},
    {"centered", CNN__FIELD_FLAG, AT(centered), false, 0, 0, 1, NULL},
    {"clip_norm", CNN__FIELD_REAL, AT(clip_norm), false, 0, 0, 1e30, NULL},
    {"global_clip_norm", CNN__FIELD_REAL, AT(global_clip_norm), false, 0, 0, 1e30, NULL},
    {"clip_value", CNN__FIELD_REAL, AT(clip_value), false, 0, 0, 1e30, NULL},
    {"weight_decay", CNN__FIELD_REAL, AT(weight_decay), false, 0, 0, 1e9, NULL},
    {"ema_momentum", CNN__FIELD_REAL, AT(ema_momentum), false, 0, 0, 0.9999999999, NULL},
};
#undef AT

static cnn__optimizer_common common(const cnn_optimizer *optimizer) {
  const cnn_rmsprop_options *s = &optimizer->settings.rmsprop;
  return (cnn__optimizer_common){s->learning_rate, s->clip_norm,    s->global_clip_norm,
                                 s->clip_value,    s->weight_decay, s->ema_momentum};
}

static cnn_schedule **schedule(void *settings) {
  return &((cnn_rmsprop_options *)settings)->schedule;
}

/* The slots, in order: square, then velocity with momentum, then average where centered. */
static size_t slots(const cnn_optimizer *optimizer) {
  const cnn_rmsprop_options *s = &optimizer->settings.rmsprop;
  return (size_t)1 + (s->centered != 0) + (s->momentum > 0);
}

static void update(cnn_optimizer *optimizer, cnn_context *context, const cnn__trained *parameter,
                   double rate, float scale) {
  const cnn_rmsprop_options *s = &optimizer->settings.rmsprop;
  cnn__rmsprop_step step = {.learning_rate = (float)rate,
                            .rho = (float)s->rho,
                            .momentum = (float)s->momentum,
                            .epsilon = (float)s->epsilon,
                            .decay = (float)(rate * s->weight_decay),
                            .gradient_scale = scale,
                            .clip_value = (float)s->clip_value};
  size_t next = 1;
  float *velocity = s->momentum > 0 ? parameter->slot[next++] : NULL;
  float *average = s->centered ? parameter->slot[next] : NULL;
  cnn__rmsprop_update(context, &step, parameter->count, parameter->gradient, parameter->weights,
                      parameter->slot[0], average, velocity);
}

static const char *const slot_names[] = {"square", "velocity_or_average", "average"};
enum { FIELDS = sizeof fields / sizeof *fields, SIZE = sizeof(cnn_rmsprop_options) };

const cnn__optimizer_class cnn__rmsprop_class = {
    {"rmsprop", NULL, fields, FIELDS, SIZE}, common, schedule, slots, slot_names, update};

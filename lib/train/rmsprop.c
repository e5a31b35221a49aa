/* RMSprop (Hinton, 2012, lecture 6e), epsilon inside the root as in Keras. */
#include "ops/optimizer.h"
#include "train/optimizer.h"

typedef cnn_rmsprop_options options;

static const cnn__field fields[] = {
    REAL(learning_rate, 0, 1e9, 1e-3), REAL(rho, 0, 1, 0.9), REAL(momentum, 0, 1, 0),
    REAL(epsilon, 0, 1, 1e-7),         FLAG(centered),       COMMON_FIELDS(0),
};

static cnn__optimizer_common common(const cnn_optimizer *optimizer) {
  const options *s = &optimizer->settings.rmsprop;
  return (cnn__optimizer_common){s->learning_rate, s->clip_norm,    s->global_clip_norm,
                                 s->clip_value,    s->weight_decay, s->ema_momentum};
}

/* The slots, in order: square, then velocity with momentum, then average where centered. */
static size_t slots(const cnn_optimizer *optimizer) {
  const options *s = &optimizer->settings.rmsprop;
  return (size_t)1 + (s->centered != 0) + (s->momentum > 0);
}

static void update(cnn_optimizer *optimizer, cnn_context *context, const cnn__trained *parameter,
                   double rate, float scale) {
  const options *s = &optimizer->settings.rmsprop;
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
enum { FIELDS = sizeof fields / sizeof *fields, SIZE = sizeof(options) };

const cnn__optimizer_class cnn__rmsprop_class = {{"rmsprop", NULL, fields, FIELDS, SIZE},
                                                 common,
                                                 offsetof(options, schedule),
                                                 slots,
                                                 slot_names,
                                                 update};

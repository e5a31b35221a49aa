/* Stochastic gradient descent: plain, with momentum, with Nesterov's (Sutskever et al., 2013). */
#include "ops/optimizer.h"
#include "train/optimizer.h"

#define AT(member) offsetof(cnn_sgd_options, member)
static const cnn__field fields[] = {
    {"learning_rate", CNN__FIELD_REAL, AT(learning_rate), false, 0.01, 0, 1e9, NULL},
    {"momentum", CNN__FIELD_REAL, AT(momentum), false, 0, 0, 1, NULL},
    {"nesterov", CNN__FIELD_FLAG, AT(nesterov), false, 0, 0, 1, NULL},
    {"clip_norm", CNN__FIELD_REAL, AT(clip_norm), false, 0, 0, 1e30, NULL},
    {"global_clip_norm", CNN__FIELD_REAL, AT(global_clip_norm), false, 0, 0, 1e30, NULL},
    {"clip_value", CNN__FIELD_REAL, AT(clip_value), false, 0, 0, 1e30, NULL},
    {"weight_decay", CNN__FIELD_REAL, AT(weight_decay), false, 0, 0, 1e9, NULL},
    {"ema_momentum", CNN__FIELD_REAL, AT(ema_momentum), false, 0, 0, 0.9999999999, NULL},
};
#undef AT

static cnn__optimizer_common common(const cnn_optimizer *optimizer) {
  const cnn_sgd_options *s = &optimizer->settings.sgd;
  return (cnn__optimizer_common){s->learning_rate, s->clip_norm,    s->global_clip_norm,
                                 s->clip_value,    s->weight_decay, s->ema_momentum};
}

static cnn_schedule **schedule(void *settings) {
  return &((cnn_sgd_options *)settings)->schedule;
}

static size_t slots(const cnn_optimizer *optimizer) {
  return optimizer->settings.sgd.momentum > 0;
}

static void update(cnn_optimizer *optimizer, cnn_context *context, const cnn__trained *parameter,
                   double rate, float scale) {
  const cnn_sgd_options *s = &optimizer->settings.sgd;
  cnn__sgd_step step = {.learning_rate = (float)rate,
                        .momentum = (float)s->momentum,
                        .nesterov = s->nesterov != 0,
                        .decay = (float)(rate * s->weight_decay),
                        .gradient_scale = scale,
                        .clip_value = (float)s->clip_value};
  cnn__sgd_update(context, &step, parameter->count, parameter->gradient, parameter->weights,
                  s->momentum > 0 ? parameter->slot[0] : NULL);
}

static const char *const slot_names[] = {"momentum"};
enum { FIELDS = sizeof fields / sizeof *fields, SIZE = sizeof(cnn_sgd_options) };

const cnn__optimizer_class cnn__sgd_class = {
    {"sgd", NULL, fields, FIELDS, SIZE}, common, schedule, slots, slot_names, update};

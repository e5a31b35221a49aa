/* Stochastic gradient descent: plain, with momentum, with Nesterov's (Sutskever et al., 2013). */
#include "ops/optimizer.h"
#include "train/optimizer.h"

typedef cnn_sgd_options options;

static const cnn__field fields[] = {
    REAL(learning_rate, 0, 1e9, 0.01),
    REAL(momentum, 0, 1, 0),
    FLAG(nesterov),
    COMMON_FIELDS(0),
};

static cnn__optimizer_common common(const cnn_optimizer *optimizer) {
  const options *s = &optimizer->settings.sgd;
  return (cnn__optimizer_common){s->learning_rate, s->clip_norm,    s->global_clip_norm,
                                 s->clip_value,    s->weight_decay, s->ema_momentum};
}

static size_t slots(const cnn_optimizer *optimizer) {
  return optimizer->settings.sgd.momentum > 0;
}

static void update(cnn_optimizer *optimizer, cnn_context *context, const cnn__trained *parameter,
                   double rate, float scale) {
  const options *s = &optimizer->settings.sgd;
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
enum { FIELDS = sizeof fields / sizeof *fields, SIZE = sizeof(options) };

const cnn__optimizer_class cnn__sgd_class = {{"sgd", NULL, fields, FIELDS, SIZE},
                                             common,
                                             offsetof(options, schedule),
                                             slots,
                                             slot_names,
                                             update};

/* Adam and AdamW (Kingma and Ba, 2015; Loshchilov and Hutter, 2019), epsilon outside the bias
   correction as in Keras: w -= m * alpha / (sqrt(v) + epsilon), alpha = lr sqrt(1 - beta_2^t) / (1 -
   beta_1^t). */
#include "ops/optimizer.h"
#include "train/optimizer.h"
#include <math.h>

typedef cnn_adam_options options;

#define FIELDS(decay)                                                                              \
  {                                                                                                \
    REAL(learning_rate, 0, 1e9, 1e-3), REAL(beta_1, 0, 0.9999999999, 0.9),                         \
        REAL(beta_2, 0, 0.9999999999, 0.999), REAL(epsilon, 0, 1, 1e-7), FLAG(amsgrad),            \
        COMMON_FIELDS(decay)                                                                       \
  }
static const cnn__field adam_fields[] = FIELDS(0);
static const cnn__field adamw_fields[] = FIELDS(0.004);
#undef FIELDS

static cnn__optimizer_common common(const cnn_optimizer *optimizer) {
  const options *s = &optimizer->settings.adam;
  return (cnn__optimizer_common){s->learning_rate, s->clip_norm,    s->global_clip_norm,
                                 s->clip_value,    s->weight_decay, s->ema_momentum};
}

static size_t slots(const cnn_optimizer *optimizer) {
  return optimizer->settings.adam.amsgrad ? 3 : 2;
}

static void update(cnn_optimizer *optimizer, cnn_context *context, const cnn__trained *parameter,
                   double rate, float scale) {
  const options *s = &optimizer->settings.adam;
  cnn__adam_step step = {
      .alpha = (float)(rate * sqrt(1 - optimizer->beta_2_power) / (1 - optimizer->beta_1_power)),
      .one_minus_beta1 = (float)(1 - s->beta_1),
      .one_minus_beta2 = (float)(1 - s->beta_2),
      .epsilon = (float)s->epsilon,
      .decay = (float)(rate * s->weight_decay),
      .gradient_scale = scale,
      .clip_value = (float)s->clip_value};
  cnn__adam_update(context, &step, parameter->count, parameter->gradient, parameter->weights,
                   parameter->slot[0], parameter->slot[1], s->amsgrad ? parameter->slot[2] : NULL);
}

static const char *const slot_names[] = {"m", "v", "v_maximum"};
enum { FIELDS = sizeof adam_fields / sizeof *adam_fields, SIZE = sizeof(options) };

const cnn__optimizer_class cnn__adam_class = {{"adam", NULL, adam_fields, FIELDS, SIZE},
                                              common,
                                              offsetof(options, schedule),
                                              slots,
                                              slot_names,
                                              update};
const cnn__optimizer_class cnn__adamw_class = {{"adamw", NULL, adamw_fields, FIELDS, SIZE},
                                               common,
                                               offsetof(options, schedule),
                                               slots,
                                               slot_names,
                                               update};

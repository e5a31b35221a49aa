/* Fails the step whose loss or gradients are not finite, before any weight has moved, or whose new
   weights are not. The step looks for itself (model/step.c); this asks it to. */
#include "model/callback.h"

static const cnn__callback_class class = {
    .name = "stop_on_nan", .size = sizeof(cnn_callback), .guards = true};

cnn_callback *cnn_stop_on_nan(void) {
  return cnn__callback_new(&class);
}

/* What all callbacks share, and the user's own. */
#include "model/callback.h"
#include "model/fit.h"

void *cnn__callback_new(const cnn__callback_class *class) {
  cnn_context *context;
  cnn_callback *callback = cnn__object_new(class->size, "a callback", &context);
  if (callback == NULL) return NULL;
  callback->class = class;
  callback->context = context;
  return callback;
}

void cnn_callback_free(cnn_callback *callback) {
  if (callback == NULL) return;
  cnn_context *context = callback->context;
  if (callback->class->release != NULL) callback->class->release(callback);
  cnn__free(context, callback);
  cnn_context_free(context);
}

/* ---- the user's own ---- */

typedef struct user_callback {
  cnn_callback base;
  cnn_callback_functions functions;
} user_callback;

typedef cnn_status (*user_function)(void *user, const cnn_fit_info *info);

/* What a function returns but CNN_OK ends the fit; a message of its own, if it left one, stays. So does an
   older one that was pending, where it left none. */
static cnn_status call(cnn_callback *callback, const cnn__event *event) {
  const cnn_callback_functions *given = &((const user_callback *)callback)->functions;
  user_function const functions[] = {given->fit_begin, given->epoch_begin, given->batch_begin,
                                     given->batch_end, given->epoch_end,   given->fit_end};
  const user_function function = functions[event->moment];
  if (function == NULL) return CNN_OK;
  cnn__failure before;
  cnn__failure_take(&before);
  cnn_clear_error();
  cnn_status status = function(given->user, event->info);
  if (cnn_last_status() == CNN_OK && status == CNN_OK) cnn__failure_give(&before);
  if (status == CNN_OK || status == cnn_last_status()) return status;
  if (status > CNN_OK || status < CNN_E_INTERNAL) status = CNN_E_STOPPED;
  return cnn__fail(status, "cnn_model_fit: a callback ended it: %s (epoch %lld, batch %lld)",
                   cnn_status_string(status), (long long)event->info->epoch + 1,
                   (long long)event->info->batch);
}

static void release(cnn_callback *callback) {
  const cnn_callback_functions *functions = &((user_callback *)callback)->functions;
  if (functions->release != NULL) functions->release(functions->user);
}

static const cnn__callback_class user_class = {.name = "user",
                                               .size = sizeof(user_callback),
                                               .foreign = true,
                                               .on = {call, call, call, call, call, call},
                                               .release = release};

cnn_callback *cnn_callback_create(const cnn_callback_functions *functions) {
  const char *who = "cnn_callback_create";
  cnn_callback_functions given = {.struct_size = sizeof given};
  if (!cnn__given(who, "functions", functions)) return NULL;
  if (cnn__options_read(who, &given, sizeof given, functions) != CNN_OK) return NULL;
  user_callback *callback = cnn__callback_new(&user_class);
  if (callback == NULL) return NULL;
  callback->functions = given;
  return &callback->base;
}

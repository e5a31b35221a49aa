/* A learning rate for each epoch, from a schedule. */
#include "model/model.h"

typedef struct learning_rate {
  cnn_callback base;
  cnn_schedule *schedule;
} learning_rate;

/* A fit that resumes in the middle of an epoch has its rate already. */
static cnn_status epoch_begin(cnn_callback *callback, const cnn__event *event) {
  const learning_rate *self = (const learning_rate *)callback;
  const cnn_fit_info *info = event->info;
  if (info->batch > 0) return CNN_OK;
  return cnn__optimizer_set_rate(info->model->training->optimizer,
                                 cnn_schedule_rate(self->schedule, info->epoch));
}

static void release(cnn_callback *callback) {
  cnn_schedule_free(((learning_rate *)callback)->schedule);
}

static const cnn__callback_class class = {.name = "learning_rate_by_epoch",
                                          .size = sizeof(learning_rate),
                                          .on = {[CNN__EPOCH_BEGIN] = epoch_begin},
                                          .release = release};

cnn_callback *cnn_learning_rate_by_epoch(cnn_schedule *schedule) {
  if (!cnn__given("cnn_learning_rate_by_epoch", "schedule", schedule)) return NULL;
  learning_rate *self = cnn__callback_new(&class);
  if (self == NULL) {
    cnn_schedule_free(schedule);
    return NULL;
  }
  self->schedule = schedule;
  return &self->base;
}

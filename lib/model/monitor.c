/* A value that is watched for improvement. */
#include "base/context.h"
#include "model/callback.h"
#include <math.h>
#include <string.h>

/* As Keras: shares and scores are better when they are larger. */
static bool larger_is_better(const char *name) {
  return strstr(name, "acc") != NULL || strstr(name, "auc") != NULL ||
         strstr(name, "precision") != NULL || strstr(name, "recall") != NULL;
}

cnn_status cnn__monitor_start(cnn__monitor *monitor, cnn_context *context, const char *who,
                              const char *name, int64_t direction, double min_delta) {
  if (name == NULL) name = "val_loss";
  if (direction < -1 || direction > 1)
    return cnn__fail(CNN_E_INVALID, "%s: maximize is %lld; it must be -1, 0 or 1", who,
                     (long long)direction);
  *monitor = (cnn__monitor){.min_delta = min_delta};
  monitor->maximize = direction > 0 || (direction == 0 && larger_is_better(name));
  monitor->name = cnn__strdup(context, name);
  cnn__monitor_reset(monitor);
  return monitor->name == NULL ? CNN_E_NOMEM : CNN_OK;
}

void cnn__monitor_end(cnn__monitor *monitor, cnn_context *context) {
  cnn__free(context, monitor->name);
  monitor->name = NULL;
}

void cnn__monitor_reset(cnn__monitor *monitor) {
  monitor->best = monitor->maximize ? -HUGE_VAL : HUGE_VAL;
}

cnn_status cnn__monitor_check(const cnn__monitor *monitor, const char *who,
                              const cnn__event *event) {
  char names[256] = "";
  size_t used = 0;
  for (size_t i = 0; i < event->series; i++) {
    const char *name = event->series_names[i];
    size_t length = strlen(name);
    if (strcmp(name, monitor->name) == 0) return CNN_OK;
    if (used + length + 3 > sizeof names) continue;
    if (used > 0) {
      memcpy(names + used, ", ", 2);
      used += 2;
    }
    memcpy(names + used, name, length + 1);
    used += length;
  }
  return cnn__fail(CNN_E_NOT_FOUND, "%s: nothing named \"%.64s\" to monitor; the fit has %s", who,
                   monitor->name, names);
}

double cnn__monitor_value(const cnn__monitor *monitor, const cnn_fit_info *info) {
  for (int64_t i = 0; i < info->names_count; i++)
    if (strcmp(info->names[i], monitor->name) == 0) return info->values[i];
  return (double)NAN;
}

bool cnn__monitor_improves(cnn__monitor *monitor, double value) {
  bool better = monitor->maximize ? value - monitor->min_delta > monitor->best
                                  : value + monitor->min_delta < monitor->best;
  if (better) monitor->best = value;
  return better;
}

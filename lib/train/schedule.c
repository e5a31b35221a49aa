/* Learning rates that change with the step. */
#include "base/mathematics.h"
#include "train/kind.h"
#include "train/train.h"
#include <math.h>
#include <string.h>

typedef cnn_schedule_options options;

static const double pi = 3.14159265358979323846;
static const double most_steps = 9007199254740992.0; /* 2^53: exact as a double */

struct cnn_schedule {
  cnn_context *context;
  const cnn__kind *kind;
  options settings;
};

static const cnn__field fields[] = {
    REAL(initial, 0, 1e9, 1e-3), REQUIRED(steps, 0x1p53),
    REAL(rate, 0, 1e9, 0.1),     FLAG(staircase),
    REAL(final, 0, 1e12, 0),     INTEGER(warmup_steps, 0, 0x1p53, 0),
    REAL(divisor, 1, 1e9, 25),
};
enum { FIELDS = sizeof fields / sizeof *fields, SIZE = sizeof(options) };

static const cnn__kind exponential = {"exponential_decay", NULL, fields, FIELDS, SIZE};
static const cnn__kind cosine = {"cosine_decay", NULL, fields, FIELDS, SIZE};
static const cnn__kind step_drop = {"step_decay", NULL, fields, FIELDS, SIZE};
static const cnn__kind cycle = {"one_cycle", NULL, fields, FIELDS, SIZE};
static const cnn__kind *const kinds[] = {&exponential, &cosine, &step_drop, &cycle};
enum { KINDS = sizeof kinds / sizeof *kinds };

static cnn_schedule *allocate(cnn_context *context, const cnn__kind *kind,
                              const options *settings) {
  cnn_schedule *schedule = cnn__alloc(context, sizeof *schedule, "a schedule");
  if (schedule) *schedule = (cnn_schedule){cnn__context_retain(context), kind, *settings};
  return schedule;
}

/* What the fields cannot say. */
static cnn_status check(const cnn__kind *kind, const char *who, const options *s) {
  if (s->warmup_steps > s->steps)
    return cnn__fail(CNN_E_INVALID, "%s: warmup_steps is %lld, more than steps, %lld", who,
                     (long long)s->warmup_steps, (long long)s->steps);
  if (kind == &cycle && s->final < 1)
    return cnn__fail(CNN_E_INVALID, "%s: final is below 1; it divides the initial rate", who);
  return CNN_OK;
}

static cnn_schedule *create(const cnn__kind *kind, const char *function,
                            const cnn_schedule_options *given) {
  options settings;
  if (cnn__kind_options(kind, function, given, &settings)) return NULL;
  if (kind == &cycle && settings.final == 0) settings.final = 1e4;
  if (kind == &cycle && settings.warmup_steps == 0)
    settings.warmup_steps = settings.steps / 10 * 3 + settings.steps % 10 * 3 / 10;
  if (check(kind, function, &settings)) return NULL;
  cnn_context *context = cnn__context_acquire();
  if (!context) return NULL;
  cnn_schedule *schedule = allocate(context, kind, &settings);
  cnn_context_free(context);
  return schedule;
}

void cnn_schedule_options_init(cnn_schedule_options *given, size_t size) {
  cnn__options_init(given, size);
}
cnn_schedule *cnn_exponential_decay_create(const cnn_schedule_options *given) {
  return create(&exponential, "exponential_decay", given);
}
cnn_schedule *cnn_cosine_decay_create(const cnn_schedule_options *given) {
  return create(&cosine, "cosine_decay", given);
}
cnn_schedule *cnn_step_decay_create(const cnn_schedule_options *given) {
  return create(&step_drop, "step_decay", given);
}
cnn_schedule *cnn_one_cycle_create(const cnn_schedule_options *given) {
  return create(&cycle, "one_cycle", given);
}

void cnn_schedule_free(cnn_schedule *schedule) {
  if (!schedule) return;
  cnn_context *context = schedule->context;
  cnn__free(context, schedule);
  cnn_context_free(context);
}

/* From a to b along half a cosine, as t goes from 0 to 1. */
static double half_cosine(double a, double b, double t) {
  return b + (a - b) * 0.5 * (1 + cnn__cos(pi * t));
}

static double cosine_rate(const options *s, double step) {
  double warmup = (double)s->warmup_steps, steps = (double)s->steps;
  if (step < warmup) return s->initial * step / warmup;
  double t = fmin((step - warmup) / fmax(steps - warmup, 1), 1);
  return half_cosine(s->initial, s->initial * s->final, t);
}

static double cycle_rate(const options *s, double step) {
  double up = (double)s->warmup_steps, steps = (double)s->steps;
  if (step < up) return half_cosine(s->initial / s->divisor, s->initial, step / up);
  double t = fmin((step - up) / fmax(steps - up, 1), 1);
  return half_cosine(s->initial, s->initial / s->final, t);
}

double cnn_schedule_rate(const cnn_schedule *schedule, int64_t at) {
  if (!cnn__given("cnn_schedule_rate", "schedule", schedule)) return NAN;
  const options *s = &schedule->settings;
  double step = fmin(fmax((double)at, 0), most_steps);
  if (schedule->kind == &cosine) return cosine_rate(s, step);
  if (schedule->kind == &cycle) return cycle_rate(s, step);
  double decays = step / (double)s->steps;
  if (schedule->kind == &step_drop || s->staircase) decays = floor(decays);
  return s->initial * cnn__pow(s->rate, decays);
}

void cnn__schedule_write(cnn__text *text, const cnn_schedule *schedule) {
  cnn__kind_write(text, schedule->kind, &schedule->settings);
  cnn__text_append(text, "}", 1);
}

cnn_status cnn__schedule_read(cnn_context *context, const char *what, const cnn__json *json,
                              cnn_schedule **schedule) {
  static const char *const others[] = {"kind", NULL};
  options settings;
  const cnn__kind *kind;
  cnn_status status = cnn__kind_read(kinds, KINDS, what, json, others, &settings, &kind);
  if (status) return status;
  status = check(kind, what, &settings);
  if (status) return status;
  *schedule = allocate(context, kind, &settings);
  return *schedule ? CNN_OK : CNN_E_NOMEM;
}

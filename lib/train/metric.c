/* Metrics: running means over samples, as Keras's. */
#include "base/mathematics.h"
#include "train/kind.h"
#include "train/train.h"
#include <math.h>
#include <string.h>

typedef cnn_metric_options options;

/* One sample's score, in [0, 1]. */
typedef double (*score_function)(const cnn_metric *metric, size_t width, const float *outputs,
                                 bool logits, const cnn__labels *labels, size_t row);

struct cnn_metric {
  cnn_context *context;
  const cnn__kind *kind;
  options settings;     /* name NULL: it is below */
  char *name;           /* the user's, or NULL */
  score_function score; /* settled by bind */
  double sum, count;
};

static const cnn__field fields[] = {
    INTEGER(k, 1, 0x1p31, 5),
    REAL(threshold, 0, 1, 0.5),
};
#define KIND(name, alias)                                                                          \
  { name, alias, fields, 2, sizeof(options) }
static const cnn__kind accuracy = KIND("accuracy", "acc");
static const cnn__kind binary = KIND("binary_accuracy", NULL);
static const cnn__kind categorical = KIND("categorical_accuracy", NULL);
static const cnn__kind sparse = KIND("sparse_categorical_accuracy", NULL);
static const cnn__kind top_k =
    KIND("top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy");
#undef KIND
static const cnn__kind *const kinds[] = {&accuracy, &binary, &categorical, &sparse, &top_k};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The place of the largest value; the first of equal ones; a NaN wins over all. */
static size_t largest(size_t width, const float *values) {
  size_t best = 0;
  for (size_t i = 1; i < width && !isnan(values[best]); i++)
    if (values[i] > values[best] || isnan(values[i])) best = i;
  return best;
}

/* The class that a sample's label names; width where it names none. */
static size_t label_of(const cnn__labels *labels, size_t row, size_t width) {
  if (labels->index) {
    int32_t index = labels->index[row];
    return index >= 0 && (size_t)index < width ? (size_t)index : width;
  }
  return largest(width, labels->vector + row * width);
}

static double score_class(const cnn_metric *metric, size_t width, const float *outputs, bool logits,
                          const cnn__labels *labels, size_t row) {
  const float *values = outputs + row * width;
  size_t best = largest(width, values);
  return !isnan(values[best]) && best == label_of(labels, row, width);
}

/* The label is a hit if fewer than k outputs exceed its own: ties count. */
static double score_top_k(const cnn_metric *metric, size_t width, const float *outputs, bool logits,
                          const cnn__labels *labels, size_t row) {
  const float *values = outputs + row * width;
  size_t label = label_of(labels, row, width), above = 0;
  if (label == width || !isfinite(values[label])) return 0;
  for (size_t i = 0; i < width; i++)
    above += values[i] > values[label] || isnan(values[i]);
  return above < (size_t)metric->settings.k;
}

static double score_binary(const cnn_metric *metric, size_t width, const float *outputs,
                           bool logits, const cnn__labels *labels, size_t row) {
  double threshold = metric->settings.threshold, right = 0;
  if (logits)
    threshold = threshold <= 0   ? -HUGE_VAL
                : threshold >= 1 ? HUGE_VAL
                                 : cnn__log(threshold / (1 - threshold));
  for (size_t i = 0; i < width; i++) {
    double truth =
        labels->index ? (double)labels->index[row] : (double)labels->vector[row * width + i];
    right += ((double)outputs[row * width + i] > threshold) == (truth > 0.5);
  }
  return right / (double)width;
}

static cnn_metric *allocate(cnn_context *context, const cnn__kind *kind, const options *settings) {
  cnn_metric *metric = cnn__alloc(context, sizeof *metric, "a metric");
  if (!metric) return NULL;
  *metric =
      (cnn_metric){.context = cnn__context_retain(context), .kind = kind, .settings = *settings};
  metric->settings.name = NULL;
  if (!settings->name) return metric;
  metric->name = cnn__strdup(context, settings->name);
  if (metric->name) return metric;
  cnn_metric_free(metric);
  return NULL;
}

static cnn_metric *create(const cnn__kind *kind, const cnn_metric_options *given) {
  options settings;
  if (cnn__kind_options(kind, kind->name, given, &settings)) return NULL;
  cnn_context *context = cnn__context_acquire();
  if (!context) return NULL;
  cnn_metric *metric = allocate(context, kind, &settings);
  cnn_context_free(context);
  return metric;
}

cnn_metric *cnn_accuracy_create(const cnn_metric_options *given) {
  return create(&accuracy, given);
}
cnn_metric *cnn_binary_accuracy_create(const cnn_metric_options *given) {
  return create(&binary, given);
}
cnn_metric *cnn_categorical_accuracy_create(const cnn_metric_options *given) {
  return create(&categorical, given);
}
cnn_metric *cnn_sparse_categorical_accuracy_create(const cnn_metric_options *given) {
  return create(&sparse, given);
}
cnn_metric *cnn_top_k_accuracy_create(const cnn_metric_options *given) {
  return create(&top_k, given);
}
void cnn_metric_options_init(cnn_metric_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_metric *cnn_metric_by_name(const char *name) {
  const cnn__kind *kind = cnn__kind_named(kinds, KINDS, "cnn_metric_by_name", "metric", name);
  return kind ? create(kind, NULL) : NULL;
}

void cnn_metric_free(cnn_metric *metric) {
  if (!metric) return;
  cnn_context *context = metric->context;
  cnn__free(context, metric->name);
  cnn__free(context, metric);
  cnn_context_free(context);
}

const char *cnn__metric_name(const cnn_metric *metric) {
  return metric->name ? metric->name : metric->kind->name;
}

cnn_status cnn__metric_bind(cnn_metric *metric, const cnn__shape *output, bool by_index,
                            size_t label_width) {
  size_t width = cnn__shape_product(output);
  char shape[CNN__SHAPE_TEXT];
  cnn__shape_text(output, shape);
  bool by_threshold = metric->kind == &binary || (metric->kind == &accuracy && width == 1);
  if (!by_index && label_width != width)
    return cnn__fail(CNN_E_SHAPE, "%s: labels are vectors of %zu, the output is %s",
                     cnn__metric_name(metric), label_width, shape);
  if (by_threshold && by_index && width != 1)
    return cnn__fail(CNN_E_SHAPE,
                     "%s: labels are class indices, the output is %s; one output is expected",
                     cnn__metric_name(metric), shape);
  metric->score = by_threshold ? score_binary : metric->kind == &top_k ? score_top_k : score_class;
  return CNN_OK;
}

void cnn__metric_reset(cnn_metric *metric) {
  metric->sum = metric->count = 0;
}

void cnn__metric_update(cnn_metric *metric, size_t rows, size_t width, const float *outputs,
                        bool logits, const cnn__labels *labels, const float *weights) {
  for (size_t row = 0; row < rows; row++) {
    double weight = weights ? (double)weights[row] : 1;
    metric->sum += weight * metric->score(metric, width, outputs, logits, labels, row);
    metric->count += weight;
  }
}

double cnn__metric_value(const cnn_metric *metric) {
  return metric->count > 0 ? metric->sum / metric->count : 0;
}

void cnn__metric_state(const cnn_metric *metric, double state[2]) {
  state[0] = metric->sum;
  state[1] = metric->count;
}

void cnn__metric_restore(cnn_metric *metric, const double state[2]) {
  metric->sum = state[0];
  metric->count = state[1];
}

void cnn__metric_write(cnn__text *text, const cnn_metric *metric) {
  cnn__kind_write(text, metric->kind, &metric->settings);
  cnn__text_format(text, ",\"name\":");
  cnn__json_write_string(text, cnn__metric_name(metric));
  cnn__text_append(text, "}", 1);
}

cnn_status cnn__metric_read(cnn_context *context, const char *what, const cnn__json *json,
                            cnn_metric **metric) {
  static const char *const others[] = {"kind", "name", NULL};
  options settings;
  const cnn__kind *kind;
  cnn_status status = cnn__kind_read(kinds, KINDS, what, json, others, &settings, &kind);
  if (status) return status;
  const cnn__json *name = cnn__json_get(json, "name");
  if (!name || name->type != CNN__JSON_STRING)
    return cnn__fail(CNN_E_FORMAT, "%s: a metric's \"name\" is missing", what);
  settings.name = name->value.string;
  *metric = allocate(context, kind, &settings);
  return *metric ? CNN_OK : CNN_E_NOMEM;
}

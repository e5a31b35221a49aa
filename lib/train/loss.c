/* Losses: what is minimised. Reduction as Keras's sum_over_batch_size: the mean over samples, weighted
   ones too divided by their count. */
#include "train/loss.h"
#include "base/size.h"
#include <inttypes.h>
#include <string.h>

#define options cnn_crossentropy_options
static const cnn__field crossentropy_fields[] = {
    FLAG(from_logits),
    REAL(label_smoothing, 0, 1, 0),
};
#undef options
#define options cnn_error_loss_options
static const cnn__field error_fields[] = {
    REAL(delta, 1e-30, 1e30, 1),
};
#undef options

#define CROSSENTROPY(name, alias)                                                                  \
  { name, alias, crossentropy_fields, 2, sizeof(cnn_crossentropy_options) }
#define ERROR_LOSS(name, alias)                                                                    \
  { name, alias, error_fields, 1, sizeof(cnn_error_loss_options) }

static const cnn__loss_class sparse = {CROSSENTROPY("sparse_categorical_crossentropy", NULL),
                                       CNN__LOSS_SOFTMAX, true, NULL};
static const cnn__loss_class categorical = {CROSSENTROPY("categorical_crossentropy", NULL),
                                            CNN__LOSS_SOFTMAX, false, NULL};
static const cnn__loss_class binary = {CROSSENTROPY("binary_crossentropy", NULL), CNN__LOSS_SIGMOID,
                                       false, NULL};
static const cnn__loss_class squared = {ERROR_LOSS("mean_squared_error", "mse"), CNN__LOSS_ERROR,
                                        false, cnn__squared_error};
static const cnn__loss_class absolute = {ERROR_LOSS("mean_absolute_error", "mae"), CNN__LOSS_ERROR,
                                         false, cnn__absolute_error};
static const cnn__loss_class huber = {ERROR_LOSS("huber", NULL), CNN__LOSS_ERROR, false,
                                      cnn__huber};

static const cnn__kind *const kinds[] = {&sparse.kind,  &categorical.kind, &binary.kind,
                                         &squared.kind, &absolute.kind,    &huber.kind};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const cnn__loss_class *class_of(const cnn__kind *kind) {
  return (const cnn__loss_class *)kind; /* which it begins with */
}

static cnn_loss *allocate(cnn_context *context, const cnn__loss_class *class,
                          const void *settings) {
  cnn_loss *loss = cnn__alloc(context, sizeof *loss, "a loss");
  if (!loss) return NULL;
  memset(loss, 0, sizeof *loss);
  loss->context = cnn__context_retain(context);
  loss->class = class;
  memcpy(&loss->settings, settings, class->kind.settings_size);
  return loss;
}

static cnn_loss *create(const cnn__loss_class *class, const void *options) {
  cnn__loss_settings settings;
  if (cnn__kind_options(&class->kind, class->kind.name, options, &settings)) return NULL;
  cnn_context *context = cnn__context_acquire();
  if (!context) return NULL;
  cnn_loss *loss = allocate(context, class, &settings);
  cnn_context_free(context);
  return loss;
}

cnn_loss *cnn_sparse_categorical_crossentropy_create(const cnn_crossentropy_options *options) {
  return create(&sparse, options);
}
cnn_loss *cnn_categorical_crossentropy_create(const cnn_crossentropy_options *options) {
  return create(&categorical, options);
}
cnn_loss *cnn_binary_crossentropy_create(const cnn_crossentropy_options *options) {
  return create(&binary, options);
}
cnn_loss *cnn_mean_squared_error_create(const cnn_error_loss_options *options) {
  return create(&squared, options);
}
cnn_loss *cnn_mean_absolute_error_create(const cnn_error_loss_options *options) {
  return create(&absolute, options);
}
cnn_loss *cnn_huber_create(const cnn_error_loss_options *options) {
  return create(&huber, options);
}
void cnn_crossentropy_options_init(cnn_crossentropy_options *options, size_t size) {
  cnn__options_init(options, size);
}
void cnn_error_loss_options_init(cnn_error_loss_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_loss *cnn_loss_by_name(const char *name) {
  const cnn__kind *kind = cnn__kind_named(kinds, KINDS, "cnn_loss_by_name", "loss", name);
  return kind ? create(class_of(kind), NULL) : NULL;
}

void cnn_loss_free(cnn_loss *loss) {
  if (!loss) return;
  cnn_context *context = loss->context;
  cnn__free(context, loss);
  cnn_context_free(context);
}

const char *cnn__loss_name(const cnn_loss *loss) {
  return loss->class->kind.name;
}

cnn_status cnn__loss_check(const cnn_loss *loss, const cnn__shape *output, bool by_index,
                           size_t label_width) {
  const char *name = cnn__loss_name(loss);
  char shape[CNN__SHAPE_TEXT];
  size_t width = cnn__shape_product(output);
  cnn__shape_text(output, shape);
  if (loss->class->family == CNN__LOSS_SOFTMAX && (output->rank != 1 || width < 2))
    return cnn__fail(CNN_E_SHAPE, "%s: the output is %s; it must be one row of 2 classes or more",
                     name, shape);
  if (loss->class->by_index && !by_index)
    return cnn__fail(CNN_E_SHAPE,
                     "%s: labels are vectors of %zu; class indices are expected (for vectors use "
                     "categorical_crossentropy)",
                     name, label_width);
  if (loss->class->by_index) return CNN_OK;
  /* One output takes an index as a number: 0 or 1, or a regression's target. */
  if (by_index && width == 1) return CNN_OK;
  if (by_index)
    return cnn__fail(CNN_E_SHAPE,
                     "%s: labels are class indices and the output is %s; give vectors of %zu "
                     "(a loader's one_hot), or use sparse_categorical_crossentropy",
                     name, shape, width);
  if (label_width == width) return CNN_OK;
  return cnn__fail(CNN_E_SHAPE, "%s: labels are vectors of %zu, the output is %s", name,
                   label_width, shape);
}

bool cnn__loss_takes_logits(const cnn_loss *loss, cnn_activation_kind last) {
  if (loss->class->family == CNN__LOSS_ERROR || loss->settings.crossentropy.from_logits)
    return false;
  return last == (loss->class->family == CNN__LOSS_SOFTMAX ? CNN_SOFTMAX : CNN_SIGMOID);
}

/* Scratch holds targets as floats where labels are indices and the loss is not a sparse one. */
bool cnn__loss_scratch(size_t rows, size_t width, size_t *bytes) {
  size_t count;
  return cnn__size_mul(rows, width, &count) && cnn__size_mul(count, sizeof(float), bytes);
}

/* One output tells two classes apart. */
static cnn_status check_labels(const char *name, const cnn__loss_call *call) {
  const size_t known = call->width == 1 ? 2 : call->width;
  for (size_t row = 0; row < call->rows; row++) {
    int32_t label = call->labels.index[row];
    if (label < 0 || (size_t)label >= known)
      return cnn__fail(CNN_E_INVALID,
                       "%s: the label of sample %zu of the batch is %" PRId32
                       "; the output has classes 0 to %zu",
                       name, row, label, known - 1);
  }
  return CNN_OK;
}

static const float *targets(const cnn_loss *loss, const cnn__loss_call *call) {
  if (call->labels.vector || loss->class->by_index) return call->labels.vector;
  float *numbers = call->scratch;
  for (size_t row = 0; row < call->rows; row++)
    numbers[row] = (float)call->labels.index[row];
  return numbers;
}

cnn_status cnn__loss_compute(const cnn_loss *loss, cnn_context *context, const cnn__loss_call *call,
                             double *sum) {
  const cnn__loss_class *class = loss->class;
  if (class->by_index || (class->family == CNN__LOSS_SIGMOID && call->labels.index)) {
    cnn_status status = check_labels(cnn__loss_name(loss), call);
    if (status) return status;
  }
  cnn__loss_call with_targets = *call;
  with_targets.labels.vector = targets(loss, call);
  bool crossentropy = class->family != CNN__LOSS_ERROR;
  if (crossentropy && !call->logits && !loss->settings.crossentropy.from_logits) {
    *sum = cnn__probability_loss(loss, &with_targets);
    return CNN_OK;
  }
  /* A row's loss is a sum over its outputs for softmax, a mean for the others. */
  double per_row = class->family == CNN__LOSS_SOFTMAX ? 1.0 : 1.0 / (double)call->width;
  cnn__loss_rows rows = {.rows = call->rows,
                         .n = call->width,
                         .predictions = call->outputs,
                         .labels = class->by_index ? call->labels.index : NULL,
                         .targets = with_targets.labels.vector,
                         .row_weights = call->weights,
                         .smoothing =
                             crossentropy ? (float)loss->settings.crossentropy.label_smoothing : 0,
                         .delta = crossentropy ? 0 : (float)loss->settings.error.delta,
                         .scale = (float)(per_row / (double)call->rows),
                         .gradient = call->gradient};
  if (class->family == CNN__LOSS_SOFTMAX)
    *sum = cnn__softmax_cross_entropy(context, &rows);
  else if (class->family == CNN__LOSS_SIGMOID)
    *sum = cnn__sigmoid_cross_entropy(context, &rows);
  else
    *sum = class->error(context, &rows);
  *sum *= per_row;
  return CNN_OK;
}

void cnn__loss_write(cnn__text *text, const cnn_loss *loss) {
  cnn__kind_write(text, &loss->class->kind, &loss->settings);
  cnn__text_append(text, "}", 1);
}

cnn_status cnn__loss_read(cnn_context *context, const char *what, const cnn__json *json,
                          cnn_loss **loss) {
  static const char *const others[] = {"kind", NULL};
  cnn__loss_settings settings;
  const cnn__kind *kind;
  cnn_status status = cnn__kind_read(kinds, KINDS, what, json, others, &settings, &kind);
  if (status) return status;
  *loss = allocate(context, class_of(kind), &settings);
  return *loss ? CNN_OK : CNN_E_NOMEM;
}

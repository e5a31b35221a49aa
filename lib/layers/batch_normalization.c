/* Batch normalisation of each channel, the last dimension (Ioffe and Szegedy, 2015). Parameters, in this order
   and as far as they exist: gamma, beta, moving_mean, moving_variance. */
#include "layers/classes.h"
#include "layers/support.h"

#include "ops/activation.h"
#include "ops/normalization.h"
#include <string.h>

typedef cnn_batch_normalization_options options;

static const cnn__field fields[] = {
    REAL(momentum, 0, 1, 0.99),
    REAL(epsilon, 0, CNN__LARGEST_REAL, 1e-3),
    FLAG(no_center),
    FLAG(no_scale),
    FLAG(frozen),
};

typedef struct normalization {
  size_t rows, channels;     /* of one image */
  float epsilon, keep, take; /* moving = moving * keep + batch * take */
  bool frozen;
  bool has_gamma, has_beta;
  cnn_activation_kind activation; /* taken in */
  size_t beta, mean; /* their indices; gamma's is 0, moving_variance's follows mean's */
} normalization;

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  const options *settings = layer->settings;
  if (input->rank == 0)
    return cnn__fail(CNN_E_SHAPE, "%s: a scalar has no channels to normalise", name);
  *spec = (cnn__layer_spec){.output = *input};
  const size_t channels = input->dim[input->rank - 1];
  const struct {
    const char *name;
    bool exists, statistic;
    cnn_initializer initializer;
  } parameters[] = {{"gamma", !settings->no_scale, false, CNN_ONES},
                    {"beta", !settings->no_center, false, CNN_ZEROS},
                    {"moving_mean", true, true, CNN_ZEROS},
                    {"moving_variance", true, true, CNN_ONES}};
  for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
    if (parameters[i].exists)
      spec->parameters[spec->parameter_count++] = (cnn__parameter_spec){
          .name = parameters[i].name,
          .shape = {.rank = 1, .dim = {channels}},
          .trainable = !parameters[i].statistic && !settings->frozen,
          .statistic = parameters[i].statistic,
          .initializer = parameters[i].initializer,
          .fan_in = channels,
          .fan_out = channels,
      };
  return CNN_OK;
}

/* saved: the statistics that the forward pass normalised by, mean and then variance. */
static float *saved_mean(const cnn__op_run *run) {
  return (float *)(void *)run->saved;
}

static cnn__batch_norm norm_of(const normalization *state, const cnn__op_run *run) {
  return (cnn__batch_norm){.rows = run->images * state->rows,
                           .channels = state->channels,
                           .epsilon = state->epsilon,
                           .gamma = state->has_gamma ? run->parameter[0] : NULL,
                           .beta = state->has_beta ? run->parameter[state->beta] : NULL,
                           .activation = state->activation};
}

static void move(const normalization *state, const float *batch, float *moving) {
  for (size_t i = 0; i < state->channels; i++)
    moving[i] = moving[i] * state->keep + batch[i] * state->take;
}

static void forward(const cnn__op *op, const cnn__op_run *run) {
  const normalization *state = op->state;
  const cnn__batch_norm norm = norm_of(state, run);
  float *moving_mean = run->parameter[state->mean];
  float *moving_variance = run->parameter[state->mean + 1];
  const float *mean = moving_mean, *variance = moving_variance;
  if (run->training && !state->frozen) {
    float *batch_mean = saved_mean(run), *batch_variance = batch_mean + norm.channels;
    cnn__batch_norm_statistics(run->context, norm.rows, norm.channels, run->input[0], batch_mean,
                               batch_variance, run->scratch);
    move(state, batch_mean, moving_mean);
    move(state, batch_variance, moving_variance);
    mean = batch_mean;
    variance = batch_variance;
  }
  cnn__batch_norm_apply(run->context, &norm, run->input[0], mean, variance, run->output,
                        run->scratch);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  const normalization *state = op->state;
  const cnn__batch_norm norm = norm_of(state, run);
  float *dy = run->output_gradient;
  float *dgamma = state->has_gamma ? run->parameter_gradient[0] : NULL;
  float *dbeta = state->has_beta ? run->parameter_gradient[state->beta] : NULL;
  if (run->training && !state->frozen) {
    cnn__batch_norm_backward(run->context, &norm, run->input[0], saved_mean(run),
                             saved_mean(run) + norm.channels, dy, dgamma, dbeta,
                             run->input_gradient[0], run->scratch);
    return;
  }
  if (state->activation != CNN_LINEAR)
    cnn__activation_backward(run->context, state->activation, 0, norm.rows * norm.channels, NULL,
                             run->output, dy, dy);
  cnn__batch_norm_backward_frozen(run->context, &norm, run->input[0], run->parameter[state->mean],
                                  run->parameter[state->mean + 1], dy, dgamma, dbeta,
                                  run->input_gradient[0], run->scratch);
}

void cnn__batch_normalization_affine(const cnn_layer *layer, size_t channels,
                                     float *const *parameter, float *scale, float *offset) {
  const options *settings = layer->settings;
  cnn__batch_norm norm = {.channels = channels, .epsilon = (float)settings->epsilon};
  if (!settings->no_scale) norm.gamma = *parameter++;
  if (!settings->no_center) norm.beta = *parameter++;
  cnn__batch_norm_affine(&norm, parameter[0], parameter[1], scale, offset);
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  const options *settings = layer->settings;
  op->algorithm = "batch-normalization";
  normalization *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  const size_t count = cnn__shape_product(request->output);
  state->channels = request->output->dim[request->output->rank - 1];
  state->rows = count / state->channels;
  state->epsilon = (float)settings->epsilon;
  state->keep = (float)settings->momentum;
  state->take = (float)(1 - settings->momentum);
  state->frozen = request->frozen;
  state->activation = request->fuse_activation;
  state->has_gamma = !settings->no_scale;
  state->has_beta = !settings->no_center;
  state->beta = state->has_gamma ? 1 : 0;
  state->mean = state->beta + (state->has_beta ? 1 : 0);
  if (!cnn__batch_norm_scratch(request->batch * state->rows, state->channels, &op->scratch_bytes))
    return cnn__fail(CNN_E_LIMIT, "%s: the scratch memory for %zu rows of %zu exceeds memory",
                     request->name, request->batch * state->rows, state->channels);
  op->flops = 2 * (double)count;
  op->saved_bytes = request->frozen ? 0 : 2 * state->channels * sizeof(float);
  op->backward_reads_input = !request->frozen;
  op->backward_reads_output = request->fuse_activation != CNN_LINEAR;
  op->forward = forward;
  op->backward = backward;
  return CNN_OK;
}

static bool can_fuse_activation(const cnn__op_request *request, cnn_activation_kind kind) {
  return kind == CNN_RELU || kind == CNN_RELU6;
}

const cnn__layer_class cnn__batch_normalization_class = {
    .class_name = "BatchNormalization",
    .base_name = "batch_normalization",
    .settings_size = sizeof(cnn_batch_normalization_options),
    .name_offset = offsetof(cnn_batch_normalization_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .infer = infer,
    .plan = plan,
    .can_fuse_activation = can_fuse_activation,
};

void cnn_batch_normalization_options_init(cnn_batch_normalization_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_layer *cnn_batch_normalization_create(const cnn_batch_normalization_options *given) {
  return cnn__layer_create(&cnn__batch_normalization_class, "cnn_batch_normalization_create",
                           given);
}

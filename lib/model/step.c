/* One step: forward, loss, backward, regularisers, optimizer. */
#include "model/fit.h"

#include "ops/vector.h"
#include <math.h>
#include <string.h>

/* ---- loss ---- */

/* The class whose weight a sample has; CNN__NOTHING: none. */
static size_t class_of(const cnn__fed_batch *batch, size_t row, size_t width) {
  double label;
  if (batch->labels.index != NULL) {
    label = batch->labels.index[row];
  } else if (width == 1) {
    label = (double)batch->labels.vector[row];
  } else {
    const float *vector = batch->labels.vector + row * width;
    size_t best = 0;
    for (size_t i = 1; i < width; i++)
      if (vector[i] > vector[best]) best = i;
    return best < batch->classes ? best : CNN__NOTHING;
  }
  return label >= 0 && label < (double)batch->classes ? (size_t)label : CNN__NOTHING;
}

static const float *weigh_rows(const cnn__plan *plan, const cnn__fed_batch *batch, size_t width) {
  if (batch->class_weights == NULL) return NULL;
  float *weights = cnn__plan_row_weights(plan);
  for (size_t row = 0; row < batch->images; row++) {
    size_t class = class_of(batch, row, width);
    weights[row] = class == CNN__NOTHING ? 1 : (float)batch->class_weights[class];
  }
  return weights;
}

/* The mean loss of the batch, and the metrics' share; the gradient where the plan wants it. */
static cnn_status compute_loss(cnn_model *model, const cnn__plan *plan, const cnn__fed_batch *batch,
                               const float *outputs, bool logits, double *loss) {
  const cnn__training *training = model->training;
  size_t width = plan->values[plan->output].count;
  cnn__loss_call call = {.rows = batch->images,
                         .width = width,
                         .outputs = outputs,
                         .logits = logits,
                         .labels = batch->labels,
                         .weights = weigh_rows(plan, batch, width),
                         .gradient = cnn__plan_output_gradient(plan),
                         .scratch = cnn__plan_loss_scratch(plan)};
  double sum;
  cnn_status status = cnn__loss_compute(training->loss, model->context, &call, &sum);
  if (status != CNN_OK) return status;
  for (size_t i = 0; i < training->metric_count; i++)
    cnn__metric_update(training->metrics[i], batch->images, width, outputs, logits, &batch->labels,
                       NULL);
  *loss = sum / (double)batch->images;
  return CNN_OK;
}

/* ---- regularisers: l2 * sum of squares, without a factor of one half, as Keras's ---- */

static bool is_regularised(const cnn_model *model, size_t parameter) {
  return model->network->parameters[parameter].spec->l2 > 0 && cnn__model_trains(model, parameter);
}

static double regularisation(const cnn_model *model) {
  double sum = 0;
  for (size_t i = 0; i < model->network->parameter_count; i++) {
    const cnn__parameter *parameter = &model->network->parameters[i];
    if (is_regularised(model, i))
      sum += parameter->spec->l2 * cnn__vector_sum_of_squares(model->context, parameter->count,
                                                              cnn__model_values(model, i));
  }
  return sum;
}

static void add_regularisation_gradients(const cnn_model *model) {
  for (size_t i = 0; i < model->network->parameter_count; i++) {
    const cnn__parameter *parameter = &model->network->parameters[i];
    if (is_regularised(model, i))
      cnn__vector_axpy(model->context, parameter->count, (float)(2 * parameter->spec->l2),
                       cnn__model_values(model, i), model->training->gradients + parameter->offset);
  }
}

/* ---- what the optimizer updates ---- */

/* Made anew when layers were frozen or thawed, and with the first gradients: a fit that ends before
   its first step, as one does that is resumed at its end, has none. A parameter that does not train
   has a gradient of 0 and is its own running mean, from which it goes on when it is thawed. */
static void list_trained(cnn_model *model) {
  cnn__training *training = model->training;
  if (training->trained_structure == model->structure) return;
  training->trained_count = 0;
  for (size_t i = 0; i < model->network->parameter_count; i++) {
    const cnn__parameter *parameter = &model->network->parameters[i];
    float *gradient = training->gradients ? training->gradients + parameter->offset : NULL;
    if (!cnn__model_trains(model, i)) {
      for (size_t k = 0; k < parameter->count && gradient != NULL; k++)
        gradient[k] = 0;
      if (cnn__optimizer_keeps_mean(training->optimizer))
        memcpy(training->slots[training->slot_count - 1] + parameter->offset,
               cnn__model_values(model, i), parameter->count * sizeof(float));
      continue;
    }
    cnn__trained *trained = &training->trained[training->trained_count++];
    *trained = (cnn__trained){
        .count = parameter->count, .weights = cnn__model_values(model, i), .gradient = gradient};
    for (size_t s = 0; s < training->slot_count; s++)
      trained->slot[s] = training->slots[s] + parameter->offset;
  }
  training->trained_structure = model->structure;
}

void cnn__training_settle(cnn_model *model) {
  list_trained(model);
  cnn__optimizer_finish(model->training->optimizer, model->context, model->training->trained,
                        model->training->trained_count);
  model->version++;
}

/* ---- numbers that are not finite ---- */

static bool is_finite(const cnn_model *model, const cnn__parameter *parameter, const float *block) {
  return cnn__vector_finite(model->context, parameter->count, block + parameter->offset);
}

/* Where a loss that is not finite comes from: the images, a weight, or the first layer whose
   output is not finite. */
static cnn_status blame(cnn_model *model, const cnn__plan *plan, const cnn__plan_run *run) {
  const cnn__network *network = model->network;
  const cnn__training_state *state = &model->training->state;
  unsigned long long epoch = state->epoch + 1, batch = state->batch + 1;
  if (!cnn__vector_finite(model->context, run->images * plan->values[0].count, run->input))
    return cnn__fail(CNN_E_NUMERIC,
                     "%s: its images hold a number that is not finite (epoch %llu, batch %llu)",
                     network->nodes[network->input].name, epoch, batch);
  for (size_t i = 0; i < network->parameter_count; i++)
    if (!is_finite(model, &network->parameters[i], model->weights))
      return cnn__fail(CNN_E_NUMERIC,
                       "%s: the weights hold a number that is not finite (epoch %llu, batch %llu)",
                       network->parameters[i].name, epoch, batch);
  size_t step = cnn__plan_find_not_finite(plan, run);
  if (step != CNN__NOTHING)
    return cnn__fail(CNN_E_NUMERIC,
                     "%s: its output holds a number that is not finite (epoch %llu, batch %llu)",
                     network->nodes[plan->steps[step].node].name, epoch, batch);
  return cnn__fail(CNN_E_NUMERIC,
                   "%s: the loss is not finite, though every layer's output is (epoch %llu, batch "
                   "%llu)",
                   cnn__loss_name(model->training->loss), epoch, batch);
}

/* The last parameter of a block that holds a number that is not finite. Gradients flow from the
   last layer to the first: what is nearest to the loss went wrong first. */
static cnn_status check_block(const cnn_model *model, const float *block, const char *what) {
  const cnn__network *network = model->network;
  for (size_t i = network->parameter_count; i-- > 0;)
    if (cnn__model_trains(model, i) && !is_finite(model, &network->parameters[i], block))
      return cnn__fail(CNN_E_NUMERIC, "%s: %s a number that is not finite (epoch %llu, batch %llu)",
                       network->parameters[i].name, what,
                       (unsigned long long)model->training->state.epoch + 1,
                       (unsigned long long)model->training->state.batch + 1);
  return CNN_OK;
}

/* ---- steps ---- */

/* With the first step, not with compile: a model that is loaded takes no more than its file has. */
static cnn_status allocate_gradients(const cnn_model *model) {
  cnn__training *training = model->training;
  if (training->gradients != NULL) return CNN_OK;
  training->gradients = cnn__calloc_array(training->context, model->network->block_size,
                                          sizeof *training->gradients, "gradients");
  training->trained_structure = UINT64_MAX; /* what was listed has no gradients */
  return training->gradients == NULL ? CNN_E_NOMEM : CNN_OK;
}

static cnn_status learn(cnn_model *model, const cnn__plan *plan, const cnn__plan_run *run) {
  cnn__training *training = model->training;
  list_trained(model);
  cnn__plan_backward(plan, run);
  add_regularisation_gradients(model);
  training->has_gradients = true;
  if (training->guarded) {
    cnn_status status = check_block(model, training->gradients, "its gradient holds");
    if (status != CNN_OK) return status;
  }
  training->state.learning_rate = cnn__optimizer_rate(training->optimizer);
  cnn__optimizer_step(training->optimizer, model->context, training->trained,
                      training->trained_count);
  training->step++;
  return training->guarded ? check_block(model, model->weights, "the step made of its weights")
                           : CNN_OK;
}

cnn_status cnn__train_step(cnn_model *model, const cnn__fed_batch *batch, size_t planned,
                           double *loss) {
  cnn__training *training = model->training;
  cnn__plan *plan;
  cnn_status status = cnn__model_plan(model, CNN__MODE_TRAIN, planned, &plan);
  if (status == CNN_OK) status = allocate_gradients(model);
  if (status != CNN_OK) return status;
  cnn__plan_run run = {.images = batch->images,
                       .input = batch->input,
                       .weights = model->weights,
                       .gradients = training->gradients,
                       .seed = training->seed,
                       .step = training->step};
  cnn__plan_forward(plan, &run);
  model->version++; /* statistics moved; the weights will */
  status = compute_loss(model, plan, batch, cnn__plan_output(plan, &run), training->logits, loss);
  if (status != CNN_OK) return status;
  *loss += regularisation(model);
  if (training->guarded && !isfinite(*loss)) return blame(model, plan, &run);
  return learn(model, plan, &run);
}

cnn_status cnn__test_step(cnn_model *model, const cnn__fed_batch *batch, size_t planned,
                          double *loss) {
  cnn__plan *plan;
  cnn_status status = cnn__model_plan(model, CNN__MODE_TEST, planned, &plan);
  if (status != CNN_OK) return status;
  cnn__plan_run run = {.images = batch->images, .input = batch->input, .weights = model->weights};
  cnn__plan_forward(plan, &run);
  status =
      compute_loss(model, plan, batch, cnn__plan_output(plan, &run), model->training->logits, loss);
  if (status == CNN_OK) *loss += regularisation(model);
  return status;
}

cnn_status cnn__test_outputs(cnn_model *model, const cnn__fed_batch *batch, size_t planned,
                             const float *outputs, double *loss) {
  cnn__plan *plan; /* for its scratch */
  cnn_status status = cnn__model_plan(model, CNN__MODE_TEST, planned, &plan);
  if (status == CNN_OK) status = compute_loss(model, plan, batch, outputs, false, loss);
  if (status == CNN_OK) *loss += regularisation(model);
  return status;
}

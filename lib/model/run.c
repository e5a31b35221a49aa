/* Running a plan: pointers into the arena, one operation after another. */
#include "model/plan.h"
#include "ops/vector.h"

static const float *value_at(const cnn__plan *plan, const cnn__plan_run *run, size_t value) {
  size_t buffer = plan->values[value].buffer;
  return buffer == CNN__NOTHING ? run->input : cnn__plan_at(plan, buffer);
}

/* A step's parameters, of a block of weights. */
static void find_parameters(const cnn__plan *plan, const cnn__step *step, float *weights,
                            float *parameter[CNN__MAX_OP_PARAMETERS]) {
  const cnn__parameter *own = plan->request.network->parameters + step->first_parameter;
  const cnn__parameter *taken = plan->request.network->parameters + step->taken_parameter;
  for (size_t k = 0; k < step->parameter_count; k++)
    parameter[k] = weights + own[k].offset;
  for (size_t k = 0; k < step->taken_count; k++)
    parameter[step->parameter_count + k] = weights + taken[k].offset;
}

/* What both directions need. */
static cnn__op_run start(const cnn__plan *plan, const cnn__plan_run *run, const cnn__step *step) {
  cnn__op_run op = {.context = plan->request.context,
                    .images = run->images,
                    .training = plan->request.training,
                    .seed = run->seed,
                    .step = run->step,
                    .output = cnn__plan_at(plan, plan->values[step->output].buffer),
                    .prepared = cnn__plan_at(plan, step->prepared),
                    .saved = cnn__plan_at(plan, step->saved),
                    .slots = cnn__plan_at(plan, plan->slots),
                    .slot_pitch = plan->slot_pitch};
  for (size_t k = 0; k < step->input_count; k++)
    op.input[k] = value_at(plan, run, step->input[k]);
  find_parameters(plan, step, run->weights, op.parameter);
  return op;
}

static void run_forward(const cnn__plan *plan, const cnn__plan_run *run, const cnn__step *step) {
  cnn__op_run op = start(plan, run, step);
  op.scratch = cnn__plan_at(plan, step->forward_scratch);
  step->op.forward(&step->op, &op);
}

void cnn__plan_forward(const cnn__plan *plan, const cnn__plan_run *run) {
  for (size_t i = 0; i < plan->step_count; i++)
    run_forward(plan, run, &plan->steps[i]);
}

size_t cnn__plan_find_not_finite(const cnn__plan *plan, const cnn__plan_run *run) {
  for (size_t i = 0; i < plan->step_count; i++) {
    const cnn__value *output = &plan->values[plan->steps[i].output];
    run_forward(plan, run, &plan->steps[i]);
    if (!cnn__vector_finite(plan->request.context, run->images * output->count,
                            cnn__plan_at(plan, output->buffer)))
      return i;
  }
  return CNN__NOTHING;
}

static void run_backward(const cnn__plan *plan, const cnn__plan_run *run, const cnn__step *step) {
  const cnn__parameter *parameters = plan->request.network->parameters + step->first_parameter;
  cnn__op_run op = start(plan, run, step);
  op.scratch = cnn__plan_at(plan, step->backward_scratch);
  op.output_gradient = cnn__plan_at(plan, plan->values[step->output].gradient);
  for (size_t k = 0; k < step->input_count; k++)
    op.input_gradient[k] = cnn__plan_at(plan, step->input_gradient[k]);
  for (size_t k = 0; k < step->parameter_count && step->trains; k++)
    if (!parameters[k].spec->statistic)
      op.parameter_gradient[k] = run->gradients + parameters[k].offset;
  step->op.backward(&step->op, &op);
  for (size_t k = 0; k < step->input_count; k++) {
    const cnn__value *input = &plan->values[step->input[k]];
    if (step->accumulate[k])
      cnn__vector_accumulate(plan->request.context, run->images * input->count,
                             op.input_gradient[k], cnn__plan_at(plan, input->gradient));
  }
}

void cnn__plan_backward(const cnn__plan *plan, const cnn__plan_run *run) {
  for (size_t i = plan->step_count; i-- > 0;)
    if (plan->steps[i].backward) run_backward(plan, run, &plan->steps[i]);
}

void cnn__plan_prepare(cnn__plan *plan, float *weights) {
  for (size_t i = 0; i < plan->step_count; i++) {
    const cnn__step *step = &plan->steps[i];
    float *parameter[CNN__MAX_OP_PARAMETERS] = {NULL};
    if (step->op.prepare == NULL) continue;
    find_parameters(plan, step, weights, parameter);
    step->op.prepare(&step->op, plan->request.context, parameter,
                     cnn__plan_at(plan, step->prepared));
  }
  plan->prepared = true;
}

const float *cnn__plan_output(const cnn__plan *plan, const cnn__plan_run *run) {
  return value_at(plan, run, plan->output);
}

float *cnn__plan_output_gradient(const cnn__plan *plan) {
  return cnn__plan_at(plan, plan->values[plan->output].gradient);
}

void *cnn__plan_loss_scratch(const cnn__plan *plan) {
  return cnn__plan_at(plan, plan->loss_scratch);
}

float *cnn__plan_row_weights(const cnn__plan *plan) {
  return cnn__plan_at(plan, plan->row_weights);
}

/* Lifetimes of values, gradients and scratch, and the buffers that follow from them. Time counts
   operations, as model/plan.h says. */
#include "model/layout.h"

#include "base/size.h"

static size_t loss_time(const cnn__plan *plan) {
  return plan->step_count;
}
static size_t backward_time(const cnn__plan *plan, size_t step) {
  return 2 * plan->step_count - step;
}
static size_t last_time(const cnn__plan *plan) {
  return 2 * plan->step_count + 1;
}

static cnn_status add_buffer(cnn__plan *plan, size_t bytes, size_t begin, size_t end,
                             size_t *buffer) {
  if (plan->buffer_count == plan->buffer_capacity) {
    size_t capacity = plan->buffer_capacity == 0 ? 32 : 2 * plan->buffer_capacity;
    cnn__arena_item *buffers = cnn__realloc_array(plan->request.context, plan->buffers, capacity,
                                                  sizeof *buffers, "a plan's buffers");
    if (buffers == NULL) return CNN_E_NOMEM;
    plan->buffers = buffers;
    plan->buffer_capacity = capacity;
  }
  *buffer = plan->buffer_count++;
  plan->buffers[*buffer] = (cnn__arena_item){.bytes = bytes, .begin = begin, .end = end};
  return CNN_OK;
}

/* A buffer where there is something to hold, else none. */
static cnn_status add_optional(cnn__plan *plan, size_t bytes, size_t begin, size_t end,
                               size_t *buffer) {
  *buffer = CNN__NOTHING;
  return bytes == 0 ? CNN_OK : add_buffer(plan, bytes, begin, end, buffer);
}

static cnn_status batch_bytes(const cnn__plan *plan, size_t count, size_t *bytes) {
  if (cnn__size_mul(count, plan->request.batch, bytes) &&
      cnn__size_mul(*bytes, sizeof(float), bytes) && *bytes <= PTRDIFF_MAX)
    return CNN_OK;
  return cnn__fail(CNN_E_LIMIT, "plan: a batch of %zu times %zu numbers exceeds memory",
                   plan->request.batch, count);
}

static void reach(size_t *end, size_t time) {
  if (*end < time) *end = time;
}

/* ---- values ---- */

/* The last moment at which each value is read. */
static void find_ends(const cnn__plan *plan, size_t *ends) {
  for (size_t v = 0; v < plan->value_count; v++)
    ends[v] = plan->values[v].producer == CNN__NOTHING ? 0 : plan->values[v].producer;
  for (size_t i = 0; i < plan->step_count; i++) {
    const cnn__step *step = &plan->steps[i];
    for (size_t k = 0; k < step->input_count; k++) {
      reach(&ends[step->input[k]], i);
      if (step->backward && step->op.backward_reads_input)
        reach(&ends[step->input[k]], backward_time(plan, i));
    }
    if (step->backward && step->op.backward_reads_output)
      reach(&ends[step->output], backward_time(plan, i));
  }
  reach(&ends[plan->output], loss_time(plan));
}

/* Whether step i may write its output over its first input: nobody reads that again, and it is ours. */
static bool in_place(const cnn__plan *plan, size_t i, const size_t *ends) {
  const cnn__step *step = &plan->steps[i];
  if (!step->op.in_place || step->input_count == 0) return false;
  const cnn__value *input = &plan->values[step->input[0]];
  for (size_t k = 1; k < step->input_count; k++)
    if (step->input[k] == step->input[0]) return false;
  return input->buffer != CNN__NOTHING && ends[step->input[0]] == i &&
         input->count == plan->values[step->output].count;
}

static cnn_status place_values(cnn__plan *plan, const size_t *ends) {
  for (size_t i = 0; i < plan->step_count; i++) {
    cnn__value *output = &plan->values[plan->steps[i].output];
    size_t end = ends[plan->steps[i].output], bytes;
    if (in_place(plan, i, ends)) {
      output->buffer = plan->values[plan->steps[i].input[0]].buffer;
      reach(&plan->buffers[output->buffer].end, end);
      continue;
    }
    cnn_status status = batch_bytes(plan, output->count, &bytes);
    if (status == CNN_OK) status = add_buffer(plan, bytes, i, end, &output->buffer);
    if (status != CNN_OK) return status;
  }
  return CNN_OK;
}

/* ---- gradients ---- */

/* The moment at which a value's gradient is used up: its producer's backward pass. */
static size_t gradient_end(const cnn__plan *plan, const cnn__value *value) {
  return backward_time(plan, value->producer);
}

/* Where step i writes the gradient of its k-th input. The first to write does so in the value's own
   buffer; the others each in a buffer for the moment, whose content is then added. An operation in
   place writes over the gradient that it reads. */
static cnn_status place_input_gradient(cnn__plan *plan, size_t i, size_t k) {
  cnn__step *step = &plan->steps[i];
  cnn__value *input = &plan->values[step->input[k]];
  const cnn__value *output = &plan->values[step->output];
  bool shares = step->op.in_place && k == 0 && input->count == output->count;
  size_t now = backward_time(plan, i), bytes;
  cnn_status status = batch_bytes(plan, input->count, &bytes);
  step->accumulate[k] = input->gradient != CNN__NOTHING;
  size_t end = step->accumulate[k] ? now : gradient_end(plan, input);
  if (status == CNN_OK && !shares)
    status = add_buffer(plan, bytes, now, end, &step->input_gradient[k]);
  if (status != CNN_OK) return status;
  if (shares) {
    step->input_gradient[k] = output->gradient;
    reach(&plan->buffers[output->gradient].end, end);
  }
  if (!step->accumulate[k]) input->gradient = step->input_gradient[k];
  return CNN_OK;
}

static cnn_status place_gradients(cnn__plan *plan) {
  cnn__value *output = &plan->values[plan->output];
  size_t bytes;
  if (!output->needs_gradient) return CNN_OK;
  cnn_status status = batch_bytes(plan, output->count, &bytes);
  if (status == CNN_OK)
    status =
        add_buffer(plan, bytes, loss_time(plan), gradient_end(plan, output), &output->gradient);
  for (size_t i = plan->step_count; i-- > 0;) {
    cnn__step *step = &plan->steps[i];
    for (size_t k = 0; k < step->input_count; k++) {
      if (status != CNN_OK) return status;
      if (step->backward && plan->values[step->input[k]].needs_gradient)
        status = place_input_gradient(plan, i, k);
      else
        step->input_gradient[k] = CNN__NOTHING;
    }
  }
  return status;
}

/* ---- what belongs to one operation, and to the loss ---- */

static cnn_status place_step(cnn__plan *plan, size_t i) {
  cnn__step *step = &plan->steps[i];
  const cnn__op *op = &step->op;
  size_t back = backward_time(plan, i), prepared;
  if (!cnn__size_mul(op->prepared_floats, sizeof(float), &prepared))
    return cnn__fail(CNN_E_LIMIT, "%s: %zu packed weights exceed memory",
                     plan->request.network->nodes[step->node].name, op->prepared_floats);
  cnn_status status = add_optional(plan, prepared, 0, last_time(plan), &step->prepared);
  if (status == CNN_OK)
    status = add_optional(plan, op->saved_bytes, i, step->backward ? back : i, &step->saved);
  if (status == CNN_OK)
    status = add_optional(plan, op->scratch_bytes, i, i, &step->forward_scratch);
  if (status == CNN_OK)
    status = add_optional(plan, step->backward ? op->scratch_bytes : 0, back, back,
                          &step->backward_scratch);
  return status;
}

static cnn_status place_slots(cnn__plan *plan) {
  enum { PAGE = 4096 };
  const size_t slots = cnn__context_slots(plan->request.context);
  size_t most = 0, bytes;
  for (size_t i = 0; i < plan->step_count; i++)
    most = cnn__size_max(most, plan->steps[i].op.slot_bytes);
  if (!cnn__size_round_up(most, PAGE, &plan->slot_pitch) ||
      !cnn__size_mul(plan->slot_pitch, slots, &bytes))
    return cnn__fail(CNN_E_LIMIT, "plan: %zu bytes for each of %zu threads exceed memory", most,
                     slots);
  return add_optional(plan, bytes, 0, last_time(plan), &plan->slots);
}

static cnn_status place_loss(cnn__plan *plan) {
  size_t now = loss_time(plan), scratch, weights;
  plan->loss_scratch = plan->row_weights = CNN__NOTHING;
  if (plan->request.loss == NULL) return CNN_OK;
  if (!cnn__loss_scratch(plan->request.batch, plan->values[plan->output].count, &scratch))
    return cnn__fail(CNN_E_LIMIT, "plan: the loss of %zu samples exceeds memory",
                     plan->request.batch);
  cnn_status status = add_optional(plan, scratch, now, now, &plan->loss_scratch);
  if (status == CNN_OK) status = batch_bytes(plan, 1, &weights);
  if (status == CNN_OK && plan->request.training)
    status = add_buffer(plan, weights, now, now, &plan->row_weights);
  return status;
}

cnn_status cnn__plan_lay_out(cnn__plan *plan) {
  cnn_context *context = plan->request.context;
  size_t *ends = cnn__alloc_array(context, plan->value_count, sizeof *ends, "a plan's layout");
  if (ends == NULL) return CNN_E_NOMEM;
  find_ends(plan, ends);
  cnn_status status = place_values(plan, ends);
  cnn__free(context, ends);
  if (status == CNN_OK) status = place_gradients(plan);
  for (size_t i = 0; i < plan->step_count && status == CNN_OK; i++)
    status = place_step(plan, i);
  if (status == CNN_OK) status = place_slots(plan);
  if (status == CNN_OK) status = place_loss(plan);
  if (status == CNN_OK)
    status = cnn__arena_place(context, plan->buffers, plan->buffer_count, &plan->bytes);
  return status;
}

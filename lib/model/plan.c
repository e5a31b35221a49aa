#include "model/plan.h"

#include "base/size.h"
#include "model/fuse.h"
#include "model/layout.h"
#include <string.h>

/* A plan in the making. */
typedef struct plan_builder {
  cnn__plan *plan;
  const cnn__network *network;
  cnn__readers *readers; /* of each node */
  size_t *value_of;      /* of each node; CNN__NOTHING: not planned yet */
} plan_builder;

static size_t add_value(cnn__plan *plan, size_t count, size_t producer, bool needs_gradient) {
  plan->values[plan->value_count] = (cnn__value){.count = count,
                                                 .producer = producer,
                                                 .needs_gradient = needs_gradient,
                                                 .buffer = CNN__NOTHING,
                                                 .gradient = CNN__NOTHING};
  return plan->value_count++;
}

/* What a plan asks of every operation. */
static cnn__op_request start_request(const plan_builder *builder, size_t node) {
  const cnn__plan_request *request = &builder->plan->request;
  return (cnn__op_request){.context = request->context,
                           .name = builder->network->nodes[node].name,
                           .batch = request->batch,
                           .training = request->training,
                           .frozen = request->frozen[node],
                           .exact = cnn__context_exact(request->context),
                           .slots = cnn__context_slots(request->context)};
}

/* Whether a node's own parameters get gradients. */
static bool trains(const plan_builder *builder, size_t node) {
  const cnn__plan_request *request = &builder->plan->request;
  const cnn__node *entry = &builder->network->nodes[node];
  if (!request->training || request->frozen[node]) return false;
  for (size_t i = 0; i < entry->parameter_count; i++)
    if (!entry->parameters[i].statistic) return true;
  return false;
}

/* Puts a planned operation behind the others: the last step and value. */
static size_t add_step(cnn__plan *plan, const cnn__step *step, size_t count) {
  bool needs_gradient = step->trains;
  for (size_t k = 0; k < step->input_count; k++)
    needs_gradient = needs_gradient || plan->values[step->input[k]].needs_gradient;
  size_t place = plan->step_count++;
  plan->steps[place] = *step;
  plan->steps[place].backward = needs_gradient;
  plan->steps[place].output = add_value(plan, count, place, needs_gradient);
  plan->flops += step->op.flops;
  return plan->steps[place].output;
}

/* An activation as an operation of its own behind a value. */
static cnn_status add_activation(const plan_builder *builder, size_t node,
                                 const cnn__fusion *fusion, size_t *value) {
  cnn__plan *plan = builder->plan;
  cnn__op_request request = start_request(builder, node);
  request.inputs = 1;
  request.input = request.output = &builder->network->nodes[node].output;
  request.input_gradient[0] = plan->values[*value].needs_gradient;
  cnn__step step = {.node = node, .activation = true, .input_count = 1, .input = {*value}};
  cnn_status status = cnn__activation_plan(fusion->after, fusion->slope, &request, &step.op);
  if (status == CNN_OK) *value = add_step(plan, &step, plan->values[*value].count);
  return status;
}

static void read_inputs(const plan_builder *builder, size_t index, cnn__step *step,
                        cnn__op_request *request, cnn__shape shapes[CNN__MAX_INPUTS]) {
  const cnn__node *node = &builder->network->nodes[index];
  step->input_count = request->inputs = node->input_count;
  for (size_t k = 0; k < node->input_count; k++) {
    shapes[k] = builder->network->nodes[node->input[k]].output;
    step->input[k] = builder->value_of[node->input[k]];
    request->input_gradient[k] = builder->plan->values[step->input[k]].needs_gradient;
  }
  request->input = shapes;
  request->output = &node->output;
}

static cnn_status add_node(plan_builder *builder, size_t index) {
  const cnn__node *node = &builder->network->nodes[index];
  cnn__step step = {.node = index, .first_parameter = node->first_parameter};
  cnn__op_request request = start_request(builder, index);
  cnn__shape shapes[CNN__MAX_INPUTS];
  cnn__fusion fusion;
  read_inputs(builder, index, &step, &request, shapes);
  cnn__fuse(builder->network, builder->readers, index, builder->plan->request.logits, &request,
            &fusion);
  cnn_status status = cnn__layer_plan(node->layer, &request, &step.op);
  if (status != CNN_OK) return status;
  size_t value;
  if (step.op.alias) {
    value = step.input[0];
    if (step.op.release != NULL) step.op.release(&step.op, request.context);
  } else {
    step.parameter_count = node->parameter_count;
    if (fusion.normalization != SIZE_MAX) {
      step.taken_parameter = builder->network->nodes[fusion.normalization].first_parameter;
      step.taken_count = builder->network->nodes[fusion.normalization].parameter_count;
    }
    step.trains = trains(builder, index);
    value = add_step(builder->plan, &step,
                     cnn__shape_product(&builder->network->nodes[fusion.last].output));
  }
  if (fusion.after != CNN_LINEAR) status = add_activation(builder, index, &fusion, &value);
  builder->value_of[index] = value;
  for (size_t k = 0; k < fusion.taken_count; k++)
    builder->value_of[fusion.taken[k]] = value;
  return status;
}

static cnn_status add_nodes(plan_builder *builder) {
  const cnn__network *network = builder->network;
  for (size_t i = 0; i < network->node_count; i++)
    builder->value_of[i] = CNN__NOTHING;
  size_t count = cnn__shape_product(cnn__network_input_shape(network));
  builder->value_of[network->input] = add_value(builder->plan, count, CNN__NOTHING, false);
  for (size_t i = 0; i < network->node_count; i++) {
    /* A node that another one took in has its value already. */
    if (i == network->input || builder->value_of[i] != CNN__NOTHING) continue;
    cnn_status status = add_node(builder, i);
    if (status != CNN_OK) return status;
  }
  builder->plan->output = builder->value_of[network->output];
  return CNN_OK;
}

static cnn_status build(cnn__plan *plan) {
  cnn_context *context = plan->request.context;
  size_t nodes = plan->request.network->node_count;
  plan_builder builder = {.plan = plan, .network = plan->request.network};
  builder.readers =
      cnn__alloc_array(context, nodes, sizeof *builder.readers, "a plan in the making");
  builder.value_of =
      cnn__alloc_array(context, nodes, sizeof *builder.value_of, "a plan in the making");
  cnn_status status = CNN_E_NOMEM;
  if (builder.readers != NULL && builder.value_of != NULL) {
    cnn__readers_find(builder.network, builder.readers);
    status = add_nodes(&builder);
  }
  cnn__free(context, builder.readers);
  cnn__free(context, builder.value_of);
  return status;
}

/* An empty plan with room for what a network can need: an operation and an activation a node. */
static cnn__plan *allocate(const cnn__plan_request *request) {
  cnn_context *context = request->context;
  size_t nodes = request->network->node_count;
  cnn__plan *plan = cnn__calloc_array(context, 1, sizeof *plan, "a plan");
  if (plan == NULL) return NULL;
  plan->request = *request;
  plan->request.context = cnn__context_retain(context);
  plan->request.network = cnn__network_retain(request->network);
  plan->request.frozen = NULL;
  plan->steps = cnn__calloc_array(context, 2 * nodes, sizeof *plan->steps, "a plan");
  plan->values = cnn__calloc_array(context, 2 * nodes, sizeof *plan->values, "a plan");
  bool *frozen = cnn__alloc_array(context, nodes, sizeof *frozen, "a plan");
  plan->request.frozen = frozen;
  if (plan->steps != NULL && plan->values != NULL && frozen != NULL) {
    memcpy(frozen, request->frozen, nodes * sizeof *frozen);
    return plan;
  }
  cnn__plan_free(plan);
  return NULL;
}

cnn_status cnn__plan_new(const cnn__plan_request *request, cnn__plan **out) {
  cnn__plan *plan = allocate(request);
  if (plan == NULL) return CNN_E_NOMEM;
  cnn_status status = build(plan);
  if (status == CNN_OK) status = cnn__plan_lay_out(plan);
  plan->request.loss = NULL; /* was borrowed */
  if (status == CNN_OK)
    *out = plan;
  else
    cnn__plan_free(plan);
  return status;
}

cnn_status cnn__plan_allocate(cnn__plan *plan) {
  plan->arena = cnn__alloc(plan->request.context, plan->bytes, "a plan's buffers");
  if (plan->arena == NULL) return CNN_E_NOMEM;
  return CNN_OK;
}

void cnn__plan_free(cnn__plan *plan) {
  if (plan == NULL) return;
  cnn_context *context = plan->request.context;
  for (size_t i = 0; plan->steps != NULL && i < plan->step_count; i++)
    if (plan->steps[i].op.release != NULL) plan->steps[i].op.release(&plan->steps[i].op, context);
  cnn__free(context, plan->arena);
  cnn__free(context, plan->buffers);
  cnn__free(context, plan->values);
  cnn__free(context, plan->steps);
  cnn__free(context, (bool *)(uintptr_t)plan->request.frozen);
  cnn__network_release(plan->request.network);
  cnn__free(context, plan);
  cnn_context_free(context);
}

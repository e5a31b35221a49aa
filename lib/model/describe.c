/* What a plan does, as a table for people. */
#include "model/model.h"
#include "model/number_text.h"
#include "model/plan.h"
#include <stdio.h>

static cnn_status make(const cnn_model *model, const char *who, int64_t batch, int64_t training,
                       cnn__plan **plan) {
  if (model == NULL) return cnn__fail_null(who, "model");
  if (batch < 1)
    return cnn__fail(CNN_E_INVALID, "%s: a batch of %lld images", who, (long long)batch);
  if (training != 0 && training != 1)
    return cnn__fail(CNN_E_INVALID, "%s: training is %lld; it must be 0 or 1", who,
                     (long long)training);
  const cnn__training *compiled = training ? model->training : NULL;
  cnn__plan_request request = {.context = model->context,
                               .network = model->network,
                               .frozen = model->frozen,
                               .batch = (size_t)batch,
                               .training = training != 0,
                               .logits = compiled != NULL && compiled->logits,
                               .loss = compiled != NULL ? compiled->loss : NULL};
  return cnn__plan_new(&request, plan);
}

uint64_t cnn_model_plan_bytes(const cnn_model *model, int64_t batch_size, int64_t training) {
  cnn__plan *plan;
  if (make(model, "cnn_model_plan_bytes", batch_size, training, &plan) != CNN_OK) return 0;
  uint64_t bytes = plan->bytes;
  cnn__plan_free(plan);
  return bytes;
}

static size_t size_of(const cnn__plan *plan, size_t buffer) {
  return buffer == CNN__NOTHING ? 0 : plan->buffers[buffer].bytes;
}

static void write_step(cnn__text *text, const cnn__plan *plan, const cnn__step *step) {
  const cnn__node *node = &plan->request.network->nodes[step->node];
  const cnn__value *output = &plan->values[step->output];
  size_t scratch = size_of(plan, step->forward_scratch);
  const size_t slots = cnn__context_slots(plan->request.context);
  char name[64], bytes[4][CNN__GROUPED_TEXT], flops[CNN__GROUPED_TEXT];
  if (size_of(plan, step->backward_scratch) > scratch)
    scratch = size_of(plan, step->backward_scratch);
  scratch += slots * step->op.slot_bytes;
  snprintf(name, sizeof name, "%.40s%s", node->name, step->activation ? " (activation)" : "");
  cnn__text_format(text, "%-34s %-18s %15s %13s %13s %13s %13s\n", name, step->op.algorithm,
                   cnn__grouped(flops, (uint64_t)step->op.flops),
                   cnn__grouped(bytes[0], size_of(plan, output->buffer)),
                   cnn__grouped(bytes[1], size_of(plan, step->prepared)),
                   cnn__grouped(bytes[2], size_of(plan, step->saved)),
                   cnn__grouped(bytes[3], scratch));
}

static void write_plan(cnn__text *text, const cnn__plan *plan) {
  char flops[CNN__GROUPED_TEXT], bytes[CNN__GROUPED_TEXT], batch[CNN__GROUPED_TEXT];
  cnn__text_format(text, "Plan for %s, batches of up to %s images; instruction set %s\n",
                   plan->request.training ? "training" : "inference",
                   cnn__grouped(batch, plan->request.batch), cnn_cpu_isa());
  cnn__text_format(text, "%-34s %-18s %15s %13s %13s %13s %13s\n", "Operation", "Algorithm",
                   "FLOP per image", "Output bytes", "Weights", "Kept", "Scratch");
  for (size_t i = 0; i < plan->step_count; i++)
    write_step(text, plan, &plan->steps[i]);
  cnn__text_format(text, "Forward pass: %s FLOP per image\nMemory: %s bytes\n",
                   cnn__grouped(flops, (uint64_t)plan->flops), cnn__grouped(bytes, plan->bytes));
}

char *cnn_model_describe_plan(const cnn_model *model, int64_t batch_size, int64_t training) {
  cnn__plan *plan;
  if (make(model, "cnn_model_describe_plan", batch_size, training, &plan) != CNN_OK) return NULL;
  cnn__text text;
  cnn__text_start(&text, model->context);
  write_plan(&text, plan);
  cnn__plan_free(plan);
  return cnn__text_hand_over(&text);
}

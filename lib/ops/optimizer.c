#include "ops/optimizer.h"
#include "kernels/kernels.h"
#include "ops/blocks.h"

static const cnn__optimizer_kernels *kernels(void) {
  return &cnn__kernels_get()->elementwise.optimizer;
}

/* One update: step is the optimizer's own, state its arrays, of which some may be NULL. */
typedef struct update {
  void (*work)(const struct update *of, size_t first, size_t count);
  const void *step;
  size_t count;
  const float *gradient;
  float *weights, *state[3];
} update;

static void do_block(void *argument, size_t task, size_t slot) {
  (void)slot;
  const update *of = argument;
  const cnn__block block = cnn__block_of(of->count, cnn__block_even(of->count), task);
  of->work(of, block.first, block.count);
}

static void run(cnn_context *context, update of) {
  cnn__for_blocks(context, of.count, cnn__block_even(of.count), do_block, &of);
}

static float *state(const update *of, size_t which, size_t first) {
  return of->state[which] ? of->state[which] + first : NULL;
}

static void adam(const update *of, size_t first, size_t count) {
  kernels()->adam(of->step, count, of->gradient + first, of->weights + first, state(of, 0, first),
                  state(of, 1, first), state(of, 2, first));
}
static void sgd(const update *of, size_t first, size_t count) {
  kernels()->sgd(of->step, count, of->gradient + first, of->weights + first, state(of, 0, first));
}
static void rmsprop(const update *of, size_t first, size_t count) {
  kernels()->rmsprop(of->step, count, of->gradient + first, of->weights + first,
                     state(of, 0, first), state(of, 1, first), state(of, 2, first));
}

void cnn__adam_update(cnn_context *context, const cnn__adam_step *step, size_t count,
                      const float *gradient, float *weights, float *first, float *second,
                      float *maximum) {
  run(context, (update){adam, step, count, gradient, weights, {first, second, maximum}});
}
void cnn__sgd_update(cnn_context *context, const cnn__sgd_step *step, size_t count,
                     const float *gradient, float *weights, float *velocity) {
  run(context, (update){sgd, step, count, gradient, weights, {velocity}});
}
void cnn__rmsprop_update(cnn_context *context, const cnn__rmsprop_step *step, size_t count,
                         const float *gradient, float *weights, float *square, float *average,
                         float *velocity) {
  run(context, (update){rmsprop, step, count, gradient, weights, {square, average, velocity}});
}

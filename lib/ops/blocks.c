#include "ops/blocks.h"

typedef struct round_of_sums {
  const cnn__sum *sum;
  size_t first;
  double parts[CNN__SUM_PARTS];
} round_of_sums;

static void sum_block(void *argument, size_t task, size_t slot) {
  (void)slot;
  round_of_sums *round = argument;
  const cnn__sum *sum = round->sum;
  const cnn__block block = cnn__block_of(sum->count, sum->size, round->first + task);
  round->parts[task] = sum->part(sum->argument, block.first, block.count);
}

double cnn__sum_blocks(cnn_context *context, const cnn__sum *sum) {
  const size_t blocks = cnn__size_ceil_div(sum->count, sum->size);
  round_of_sums round = {.sum = sum};
  double total = 0;
  for (round.first = 0; round.first < blocks; round.first += CNN__SUM_PARTS) {
    const size_t parts = cnn__size_min(blocks - round.first, CNN__SUM_PARTS);
    cnn__for_blocks(context, parts, 1, sum_block, &round);
    for (size_t i = 0; i < parts; i++)
      total += round.parts[i];
  }
  return total;
}

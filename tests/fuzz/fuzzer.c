/* A target under libFuzzer: built once for each, with FUZZ_TARGET its name. */
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t capacity);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed);

static const fuzz_target *target(void) {
  static const fuzz_target *found;
  if (!found) found = fuzz_find(FUZZ_TARGET);
  return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  target()->run(bytes, size);
  return 0;
}

static size_t header_size(const uint8_t *bytes, size_t size) {
  uint64_t header = 0;
  for (size_t i = 8; i-- > 0;)
    header = header << 8 | bytes[i];
  return header < size - 8 ? (size_t)header : size - 8;
}

static void put_header_size(uint8_t *bytes, size_t header) {
  for (size_t i = 0; i < 8; i++)
    bytes[i] = (uint8_t)((uint64_t)header >> (8 * i));
}

/* Behind a header of any length, the data stays what it is and where it belongs. */
static size_t mutate_header(uint8_t *bytes, size_t size, size_t capacity) {
  const size_t header = header_size(bytes, size), tail = size - 8 - header;
  if (capacity < 8 + tail + 1) return LLVMFuzzerMutate(bytes, size, capacity);
  uint8_t *copy = malloc(tail + 1);
  memcpy(copy, bytes + 8 + header, tail);
  const size_t changed = LLVMFuzzerMutate(bytes + 8, header, capacity - 8 - tail);
  memcpy(bytes + 8 + changed, copy, tail);
  free(copy);
  put_header_size(bytes, changed);
  return 8 + changed + tail;
}

/* The data keeps its length, which the header names. */
static size_t mutate_data(uint8_t *bytes, size_t size) {
  const size_t header = header_size(bytes, size), tail = size - 8 - header;
  uint8_t *copy = malloc(tail + 1);
  memcpy(copy, bytes + 8 + header, tail);
  const size_t changed = LLVMFuzzerMutate(copy, tail, tail);
  memcpy(bytes + 8 + header, copy, changed < tail ? changed : tail);
  free(copy);
  return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed) {
  if (!target()->safetensors || size < 16 || seed % 8 == 0)
    return LLVMFuzzerMutate(bytes, size, capacity);
  const size_t header = header_size(bytes, size);
  if (seed % 8 < 3 && size > 8 + header) return mutate_data(bytes, size);
  return mutate_header(bytes, size, capacity);
}

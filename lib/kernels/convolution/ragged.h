/* What this family's bodies share, over the vector abstraction that was included before: vectors at
   the ragged end of the channels, and the maximum that knows its place. */
#ifndef CNN_KERNELS_CONVOLUTION_RAGGED_H
#define CNN_KERNELS_CONVOLUTION_RAGGED_H

#include "kernels/convolution/pooling.h"
#include "kernels/fill.h"

/* left: how many elements there are from here on; what is missing loads as 0 and is not stored. */
INLINE_CONSTANTS vector get(const float *from, size_t left) {
  return left >= VECTOR_WIDTH ? vector_load(from) : vector_load_tail(from, left);
}
INLINE_CONSTANTS void put(float *to, size_t left, vector x) {
  if (left >= VECTOR_WIDTH)
    vector_store(to, x);
  else
    vector_store_tail(to, left, x);
}
INLINE_CONSTANTS void put_codes(uint8_t *to, size_t left, vector_int codes) {
  if (left >= VECTOR_WIDTH) {
    vector_int_store_bytes(to, codes);
    return;
  }
  uint8_t bytes[VECTOR_WIDTH];
  vector_int_store_bytes(bytes, codes);
  memcpy(to, bytes, left);
}
INLINE_CONSTANTS vector_int get_codes(const uint8_t *from, size_t left) {
  if (left >= VECTOR_WIDTH) return vector_int_load_bytes(from);
  uint8_t bytes[VECTOR_WIDTH] = {0};
  memcpy(bytes, from, left);
  return vector_int_load_bytes(bytes);
}

/* Asks for an element, of so many bytes, that is wanted later. By a number, for it may be outside the
   image, where C forbids the pointer but asking is harmless. */
INLINE_CONSTANTS void fetch_later(const void *from, size_t element, size_t bytes) {
  __builtin_prefetch((const void *)((uintptr_t)from + element * bytes));
}

/* x < 0 ? 0 : x, which keeps NaN. */
INLINE_CONSTANTS vector relu(vector x) {
  return vector_max(vector_zero(), x);
}

/* A window's maximum so far, and where it was. */
typedef struct pooled {
  vector best;
  vector_int winner;
} pooled;

/* Neither less nor equal, so that NaN wins, unless NaN has already won. */
INLINE_CONSTANTS pooled challenge(pooled holder, vector x, size_t code) {
  const vector_mask stays =
      vector_mask_or(vector_less_equal(x, holder.best), vector_is_nan(holder.best));
  return (pooled){vector_select(stays, holder.best, x),
                  vector_int_select(stays, holder.winner, vector_int_set((int32_t)code))};
}
INLINE_CONSTANTS vector_int code_of(pooled holder, bool with_relu) {
  const vector_mask stops = vector_less_equal(holder.best, vector_zero());
  return with_relu ? vector_int_select(stops, vector_int_set(CNN__POOL_NONE), holder.winner)
                   : holder.winner;
}

/* Of 2 x 2 cells, row by row; the ReLU first, as if each were stored and pooled later: that of the first cell
   is enough, for nothing below 0 wins over it. */
INLINE_CONSTANTS pooled window_maximum(vector a, vector b, vector c, vector d, bool with_relu) {
  pooled holder = {with_relu ? relu(a) : a, vector_int_set(0)};
  holder = challenge(holder, b, 1);
  holder = challenge(holder, c, 2);
  return challenge(holder, d, 3);
}

/* The gradient in those lanes whose window's winner is code. */
INLINE_CONSTANTS vector share(vector_int codes, size_t code, vector gradient) {
  return vector_keep(vector_int_equal(codes, vector_int_set((int32_t)code)), gradient);
}

#endif

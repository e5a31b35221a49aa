/* Squares that are turned as they are read, from the vector abstraction that was included before: for
   instruction sets that have no better way than vector_transpose(). */
#ifndef CNN_KERNELS_TURNED_H
#define CNN_KERNELS_TURNED_H

/* to[i] lane j = rows[j][part * VECTOR_TURN + i]: a part of the square whose VECTOR_WIDTH rows are read. */
enum { VECTOR_TURN = VECTOR_WIDTH };
static inline void vector_load_turned(const float *const rows[VECTOR_WIDTH], int part,
                                      vector to[VECTOR_TURN]) {
  (void)part;
  for (int i = 0; i < VECTOR_WIDTH; i++)
    to[i] = vector_load(rows[i]);
  vector_transpose(to);
}

#endif

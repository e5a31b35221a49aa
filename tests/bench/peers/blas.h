/* Other libraries' single precision matrix product, found at run time: nothing is linked. */
#ifndef PEERS_BLAS_H
#define PEERS_BLAS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct blas {
  const char *name;
  void *handle;
  void (*sgemm)(int order, int form_a, int form_b, int m, int n, int k, float alpha, const float *a,
                int lda, const float *b, int ldb, float beta, float *c, int ldc);
} blas;

/* file: as dlopen takes it. False where there is no such library, or no sgemm in it. Says on the
   standard output what was found, and which processor it takes this one for. */
bool blas_open(blas *peer, const char *file, int threads);

/* Row-major C[m x n] = op(A)[m x k] * op(B)[k x n], whole matrices. */
void blas_multiply(const blas *peer, bool a_transposed, bool b_transposed, size_t m, size_t n,
                   size_t k, const float *a, const float *b, float *c);

#endif

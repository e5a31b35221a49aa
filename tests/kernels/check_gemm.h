/* What the check of products is made of, beside its rounds. */
#ifndef CHECK_GEMM_H
#define CHECK_GEMM_H

#include "check.h"

enum { GEMM_MOST_BATCH = 3, GEMM_PLANTED = 21 };

extern const check_planted gemm_planted[GEMM_PLANTED];
void gemm_bench(check_bench *bench);

#endif

#include "base/status.h"
#include <cnn/model.h>
#include <math.h>

/* Whether the value at a comes before the one at b: larger first, the first of equal ones first,
   what is no number last. */
static bool precedes(const float *values, int64_t a, int64_t b) {
  if (isnan(values[a]) || isnan(values[b]))
    return isnan(values[a]) == isnan(values[b]) ? a < b : isnan(values[b]);
  return values[a] != values[b] ? values[a] > values[b] : a < b;
}

cnn_status cnn_top_k(const float *values, int64_t count, int64_t k, int64_t *indices) {
  if (values == NULL) return cnn__fail_null("cnn_top_k", "values");
  if (indices == NULL) return cnn__fail_null("cnn_top_k", "indices");
  if (count < 1 || k < 1 || k > count)
    return cnn__fail(CNN_E_INVALID, "cnn_top_k: %lld of %lld values", (long long)k,
                     (long long)count);
  for (int64_t place = 0; place < k; place++) {
    int64_t best = -1;
    for (int64_t i = 0; i < count; i++) {
      if (place > 0 && !precedes(values, indices[place - 1], i)) continue;
      if (best < 0 || precedes(values, i, best)) best = i;
    }
    indices[place] = best;
  }
  return CNN_OK;
}

/* A loader's transforms where any of them may have failed to be made. */
#ifndef CNN_TESTS_TRANSFORM_CHAIN_H
#define CNN_TESTS_TRANSFORM_CHAIN_H

#include <cnn/loader.h>
#include <stdbool.h>

/* Hands the whole chain to the options; or, since NULL would end it early, frees what there is: false. */
static inline bool hand_over(cnn_transform *const *chain, size_t count,
                             cnn_loader_options *options) {
  bool all = true;
  for (size_t i = 0; i < count; i++)
    all = all && chain[i];
  for (size_t i = 0; i < count; i++)
    if (all)
      options->transforms[i] = chain[i];
    else
      cnn_transform_free(chain[i]);
  return all;
}

#endif

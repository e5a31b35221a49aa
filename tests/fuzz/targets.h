/* The targets' functions, for the table in targets.c. */
#ifndef CNN_TESTS_FUZZ_TARGETS_H
#define CNN_TESTS_FUZZ_TARGETS_H

#include "fuzz.h"

void fuzz_model(const uint8_t *bytes, size_t size);
void fuzz_model_seed(const fuzz_sink *sink, const char *images);
void fuzz_checkpoint(const uint8_t *bytes, size_t size);
void fuzz_checkpoint_seed(const fuzz_sink *sink, const char *images);
void fuzz_network(const uint8_t *bytes, size_t size);
void fuzz_network_seed(const fuzz_sink *sink, const char *images);
void fuzz_cifar(const uint8_t *bytes, size_t size);
void fuzz_cifar_seed(const fuzz_sink *sink, const char *images);
void fuzz_idx(const uint8_t *bytes, size_t size);
void fuzz_idx_seed(const fuzz_sink *sink, const char *images);
void fuzz_npy(const uint8_t *bytes, size_t size);
void fuzz_npy_seed(const fuzz_sink *sink, const char *images);
void fuzz_png(const uint8_t *bytes, size_t size);
void fuzz_png_seed(const fuzz_sink *sink, const char *images);
void fuzz_jpeg(const uint8_t *bytes, size_t size);
void fuzz_jpeg_seed(const fuzz_sink *sink, const char *images);

#endif

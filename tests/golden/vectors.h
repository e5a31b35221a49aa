/* Reading the golden vectors (README.md): a small safetensors reader of the tests' own, so that the
   library's reader is not what vouches for the numbers. */
#ifndef CNN_TESTS_GOLDEN_VECTORS_H
#define CNN_TESTS_GOLDEN_VECTORS_H

#include "base/json.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vector_file {
  cnn_context *context;
  unsigned char *bytes;
  size_t size;
  cnn__json *header;
  const unsigned char *data;
} vector_file;

typedef struct vector {
  const void *data; /* NULL: no such tensor */
  const float *f32; /* the same, where the dtype is F32 */
  const double *f64;
  const int32_t *i32;
  const uint8_t *u8;
  size_t rank, dim[8], count;
} vector;

/* Opens vectors/<name>.safetensors; fails the test if it cannot. */
vector_file *vectors_open(const char *name);
void vectors_close(vector_file *file);

/* Calls visit with the name of each file of a folder ("loss"), in order; returns how many. */
size_t vectors_each(const char *folder, void (*visit)(const char *name));

bool vectors_has(const vector_file *file, const char *tensor);
vector vectors_get(const vector_file *file, const char *tensor);    /* fails the test if absent */
const char *vectors_text(const vector_file *file, const char *key); /* metadata; NULL if absent */
double vectors_number(const vector_file *file, const char *key); /* 0 for "none" and for absent */
bool vectors_flag(const vector_file *file, const char *key);
void vectors_integers(const vector_file *file, const char *key, int64_t *values, size_t count);

/* Fails the test unless max|a - b| / max|b| is within tolerance; label names the tensor. */
void vectors_compare(const char *label, const float *actual, const float *expected, size_t count,
                     double tolerance);

#endif

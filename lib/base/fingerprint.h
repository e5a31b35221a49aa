/* A number that tells things apart: equal for equal bytes on every machine. */
#ifndef CNN_BASE_FINGERPRINT_H
#define CNN_BASE_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a of 64 bits (Fowler, Noll, Vo). It guards against mistakes, not against enemies. */
#define CNN__FINGERPRINT_START UINT64_C(14695981039346656037)

void cnn__fingerprint_bytes(uint64_t *fingerprint, const void *bytes, size_t count);
void cnn__fingerprint_number(uint64_t *fingerprint, uint64_t number);
void cnn__fingerprint_reals(uint64_t *fingerprint, const double *values, size_t count);

#endif

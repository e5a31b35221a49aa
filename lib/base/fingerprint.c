#include "base/fingerprint.h"
#include <string.h>

static void add(uint64_t *fingerprint, uint8_t byte) {
  *fingerprint = (*fingerprint ^ byte) * UINT64_C(1099511628211);
}

void cnn__fingerprint_bytes(uint64_t *fingerprint, const void *bytes, size_t count) {
  for (size_t i = 0; i < count; i++)
    add(fingerprint, ((const uint8_t *)bytes)[i]);
}

void cnn__fingerprint_number(uint64_t *fingerprint, uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8)
    add(fingerprint, (uint8_t)(number >> shift));
}

void cnn__fingerprint_reals(uint64_t *fingerprint, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint64_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    cnn__fingerprint_number(fingerprint, bits);
  }
}

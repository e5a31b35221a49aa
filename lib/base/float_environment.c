#include "base/float_environment.h"

#if defined(__x86_64__) || defined(__i386__)

#if defined(__SSE__)
#include <xmmintrin.h>
static uint64_t read_control(void) {
  return _mm_getcsr();
}
static void write_control(uint64_t control) {
  _mm_setcsr((unsigned)control);
}
#else
static uint64_t read_control(void) {
  return 0;
}
static void write_control(uint64_t control) {}
#endif

/* All exceptions masked, round to nearest, denormals kept. */
static const uint64_t own_control = 0x1f80;
static const uint64_t own_x87 = 0x37f;

static uint64_t read_x87(void) {
  uint16_t word;
  __asm__ volatile("fnstcw %0" : "=m"(word));
  return word;
}
static void write_x87(uint64_t control) {
  uint16_t word = (uint16_t)control;
  __asm__ volatile("fldcw %0" : : "m"(word));
}

#elif defined(__aarch64__)

static uint64_t read_control(void) {
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  return control;
}
static void write_control(uint64_t control) {
  __asm__ volatile("msr fpcr, %0" : : "r"(control) : "memory");
}
static const uint64_t own_control = 0;
static const uint64_t own_x87 = 0;
static uint64_t read_x87(void) {
  return 0;
}
static void write_x87(uint64_t control) {}

#else

#include <fenv.h>
static uint64_t read_control(void) {
  return (uint64_t)fegetround();
}
static void write_control(uint64_t control) {
  (void)fesetround((int)control);
}
static const uint64_t own_control = FE_TONEAREST;
static const uint64_t own_x87 = 0;
static uint64_t read_x87(void) {
  return 0;
}
static void write_x87(uint64_t control) {}

#endif

void cnn__float_environment_enter(cnn__float_environment *saved) {
  saved->control = read_control();
  saved->fenv = read_x87();
  write_control(own_control);
  if (saved->fenv != own_x87) write_x87(own_x87);
}

void cnn__float_environment_leave(const cnn__float_environment *saved) {
  write_control(saved->control);
  if (saved->fenv != own_x87) write_x87(saved->fenv);
}

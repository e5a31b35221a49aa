/* Failures: a status and a message, kept for each thread. See include/cnn/status.h. */
#ifndef CNN_BASE_STATUS_H
#define CNN_BASE_STATUS_H

#include <cnn/status.h>
#include <stdbool.h>

#if defined(__GNUC__) || defined(__clang__)
#define CNN__PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CNN__PRINTF(text, first)
#endif

/* Records a failure as this thread's pending one and returns status. Never allocates; text over
   the buffer's length is cut. Numbers in messages are formatted without the locale's help: use
   integers, %s, and cnn__number_format() for reals. */
cnn_status cnn__fail(cnn_status status, const char *format, ...) CNN__PRINTF(2, 3);

/* For a NULL handle: the pending failure if there is one, else CNN_E_INVALID with the message
   "<function>: <what> is NULL". */
cnn_status cnn__fail_null(const char *function, const char *what);
/* Whether a handle is there; where it is not, the same. */
bool cnn__given(const char *function, const char *what, const void *handle);

/* Puts "prefix: " before the pending message ("layer 3 (conv2d_1): ..."), and returns status. */
cnn_status cnn__fail_prefix(cnn_status status, const char *format, ...) CNN__PRINTF(2, 3);

/* Failures of worker threads travel to the thread that waits for them. */
typedef struct cnn__failure {
  cnn_status status;
  char message[512];
} cnn__failure;
void cnn__failure_take(cnn__failure *out);              /* copies this thread's pending failure */
cnn_status cnn__failure_give(const cnn__failure *from); /* makes it this thread's; its status */

#endif

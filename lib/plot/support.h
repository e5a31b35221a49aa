/* What every picture needs: options, failures, a file's ending. This library sees the public headers
   only, as any other that stands on libcnn. */
#ifndef CNN_PLOT_SUPPORT_H
#define CNN_PLOT_SUPPORT_H

#include <cnn/plot.h>

#if defined(__GNUC__) || defined(__clang__)
#define CNN__PLOT_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CNN__PLOT_PRINTF(text, first)
#endif

/* What a file is, by its ending. */
typedef enum cnn__picture_kind { CNN__PNG, CNN__SVG, CNN__PDF } cnn__picture_kind;

/* Records a failure. No reals in the format (locale). */
cnn_status cnn__plot_fail(cnn_status status, const char *format, ...) CNN__PLOT_PRINTF(2, 3);
/* For a NULL handle: the pending failure, else CNN_E_INVALID. */
cnn_status cnn__plot_fail_null(const char *function, const char *what);

/* Copies what from and to, which holds the defaults and is size bytes, have in common; rejects a
   struct_size that was not set, and members that this version does not know unless they are 0. */
cnn_status cnn__plot_options_read(const char *function, void *to, size_t size, const void *from);
/* Fills a caller's struct of size bytes with zeros and sets struct_size. */
void cnn__plot_options_init(void *options, size_t size);

cnn_status cnn__plot_kind(const char *function, const char *path, cnn__picture_kind *kind);

#endif

/* Datasets inside: a class of functions for each source, and what all sources share.

   A source tells labels without touching pixels, and shows an image where it lies (arrays) or in
   memory that the caller's cnn__sample lends (decoders), so that making a batch from arrays
   allocates nothing. */
#ifndef CNN_DATA_DATASET_H
#define CNN_DATA_DATASET_H

#include "base/context.h"
#include "tensor/tensor.h"
#include <cnn/data.h>
#include <stdatomic.h>

/* Memory that only grows. */
typedef struct cnn__buffer {
  void *bytes;
  size_t capacity;
} cnn__buffer;
cnn_status cnn__buffer_reserve(cnn_context *context, cnn__buffer *buffer, size_t size,
                               const char *what);

/* Where images that are decoded begin in such memory, which begins at a multiple of 64: rows at multiples of 32 are
   written past the caches by libturbojpeg, which then waits for the memory, and whoever reads them waits again. */
enum { CNN__DECODED_AT = 16 };

/* A file's bytes, read ahead of fetching the image in it: into room of CNN__MOST_AHEAD bytes. */
enum { CNN__MOST_AHEAD = 1 << 15 };
typedef struct cnn__file {
  uint8_t *content;
  size_t size;
  bool there;
} cnn__file;

/* One fetched image, and the memory that fetching it needed. One thread's; reused from fetch to
   fetch. Zero everything but context to start. */
typedef struct cnn__sample {
  cnn_context *context; /* whose memory the buffers are */
  const void *pixels;   /* contiguous, the dataset's dtype; valid until the next fetch or release */
  cnn__shape shape;
  bool slack;          /* CNN__IMAGE_SLACK bytes after the last pixel are readable */
  cnn__buffer decoded; /* where pixels may lie, */
  uint8_t *room;       /* or here, if they are room_size bytes: the caller's, with slack; or NULL */
  size_t room_size;
  cnn__buffer file;       /* a file's bytes while it is decoded */
  const cnn__file *ahead; /* or here, where they have been read; or NULL */
  cnn_tensor *tensor;     /* a user's own, freed with the next fetch */
  void *decoder;          /* an image decoder that serves again, or NULL */
  void (*release_decoder)(void *decoder);
} cnn__sample;
void cnn__sample_release(cnn__sample *sample);

typedef struct cnn__dataset_class {
  /* Points sample->pixels, shape and slack at image i. Any thread. */
  cnn_status (*image)(const cnn_dataset *dataset, size_t i, cnn__sample *sample);
  /* index where labels are indices, label_width floats at vector where they are vectors; neither is
     NULL where it is due. Any thread. Not called for sets without labels. */
  cnn_status (*label)(const cnn_dataset *dataset, size_t i, int32_t *index, float *vector);
  /* Reads image i's file, if it is small; or NULL. A hint: where that fails, no failure is pending,
     file is not there, and fetching the image tells. Any thread. */
  void (*read)(const cnn_dataset *dataset, size_t i, cnn__file *file);
  /* Files left out so far; or NULL: none. */
  int64_t (*skipped)(const cnn_dataset *dataset);
  /* Releases state (not NULL, perhaps half-made). */
  void (*destroy)(cnn_dataset *dataset);
} cnn__dataset_class;

struct cnn_dataset {
  const cnn__dataset_class *class;
  cnn_context *context;
  atomic_size_t references;
  void *state; /* the class's own, behind it */
  size_t count;
  cnn_dtype dtype;
  cnn__shape shape; /* of an image; 0 for a size that varies */
  int64_t dims[CNN_MAX_RANK];
  bool labelled;
  size_t label_width; /* 0: class indices */
  size_t classes;
  char **class_names; /* classes of them, or NULL: their numbers */
  char *number_names; /* "0", "1", ... where class_names is NULL and classes is not 0 */
  bool memory;        /* images lie in memory: no use in caching them */
  bool skips_broken;  /* a loader leaves out what cannot be decoded */
};

/* A set with one reference and a zeroed state of state_size bytes; the current context. The class's
   destroy is called from the moment the state is there. NULL: CNN_E_NOMEM. */
cnn_dataset *cnn__dataset_new(const cnn__dataset_class *class, size_t state_size);
cnn_dataset *cnn__dataset_retain(const cnn_dataset *dataset);
/* Frees a half-made set and returns NULL: for constructors. */
cnn_dataset *cnn__dataset_abandon(cnn_dataset *dataset);
void cnn__dataset_set_shape(cnn_dataset *dataset, const cnn__shape *shape);
/* Sets classes and copies the names; names may be NULL. */
cnn_status cnn__dataset_set_classes(cnn_dataset *dataset, size_t classes, const char *const *names);
/* All that a set takes over from one that it is made of. */
cnn_status cnn__dataset_describe_like(cnn_dataset *dataset, const cnn_dataset *base);

/* Reads image i's file ahead, if its set does that: see the class. */
void cnn__dataset_read(const cnn_dataset *dataset, size_t i, cnn__file *file);

/* Checked fetches for use inside. label's index and vector may be NULL. */
cnn_status cnn__dataset_image(const cnn_dataset *dataset, size_t i, cnn__sample *sample);
cnn_status cnn__dataset_label(const cnn_dataset *dataset, size_t i, int32_t *index, float *vector);

/* Whether a failure is the file's and not the system's: what skip_broken leaves out. */
bool cnn__dataset_broken(cnn_status status);

/* A set whose pixels lie in one block, which constructors fill before anybody else sees it. */
typedef struct cnn__memory_set {
  uint8_t *pixels;  /* count images of the dataset's dtype and shape, with slack after the last */
  int32_t *indices; /* count; or NULL */
  float *vectors;   /* count x label_width; or NULL */
  bool pixels_borrowed, labels_borrowed;
  size_t image_bytes;
} cnn__memory_set;
/* Room for count images, and for labels: indices where label_width is 0. */
cnn_dataset *cnn__memory_set_new(size_t count, cnn_dtype dtype, const cnn__shape *shape,
                                 bool labelled, size_t label_width);
cnn__memory_set *cnn__memory_set_state(const cnn_dataset *dataset);

#endif

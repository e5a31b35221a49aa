/* Transforms inside: a class of functions for each kind.

   Random draws of sample i in epoch e come from one stream, keyed by (seed, augment, e, i), in the
   order of the transforms; each class documents the order of its own. */
#ifndef CNN_DATA_TRANSFORM_H
#define CNN_DATA_TRANSFORM_H

#include "base/fingerprint.h"
#include "base/random.h"
#include "base/settings.h"
#include "data/picture.h"

/* A whole batch, for what blends images with each other. */
typedef struct cnn__mix {
  size_t count;
  const cnn__shape *shape; /* of an image: rank 3 */
  float *images;
  size_t label_width;
  float *labels;      /* count x label_width */
  float *scratch;     /* as large as the images or the labels */
  uint32_t *partners; /* count */
} cnn__mix;

typedef struct cnn__transform_class {
  const char *name; /* as in messages: "cnn_augmentation" */
  size_t settings_size;
  const cnn__field *fields;
  size_t field_count;
  /* Checks what fields cannot and fills in what depends on other members; or NULL. */
  cnn_status (*complete)(void *settings);
  bool random; /* its transforms' random */
  /* The image's shape after it; 0 for sizes that vary. Or NULL: as before. */
  cnn_status (*shape)(const cnn_transform *transform, cnn__shape *shape);
  /* random NULL: without randomness, as validation sees images (a random crop takes the middle). Or
     NULL where mix does all. */
  cnn_status (*apply)(const cnn_transform *transform, cnn__random *random, cnn__picture *picture);
  /* Learns from a set; or NULL. */
  cnn_status (*fit)(cnn_transform *transform, const cnn_dataset *dataset);
  /* Whether it may be used; or NULL: always. CNN_E_STATE before fit. */
  cnn_status (*ready)(const cnn_transform *transform);
  /* Blends the images of a batch and their labels; or NULL. */
  void (*mix)(const cnn_transform *transform, cnn__random *random, cnn__mix *mix);
  /* Adds what fields and name do not tell: what was learned, what was copied. Or NULL. */
  void (*sign)(const cnn_transform *transform, uint64_t *fingerprint);
  void (*destroy)(cnn_transform *transform); /* releases state; or NULL */
} cnn__transform_class;

struct cnn_transform {
  const cnn__transform_class *class;
  cnn_context *context;
  atomic_size_t references;
  bool random;    /* a cache keeps only what comes before the first such */
  void *settings; /* the options struct, complete; behind it */
  void *state;    /* what fit learned, or NULL */
};

/* The one way that all constructors go. */
cnn_transform *cnn__transform_create(const cnn__transform_class *class, const void *options);
cnn_transform *cnn__transform_retain(cnn_transform *transform);

/* Adds a transform, with all its settings. CNN_E_NOMEM. */
cnn_status cnn__transform_sign(const cnn_transform *transform, uint64_t *fingerprint);

/* The shape after a chain of transforms, and whether all may be used. who: the message's subject. */
cnn_status cnn__transforms_check(const char *who, cnn_transform *const *transforms, size_t count,
                                 cnn__shape *shape);

#endif

/* Several sets in turn. */
#include "base/size.h"
#include "data/dataset.h"
#include <string.h>

typedef struct chain_set {
  cnn_dataset **sets;
  size_t *begins; /* where each set's samples begin; one more, the count */
  size_t sets_count;
} chain_set;

/* The set that sample *i is in; makes *i its place there. */
static const cnn_dataset *set_of(const chain_set *chain, size_t *i) {
  size_t low = 0, high = chain->sets_count;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    if (chain->begins[middle] <= *i)
      low = middle;
    else
      high = middle;
  }
  *i -= chain->begins[low];
  return chain->sets[low];
}

static cnn_status chain_image(const cnn_dataset *dataset, size_t i, cnn__sample *sample) {
  const cnn_dataset *set = set_of(dataset->state, &i);
  return set->class->image(set, i, sample);
}
static void chain_read(const cnn_dataset *dataset, size_t i, cnn__file *file) {
  const cnn_dataset *set = set_of(dataset->state, &i);
  cnn__dataset_read(set, i, file);
}
static cnn_status chain_label(const cnn_dataset *dataset, size_t i, int32_t *index, float *vector) {
  const cnn_dataset *set = set_of(dataset->state, &i);
  return set->class->label(set, i, index, vector);
}
static int64_t chain_skipped(const cnn_dataset *dataset) {
  const chain_set *chain = dataset->state;
  int64_t sum = 0;
  for (size_t i = 0; i < chain->sets_count; i++)
    sum += cnn_dataset_skipped(chain->sets[i]);
  return sum;
}
static void chain_destroy(cnn_dataset *dataset) {
  chain_set *chain = dataset->state;
  for (size_t i = 0; chain->sets && i < chain->sets_count; i++)
    cnn_dataset_free(chain->sets[i]);
  cnn__free(dataset->context, chain->sets);
  cnn__free(dataset->context, chain->begins);
}

static const cnn__dataset_class chain_class = {.image = chain_image,
                                               .read = chain_read,
                                               .label = chain_label,
                                               .skipped = chain_skipped,
                                               .destroy = chain_destroy};

/* Set i must be like the first; a size that differs makes the whole vary. */
static cnn_status check_alike(const cnn_dataset *first, const cnn_dataset *set, size_t i) {
  char a[CNN__SHAPE_TEXT], b[CNN__SHAPE_TEXT];
  if (!cnn__shape_equal(&first->shape, &set->shape) || first->dtype != set->dtype)
    return cnn__fail(CNN_E_SHAPE,
                     "cnn_dataset_concatenate: set %zu has images %s of dtype %d, "
                     "set 0 has %s of dtype %d",
                     i, cnn__shape_text(&set->shape, a), (int)set->dtype,
                     cnn__shape_text(&first->shape, b), (int)first->dtype);
  if (first->labelled != set->labelled || first->label_width != set->label_width ||
      first->classes != set->classes)
    return cnn__fail(CNN_E_SHAPE,
                     "cnn_dataset_concatenate: set %zu has %zu classes and labels of "
                     "width %zu, set 0 has %zu and %zu",
                     i, set->classes, set->label_width, first->classes, first->label_width);
  for (size_t c = 0; c < set->classes; c++) {
    const char *mine = cnn_dataset_class_name(set, (int64_t)c);
    const char *its = cnn_dataset_class_name(first, (int64_t)c);
    if (strcmp(mine, its) != 0)
      return cnn__fail(CNN_E_SHAPE,
                       "cnn_dataset_concatenate: class %zu is %s in set %zu, %s in "
                       "set 0",
                       c, mine, i, its);
  }
  return CNN_OK;
}

static cnn_status chain_fill(cnn_dataset *dataset, cnn_dataset *const *sets, size_t count) {
  chain_set *chain = dataset->state;
  chain->begins =
      cnn__alloc_array(dataset->context, count + 1, sizeof *chain->begins, "a concatenation");
  chain->sets = cnn__calloc_array(dataset->context, count, sizeof *chain->sets, "a concatenation");
  if (!chain->begins || !chain->sets) return CNN_E_NOMEM;
  chain->sets_count = count;
  dataset->memory = true;
  for (size_t i = 0; i < count; i++) {
    chain->sets[i] = cnn__dataset_retain(sets[i]);
    chain->begins[i] = dataset->count;
    dataset->memory = dataset->memory && sets[i]->memory;
    dataset->skips_broken = dataset->skips_broken || sets[i]->skips_broken;
    if (!cnn__size_add(dataset->count, sets[i]->count, &dataset->count))
      return cnn__fail(CNN_E_LIMIT, "cnn_dataset_concatenate: too many samples");
  }
  chain->begins[count] = dataset->count;
  return CNN_OK;
}

cnn_dataset *cnn_dataset_concatenate(cnn_dataset *const *sets, int64_t count) {
  if (!sets) {
    cnn__fail(CNN_E_INVALID, "cnn_dataset_concatenate: datasets is NULL");
    return NULL;
  }
  if (count < 1 || count > INT32_MAX) {
    cnn__fail(CNN_E_INVALID, "cnn_dataset_concatenate: count %lld is not in [1, %d]",
              (long long)count, INT32_MAX);
    return NULL;
  }
  for (int64_t i = 0; i < count; i++) {
    if (!sets[i]) {
      cnn__fail_null("cnn_dataset_concatenate", "a dataset");
      return NULL;
    }
    if (check_alike(sets[0], sets[i], (size_t)i) != CNN_OK) return NULL;
  }
  cnn_dataset *dataset = cnn__dataset_new(&chain_class, sizeof(chain_set));
  if (!dataset) return NULL;
  if (cnn__dataset_describe_like(dataset, sets[0]) != CNN_OK ||
      chain_fill(dataset, sets, (size_t)count) != CNN_OK)
    return cnn__dataset_abandon(dataset);
  return dataset;
}

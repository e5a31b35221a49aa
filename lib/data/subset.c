/* Sets made of other sets: slices, subsets, concatenations, random splits. */
#include "base/random.h"
#include "base/size.h"
#include "data/dataset.h"
#include <string.h>

/* ---- part of a set ---- */

typedef struct part_set {
  cnn_dataset *base;
  size_t begin;      /* where indices is NULL: a slice */
  uint64_t *indices; /* count of them, each below base's count; or NULL */
} part_set;

static size_t in_base(const part_set *part, size_t i) {
  return part->indices ? (size_t)part->indices[i] : part->begin + i;
}

static cnn_status part_image(const cnn_dataset *dataset, size_t i, cnn__sample *sample) {
  const part_set *part = dataset->state;
  return part->base->class->image(part->base, in_base(part, i), sample);
}
static void part_read(const cnn_dataset *dataset, size_t i, cnn__file *file) {
  const part_set *part = dataset->state;
  cnn__dataset_read(part->base, in_base(part, i), file);
}
static cnn_status part_label(const cnn_dataset *dataset, size_t i, int32_t *index, float *vector) {
  const part_set *part = dataset->state;
  return part->base->class->label(part->base, in_base(part, i), index, vector);
}
static int64_t part_skipped(const cnn_dataset *dataset) {
  return cnn_dataset_skipped(((const part_set *)dataset->state)->base);
}
static void part_destroy(cnn_dataset *dataset) {
  part_set *part = dataset->state;
  cnn__free(dataset->context, part->indices);
  cnn_dataset_free(part->base);
}

static const cnn__dataset_class part_class = {.image = part_image,
                                              .read = part_read,
                                              .label = part_label,
                                              .skipped = part_skipped,
                                              .destroy = part_destroy};

/* What a set takes over from the one it is made of. */
static cnn_status describe_like(cnn_dataset *dataset, const cnn_dataset *base) {
  dataset->dtype = base->dtype;
  dataset->labelled = base->labelled;
  dataset->label_width = base->label_width;
  dataset->memory = base->memory;
  dataset->skips_broken = base->skips_broken;
  cnn__dataset_set_shape(dataset, &base->shape);
  if (base->classes == 0) return CNN_OK;
  return cnn__dataset_set_classes(dataset, base->classes, (const char *const *)base->class_names);
}

static cnn_dataset *part_new(cnn_dataset *base, size_t count) {
  cnn_dataset *dataset = cnn__dataset_new(&part_class, sizeof(part_set));
  if (!dataset) return NULL;
  dataset->count = count;
  ((part_set *)dataset->state)->base = cnn__dataset_retain(base);
  return describe_like(dataset, base) == CNN_OK ? dataset : cnn__dataset_abandon(dataset);
}

/* With room for indices, which the caller fills. */
static cnn_dataset *part_new_indexed(cnn_dataset *base, size_t count) {
  cnn_dataset *dataset = part_new(base, count);
  if (!dataset) return NULL;
  part_set *part = dataset->state;
  part->indices =
      cnn__alloc_array(dataset->context, count, sizeof *part->indices, "a subset's indices");
  return part->indices ? dataset : cnn__dataset_abandon(dataset);
}

cnn_dataset *cnn_dataset_slice(cnn_dataset *base, int64_t begin, int64_t count) {
  if (!base) {
    cnn__fail_null("cnn_dataset_slice", "dataset");
    return NULL;
  }
  if (begin < 0 || count < 0 || (uint64_t)begin > base->count ||
      (uint64_t)count > base->count - (uint64_t)begin) {
    cnn__fail(CNN_E_INVALID, "cnn_dataset_slice: %lld samples from %lld on exceed %zu",
              (long long)count, (long long)begin, base->count);
    return NULL;
  }
  cnn_dataset *dataset = part_new(base, (size_t)count);
  if (dataset) ((part_set *)dataset->state)->begin = (size_t)begin;
  return dataset;
}

cnn_dataset *cnn_dataset_subset(cnn_dataset *base, const int64_t *indices, int64_t count) {
  if (!base) {
    cnn__fail_null("cnn_dataset_subset", "dataset");
    return NULL;
  }
  if (!indices && count != 0) {
    cnn__fail(CNN_E_INVALID, "cnn_dataset_subset: indices is NULL");
    return NULL;
  }
  if (count < 0) {
    cnn__fail(CNN_E_INVALID, "cnn_dataset_subset: count %lld is negative", (long long)count);
    return NULL;
  }
  for (int64_t i = 0; i < count; i++)
    if (indices[i] < 0 || (uint64_t)indices[i] >= base->count) {
      cnn__fail(CNN_E_INVALID, "cnn_dataset_subset: indices[%lld] = %lld is not in [0, %zu)",
                (long long)i, (long long)indices[i], base->count);
      return NULL;
    }
  cnn_dataset *dataset = part_new_indexed(base, (size_t)count);
  if (!dataset) return NULL;
  part_set *part = dataset->state;
  for (size_t i = 0; i < dataset->count; i++)
    part->indices[i] = (uint64_t)indices[i];
  return dataset;
}

/* ---- several sets in turn ---- */

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
  if (describe_like(dataset, sets[0]) != CNN_OK ||
      chain_fill(dataset, sets, (size_t)count) != CNN_OK)
    return cnn__dataset_abandon(dataset);
  return dataset;
}

/* ---- random splits ---- */

static size_t share_of(size_t count, double fraction) {
  return (size_t)((double)count * fraction + 0.5);
}

/* Marks which samples belong to the second part: of each class the first share of its members in
   shuffled order (one class for all where not stratified). */
static cnn_status mark_second(const cnn_dataset *dataset, double fraction, bool stratified,
                              uint64_t seed, uint32_t *order, size_t *left, uint8_t *second) {
  cnn__random random;
  for (size_t i = 0; i < dataset->count; i++)
    order[i] = (uint32_t)i;
  cnn__random_start(&random, seed, CNN__PURPOSE_SPLIT, 0, 0);
  cnn__random_shuffle(&random, order, dataset->count);
  if (!stratified) {
    const size_t share = share_of(dataset->count, fraction);
    for (size_t k = 0; k < share; k++)
      second[order[k]] = 1;
    return CNN_OK;
  }
  memset(left, 0, dataset->classes * sizeof *left);
  for (int pass = 0; pass < 2; pass++) {
    for (size_t k = 0; k < dataset->count; k++) {
      int32_t label;
      const cnn_status status = cnn__dataset_label(dataset, order[k], &label, NULL);
      if (status != CNN_OK) return status;
      if (pass == 0) {
        left[label]++;
      } else if (left[label] > 0) {
        left[label]--;
        second[order[k]] = 1;
      }
    }
    for (size_t c = 0; pass == 0 && c < dataset->classes; c++)
      left[c] = share_of(left[c], fraction);
  }
  return CNN_OK;
}

/* The part that second marks with which, in the set's own order. */
static cnn_dataset *part_marked(cnn_dataset *dataset, const uint8_t *second, uint8_t which) {
  size_t count = 0;
  for (size_t i = 0; i < dataset->count; i++)
    count += second[i] == which;
  cnn_dataset *made = part_new_indexed(dataset, count);
  if (!made) return NULL;
  uint64_t *indices = ((part_set *)made->state)->indices;
  for (size_t i = 0; i < dataset->count; i++)
    if (second[i] == which) *indices++ = i;
  return made;
}

cnn_status cnn_dataset_split(cnn_dataset *dataset, double fraction, int64_t stratified,
                             uint64_t seed, cnn_dataset **first, cnn_dataset **second) {
  if (!dataset) return cnn__fail_null("cnn_dataset_split", "dataset");
  if (!first || !second)
    return cnn__fail(CNN_E_INVALID, "cnn_dataset_split: %s is NULL", first ? "second" : "first");
  if (!(fraction > 0 && fraction < 1))
    return cnn__fail(CNN_E_INVALID, "cnn_dataset_split: fraction is not in (0, 1)");
  if (stratified && (!dataset->labelled || dataset->label_width || dataset->classes == 0))
    return cnn__fail(CNN_E_INVALID, "cnn_dataset_split: a stratified split needs class labels");
  if (dataset->count > UINT32_MAX)
    return cnn__fail(CNN_E_LIMIT, "cnn_dataset_split: %zu samples exceed %u", dataset->count,
                     UINT32_MAX);
  cnn_context *context = dataset->context;
  uint32_t *order = cnn__alloc_array(context, dataset->count, sizeof *order, "a split");
  uint8_t *marks = cnn__calloc_array(context, dataset->count, 1, "a split");
  size_t *left = cnn__alloc_array(context, dataset->classes + 1, sizeof *left, "a split");
  cnn_dataset *parts[2] = {NULL, NULL};
  cnn_status status = CNN_E_NOMEM;
  if (!order || !marks || !left) goto done;
  status = mark_second(dataset, fraction, stratified != 0, seed, order, left, marks);
  if (status != CNN_OK) goto done;
  for (uint8_t i = 0; i < 2; i++) {
    parts[i] = part_marked(dataset, marks, i);
    if (!parts[i]) status = CNN_E_NOMEM;
  }
  if (status == CNN_OK) {
    *first = parts[0];
    *second = parts[1];
  } else {
    cnn_dataset_free(parts[0]);
    cnn_dataset_free(parts[1]);
  }
done:
  cnn__free(context, order);
  cnn__free(context, marks);
  cnn__free(context, left);
  return status;
}

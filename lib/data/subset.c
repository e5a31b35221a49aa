/* Parts of a set: slices, subsets, random splits. */
#include "base/random.h"
#include "data/dataset.h"
#include <string.h>

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

static cnn_dataset *part_new(cnn_dataset *base, size_t count) {
  cnn_dataset *dataset = cnn__dataset_new(&part_class, sizeof(part_set));
  if (!dataset) return NULL;
  dataset->count = count;
  ((part_set *)dataset->state)->base = cnn__dataset_retain(base);
  return cnn__dataset_describe_like(dataset, base) == CNN_OK ? dataset
                                                             : cnn__dataset_abandon(dataset);
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
  if (!cnn__given("cnn_dataset_slice", "dataset", base)) return NULL;
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
  if (!cnn__given("cnn_dataset_subset", "dataset", base)) return NULL;
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

/* What a loader's batches are made by, checked once. */
#include "base/size.h"
#include "data/batch.h"
#include "ops/image.h"
#include <math.h>
#include <string.h>

enum { MOST_SAMPLES = 1 << 24 /* of a batch */, MOST_VIEWS = 1024 };

static cnn_status take_labels(const cnn_loader_options *options, cnn__recipe *recipe) {
  const cnn_dataset *dataset = recipe->dataset;
  cnn__loader_info *info = &recipe->info;
  info->classes = dataset->classes;
  recipe->one_hot = options->one_hot != 0;
  if (!dataset->labelled) {
    info->labels = CNN__LABELS_NONE;
  } else if (dataset->label_width) {
    info->labels = CNN__LABELS_VECTOR;
    info->label_width = dataset->label_width;
    recipe->one_hot = false; /* they are vectors already */
  } else {
    info->labels = recipe->one_hot ? CNN__LABELS_VECTOR : CNN__LABELS_INDEX;
    info->label_width = recipe->one_hot ? dataset->classes : 1;
  }
  if (options->one_hot && info->labels != CNN__LABELS_VECTOR)
    return cnn__fail(CNN_E_INVALID, "cnn_loader_new: one_hot needs a dataset with labels");
  for (size_t i = 0; i < recipe->transform_count && !recipe->calm; i++) {
    const cnn__transform_class *class = recipe->transforms[i]->class;
    if (class->mix && info->labels != CNN__LABELS_VECTOR)
      return cnn__fail(CNN_E_INVALID, "cnn_loader_new: %s mixes labels, which needs one_hot = 1",
                       class->name);
    if (class->mix && info->views > 1)
      return cnn__fail(CNN_E_INVALID,
                       "cnn_loader_new: %s mixes samples, which views cannot average", class->name);
  }
  return CNN_OK;
}

static cnn_status check_factor(const char *what, size_t c, double value, bool positive) {
  if (isfinite(value) && (!positive || value > 0)) return CNN_OK;
  return cnn__fail(CNN_E_INVALID, "cnn_loader_new: %s[%zu] is not a finite%s number", what, c,
                   positive ? " positive" : "");
}

/* Copies mean and deviation, whose count must be the channels'. */
static cnn_status take_preprocessing(const cnn_loader_options *options, cnn__recipe *recipe) {
  cnn__preprocessing *made = &recipe->info.preprocessing;
  const cnn__shape *shape = &recipe->info.sample;
  const size_t channels = shape->dim[shape->rank - 1];
  made->rescale = options->rescale == 0 ? 1 : options->rescale;
  if (!isfinite(made->rescale) || made->rescale < 0)
    return cnn__fail(CNN_E_INVALID, "cnn_loader_new: rescale is not a finite positive number");
  if (options->mean || options->deviation) {
    if (options->channels != (int64_t)channels)
      return cnn__fail(CNN_E_SHAPE,
                       "cnn_loader_new: mean and deviation have %lld channels, the "
                       "images have %zu",
                       (long long)options->channels, channels);
    recipe->mean_and_deviation =
        cnn__alloc_array(recipe->context, channels, 2 * sizeof(double), "a loader's preprocessing");
    if (!recipe->mean_and_deviation) return CNN_E_NOMEM;
    double *mean = recipe->mean_and_deviation, *deviation = mean + channels;
    for (size_t c = 0; c < channels; c++) {
      mean[c] = options->mean ? options->mean[c] : 0;
      deviation[c] = options->deviation ? options->deviation[c] : 1;
      cnn_status status = check_factor("mean", c, mean[c], false);
      if (status == CNN_OK) status = check_factor("deviation", c, deviation[c], true);
      if (status != CNN_OK) return status;
    }
    made->channels = channels;
    made->mean = options->mean ? mean : NULL;
    made->deviation = options->deviation ? deviation : NULL;
  }
  const cnn_status status =
      cnn__factors_make(recipe->context, 1, channels, NULL, NULL, &recipe->unit);
  return status == CNN_OK ? cnn__factors_make(recipe->context, made->rescale, channels, made->mean,
                                              made->deviation, &recipe->factors)
                          : status;
}

static cnn_status take_shape(cnn__recipe *recipe) {
  char text[CNN__SHAPE_TEXT];
  cnn__shape shape = recipe->dataset->shape;
  const cnn_status status =
      cnn__transforms_check("cnn_loader_new", recipe->transforms, recipe->transform_count, &shape);
  if (status != CNN_OK) return status;
  if (!cnn__shape_count(&shape, &recipe->sample_values) || recipe->sample_values == 0)
    return cnn__fail(CNN_E_SHAPE,
                     "cnn_loader_new: images of %s (0: any) differ in size; a "
                     "cnn_resize() to a height and width, or a crop, makes them alike",
                     cnn__shape_text(&shape, text));
  if (shape.rank == CNN_MAX_RANK)
    return cnn__fail(CNN_E_SHAPE,
                     "cnn_loader_new: images %s: a batch would have more than %d dimensions",
                     cnn__shape_text(&shape, text), CNN_MAX_RANK);
  recipe->info.sample = shape;
  while (recipe->fixed < recipe->transform_count && !recipe->transforms[recipe->fixed]->random)
    recipe->fixed++;
  recipe->info.augments = !recipe->calm && recipe->fixed < recipe->transform_count;
  return CNN_OK;
}

static cnn_status take_sizes(const cnn_loader_options *options, cnn__recipe *recipe) {
  cnn__loader_info *info = &recipe->info;
  const size_t count = recipe->dataset->count;
  if (options->batch_size < 0 || options->batch_size > MOST_SAMPLES)
    return cnn__fail(CNN_E_INVALID, "cnn_loader_new: batch_size %lld is not in [1, %d]",
                     (long long)options->batch_size, MOST_SAMPLES);
  if (options->views < 0 || options->views > MOST_VIEWS)
    return cnn__fail(CNN_E_INVALID, "cnn_loader_new: views %lld is not in [1, %d]",
                     (long long)options->views, MOST_VIEWS);
  if (count > UINT32_MAX)
    return cnn__fail(CNN_E_LIMIT, "cnn_loader_new: %zu samples exceed %u", count, UINT32_MAX);
  info->batch_size = options->batch_size ? (size_t)options->batch_size : 32;
  info->drop_last = options->drop_last != 0;
  info->shuffle = options->shuffle != 0;
  info->batches =
      info->drop_last ? count / info->batch_size : cnn__size_ceil_div(count, info->batch_size);
  info->samples = info->drop_last ? info->batches * info->batch_size : count;
  info->views = options->views ? (size_t)options->views : 1;
  if (!cnn__size_mul(info->batches, info->views, &info->batches))
    return cnn__fail(CNN_E_LIMIT, "cnn_loader_new: %zu views of %zu batches exceed the counter",
                     info->views, info->batches);
  info->seed = options->seed ? options->seed : cnn__context_seed(recipe->context);
  return CNN_OK;
}

/* Samples of a task: several, since neighbours share what lies in a core's caches, but of files, which take long, never
   so many that threads wait for each other at a batch's end, nor more bytes than the second cache holds. */
static size_t choose_chunk(const cnn__recipe *recipe, size_t threads) {
  enum { MOST = CNN__MOST_CHUNK, TASKS_A_THREAD = 4, MOST_BYTES = 1 << 16 };
  if (recipe->dataset->memory) return MOST;
  const size_t fair = recipe->info.batch_size / (TASKS_A_THREAD * threads);
  const size_t chunk = cnn__size_min(cnn__size_min(fair, MOST), MOST_BYTES / recipe->sample_values);
  return cnn__size_max(chunk, 1);
}

/* What resuming compares: another recipe would be another training. */
static cnn_status take_fingerprint(cnn__recipe *recipe) {
  cnn__loader_info *info = &recipe->info;
  const cnn__preprocessing *made = &info->preprocessing;
  uint64_t *fingerprint = &info->fingerprint;
  *fingerprint = CNN__FINGERPRINT_START;
  cnn__fingerprint_number(fingerprint, info->views);
  const bool has[] = {recipe->one_hot, recipe->calm, made->mean != NULL, made->deviation != NULL};
  for (size_t i = 0; i < sizeof has / sizeof *has; i++)
    cnn__fingerprint_number(fingerprint, has[i]);
  cnn__fingerprint_reals(fingerprint, &made->rescale, 1);
  if (made->mean) cnn__fingerprint_reals(fingerprint, made->mean, made->channels);
  if (made->deviation) cnn__fingerprint_reals(fingerprint, made->deviation, made->channels);
  cnn_status status = CNN_OK;
  for (size_t i = 0; status == CNN_OK && i < recipe->transform_count; i++)
    status = cnn__transform_sign(recipe->transforms[i], fingerprint);
  return status;
}

cnn_status cnn__recipe_make(const cnn_loader_options *options, cnn__recipe *recipe) {
  cnn_context *context = recipe->context;
  recipe->dataset = cnn__dataset_retain(options->dataset);
  recipe->skip_broken = options->skip_broken || options->dataset->skips_broken;
  cnn_status status = take_sizes(options, recipe);
  if (status == CNN_OK) status = take_shape(recipe);
  if (status == CNN_OK)
    recipe->chunk = choose_chunk(recipe, options->workers ? (size_t)options->workers
                                                          : cnn__context_slots(context));
  if (status == CNN_OK) status = take_labels(options, recipe);
  if (status == CNN_OK) status = take_preprocessing(options, recipe);
  if (status == CNN_OK) status = take_fingerprint(recipe);
  const bool worth = !recipe->dataset->memory || recipe->fixed > 0;
  if (status == CNN_OK && options->cache_bytes && worth)
    status = cnn__cache_new(context, recipe->dataset->count, options->cache_bytes, &recipe->cache);
  return status;
}

void cnn__recipe_release(cnn__recipe *recipe) {
  for (size_t i = 0; i < recipe->transform_count; i++)
    cnn_transform_free(recipe->transforms[i]);
  cnn__factors_free(recipe->context, &recipe->unit);
  cnn__factors_free(recipe->context, &recipe->factors);
  cnn__free(recipe->context, recipe->mean_and_deviation);
  cnn__cache_free(recipe->cache);
  cnn_dataset_free(recipe->dataset);
}

#include "base/float_environment.h"
#include "base/size.h"
#include "data/workers.h"
#include <math.h>
#include <string.h>

enum { MOST_WORKERS = 256, MOST_PREFETCH = 4096, DEFAULT_PREFETCH = 2 };
static const uint64_t default_prefetch_bytes = UINT64_C(256) << 20;

struct cnn_loader {
  cnn__recipe recipe;
  cnn_loader_options options; /* as given, its defaults filled in: for parts of this loader */
  uint64_t epoch;
  size_t position; /* of the next batch in its epoch */
  size_t skipped;

  cnn__workers *workers; /* or NULL: the caller and the context's threads make each batch */
  cnn__batch batch;
  cnn__workspace *workspaces; /* one a slot of the context */
  size_t workspace_count;
  cnn__epoch_order order;
};

/* ---- making ---- */

void cnn_loader_options_init(cnn_loader_options *options, size_t size) {
  cnn__options_init(options, size);
}

/* Transforms are the loader's from here on: moves them from the options into the recipe. Those behind
   the NULL that ends the list were given, too: a constructor before them has failed. */
static void take_transforms(const cnn_loader_options *options, cnn__recipe *recipe) {
  for (size_t i = 0; i < CNN_MAX_TRANSFORMS; i++)
    if (options->transforms[i])
      recipe->transforms[recipe->transform_count++] = options->transforms[i];
  if (options->augment) recipe->transforms[recipe->transform_count++] = options->augment;
  for (size_t i = 0; i < recipe->transform_count; i++)
    for (size_t k = 0; k < i; k++)
      if (recipe->transforms[k] == recipe->transforms[i]) { /* named twice: applied twice */
        cnn__transform_retain(recipe->transforms[i]);
        break;
      }
}

static cnn_status check_options(cnn_loader_options *options) {
  if (!options->dataset) return cnn__fail_null("cnn_loader_new", "dataset");
  for (size_t i = 1; i < CNN_MAX_TRANSFORMS; i++)
    if (!options->transforms[i - 1] && options->transforms[i])
      return cnn__fail_null("cnn_loader_new", "a transform before another");
  if (options->workers < 0 || options->workers > MOST_WORKERS)
    return cnn__fail(CNN_E_INVALID, "cnn_loader_new: workers %lld is not in [0, %d]",
                     (long long)options->workers, MOST_WORKERS);
  if (options->prefetch < 0 || options->prefetch > MOST_PREFETCH)
    return cnn__fail(CNN_E_INVALID, "cnn_loader_new: prefetch %lld is not in [0, %d]",
                     (long long)options->prefetch, MOST_PREFETCH);
  if (options->prefetch == 0) options->prefetch = DEFAULT_PREFETCH;
  if (options->prefetch_bytes == 0) options->prefetch_bytes = default_prefetch_bytes;
  return CNN_OK;
}

/* Batches to make ahead: as asked, within the bound, one at least. */
static size_t batches_ahead(const cnn_loader *loader) {
  const double batch = (double)loader->recipe.info.batch_size *
                       (double)loader->recipe.sample_values * (double)sizeof(float);
  const double most = (double)loader->options.prefetch_bytes / batch;
  const size_t asked = (size_t)loader->options.prefetch;
  return most < (double)asked ? (most < 1 ? 1 : (size_t)most) : asked;
}

static cnn_status make_own_batch(cnn_loader *loader) {
  cnn_context *context = loader->recipe.context;
  const cnn__recipe *recipe = &loader->recipe;
  const size_t slots = cnn__context_slots(context);
  loader->workspaces =
      cnn__calloc_array(context, slots, sizeof *loader->workspaces, "a loader's workspaces");
  if (!loader->workspaces) return CNN_E_NOMEM;
  loader->workspace_count = slots;
  for (size_t i = 0; i < slots; i++)
    cnn__workspace_start(&loader->workspaces[i], context);
  const cnn_status status = cnn__epoch_order_make(recipe, &loader->order);
  return status == CNN_OK ? cnn__batch_make(recipe, &loader->batch) : status;
}

/* The rest of making: loader has its context and its options, and owns the transforms. */
static cnn_status fill(cnn_loader *loader) {
  cnn_loader_options *options = &loader->options;
  cnn_status status = check_options(options);
  if (status == CNN_OK) status = cnn__recipe_make(options, &loader->recipe);
  if (status != CNN_OK) return status;
  if (options->workers == 0) return make_own_batch(loader);
  return cnn__workers_start(&loader->recipe, (size_t)options->workers, batches_ahead(loader),
                            &loader->workers);
}

static cnn_loader *create(const cnn_loader_options *given, bool calm) {
  cnn_loader_options options = {0};
  cnn__recipe taken = {.calm = calm}; /* so that transforms are freed whatever fails */
  cnn_status status = cnn__options_read("cnn_loader_new", &options, sizeof options, given);
  take_transforms(&options, &taken);
  cnn_context *context = status == CNN_OK ? cnn__context_acquire() : NULL;
  cnn_loader *loader = context ? cnn__calloc_array(context, 1, sizeof *loader, "a loader") : NULL;
  if (!loader) {
    for (size_t i = 0; i < taken.transform_count; i++)
      cnn_transform_free(taken.transforms[i]);
    cnn_context_free(context);
    return NULL;
  }
  loader->options = options;
  loader->recipe = taken;
  loader->recipe.context = context;
  if (fill(loader) == CNN_OK) return loader;
  cnn_loader_free(loader);
  return NULL;
}

cnn_loader *cnn_loader_create(const cnn_loader_options *options) {
  return create(options, false);
}

void cnn_loader_free(cnn_loader *loader) {
  if (!loader) return;
  cnn_context *context = loader->recipe.context;
  cnn__workers_stop(loader->workers);
  cnn__batch_release(&loader->recipe, &loader->batch);
  for (size_t i = 0; i < loader->workspace_count; i++)
    cnn__workspace_release(&loader->workspaces[i]);
  cnn__free(context, loader->workspaces);
  cnn__free(context, loader->order.samples);
  cnn__recipe_release(&loader->recipe);
  cnn__free(context, loader);
  cnn_context_free(context);
}

cnn_loader *cnn__loader_part(const cnn_loader *loader, size_t begin, size_t count, bool training) {
  const cnn__recipe *recipe = &loader->recipe;
  cnn_context *before = cnn_context_use(loader->recipe.context);
  cnn_loader *part = NULL;
  cnn_dataset *slice = cnn_dataset_slice(recipe->dataset, (int64_t)begin, (int64_t)count);
  if (slice) {
    cnn_loader_options options = loader->options;
    options.dataset = slice;
    options.seed = recipe->info.seed;
    options.augment = NULL;
    memset(options.transforms, 0, sizeof options.transforms);
    options.mean = recipe->info.preprocessing.mean;
    options.deviation = recipe->info.preprocessing.deviation;
    for (size_t i = 0; i < recipe->transform_count; i++) {
      cnn_transform *transform = cnn__transform_retain(recipe->transforms[i]);
      if (i < CNN_MAX_TRANSFORMS)
        options.transforms[i] = transform;
      else
        options.augment = transform;
    }
    if (!training) options.shuffle = options.drop_last = options.views = 0;
    part = create(&options, !training || recipe->calm);
    cnn_dataset_free(slice);
  }
  cnn_context_use(before);
  return part;
}

/* ---- reading ---- */

static void run_task(void *argument, size_t task, size_t slot) {
  cnn_loader *loader = argument;
  cnn__batch_task(&loader->recipe, &loader->batch, task, &loader->workspaces[slot]);
}

/* Makes the batch at the loader's position by the context's threads. */
static cnn_status make_batch(cnn_loader *loader, cnn__batch **batch) {
  const cnn__recipe *recipe = &loader->recipe;
  *batch = &loader->batch;
  cnn__batch_begin(recipe, *batch, cnn__epoch_order_of(recipe, &loader->order, loader->epoch),
                   loader->epoch, loader->position);
  cnn__parallel_for(loader->recipe.context, cnn__batch_tasks(recipe, *batch), run_task, loader);
  const cnn_status status = cnn__batch_end(recipe, *batch, &loader->skipped);
  return status == CNN_OK ? CNN_OK : cnn__failure_give(&(*batch)->failure);
}

static cnn_status next_batch(cnn_loader *loader, const cnn_tensor **images,
                             const cnn_tensor **labels) {
  while (loader->position < loader->recipe.info.batches) {
    cnn__batch *batch;
    const cnn_status status = loader->workers ? cnn__workers_next(loader->workers, loader->epoch,
                                                                  &batch, &loader->skipped)
                                              : make_batch(loader, &batch);
    loader->position++;
    if (status != CNN_OK) return status;
    if (batch->count == 0) continue; /* every sample of it was left out */
    *images = batch->images;
    if (labels) *labels = batch->labels;
    return CNN_OK;
  }
  loader->epoch++;
  loader->position = 0;
  return CNN_OK;
}

cnn_status cnn_loader_next(cnn_loader *loader, const cnn_tensor **images,
                           const cnn_tensor **labels) {
  if (images) *images = NULL;
  if (labels) *labels = NULL;
  if (!loader) return cnn__fail_null("cnn_loader_next", "loader");
  if (!images) return cnn__fail(CNN_E_INVALID, "cnn_loader_next: images is NULL");
  cnn__float_environment saved;
  cnn__float_environment_enter(&saved);
  const cnn_status status = next_batch(loader, images, labels);
  cnn__float_environment_leave(&saved);
  return status;
}

cnn_status cnn_loader_seek(cnn_loader *loader, int64_t epoch, int64_t batch) {
  if (!loader) return cnn__fail_null("cnn_loader_seek", "loader");
  const size_t batches = loader->recipe.info.batches;
  if (epoch < 0 || batch < 0 || (uint64_t)batch > batches)
    return cnn__fail(CNN_E_INVALID, "cnn_loader_seek: batch %lld of epoch %lld is not in [0, %zu]",
                     (long long)batch, (long long)epoch, batches);
  loader->epoch = (uint64_t)epoch;
  loader->position = (size_t)batch;
  if (loader->workers) cnn__workers_seek(loader->workers, loader->epoch, loader->position);
  return CNN_OK;
}

/* ---- asking ---- */

const cnn__loader_info *cnn__loader_info_of(const cnn_loader *loader) {
  return &loader->recipe.info;
}
int64_t cnn_loader_epoch(const cnn_loader *loader) {
  return loader ? (int64_t)loader->epoch : 0;
}
int64_t cnn_loader_position(const cnn_loader *loader) {
  return loader ? (int64_t)loader->position : 0;
}
int64_t cnn_loader_batches(const cnn_loader *loader) {
  return loader ? (int64_t)loader->recipe.info.batches : 0;
}
int64_t cnn_loader_samples(const cnn_loader *loader) {
  return loader ? (int64_t)loader->recipe.info.samples : 0;
}
int64_t cnn_loader_batch_size(const cnn_loader *loader) {
  return loader ? (int64_t)loader->recipe.info.batch_size : 0;
}
cnn_dataset *cnn_loader_dataset(const cnn_loader *loader) {
  return loader ? loader->recipe.dataset : NULL;
}
int64_t cnn_loader_skipped(const cnn_loader *loader) {
  return loader ? (int64_t)loader->skipped : 0;
}

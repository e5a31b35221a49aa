#include "data/batch.h"
#include "base/size.h"
#include "ops/image.h"
#include <string.h>

/* ---- memory ---- */

/* A header that will show memory of the batch's. */
static cnn_tensor *new_view(const cnn__recipe *recipe, cnn_dtype dtype) {
  return cnn__tensor_new(recipe->context, dtype, &(const cnn__shape){.rank = 1});
}

static cnn_status make_labels(const cnn__recipe *recipe, cnn__batch *batch) {
  const cnn__loader_info *info = &recipe->info;
  if (info->labels == CNN__LABELS_NONE) return CNN_OK;
  size_t values;
  if (!cnn__size_mul(info->batch_size, info->label_width, &values))
    return cnn__fail(CNN_E_LIMIT,
                     "cnn_loader_new: %zu labels of %zu values exceed the address space",
                     info->batch_size, info->label_width);
  /* int32_t and float are equally wide. */
  batch->label_values =
      cnn__alloc_array(recipe->context, values, sizeof(float), "a batch's labels");
  batch->labels = new_view(recipe, info->labels == CNN__LABELS_INDEX ? CNN_INT32 : CNN_FLOAT32);
  return batch->label_values && batch->labels ? CNN_OK : CNN_E_NOMEM;
}

static bool mixes(const cnn__recipe *recipe) {
  for (size_t i = 0; i < recipe->transform_count; i++)
    if (recipe->transforms[i]->class->mix && !recipe->calm) return true;
  return false;
}

cnn_status cnn__batch_make(const cnn__recipe *recipe, cnn__batch *batch) {
  cnn_context *context = recipe->context;
  const size_t samples = recipe->info.batch_size;
  size_t values, bytes;
  if (!cnn__size_mul(samples, recipe->sample_values, &values) ||
      !cnn__size_mul(values, sizeof(float), &bytes) ||
      !cnn__size_add(bytes, CNN__IMAGE_SLACK, &bytes))
    return cnn__fail(CNN_E_LIMIT,
                     "cnn_loader_new: %zu images of %zu values exceed the address space", samples,
                     recipe->sample_values);
  batch->pixels = cnn__alloc(context, bytes, "a batch's images");
  batch->broken = cnn__calloc_array(context, samples, 1, "a batch");
  if (!batch->pixels || !batch->broken) return CNN_E_NOMEM;
  if (mixes(recipe)) {
    const size_t most = cnn__size_max(values, samples * recipe->info.label_width);
    batch->scratch = cnn__alloc_array(context, most, sizeof(float), "a batch's mixing");
    batch->partners =
        cnn__alloc_array(context, samples, sizeof *batch->partners, "a batch's mixing");
    if (!batch->scratch || !batch->partners) return CNN_E_NOMEM;
  }
  batch->images = new_view(recipe, CNN_FLOAT32);
  if (!batch->images) return CNN_E_NOMEM;
  const cnn_status status = make_labels(recipe, batch);
  if (status != CNN_OK) return status;
  batch->mutex = cnn__mutex_new(context);
  return batch->mutex ? CNN_OK : cnn_last_status();
}

void cnn__batch_release(const cnn__recipe *recipe, cnn__batch *batch) {
  cnn_tensor_free(batch->images);
  cnn_tensor_free(batch->labels);
  cnn__free(recipe->context, batch->label_values);
  cnn__free(recipe->context, batch->pixels);
  cnn__free(recipe->context, batch->scratch);
  cnn__free(recipe->context, batch->partners);
  cnn__free(recipe->context, batch->broken);
  if (batch->mutex) cnn__mutex_free(recipe->context, batch->mutex);
}

void cnn__batch_begin(const cnn__recipe *recipe, cnn__batch *batch, const uint32_t *order,
                      uint64_t epoch, uint64_t number) {
  const cnn__loader_info *info = &recipe->info;
  batch->order = order;
  batch->epoch = epoch;
  batch->number = number;
  batch->view = (size_t)(number % info->views);
  batch->first = (size_t)(number / info->views) * info->batch_size;
  batch->wanted = cnn__size_min(info->samples - batch->first, info->batch_size);
  batch->count = 0;
  batch->failed_at = SIZE_MAX;
  memset(batch->broken, 0, batch->wanted);
}

/* ---- the order ---- */

cnn_status cnn__epoch_order_make(const cnn__recipe *recipe, cnn__epoch_order *order) {
  if (!recipe->info.shuffle) return CNN_OK;
  order->samples = cnn__alloc_array(recipe->context, recipe->dataset->count, sizeof *order->samples,
                                    "an epoch's order");
  return order->samples ? CNN_OK : CNN_E_NOMEM;
}

const uint32_t *cnn__epoch_order_of(const cnn__recipe *recipe, cnn__epoch_order *order,
                                    uint64_t epoch) {
  if (!order->samples || (order->known && order->epoch == epoch)) return order->samples;
  const size_t count = recipe->dataset->count;
  for (size_t i = 0; i < count; i++)
    order->samples[i] = (uint32_t)i;
  cnn__random random;
  cnn__random_start(&random, recipe->info.seed, CNN__PURPOSE_SHUFFLE, epoch, 0);
  cnn__random_shuffle(&random, order->samples, count);
  order->epoch = epoch;
  order->known = true;
  return order->samples;
}

/* ---- one sample ---- */

/* The image as it leaves the transforms that draw nothing: from the cache, or fetched. */
static cnn_status fetch_image(const cnn__recipe *recipe, size_t i, cnn__workspace *workspace,
                              float *target, cnn__picture *picture) {
  const cnn_dtype dtype = recipe->dataset->dtype;
  cnn__cached cached;
  if (recipe->cache && cnn__cache_find(recipe->cache, i, &cached)) {
    workspace->sample.pixels = cached.pixels;
    workspace->sample.shape = cached.shape;
    workspace->sample.slack = true;
    cnn__picture_start(picture, workspace, cached.dtype, &recipe->unit, target,
                       recipe->sample_values);
    picture->white = dtype == CNN_UINT8 ? 255 : 1;
    return CNN_OK;
  }
  cnn_status status = cnn__dataset_image(recipe->dataset, i, &workspace->sample);
  if (status != CNN_OK) return status;
  cnn__picture_start(picture, workspace, dtype, &recipe->unit, target, recipe->sample_values);
  for (size_t t = 0; status == CNN_OK && t < recipe->fixed; t++)
    status = recipe->transforms[t]->class->apply(recipe->transforms[t], NULL, picture);
  if (status != CNN_OK || !recipe->cache || workspace->sample.shape.rank != 3) return status;
  status = cnn__picture_settle(picture);
  if (status != CNN_OK) return status;
  cached = (cnn__cached){
      .pixels = picture->pixels,
      .dtype = picture->dtype,
      .shape = {.rank = 3, .dim = {picture->height, picture->width, picture->channels}}};
  return cnn__cache_keep(recipe->cache, i, &cached, picture->row * cnn__dtype_size(picture->dtype));
}

/* room: where it may wait as bytes, or NULL; *kept: it does, and is to be converted. */
static cnn_status make_image(const cnn__recipe *recipe, const cnn__batch *batch, size_t i,
                             cnn__workspace *workspace, uint8_t *room, bool *kept, float *target) {
  cnn__picture picture;
  workspace->sample.room = room;
  workspace->sample.room_size = recipe->sample_values;
  cnn_status status = fetch_image(recipe, i, workspace, target, &picture);
  const size_t views = recipe->info.views;
  const bool calm = recipe->calm || (views > 1 && batch->view == 0);
  cnn__random random = {0};
  if (recipe->fixed < recipe->transform_count)
    cnn__random_start(&random, recipe->info.seed, CNN__PURPOSE_AUGMENT,
                      batch->epoch * views + batch->view, i);
  for (size_t t = recipe->fixed; status == CNN_OK && t < recipe->transform_count; t++)
    if (recipe->transforms[t]->class->apply)
      status = recipe->transforms[t]->class->apply(recipe->transforms[t], calm ? NULL : &random,
                                                   &picture);
  *kept = status == CNN_OK && room && cnn__picture_keep(&picture, room);
  return status == CNN_OK && !*kept ? cnn__picture_finish(&picture, &recipe->factors) : status;
}

static cnn_status make_label(const cnn__recipe *recipe, cnn__batch *batch, size_t i, size_t place) {
  const cnn__loader_info *info = &recipe->info;
  if (info->labels == CNN__LABELS_NONE) return CNN_OK;
  if (info->labels == CNN__LABELS_INDEX)
    return cnn__dataset_label(recipe->dataset, i, (int32_t *)batch->label_values + place, NULL);
  float *vector = (float *)batch->label_values + place * info->label_width;
  if (!recipe->one_hot) return cnn__dataset_label(recipe->dataset, i, NULL, vector);
  int32_t index;
  const cnn_status status = cnn__dataset_label(recipe->dataset, i, &index, NULL);
  memset(vector, 0, info->label_width * sizeof *vector);
  if (status == CNN_OK) vector[index] = 1;
  return status;
}

static void note_failure(cnn__batch *batch, size_t place) {
  cnn__mutex_lock(batch->mutex);
  if (place < batch->failed_at) {
    batch->failed_at = place;
    cnn__failure_take(&batch->failure);
  }
  cnn__mutex_unlock(batch->mutex);
}

size_t cnn__batch_tasks(const cnn__recipe *recipe, const cnn__batch *batch) {
  return cnn__size_ceil_div(batch->wanted, recipe->chunk);
}

static size_t sample_at(const cnn__batch *batch, size_t place) {
  const size_t at = batch->first + place;
  return batch->order ? batch->order[at] : at;
}

/* The files of a task's images, one after the other: the system's part and the decoder's do not drive each other out of
   the nearest caches between any two then. */
static void read_ahead(const cnn__recipe *recipe, const cnn__batch *batch, size_t begin, size_t end,
                       cnn__workspace *workspace) {
  for (size_t place = begin; place < end; place++) {
    const size_t i = sample_at(batch, place);
    cnn__file *file = &workspace->files[place - begin];
    cnn__cached unused;
    if (recipe->cache && cnn__cache_find(recipe->cache, i, &unused))
      file->there = false;
    else
      cnn__dataset_read(recipe->dataset, i, file);
  }
}

/* Room for a task's images as bytes, where they come from files, and for the files: floats that are written between two
   files drive what the decoder needs out of the nearest cache, and the decoder them. NULL where that is not so, or with
   a failure. */
static uint8_t *find_rooms(const cnn__recipe *recipe, cnn__workspace *workspace,
                           cnn_status *status) {
  cnn_context *context = recipe->context;
  const size_t chunk = recipe->chunk;
  *status = CNN_OK;
  if (recipe->dataset->memory || recipe->dataset->dtype != CNN_UINT8 || chunk == 1) return NULL;
  *status = cnn__buffer_reserve(context, &workspace->waiting,
                                CNN__DECODED_AT + chunk * recipe->sample_values + CNN__IMAGE_SLACK,
                                "images of a batch");
  if (*status == CNN_OK)
    *status = cnn__buffer_reserve(context, &workspace->ahead, chunk * CNN__MOST_AHEAD,
                                  "files of a batch");
  if (*status != CNN_OK) return NULL;
  for (size_t i = 0; i < chunk; i++)
    workspace->files[i].content = (uint8_t *)workspace->ahead.bytes + i * CNN__MOST_AHEAD;
  return (uint8_t *)workspace->waiting.bytes + CNN__DECODED_AT;
}

/* The images that wait at rooms, which are those from place on. */
static void convert_waiting(const cnn__recipe *recipe, cnn__batch *batch, const uint8_t *rooms,
                            size_t place, size_t images) {
  const size_t count = images * recipe->sample_values;
  if (count > 0)
    cnn__image_convert_u8(&recipe->factors, 1, count, count, rooms,
                          batch->pixels + place * recipe->sample_values);
}

static void note_result(const cnn__recipe *recipe, cnn__batch *batch, size_t place,
                        cnn_status status) {
  if (status == CNN_OK) return;
  if (recipe->skip_broken && cnn__dataset_broken(status))
    batch->broken[place] = 1;
  else
    note_failure(batch, place);
}

/* The labels of a task's samples, before their images, so that what memory answers late is waited for once. */
static void make_labels_of(const cnn__recipe *recipe, cnn__batch *batch, size_t begin, size_t end,
                           cnn_status *results) {
  for (size_t place = begin; place < end; place++) {
    results[place - begin] = make_label(recipe, batch, sample_at(batch, place), place);
    note_result(recipe, batch, place, results[place - begin]);
  }
}

void cnn__batch_task(const cnn__recipe *recipe, cnn__batch *batch, size_t task,
                     cnn__workspace *workspace) {
  const size_t values = recipe->sample_values, begin = task * recipe->chunk;
  const size_t end = cnn__size_min(begin + recipe->chunk, batch->wanted);
  cnn_status status, labelled[CNN__MOST_CHUNK];
  cnn__failure before; /* of samples that are left out nothing stays pending on this thread */
  cnn__failure_take(&before);
  uint8_t *const rooms = find_rooms(recipe, workspace, &status);
  if (status != CNN_OK) {
    note_failure(batch, begin);
    return;
  }
  make_labels_of(recipe, batch, begin, end, labelled);
  if (rooms) read_ahead(recipe, batch, begin, end, workspace);
  size_t waiting = 0; /* so many images before place */
  for (size_t place = begin; place < end; place++) {
    const size_t i = sample_at(batch, place);
    uint8_t *const room = rooms ? rooms + waiting * values : NULL;
    bool kept = false;
    workspace->sample.ahead = rooms ? &workspace->files[place - begin] : NULL;
    if (labelled[place - begin] == CNN_OK) {
      status = make_image(recipe, batch, i, workspace, room, &kept, batch->pixels + place * values);
      note_result(recipe, batch, place, status);
    }
    waiting += kept;
    if (kept) continue;
    convert_waiting(recipe, batch, rooms, place - waiting, waiting);
    waiting = 0;
  }
  convert_waiting(recipe, batch, rooms, end - waiting, waiting);
  cnn__failure_give(&before);
}

/* ---- the whole batch ---- */

/* Moves the samples that are there to the front. */
static size_t close_ranks(const cnn__recipe *recipe, cnn__batch *batch) {
  const size_t label = recipe->info.label_width * sizeof(float); /* int32_t is as wide */
  const size_t image = recipe->sample_values;
  uint8_t *labels = batch->label_values;
  size_t count = 0;
  for (size_t place = 0; place < batch->wanted; place++) {
    if (batch->broken[place]) continue;
    if (count != place) {
      memcpy(batch->pixels + count * image, batch->pixels + place * image, image * sizeof(float));
      if (labels) memcpy(labels + count * label, labels + place * label, label);
    }
    count++;
  }
  return count;
}

static void mix(const cnn__recipe *recipe, cnn__batch *batch) {
  cnn__random random;
  cnn__random_start(&random, recipe->info.seed, CNN__PURPOSE_MIX, batch->epoch, batch->number);
  cnn__mix whole = {.count = batch->count,
                    .shape = &recipe->info.sample,
                    .images = batch->pixels,
                    .label_width = recipe->info.label_width,
                    .labels = batch->label_values,
                    .scratch = batch->scratch,
                    .partners = batch->partners};
  for (size_t t = 0; t < recipe->transform_count; t++) {
    const cnn_transform *transform = recipe->transforms[t];
    if (transform->class->mix) transform->class->mix(transform, &random, &whole);
  }
}

static void show(const cnn__recipe *recipe, cnn__batch *batch) {
  const cnn__shape *sample = &recipe->info.sample;
  cnn__shape shape = {.rank = sample->rank + 1, .dim = {batch->count}};
  memcpy(shape.dim + 1, sample->dim, sample->rank * sizeof sample->dim[0]);
  cnn__tensor_point(batch->images, &shape, batch->pixels);
  if (!batch->labels) return;
  const cnn__shape labels = {.rank = 2, .dim = {batch->count, recipe->info.label_width}};
  cnn__tensor_point(batch->labels, &labels, batch->label_values);
}

cnn_status cnn__batch_end(const cnn__recipe *recipe, cnn__batch *batch, size_t *skipped) {
  if (batch->failed_at != SIZE_MAX) return batch->failure.status;
  batch->count = close_ranks(recipe, batch);
  *skipped += batch->wanted - batch->count;
  if (batch->count > 0 && batch->scratch) mix(recipe, batch);
  show(recipe, batch);
  return CNN_OK;
}

#include "data/workers.h"
#include <string.h>

/* A batch on its way round: free, being made by tasks, ready, then read and free again. */
typedef enum slot_phase { FREE, MAKING, READY } slot_phase;

typedef struct ring_slot {
  cnn__batch batch;
  slot_phase phase;
  size_t tasks, given, done;
  cnn_status status;
  size_t skipped;
} ring_slot;

struct cnn__workers {
  const cnn__recipe *recipe;
  cnn__mutex *mutex; /* guards all that follows */
  cnn__condition *work, *ready;
  ring_slot *slots; /* a ring: batches are begun and read in the same order */
  size_t slot_count;
  size_t begun, read; /* counted since the last seek; slot = count % slot_count */
  uint64_t epoch;     /* of the next batch to begin, and its number */
  size_t number;
  uint64_t reading;           /* the epoch that is read: nothing beyond the next one is begun */
  cnn__epoch_order orders[2]; /* of two epochs: workers may have begun the one behind the read */
  size_t busy;                /* workers in the middle of a task */
  bool pause, stop, holding;  /* holding: the reader has the slot before read */

  cnn__thread **threads;
  cnn__workspace *workspaces;
  size_t thread_count;
};

typedef struct worker {
  cnn__workers *workers;
  size_t index;
} worker;

/* Begins the next batch if there is a free slot and it is not too far ahead. */
static bool begin_batch(cnn__workers *workers) {
  const cnn__loader_info *info = &workers->recipe->info;
  ring_slot *slot = &workers->slots[workers->begun % workers->slot_count];
  if (info->batches == 0 || slot->phase != FREE) return false;
  if (workers->number == info->batches) {
    if (workers->epoch > workers->reading) return false;
    workers->epoch++;
    workers->number = 0;
  }
  if (workers->epoch > workers->reading + 1) return false;
  const uint32_t *order =
      cnn__epoch_order_of(workers->recipe, &workers->orders[workers->epoch & 1], workers->epoch);
  cnn__batch_begin(workers->recipe, &slot->batch, order, workers->epoch, workers->number);
  slot->phase = MAKING;
  slot->tasks = cnn__batch_tasks(workers->recipe, &slot->batch);
  slot->given = slot->done = slot->skipped = 0;
  slot->status = CNN_OK;
  workers->number++;
  workers->begun++;
  return true;
}

/* The oldest batch that still has tasks to give; NULL: there is nothing to do now. */
static ring_slot *find_work(cnn__workers *workers) {
  if (workers->pause) return NULL;
  for (size_t k = workers->read; k < workers->begun; k++) {
    ring_slot *slot = &workers->slots[k % workers->slot_count];
    if (slot->phase == MAKING && slot->given < slot->tasks) return slot;
  }
  if (!begin_batch(workers)) return NULL;
  return &workers->slots[(workers->begun - 1) % workers->slot_count];
}

/* One task, and the end of its batch if it is the last one done. Called and left locked. */
static void do_task(cnn__workers *workers, ring_slot *slot, cnn__workspace *workspace) {
  const size_t task = slot->given++;
  workers->busy++;
  if (slot->given < slot->tasks) cnn__condition_signal(workers->work);
  cnn__mutex_unlock(workers->mutex);
  cnn__batch_task(workers->recipe, &slot->batch, task, workspace);
  cnn__mutex_lock(workers->mutex);
  if (++slot->done == slot->tasks) {
    cnn__mutex_unlock(workers->mutex);
    slot->status = cnn__batch_end(workers->recipe, &slot->batch, &slot->skipped);
    cnn__mutex_lock(workers->mutex);
    slot->phase = READY;
    cnn__mutex_unlock(workers->mutex); /* else the reader would wake only to wait for it */
    cnn__condition_broadcast(workers->ready);
    cnn__mutex_lock(workers->mutex);
  }
  if (--workers->busy == 0 && workers->pause) cnn__condition_broadcast(workers->ready);
}

static void run(void *argument) {
  worker *me = argument;
  cnn__workers *workers = me->workers;
  cnn__workspace *workspace = &workers->workspaces[me->index];
  cnn__free(workers->recipe->context, me);
  cnn__mutex_lock(workers->mutex);
  while (!workers->stop) {
    ring_slot *slot = find_work(workers);
    if (slot)
      do_task(workers, slot, workspace);
    else
      cnn__condition_wait(workers->work, workers->mutex);
  }
  cnn__mutex_unlock(workers->mutex);
}

/* ---- the reader's side ---- */

cnn_status cnn__workers_next(cnn__workers *workers, uint64_t epoch, cnn__batch **batch,
                             size_t *skipped) {
  cnn__mutex_lock(workers->mutex);
  workers->reading = epoch;
  if (workers->holding) workers->slots[(workers->read - 1) % workers->slot_count].phase = FREE;
  workers->holding = false;
  cnn__condition_broadcast(workers->work);
  ring_slot *slot = &workers->slots[workers->read % workers->slot_count];
  while (slot->phase != READY)
    cnn__condition_wait(workers->ready, workers->mutex);
  workers->read++;
  workers->holding = true;
  cnn__mutex_unlock(workers->mutex);
  *batch = &slot->batch;
  *skipped += slot->skipped;
  return slot->status == CNN_OK ? CNN_OK : cnn__failure_give(&slot->batch.failure);
}

void cnn__workers_seek(cnn__workers *workers, uint64_t epoch, size_t number) {
  cnn__mutex_lock(workers->mutex);
  workers->pause = true;
  while (workers->busy > 0)
    cnn__condition_wait(workers->ready, workers->mutex);
  for (size_t i = 0; i < workers->slot_count; i++)
    workers->slots[i].phase = FREE;
  workers->begun = workers->read = 0;
  workers->holding = workers->pause = false;
  workers->epoch = workers->reading = epoch;
  workers->number = number;
  cnn__condition_broadcast(workers->work);
  cnn__mutex_unlock(workers->mutex);
}

/* ---- making and ending ---- */

static cnn_status make_slots(cnn__workers *workers, size_t ahead) {
  const cnn__recipe *recipe = workers->recipe;
  cnn_context *context = recipe->context;
  workers->slots = cnn__calloc_array(context, ahead + 1, sizeof *workers->slots, "prefetching");
  if (!workers->slots) return CNN_E_NOMEM;
  for (; workers->slot_count <= ahead; workers->slot_count++) {
    cnn__batch *batch = &workers->slots[workers->slot_count].batch;
    const cnn_status status = cnn__batch_make(recipe, batch);
    if (status == CNN_OK) continue;
    cnn__batch_release(recipe, batch);
    return status;
  }
  const cnn_status status = cnn__epoch_order_make(recipe, &workers->orders[0]);
  return status == CNN_OK ? cnn__epoch_order_make(recipe, &workers->orders[1]) : status;
}

static cnn_status make_locks(cnn__workers *workers) {
  cnn_context *context = workers->recipe->context;
  workers->mutex = cnn__mutex_new(context);
  if (workers->mutex) workers->work = cnn__condition_new(context);
  if (workers->work) workers->ready = cnn__condition_new(context);
  return workers->ready ? CNN_OK : cnn_last_status();
}

static cnn_status start_threads(cnn__workers *workers, size_t threads) {
  cnn_context *context = workers->recipe->context;
  workers->threads = cnn__calloc_array(context, threads, sizeof *workers->threads, "workers");
  workers->workspaces = cnn__calloc_array(context, threads, sizeof *workers->workspaces, "workers");
  if (!workers->threads || !workers->workspaces) return CNN_E_NOMEM;
  for (; workers->thread_count < threads; workers->thread_count++) {
    const size_t i = workers->thread_count;
    worker *me = cnn__alloc(context, sizeof *me, "a worker");
    if (!me) return CNN_E_NOMEM;
    *me = (worker){workers, i};
    cnn__workspace_start(&workers->workspaces[i], context);
    workers->threads[i] = cnn__thread_start(context, run, me);
    if (workers->threads[i]) continue;
    cnn__free(context, me);
    return cnn_last_status();
  }
  return CNN_OK;
}

void cnn__workers_stop(cnn__workers *workers) {
  if (!workers) return;
  const cnn__recipe *recipe = workers->recipe;
  cnn_context *context = recipe->context;
  if (workers->thread_count > 0) {
    cnn__mutex_lock(workers->mutex);
    workers->stop = true;
    cnn__condition_broadcast(workers->work);
    cnn__mutex_unlock(workers->mutex);
  }
  for (size_t i = 0; i < workers->thread_count; i++) {
    cnn__thread_join(workers->threads[i]);
    cnn__workspace_release(&workers->workspaces[i]);
  }
  for (size_t i = 0; i < workers->slot_count; i++)
    cnn__batch_release(recipe, &workers->slots[i].batch);
  for (size_t i = 0; i < 2; i++)
    cnn__free(context, workers->orders[i].samples);
  if (workers->work) cnn__condition_free(context, workers->work);
  if (workers->ready) cnn__condition_free(context, workers->ready);
  if (workers->mutex) cnn__mutex_free(context, workers->mutex);
  cnn__free(context, workers->threads);
  cnn__free(context, workers->workspaces);
  cnn__free(context, workers->slots);
  cnn__free(context, workers);
}

cnn_status cnn__workers_start(const cnn__recipe *recipe, size_t threads, size_t ahead,
                              cnn__workers **out) {
  cnn__workers *workers = cnn__calloc_array(recipe->context, 1, sizeof *workers, "workers");
  if (!workers) return CNN_E_NOMEM;
  workers->recipe = recipe;
  cnn_status status = make_locks(workers);
  if (status == CNN_OK) status = make_slots(workers, ahead);
  if (status == CNN_OK) status = start_threads(workers, threads);
  if (status == CNN_OK)
    *out = workers;
  else
    cnn__workers_stop(workers);
  return status;
}

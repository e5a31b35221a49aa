#include "base/context.h"
#include "base/allocator.h"
#include "base/context_struct.h"
#include "base/cpu.h"
#include "base/process.h"
#include "base/size.h"
#include <assert.h>
#include <pthread.h>

enum { MAX_THREADS = 1024 };

static const uint64_t default_max_file_bytes = UINT64_C(16) << 30;
static const uint64_t default_max_pixels = UINT64_C(1) << 28;

/* ---- making ---- */

static cnn_status read_allocator(cnn_context *context, const cnn_allocator *lent) {
  context->allocator = cnn__libc_allocator;
  if (!lent) return CNN_OK;
  cnn_status status = cnn__options_read("cnn_context_create: allocator", &context->allocator,
                                        sizeof context->allocator, lent);
  if (status) return status;
  if (!context->allocator.allocate || !context->allocator.release)
    return cnn__fail(CNN_E_INVALID, "cnn_context_create: allocator lacks %s",
                     context->allocator.allocate ? "release" : "allocate");
  return CNN_OK;
}

static cnn_status read_executor(cnn_context *context, const cnn_executor *lent) {
  if (!lent) return CNN_OK;
  cnn_executor *executor = &context->executor;
  cnn_status status =
      cnn__options_read("cnn_context_create: executor", executor, sizeof *executor, lent);
  if (status) return status;
  if (!executor->parallel_for)
    return cnn__fail(CNN_E_INVALID, "cnn_context_create: executor lacks parallel_for");
  if (executor->threads < 1)
    return cnn__fail(CNN_E_INVALID, "cnn_context_create: executor has %lld threads; 1 or more",
                     (long long)executor->threads);
  return CNN_OK;
}

static cnn_status read_log(cnn_context *context, const cnn_log *lent) {
  if (!lent) return CNN_OK;
  cnn_status status =
      cnn__options_read("cnn_context_create: log", &context->log, sizeof context->log, lent);
  if (status) return status;
  if (!context->log.message)
    return cnn__fail(CNN_E_INVALID, "cnn_context_create: log lacks message");
  return CNN_OK;
}

static cnn_status read_options(cnn_context *context, const cnn_context_options *from) {
  cnn_context_options *options = &context->options;
  cnn_status status = cnn__options_read("cnn_context_create", options, sizeof *options, from);
  if (!status && (options->threads < 0 || options->threads > MAX_THREADS))
    status = cnn__fail(CNN_E_INVALID, "cnn_context_create: threads is %lld; 0 to %d",
                       (long long)options->threads, MAX_THREADS);
  if (!status && options->exact != 0 && options->exact != 1)
    status = cnn__fail(CNN_E_INVALID, "cnn_context_create: exact is %lld; 0 or 1",
                       (long long)options->exact);
  if (!status) status = read_allocator(context, options->allocator);
  if (!status) status = read_executor(context, options->executor);
  if (!status) status = read_log(context, options->log);
  if (status) return status;
  if (options->max_file_bytes == 0) options->max_file_bytes = default_max_file_bytes;
  if (options->max_pixels == 0) options->max_pixels = default_max_pixels;
  size_t threads = options->threads ? (size_t)options->threads : cnn__cpu_count();
  if (context->executor.parallel_for) threads = (size_t)context->executor.threads;
  context->slots = cnn__size_min(threads, MAX_THREADS);
  return CNN_OK;
}

void cnn_context_options_init(cnn_context_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_context *cnn_context_create(const cnn_context_options *options) {
  cnn_context draft = {0};
  if (read_options(&draft, options)) return NULL;
  cnn_context *context = draft.allocator.allocate(draft.allocator.user, sizeof *context, 64);
  if (!context) {
    cnn__fail(CNN_E_NOMEM, "out of memory: %zu bytes for a context", sizeof *context);
    return NULL;
  }
  *context = draft;
  atomic_init(&context->references, 1);
  atomic_init(&context->held, 0);
  context->forks = cnn__process_forks();
  if (context->slots > 1 && !context->executor.parallel_for) {
    context->pool = cnn__pool_new(context, context->slots);
    if (!context->pool) {
      context->allocator.release(context->allocator.user, context);
      return NULL;
    }
  }
  return context;
}

/* ---- references ---- */

cnn_context *cnn__context_retain(cnn_context *context) {
  atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
  return context;
}

void cnn_context_free(cnn_context *context) {
  if (!context) return;
  if (atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1) return;
  cnn__pool_free(context, context->pool);
  /* What a thread of the parent's had in hand when it forked is lost to the child. */
  assert(atomic_load(&context->held) == 0 || context->forks != cnn__process_forks());
  context->allocator.release(context->allocator.user, context);
}

/* ---- the current one ---- */

static cnn_context *default_context; /* guarded by the process lock */
static _Thread_local cnn_context *current;
static pthread_key_t end_of_thread; /* its value is the thread's current context */
static bool has_end_of_thread;      /* guarded by the process lock */

static void drop_current(void *context) {
  current = NULL;
  cnn_context_free(context);
}

/* Has the thread's end give back its reference. Without a key (a process has a limited number) that
   reference stays for ever, which is better than working with another context than was asked for. */
static void note_current(cnn_context *context) {
  cnn__process_lock();
  if (!has_end_of_thread) has_end_of_thread = pthread_key_create(&end_of_thread, drop_current) == 0;
  bool noted = has_end_of_thread;
  cnn__process_unlock();
  noted = noted && pthread_setspecific(end_of_thread, context) == 0;
  if (!noted && context)
    cnn__log_message(
        context, CNN_LOG_WARNING,
        "cnn_context_use: the thread's end cannot be watched; call cnn_context_use(NULL) "
        "before it");
}

cnn_context *cnn_context_use(cnn_context *context) {
  cnn_context *previous = current;
  if (context == previous) return previous;
  current = context ? cnn__context_retain(context) : NULL;
  note_current(context);
  cnn_context_free(previous);
  return previous;
}

cnn_context *cnn__context_acquire(void) {
  if (current) return cnn__context_retain(current);
  cnn__process_lock();
  if (!default_context) default_context = cnn_context_create(NULL);
  cnn_context *context = default_context ? cnn__context_retain(default_context) : NULL;
  cnn__process_unlock();
  return context;
}

void *cnn__object_new(size_t size, const char *what, cnn_context **context) {
  *context = cnn__context_acquire();
  void *object = *context ? cnn__calloc_array(*context, 1, size, what) : NULL;
  if (!object) cnn_context_free(*context);
  return object;
}

void cnn_shutdown(void) {
  cnn__process_lock();
  cnn_context *context = default_context;
  default_context = NULL;
  cnn__process_unlock();
  cnn_context_free(context);
}

/* ---- questions ---- */

int64_t cnn_context_threads(const cnn_context *context) {
  if (context) return (int64_t)context->slots;
  cnn_context *acquired = cnn__context_acquire();
  if (!acquired) return 0;
  int64_t threads = (int64_t)acquired->slots;
  cnn_context_free(acquired);
  return threads;
}

uint64_t cnn_context_memory(const cnn_context *context) {
  if (context) return atomic_load(&context->held);
  cnn_context *acquired = cnn__context_acquire();
  if (!acquired) return 0;
  uint64_t held = atomic_load(&acquired->held);
  cnn_context_free(acquired);
  return held;
}

uint64_t cnn__context_seed(const cnn_context *context) {
  return context->options.seed;
}

bool cnn__context_exact(const cnn_context *context) {
  return context->options.exact != 0;
}

size_t cnn__context_slots(const cnn_context *context) {
  return context->slots;
}

uint64_t cnn__context_max_file_bytes(const cnn_context *context) {
  return context->options.max_file_bytes;
}

uint64_t cnn__context_max_pixels(const cnn_context *context) {
  return context->options.max_pixels;
}

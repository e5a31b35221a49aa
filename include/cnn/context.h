/** @file
 * What a host lends: threads, memory, a log, a seed and limits.
 *
 * A program that does not care makes no context: everything then uses the default one, which has a
 * thread for each processor, malloc's memory, no log, and seed 0. A host that does care makes one
 * and calls cnn_context_use(): what the calling thread creates from then on keeps that context (it
 * is reference-counted), whatever is current when it is used.
 */
#ifndef CNN_CONTEXT_H
#define CNN_CONTEXT_H

#include <cnn/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Threads, allocator, log, seed and limits. Immutable once made: any thread may use it. */
typedef struct cnn_context cnn_context;

/** An allocator that the host lends. Its functions are called from any thread, also concurrently. */
typedef struct cnn_allocator {
  size_t struct_size; /**< sizeof(cnn_allocator) */
  void *user;         /**< Handed to both functions. */
  /** Returns at least bytes bytes (never 0) aligned to alignment (a power of two), or NULL. */
  void *(*allocate)(void *user, size_t bytes, size_t alignment);
  /** Takes back what allocate returned; never NULL. */
  void (*release)(void *user, void *pointer);
} cnn_allocator;

/** A thread pool that the host lends in place of the library's own. */
typedef struct cnn_executor {
  size_t struct_size; /**< sizeof(cnn_executor) */
  void *user;         /**< Handed to parallel_for. */
  int64_t threads;    /**< How many tasks the host runs at a time, 1 or more. */
  /**
   * Calls task(argument, i) once for each i in [0, tasks), in any order, on any threads (the
   * caller's included), and returns when all have returned. Must not fail. May be called from
   * several threads at a time.
   */
  void (*parallel_for)(void *user, size_t tasks, void (*task)(void *argument, size_t i),
                       void *argument);
} cnn_executor;

/** How grave a log message is. */
typedef enum cnn_log_level {
  CNN_LOG_DEBUG = 1,  /**< What the library chose: instruction set, algorithms, sizes. */
  CNN_LOG_INFO = 2,   /**< What a user may care to know. */
  CNN_LOG_WARNING = 3 /**< Something that went on in a lesser way: a skipped file, fewer threads. */
} cnn_log_level;

/** Where messages go. The library itself never prints. */
typedef struct cnn_log {
  size_t struct_size; /**< sizeof(cnn_log) */
  void *user;         /**< Handed to message. */
  /** Called with one line without its end; from any thread, also concurrently. */
  void (*message)(void *user, cnn_log_level level, const char *text);
} cnn_log;

/** The settings of a context; 0 means the default everywhere. */
typedef struct cnn_context_options {
  size_t struct_size; /**< sizeof(cnn_context_options) */
  int64_t threads;    /**< Threads, the caller's included. Default: the processors this process may
                           use. Ignored where an executor is lent. At most 1024. */
  uint64_t seed;      /**< Key of all randomness: initial weights, shuffling, dropout. Default 0. */
  int64_t exact;      /**< 1: convolve directly only, never by a faster algorithm with a larger
                           rounding error (docs/numerics.md has both errors), and normalise apart from convolution when predicting,
                           too. Default 0. */
  const cnn_allocator *allocator; /**< Copied; NULL: the C library's. */
  const cnn_executor *executor;   /**< Copied; NULL: the library's own threads. */
  const cnn_log *log;             /**< Copied; NULL: no log. */
  uint64_t max_memory; /**< Bytes this context may hold at a time, the 64 that each block has more
                                not counted; more is CNN_E_NOMEM. Default: no limit. */
  uint64_t max_file_bytes; /**< Largest file to read; more is CNN_E_LIMIT. Default 16 GiB. */
  uint64_t max_pixels;     /**< Largest image to decode, width * height. Default 2^28. */
} cnn_context_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_context_options_init(cnn_context_options *options, size_t size);

/**
 * Makes a context.
 * @param options NULL for all defaults; read during the call only.
 * @return The context, which the caller releases with cnn_context_free(); NULL on failure:
 *         CNN_E_INVALID, CNN_E_NOMEM, CNN_E_THREAD.
 * Threads start at the first use. Any thread. Since 0.1.0.
 */
CNN_API cnn_context *cnn_context_create(const cnn_context_options *options);

#ifndef __cplusplus
/** cnn_context_create() with named options: cnn_context_new(.threads = 2, .seed = 7). */
#define cnn_context_new(...)                                                                       \
  cnn_context_create(                                                                              \
      &(const cnn_context_options){.struct_size = sizeof(cnn_context_options), __VA_ARGS__})
#endif

/** Gives up the caller's reference; objects that use the context keep it alive. NULL is fine.
 * Any thread. Since 0.1.0. */
CNN_API void cnn_context_free(cnn_context *context);

/**
 * Makes context the calling thread's current one; NULL means the default one.
 * @return The context that was current, or NULL for the default one: borrowed, and valid for as long
 *         as whoever made it has not freed it.
 * The thread keeps a reference to its current context until the next call or its end. Since 0.1.0.
 */
CNN_API cnn_context *cnn_context_use(cnn_context *context);

/** The threads that context works with; NULL asks for the current one. 0 on failure. */
CNN_API int64_t cnn_context_threads(const cnn_context *context);

/** The bytes that are allocated through context now; NULL asks for the current one. */
CNN_API uint64_t cnn_context_memory(const cnn_context *context);

/**
 * Ends the default context's threads and releases what it holds, once nothing made with it is left.
 * For leak checkers and hosts that unload the library; the next use makes a new one. Not while
 * another thread is in the library. Since 0.1.0.
 */
CNN_API void cnn_shutdown(void);

/**
 * The instruction set whose kernels are in use: "generic", "sse2", "avx2", "avx512" or "neon". The
 * best that processor and system support; the environment variable CNN_ISA can only lower it.
 * Static text, never NULL. Any thread. Since 0.1.0.
 */
CNN_API const char *cnn_cpu_isa(void);

/**
 * Why that one: what was found and what CNN_ISA asked for ("avx2: the processor has sse2,
 * avx2, fma; no avx512f, ..."). Static text, never NULL. Any thread. Since 0.1.0.
 */
CNN_API const char *cnn_cpu_reason(void);

#ifdef __cplusplus
}
#endif

#endif

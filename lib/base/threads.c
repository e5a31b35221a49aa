#include "base/threads.h"
#include "base/context_struct.h"
#include "base/float_environment.h"
#include "base/size.h"

typedef struct lent_job {
  void (*body)(void *argument, size_t task, size_t slot);
  void *argument;
  size_t tasks, chunk;
  atomic_size_t next; /* chunk */
} lent_job;

/* One task of a lent executor is one slot: it takes chunks for as long as there are any. */
static void run_lent_slot(void *argument, size_t slot) {
  lent_job *job = argument;
  cnn__float_environment saved;
  cnn__float_environment_enter(&saved);
  size_t before = cnn__threads_mark(slot + 1), chunks = cnn__size_ceil_div(job->tasks, job->chunk);
  for (;;) {
    size_t number = atomic_fetch_add(&job->next, 1);
    if (number >= chunks) break;
    size_t first = number * job->chunk;
    size_t end = first + cnn__size_min(job->chunk, job->tasks - first);
    for (size_t task = first; task < end; task++)
      job->body(job->argument, task, slot);
  }
  (void)cnn__threads_mark(before);
  cnn__float_environment_leave(&saved);
}

static void run_lent(cnn_context *context, size_t tasks,
                     void (*body)(void *argument, size_t task, size_t slot), void *argument) {
  size_t slots = cnn__size_min(context->slots, tasks);
  /* A few chunks for each slot even out a host that is late; more would scatter neighbours. */
  lent_job job = {.body = body,
                  .argument = argument,
                  .tasks = tasks,
                  .chunk = cnn__size_max(tasks / (slots * 4), 1)};
  context->executor.parallel_for(context->executor.user, slots, run_lent_slot, &job);
}

static void run_alone(size_t slot, size_t tasks,
                      void (*body)(void *argument, size_t task, size_t slot), void *argument) {
  size_t before = cnn__threads_mark(slot + 1);
  for (size_t task = 0; task < tasks; task++)
    body(argument, task, slot);
  (void)cnn__threads_mark(before);
}

void cnn__parallel_for(cnn_context *context, size_t tasks,
                       void (*body)(void *argument, size_t task, size_t slot), void *argument) {
  if (tasks == 0) return;
  cnn__float_environment saved;
  cnn__float_environment_enter(&saved);
  const size_t here = cnn__threads_here();
  if (here) /* nested: in the slot that is the thread's already */
    run_alone(here <= context->slots ? here - 1 : 0, tasks, body, argument);
  else if (tasks == 1 || context->slots == 1)
    run_alone(0, tasks, body, argument);
  else if (context->executor.parallel_for)
    run_lent(context, tasks, body, argument);
  else if (!cnn__pool_run(context->pool, tasks, body, argument))
    run_alone(0, tasks, body, argument);
  cnn__float_environment_leave(&saved);
}

/* Each thread, lock, condition and thread-local key that a whole training makes fails to be made, once and from then on: the
   training comes to the same bits with fewer threads, or to CNN_E_THREAD, and succeeds when it is tried again. */
#include "torture.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>

static struct {
  int at, calls; /* counted from 1; 0: none fails */
  bool for_ever, armed;
} plan;

static bool fails(void) {
  if (!plan.armed) return false;
  plan.calls++;
  return plan.at && (plan.for_ever ? plan.calls >= plan.at : plan.calls == plan.at);
}

#define WRAPPER(call, error, parameters, arguments)                                                \
  int __real_##call parameters;                                                                    \
  int __wrap_##call parameters;                                                                    \
  int __wrap_##call parameters {                                                                   \
    return fails() ? (error) : __real_##call arguments;                                            \
  }

WRAPPER(pthread_create, EAGAIN,
        (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *),
         void *argument),
        (thread, attributes, run, argument))
WRAPPER(pthread_mutex_init, ENOMEM,
        (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes), (mutex, attributes))
WRAPPER(pthread_cond_init, ENOMEM,
        (pthread_cond_t * condition, const pthread_condattr_t *attributes), (condition, attributes))
WRAPPER(pthread_key_create, EAGAIN, (pthread_key_t * key, void (*end)(void *)), (key, end))
WRAPPER(pthread_atfork, ENOMEM, (void (*before)(void), void (*parent)(void), void (*child)(void)),
        (before, parent, child))

/* From the context to the weights, with a pool of threads and two of the loader's. */
static cnn_status train(uint64_t *outcome) {
  torture_counter counter = {0};
  torture_digest digest = digest_start();
  cnn_context *context = counter_try_context(&counter, 3);
  cnn_context_use(context);
  cnn_dataset *data = small_dataset(1);
  cnn_loader *loader = cnn_loader_new(data, .batch_size = 8, .shuffle = 1, .rescale = 1 / 255.,
                                      .workers = 2, .augment = cnn_augmentation(.rotation = 20));
  cnn_model *model = small_model();
  cnn_status status = cnn_model_compile(model, .optimizer = cnn_adam(),
                                        .loss = cnn_sparse_categorical_crossentropy());
  if (!status) status = cnn_model_fit(model, loader, .epochs = 2);
  if (!status) REQUIRE(digest_model(&digest, model));
  cnn_model_free(model);
  cnn_loader_free(loader);
  cnn_dataset_free(data);
  cnn_context_use(NULL);
  cnn_context_free(context);
  REQUIRE(atomic_load(&counter.live) == 0);
  *outcome = digest.value;
  return status;
}

static cnn_status train_with(int at, bool for_ever, uint64_t *outcome) {
  memset(&plan, 0, sizeof plan);
  plan.at = at;
  plan.for_ever = for_ever;
  plan.armed = true;
  cnn_clear_error();
  cnn_status status = train(outcome);
  plan.armed = false;
  return status;
}

int main(void) {
  uint64_t right, found;
  int errors = 0, points = 0, made = 1;
  /* In the first run of a process everything is made for the first time: a key, the watch for forks. */
  for (int at = 1; at <= made; at++)
    for (int for_ever = 0; for_ever < 2; for_ever++, points++) {
      cnn_status status = train_with(at, for_ever, &found);
      if (at == 1 && !for_ever) {
        REQUIRE(!train_with(0, false, &right));
        made = plan.calls + 2; /* and those of the first run */
      }
      REQUIRE(status == CNN_OK || status == CNN_E_THREAD);
      REQUIRE(status || found == right);
      errors += status != CNN_OK;
      REQUIRE(!train_with(0, false, &found) && found == right);
    }
  printf("%d things to make, %d points: %d ended in CNN_E_THREAD, the others in the same bits\n",
         made, points, errors);
  REQUIRE(errors > 0 && errors < points);
  return 0;
}

/* libcnn as a guest: the host lends its memory, its log and its threads, loads a model, classifies
   pictures, and gets everything back.
   cc embed.c $(pkg-config --cflags --libs cnn) -lpthread */
#define _POSIX_C_SOURCE 200809L
#include <cnn/cnn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* ------------------------------------------------------------------ what the host lends */

/* Memory: the host counts the blocks that are out. */
static void *host_allocate(void *user, size_t bytes, size_t alignment) {
  atomic_long *blocks = user;
  void *block = NULL;
  if (alignment < sizeof(void *)) alignment = sizeof(void *);
  if (posix_memalign(&block, alignment, bytes) != 0) return NULL;
  atomic_fetch_add(blocks, 1);
  return block;
}

static void host_release(void *user, void *pointer) {
  atomic_long *blocks = user;
  atomic_fetch_sub(blocks, 1);
  free(pointer);
}

/* A log: the library never prints, so the host does. */
static void host_log(void *user, cnn_log_level level, const char *text) {
  static const char *const levels[] = {"", "debug", "info", "warning"};
  FILE *stream = user;
  fprintf(stream, "[%s] %s\n", levels[level], text);
}

/* Threads: the caller and one more take tasks until there are none left. */
struct work {
  void (*task)(void *argument, size_t i);
  void *argument;
  size_t tasks;
  atomic_size_t next;
};

static void *work_on(void *pointer) {
  struct work *work = pointer;
  for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < work->tasks;)
    work->task(work->argument, i);
  return NULL;
}

static void host_parallel_for(void *user, size_t tasks, void (*task)(void *argument, size_t i),
                              void *argument) {
  (void)user;
  struct work work = {.task = task, .argument = argument, .tasks = tasks};
  pthread_t helper;
  int alone = tasks < 2 || pthread_create(&helper, NULL, work_on, &work) != 0;
  work_on(&work);
  if (!alone) pthread_join(helper, NULL);
}

/* ------------------------------------------------------------------ what the host wants */

/* The likeliest class of one picture. predictor has a model behind it that takes shape. */
static cnn_status classify(cnn_predictor *predictor, const cnn_model *model, const char *path,
                           float *probabilities) {
  const int64_t *shape = cnn_model_input_shape(model);
  int64_t best = 0, classes = cnn_model_output_shape(model)[0];
  cnn_tensor *image = cnn_image_read(path, shape[2]);
  cnn_tensor *resized = cnn_image_resize(image, shape[0], shape[1], CNN_BILINEAR);
  cnn_status status =
      cnn_predictor_run_bytes(predictor, cnn_tensor_const_data(resized), 1, probabilities);
  if (status == CNN_OK) status = cnn_top_k(probabilities, classes, 1, &best);
  const char *name = cnn_model_class_name(model, best);
  if (status == CNN_OK)
    printf("%s: %s %.4f\n", path, name != NULL ? name : "?", (double)probabilities[best]);
  cnn_tensor_free(resized);
  cnn_tensor_free(image);
  return status;
}

static cnn_status serve(const char *path, char **pictures) {
  cnn_model *model = cnn_model_load(path);
  cnn_predictor *predictor = cnn_predictor_new(model, .batch_size = 1);
  if (predictor == NULL || cnn_model_input_rank(model) != 3 || cnn_model_output_rank(model) != 1) {
    if (predictor != NULL) cnn_fail(CNN_E_SHAPE, "not a model that classifies images");
    cnn_predictor_free(predictor);
    cnn_model_free(model);
    return cnn_last_status();
  }
  float *probabilities = calloc((size_t)cnn_model_output_shape(model)[0], sizeof *probabilities);
  cnn_status status = probabilities != NULL ? CNN_OK : cnn_fail(CNN_E_NOMEM, "out of memory");
  for (; status == CNN_OK && *pictures != NULL; pictures++)
    status = classify(predictor, model, *pictures, probabilities);
  printf("The model holds %" PRIu64 " bytes of the host's memory\n", cnn_context_memory(NULL));
  free(probabilities);
  cnn_predictor_free(predictor);
  cnn_model_free(model);
  return status;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: embed MODEL IMAGE...\n");
    return 2;
  }
  atomic_long blocks = 0;
  cnn_context *context =
      cnn_context_new(.allocator = &(cnn_allocator){.struct_size = sizeof(cnn_allocator),
                                                    .user = &blocks,
                                                    .allocate = host_allocate,
                                                    .release = host_release},
                      .executor = &(cnn_executor){.struct_size = sizeof(cnn_executor),
                                                  .threads = 2,
                                                  .parallel_for = host_parallel_for},
                      .log = &(cnn_log){
                          .struct_size = sizeof(cnn_log), .user = stdout, .message = host_log});
  cnn_context_use(context);
  cnn_status status = context != NULL ? serve(argv[1], argv + 2) : cnn_last_status();
  cnn_context_use(NULL);
  cnn_context_free(context);

  if (status != CNN_OK) fprintf(stderr, "embed: %s\n", cnn_last_error());
  printf("%ld blocks of the host's memory are still out\n", atomic_load(&blocks));
  return status != CNN_OK || atomic_load(&blocks) != 0;
}

/* Where not even the library's own context can be made, every constructor says why and gives NULL; what it was handed is
   freed; and as soon as a context can be made, it works. */
#include "torture.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool failing;

int __real_posix_memalign(void **pointer, size_t alignment, size_t size);
int __wrap_posix_memalign(void **pointer, size_t alignment, size_t size);
int __wrap_posix_memalign(void **pointer, size_t alignment, size_t size) {
  return failing ? ENOMEM : __real_posix_memalign(pointer, alignment, size);
}

/* Made in a context of their own, used where there is none. */
static cnn_dataset *data;
static cnn_loader *batches;
static cnn_model *model;

static const int64_t two[] = {2, 2, 3};

static bool tensor(void) {
  cnn_tensor *made = cnn_tensor_create(CNN_FLOAT32, 3, two);
  cnn_tensor_free(made);
  return made;
}
static bool layer(void) {
  cnn_layer *made = cnn_flatten();
  cnn_layer_free(made);
  return made;
}
static bool graph(void) {
  cnn_graph *made = cnn_graph_create();
  cnn_graph_free(made);
  return made;
}
static bool sequential(void) {
  cnn_model *made = cnn_sequential(cnn_input(.shape = {2}), cnn_dense(.units = 1));
  cnn_model_free(made);
  return made;
}
static bool clone(void) {
  cnn_model *made = cnn_model_clone(model);
  cnn_model_free(made);
  return made;
}
static bool load(void) {
  cnn_model *made = cnn_model_load("model");
  cnn_model_free(made);
  return made;
}
static bool parameter(void) {
  cnn_tensor *made = cnn_model_parameter(model, cnn_model_parameter_name(model, 0));
  cnn_tensor_free(made);
  return made;
}
static bool predict(void) {
  cnn_tensor *made = cnn_model_predict_all(model, batches);
  cnn_tensor_free(made);
  return made;
}
static bool confusion(void) {
  cnn_confusion *made = cnn_model_confusion(model, batches);
  cnn_confusion_free(made);
  return made;
}
static bool predictor(void) {
  cnn_predictor *made = cnn_predictor_new(model);
  cnn_predictor_free(made);
  return made;
}
static bool loss(void) {
  cnn_loss *made = cnn_mean_squared_error();
  cnn_loss_free(made);
  return made;
}
static bool metric(void) {
  cnn_metric *made = cnn_accuracy();
  cnn_metric_free(made);
  return made;
}
static bool schedule(void) {
  cnn_schedule *made = cnn_exponential_decay(.initial = 0.1, .steps = 10, .rate = 0.5);
  cnn_schedule_free(made);
  return made;
}
static bool optimizer(void) {
  cnn_optimizer *made = cnn_sgd();
  cnn_optimizer_free(made);
  return made;
}
static bool callback(void) {
  cnn_callback *made = cnn_csv_log("log");
  cnn_callback_free(made);
  return made;
}
static bool checkpoint(void) {
  cnn_callback *made = cnn_model_checkpoint(.path = "checkpoint");
  cnn_callback_free(made);
  return made;
}
static bool transform(void) {
  cnn_transform *made = cnn_resize(.height = 2);
  cnn_transform_free(made);
  return made;
}
static bool dataset(void) {
  cnn_dataset *made = cnn_synthetic_images(.count = 1);
  cnn_dataset_free(made);
  return made;
}
static bool loader(void) {
  cnn_loader *made = cnn_loader_new(data, .batch_size = 2, .augment = cnn_augmentation());
  cnn_loader_free(made);
  return made;
}
static bool cifar(void) {
  cnn_dataset *made = cnn_cifar10(".", CNN_TEST);
  cnn_dataset_free(made);
  return made || cnn_last_status() == CNN_E_NOT_FOUND;
}
static bool idx(void) {
  cnn_dataset *made = cnn_idx_dataset("none", NULL);
  return made || cnn_last_status() == CNN_E_NOT_FOUND;
}
static bool folder(void) {
  cnn_dataset *made = cnn_image_folder("none");
  return made || cnn_last_status() == CNN_E_NOT_FOUND || cnn_last_status() == CNN_E_UNSUPPORTED;
}
static bool array(void) {
  cnn_tensor *made = cnn_npy_read("none");
  return made || cnn_last_status() == CNN_E_NOT_FOUND;
}
static bool image(void) {
  cnn_tensor *made = cnn_image_read("none", 3);
  return made || cnn_last_status() == CNN_E_NOT_FOUND;
}
static bool decode(void) {
  cnn_tensor *made = cnn_image_decode("none", "words", 5, 3);
  return made || cnn_last_status() == CNN_E_FORMAT || cnn_last_status() == CNN_E_UNSUPPORTED;
}
static bool file(void) {
  return cnn_file_write("text", "words", 5) == CNN_OK;
}
static bool questions(void) {
  (void)cnn_context_memory(NULL);
  return cnn_context_threads(NULL) > 0;
}

static const struct {
  const char *name;
  bool (*make)(void); /* true where what was made works */
} makers[] = {{"tensor", tensor},         {"layer", layer},         {"graph", graph},
              {"sequential", sequential}, {"clone", clone},         {"load", load},
              {"parameter", parameter},   {"predict", predict},     {"confusion", confusion},
              {"predictor", predictor},   {"loss", loss},           {"metric", metric},
              {"schedule", schedule},     {"optimizer", optimizer}, {"callback", callback},
              {"checkpoint", checkpoint}, {"transform", transform}, {"dataset", dataset},
              {"loader", loader},         {"cifar", cifar},         {"idx", idx},
              {"folder", folder},         {"array", array},         {"image", image},
              {"decode", decode},         {"file", file},           {"questions", questions}};

int main(void) {
  torture_counter counter = {.for_ever = false};
  folder_enter();
  cnn_context *context = counter_context(&counter, 1);
  cnn_context_use(context);
  data = small_dataset(1);
  batches = cnn_loader_new(data, .batch_size = 8);
  model = small_model();
  REQUIRE(batches && model && !cnn_model_save(model, "model"));
  cnn_context_use(NULL);
  for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
    const long live = atomic_load(&counter.live);
    cnn_shutdown();
    failing = true;
    cnn_clear_error();
    if (makers[i].make() || cnn_last_status() != CNN_E_NOMEM) {
      fprintf(stderr, "%s: status %d: %s\n", makers[i].name, (int)cnn_last_status(),
              cnn_last_error());
      return 1;
    }
    failing = false;
    REQUIRE(atomic_load(&counter.live) == live);
    cnn_clear_error();
    if (!makers[i].make()) {
      fprintf(stderr, "%s, tried again: %s\n", makers[i].name, cnn_last_error());
      return 1;
    }
  }
  printf("%zu constructors without a context\n", sizeof makers / sizeof *makers);
  cnn_shutdown();
  cnn_model_free(model);
  cnn_loader_free(batches);
  cnn_dataset_free(data);
  cnn_context_free(context);
  folder_leave();
  return 0;
}

/* A LeNet for the IDX files of MNIST or Fashion-MNIST.
   cc mnist_train.c $(pkg-config --cflags --libs cnn-plot) */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

static const char program[] = "mnist_train";

static struct {
  const char *data, *save, *plot;
  bool synthetic, quiet;
  int64_t epochs, batch_size, threads, limit;
  uint64_t seed;
} asked = {.epochs = 5, .batch_size = 64};

static const struct setting settings[] = {
    {"--data", TEXT, &asked.data, "DIR",
     "train-images-idx3-ubyte and its kin, perhaps with .gz; default: $CNN_DATA, ./data, else "
     "--synthetic"},
    {"--synthetic", FLAG, &asked.synthetic, NULL, "trains on made-up images"},
    {"--epochs", COUNT, &asked.epochs, "N", "passes over the images (5)"},
    {"--batch-size", COUNT, &asked.batch_size, "N", "images of a step (64)"},
    {"--seed", NUMBER, &asked.seed, "N", "another seed is another run (0)"},
    {"--threads", COUNT, &asked.threads, "N", "default: as many as processors; same result"},
    {"--limit", COUNT, &asked.limit, "N", "the first N training images only"},
    {"--save", TEXT, &asked.save, "FILE", "the model, after every epoch"},
    {"--plot", TEXT, &asked.plot, "FILE.png", "the curves"},
    {"--quiet", FLAG, &asked.quiet, NULL, "prints the last line alone"},
    {0}};
static const struct command usage = {program, "", "Trains a LeNet on handwritten digits.",
                                     0,       0,  settings};

/* ------------------------------------------------------------------ data */

/* folder/name or folder/name.gz, whichever is there; else false. */
static bool find_file(char path[4096], const char *folder, const char *name) {
  for (int zipped = 0; zipped < 2; zipped++) {
    int length = snprintf(path, 4096, "%s/%s%s", folder, name, zipped ? ".gz" : "");
    if (length > 0 && length < 4096 && access(path, F_OK) == 0) return true;
  }
  return false;
}

/* The images and labels of a part; NULL with a failure pending where a file is missing. */
static cnn_dataset *open_part(const char *folder, const char *part) {
  char images[4096], labels[4096], name[64], message[400];
  snprintf(name, sizeof name, "%s-images-idx3-ubyte", part);
  bool found = find_file(images, folder, name);
  if (found) {
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", part);
    found = find_file(labels, folder, name);
  }
  if (found) return cnn_idx_dataset(images, labels);
  snprintf(message, sizeof message, "%s: neither %s nor %s.gz is there", folder, name, name);
  cnn_fail(CNN_E_NOT_FOUND, message);
  return NULL;
}

static const char *find_mnist(void) {
  const char *places[] = {getenv("CNN_DATA"), "data"};
  char path[4096];
  if (asked.synthetic || asked.data != NULL) return asked.data;
  for (int i = 0; i < 2; i++)
    if (places[i] != NULL && find_file(path, places[i], "train-images-idx3-ubyte"))
      return places[i];
  return NULL;
}

static cnn_dataset *open_limited(const char *folder) {
  if (folder == NULL) return open_images(NULL, CNN_TRAIN, asked.limit);
  cnn_dataset *all = open_part(folder, "train");
  if (asked.limit == 0 || asked.limit >= cnn_dataset_count(all)) return all;
  cnn_dataset *part = cnn_dataset_slice(all, 0, asked.limit);
  cnn_dataset_free(all);
  return part;
}

/* ------------------------------------------------------------------ training */

/* LeNet-5 (LeCun et al., 1998) with today's activations, for images of any size. */
static cnn_model *build(const cnn_dataset *dataset) {
  const int64_t *shape = cnn_dataset_shape(dataset);
  if (shape == NULL) return NULL;
  return cnn_sequential(
      cnn_input(.shape = {shape[0], shape[1], shape[2]}),
      cnn_conv2d(.filters = 6, .kernel = {5, 5}, .padding = CNN_SAME, .activation = CNN_RELU),
      cnn_max_pool2d(.pool = {2, 2}),
      cnn_conv2d(.filters = 16, .kernel = {5, 5}, .activation = CNN_RELU),
      cnn_max_pool2d(.pool = {2, 2}), cnn_flatten(),
      cnn_dense(.units = 120, .activation = CNN_RELU),
      cnn_dense(.units = 84, .activation = CNN_RELU),
      cnn_dense(.units = cnn_dataset_classes(dataset), .activation = CNN_SOFTMAX));
}

static cnn_status train(cnn_model *model, cnn_loader *batches, cnn_loader *checks) {
  if (!asked.quiet) cnn_model_summary(model, stdout);
  cnn_model_compile(model, .optimizer = cnn_adam(), .loss = cnn_sparse_categorical_crossentropy(),
                    .metrics = {cnn_accuracy()});
  cnn_callback *save = asked.save != NULL ? cnn_model_checkpoint(.path = asked.save) : NULL;
  return cnn_model_fit(model, batches, .epochs = asked.epochs, .validation = checks,
                       .progress = asked.quiet ? NULL : cnn_progress_bar(stdout),
                       .callbacks = {save});
}

static cnn_status report(cnn_model *model, cnn_loader *checks) {
  double results[2];
  cnn_status status = cnn_model_evaluate(model, checks, results, 2);
#ifdef CNN_HAVE_PLOT
  if (status == CNN_OK && asked.plot != NULL)
    status = cnn_plot_history(cnn_model_history(model), asked.plot);
#else
  if (asked.plot != NULL && !asked.quiet) printf("No picture: built without libcnn-plot\n");
#endif
  if (status == CNN_OK) printf("Test Accuracy: %.4f\n", results[1]);
  return status;
}

static cnn_status run(void) {
  const char *folder = find_mnist();
  cnn_dataset *images = open_limited(folder);
  cnn_dataset *test = folder == NULL   ? open_images(NULL, CNN_TEST, 0)
                      : images != NULL ? open_part(folder, "t10k")
                                       : NULL;
  if (test != NULL && !asked.quiet) {
    if (folder == NULL && !asked.synthetic)
      printf("No IDX files in $CNN_DATA or ./data: synthetic images instead\n");
    print_shape("Training", images);
    print_shape("Test", test);
  }
  cnn_loader *batches =
      cnn_loader_new(images, .batch_size = asked.batch_size, .shuffle = 1, .rescale = 1 / 255.);
  cnn_loader *checks = cnn_loader_new(test, .batch_size = asked.batch_size, .rescale = 1 / 255.);
  cnn_model *model = test != NULL ? build(images) : NULL;
  cnn_status status = model != NULL ? train(model, batches, checks) : cnn_last_status();
  if (status == CNN_OK) status = report(model, checks);
  cnn_model_free(model);
  cnn_loader_free(checks), cnn_loader_free(batches);
  cnn_dataset_free(test), cnn_dataset_free(images);
  return status;
}

int main(int argc, char **argv) {
  int operands, status = read_options(&usage, argc, argv, &operands);
  if (status < 0 && asked.data != NULL && asked.synthetic)
    status = bad_usage(&usage, "and --synthetic exclude each other", "--data");
  if (status < 0) status = check_picture(&usage, asked.plot);
  if (status >= 0) return status;
  if (!check_output(program, asked.save) || !check_output(program, asked.plot)) return FAILED;
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  cnn_context *context = cnn_context_new(.threads = asked.threads, .seed = asked.seed);
  cnn_context_use(context);
  status = context != NULL && run() == CNN_OK ? 0 : failed(program);
  cnn_context_use(NULL);
  cnn_context_free(context);
  return finished(program, status);
}

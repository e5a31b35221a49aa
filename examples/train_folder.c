/* A classifier for any folder of photographs, one sub-folder a class.
   cc train_folder.c $(pkg-config --cflags --libs cnn-plot) */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

static const char program[] = "train_folder";

static struct {
  const char *save, *plot;
  bool augment, skip_broken, quiet;
  int64_t epochs, size, batch_size, threads;
  uint64_t seed;
} asked = {.epochs = 10, .size = 64, .batch_size = 32};

static const struct setting settings[] = {
    {"--epochs", COUNT, &asked.epochs, "N", "passes over the images (10)"},
    {"--size", COUNT, &asked.size, "N", "height and width that images are resized to (64)"},
    {"--batch-size", COUNT, &asked.batch_size, "N", "images of a step (32)"},
    {"--augment", FLAG, &asked.augment, NULL, "turns, shifts, zooms and mirrors images"},
    {"--skip-broken", FLAG, &asked.skip_broken, NULL, "leaves out files that cannot be decoded"},
    {"--seed", NUMBER, &asked.seed, "N", "another seed is another run (0)"},
    {"--threads", COUNT, &asked.threads, "N", "default: as many as processors; same result"},
    {"--save", TEXT, &asked.save, "FILE", "the model, after every epoch"},
    {"--plot", TEXT, &asked.plot, "FILE.png", "the confusion matrix"},
    {"--quiet", FLAG, &asked.quiet, NULL, "prints the last line alone"},
    {0}};
static const struct command usage = {
    program,
    "DIR",
    "Trains on DIR's PNG and JPEG files: one sub-folder a class, or train/ and test/ with such\n"
    "sub-folders. Without test/, a fifth of each class is held back for testing.",
    1,
    1,
    settings};

/* ------------------------------------------------------------------ images */

/* Large photographs are decoded at a fraction of their size, not below the one that is asked for. */
static cnn_dataset *open_folder(const char *path) {
  return cnn_image_folder(path, .skip_broken = asked.skip_broken, .decode_height = asked.size,
                          .decode_width = asked.size);
}

/* Labels are numbers: both parts' must stand for the same classes. */
static cnn_status check_classes(const cnn_dataset *train, const cnn_dataset *test,
                                const char *path) {
  char message[512];
  for (int64_t i = 0; i < cnn_dataset_classes(train) || i < cnn_dataset_classes(test); i++) {
    const char *mine = cnn_dataset_class_name(train, i), *its = cnn_dataset_class_name(test, i);
    if (mine != NULL && its != NULL && strcmp(mine, its) == 0) continue;
    snprintf(message, sizeof message,
             "%.200s: train/ and test/ must have the same sub-folders; number %" PRId64
             " is %.60s in train/ and %.60s in test/",
             path, i + 1, mine != NULL ? mine : "missing", its != NULL ? its : "missing");
    return cnn_fail(CNN_E_MISMATCH, message);
  }
  return CNN_OK;
}

/* DIR/train and DIR/test where they are there, else DIR split. */
static cnn_status open_parts(const char *path, cnn_dataset **train, cnn_dataset **test,
                             bool *split) {
  char first[4096], second[4096];
  snprintf(first, sizeof first, "%s/train", path);
  snprintf(second, sizeof second, "%s/test", path);
  *split = access(first, F_OK) != 0 || access(second, F_OK) != 0;
  if (!*split) {
    *train = open_folder(first);
    *test = *train != NULL ? open_folder(second) : NULL;
    return *test != NULL ? check_classes(*train, *test, path) : cnn_last_status();
  }
  cnn_dataset *all = open_folder(path);
  cnn_status status = cnn_dataset_split(all, .2, 1, asked.seed, train, test);
  cnn_dataset_free(all);
  return status;
}

/* ------------------------------------------------------------------ training */

/* Blocks of convolution and pooling until little of the image is left, then its mean. */
static cnn_model *build(int64_t classes) {
  enum { MOST = 40 };
  cnn_layer *layers[MOST];
  size_t count = 0;
  int64_t filters = 32;
  layers[count++] = cnn_input(.shape = {asked.size, asked.size, 3});
  for (int64_t size = asked.size; size >= 8; size /= 2) {
    layers[count++] =
        cnn_conv2d(.filters = filters, .kernel = {3, 3}, .padding = CNN_SAME, .no_bias = 1);
    layers[count++] = cnn_batch_normalization(.momentum = .9);
    layers[count++] = cnn_activation(.function = CNN_RELU);
    layers[count++] = cnn_max_pool2d(.pool = {2, 2});
    if (filters < 256) filters *= 2;
    if (count + 8 > MOST) break;
  }
  layers[count++] =
      cnn_conv2d(.filters = filters, .kernel = {3, 3}, .padding = CNN_SAME, .activation = CNN_RELU);
  layers[count++] = cnn_global_average_pool2d();
  layers[count++] = cnn_dropout(.rate = .3);
  layers[count++] = cnn_dense(.units = classes, .activation = CNN_SOFTMAX);
  return cnn_sequential_create(layers, count);
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

/* Who is taken for whom, in words: the commonest mistakes. */
static void print_mistakes(const cnn_confusion *confusion) {
  int64_t classes = cnn_confusion_classes(confusion), last = INT64_MAX, last_cell = -1;
  for (int line = 0; line < 3; line++) {
    int64_t most = 0, found = -1;
    for (int64_t cell = 0; cell < classes * classes; cell++) {
      int64_t count = cnn_confusion_at(confusion, cell / classes, cell % classes);
      bool told = count > last || (count == last && cell <= last_cell);
      if (cell / classes != cell % classes && count > most && !told) most = count, found = cell;
    }
    if (most == 0) return;
    printf("%" PRId64 " times %s was taken for %s\n", most,
           cnn_confusion_name(confusion, found / classes),
           cnn_confusion_name(confusion, found % classes));
    last = most, last_cell = found;
  }
}

static cnn_status report(cnn_model *model, cnn_loader *checks) {
  cnn_confusion *confusion = cnn_model_confusion(model, checks);
  cnn_status status = confusion != NULL ? CNN_OK : cnn_last_status();
#ifdef CNN_HAVE_PLOT
  if (status == CNN_OK && asked.plot != NULL) status = cnn_plot_confusion(confusion, asked.plot);
#else
  if (asked.plot != NULL && !asked.quiet) printf("No picture: built without libcnn-plot\n");
#endif
  if (status == CNN_OK && !asked.quiet) print_mistakes(confusion);
  if (status == CNN_OK) printf("Test Accuracy: %.4f\n", cnn_confusion_accuracy(confusion));
  cnn_confusion_free(confusion);
  return status;
}

static cnn_status run(const char *path) {
  cnn_dataset *photographs = NULL, *test = NULL;
  bool split; /* both are of one folder, which counts its broken files once */
  cnn_status status = open_parts(path, &photographs, &test, &split);
  if (status == CNN_OK && !asked.quiet) {
    printf("%" PRId64 " classes, %" PRId64 " images to train on, %" PRId64 " to test with\n",
           cnn_dataset_classes(photographs), cnn_dataset_count(photographs),
           cnn_dataset_count(test));
  }
  cnn_transform *augment =
      asked.augment ? cnn_augmentation(.rotation = 15, .width_shift = .1, .height_shift = .1,
                                       .zoom = .15, .horizontal_flip = 1)
                    : NULL;
  cnn_loader *batches =
      cnn_loader_new(photographs, .batch_size = asked.batch_size, .shuffle = 1, .rescale = 1 / 255.,
                     .transforms = {cnn_resize(.height = asked.size)}, .augment = augment,
                     .cache_bytes = 1u << 30);
  cnn_loader *checks =
      cnn_loader_new(test, .batch_size = asked.batch_size, .rescale = 1 / 255.,
                     .transforms = {cnn_resize(.height = asked.size)}, .cache_bytes = 1u << 28);
  cnn_model *model = status == CNN_OK ? build(cnn_dataset_classes(photographs)) : NULL;
  if (status == CNN_OK) status = model != NULL ? train(model, batches, checks) : cnn_last_status();
  if (status == CNN_OK) status = report(model, checks);
  int64_t broken = cnn_dataset_skipped(photographs) + (split ? 0 : cnn_dataset_skipped(test));
  if (status == CNN_OK && !asked.quiet && broken > 0)
    printf("Left out, since they cannot be decoded: %" PRId64 "\n", broken);
  cnn_model_free(model);
  cnn_loader_free(checks), cnn_loader_free(batches);
  cnn_dataset_free(test), cnn_dataset_free(photographs);
  return status;
}

int main(int argc, char **argv) {
  int operands, status = read_options(&usage, argc, argv, &operands);
  if (status < 0) status = check_picture(&usage, asked.plot);
  if (status >= 0) return status;
  if (!check_output(program, asked.save) || !check_output(program, asked.plot)) return FAILED;
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  cnn_context *context = cnn_context_new(.threads = asked.threads, .seed = asked.seed);
  cnn_context_use(context);
  status = context != NULL && run(argv[0]) == CNN_OK ? 0 : failed(program);
  cnn_context_use(NULL);
  cnn_context_free(context);
  return finished(program, status);
}

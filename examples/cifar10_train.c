/* The CIFAR-10 tutorial: a small convolutional network learns to tell ten kinds of things apart.
   cc cifar10_train.c $(pkg-config --cflags --libs cnn-plot) */
#define _POSIX_C_SOURCE 200809L
#include "common.h"
#include <signal.h>

static const char program[] = "cifar10_train";

/* ------------------------------------------------------------------ what was asked for */

static struct {
  const char *data, *optimizer, *save, *resume, *history, *plot;
  bool synthetic, augment, quiet;
  int64_t epochs, batch_size, threads, limit, validation_limit;
  uint64_t seed;
  double learning_rate;
} asked = {.optimizer = "adam", .epochs = 10, .batch_size = 64};

static const struct setting settings[] = {
    {"--data", TEXT, &asked.data, "DIR",
     "CIFAR-10's .bin files, or the folder above; default: $CNN_DATA, ./data, else --synthetic"},
    {"--synthetic", FLAG, &asked.synthetic, NULL, "trains on made-up images"},
    {"--epochs", COUNT, &asked.epochs, "N", "passes over the images (10)"},
    {"--batch-size", COUNT, &asked.batch_size, "N", "images of a step (64)"},
    {"--augment", FLAG, &asked.augment, NULL, "turns, shifts, shears, zooms and mirrors images"},
    {"--seed", NUMBER, &asked.seed, "N", "another seed is another run (0)"},
    {"--threads", COUNT, &asked.threads, "N", "default: as many as processors; same result"},
    {"--limit", COUNT, &asked.limit, "N", "the first N training images only"},
    {"--validation-limit", COUNT, &asked.validation_limit, "N",
     "the first N test images only, after each epoch"},
    {"--optimizer", TEXT, &asked.optimizer, "NAME", "adam (default), adamw, rmsprop or sgd"},
    {"--lr", REAL, &asked.learning_rate, "X", "learning rate; default: the optimizer's own"},
    {"--save", TEXT, &asked.save, "FILE", "the model and its training, after every epoch"},
    {"--resume", TEXT, &asked.resume, "FILE", "goes on where that file's run is, up to --epochs"},
    {"--history", TEXT, &asked.history, "FILE.csv", "a row an epoch"},
    {"--plot", TEXT, &asked.plot, "FILE.png",
     "the curves; beside it FILE-predictions.png and FILE-confusion.png"},
    {"--quiet", FLAG, &asked.quiet, NULL, "prints the last line alone"},
    {0}};

static const struct command usage = {
    program,
    "",
    "Trains the tutorial's convolutional network on CIFAR-10. Ctrl-C ends "
    "it after the batch:\nit saves, if asked to, and reports.",
    0,
    0,
    settings};

/* ------------------------------------------------------------------ the network */

static cnn_model *build(void) {
  return cnn_sequential(cnn_input(.shape = {32, 32, 3}),
                        cnn_conv2d(.filters = 32, .kernel = {3, 3}, .activation = CNN_RELU),
                        cnn_max_pool2d(.pool = {2, 2}),
                        cnn_conv2d(.filters = 64, .kernel = {3, 3}, .activation = CNN_RELU),
                        cnn_max_pool2d(.pool = {2, 2}),
                        cnn_conv2d(.filters = 128, .kernel = {3, 3}, .activation = CNN_RELU),
                        cnn_max_pool2d(.pool = {2, 2}), cnn_flatten(),
                        cnn_dense(.units = 128, .activation = CNN_RELU),
                        cnn_dense(.units = 10, .activation = CNN_SOFTMAX));
}

static void compile(cnn_model *model) {
  cnn_model_compile(model, .optimizer_name = asked.optimizer,
                    .loss = cnn_sparse_categorical_crossentropy(), .metrics = {cnn_accuracy()});
  if (asked.learning_rate > 0) cnn_model_set_learning_rate(model, asked.learning_rate);
}

/* ------------------------------------------------------------------ images */

static struct {
  const char *folder;                         /* NULL: made-up images */
  cnn_dataset *train, *test, *part;           /* part: of test, with --validation-limit */
  cnn_loader *batches, *validation, *testing; /* of train, after each epoch, at the end */
} images;

/* What the tutorial does to its training images. */
static cnn_transform *augmentation(void) {
  return cnn_augmentation(.rotation = 20, .width_shift = .2, .height_shift = .2, .shear = .2,
                          .zoom = .2, .horizontal_flip = 1, .fill = CNN_FILL_NEAREST);
}

static cnn_status open_all_images(void) {
  images.folder = asked.synthetic ? NULL : find_cifar10(asked.data);
  images.train = open_images(images.folder, CNN_TRAIN, asked.limit);
  images.test = images.train != NULL ? open_images(images.folder, CNN_TEST, 0) : NULL;
  if (images.test == NULL) return cnn_last_status();
  int64_t limit = asked.validation_limit, count = cnn_dataset_count(images.test);
  images.part = cnn_dataset_slice(images.test, 0, limit > 0 && limit < count ? limit : count);
  images.batches =
      cnn_loader_new(images.train, .batch_size = asked.batch_size, .shuffle = 1,
                     .rescale = 1 / 255., .augment = asked.augment ? augmentation() : NULL);
  images.validation =
      cnn_loader_new(images.part, .batch_size = asked.batch_size, .rescale = 1 / 255.);
  images.testing = cnn_loader_new(images.test, .batch_size = asked.batch_size, .rescale = 1 / 255.);
  return cnn_last_status();
}

static void close_images(void) {
  cnn_loader_free(images.testing);
  cnn_loader_free(images.validation);
  cnn_loader_free(images.batches);
  cnn_dataset_free(images.part);
  cnn_dataset_free(images.test);
  cnn_dataset_free(images.train);
}

static void print_images(void) {
  print_source(images.folder, asked.synthetic);
  print_shape("Training", images.train);
  print_shape("Test", images.test);
}

/* ------------------------------------------------------------------ which run it is */

/* What makes a run this one and no other. Kept with the model, so that --resume can tell. */
static const char *const run_options[] = {"--data",      "--seed", "--limit",  "--batch-size",
                                          "--optimizer", "--lr",   "--augment"};
enum { RUN_OPTIONS = sizeof run_options / sizeof *run_options };

static void note_run(cnn_model *model) {
  char texts[RUN_OPTIONS][64];
  snprintf(texts[0], sizeof texts[0], "%s", images.folder != NULL ? "CIFAR-10" : "synthetic");
  snprintf(texts[1], sizeof texts[1], "%" PRIu64, asked.seed);
  snprintf(texts[2], sizeof texts[2], "%" PRId64, cnn_dataset_count(images.train));
  snprintf(texts[3], sizeof texts[3], "%" PRId64, asked.batch_size);
  snprintf(texts[4], sizeof texts[4], "%s", asked.optimizer);
  snprintf(texts[5], sizeof texts[5], "%.17g", cnn_model_learning_rate(model));
  snprintf(texts[6], sizeof texts[6], "%s", asked.augment ? "on" : "off");
  for (int i = 0; i < RUN_OPTIONS; i++)
    cnn_model_set_note(model, run_options[i], texts[i]);
}

/* The model of --resume, unless its run is another than the one that begun describes. */
static cnn_model *load_run(const cnn_model *begun) {
  cnn_model *model = cnn_model_load(asked.resume);
  for (int i = 0; model != NULL && i < RUN_OPTIONS; i++) {
    const char *then = cnn_model_note(model, run_options[i]);
    const char *now = cnn_model_note(begun, run_options[i]);
    if (then != NULL && now != NULL && strcmp(then, now) == 0) continue;
    char message[400];
    if (then == NULL)
      snprintf(message, sizeof message, "%s: not saved by %s: it does not say %s", asked.resume,
               program, run_options[i]);
    else
      snprintf(message, sizeof message, "%s: %s was %s in that run and is %s now", asked.resume,
               run_options[i], then, now);
    cnn_fail(CNN_E_MISMATCH, message);
    cnn_model_free(model);
    return NULL;
  }
  return model;
}

/* ------------------------------------------------------------------ training */

static cnn_model *volatile running;
static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal) {
  (void)signal;
  interrupted = 1;
  if (running != NULL) cnn_model_stop(running);
}

/* The first Ctrl-C asks; a second one ends the program at once. */
static void watch_interrupts(void) {
  struct sigaction action = {.sa_handler = on_interrupt,
                             .sa_flags = (int)SA_RESETHAND | SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

static cnn_status train(cnn_model *model) {
  int64_t before = cnn_model_epochs_done(model), n = 0;
  if (before >= asked.epochs && !asked.quiet)
    printf("%s has all of its %" PRId64 " epochs behind it\n", asked.resume, before);
  if (before < asked.epochs && !interrupted) {
    cnn_fit_options fit = {.struct_size = sizeof fit,
                           .model = model,
                           .batches = images.batches,
                           .validation = images.validation,
                           .epochs = asked.epochs,
                           .resume = asked.resume != NULL};
    if (!asked.quiet) fit.progress = cnn_progress_bar(stdout);
    fit.callbacks[n++] = cnn_stop_on_nan();
    if (asked.history != NULL) fit.callbacks[n++] = cnn_csv_log(asked.history);
    if (asked.save != NULL) fit.callbacks[n++] = cnn_model_checkpoint(.path = asked.save);
    running = model;
    cnn_status status = cnn_model_fit_with(&fit);
    running = NULL;
    if (status != CNN_OK) return status;
  }
  /* The callback has saved whole epochs: not one that was cut short, nor a run that was over. */
  if (asked.save != NULL && (interrupted || before >= asked.epochs))
    return cnn_model_save(model, asked.save);
  return CNN_OK;
}

/* ------------------------------------------------------------------ pictures */

#ifdef CNN_HAVE_PLOT
enum { SHOWN = 25 };

/* The first test images with what the model takes them for. */
static cnn_status draw_predictions(cnn_model *model, const char *path) {
  int64_t count = cnn_dataset_count(images.test);
  cnn_loader *loader =
      cnn_loader_new(images.test, .batch_size = count < SHOWN ? count : SHOWN, .rescale = 1 / 255.);
  const cnn_tensor *shown = NULL, *labels = NULL;
  cnn_status status = cnn_loader_next(loader, &shown, &labels);
  cnn_tensor *predictions = status == CNN_OK ? cnn_model_predict(model, shown) : NULL;
  if (status == CNN_OK)
    status = predictions == NULL
                 ? cnn_last_status()
                 : cnn_plot_images(shown, path, .labels = labels, .predictions = predictions,
                                   .dataset = images.test);
  cnn_tensor_free(predictions);
  cnn_loader_free(loader);
  return status;
}

static cnn_status draw_confusion(cnn_model *model, const char *path) {
  cnn_confusion *confusion = cnn_model_confusion(model, images.testing);
  cnn_status status = cnn_plot_confusion(confusion, path);
  cnn_confusion_free(confusion);
  return status;
}

/* "history.png" becomes "history-confusion.png". */
static const char *beside(char path[4096], const char *what) {
  const char *ending = strrchr(asked.plot, '.');
  snprintf(path, 4096, "%.*s-%s%s", (int)(ending - asked.plot), asked.plot, what, ending);
  return path;
}

static cnn_status draw(cnn_model *model) {
  char predictions[4096], confusion[4096];
  cnn_status status = CNN_OK;
  const cnn_history *history = cnn_model_history(model);
  bool curves = cnn_history_epochs(history) > 0;
  if (curves) status = cnn_plot_history(history, asked.plot);
  if (status == CNN_OK) status = draw_predictions(model, beside(predictions, "predictions"));
  if (status == CNN_OK) status = draw_confusion(model, beside(confusion, "confusion"));
  if (status == CNN_OK && !asked.quiet)
    printf("Pictures: %s%s%s, %s\n", curves ? asked.plot : "", curves ? ", " : "", predictions,
           confusion);
  return status;
}
#else
static cnn_status draw(cnn_model *model) {
  (void)model;
  if (!asked.quiet) printf("No pictures: built without libcnn-plot\n");
  return CNN_OK;
}
#endif

/* ------------------------------------------------------------------ the whole */

/* The model as it is before training: new, or --resume's. */
static cnn_model *begin(void) {
  cnn_model *model = build();
  compile(model);
  note_run(model);
  if (cnn_last_status() == CNN_OK && asked.resume == NULL) return model;
  cnn_model *loaded = cnn_last_status() == CNN_OK ? load_run(model) : NULL;
  cnn_model_free(model);
  return loaded;
}

static cnn_status report(cnn_model *model) {
  double results[2]; /* loss, accuracy */
  cnn_status status = cnn_model_evaluate(model, images.testing, results, 2);
  if (status == CNN_OK && asked.plot != NULL) status = draw(model);
  if (status != CNN_OK) return status;
  if (!asked.quiet) printf("Test Loss: %.4f\n", results[0]);
  printf("Test Accuracy: %.4f\n", results[1]);
  return CNN_OK;
}

static cnn_status run(void) {
  cnn_status status = open_all_images();
  if (status != CNN_OK) return status;
  if (!asked.quiet) print_images();
  cnn_model *model = begin();
  if (model == NULL) return cnn_last_status();
  if (!asked.quiet) status = cnn_model_summary(model, stdout);
  if (status == CNN_OK) status = train(model);
  if (status == CNN_OK) status = report(model);
  cnn_model_free(model);
  return status;
}

static int check_usage(int argc, char **argv) {
  int operands, status = read_options(&usage, argc, argv, &operands);
  if (status < 0 && asked.data != NULL && asked.synthetic)
    status = bad_usage(&usage, "and --synthetic exclude each other", "--data");
  if (status < 0) status = check_picture(&usage, asked.plot);
  cnn_optimizer *optimizer = cnn_optimizer_by_name(asked.optimizer);
  if (status < 0 && optimizer == NULL)
    status = bad_usage(&usage, "is no optimizer", asked.optimizer);
  cnn_optimizer_free(optimizer);
  cnn_clear_error();
  if (status >= 0) return status;
  bool fine = check_output(program, asked.save) && check_output(program, asked.history) &&
              check_output(program, asked.plot);
  return fine ? -1 : FAILED;
}

int main(int argc, char **argv) {
  int status = check_usage(argc, argv);
  if (status >= 0) return status;
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  watch_interrupts();
  cnn_context *context = cnn_context_new(.threads = asked.threads, .seed = asked.seed);
  cnn_context_use(context);
  if (context != NULL && !asked.quiet)
    printf("libcnn %s, %s, %" PRId64 " threads\n", cnn_version_string(), cnn_cpu_isa(),
           cnn_context_threads(context));
  status = context != NULL && run() == CNN_OK ? 0 : failed(program);
  close_images();
  cnn_context_use(NULL);
  cnn_context_free(context);
  return finished(program, status != 0 ? FAILED : interrupted ? INTERRUPTED : 0);
}

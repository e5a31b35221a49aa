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

/* ------------------------------------------------------------------ which run it is */

/* What makes a run this one and no other. Kept with the model, so that --resume can tell. */
static const char *const run_options[] = {"--data",      "--seed", "--limit",  "--batch-size",
                                          "--optimizer", "--lr",   "--augment"};
enum { RUN_OPTIONS = sizeof run_options / sizeof *run_options };

static void note_run(cnn_model *model, const char *source, int64_t images) {
  char texts[RUN_OPTIONS][64];
  snprintf(texts[0], sizeof texts[0], "%s", source);
  snprintf(texts[1], sizeof texts[1], "%" PRIu64, asked.seed);
  snprintf(texts[2], sizeof texts[2], "%" PRId64, images);
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

static cnn_status train(cnn_model *model, cnn_loader *batches, cnn_loader *validation) {
  int64_t before = cnn_model_epochs_done(model), n = 0;
  if (before >= asked.epochs && !asked.quiet)
    printf("%s has all of its %" PRId64 " epochs behind it\n", asked.resume, before);
  if (before < asked.epochs && !interrupted) {
    cnn_fit_options fit = {.struct_size = sizeof fit,
                           .model = model,
                           .batches = batches,
                           .validation = validation,
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
static cnn_status draw_predictions(cnn_model *model, cnn_dataset *test, const char *path) {
  int64_t count = cnn_dataset_count(test);
  cnn_loader *loader =
      cnn_loader_new(test, .batch_size = count < SHOWN ? count : SHOWN, .rescale = 1 / 255.);
  const cnn_tensor *images = NULL, *labels = NULL;
  cnn_status status = cnn_loader_next(loader, &images, &labels);
  cnn_tensor *predictions = status == CNN_OK ? cnn_model_predict(model, images) : NULL;
  if (status == CNN_OK)
    status = predictions == NULL ? cnn_last_status()
                                 : cnn_plot_images(images, path, .labels = labels,
                                                   .predictions = predictions, .dataset = test);
  cnn_tensor_free(predictions);
  cnn_loader_free(loader);
  return status;
}

static cnn_status draw_confusion(cnn_model *model, cnn_loader *checks, const char *path) {
  cnn_confusion *confusion = cnn_model_confusion(model, checks);
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

static cnn_status draw(cnn_model *model, cnn_dataset *test, cnn_loader *checks) {
  char predictions[4096], confusion[4096];
  cnn_status status = CNN_OK;
  const cnn_history *history = cnn_model_history(model);
  bool curves = cnn_history_epochs(history) > 0;
  if (curves) status = cnn_plot_history(history, asked.plot);
  if (status == CNN_OK) status = draw_predictions(model, test, beside(predictions, "predictions"));
  if (status == CNN_OK) status = draw_confusion(model, checks, beside(confusion, "confusion"));
  if (status == CNN_OK && !asked.quiet)
    printf("Pictures: %s%s%s, %s\n", curves ? asked.plot : "", curves ? ", " : "", predictions,
           confusion);
  return status;
}
#else
static cnn_status draw(cnn_model *model, cnn_dataset *test, cnn_loader *checks) {
  (void)model, (void)test, (void)checks;
  if (!asked.quiet) printf("No pictures: built without libcnn-plot\n");
  return CNN_OK;
}
#endif

/* ------------------------------------------------------------------ the whole */

/* Everything between data and report. */
static cnn_status run(cnn_model **model, const char *folder, cnn_dataset *images, cnn_dataset *test,
                      cnn_loader *batches, cnn_loader *validation, cnn_loader *checks) {
  *model = build();
  compile(*model);
  note_run(*model, folder != NULL ? "CIFAR-10" : "synthetic", cnn_dataset_count(images));
  if (cnn_last_status() != CNN_OK) return cnn_last_status();
  if (asked.resume != NULL) {
    cnn_model *loaded = load_run(*model);
    if (loaded == NULL) return cnn_last_status();
    cnn_model_free(*model);
    *model = loaded;
  }
  if (!asked.quiet) cnn_model_summary(*model, stdout);
  cnn_status status = train(*model, batches, validation);
  if (status != CNN_OK) return status;
  double results[2];
  status = cnn_model_evaluate(*model, checks, results, 2);
  if (status == CNN_OK && asked.plot != NULL) status = draw(*model, test, checks);
  if (status != CNN_OK) return status;
  if (!asked.quiet) printf("Test Loss: %.4f\n", results[0]);
  printf("Test Accuracy: %.4f\n", results[1]);
  return CNN_OK;
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
  int usage_status = check_usage(argc, argv);
  if (usage_status >= 0) return usage_status;
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  watch_interrupts();

  cnn_context *context = cnn_context_new(.threads = asked.threads, .seed = asked.seed);
  if (context == NULL) return failed(program);
  cnn_context_use(context);
  const char *folder = asked.synthetic ? NULL : find_cifar10(asked.data);
  cnn_dataset *images = open_images(folder, CNN_TRAIN, asked.limit);
  cnn_dataset *test = images != NULL ? open_images(folder, CNN_TEST, 0) : NULL;
  if (test != NULL && !asked.quiet) {
    printf("libcnn %s, %s, %" PRId64 " threads\n", cnn_version_string(), cnn_cpu_isa(),
           cnn_context_threads(context));
    print_source(folder, asked.synthetic);
    print_shape("Training", images);
    print_shape("Test", test);
  }
  int64_t held = asked.validation_limit;
  cnn_dataset *some =
      held > 0 && held < cnn_dataset_count(test) ? cnn_dataset_slice(test, 0, held) : NULL;
  cnn_transform *augment =
      asked.augment ? cnn_augmentation(.rotation = 20, .width_shift = .2, .height_shift = .2,
                                       .shear = .2, .zoom = .2, .horizontal_flip = 1)
                    : NULL;
  cnn_loader *batches = cnn_loader_new(images, .batch_size = asked.batch_size, .shuffle = 1,
                                       .rescale = 1 / 255., .augment = augment);
  cnn_loader *validation = cnn_loader_new(some != NULL ? some : test,
                                          .batch_size = asked.batch_size, .rescale = 1 / 255.);
  cnn_loader *checks = cnn_loader_new(test, .batch_size = asked.batch_size, .rescale = 1 / 255.);
  cnn_model *model = NULL;
  cnn_status status = cnn_last_status();
  if (status == CNN_OK) status = run(&model, folder, images, test, batches, validation, checks);
  if (status != CNN_OK) failed(program);

  cnn_model_free(model);
  cnn_loader_free(checks), cnn_loader_free(validation), cnn_loader_free(batches);
  cnn_dataset_free(some), cnn_dataset_free(test), cnn_dataset_free(images);
  cnn_context_use(NULL);
  cnn_context_free(context);
  return finished(program, status != CNN_OK ? FAILED : interrupted ? INTERRUPTED : 0);
}

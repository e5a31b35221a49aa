/* How well a saved model does on the test images, class by class.
   cc cifar10_evaluate.c $(pkg-config --cflags --libs cnn-plot) */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

static const char program[] = "cifar10_evaluate";

static struct {
  const char *data, *plot;
  bool synthetic, quiet;
  int64_t limit, threads;
} asked = {.plot = "confusion.png"};

static const struct setting settings[] = {
    {"--data", TEXT, &asked.data, "DIR",
     "CIFAR-10's .bin files, or the folder above; default: $CNN_DATA, ./data, else --synthetic"},
    {"--synthetic", FLAG, &asked.synthetic, NULL, "made-up images"},
    {"--limit", COUNT, &asked.limit, "N", "the first N test images only"},
    {"--threads", COUNT, &asked.threads, "N", "default: as many as processors"},
    {"--plot", TEXT, &asked.plot, "FILE.png", "the confusion matrix (confusion.png)"},
    {"--quiet", FLAG, &asked.quiet, NULL, "prints the last line alone"},
    {0}};
static const struct command usage = {
    program,
    "MODEL",
    "Prints the accuracy of a model of cifar10_train --save on the test "
    "images, and for each\nclass precision, recall and F1; draws the "
    "confusion matrix.",
    1,
    1,
    settings};

static void print_table(const cnn_confusion *confusion) {
  int64_t classes = cnn_confusion_classes(confusion), all = 0;
  printf("%-20s %8s %10s %8s %8s\n", "Class", "Images", "Precision", "Recall", "F1");
  for (int64_t i = 0; i < classes; i++) {
    int64_t images = 0;
    for (int64_t j = 0; j < classes; j++)
      images += cnn_confusion_at(confusion, i, j);
    printf("%-20s %8" PRId64 " %10.4f %8.4f %8.4f\n", cnn_confusion_name(confusion, i), images,
           cnn_confusion_precision(confusion, i), cnn_confusion_recall(confusion, i),
           cnn_confusion_f1(confusion, i));
    all += images;
  }
  printf("%-20s %8" PRId64 "\n", "All", all);
}

static cnn_status draw(const cnn_confusion *confusion) {
#ifdef CNN_HAVE_PLOT
  cnn_status status = cnn_plot_confusion(confusion, asked.plot);
  if (status == CNN_OK && !asked.quiet) printf("Picture: %s\n", asked.plot);
  return status;
#else
  (void)confusion;
  if (!asked.quiet) printf("No picture: built without libcnn-plot\n");
  return CNN_OK;
#endif
}

static cnn_status evaluate(const char *path) {
  const char *folder = asked.synthetic ? NULL : find_cifar10(asked.data);
  cnn_model *model = cnn_model_load(path);
  cnn_dataset *test = model != NULL ? open_images(folder, CNN_TEST, asked.limit) : NULL;
  cnn_loader *checks = cnn_loader_new(test, .batch_size = 64, .rescale = 1 / 255.);
  if (checks != NULL && !asked.quiet) {
    print_source(folder, asked.synthetic);
    print_shape("Test", test);
  }
  cnn_confusion *confusion = cnn_model_confusion(model, checks);
  cnn_status status = confusion != NULL ? CNN_OK : cnn_last_status();
  if (status == CNN_OK && !asked.quiet) print_table(confusion);
  if (status == CNN_OK) status = draw(confusion);
  if (status == CNN_OK) printf("Test Accuracy: %.4f\n", cnn_confusion_accuracy(confusion));
  cnn_confusion_free(confusion);
  cnn_loader_free(checks);
  cnn_dataset_free(test);
  cnn_model_free(model);
  return status;
}

int main(int argc, char **argv) {
  int operands, status = read_options(&usage, argc, argv, &operands);
  if (status < 0 && asked.data != NULL && asked.synthetic)
    status = bad_usage(&usage, "and --synthetic exclude each other", "--data");
  if (status < 0) status = check_picture(&usage, asked.plot);
  if (status >= 0) return status;
  if (!check_output(program, asked.plot)) return FAILED;
  cnn_context *context = cnn_context_new(.threads = asked.threads);
  cnn_context_use(context);
  status = context != NULL && evaluate(argv[0]) == CNN_OK ? 0 : failed(program);
  cnn_context_use(NULL);
  cnn_context_free(context);
  return finished(program, status);
}

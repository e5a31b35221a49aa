/* What a saved model takes pictures for.
   cc cifar10_predict.c $(pkg-config --cflags --libs cnn) */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

static const char program[] = "cifar10_predict";

static int64_t top = 3;
static const struct setting settings[] = {
    {"--top", COUNT, &top, "N", "the N likeliest classes (3)"}, {0}};
static const struct command usage = {
    program,
    "MODEL IMAGE...",
    "Prints the likeliest classes of each PNG or JPEG image, with their "
    "probabilities, as the\nmodel of cifar10_train --save sees them.",
    2,
    INT32_MAX,
    settings};

/* The picture as the model wants it: its size, its channels, 8 bits. */
static cnn_tensor *read_image(const cnn_model *model, const char *path) {
  const int64_t *shape = cnn_model_input_shape(model);
  cnn_tensor *image = cnn_image_read(path, shape[2]);
  if (image == NULL) return NULL;
  cnn_tensor *resized = cnn_image_resize(image, shape[0], shape[1], CNN_BILINEAR);
  cnn_tensor_free(image);
  return resized;
}

/* "photo.jpg: cat 0.7123, dog 0.2010, frog 0.0302" */
static cnn_status print_answer(const cnn_model *model, const char *path, const cnn_tensor *answer) {
  const float *probabilities = cnn_tensor_floats(answer);
  int64_t classes = cnn_tensor_count(answer), count = top < classes ? top : classes;
  int64_t *best = malloc((size_t)count * sizeof *best);
  if (best == NULL) return cnn_fail(CNN_E_NOMEM, "out of memory");
  cnn_status status = cnn_top_k(probabilities, classes, count, best);
  for (int64_t i = 0; status == CNN_OK && i < count; i++) {
    const char *name = cnn_model_class_name(model, best[i]);
    printf("%s%s ", i > 0 ? "" : path, i > 0 ? "," : ":");
    if (name != NULL)
      printf("%s", name);
    else
      printf("class %" PRId64, best[i]);
    printf(" %.4f", (double)probabilities[best[i]]);
  }
  if (status == CNN_OK) printf("\n");
  free(best);
  return status;
}

static cnn_status predict(cnn_model *model, const char *path) {
  cnn_tensor *image = read_image(model, path);
  cnn_tensor *answer = image != NULL ? cnn_model_predict(model, image) : NULL;
  cnn_status status = answer != NULL ? print_answer(model, path, answer) : cnn_last_status();
  cnn_tensor_free(answer);
  cnn_tensor_free(image);
  return status;
}

int main(int argc, char **argv) {
  int operands, status = read_options(&usage, argc, argv, &operands);
  if (status >= 0) return status;
  cnn_model *model = cnn_model_load(argv[0]);
  if (model == NULL) return failed(program);
  status = 0;
  const int64_t *shape = cnn_model_input_shape(model);
  if (cnn_model_input_rank(model) != 3 || (shape[2] != 1 && shape[2] != 3)) {
    fprintf(stderr, "%s: %s: not a model of grey or coloured images\n", program, argv[0]);
    status = FAILED;
    operands = 1;
  }
  /* A picture that cannot be read does not keep the others from being shown. */
  for (int i = 1; i < operands; i++)
    if (predict(model, argv[i]) != CNN_OK) status = failed(program);
  cnn_model_free(model);
  return finished(program, status);
}

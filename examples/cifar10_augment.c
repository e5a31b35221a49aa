/* The picture of the tutorial's third step: images, and what augmentation makes of them.
   cc cifar10_augment.c $(pkg-config --cflags --libs cnn-plot) */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

static const char program[] = "cifar10_augment";

enum { COLUMNS = 8 }; /* the original, and seven made of it */

static struct {
  const char *data, *output;
  bool synthetic;
  int64_t images;
  uint64_t seed;
} asked = {.output = "augmented.png", .images = 5};

static const struct setting settings[] = {
    {"--data", TEXT, &asked.data, "DIR",
     "CIFAR-10's .bin files, or the folder above; default: $CNN_DATA, ./data, else --synthetic"},
    {"--synthetic", FLAG, &asked.synthetic, NULL, "made-up images"},
    {"--images", COUNT, &asked.images, "N", "rows of the picture (5)"},
    {"--seed", NUMBER, &asked.seed, "N", "another seed, another picture (0)"},
    {"--output", TEXT, &asked.output, "FILE.png", "where the picture goes (augmented.png)"},
    {0}};
static const struct command usage = {
    program,
    "",
    "Draws training images and what the tutorial's augmentation makes of "
    "them.",
    0,
    0,
    settings};

/* Copies an image's values, multiplied, to place in a batch of floats. */
static void put(cnn_tensor *batch, int64_t place, const cnn_tensor *image, float scale) {
  int64_t count = cnn_tensor_count(image);
  float *to = (float *)cnn_tensor_data(batch) + place * count;
  const void *from = cnn_tensor_const_data(image);
  for (int64_t i = 0; i < count; i++)
    to[i] = scale * (cnn_tensor_dtype(image) == CNN_UINT8 ? (float)((const uint8_t *)from)[i]
                                                          : ((const float *)from)[i]);
}

/* A row: image number row of the set, and augmented ones, each drawn from a key of its own. */
static cnn_status fill_row(cnn_tensor *batch, int64_t row, const cnn_dataset *dataset,
                           const cnn_transform *augment) {
  cnn_tensor *image = NULL;
  cnn_status status = cnn_dataset_fetch(dataset, row, &image, NULL, NULL);
  if (status == CNN_OK) put(batch, row * COLUMNS, image, 1 / 255.f);
  for (int column = 1; status == CNN_OK && column < COLUMNS; column++) {
    cnn_tensor *made =
        cnn_augment_image(augment, image, asked.seed, (uint64_t)column, (uint64_t)row);
    if (made == NULL)
      status = cnn_last_status();
    else
      put(batch, row * COLUMNS + column, made, 1);
    cnn_tensor_free(made);
  }
  cnn_tensor_free(image);
  return status;
}

static cnn_status draw(const cnn_tensor *batch) {
#ifdef CNN_HAVE_PLOT
  const char **titles = calloc((size_t)cnn_tensor_shape(batch)[0], sizeof *titles);
  if (titles == NULL) return cnn_fail(CNN_E_NOMEM, "out of memory");
  titles[0] = "original";
  for (int column = 1; column < COLUMNS; column++)
    titles[column] = "augmented";
  cnn_status status = cnn_plot_images(batch, asked.output, .columns = COLUMNS, .titles = titles,
                                      .count = cnn_tensor_shape(batch)[0]);
  free(titles);
  if (status == CNN_OK) printf("Picture: %s\n", asked.output);
  return status;
#else
  (void)batch;
  printf("No picture: built without libcnn-plot\n");
  return CNN_OK;
#endif
}

static cnn_status augment_images(const char *folder) {
  cnn_dataset *dataset = open_images(folder, CNN_TRAIN, asked.images);
  cnn_transform *augment =
      cnn_augmentation(.rescale = 1 / 255., .rotation = 20, .width_shift = .2, .height_shift = .2,
                       .shear = .2, .zoom = .2, .horizontal_flip = 1, .fill = CNN_FILL_NEAREST);
  int64_t rows = cnn_dataset_count(dataset);
  cnn_tensor *batch =
      cnn_tensor_create(CNN_FLOAT32, 4, (const int64_t[]){rows * COLUMNS, 32, 32, 3});
  cnn_status status =
      dataset == NULL || augment == NULL || batch == NULL ? cnn_last_status() : CNN_OK;
  for (int64_t row = 0; status == CNN_OK && row < rows; row++)
    status = fill_row(batch, row, dataset, augment);
  if (status == CNN_OK) status = draw(batch);
  cnn_tensor_free(batch);
  cnn_transform_free(augment);
  cnn_dataset_free(dataset);
  return status;
}

int main(int argc, char **argv) {
  int operands, status = read_options(&usage, argc, argv, &operands);
  if (status < 0 && asked.data != NULL && asked.synthetic)
    status = bad_usage(&usage, "and --synthetic exclude each other", "--data");
  if (status < 0) status = check_picture(&usage, asked.output);
  if (status >= 0) return status;
  const char *folder = asked.synthetic ? NULL : find_cifar10(asked.data);
  print_source(folder, asked.synthetic);
  if (augment_images(folder) != CNN_OK) return failed(program);
  return finished(program, 0);
}

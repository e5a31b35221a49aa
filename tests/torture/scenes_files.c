/* Reading and writing pictures, arrays and published sets; transforms; drawing. */
#include "scenes.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef WITH_PLOT
#include <cnn/plot.h>
#endif

enum { SIDE = 8, CIFAR_IMAGES = 10000, SEEN = 4 };

static cnn_tensor *make_picture(int seed) {
  static const int64_t shape[] = {SIDE, SIDE, 3};
  uint8_t pixels[SIDE * SIDE * 3];
  for (int i = 0; i < SIDE * SIDE * 3; i++)
    pixels[i] = (uint8_t)(i * 7 + seed * 31);
  cnn_tensor *picture = cnn_tensor_copy_of(CNN_UINT8, 3, shape, pixels);
  REQUIRE(picture);
  return picture;
}

static void put_bytes(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  REQUIRE(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static void set_up_picture(torture_world *world) {
  world->images = make_picture(1);
}

static bool see(torture_world *world, cnn_tensor *tensor) {
  if (!tensor) return false;
  digest_tensor(&world->seen, tensor);
  cnn_tensor_free(tensor);
  return true;
}

static bool see_dataset(torture_world *world, cnn_dataset *data) {
  bool good = data != NULL;
  for (int64_t i = 0; good && i < cnn_dataset_count(data) && i < SEEN; i++) {
    cnn_tensor *image = NULL;
    int32_t label;
    good = !cnn_dataset_fetch(data, i, &image, &label, NULL) && see(world, image);
    if (good) digest_bytes(&world->seen, &label, sizeof label);
  }
  cnn_dataset_free(data);
  return good;
}

/* ---- arrays and published sets ---- */

static bool arrays(torture_world *world) {
  return !cnn_npy_write("picture.npy", world->images) && see(world, cnn_npy_read("picture.npy"));
}

static void set_up_idx(torture_world *world) {
  static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0,
                                         0, 2, 0, 0, 0, 2, 1, 2, 3, 4};
  static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 1, 2};
  (void)world;
  put_bytes("images", images, sizeof images);
  put_bytes("labels", labels, sizeof labels);
}

static bool idx(torture_world *world) {
  return see_dataset(world, cnn_idx_dataset("images", "labels"));
}

static void set_up_cifar(torture_world *world) {
  (void)world;
  put_bytes("test_batch.bin", "", 1); /* then zeros, which take no room */
  REQUIRE(truncate("test_batch.bin", CIFAR_IMAGES * 3073) == 0);
}

static bool cifar(torture_world *world) {
  return see_dataset(world, cnn_cifar10(".", CNN_TEST));
}

/* ---- samples of the user's own ---- */

static cnn_status fetch_own(void *user, int64_t i, cnn_tensor **image, int32_t *index,
                            float *vector) {
  static const int64_t shape[] = {SIDE, SIDE, 3};
  uint8_t pixels[SIDE * SIDE * 3];
  (void)user, (void)vector;
  memset(pixels, (int)i * 9, sizeof pixels);
  *index = (int32_t)(i % 3);
  *image = cnn_tensor_copy_of(CNN_UINT8, 3, shape, pixels);
  return *image ? CNN_OK : cnn_last_status();
}

static bool own(torture_world *world) {
  const cnn_dataset_callbacks callbacks = {.struct_size = sizeof callbacks,
                                           .count = 5,
                                           .shape = {SIDE, SIDE, 3},
                                           .classes = 3,
                                           .fetch = fetch_own};
  return see_dataset(world, cnn_dataset_create(&callbacks));
}

/* ---- transforms ---- */

/* Every kind of them, one behind the other. */
static bool transforms(torture_world *world) {
  cnn_dataset *data = small_dataset(1);
  static const double mean[] = {0.1, 0.2, 0.3};
  cnn_loader *loader = cnn_loader_new(
      data, .batch_size = 8, .one_hot = 1,
      .transforms = {cnn_resize(.height = 10), cnn_random_crop(.height = 9),
                     cnn_random_resized_crop(.height = 8), cnn_center_crop(.height = 7),
                     cnn_color_jitter(.brightness = 0.1, .hue = 0.1), cnn_random_erasing(),
                     cnn_normalize(.channels = 3, .mean = mean), cnn_mixup(), cnn_cutmix()});
  const cnn_tensor *images = NULL, *labels;
  bool good = loader != NULL;
  do {
    good = good && !cnn_loader_next(loader, &images, &labels);
    if (good && images) digest_tensor(&world->seen, images);
  } while (good && images);
  cnn_loader_free(loader);
  cnn_dataset_free(data);
  return good && see(world, cnn_image_resize(world->images, 5, 6, CNN_BICUBIC));
}

/* ---- pictures ---- */

#ifdef WITH_PNG
static bool png(torture_world *world) {
  return !cnn_image_write_png("picture.png", world->images) &&
         see(world, cnn_image_read("picture.png", 3)) &&
         see(world, cnn_image_read("picture.png", 1));
}

static void set_up_folder(torture_world *world) {
  static const char *const classes[] = {"pictures/a", "pictures/b"};
  (void)mkdir("pictures", 0777);
  for (int i = 0; i < 4; i++) {
    char path[64];
    (void)mkdir(classes[i % 2], 0777);
    (void)snprintf(path, sizeof path, "%s/%d.png", classes[i % 2], i);
    cnn_tensor *picture = make_picture(i);
    REQUIRE(!cnn_image_write_png(path, picture));
    cnn_tensor_free(picture);
  }
  (void)world;
}

static bool folder(torture_world *world) {
  return see_dataset(world, cnn_image_folder("pictures"));
}
#endif

#ifdef WITH_JPEG
/* Read outside the trial: what lies where does not matter. */
static unsigned char jpeg_bytes[1 << 16];
static size_t jpeg_size;

static void set_up_jpeg(torture_world *world) {
  char path[1024];
  const char *images = getenv("CNN_TEST_IMAGES");
  (void)snprintf(path, sizeof path, "%s/exif6.jpg", images ? images : ".");
  FILE *file = fopen(path, "rb");
  REQUIRE(file); /* CNN_TEST_IMAGES is to be tests/golden/images */
  jpeg_size = fread(jpeg_bytes, 1, sizeof jpeg_bytes, file);
  (void)fclose(file);
  (void)world;
}

static bool jpeg(torture_world *world) {
  return see(world, cnn_image_decode("jpeg", jpeg_bytes, jpeg_size, 3)) &&
         see(world, cnn_image_decode("jpeg", jpeg_bytes, jpeg_size, 1));
}
#endif

/* ---- drawing ---- */

#ifdef WITH_PLOT
static void set_up_trained(torture_world *world) {
  world->data = small_dataset(1);
  world->batches = cnn_loader_new(world->data, .batch_size = 8);
  world->model = small_chain();
  REQUIRE(world->batches && world->model);
  REQUIRE(!cnn_model_compile(world->model, .optimizer = cnn_sgd(.learning_rate = 1e-3),
                             .loss = cnn_sparse_categorical_crossentropy(),
                             .metrics = {cnn_accuracy()}));
  REQUIRE(!cnn_model_fit(world->model, world->batches, .epochs = 2));
  world->images = make_picture(2);
}

static bool draw(torture_world *world) {
  cnn_confusion *confusion = cnn_model_confusion(world->model, world->batches);
  if (!confusion) REQUIRE(!cnn_loader_seek(world->batches, 0, 0));
  bool good = confusion && !cnn_plot_history(cnn_model_history(world->model), "history.png") &&
              !cnn_plot_images(world->images, "images.svg") &&
              !cnn_plot_confusion(confusion, "confusion.pdf") &&
              !cnn_plot_filters(world->model, "conv2d/kernel", "filters.png");
  cnn_confusion_free(confusion);
  return good;
}

static void result_drawings(torture_world *world, torture_digest *digest) {
  (void)world;
  REQUIRE(digest_file(digest, "history.png") && digest_file(digest, "images.svg") &&
          digest_file(digest, "confusion.pdf") && digest_file(digest, "filters.png"));
}
#endif

const torture_scene file_scenes[] = {
    {.name = "npy", .set_up = set_up_picture, .run = arrays},
    {.name = "idx", .set_up = set_up_idx, .run = idx},
    {.name = "cifar", .set_up = set_up_cifar, .run = cifar},
    {.name = "own", .set_up = set_up_picture, .run = own},
    {.name = "transforms", .set_up = set_up_picture, .run = transforms},
#ifdef WITH_PNG
    {.name = "png", .set_up = set_up_picture, .run = png},
    {.name = "folder", .set_up = set_up_folder, .run = folder},
#endif
#ifdef WITH_JPEG
    {.name = "jpeg", .set_up = set_up_jpeg, .run = jpeg},
#endif
#ifdef WITH_PLOT
    {.name = "draw", .set_up = set_up_trained, .run = draw, .result = result_drawings},
#endif
    {.name = NULL},
};

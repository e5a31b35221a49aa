/* Datasets, transforms and loaders. */
#include "../transform_chain.h"
#include "scenes.h"
#include <string.h>

static void set_up_data(torture_world *world) {
  world->data = small_dataset(1);
  world->checks = small_dataset(2);
  REQUIRE(world->data && world->checks);
}

static bool see_epoch(torture_world *world, cnn_loader *loader) {
  const cnn_tensor *images = NULL, *labels = NULL;
  bool good = loader != NULL;
  do {
    good = good && !cnn_loader_next(loader, &images, &labels);
    if (good && images) {
      digest_tensor(&world->seen, images);
      digest_tensor(&world->seen, labels);
    }
  } while (good && images);
  cnn_loader_free(loader);
  return good;
}

static bool arrays(torture_world *world) {
  cnn_dataset *data = small_dataset(3);
  bool good = data && see_epoch(world, cnn_loader_new(data, .batch_size = 5, .one_hot = 1));
  cnn_dataset_free(data);
  return good;
}

static bool parts(torture_world *world) {
  static const int64_t chosen[] = {5, 1, 1, 20};
  cnn_dataset *both[2] = {cnn_dataset_slice(world->data, 3, 9),
                          cnn_dataset_subset(world->checks, chosen, 4)};
  cnn_dataset *all = both[0] && both[1] ? cnn_dataset_concatenate(both, 2) : NULL;
  cnn_dataset *first = NULL, *second = NULL;
  bool good = all && !cnn_dataset_split(all, 0.3, 1, 4, &first, &second) &&
              see_epoch(world, cnn_loader_new(first, .batch_size = 4, .shuffle = 1)) &&
              see_epoch(world, cnn_loader_new(second, .batch_size = 4));
  cnn_dataset_free(first);
  cnn_dataset_free(second);
  cnn_dataset_free(all);
  cnn_dataset_free(both[0]);
  cnn_dataset_free(both[1]);
  return good;
}

static bool synthetic(torture_world *world) {
  cnn_dataset *data = cnn_synthetic_images(.count = 12);
  bool good =
      data && see_epoch(world, cnn_loader_new(data, .batch_size = 6, .cache_bytes = 1 << 20));
  cnn_dataset_free(data);
  return good;
}

static bool whitening(torture_world *world) {
  cnn_transform *transform =
      cnn_augmentation(.featurewise_center = 1, .featurewise_normalization = 1, .zca_whitening = 1,
                       .rotation = 30, .shear = 5);
  if (!transform || cnn_transform_fit(transform, world->data)) {
    cnn_transform_free(transform);
    return false;
  }
  return see_epoch(world, cnn_loader_new(world->data, .batch_size = 8, .augment = transform));
}

static bool augmenting(torture_world *world) {
  cnn_tensor *image = NULL, *changed = NULL;
  cnn_transform *transform =
      cnn_augmentation(.rotation = 30, .channel_shift = 9, .brightness_low = 0.5,
                       .brightness_high = 1.5, .samplewise_center = 1,
                       .samplewise_normalization = 1);
  bool good = transform && !cnn_dataset_fetch(world->data, 3, &image, NULL, NULL);
  if (good) changed = cnn_augment_image(transform, image, 1, 2, 3);
  if (changed) digest_tensor(&world->seen, changed);
  good = changed != NULL;
  cnn_tensor_free(changed);
  cnn_tensor_free(image);
  cnn_transform_free(transform);
  return good;
}

/* Every transform but those that the scenes above have, in the background. */
static cnn_status darken(void *user, float *values, int64_t height, int64_t width, int64_t channels,
                         uint64_t seed) {
  (void)user;
  for (int64_t i = 0; i < height * width * channels; i++)
    values[i] *= (float)(seed >> 32) / 4294967296.f;
  return CNN_OK;
}

static bool workers(torture_world *world) {
  static const double half[] = {.5, .5, .5};
  cnn_transform *chain[] = {
      cnn_resize(.height = 12, .interpolation = CNN_BICUBIC),
      cnn_random_crop(.height = 10, .padding = 2, .fill = CNN_FILL_REFLECT),
      cnn_random_resized_crop(.height = 9),
      cnn_center_crop(.height = 8),
      cnn_color_jitter(.brightness = .2, .contrast = .2),
      cnn_random_erasing(.probability = 1),
      cnn_custom_transform(.apply = darken, .random = 1),
      cnn_normalize(.channels = cnn_dataset_shape(world->data)[2], .mean = half),
      cnn_cutmix()};
  enum { COUNT = sizeof chain / sizeof *chain };
  cnn_loader_options options = {.struct_size = sizeof options,
                                .dataset = world->data,
                                .batch_size = 5,
                                .one_hot = 1,
                                .shuffle = 1,
                                .workers = 2,
                                .cache_bytes = 1 << 20};
  return hand_over(chain, COUNT, &options) && see_epoch(world, cnn_loader_create(&options));
}

static bool write_file(torture_world *world) {
  (void)world;
  return !cnn_file_write("text", "words", 5);
}

static void result_text(torture_world *world, torture_digest *digest) {
  (void)world;
  REQUIRE(digest_file(digest, "text"));
}

const torture_scene data_scenes[] = {
    {.name = "arrays", .set_up = set_up_data, .run = arrays},
    {.name = "parts", .set_up = set_up_data, .run = parts},
    {.name = "synthetic", .set_up = set_up_data, .run = synthetic},
    {.name = "whitening", .set_up = set_up_data, .run = whitening},
    {.name = "augmenting", .set_up = set_up_data, .run = augmenting},
    {.name = "workers", .set_up = set_up_data, .run = workers, .background = true},
    {.name = "write_file", .set_up = set_up_data, .run = write_file, .result = result_text},
    {.name = NULL},
};

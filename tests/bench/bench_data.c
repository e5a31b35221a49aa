/* Speed of the data side, through the public API.

     bench_data augment [--data DIR]   CIFAR-10 through the tutorial's augmentation, batch after batch
     bench_data train [--data DIR]     epochs of the tutorial's network with and without it, in turn
     bench_data folder DIR             a folder of images, decoded and batched; beside reading the files and
                                       libturbojpeg alone
     bench_data large [--images N]     12-megapixel photographs to 224x224, with and without the decoder's scaling
     bench_data memory DIR             the process's memory over ten epochs of a folder

   All take --threads N, --workers N, --batch N, --images N, --rounds N. Times are the least of the rounds: by the
   clock, and the processor's. The same work in Python: tests/bench/peers/data_*.py. */
#define _XOPEN_SOURCE 700
#include "bench.h"
#include "raw_jpeg.h"
#include <cnn/cnn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct setting {
  const char *mode, *folder, *data;
  int64_t threads, workers, batch, images, rounds;
} setting;

/* ---- time ---- */

typedef struct spent {
  double wall, processor;
} spent;

static spent start_time(void) {
  return (spent){bench_now(), bench_processor()};
}

/* What has passed since then; kept where it is less than the least so far. */
static spent keep_least(spent *least, spent start) {
  const spent now = start_time();
  const spent passed = {now.wall - start.wall, now.processor - start.processor};
  least->wall = fmin(least->wall, passed.wall);
  least->processor = fmin(least->processor, passed.processor);
  return passed;
}

static const spent never = {HUGE_VAL, HUGE_VAL};

static void print_time(const char *what, spent least, double images) {
  printf("%-44s %8.3f s, processor %8.3f s, %9.0f images/s\n", what, least.wall, least.processor,
         images / least.wall);
}

static int fail(void) {
  fprintf(stderr, "bench_data: %s\n", cnn_last_error());
  return 1;
}

/* ---- two things by turns ---- */

enum { MOST_ROUNDS = 64 };

/* How the second's times relate to the first's: of each round, since what disturbs one disturbs the other. */
typedef struct ratios {
  double wall[MOST_ROUNDS], processor[MOST_ROUNDS];
  size_t count;
} ratios;

static void keep_ratio(ratios *kept, spent first, spent second) {
  if (kept->count == MOST_ROUNDS) return;
  kept->wall[kept->count] = second.wall / first.wall;
  kept->processor[kept->count++] = second.processor / first.processor;
}

static void print_ratios(const char *what, const char *name, double *values, size_t count) {
  bench_sort(values, count);
  printf("%s, %s, median of %zu rounds (all):%*s%7.3f (", what, name, count,
         (int)(12 - strlen(name)), "", (values[(count - 1) / 2] + values[count / 2]) / 2);
  for (size_t i = 0; i < count; i++)
    printf("%s%.3f", i ? " " : "", values[i]);
  printf(")\n");
}

static void print_rounds(const char *what, ratios *kept) {
  if (kept->count == 0) return;
  print_ratios(what, "by the clock", kept->wall, kept->count);
  print_ratios(what, "processor", kept->processor, kept->count);
}

/* ---- loaders ---- */

static cnn_transform *tutorial(void) {
  return cnn_augmentation(.rotation = 20, .width_shift = .2, .height_shift = .2, .shear = .2,
                          .zoom = .2, .horizontal_flip = 1);
}

/* Reads an epoch; returns its samples. */
static int64_t read_epoch(cnn_loader *loader) {
  const cnn_tensor *images;
  int64_t count = 0;
  while (cnn_loader_next(loader, &images, NULL) == CNN_OK && images)
    count += cnn_tensor_shape(images)[0];
  return count;
}

static cnn_loader *open_loader(const setting *s, cnn_dataset *set, cnn_transform *augment) {
  return cnn_loader_new(set, .batch_size = s->batch, .shuffle = 1, .rescale = 1 / 255.,
                        .workers = s->workers, .augment = augment);
}

static cnn_dataset *open_cifar(const setting *s) {
  cnn_dataset *all =
      s->data ? cnn_cifar10(s->data, CNN_TRAIN) : cnn_synthetic_images(.count = s->images);
  cnn_dataset *part = cnn_dataset_slice(all, 0, s->images);
  cnn_dataset_free(all);
  return part;
}

/* ---- augmentation ---- */

static int run_augment(const setting *s) {
  cnn_dataset *set = open_cifar(s);
  cnn_loader *plain = open_loader(s, set, NULL), *augmented = open_loader(s, set, tutorial());
  spent without = never, with = never;
  for (int64_t round = 0; round < s->rounds; round++) {
    spent start = start_time();
    read_epoch(plain);
    keep_least(&without, start);
    start = start_time();
    read_epoch(augmented);
    keep_least(&with, start);
  }
  const bool good = cnn_last_status() == CNN_OK;
  if (good) {
    print_time("shuffled, normalised, batched", without, (double)s->images);
    print_time("... with the tutorial's augmentation", with, (double)s->images);
  }
  cnn_loader_free(plain);
  cnn_loader_free(augmented);
  cnn_dataset_free(set);
  return good ? 0 : fail();
}

/* ---- training ---- */

static cnn_model *network(void) {
  cnn_model *model = cnn_sequential(
      cnn_input(.shape = {32, 32, 3}),
      cnn_conv2d(.filters = 32, .kernel = {3}, .activation = CNN_RELU), cnn_max_pool2d(),
      cnn_conv2d(.filters = 64, .kernel = {3}, .activation = CNN_RELU), cnn_max_pool2d(),
      cnn_conv2d(.filters = 128, .kernel = {3}, .activation = CNN_RELU), cnn_max_pool2d(),
      cnn_flatten(), cnn_dense(.units = 128, .activation = CNN_RELU),
      cnn_dense(.units = 10, .activation = CNN_SOFTMAX));
  cnn_model_compile(model, .optimizer = cnn_adam(), .loss = cnn_sparse_categorical_crossentropy(),
                    .metrics = {cnn_accuracy()});
  return model;
}

/* Two models that start alike, trained in turn, an epoch each: what disturbs one disturbs the other. */
static int run_train(const setting *s) {
  cnn_dataset *set = open_cifar(s);
  cnn_loader *loaders[2] = {open_loader(s, set, NULL), open_loader(s, set, tutorial())};
  cnn_model *models[2] = {network(), network()};
  spent least[2] = {never, never};
  ratios rounds = {.count = 0};
  for (int64_t round = 1; round <= s->rounds + 1; round++) { /* the first warms up */
    spent passed[2] = {never, never};
    for (int turn = 0; turn < 2; turn++) {
      const int k = (int)((turn + round) & 1); /* either goes first as often */
      const spent start = start_time();
      cnn_model_fit(models[k], loaders[k], .epochs = round, .resume = 1);
      if (round > 1) passed[k] = keep_least(&least[k], start);
    }
    if (round > 1) keep_ratio(&rounds, passed[0], passed[1]);
  }
  const bool good = cnn_last_status() == CNN_OK;
  if (good) {
    print_time("an epoch of training", least[0], (double)s->images);
    print_time("... with the tutorial's augmentation", least[1], (double)s->images);
    printf("%-44s %+8.2f %%, processor %+8.2f %%\n", "augmentation costs",
           100 * (least[1].wall / least[0].wall - 1),
           100 * (least[1].processor / least[0].processor - 1));
    print_rounds("with / without", &rounds);
  }
  for (int k = 0; k < 2; k++)
    cnn_model_free(models[k]), cnn_loader_free(loaders[k]);
  cnn_dataset_free(set);
  return good ? 0 : fail();
}

/* ---- folders ---- */

static int run_folder(const setting *s) {
  raw_files files = {0};
  const bool raw = raw_jpeg_find(s->folder, &files);
  const int64_t threads = s->workers ? s->workers : s->threads;
  cnn_dataset *set = cnn_image_folder(s->folder, .skip_broken = 1);
  cnn_transform *same = cnn_resize(.height = 32);
  cnn_loader *loader =
      cnn_loader_new(set, .batch_size = s->batch, .shuffle = 1, .rescale = 1 / 255.,
                     .workers = s->workers, .transforms = {same});
  spent alone = never, ours = never;
  ratios rounds = {.count = 0};
  int64_t images = 0;
  for (int64_t round = 0; round <= s->rounds && loader; round++) { /* the first warms up */
    spent start = start_time();
    if (raw && !raw_jpeg_decode(&files, (size_t)threads)) break;
    const spent first = round ? keep_least(&alone, start) : never;
    start = start_time();
    images = read_epoch(loader);
    if (round) keep_ratio(&rounds, keep_least(&ours, start), first);
  }
  const bool good = cnn_last_status() == CNN_OK;
  if (good) {
    printf("%lld images, %lld threads%s\n", (long long)images, (long long)threads,
           s->workers ? " in the background" : "");
    if (raw) print_time("reading files and libturbojpeg alone", alone, (double)files.count);
    print_time("decoded and batched", ours, (double)images);
    if (raw)
      printf("%-44s %8.3f, by processor time %.3f\n", "speed as a share of the former",
             alone.wall / ours.wall, alone.processor / ours.processor);
    if (raw) print_rounds("speed as a share", &rounds);
  }
  cnn_loader_free(loader);
  cnn_dataset_free(set);
  raw_jpeg_free(&files);
  return good ? 0 : fail();
}

/* ---- large photographs ---- */

static int run_large(const setting *s) {
  char root[] = "/tmp/bench-data-XXXXXX", class[64], path[96];
  if (!mkdtemp(root)) return perror("bench_data"), 1;
  snprintf(class, sizeof class, "%s/one", root);
  snprintf(path, sizeof path, "%s/photograph.jpg", class);
  spent least[2] = {never, never};
  bool good = raw_jpeg_write(class, path, 4000, 3000);
  for (int scaled = 0; scaled < 2 && good; scaled++) {
    cnn_dataset *one =
        cnn_image_folder(root, .decode_height = scaled ? 224 : 0, .decode_width = scaled ? 224 : 0);
    const int64_t zeros[64] = {0};
    cnn_dataset *set = cnn_dataset_subset(one, zeros, s->images < 64 ? s->images : 64);
    cnn_loader *loader = cnn_loader_new(
        set, .batch_size = 8, .rescale = 1 / 255., .workers = s->workers,
        .transforms = {cnn_resize(.short_side = 224), cnn_center_crop(.height = 224)});
    for (int64_t round = 0; round <= s->rounds && loader; round++) {
      const spent start = start_time();
      good = read_epoch(loader) == cnn_dataset_count(set) && good;
      if (round) keep_least(&least[scaled], start);
    }
    if (good)
      print_time(scaled ? "12 megapixels to 224, scaled by the decoder" : "12 megapixels to 224",
                 least[scaled], (double)cnn_dataset_count(set));
    cnn_loader_free(loader);
    cnn_dataset_free(set);
    cnn_dataset_free(one);
  }
  unlink(path), rmdir(class), rmdir(root);
  if (good)
    printf("%-44s %8.2f times as fast\n", "scaling by the decoder", least[0].wall / least[1].wall);
  return good ? 0 : fail();
}

/* ---- memory ---- */

/* Resident bytes of this process now. */
static double resident(void) {
  long pages = 0, all;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file && fscanf(file, "%ld %ld", &all, &pages) != 2) pages = 0;
  if (file) fclose(file);
  return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static int run_memory(const setting *s) {
  cnn_dataset *set = cnn_image_folder(s->folder, .skip_broken = 1);
  cnn_loader *loader = cnn_loader_new(
      set, .batch_size = s->batch, .shuffle = 1, .rescale = 1 / 255., .workers = s->workers,
      .cache_bytes = 64 << 20, .transforms = {cnn_resize(.height = 32)}, .augment = tutorial());
  double after[10] = {0};
  for (int epoch = 0; epoch < 10; epoch++) {
    read_epoch(loader);
    after[epoch] = resident() / 1048576;
  }
  const bool good = cnn_last_status() == CNN_OK;
  printf("resident MiB after each of ten epochs:");
  for (int epoch = 0; epoch < 10 && good; epoch++)
    printf(" %.1f", after[epoch]);
  printf("\n");
  cnn_loader_free(loader);
  cnn_dataset_free(set);
  return good ? 0 : fail();
}

/* ---- the command ---- */

static int64_t number_after(int argc, char **argv, int *i) {
  return *i + 1 < argc ? strtoll(argv[++*i], NULL, 10) : 0;
}

static bool read_arguments(setting *s, int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (!strcmp(argv[i], "--threads"))
      s->threads = number_after(argc, argv, &i);
    else if (!strcmp(argv[i], "--workers"))
      s->workers = number_after(argc, argv, &i);
    else if (!strcmp(argv[i], "--batch"))
      s->batch = number_after(argc, argv, &i);
    else if (!strcmp(argv[i], "--images"))
      s->images = number_after(argc, argv, &i);
    else if (!strcmp(argv[i], "--rounds"))
      s->rounds = number_after(argc, argv, &i);
    else if (!strcmp(argv[i], "--data") && i + 1 < argc)
      s->data = argv[++i];
    else if (argv[i][0] == '-' || (s->mode && s->folder))
      return false;
    else if (!s->mode)
      s->mode = argv[i];
    else
      s->folder = argv[i];
  return true;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    int (*run)(const setting *s);
    bool folder;
  } modes[] = {{"augment", run_augment, false},
               {"train", run_train, false},
               {"folder", run_folder, true},
               {"large", run_large, false},
               {"memory", run_memory, true}};
  setting s = {.batch = 64, .images = 50000, .rounds = 5};
  int result = 2;
  if (read_arguments(&s, argc, argv)) {
    if (!s.mode) s.mode = "augment"; /* as a benchmark of the build: no data needed */
    cnn_context *context = cnn_context_new(.threads = s.threads, .seed = 1);
    cnn_context_use(context);
    s.threads = cnn_context_threads(context);
    for (size_t k = 0; k < sizeof modes / sizeof *modes; k++)
      if (!strcmp(modes[k].name, s.mode) && modes[k].folder == (s.folder != NULL))
        result = modes[k].run(&s);
    cnn_context_use(NULL);
    cnn_context_free(context);
  }
  if (result == 2) fprintf(stderr, "bench_data: its source says how it is called\n");
  return result;
}

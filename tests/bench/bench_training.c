/* Speed of training: epochs of the tutorial's network, or of one with other filters, through the public API.

     bench_training [--images N] [--batch N] [--filters A,B,C] [--epochs N] [--threads N] [--exact] [--augment]
                    [--data DIR]

   Without --data the images are synthetic, which costs the same. The fraction of the peak is nominal: a direct
   convolution's operations, over independent multiply-adds of every thread, measured right before and after each
   epoch, for a shared machine's clock moves. */
#include "../kernels/vector_probe.h"
#include "base/cpu.h"
#include "bench.h"
#include <cnn/cnn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct setting {
  int64_t images, batch, epochs, threads, filters[3], exact, augment;
  const char *data;
} setting;

/* Multiply-adds of one image, times 2: forward, and the gradients of weights and, but in the first layer, of inputs. */
static double flops(const setting *s) {
  double total = 0, size = 32, channels = 3;
  for (int i = 0; i < 3; i++) {
    double out = size - 2, forward = 2 * out * out * 9 * channels * (double)s->filters[i];
    total += forward * (i == 0 ? 2 : 3);
    size = floor(out / 2);
    channels = (double)s->filters[i];
  }
  return total + 3 * 2 * (size * size * channels * 128 + 128 * 10);
}

static cnn_model *network(const setting *s) {
  cnn_model *model = cnn_sequential(
      cnn_input(.shape = {32, 32, 3}),
      cnn_conv2d(.filters = s->filters[0], .kernel = {3}, .activation = CNN_RELU), cnn_max_pool2d(),
      cnn_conv2d(.filters = s->filters[1], .kernel = {3}, .activation = CNN_RELU), cnn_max_pool2d(),
      cnn_conv2d(.filters = s->filters[2], .kernel = {3}, .activation = CNN_RELU), cnn_max_pool2d(),
      cnn_flatten(), cnn_dense(.units = 128, .activation = CNN_RELU),
      cnn_dense(.units = 10, .activation = CNN_SOFTMAX));
  cnn_model_compile(model, .optimizer = cnn_adam(), .loss = cnn_sparse_categorical_crossentropy(),
                    .metrics = {cnn_accuracy()});
  return model;
}

/* The best epoch so far, and the peak of one thread beside it. */
typedef struct best_epoch {
  double seconds, peak;
  double before;  /* the peak before the epoch at hand */
  double probing; /* processor time that the peak took during the fit */
} best_epoch;

static double peak_now(void) {
  return measure_peak_within(cnn__cpu_isa(), 0.05);
}

static cnn_status epoch_end(void *user, const cnn_fit_info *info) {
  best_epoch *best = user;
  const double start = bench_processor(), after = peak_now();
  best->probing += bench_processor() - start;
  if (info->seconds < best->seconds) {
    best->seconds = info->seconds;
    best->peak = (best->before + after) / 2;
  }
  best->before = after;
  return CNN_OK;
}

static void read_arguments(setting *s, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "0";
    if (!strcmp(argv[i], "--exact"))
      s->exact = 1;
    else if (!strcmp(argv[i], "--augment"))
      s->augment = 1;
    else if (!strcmp(argv[i], "--images"))
      s->images = strtoll(value, NULL, 10), i++;
    else if (!strcmp(argv[i], "--batch"))
      s->batch = strtoll(value, NULL, 10), i++;
    else if (!strcmp(argv[i], "--epochs"))
      s->epochs = strtoll(value, NULL, 10), i++;
    else if (!strcmp(argv[i], "--threads"))
      s->threads = strtoll(value, NULL, 10), i++;
    else if (!strcmp(argv[i], "--data"))
      s->data = value, i++;
    else if (!strcmp(argv[i], "--filters")) {
      char *end = argv[++i];
      for (int k = 0; k < 3 && end && *end; k++)
        s->filters[k] = strtoll(end, &end, 10), end += *end == ',';
    } else
      fprintf(stderr, "bench_training: %s is no option\n", argv[i]), exit(2);
  }
}

int main(int argc, char **argv) {
  setting s = {.images = 50000, .batch = 64, .epochs = 3, .filters = {32, 64, 128}};
  read_arguments(&s, argc, argv);
  cnn_context *context = cnn_context_new(.threads = s.threads, .exact = s.exact, .seed = 1);
  cnn_context_use(context);
  cnn_dataset *set =
      s.data ? cnn_cifar10(s.data, CNN_TRAIN) : cnn_synthetic_images(.count = s.images);
  cnn_dataset *part = cnn_dataset_slice(set, 0, s.images);
  cnn_transform *augment =
      s.augment ? cnn_augmentation(.rotation = 20, .width_shift = .2, .height_shift = .2,
                                   .shear = .2, .zoom = .2, .horizontal_flip = 1)
                : NULL;
  cnn_loader *loader = cnn_loader_new(part, .batch_size = s.batch, .shuffle = 1,
                                      .rescale = 1 / 255., .augment = augment);
  uint64_t before = cnn_context_memory(context);
  cnn_model *model = network(&s);
  best_epoch best = {.seconds = HUGE_VAL, .before = peak_now()};
  cnn_callback *timer = cnn_callback_create(
      &(cnn_callback_functions){sizeof(cnn_callback_functions), &best, .epoch_end = epoch_end});
  double start = bench_processor();
  cnn_model_fit(model, loader, .epochs = s.epochs, .callbacks = {timer});
  double processor = (bench_processor() - start - best.probing) / (double)s.epochs;
  if (cnn_last_status()) {
    fprintf(stderr, "bench_training: %s\n", cnn_last_error());
    return 1;
  }
  double speed = flops(&s) * (double)s.images / best.seconds * 1e-9;
  double peak = best.peak * (double)cnn_context_threads(context);
  printf("%s, %lld threads, batch %lld, filters %lld-%lld-%lld%s%s: best of %lld epochs %.3f s, "
         "%.0f images/s, "
         "nominal %.1f GFLOP/s, %.0f %% of the peak (%.1f); processor time %.2f s an epoch\n",
         cnn_cpu_isa(), (long long)cnn_context_threads(context), (long long)s.batch,
         (long long)s.filters[0], (long long)s.filters[1], (long long)s.filters[2],
         s.exact ? ", exact" : "", s.augment ? ", augmented" : "", (long long)s.epochs,
         best.seconds, (double)s.images / best.seconds, speed, 100 * speed / peak, peak, processor);
  printf("memory: %llu bytes of the plan, %llu of weights and of what Adam keeps of them\n",
         (unsigned long long)cnn_model_plan_bytes(model, s.batch, 1),
         (unsigned long long)(cnn_context_memory(context) - before -
                              cnn_model_plan_bytes(model, s.batch, 1)));
  cnn_model_free(model);
  cnn_loader_free(loader);
  cnn_dataset_free(part);
  cnn_dataset_free(set);
  cnn_context_use(NULL);
  cnn_context_free(context);
  return 0;
}

/* Memory that other libraries ask for fails: libturbojpeg, zlib, cairo (libpng asks the library's own allocator). This program
   stands in for malloc and its kin and makes each call fail once, while a picture is read, written or drawn: CNN_E_NOMEM or a
   picture, never a crash. Each scene runs twice before: what fontconfig and freetype make of lacking memory when they are
   first used is theirs; and cairo 1.16 itself crashes where memory fails in its SVG and PDF surfaces, which are left out here.

   usage: test_others [SCENE [POINT]] */
#include "torture.h"
#include <stdlib.h>
#include <string.h>
#ifdef CNN_HAVE_PLOT
#include <cnn/plot.h>
#endif

#if !defined(__GLIBC__)
int main(void) {
  printf("skipped: needs glibc, whose malloc can be stood in for\n");
  return 77;
}
#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static _Thread_local bool armed;
static long calls, fail_at;

static bool fails(void) {
  return armed && ++calls == fail_at;
}
void *malloc(size_t size) {
  return fails() ? NULL : __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
  return fails() ? NULL : __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
  return fails() ? NULL : __libc_realloc(old, size);
}

static unsigned char *jpeg;
static size_t jpeg_size;
static cnn_tensor *picture;

static bool read_picture(const char *path) {
  cnn_tensor *tensor = cnn_image_read(path, 3);
  cnn_tensor_free(tensor);
  return tensor;
}
static bool read_png(void) {
  return read_picture("picture.png");
}
static bool write_png(void) {
  return !cnn_image_write_png("written.png", picture);
}
static bool read_jpeg(void) {
  cnn_tensor *tensor = cnn_image_decode("jpeg", jpeg, jpeg_size, 3);
  cnn_tensor_free(tensor);
  return tensor;
}
static bool read_gzip(void) {
  cnn_dataset *set = cnn_idx_dataset("idx.gz", NULL);
  cnn_dataset_free(set);
  return set;
}
#ifdef CNN_HAVE_PLOT
static bool draw_png(void) {
  return !cnn_plot_images(picture, "drawn.png");
}
#endif

typedef struct scene {
  const char *name;
  bool (*run)(void);
} scene;
static const scene scenes[] = {{"read_png", read_png},
                               {"write_png", write_png},
                               {"read_jpeg", read_jpeg},
                               {"read_gzip", read_gzip},
#ifdef CNN_HAVE_PLOT
                               {"draw_png", draw_png},
#endif
                               {NULL, NULL}};

static bool run_with(const scene *now, long point) {
  calls = 0;
  fail_at = point;
  cnn_clear_error();
  armed = true;
  bool good = now->run();
  armed = false;
  return good;
}

static void run_scene(const scene *now, long only) {
  int errors = 0;
  if (!run_with(now, 0)) {
    if (cnn_last_status() == CNN_E_UNSUPPORTED || cnn_last_status() == CNN_E_NOT_FOUND) {
      printf("%-10s left out: %s\n", now->name, cnn_last_error());
      return;
    }
    torture_fail(__FILE__, __LINE__, "working while nothing fails");
  }
  REQUIRE(run_with(now, 0));
  long points = calls;
  for (long point = 1; point <= points; point++) {
    if (only && point != only) continue;
    bool good = run_with(now, point);
    errors += !good;
    if (!good && cnn_last_status() != CNN_E_NOMEM) {
      fprintf(stderr, "%s: call %ld: %s\n  again: test_others %s %ld\n", now->name, point,
              cnn_last_error(), now->name, point);
      exit(1);
    }
    REQUIRE(run_with(now, 0));
  }
  printf("%-10s %4ld calls of others, %d ended in CNN_E_NOMEM\n", now->name, points, errors);
  fflush(stdout);
}

static void load_jpeg(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return;
  jpeg = malloc(1 << 20);
  REQUIRE(jpeg);
  jpeg_size = fread(jpeg, 1, 1 << 20, file);
  (void)fclose(file);
}

/* An IDX file of one image, stored rather than compressed. */
static void write_gzip(const char *path) {
  static const unsigned char head[] = {31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 1, 20, 0, 235, 255};
  static const unsigned char idx[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4};
  uint32_t sum = UINT32_MAX;
  for (size_t i = 0; i < sizeof idx; i++) {
    sum ^= idx[i];
    for (int k = 0; k < 8; k++)
      sum = (sum >> 1) ^ (sum & 1 ? UINT32_C(0xedb88320) : 0);
  }
  sum = ~sum;
  const unsigned char tail[] = {(unsigned char)sum,
                                (unsigned char)(sum >> 8),
                                (unsigned char)(sum >> 16),
                                (unsigned char)(sum >> 24),
                                sizeof idx,
                                0,
                                0,
                                0};
  FILE *file = fopen(path, "wb");
  REQUIRE(file && fwrite(head, 1, sizeof head, file) == sizeof head);
  REQUIRE(fwrite(idx, 1, sizeof idx, file) == sizeof idx);
  REQUIRE(fwrite(tail, 1, sizeof tail, file) == sizeof tail && fclose(file) == 0);
}

int main(int count, char **arguments) {
  static const int64_t shape[] = {9, 11, 3};
  uint8_t pixels[9 * 11 * 3];
  for (size_t i = 0; i < sizeof pixels; i++)
    pixels[i] = (uint8_t)(i * 7);
  const char *images = getenv("CNN_TEST_IMAGES");
  char path[1024];
  (void)snprintf(path, sizeof path, "%s/exif1.jpg", images ? images : ".");
  load_jpeg(path);
  folder_enter();
  write_gzip("idx.gz");
  cnn_context *context = cnn_context_new(.threads = 1);
  cnn_context_use(context);
  picture = cnn_tensor_copy_of(CNN_UINT8, 3, shape, pixels);
  cnn_status written = cnn_image_write_png("picture.png", picture);
  REQUIRE(picture && (!written || written == CNN_E_UNSUPPORTED));
  for (const scene *now = scenes; now->name; now++)
    if (count < 2 || strcmp(arguments[1], now->name) == 0)
      run_scene(now, count > 2 ? strtol(arguments[2], NULL, 10) : 0);
  cnn_tensor_free(picture);
  cnn_context_use(NULL);
  cnn_context_free(context);
  free(jpeg);
  folder_leave();
  return 0;
}
#endif

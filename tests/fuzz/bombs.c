/* Small files that claim to be large: each is refused, with no more memory than the file's size and 8 MiB, whether it is
   taken through the library's allocator or, by libpng, libturbojpeg and zlib, behind it. Prints what each took; the
   bombs of model files are in tests/unit/io/test_bombs.c. */
#include "../address_sanitizer.h"
#include "fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

enum { MOST = 1 << 21, SLACK = 8 << 20 };

static uint8_t bytes[MOST];
static size_t size;

/* ---- writing ---- */

static void put(const void *data, size_t count) {
  FUZZ_REQUIRE(count <= MOST - size);
  if (count) memcpy(bytes + size, data, count);
  size += count;
}

static void put_16(uint32_t value) {
  put((uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put_32(uint32_t value) {
  put_16(value >> 16);
  put_16(value & 0xffff);
}

static void put_chunk(const char *name, const void *data, size_t count) {
  put_32((uint32_t)count);
  const size_t begin = size;
  put(name, 4);
  put(data, count);
  put_32((uint32_t)crc32(0, bytes + begin, (uInt)(size - begin)));
}

static void put_png(uint32_t width, uint32_t height, uint8_t depth, uint8_t colour,
                    uint8_t interlace) {
  size = 0;
  put("\x89PNG\r\n\x1a\n", 8);
  const uint8_t rest[] = {depth, colour, 0, 0, interlace};
  uint8_t header[13];
  for (int i = 0; i < 4; i++) {
    header[i] = (uint8_t)(width >> (24 - 8 * i));
    header[4 + i] = (uint8_t)(height >> (24 - 8 * i));
  }
  memcpy(header + 8, rest, sizeof rest);
  put_chunk("IHDR", header, sizeof header);
}

/* What has been put, then so many zeros, deflated: a thousandth of them. */
static uint8_t *deflated(size_t zeros, int window, size_t *count) {
  static uint8_t nothing[1 << 16];
  uint8_t *packed = malloc(zeros / 500 + 1024);
  z_stream stream = {.next_out = packed, .avail_out = (uInt)(zeros / 500 + 1024)};
  FUZZ_REQUIRE(packed &&
               deflateInit2(&stream, 9, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = bytes;
  stream.avail_in = (uInt)size;
  (void)deflate(&stream, Z_NO_FLUSH);
  while (zeros > 0) {
    const size_t now = zeros < sizeof nothing ? zeros : sizeof nothing;
    stream.next_in = nothing;
    stream.avail_in = (uInt)now;
    zeros -= now;
    (void)deflate(&stream, zeros ? Z_NO_FLUSH : Z_FINISH);
  }
  *count = stream.total_out;
  (void)deflateEnd(&stream);
  return packed;
}

static void put_idx(uint8_t rank, uint32_t dimension) {
  size = 0;
  put((uint8_t[]){0, 0, 8, rank}, 4);
  for (int i = 0; i < rank; i++)
    put_32(dimension);
}

static void put_npy(const char *shape) {
  char header[256];
  size = 0;
  const int length = snprintf(header, sizeof header,
                              "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }\n", shape);
  put("\x93NUMPY\1\0", 8);
  put((uint8_t[]){(uint8_t)length, 0}, 2);
  put(header, (size_t)length);
}

static void put_jpeg(uint32_t width, uint32_t height, uint8_t marker) {
  size = 0;
  put("\xff\xd8\xff", 3);
  put(&marker, 1);
  put("\0\x11\x08", 3);
  put_16(height);
  put_16(width);
  put("\3\1\x22\0\2\x11\1\3\x11\1", 10);
  put("\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0", 14);
}

/* ---- trying ---- */

static double seconds(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The most of the process's memory that has been in use since reset, in bytes; 0 where the system does not say. */
static long long resident(bool reset) {
  char line[256];
  long long found = 0;
  FILE *file = fopen("/proc/self/clear_refs", "w");
  if (!file) return 0;
  if (reset) (void)fputs("5", file);
  (void)fclose(file);
  file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, "VmHWM:", 6) == 0) found = strtoll(line + 6, NULL, 10) * 1024;
  if (file) (void)fclose(file);
  return found;
}

static double slowest;
static long long largest;

typedef enum reader { IMAGE, IDX, NPY } reader;

static void read_it(reader kind) {
  if (kind == IMAGE)
    FUZZ_REQUIRE(!cnn_image_decode("bomb", bytes, size, 3));
  else if (kind == IDX)
    FUZZ_REQUIRE(!cnn_idx_dataset(fuzz_file(bytes, size), NULL));
  else
    FUZZ_REQUIRE(!cnn_npy_read(fuzz_file(bytes, size)));
}

static void explode(const char *name, reader kind) {
  fuzz_begin(0);
  const long long before = resident(true);
  const double begin = seconds();
  read_it(kind);
  const double took = seconds() - begin;
  long long grown = resident(false) - before;
  const cnn_status status = cnn_last_status();
  FUZZ_REQUIRE(status == CNN_E_FORMAT || status == CNN_E_LIMIT || status == CNN_E_UNSUPPORTED);
  printf("%s: %zu bytes, %.2f ms, %llu bytes of memory, %lld more resident: %s\n", name, size,
         took * 1e3, (unsigned long long)fuzz_peak(), grown, cnn_last_error());
  FUZZ_REQUIRE(fuzz_peak() <= size + SLACK);
  if (UNDER_ADDRESS_SANITIZER) grown = 0; /* it keeps more for itself */
  FUZZ_REQUIRE(grown <= (long long)size + SLACK);
  if (took > slowest) slowest = took;
  if (grown > largest) largest = grown;
  fuzz_end();
}

static void explode_images(void) {
  static uint8_t zeros[64];
  put_png(0x7fffffff, 0x7fffffff, 16, 6, 1);
  explode("PNG of 2^31 squared", IMAGE);
  put_png(0xffffffff, 1, 8, 2, 0);
  explode("PNG of 2^32 by 1", IMAGE);
  put_png(16384, 16384, 8, 2, 1);
  put_chunk("IDAT", zeros, sizeof zeros);
  explode("PNG of 2^28 pixels from 64 bytes", IMAGE);
  size_t count;
  size = 0;
  uint8_t *packed = deflated(100 << 20, 15, &count);
  static const char *const texts[] = {"zTXt", "iTXt", "iCCP"};
  for (size_t i = 0; i < 3; i++) {
    put_png(1, 1, 8, 2, 0);
    uint8_t *text = malloc(count + 16);
    FUZZ_REQUIRE(text);
    const size_t head =
        i == 1 ? 6 : 3; /* keyword, NUL, method; iTXt has flags, a language and a translation */
    memcpy(text, i == 1 ? "k\0\1\0\0\0" : "k\0\0", head);
    memcpy(text + head, packed, count);
    put_chunk(texts[i], text, head + count);
    put_chunk("IDAT", "x", 1);
    free(text);
    explode(texts[i], IMAGE);
  }
  put_png(1, 1, 8, 2, 0);
  put_chunk("IDAT", packed, count);
  explode("PNG of one pixel with 100 MiB of rows", IMAGE);
  free(packed);
  put_png(8, 8, 8, 2, 0);
  while (size < 1 << 19)
    put_chunk("tEXt", "k\0v", 3);
  explode("PNG of 35,000 texts", IMAGE);
  put_jpeg(65500, 65500, 0xc0);
  explode("JPEG of 65500 squared", IMAGE);
  put_jpeg(65500, 4096, 0xc2);
  explode("progressive JPEG of 2^28 pixels", IMAGE);
  put_jpeg(3000, 3000, 0xc0);
  explode("JPEG of 3000 squared", IMAGE);
}

static void explode_arrays(void) {
  put_idx(3, 0xffffffff);
  explode("IDX of 2^96 bytes", IDX);
  put_idx(4, 65536);
  explode("IDX of 2^64 bytes", IDX);
  put_idx(3, 1024);
  explode("IDX of 2^30 bytes", IDX);
  static const uint32_t sides[] = {1, 1024, 65536};
  for (size_t i = 0; i < 3; i++) {
    put_idx(3, sides[i]);
    size_t count;
    uint8_t *packed = deflated(100 << 20, 15 + 16, &count);
    size = 0;
    put(packed, count);
    free(packed);
    explode("gzip of 100 MiB of zeros", IDX);
  }
  put_npy("(4611686018427387904,)");
  explode("npy of 2^62 floats", NPY);
  put_npy("(4611686018427387905, 4)");
  explode("npy whose bytes overflow to 16", NPY);
  put_npy("(4294967296, 4294967296)");
  explode("npy of 2^64 floats", NPY);
  put_npy("(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)");
  explode("npy of 16 dimensions", NPY);
}

int main(void) {
  explode_images();
  explode_arrays();
  printf("the slowest took %.2f ms; at most %lld bytes more were resident\n", slowest * 1e3,
         largest);
  return 0;
}

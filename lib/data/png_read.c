/* PNG by libpng's classic interface, with limits. What convert("RGB") or convert("L") of Pillow would
   give: palettes looked up, alpha dropped, the upper 8 of 16 bits, no gamma. */
#include "data/decoding.h"

#ifndef CNN__HAVE_PNG

cnn_status cnn__png_decode(const cnn__decoding *decoding, cnn__sample *sample, int *orientation) {
  return cnn__fail(CNN_E_UNSUPPORTED, "%s: this build reads no PNG images (libpng was not found)",
                   decoding->name);
}

#else

#include "base/size.h"
#include "data/png_message.h"

/* Behind the last row stand the end of its block and a checksum. What libpng has in its buffer by then, it
   unpacks. */
enum { MOST_SIDE = 1 << 24, MOST_CHUNK = 8 << 20, MOST_REST = 1024, BUFFER = 1024 };

typedef struct png_source {
  const cnn__decoding *decoding;
  cnn__sample *sample;
  size_t at;
  size_t rows_left; /* to unpack */
  bool out_of_memory;
  cnn__png_message message;
} png_source;

/* ---- what libpng calls ---- */

static void on_read(png_structp png, png_bytep to, size_t size) {
  png_source *source = png_get_io_ptr(png);
  if (size > source->decoding->size - source->at) png_error(png, "the file is cut off");
  memcpy(to, source->decoding->bytes + source->at, size);
  source->at += size;
}

static png_voidp on_allocate(png_structp png, png_alloc_size_t size) {
  png_source *source = png_get_mem_ptr(png);
  void *memory = cnn__alloc(source->sample->context, size, "libpng");
  if (!memory) source->out_of_memory = true;
  return memory;
}

static void on_release(png_structp png, png_voidp memory) {
  png_source *source = png_get_mem_ptr(png);
  cnn__free(source->sample->context, memory);
}

/* ---- decoding ---- */

/* Text and colour profiles, which may be compressed and large, are not even looked at. */
static void set_limits(png_structp png) {
  static const png_byte unread[] = "iCCP\0zTXt\0iTXt\0tEXt\0sPLT\0pCAL\0sCAL\0hIST";
  png_set_user_limits(png, MOST_SIDE, MOST_SIDE);
  png_set_chunk_malloc_max(png, MOST_CHUNK);
  png_set_compression_buffer_size(png, BUFFER);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, unread, (int)(sizeof unread / 5));
}

/* Deflate makes at most 1032 bytes of one: a file that declares more is no image but a trap. */
static cnn_status check_size(png_structp png, png_infop info, const cnn__decoding *decoding,
                             uint64_t most) {
  const uint64_t height = png_get_image_height(png, info), width = png_get_image_width(png, info);
  const uint64_t row = png_get_rowbytes(png, info) + 1;
  if (height * width > most) /* neither is above MOST_SIDE */
    return cnn__fail(CNN_E_LIMIT, "%s: an image of %llux%llu pixels exceeds the limit of %llu",
                     decoding->name, (unsigned long long)height, (unsigned long long)width,
                     (unsigned long long)most);
  if (height * row / 1032 > decoding->size)
    return cnn__fail(CNN_E_FORMAT, "%s: %llux%llu pixels cannot come from %zu bytes",
                     decoding->name, (unsigned long long)height, (unsigned long long)width,
                     decoding->size);
  return CNN_OK;
}

/* Where the pixels' chunks end, which follow each other; the file's end, where they do not end before. */
static size_t pixels_end(const cnn__decoding *decoding) {
  enum { SIGNATURE = 8, AROUND = 12 }; /* length, name and checksum stand around a chunk's data */
  bool found = false;
  for (size_t at = SIGNATURE; decoding->size - at >= AROUND;) {
    const uint8_t *chunk = decoding->bytes + at;
    const size_t length = png_get_uint_32(chunk);
    const bool pixels = memcmp(chunk + 4, "IDAT", 4) == 0;
    if (found && !pixels) return at;
    found = pixels;
    if (length > decoding->size - at - AROUND) break;
    at += length + AROUND;
  }
  return decoding->size;
}

/* libpng unpacks whatever follows the last row: a file of 100 KB could keep it busy with 100 MB. So it stops as soon
   as that row is there. */
static void on_row(png_structp png, png_row_infop row, png_bytep pixels) {
  png_source *source = png_get_user_transform_ptr(png);
  if (--source->rows_left > 0) return;
  const size_t end = pixels_end(source->decoding);
  if (end > source->at && end - source->at > MOST_REST)
    png_error(png, "much data follows its last row");
}

/* Interlaced images come in seven passes, some of which have no pixel of a small image. */
static size_t count_rows(size_t height, size_t width, bool interlaced) {
  static const struct {
    uint8_t top, left, down; /* where its pixels begin, and how many rows apart they are */
  } passes[] = {{0, 0, 8}, {0, 4, 8}, {4, 0, 8}, {0, 2, 4}, {2, 0, 4}, {0, 1, 2}, {1, 0, 2}};
  size_t count = 0;
  for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
    if (width > passes[i].left && height > passes[i].top)
      count += cnn__size_ceil_div(height - passes[i].top, passes[i].down);
  return interlaced ? count : height;
}

/* Makes every row 8-bit grey or RGB, without alpha. */
static void set_conversions(png_structp png, png_infop info) {
  const int type = png_get_color_type(png, info);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8)
    png_set_expand_gray_1_2_4_to_8(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_packing(png);
}

static int read_orientation(png_structp png, png_infop info) {
#ifdef PNG_eXIf_SUPPORTED
  png_bytep exif;
  png_uint_32 size;
  if (png_get_eXIf_1(png, info, &size, &exif)) return cnn__exif_orientation(exif, size);
#endif
  return 1;
}

/* Rows of RGB become grey, or rows of grey RGB, in place: the last pixel first where they grow. */
static void fit_channels(uint8_t *pixels, size_t count, size_t have, size_t want) {
  if (have == 3 && want == 1)
    for (size_t i = 0; i < count; i++)
      pixels[i] = cnn__grey(pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]);
  if (have == 1 && want == 3)
    for (size_t i = count; i-- > 0;)
      pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = pixels[i];
}

/* All that may jump back. Rows come at the width that the file has, so there is room for RGB. */
static cnn_status read_image(png_structp png, png_infop info, png_source *source,
                             int *orientation) {
  png_read_info(png, info);
  cnn_status status =
      check_size(png, info, source->decoding, cnn__context_max_pixels(source->sample->context));
  if (status != CNN_OK) return status;
  const size_t height = png_get_image_height(png, info), width = png_get_image_width(png, info);
  set_conversions(png, info);
  source->rows_left =
      count_rows(height, width, png_get_interlace_type(png, info) != PNG_INTERLACE_NONE);
  png_set_user_transform_info(png, source, 0, 0);
  png_set_read_user_transform_fn(png, on_row);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  const size_t have = png_get_channels(png, info);
  cnn__decoding wide = *source->decoding;
  wide.channels = have > wide.channels ? have : wide.channels;
  uint8_t *pixels;
  status = cnn__image_room(&wide, source->sample, height, width, &pixels);
  if (status != CNN_OK) return status;
  for (int pass = 0; pass < passes; pass++)
    for (size_t y = 0; y < height; y++)
      png_read_row(png, pixels + y * width * have, NULL);
  png_read_end(png, info);
  *orientation = read_orientation(png, info);
  fit_channels(pixels, height * width, have, source->decoding->channels);
  source->sample->shape.dim[2] = source->decoding->channels;
  return CNN_OK;
}

static cnn_status failure(const png_source *source) {
  if (source->out_of_memory) return CNN_E_NOMEM;
  return cnn__fail(CNN_E_FORMAT, "%s: not a sound PNG image: %s (at offset %zu of %zu)",
                   source->decoding->name, source->message.text, source->at,
                   source->decoding->size);
}

cnn_status cnn__png_decode(const cnn__decoding *decoding, cnn__sample *sample, int *orientation) {
  png_source source = {.decoding = decoding, .sample = sample};
  png_structp png =
      png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &source.message, cnn__png_on_error,
                               cnn__png_on_warning, &source, on_allocate, on_release);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  cnn_status status;
  if (!info) {
    status = source.out_of_memory
                 ? CNN_E_NOMEM
                 : cnn__fail(CNN_E_UNSUPPORTED, "%s: libpng is of another version: %s",
                             decoding->name, source.message.text);
  } else if (setjmp(png_jmpbuf(png))) {
    status = failure(&source);
  } else {
    png_set_read_fn(png, &source, on_read);
    set_limits(png);
    status = read_image(png, info, &source, orientation);
    /* libpng goes on without what is not essential to it: an image is right or not there. */
    if (status == CNN_OK && source.out_of_memory) status = CNN_E_NOMEM;
  }
  png_destroy_read_struct(png ? &png : NULL, info ? &info : NULL, NULL);
  return status;
}

#endif

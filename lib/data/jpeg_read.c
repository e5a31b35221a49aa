/* JPEG by libturbojpeg: the header first, then pixels with a limit on progressive scans.

   libturbojpeg reads a header once to tell its size and again to decode, which is an eighth of the time that a
   small image takes. So headers of the usual kind are read here, and only what is out of the way by it. */
#include "data/decoding.h"

#ifndef CNN__HAVE_JPEG

cnn_status cnn__jpeg_decode(const cnn__decoding *decoding, cnn__sample *sample, int *orientation) {
  return cnn__fail(CNN_E_UNSUPPORTED,
                   "%s: this build reads no JPEG images (libturbojpeg was not found)",
                   decoding->name);
}

#else

#include "base/size.h"
#include <limits.h>
#include <string.h>
#include <turbojpeg.h>

enum marker {
  SOF0 = 0xc0, /* baseline; then extended, and SOF2 progressive */
  SOF2 = 0xc2,
  DHT = 0xc4,
  EOI = 0xd9,
  SOS = 0xda,
  DQT = 0xdb,
  DRI = 0xdd,
  APP0 = 0xe0,
  APP1 = 0xe1,
  APP15 = 0xef,
  COM = 0xfe
};

static void release_decoder(void *decoder) {
  (void)tjDestroy(decoder);
}

/* One decoder serves all images of a thread. */
static tjhandle find_decoder(cnn__sample *sample) {
  if (!sample->decoder) {
    sample->decoder = tjInitDecompress();
    sample->release_decoder = release_decoder;
  }
  return sample->decoder;
}

/* Whether the last scan has no end: libjpeg tells of its first warning alone, and a file that is cut off may have given
   another before. A preview has its scan and its end ahead of the image's own. */
static bool is_cut_off(const cnn__decoding *decoding) {
  const uint8_t *bytes = decoding->bytes;
  for (size_t at = decoding->size; at-- > 1;)
    if (bytes[at - 1] == 0xff && (bytes[at] == SOS || bytes[at] == EOI)) return bytes[at] == SOS;
  return true;
}

/* A warning is no failure (Pillow and browsers show such images), an early end is. */
static cnn_status check(const cnn__decoding *decoding, tjhandle decoder, int result) {
  if (result == 0) return CNN_OK;
  const char *message = tjGetErrorStr2(decoder);
  if (strstr(message, "nsufficient memory") || strstr(message, "allocation failure"))
    return cnn__fail(CNN_E_NOMEM, "%s: out of memory in libturbojpeg", decoding->name);
  if (tjGetErrorCode(decoder) == TJERR_WARNING && !strstr(message, "remature end")) {
    if (!is_cut_off(decoding)) return CNN_OK;
    message = "it is cut off";
  }
  return cnn__fail(strstr(message, "nsupported") ? CNN_E_UNSUPPORTED : CNN_E_FORMAT,
                   "%s: not a sound JPEG image: %s (%zu bytes)", decoding->name, message,
                   decoding->size);
}

/* The flattest grey takes a bit for 64 pixels: a file that declares more is no image but a trap. */
static cnn_status check_size(const cnn__decoding *decoding, int height, int width, uint64_t most) {
  if (width <= 0 || height <= 0)
    return cnn__fail(CNN_E_FORMAT,
                     "%s: not a sound JPEG image: its header gives no size (%zu bytes)",
                     decoding->name, decoding->size);
  if ((uint64_t)height > most / (uint64_t)width)
    return cnn__fail(CNN_E_LIMIT, "%s: an image of %dx%d pixels exceeds the limit of %llu",
                     decoding->name, height, width, (unsigned long long)most);
  if ((uint64_t)height * (uint64_t)width / 1024 > decoding->size + 64)
    return cnn__fail(CNN_E_FORMAT, "%s: %dx%d pixels cannot come from %zu bytes", decoding->name,
                     height, width, decoding->size);
  return CNN_OK;
}

/* The smallest of 1, 1/2, 1/4, 1/8 at which the image is not below the least size. */
static int find_divisor(const cnn__decoding *decoding, bool turned, int height, int width) {
  const size_t tall = turned ? decoding->least_width : decoding->least_height;
  const size_t wide = turned ? decoding->least_height : decoding->least_width;
  int divisor = 1;
  while ((tall > 0 || wide > 0) && divisor < 8 &&
         (size_t)((height + 2 * divisor - 1) / (2 * divisor)) >= tall &&
         (size_t)((width + 2 * divisor - 1) / (2 * divisor)) >= wide)
    divisor *= 2;
  return divisor;
}

/* a * b / 255, rounded */
static unsigned product(unsigned a, unsigned b) {
  const unsigned t = a * b + 128;
  return (t + (t >> 8)) >> 8;
}

/* Adobe's inverted CMYK, in place, as Pillow: each colour is ink * black. */
static void from_cmyk(uint8_t *pixels, size_t count, size_t channels) {
  for (size_t i = 0; i < count; i++) {
    const uint8_t *in = pixels + 4 * i;
    const unsigned black = in[3];
    uint8_t colour[3];
    for (int c = 0; c < 3; c++)
      colour[c] = (uint8_t)(black - product(255u - in[c], black));
    if (channels == 3)
      memcpy(pixels + 3 * i, colour, 3);
    else
      pixels[i] = cnn__grey(colour[0], colour[1], colour[2]);
  }
}

static cnn_status read_pixels(const cnn__decoding *decoding, cnn__sample *sample, tjhandle decoder,
                              int height, int width, bool cmyk) {
  const int format = cmyk ? TJPF_CMYK : decoding->channels == 3 ? TJPF_RGB : TJPF_GRAY;
  cnn__decoding stored = *decoding;
  if (cmyk) stored.channels = 4;
  uint8_t *pixels;
  cnn_status status = cnn__image_room(&stored, sample, (size_t)height, (size_t)width, &pixels);
  if (status != CNN_OK) return status;
  status = check(decoding, decoder,
                 tjDecompress2(decoder, decoding->bytes, (unsigned long)decoding->size, pixels,
                               width, 0, height, format, TJFLAG_LIMITSCANS));
  if (status != CNN_OK) return status;
  if (cmyk) from_cmyk(pixels, (size_t)height * (size_t)width, decoding->channels);
  sample->shape.dim[2] = decoding->channels;
  return CNN_OK;
}

/* ---- the header ---- */

typedef struct header {
  int height, width; /* 0: not told in the usual way */
  bool cmyk;
  bool plain; /* all segments were seen, and none of them holds an orientation */
} header;

static bool is_skipped(uint8_t marker) {
  return marker == DHT || marker == DQT || marker == DRI || marker == COM ||
         (marker >= APP0 && marker <= APP15);
}

/* The frame's size where it is of a kind that libturbojpeg takes: 8 bits, grey or three components of
   which the first alone may be finer. */
static void read_frame(const uint8_t *body, size_t length, header *found) {
  if (length < 6 || body[0] != 8 || length != 6 + 3 * (size_t)body[5]) return;
  if (body[5] == 3) {
    const uint8_t luma = body[7]; /* blocks across in the upper half, down in the lower */
    const bool usual = luma == 0x11 || luma == 0x21 || luma == 0x22 || luma == 0x12 || luma == 0x41;
    if (!usual || body[10] != 0x11 || body[13] != 0x11) return;
  } else if (body[5] != 1) {
    return;
  }
  found->height = body[1] << 8 | body[2];
  found->width = body[3] << 8 | body[4];
}

/* The size, if segments lie side by side, as libjpeg reads them, from the start of the image to a whole
   header of its first scan. libjpeg sees the same size then; were it not so, decoding would still not
   leave the room made by this one, for it is told that height and width. */
static bool read_size(const cnn__decoding *decoding, header *found) {
  const uint8_t *bytes = decoding->bytes;
  const size_t size = decoding->size;
  for (size_t at = 2; at + 4 <= size && bytes[at] == 0xff;) {
    const uint8_t marker = bytes[at + 1];
    if (marker == 0xff) { /* fill */
      at++;
      continue;
    }
    const size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
    if (length < 2 || length > size - at - 2) return false;
    if (marker == SOS) return found->height > 0 && found->width > 0;
    if (marker == APP1) found->plain = false;
    if (marker >= SOF0 && marker <= SOF2)
      read_frame(bytes + at + 4, length - 2, found);
    else if (!is_skipped(marker))
      return false;
    at += 2 + length;
  }
  return false;
}

static cnn_status read_header(const cnn__decoding *decoding, tjhandle decoder, header *found) {
  *found = (header){.plain = true};
  if (read_size(decoding, found)) return CNN_OK;
  found->plain = false;
  int subsampling, colours = TJCS_YCbCr;
  const cnn_status status =
      check(decoding, decoder,
            tjDecompressHeader3(decoder, decoding->bytes, (unsigned long)decoding->size,
                                &found->width, &found->height, &subsampling, &colours));
  found->cmyk = colours == TJCS_CMYK || colours == TJCS_YCCK;
  return status;
}

static cnn_status decode(const cnn__decoding *decoding, cnn__sample *sample, int *orientation) {
  tjhandle decoder = find_decoder(sample);
  if (!decoder) return cnn__fail(CNN_E_NOMEM, "%s: libturbojpeg makes no decoder", decoding->name);
  header found;
  cnn_status status = read_header(decoding, decoder, &found);
  const int height = found.height, width = found.width;
  if (status == CNN_OK)
    status = check_size(decoding, height, width, cnn__context_max_pixels(sample->context));
  if (status != CNN_OK) return status;
  *orientation = found.plain ? 1 : cnn__jpeg_orientation(decoding->bytes, decoding->size);
  const int divisor = find_divisor(decoding, *orientation >= 5, height, width);
  return read_pixels(decoding, sample, decoder, (height + divisor - 1) / divisor,
                     (width + divisor - 1) / divisor, found.cmyk);
}

/* A decoder that has failed may hold on to half of that file, and take it for the next one's. */
cnn_status cnn__jpeg_decode(const cnn__decoding *decoding, cnn__sample *sample, int *orientation) {
  const cnn_status status = decode(decoding, sample, orientation);
  if (status != CNN_OK && sample->decoder) {
    release_decoder(sample->decoder);
    sample->decoder = NULL;
  }
  return status;
}

#endif

/* A window into a picture that may reach outside it. */
#include "base/size.h"
#include "data/picture.h"
#include <string.h>

/* The pixel of n that a place, which may lie outside, shows; n: none (the constant fill). */
static size_t shown_at(cnn__image_fill fill, size_t n, ptrdiff_t place) {
  if (place >= 0 && (size_t)place < n) return (size_t)place;
  const bool before = place < 0;
  const size_t out = before ? (size_t)(-1 - place) : (size_t)place - n; /* 0: the very next */
  switch (fill) {
  case CNN__IMAGE_CONSTANT:
    return n;
  case CNN__IMAGE_NEAREST:
    return before ? 0 : n - 1;
  case CNN__IMAGE_REFLECT: {
    const size_t in = out % (2 * n), back = in < n ? in : 2 * n - 1 - in;
    return before ? back : n - 1 - back;
  }
  default:
    return before ? n - 1 - out % n : out % n;
  }
}

static void fill_pixels(const cnn__picture *picture, size_t count, float value, void *to) {
  const size_t elements = count * picture->channels;
  if (picture->dtype == CNN_UINT8) {
    const float inside = value < 0 ? 0 : value > 255 ? 255 : value;
    memset(to, (int)(inside + 0.5f), elements);
  } else {
    for (size_t e = 0; e < elements; e++)
      ((float *)to)[e] = value;
  }
}

/* A window, and what lies around the image it looks at. */
typedef struct surrounding {
  ptrdiff_t top, left;
  size_t height, width;
  cnn__image_fill fill;
  float fill_value;
} surrounding;

/* Row i of the window: the part inside at once, the rest pixel by pixel. */
static void copy_window_row(const cnn__picture *picture, const surrounding *w, size_t i,
                            uint8_t *out) {
  const size_t pixel = picture->channels * cnn__dtype_size(picture->dtype);
  const size_t row = picture->row * cnn__dtype_size(picture->dtype);
  const size_t y = shown_at(w->fill, picture->height, w->top + (ptrdiff_t)i);
  if (y == picture->height) {
    fill_pixels(picture, w->width, w->fill_value, out);
    return;
  }
  const uint8_t *line = (const uint8_t *)picture->pixels + y * row;
  for (size_t j = 0; j < w->width;) {
    const ptrdiff_t place = w->left + (ptrdiff_t)j;
    const size_t x = shown_at(w->fill, picture->width, place);
    size_t run = 1;
    if (place >= 0 && (size_t)place < picture->width)
      run = cnn__size_min(picture->width - x, w->width - j);
    if (x == picture->width)
      fill_pixels(picture, 1, w->fill_value, out + j * pixel);
    else
      memcpy(out + j * pixel, line + x * pixel, run * pixel);
    j += run;
  }
}

cnn_status cnn__picture_window(cnn__picture *picture, ptrdiff_t top, ptrdiff_t left, size_t height,
                               size_t width, cnn__image_fill fill, float fill_value) {
  const bool inside = top >= 0 && left >= 0 && (size_t)top + height <= picture->height &&
                      (size_t)left + width <= picture->width;
  if (inside) {
    cnn__picture_crop(picture, (size_t)top, (size_t)left, height, width);
    return CNN_OK;
  }
  cnn_status status = cnn__picture_settle(picture);
  void *room;
  if (status == CNN_OK) status = cnn__picture_room(picture, height, width, picture->dtype, &room);
  if (status != CNN_OK) return status;
  const surrounding window = {top, left, height, width, fill, fill_value};
  const size_t bytes = width * picture->channels * cnn__dtype_size(picture->dtype);
  for (size_t i = 0; i < height; i++)
    copy_window_row(picture, &window, i, (uint8_t *)room + i * bytes);
  cnn__picture_show(picture, room, height, width, picture->dtype);
  return CNN_OK;
}

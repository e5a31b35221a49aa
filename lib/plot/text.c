/* Text on a canvas. */
#include "plot/canvas.h"
#include <string.h>

enum { LONGEST = 240 }; /* bytes of a text; more is cut */

/* Bytes of the UTF-8 character at text, 0 where it is none: RFC 3629, no surrogates, no overlong
   forms. */
static size_t character_length(const unsigned char *text) {
  if (text[0] < 0x80) return 1;
  size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
  if (text[0] < 0xc2 || text[0] > 0xf4) return 0;
  for (size_t i = 1; i < length; i++)
    if ((text[i] & 0xc0) != 0x80) return 0;
  bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
  bool beyond = (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
  return overlong || beyond ? 0 : length;
}

/* A copy that cairo takes: it refuses what is not UTF-8. */
static void make_printable(char clean[LONGEST + 1], const char *text) {
  const unsigned char *from = (const unsigned char *)text;
  size_t size = 0;
  while (*from != 0) {
    size_t length = character_length(from);
    bool shown = length > 0 && *from >= 0x20 && *from != 0x7f;
    if (length == 0) length = 1;
    if (size + length > LONGEST) break;
    if (shown)
      memcpy(clean + size, from, length);
    else
      clean[size] = '?';
    size += shown ? length : 1;
    from += length;
  }
  clean[size] = 0;
}

static void select_font(cairo_t *cairo, cnn__font font) {
  cairo_select_font_face(cairo, "sans", CAIRO_FONT_SLANT_NORMAL,
                         font.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo, font.size);
}

static double advance(cairo_t *cairo, const char *clean) {
  cairo_text_extents_t extents;
  cairo_text_extents(cairo, clean, &extents);
  return extents.x_advance;
}

/* The font is selected; the place is the origin. */
static void show(cnn__canvas *canvas, cnn__align align, cnn__font font, const char *clean) {
  double x = align == CNN__LEFT     ? 0
             : align == CNN__CENTER ? -advance(canvas->cairo, clean) / 2
                                    : -advance(canvas->cairo, clean);
  cnn__canvas_color(canvas, font.color);
  cairo_move_to(canvas->cairo, x, font.size * .36); /* half of a digit's height */
  cairo_show_text(canvas->cairo, clean);
  cairo_new_path(canvas->cairo);
}

double cnn__canvas_text_width(cnn__canvas *canvas, cnn__font font, const char *text) {
  char clean[LONGEST + 1];
  make_printable(clean, text);
  select_font(canvas->cairo, font);
  return advance(canvas->cairo, clean);
}

void cnn__canvas_text(cnn__canvas *canvas, double x, double y, cnn__align align, cnn__font font,
                      const char *text) {
  cnn__canvas_text_within(canvas, x, y, canvas->width + canvas->height, align, font, text);
}

void cnn__canvas_text_within(cnn__canvas *canvas, double x, double y, double width,
                             cnn__align align, cnn__font font, const char *text) {
  static const char ellipsis[] = "\xe2\x80\xa6";
  char clean[LONGEST + sizeof ellipsis];
  make_printable(clean, text);
  select_font(canvas->cairo, font);
  size_t size = strlen(clean);
  while (size > 0 && advance(canvas->cairo, clean) > width) {
    do
      size--;
    while (size > 0 && ((unsigned char)clean[size] & 0xc0) == 0x80);
    memcpy(clean + size, ellipsis, sizeof ellipsis);
  }
  cairo_save(canvas->cairo);
  cairo_translate(canvas->cairo, x, y);
  show(canvas, align, font, clean);
  cairo_restore(canvas->cairo);
}

void cnn__canvas_text_upward(cnn__canvas *canvas, double x, double y, cnn__align align,
                             cnn__font font, const char *text) {
  char clean[LONGEST + 1];
  make_printable(clean, text);
  select_font(canvas->cairo, font);
  cairo_save(canvas->cairo);
  cairo_translate(canvas->cairo, x, y);
  cairo_transform(canvas->cairo, &(cairo_matrix_t){.xx = 0, .yx = -1, .xy = 1, .yy = 0});
  show(canvas, align, font, clean);
  cairo_restore(canvas->cairo);
}

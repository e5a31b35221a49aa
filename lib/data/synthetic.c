/* Made-up images: ten classes of shapes and textures, told apart by form alone. Place, size, angle
   and all colours are drawn for each image, one image in four is a negative, and clutter and noise
   lie over all, so neither the mean colour nor any single pixel says much. Drawn for this purpose: a
   logistic regression on the pixels of 5,000 images gets a third of others right, the tutorial's
   network more than nine tenths after six epochs. */
#include "base/float_environment.h"
#include "base/mathematics.h"
#include "base/random.h"
#include "base/threads.h"
#include "data/dataset.h"
#include <math.h>

enum { SIDE = 32, CLASSES = 10, CLUTTER = 3 };

static const char *const names[CLASSES] = {"disc", "ring",     "square",  "triangle", "cross",
                                           "star", "crescent", "stripes", "checkers", "dots"};

/* ---- forms: how far (u, v) is outside; the form fits the unit disc ---- */

static double disc(double u, double v, double radius) {
  return sqrt(u * u + v * v) - radius;
}

static double box(double u, double v, double half_width, double half_height) {
  const double across = fabs(u) - half_width, down = fabs(v) - half_height;
  return across > down ? across : down;
}

/* Beyond lines at the given distance whose normals point along the rays of a regular polygon: the
   rank-th largest, so 0 for the polygon itself and 1 for the star of five. */
static double polygon(double u, double v, int sides, double distance, int rank) {
  static const double rays[2][5][2] = {
      {{0, -1}, {0.8660254037844386, 0.5}, {-0.8660254037844386, 0.5}},
      {{0, 1},
       {0.9510565162951535, 0.3090169943749475},
       {0.5877852522924731, -0.8090169943749475},
       {-0.5877852522924731, -0.8090169943749475},
       {-0.9510565162951535, 0.3090169943749475}}};
  double most = -2, second = -2;
  for (int k = 0; k < sides; k++) {
    const double *ray = rays[sides == 5][k];
    const double beyond = u * ray[0] + v * ray[1] - distance;
    if (beyond > most) {
      second = most;
      most = beyond;
    } else if (beyond > second) {
      second = beyond;
    }
  }
  return rank ? second : most;
}

static double form(int class, double u, double v) {
  switch (class) {
  case 0:
    return disc(u, v, 0.85);
  case 1:
    return fabs(disc(u, v, 0.7)) - 0.2;
  case 2:
    return box(u, v, 0.72, 0.72);
  case 3:
    return polygon(u, v, 3, 0.5, 0);
  case 4:
    return fmin(box(u, v, 0.9, 0.3), box(u, v, 0.3, 0.9));
  case 5:
    return polygon(u, v, 5, 0.38, 1);
  case 6:
    return fmax(disc(u, v, 0.92), -disc(u - 0.45, v, 0.72));
  default:
    return box(u, v, 0.85, 0.85);
  }
}

/* Where a textured class shows its second colour: above 0. About four periods across the form. */
static double texture(int class, double u, double v) {
  const double period = 0.85, a = u / period, b = v / period;
  const double x = a - floor(a) - 0.5, y = b - floor(b) - 0.5; /* in [-1/2, 1/2) */
  switch (class) {
  case 7:
    return 0.25 - fabs(x);
  case 8:
    return x * y * 4;
  case 9:
    return 0.3 - sqrt(x * x + y * y);
  default:
    return -1;
  }
}

/* ---- scenes ---- */

typedef struct colour {
  double c[3];
} colour;

typedef struct scenery {
  int class;
  double x, y, size, cosine, sine;
  colour fill, second, corners[3]; /* of the background: a slope between them */
  struct mark {
    double x, y, dx, dy, length, width;
    colour colour;
  } clutter[CLUTTER];
  double noise;
  bool negative; /* light and dark change places */
} scenery;

static colour draw_colour(cnn__random *random, double low, double high) {
  colour drawn;
  for (int k = 0; k < 3; k++)
    drawn.c[k] = cnn__random_range(random, low, high);
  return drawn;
}

static double difference(const colour *a, const colour *b) {
  double sum = 0;
  for (int k = 0; k < 3; k++)
    sum += (a->c[k] - b->c[k]) * (a->c[k] - b->c[k]);
  return sqrt(sum);
}

/* A colour at least this far from another; the best of some tries. */
static colour draw_contrast(cnn__random *random, double low, double high, const colour *from,
                            double least) {
  colour best = draw_colour(random, low, high);
  for (int tries = 0; tries < 8 && difference(&best, from) < least; tries++) {
    const colour next = draw_colour(random, low, high);
    if (difference(&next, from) > difference(&best, from)) best = next;
  }
  return best;
}

static colour near(cnn__random *random, const colour *from, double spread) {
  colour drawn;
  for (int k = 0; k < 3; k++)
    drawn.c[k] = from->c[k] + cnn__random_range(random, -spread, spread);
  return drawn;
}

static void draw_scene(cnn__random *random, int class, scenery *s) {
  const double turn = 6.283185307179586;
  s->class = class;
  s->size = cnn__random_range(random, 9.5, 13);
  s->x = cnn__random_range(random, 12.5, 19.5);
  s->y = cnn__random_range(random, 12.5, 19.5);
  const double angle = cnn__random_range(random, -0.5, 0.5);
  s->cosine = cnn__cos(angle);
  s->sine = cnn__sin(angle);
  const colour ground = draw_colour(random, 10, 170);
  for (int k = 0; k < 3; k++)
    s->corners[k] = near(random, &ground, 40);
  s->fill = draw_contrast(random, 85, 245, &ground, 120);
  s->second = draw_contrast(random, 10, 245, &s->fill, 120);
  for (int k = 0; k < CLUTTER; k++) {
    struct mark *mark = &s->clutter[k];
    const double direction = cnn__random_range(random, 0, turn);
    mark->x = cnn__random_range(random, 0, SIDE);
    mark->y = cnn__random_range(random, 0, SIDE);
    mark->dx = cnn__cos(direction);
    mark->dy = cnn__sin(direction);
    mark->length = cnn__random_range(random, 1, 7);
    mark->width = cnn__random_range(random, 0.5, 1.5);
    mark->colour = draw_colour(random, 10, 245);
  }
  s->noise = cnn__random_range(random, 4, 16);
  s->negative = cnn__random_below(random, 4) == 0;
}

/* Share of a pixel that is inside an edge which is this far outside, in pixels. */
static double coverage(double outside) {
  return fmin(fmax(0.5 - outside, 0), 1);
}

static void blend(double pixel[3], const colour *over, double share) {
  for (int k = 0; k < 3; k++)
    pixel[k] += (over->c[k] - pixel[k]) * share;
}

static void paint(const scenery *s, int row, int column, double pixel[3]) {
  const double across = (double)column / (SIDE - 1), down = (double)row / (SIDE - 1);
  for (int k = 0; k < 3; k++)
    pixel[k] = s->corners[0].c[k] + (s->corners[1].c[k] - s->corners[0].c[k]) * across +
               (s->corners[2].c[k] - s->corners[0].c[k]) * down;
  for (int k = 0; k < CLUTTER; k++) {
    const struct mark *mark = &s->clutter[k];
    const double x = column - mark->x, y = row - mark->y;
    if (x * x + y * y > 81) continue; /* beyond any mark */
    const double along = x * mark->dx + y * mark->dy, beside = y * mark->dx - x * mark->dy;
    blend(pixel, &mark->colour, coverage(box(along, beside, mark->length, mark->width)));
  }
  const double x = (column - s->x) / s->size, y = (row - s->y) / s->size;
  const double u = x * s->cosine + y * s->sine, v = y * s->cosine - x * s->sine;
  if (u * u + v * v > 2) return; /* beyond any form */
  colour fill = s->fill;
  const double second = texture(s->class, u, v);
  blend(fill.c, &s->second, coverage(-second * s->size * 0.85));
  blend(pixel, &fill, coverage(form(s->class, u, v) * s->size));
}

static void paint_image(cnn__random *random, const scenery *s, uint8_t *pixels) {
  uint32_t bits = 0;
  for (int row = 0, place = 0; row < SIDE; row++)
    for (int column = 0; column < SIDE; column++) {
      double pixel[3];
      paint(s, row, column, pixel);
      for (int k = 0; k < 3; k++, place++) {
        bits = place % 2 ? bits >> 16 : cnn__random_u32(random);
        /* The sum of two draws: noise with thin tails. */
        const double noise = (double)((bits & 255) + (bits >> 8 & 255)) / 255 - 1;
        const double value = (s->negative ? 255 - pixel[k] : pixel[k]) + noise * 2 * s->noise;
        *pixels++ = (uint8_t)((value < 0 ? 0 : value > 255 ? 255 : value) + 0.5);
      }
    }
}

/* ---- the set ---- */

typedef struct making {
  cnn__memory_set *set;
  size_t count;
  uint64_t seed, split;
} making;

/* Ten images, one of each class, in a drawn order. */
static void make_ten(void *argument, size_t task, size_t slot) {
  const making *m = argument;
  uint32_t order[CLASSES];
  cnn__random random;
  for (uint32_t k = 0; k < CLASSES; k++)
    order[k] = k;
  cnn__random_start(&random, m->seed, CNN__PURPOSE_SYNTHETIC, m->split, UINT64_MAX - task);
  cnn__random_shuffle(&random, order, CLASSES);
  for (size_t k = 0; k < CLASSES && task * CLASSES + k < m->count; k++) {
    const size_t i = task * CLASSES + k;
    scenery scene;
    cnn__random_start(&random, m->seed, CNN__PURPOSE_SYNTHETIC, m->split, i);
    draw_scene(&random, (int)order[k], &scene);
    paint_image(&random, &scene, m->set->pixels + i * SIDE * SIDE * 3);
    m->set->indices[i] = (int32_t)order[k];
  }
}

void cnn_synthetic_options_init(cnn_synthetic_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_dataset *cnn_synthetic_images_create(const cnn_synthetic_options *given) {
  cnn_synthetic_options options = {0};
  if (cnn__options_read("cnn_synthetic_images", &options, sizeof options, given) != CNN_OK)
    return NULL;
  if (options.count < 1 || options.count > INT32_MAX) {
    cnn__fail(CNN_E_INVALID, "cnn_synthetic_images: count %lld is not in [1, %d]",
              (long long)options.count, INT32_MAX);
    return NULL;
  }
  if (options.split != CNN_TRAIN && options.split != CNN_TEST) {
    cnn__fail(CNN_E_INVALID, "cnn_synthetic_images: split %lld is neither CNN_TRAIN nor CNN_TEST",
              (long long)options.split);
    return NULL;
  }
  cnn_dataset *dataset = cnn__memory_set_new(
      (size_t)options.count, CNN_UINT8, &(cnn__shape){.rank = 3, .dim = {SIDE, SIDE, 3}}, true, 0);
  if (!dataset) return NULL;
  if (cnn__dataset_set_classes(dataset, CLASSES, names) != CNN_OK)
    return cnn__dataset_abandon(dataset);
  making m = {.set = cnn__memory_set_state(dataset),
              .count = dataset->count,
              .seed = options.seed ? options.seed : cnn__context_seed(dataset->context),
              .split = (uint64_t)options.split};
  cnn__parallel_for(dataset->context, (m.count + CLASSES - 1) / CLASSES, make_ten, &m);
  return dataset;
}

/* Pooling against plain loops. */
#include "arrays.h"
#include "ops/pool.h"

/* in, window, stride, "same" padding, channels */
typedef struct setting {
  size_t height, width, window[2], stride[2], same, channels;
} setting;

static const setting settings[] = {
    {8, 8, {2, 2}, {2, 2}, 0, 32},  {13, 13, {2, 2}, {2, 2}, 0, 32}, {4, 6, {2, 2}, {2, 2}, 0, 3},
    {7, 9, {3, 3}, {2, 2}, 1, 17},  {7, 9, {3, 2}, {1, 1}, 1, 5},    {9, 7, {2, 3}, {3, 4}, 0, 8},
    {5, 5, {5, 5}, {5, 5}, 0, 100}, {6, 6, {2, 2}, {1, 1}, 0, 16},   {1, 1, {1, 1}, {1, 1}, 0, 1},
    {10, 3, {4, 3}, {2, 1}, 1, 9},  {112, 30, {3, 3}, {2, 2}, 1, 8},
};
enum { SETTINGS = sizeof settings / sizeof *settings, IMAGES = 3 };

static void place(size_t in, size_t window, size_t stride, size_t same, size_t *out, size_t *pad) {
  *out = same ? (in + stride - 1) / stride : (in - window) / stride + 1;
  const size_t needed = (*out - 1) * stride + window;
  *pad = same && needed > in ? (needed - in) / 2 : 0;
}

static cnn__pool_shape shape_of(const setting *s) {
  cnn__pool_shape shape = {.in_height = s->height,
                           .in_width = s->width,
                           .channels = s->channels,
                           .pool_height = s->window[0],
                           .pool_width = s->window[1],
                           .stride_height = s->stride[0],
                           .stride_width = s->stride[1]};
  place(s->height, s->window[0], s->stride[0], s->same, &shape.out_height, &shape.pad_top);
  place(s->width, s->window[1], s->stride[1], s->same, &shape.out_width, &shape.pad_left);
  return shape;
}

static size_t in_size(const cnn__pool_shape *s) {
  return s->in_height * s->in_width * s->channels;
}
static size_t out_size(const cnn__pool_shape *s) {
  return s->out_height * s->out_width * s->channels;
}

/* The k-th cell of a window, or false where it is padding. */
static bool cell_of(const cnn__pool_shape *s, size_t row, size_t column, size_t k, size_t *cell) {
  const size_t y = row * s->stride_height + k / s->pool_width;
  const size_t x = column * s->stride_width + k % s->pool_width;
  if (y < s->pad_top || x < s->pad_left) return false;
  if (y - s->pad_top >= s->in_height || x - s->pad_left >= s->in_width) return false;
  *cell = (y - s->pad_top) * s->in_width + x - s->pad_left;
  return true;
}

typedef struct results {
  float *y, *average, *dx, *average_dx;
  uint32_t *positions;
} results;

static results run_all(const cnn__pool_shape *s, cnn_context *context, const float *x,
                       const float *dy) {
  const size_t in = IMAGES * in_size(s), out = IMAGES * out_size(s);
  results r = {floats(out), floats(out), floats(in), floats(in), array_of(out, 4)};
  cnn__max_pool_forward(s, context, IMAGES, x, r.y, r.positions);
  cnn__max_pool_backward(s, context, IMAGES, dy, r.positions, r.dx);
  cnn__average_pool_forward(s, context, IMAGES, x, r.average);
  cnn__average_pool_backward(s, context, IMAGES, dy, r.average_dx);
  return r;
}
static void free_results(results *r) {
  free(r->y);
  free(r->average);
  free(r->dx);
  free(r->average_dx);
  free(r->positions);
}

static void test_pooling_and_its_gradients_are_right(void **state) {
  for (size_t i = 0; i < SETTINGS; i++) {
    const cnn__pool_shape s = shape_of(&settings[i]);
    const size_t in = in_size(&s), out = out_size(&s), window = s.pool_height * s.pool_width;
    float *x = floats(IMAGES * in), *dy = random_floats(IMAGES * out, -1, 1);
    for (size_t j = 0; j < IMAGES * in; j++)
      x[j] = (float)(random_number() % 16); /* many ties */
    double *dx = calloc(IMAGES * in, sizeof *dx), *average_dx = calloc(IMAGES * in, sizeof *dx);
    results r = run_all(&s, contexts[1], x, dy);
    for (size_t j = 0; j < IMAGES * out; j++) {
      const size_t c = j % s.channels, at = j % out / s.channels, image = j / out;
      const float *plane = x + image * in;
      double sum = 0, real = 0;
      size_t best = SIZE_MAX, cell;
      for (size_t k = 0; k < window; k++) {
        if (!cell_of(&s, at / s.out_width, at % s.out_width, k, &cell)) continue;
        const float value = plane[cell * s.channels + c];
        if (best == SIZE_MAX || value > plane[best * s.channels + c]) best = cell;
        sum += value;
        real++;
      }
      for (size_t k = 0; k < window; k++)
        if (cell_of(&s, at / s.out_width, at % s.out_width, k, &cell))
          average_dx[image * in + cell * s.channels + c] += dy[j] / real;
      dx[image * in + best * s.channels + c] += dy[j];
      assert_true(r.y[j] == plane[best * s.channels + c]);
      assert_int_equal(r.positions[j], best);
      expect_near(r.average[j], sum / real, 1e-6, 0);
    }
    for (size_t j = 0; j < IMAGES * in; j++) {
      expect_near(r.dx[j], dx[j], 1e-6, 1e-6);
      expect_near(r.average_dx[j], average_dx[j], 1e-6, 1e-6);
    }
    for (size_t t = 0; t < CONTEXTS; t++) {
      results other = run_all(&s, contexts[t], x, dy);
      expect_same(IMAGES * out * 4, r.y, other.y);
      expect_same(IMAGES * out * 4, r.positions, other.positions);
      expect_same(IMAGES * out * 4, r.average, other.average);
      expect_same(IMAGES * in * 4, r.dx, other.dx);
      expect_same(IMAGES * in * 4, r.average_dx, other.average_dx);
      free_results(&other);
    }
    free_results(&r);
    free(x);
    free(dy);
    free(dx);
    free(average_dx);
  }
}

static void test_nan_wins_and_the_first_of_equals_wins(void **state) {
  const cnn__pool_shape s = shape_of(&(setting){2, 2, {2, 2}, {2, 2}, 0, 1});
  const float inputs[][4] = {{1, 3, 3, 2},
                             {5, NAN, 9, NAN},
                             {NAN, 1, 2, 3},
                             {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
                             {1, 2, 3, INFINITY}};
  const uint32_t winners[] = {1, 1, 0, 0, 3};
  for (size_t i = 0; i < 5; i++) {
    float y;
    uint32_t position;
    cnn__max_pool_forward(&s, contexts[0], 1, inputs[i], &y, &position);
    assert_int_equal(position, winners[i]);
    expect_near(y, inputs[i][winners[i]], 0, 0);
    y = 0;
    cnn__max_pool_forward(&s, contexts[0], 1, inputs[i], &y, NULL);
    expect_near(y, inputs[i][winners[i]], 0, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pooling_and_its_gradients_are_right),
      cmocka_unit_test(test_nan_wins_and_the_first_of_equals_wins),
  };
  return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}

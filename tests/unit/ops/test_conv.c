/* Direct convolution of all shapes against double-precision loops. */
#include "conv_reference.h"
#include "kernels/kernels.h"
#include "ops/conv_direct.h"

/* Linked in place of the library's. */
static size_t second_level = 512 * 1024;
size_t cnn__cpu_l2(void) {
  return second_level;
}

static cnn__conv_shape random_shape(void) {
  cnn__conv_shape s = {.batch = random_size(1, 4),
                       .kernel_height = random_size(1, 5),
                       .kernel_width = random_size(1, 5),
                       .stride_height = random_size(1, 3),
                       .stride_width = random_size(1, 3),
                       .dilation_height = random_size(0, 3) ? 1 : random_size(2, 3),
                       .dilation_width = random_size(0, 3) ? 1 : random_size(2, 3),
                       .groups = random_size(0, 2) ? 1 : random_size(2, 4),
                       .bias = random_size(0, 3) > 0,
                       .relu = random_size(0, 1)};
  const size_t high = effective(s.kernel_height, s.dilation_height);
  const size_t wide = effective(s.kernel_width, s.dilation_width);
  s.pad_top = random_size(0, high - 1);
  s.pad_left = random_size(0, wide - 1);
  const size_t bottom = random_size(0, high - 1), right = random_size(0, wide - 1);
  s.in_height = random_size(1, 12) + (high > s.pad_top + bottom ? high - s.pad_top - bottom : 0);
  s.in_width = random_size(1, 12) + (wide > s.pad_left + right ? wide - s.pad_left - right : 0);
  s.out_height = (s.in_height + s.pad_top + bottom - high) / s.stride_height + 1;
  s.out_width = (s.in_width + s.pad_left + right - wide) / s.stride_width + 1;
  s.in_channels = s.groups * random_size(1, 9);
  s.out_channels = s.groups * random_size(1, 20);
  if (random_size(0, 1) && s.out_height > 1 && s.out_width > 1) {
    s.pool_height = random_size(1, s.out_height < 3 ? s.out_height : 3);
    s.pool_width = random_size(1, s.out_width < 3 ? s.out_width : 3);
  }
  return s;
}

static const cnn__conv_mode training = {.training = true, .input_gradient = true, .exact = true};

static void test_random_shapes_equal_plain_loops(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 400; seed++) {
    random_state = seed;
    const cnn__conv_shape shape = random_shape();
    sample s;
    sample_make(&s, &shape, &training, random_size(1, shape.batch));
    const char *name = sample_run(&s, 2);
    sample_check(&s, name, 2e-6);
    sample_free(&s);
  }
}

static void check(const cnn__conv_shape *shape, const cnn__conv_mode *mode, size_t images,
                  double bound) {
  sample s;
  sample_make(&s, shape, mode, images);
  const char *name = sample_run(&s, 2);
  sample_check(&s, name, bound);
  sample_free(&s);
}

static void check_threads_too(const cnn__conv_shape *shape, size_t images) {
  sample s;
  sample_make(&s, shape, &training, images);
  const char *name = sample_run(&s, 2);
  sample_check(&s, name, 5e-6);
  check_threads_agree(&s);
  sample_free(&s);
}

static void test_many_channels_are_taken_in_blocks(void **state) {
  (void)state;
  random_state = 7;
  cnn__conv_shape shape = make_shape(2, 6, 5, 300, 210, 3, 1, 1);
  check(&shape, &training, 2, 5e-6);
  shape = make_shape(3, 7, 7, 130, 260, 1, 2, 0);
  shape.relu = true;
  check(&shape, &training, 3, 5e-6);
  shape = make_shape(3, 8, 8, 40, 150, 3, 1, 0);
  shape.relu = true;
  shape.pool_height = shape.pool_width = 2;
  check(&shape, &training, 2, 5e-6);
}

static void test_large_images_and_many_small_ones_are_taken_in_steps(void **state) {
  (void)state;
  random_state = 8;
  for (size_t stride = 1; stride <= 2; stride++) {
    cnn__conv_shape shape = make_shape(2, 31, 29, 20, 40, 3, stride, 1);
    shape.relu = true;
    check(&shape, &training, 2, 5e-6);
    shape = make_shape(2, 33, 30, 3, 24, 7, stride, 3);
    check(&shape, &training, 2, 5e-6);
    shape = make_shape(2, 41, 43, 18, 33, 3, stride, 0);
    shape.pool_height = 3;
    shape.pool_width = 2;
    check(&shape, &training, 2, 5e-6);
    shape = make_shape(19, 6, 5, 70, 96, 3, stride, 1);
    check(&shape, &training, 17, 5e-6);
    shape = make_shape(19, 7, 6, 12, 20, 3, stride, 0);
    check(&shape, &training, 19, 5e-6);
    shape = make_shape(35, 15, 14, 20, 33, 3, stride, 0);
    shape.pool_height = shape.pool_width = 2;
    check(&shape, &training, 34, 5e-6);
    shape = make_shape(19, 3, 3, 600, 64, 1, stride, 0);
    shape.relu = true;
    check(&shape, &training, 19, 5e-6);
  }
}

/* Pieces of channels, blocks of them, rows of a large image, several small ones, strides of one axis only. */
static void test_one_by_one_with_strides(void **state) {
  (void)state;
  random_state = 14;
  cnn__conv_shape shapes[] = {
      make_shape(5, 9, 8, 530, 70, 1, 2, 0), make_shape(3, 31, 30, 80, 1060, 1, 2, 0),
      make_shape(1, 7, 6, 70, 530, 1, 3, 0), make_shape(2, 5, 251, 1026, 40, 1, 2, 0)};
  shapes[0].relu = true;
  shapes[1].stride_height = 1, shapes[1].out_height = 31;
  shapes[2].stride_width = 1, shapes[2].out_width = 6;
  for (size_t i = 0; i < 4; i++)
    check_threads_too(&shapes[i], shapes[i].batch);
}

/* Steps of a large image and of several small ones, blocks of inputs, slices without an image. */
static void test_one_by_one_of_few_outputs(void **state) {
  (void)state;
  random_state = 15;
  cnn__conv_shape shapes[] = {
      make_shape(3, 31, 29, 300, 64, 1, 1, 0), make_shape(19, 3, 5, 70, 9, 1, 1, 0),
      make_shape(2, 9, 9, 37, 36, 1, 1, 0), make_shape(9, 17, 16, 65, 64, 1, 1, 0)};
  shapes[1].relu = true;
  for (size_t i = 0; i < 4; i++)
    check_threads_too(&shapes[i], i == 3 ? 2 : shapes[i].batch);
}

/* A single image of few cells: tasks for threads to share come from its channels, and are as many for each. */
static void test_few_cells_are_shared_by_channels(void **state) {
  (void)state;
  random_state = 16;
  cnn__conv_shape shapes[] = {
      make_shape(1, 4, 4, 384, 192, 1, 1, 0), make_shape(1, 7, 7, 40, 320, 3, 1, 1),
      make_shape(1, 9, 8, 72, 192, 3, 1, 0), make_shape(1, 5, 6, 256, 128, 3, 2, 1)};
  shapes[1].relu = true;
  shapes[2].pool_height = shapes[2].pool_width = 2;
  shapes[3].groups = 2;
  for (size_t i = 0; i < 4; i++) {
    const cnn__conv_shape *shape = &shapes[i];
    const cnn__conv_mode mode = {.exact = true, .slots = 2};
    cnn__conv conv;
    assert_int_equal(cnn__conv_plan(shape, &mode, &conv), CNN_OK);
    const size_t *p = conv.parameters, out = cnn__conv_group_out(shape);
    const size_t tasks = cnn__direct_blocks(shape->groups, out, p[DIRECT_BLOCK]) *
                         cnn__size_ceil_div(cnn__conv_y_height(shape), p[DIRECT_ROWS]);
    assert_true(tasks > 1); /* wide tiles leave fewer, and perhaps an odd number */
    if (cnn__kernels_get()->gemm.columns == CNN__PANEL) assert_true(tasks >= 4 && tasks % 2 == 0);
    check_threads_too(shape, 1);
  }
}

static float next_sum(float sum, float x, float y) {
  return strcmp(cnn_cpu_isa(), "sse2") == 0 ? sum + x * y : fmaf(x, y, sum);
}

/* A gradient of weights is a chain over an image's cells, whichever way it is computed: fused, but for SSE2, which
   has no such instruction. */
static void test_weight_gradients_are_chains(void **state) {
  (void)state;
  random_state = 16;
  const cnn__conv_shape shapes[] = {
      make_shape(1, 25, 23, 70, 30, 1, 1, 0), make_shape(1, 25, 23, 128, 30, 1, 1, 0),
      make_shape(1, 25, 23, 30, 70, 1, 1, 0), make_shape(1, 6, 5, 200, 150, 1, 1, 0)};
  for (size_t i = 0; i < 4; i++) {
    const size_t in = shapes[i].in_channels, out = shapes[i].out_channels;
    sample s;
    sample_make(&s, &shapes[i], &training, 1);
    sample_run(&s, 1);
    for (size_t w = 0; w < in * out; w++) {
      float sum = 0;
      for (size_t cell = 0; cell < s.x_size / in; cell++)
        sum = next_sum(sum, s.x[cell * in + w / out], s.dy[cell * out + w % out]);
      if (sum != s.dkernel[w])
        fail_msg("shape %zu, weight %zu: %a, not %a", i, w, s.dkernel[w], sum);
    }
    sample_free(&s);
  }
}

/* Larger blocks, and steps of more cells. */
static void test_a_large_cache_changes_no_bit(void **state) {
  (void)state;
  random_state = 18;
  cnn__conv_shape shapes[] = {
      make_shape(2, 9, 8, 530, 300, 1, 1, 0),   make_shape(3, 31, 29, 70, 150, 3, 2, 1),
      make_shape(2, 25, 26, 260, 140, 1, 1, 0), make_shape(2, 30, 31, 64, 64, 3, 1, 1),
      make_shape(2, 31, 30, 208, 208, 3, 2, 1), make_shape(3, 20, 21, 40, 300, 1, 1, 0),
      make_shape(9, 7, 5, 1100, 40, 1, 1, 0),   make_shape(19, 3, 5, 33, 70, 1, 1, 0),
      make_shape(3, 4, 4, 36, 1030, 1, 1, 0),   make_shape(2, 9, 9, 64, 64, 1, 1, 0),
      make_shape(2, 9, 8, 40, 40, 3, 1, 1),     make_shape(2, 9, 8, 40, 40, 1, 2, 0)};
  shapes[3].groups = 64, shapes[4].groups = 208;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    sample s;
    size_t bytes;
    const size_t images = i == 7 ? 2 : shapes[i].batch; /* slices without an image */
    sample_make(&s, &shapes[i], &training, images);
    sample_run(&s, 1);
    float *first = sample_results(&s, &bytes);
    second_level = 2 << 20;
    sample_check(&s, sample_run(&s, 1), 5e-6);
    float *other = sample_results(&s, &bytes);
    assert_memory_equal(first, other, bytes);
    check_threads_agree(&s);
    second_level = 512 * 1024;
    free(first), free(other);
    sample_free(&s);
  }
}

static void test_depthwise_with_a_multiplier(void **state) {
  (void)state;
  random_state = 9;
  for (size_t multiplier = 1; multiplier <= 3; multiplier++)
    for (size_t stride = 1; stride <= 2; stride++) {
      cnn__conv_shape shape = make_shape(2, 9, 10, 37, 37 * multiplier, 3, stride, 1);
      shape.groups = 37;
      shape.relu = stride == 1;
      check(&shape, &training, 2, 2e-6);
    }
}

static void test_depthwise_of_awkward_shapes(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 200; seed++) {
    random_state = seed;
    cnn__conv_shape shape = random_shape();
    shape.pool_height = shape.pool_width = 0;
    shape.groups = shape.in_channels = shape.out_channels = random_size(2, 40);
    sample s;
    sample_make(&s, &shape, &training, random_size(1, shape.batch));
    const char *name = sample_run(&s, 2);
    assert_string_equal(name, "depthwise");
    sample_check(&s, name, 2e-6);
    if (seed % 10 == 0) check_threads_agree(&s);
    sample_free(&s);
  }
}

/* Widths about those that the kernels take at once, and every way in which an edge lacks a tap. */
static void test_depthwise_three_wide(void **state) {
  (void)state;
  random_state = 10;
  for (size_t width = 1; width <= 34; width++)
    for (size_t stride = 1; stride <= 2; stride++)
      for (size_t pad = 0; pad <= 1; pad++) {
        if (width + 2 * pad < 3) continue;
        const size_t channels = 5 + width * 7 % 31;
        cnn__conv_shape shape =
            make_shape(2, 3 + width % 5, width, channels, channels, 3, stride, pad);
        shape.groups = channels;
        shape.relu = width % 2 == 0;
        check(&shape, &training, 2, 2e-6);
      }
}

/* So much that what comes next is fetched ahead, and then that outputs are stored past the caches; the gradients are
   chains over thousands of outputs. */
static void test_depthwise_beyond_the_cache(void **state) {
  (void)state;
  random_state = 12;
  const size_t images[2][2] = {{12, 20},
                               {16, 32}}; /* of stride 1, 2: 23, 37; 19, 37 MB of x and y */
  for (size_t stride = 1; stride <= 2; stride++)
    for (size_t i = 0; i < 2; i++) {
      const size_t batch = images[stride - 1][i];
      cnn__conv_shape shape = make_shape(batch, 40, 61, 96, 96, 3, stride, 1);
      shape.groups = 96;
      check(&shape, &training, batch, 5e-6);
    }
}

static void test_inference_needs_nothing_saved(void **state) {
  (void)state;
  random_state = 11;
  const cnn__conv_mode mode = {.exact = true};
  cnn__conv_shape shape = make_shape(1, 13, 11, 5, 33, 5, 1, 2);
  shape.pool_height = 2;
  shape.pool_width = 3;
  check(&shape, &mode, 1, 2e-6);
}

static void test_threads_change_no_bit(void **state) {
  (void)state;
  for (uint64_t seed = 500; seed < 540; seed++) {
    random_state = seed;
    const cnn__conv_shape shape = random_shape();
    sample s;
    sample_make(&s, &shape, &training, random_size(1, shape.batch));
    check_threads_agree(&s);
    sample_free(&s);
  }
}

/* The reference: convolve without pooling, then pool by the rule. */
static void test_fused_pooling_changes_no_bit(void **state) {
  (void)state;
  random_state = 13;
  cnn__conv_shape shape = make_shape(2, 11, 12, 4, 19, 3, 1, 1);
  shape.relu = true;
  sample plain, pooled;
  sample_make(&plain, &shape, &training, 2);
  shape.pool_height = 2;
  shape.pool_width = 3;
  sample_make(&pooled, &shape, &training, 2);
  memcpy(pooled.kernel, plain.kernel, plain.kernel_size * sizeof(float));
  memcpy(pooled.bias, plain.bias, shape.out_channels * sizeof(float));
  plain.x[100] = NAN;
  memcpy(pooled.x, plain.x, 2 * plain.x_size * sizeof(float));
  sample_run(&plain, 1);
  sample_run(&pooled, 2);
  for (size_t i = 0; i < 2 * pooled.y_size; i++) {
    const size_t channel = i % 19, column = i / 19 % 4, row = i / 19 / 4 % 5, image = i / 19 / 20;
    float best = -INFINITY;
    for (size_t w = 0; w < 6; w++) {
      const float y = plain.y[image * plain.y_size +
                              ((row * 2 + w / 3) * 12 + column * 3 + w % 3) * 19 + channel];
      if (isnan(y) || y > best) best = y;
      if (isnan(y)) break;
    }
    if (isnan(best))
      assert_true(isnan(pooled.y[i]));
    else
      assert_memory_equal(&best, &pooled.y[i], sizeof best);
  }
  sample_free(&plain);
  sample_free(&pooled);
}

enum { MOST_COUNTED = 40 };
typedef struct counted {
  _Atomic int runs[MOST_COUNTED];
} counted;

static void count_run(void *argument, size_t task, size_t slot) {
  (void)slot;
  counted *all = argument;
  if (task < MOST_COUNTED) all->runs[task]++;
}

static void assert_once(const counted *all, size_t count) {
  for (size_t i = 0; i < MOST_COUNTED; i++)
    assert_int_equal(all->runs[i], i < count);
}

static void test_tasks_of_two_kinds_run_once_each(void **state) {
  (void)state;
  cnn_context *context = cnn_context_new(.threads = 2);
  assert_non_null(context);
  for (size_t few = 0; few < 10; few++)
    for (size_t many = 0; many < MOST_COUNTED; many++) {
      counted of_few = {0}, of_many = {0};
      cnn__conv_run_both(context, (cnn__conv_tasks){few, count_run, &of_few},
                         (cnn__conv_tasks){many, count_run, &of_many});
      assert_once(&of_few, few);
      assert_once(&of_many, many);
    }
  cnn_context_free(context);
}

static void test_sizes_that_overflow_are_an_error(void **state) {
  (void)state;
  cnn__conv_shape shape = make_shape(SIZE_MAX / 4, 12, 12, 3, 32, 3, 1, 0);
  shape.relu = true;
  shape.pool_height = shape.pool_width = 2;
  cnn__conv conv;
  assert_int_equal(cnn__conv_plan(&shape, &training, &conv), CNN_E_LIMIT);
  shape = make_shape(1, 5, 5, SIZE_MAX / 8, 16, 3, 1, 0);
  assert_int_equal(cnn__conv_plan(&shape, &training, &conv), CNN_E_LIMIT);
}

static void test_pooling_windows_beyond_a_byte_are_not_fused(void **state) {
  (void)state;
  const cnn__conv_shape shape = make_shape(1, 40, 260, 3, 4, 3, 1, 1);
  assert_true(cnn__conv_can_pool(&shape, &training, 2, 2));
  assert_true(cnn__conv_can_pool(&shape, &training, 2, 127));
  assert_false(cnn__conv_can_pool(&shape, &training, 16, 16));
  assert_false(cnn__conv_can_pool(&shape, &training, 41, 1));
  assert_false(cnn__conv_can_pool(&shape, &training, 0, 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_shapes_equal_plain_loops),
      cmocka_unit_test(test_many_channels_are_taken_in_blocks),
      cmocka_unit_test(test_large_images_and_many_small_ones_are_taken_in_steps),
      cmocka_unit_test(test_one_by_one_with_strides),
      cmocka_unit_test(test_one_by_one_of_few_outputs),
      cmocka_unit_test(test_few_cells_are_shared_by_channels),
      cmocka_unit_test(test_weight_gradients_are_chains),
      cmocka_unit_test(test_a_large_cache_changes_no_bit),
      cmocka_unit_test(test_depthwise_with_a_multiplier),
      cmocka_unit_test(test_depthwise_of_awkward_shapes),
      cmocka_unit_test(test_depthwise_three_wide),
      cmocka_unit_test(test_depthwise_beyond_the_cache),
      cmocka_unit_test(test_inference_needs_nothing_saved),
      cmocka_unit_test(test_threads_change_no_bit),
      cmocka_unit_test(test_fused_pooling_changes_no_bit),
      cmocka_unit_test(test_tasks_of_two_kinds_run_once_each),
      cmocka_unit_test(test_sizes_that_overflow_are_an_error),
      cmocka_unit_test(test_pooling_windows_beyond_a_byte_are_not_fused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

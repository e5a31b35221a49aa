/* Winograd convolution against double-precision loops, and against itself. */
#include "base/cpu.h"
#include "conv_reference.h"
#include "ops/conv_winograd.h"

/* Linked in place of the library's. */
static size_t second_level = 512 * 1024;
size_t cnn__cpu_l2(void) {
  return second_level;
}

/* Of an error relative to the largest number; the largest seen is 3.4e-6. */
static const double bound = 6e-6;

static const cnn__conv_mode training = {.training = true, .input_gradient = true};

/* A shape that the cost rule gives to Winograd: 3 x 3, stride 1, channels enough. */
static cnn__conv_shape random_shape(void) {
  cnn__conv_shape s = make_shape(random_size(1, 9), random_size(3, 20), random_size(3, 20),
                                 random_size(8, 40), random_size(8, 70), 3, 1, 0);
  const size_t bottom = random_size(0, 2), right = random_size(0, 2);
  s.pad_top = random_size(0, 2);
  s.pad_left = random_size(0, 2);
  s.out_height = s.in_height + s.pad_top + bottom - 2;
  s.out_width = s.in_width + s.pad_left + right - 2;
  s.bias = random_size(0, 3) > 0;
  s.relu = random_size(0, 1);
  if (random_size(0, 1) && s.out_height > 1 && s.out_width > 1) s.pool_height = s.pool_width = 2;
  return s;
}

static void check(const cnn__conv_shape *shape, const cnn__conv_mode *mode, size_t images,
                  const char *expected) {
  sample s;
  sample_make(&s, shape, mode, images);
  const char *name = sample_run(&s, 2);
  if (expected) assert_string_equal(name, expected);
  sample_check(&s, name, bound);
  sample_free(&s);
}

static void test_random_shapes_equal_plain_loops(void **state) {
  (void)state;
  size_t winograd = 0;
  for (uint64_t seed = 1; seed <= 150; seed++) {
    random_state = seed;
    const cnn__conv_shape shape = random_shape();
    sample s;
    sample_make(&s, &shape, &training, random_size(1, shape.batch));
    const char *name = sample_run(&s, 2);
    winograd += strncmp(name, "winograd", 8) == 0;
    sample_check(&s, name, bound);
    sample_free(&s);
  }
  assert_true(winograd > 100); /* the rest is too small to pay */
}

static void test_all_remainders_of_the_tiles(void **state) {
  (void)state;
  for (size_t height = 4; height <= 9; height++)
    for (size_t width = 4; width <= 9; width++)
      for (size_t pool = 0; pool <= 2; pool += 2) {
        random_state = height * 10 + width;
        cnn__conv_shape shape = make_shape(24, height, width, 17, 21, 3, 1, 1);
        shape.pool_height = shape.pool_width = pool;
        shape.relu = true;
        check(&shape, &training, 3, "winograd-4x4");
      }
}

static void test_the_tutorials_layers(void **state) {
  (void)state;
  random_state = 3;
  cnn__conv_shape shape = make_shape(64, 15, 15, 32, 64, 3, 1, 0);
  shape.relu = true;
  shape.pool_height = shape.pool_width = 2;
  check(&shape, &training, 5, "winograd-4x4");
  shape = make_shape(64, 6, 6, 64, 128, 3, 1, 0);
  shape.relu = true;
  check(&shape, &training, 7, "winograd-4x4");
}

static void test_many_channels(void **state) {
  (void)state;
  random_state = 4;
  cnn__conv_shape shape = make_shape(4, 9, 9, 300, 270, 3, 1, 1);
  check(&shape, &training, 2, NULL);
}

/* A deep layer's gradients, images of a pass as planned or as told. */
static void deep_backward(const cnn__conv_shape *shape, size_t pass, float *dx, float *dkernel,
                          float *dbias) {
  cnn_context *context = cnn_context_new(.threads = 2);
  assert_non_null(context);
  const cnn__conv_mode mode = {true, true, false, cnn__context_slots(context)};
  cnn__conv conv;
  assert_int_equal(cnn__conv_plan(shape, &mode, &conv), CNN_OK);
  assert_true(conv.parameters[WINOGRAD_DEEP_BACKWARD]);
  assert_int_equal(conv.parameters[WINOGRAD_DEEP_IMAGES], shape->batch);
  if (pass) conv.parameters[WINOGRAD_DEEP_IMAGES] = pass;
  random_state = 6;
  const size_t cells = shape->batch * shape->out_height * shape->out_width;
  float *x = random_floats(shape->batch * shape->in_height * shape->in_width * shape->in_channels);
  float *kernel = random_floats(9 * shape->in_channels * shape->out_channels);
  float *bias = random_floats(shape->out_channels),
        *dy = random_floats(cells * shape->out_channels);
  float *prepared = memory(conv.prepared_size, sizeof(float));
  float *y = memory(cells * shape->out_channels, sizeof(float));
  void *scratch = memory(conv.scratch_size, 1), *slots = memory(conv.slot_size, mode.slots);
  cnn__conv_prepare(&conv, context, kernel, prepared);
  const cnn__conv_buffers buffers = {.x = x,
                                     .kernel = kernel,
                                     .prepared = prepared,
                                     .bias = bias,
                                     .y = y,
                                     .scratch = scratch,
                                     .slots = slots,
                                     .slot_pitch = conv.slot_size,
                                     .dy = dy,
                                     .dx = dx,
                                     .dkernel = dkernel,
                                     .dbias = dbias};
  cnn__conv_forward(&conv, context, shape->batch, &buffers);
  cnn__conv_backward(&conv, context, shape->batch, &buffers);
  free(x), free(kernel), free(bias), free(dy), free(prepared), free(y), free(scratch), free(slots);
  cnn_context_free(context);
}

static void test_passes_of_a_deep_layer_add_up(void **state) {
  (void)state;
  enum { BATCH = 5, SIZE = 9, IN = 300, OUT = 270 };
  const cnn__conv_shape shape = make_shape(BATCH, SIZE, SIZE, IN, OUT, 3, 1, 1);
  const size_t sizes[3] = {(size_t)BATCH * SIZE * SIZE * IN, (size_t)9 * IN * OUT, OUT};
  float *whole[3], *parts[3];
  for (int i = 0; i < 3; i++) {
    whole[i] = memory(sizes[i], sizeof(float));
    parts[i] = memory(sizes[i], sizeof(float));
  }
  deep_backward(&shape, 0, whole[0], whole[1], whole[2]);
  deep_backward(&shape, 2, parts[0], parts[1], parts[2]);
  assert_memory_equal(whole[0], parts[0], sizes[0] * sizeof(float));
  for (int i = 1; i < 3; i++)
    for (size_t j = 0; j < sizes[i]; j++)
      if (!(fabsf(whole[i][j] - parts[i][j]) < 1e-3f)) /* of sums of hundreds of products */
        fail_msg("%d, %zu: %g and %g", i, j, (double)whole[i][j], (double)parts[i][j]);
  for (int i = 0; i < 3; i++)
    free(whole[i]), free(parts[i]);
}

static void test_large_images_go_in_strips(void **state) {
  (void)state;
  random_state = 5;
  cnn__conv_shape shape = make_shape(1, 45, 50, 20, 24, 3, 1, 1);
  shape.relu = true;
  check(&shape, &training, 1, "winograd-4x4");
}

static void test_few_tiles_use_small_ones_or_none(void **state) {
  (void)state;
  const cnn__conv_mode inference = {.training = false};
  cnn__conv conv;
  cnn__conv_shape shape = make_shape(1, 7, 7, 256, 256, 3, 1, 1);
  assert_int_equal(cnn__conv_plan(&shape, &inference, &conv), CNN_OK);
  assert_string_not_equal(conv.name, "winograd-4x4");
  const cnn__conv_mode exact = {.exact = true};
  shape.batch = 64;
  assert_int_equal(cnn__conv_plan(&shape, &exact, &conv), CNN_OK);
  assert_string_equal(conv.name, "direct");
}

static void test_tiles_of_two(void **state) {
  (void)state;
  const cnn__conv_mode modes[2] = {{.training = false}, training};
  size_t found = 0;
  for (size_t channels = 16; channels <= 48; channels += 16)
    for (size_t size = 4; size <= 12; size++)
      for (size_t i = 0; i < 2; i++) {
        random_state = channels + size;
        cnn__conv_shape shape = make_shape(1, size, size, channels, channels + 1, 3, 1, 1);
        cnn__conv_mode mode = modes[i];
        mode.slots = 1;
        cnn__conv conv;
        assert_int_equal(cnn__conv_plan(&shape, &mode, &conv), CNN_OK);
        if (strcmp(conv.name, "winograd-2x2") != 0) continue;
        found++;
        check(&shape, &mode, 1, "winograd-2x2");
      }
  assert_true(found > 0);
}

static void test_threads_change_no_bit(void **state) {
  (void)state;
  for (uint64_t seed = 500; seed < 512; seed++) {
    random_state = seed;
    const cnn__conv_shape shape = random_shape();
    sample s;
    sample_make(&s, &shape, &training, random_size(1, shape.batch));
    check_threads_agree(&s);
    sample_free(&s);
  }
}

/* A single image is shared out by tiles or by channels where caches are large, by frequencies elsewhere: the same bits. */
static void test_a_single_image_is_shared_by_tiles_or_channels(void **state) {
  (void)state;
  enum { TILES, CHANNELS, FREQUENCIES };
  struct {
    cnn__conv_shape shape;
    int shared;
  } cases[] = {{make_shape(1, 15, 15, 32, 64, 3, 1, 0), TILES},
               {make_shape(1, 14, 17, 24, 72, 3, 1, 1), TILES},
               {make_shape(1, 6, 6, 64, 128, 3, 1, 0), CHANNELS},
               {make_shape(1, 9, 8, 100, 150, 3, 1, 1), CHANNELS},
               {make_shape(1, 8, 8, 80, 60, 3, 1, 1), FREQUENCIES}};
  cases[0].shape.relu = cases[3].shape.relu = true;
  cases[0].shape.pool_height = cases[0].shape.pool_width = 2;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const cnn__conv_mode two = {.slots = 2};
    cnn__conv conv;
    random_state = 40 + i;
    sample s;
    sample_make(&s, &cases[i].shape, &two, 1);
    second_level = CNN__LARGE_L2;
    assert_int_equal(cnn__conv_plan(&cases[i].shape, &two, &conv), CNN_OK);
    const size_t high =
        cnn__winograd_geometry_of(&conv.shape, conv.parameters[WINOGRAD_SIZE]).rows.tiles;
    assert_int_equal(conv.parameters[WINOGRAD_DEEP_FORWARD], cases[i].shared == FREQUENCIES);
    assert_int_equal(conv.parameters[WINOGRAD_PARTS], cases[i].shared == CHANNELS ? 2 : 1);
    if (cases[i].shared == TILES) assert_int_equal(conv.parameters[WINOGRAD_ROWS], (high + 1) / 2);
    sample_check(&s, sample_run(&s, 2), bound);
    check_threads_agree(&s);
    float *large = memory(s.y_size, sizeof(float));
    memcpy(large, s.y, s.y_size * sizeof(float));
    second_level = CNN__LARGE_L2 / 2;
    sample_run(&s, 2);
    assert_memory_equal(large, s.y, s.y_size * sizeof(float));
    free(large);
    sample_free(&s);
  }
}

/* Spectra that large caches hold make one deep pass, elsewhere groups: the same bits. */
static void test_near_spectra_make_a_deep_pass(void **state) {
  (void)state;
  cnn__conv_shape shape = make_shape(64, 6, 6, 64, 128, 3, 1, 0);
  shape.relu = true;
  cnn__conv_mode mode = training;
  mode.slots = 2;
  random_state = 50;
  sample s;
  sample_make(&s, &shape, &mode, 64);
  float *y[2];
  for (size_t i = 0; i < 2; i++) {
    cnn__conv conv;
    second_level = i ? CNN__LARGE_L2 : CNN__LARGE_L2 / 2;
    assert_int_equal(cnn__conv_plan(&shape, &mode, &conv), CNN_OK);
    assert_int_equal(conv.parameters[WINOGRAD_DEEP_FORWARD], i);
    sample_check(&s, sample_run(&s, 2), bound);
    y[i] = memory(64 * s.y_size, sizeof(float));
    memcpy(y[i], s.y, 64 * s.y_size * sizeof(float));
  }
  assert_memory_equal(y[0], y[1], 64 * s.y_size * sizeof(float));
  second_level = CNN__LARGE_L2 / 2;
  free(y[0]), free(y[1]);
  sample_free(&s);
}

/* Every size of image, so that every remainder of tiles meets the edge that pooling drops. */
static void test_fused_pooling_changes_no_bit(void **state) {
  (void)state;
  for (size_t size = 4; size <= 12; size++) {
    random_state = size;
    cnn__conv_shape shape = make_shape(16, size, size + 1, 12, 18, 3, 1, 1);
    shape.relu = true;
    sample plain, pooled;
    sample_make(&plain, &shape, &training, 2);
    assert_true(cnn__conv_can_pool(&shape, &training, 2, 2));
    shape.pool_height = shape.pool_width = 2;
    sample_make(&pooled, &shape, &training, 2);
    memcpy(pooled.kernel, plain.kernel, plain.kernel_size * sizeof(float));
    memcpy(pooled.bias, plain.bias, shape.out_channels * sizeof(float));
    memcpy(pooled.x, plain.x, 2 * plain.x_size * sizeof(float));
    sample_run(&plain, 1);
    sample_run(&pooled, 2);
    const size_t columns = shape.out_width / 2, rows = shape.out_height / 2;
    for (size_t i = 0; i < 2 * pooled.y_size; i++) {
      const size_t cell = i / 18, row = cell / columns % rows, image = cell / columns / rows;
      float best = -INFINITY;
      for (size_t w = 0; w < 4; w++) {
        const size_t at = (row * 2 + w / 2) * shape.out_width + cell % columns * 2 + w % 2;
        const float y = plain.y[image * plain.y_size + at * 18 + i % 18];
        if (y > best) best = y;
      }
      assert_memory_equal(&best, &pooled.y[i], sizeof best);
    }
    sample_free(&plain);
    sample_free(&pooled);
  }
}

static void test_a_short_batch_has_the_bits_of_a_full_one(void **state) {
  (void)state;
  random_state = 21;
  cnn__conv_shape shape = make_shape(16, 9, 9, 24, 40, 3, 1, 0);
  shape.relu = true;
  sample all, few;
  sample_make(&all, &shape, &training, 16);
  sample_make(&few, &shape, &training, 3);
  memcpy(few.kernel, all.kernel, all.kernel_size * sizeof(float));
  memcpy(few.bias, all.bias, shape.out_channels * sizeof(float));
  memcpy(few.x, all.x, 3 * all.x_size * sizeof(float));
  sample_run(&all, 2);
  sample_run(&few, 2);
  assert_memory_equal(all.y, few.y, 3 * all.y_size * sizeof(float));
  sample_free(&all);
  sample_free(&few);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_shapes_equal_plain_loops),
      cmocka_unit_test(test_all_remainders_of_the_tiles),
      cmocka_unit_test(test_the_tutorials_layers),
      cmocka_unit_test(test_many_channels),
      cmocka_unit_test(test_passes_of_a_deep_layer_add_up),
      cmocka_unit_test(test_large_images_go_in_strips),
      cmocka_unit_test(test_few_tiles_use_small_ones_or_none),
      cmocka_unit_test(test_tiles_of_two),
      cmocka_unit_test(test_threads_change_no_bit),
      cmocka_unit_test(test_a_single_image_is_shared_by_tiles_or_channels),
      cmocka_unit_test(test_near_spectra_make_a_deep_pass),
      cmocka_unit_test(test_fused_pooling_changes_no_bit),
      cmocka_unit_test(test_a_short_batch_has_the_bits_of_a_full_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

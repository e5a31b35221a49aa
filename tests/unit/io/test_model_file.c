/* Whole model files: what is saved is loaded, and whatever else a file holds is refused or harmless. */
#include "model_files.h"
#include <fcntl.h>
#include <math.h>

static const char path[] = "model", other[] = "other";

/* ---- good files ---- */

static void assert_same_parameters(cnn_model *a, cnn_model *b) {
  assert_int_equal(cnn_model_parameter_count(a), cnn_model_parameter_count(b));
  for (int64_t i = 0; i < cnn_model_parameter_count(a); i++) {
    const char *name = cnn_model_parameter_name(a, i);
    cnn_tensor *x = cnn_model_parameter(a, name), *y = cnn_model_parameter(b, name);
    assert_non_null(x);
    assert_non_null(y);
    assert_memory_equal(cnn_tensor_floats(x), cnn_tensor_floats(y),
                        (size_t)cnn_tensor_count(x) * sizeof(float));
    cnn_tensor_free(x);
    cnn_tensor_free(y);
  }
}

static void assert_same_files(const char *a, const char *b) {
  size_t a_size, b_size;
  unsigned char *x = file_bytes(a, &a_size), *y = file_bytes(b, &b_size);
  assert_int_equal(a_size, b_size);
  assert_memory_equal(x, y, a_size);
  free(x);
  free(y);
}

static void test_what_is_saved_is_loaded(void **state) {
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_set_frozen(model, "conv2d", 1), CNN_OK);
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  cnn_model *loaded = cnn_model_load(path);
  assert_non_null(loaded);
  assert_same_parameters(model, loaded);
  assert_string_equal(cnn_model_note(loaded, "licence"), "none \"at\" all");
  assert_string_equal(cnn_model_class_name(loaded, 1), "high");
  assert_int_equal(cnn_model_epochs_done(loaded), 1);
  assert_true(cnn_model_learning_rate(loaded) == cnn_model_learning_rate(model));
  assert_memory_equal(cnn_history_series(cnn_model_history(loaded), "val_loss"),
                      cnn_history_series(cnn_model_history(model), "val_loss"), sizeof(double));
  assert_true(isnan(cnn_history_seconds(cnn_model_history(loaded))[0])); /* is not in files */
  assert_int_equal(cnn_model_save(loaded, other), CNN_OK);
  assert_same_files(path, other);
  assert_int_equal(resume(model, 3), CNN_OK);
  assert_int_equal(resume(loaded, 3), CNN_OK);
  assert_same_parameters(model, loaded);
  cnn_model_free(model);
  cnn_model_free(loaded);
}

/* Four classes, and an output of 2x2x1: their names are none of the model's. */
static void test_a_model_takes_no_class_names_that_its_file_could_not_have(void **state) {
  const int64_t shape[] = {8, SIDE, SIDE, 1}, all[] = {8};
  cnn_tensor *images = cnn_tensor_create(CNN_FLOAT32, 4, shape);
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, all);
  cnn_dataset *data = cnn_array_dataset(.images = images, .labels = labels, .classes = 4);
  cnn_loader *loader = cnn_loader_new(data, .batch_size = 4, .one_hot = 1);
  cnn_model *model =
      cnn_sequential(cnn_input(.shape = {SIDE, SIDE, 1}), cnn_conv2d(.filters = 1, .kernel = {3}));
  assert_int_equal(cnn_model_compile(model, .optimizer = cnn_sgd(), .loss_name = "mse"), CNN_OK);
  assert_int_equal(cnn_model_fit(model, loader), CNN_OK);
  assert_null(cnn_model_class_name(model, 0));
  assert_int_equal(cnn_model_save(model, other), CNN_OK);
  cnn_model *loaded = cnn_model_load(other);
  assert_non_null(loaded);
  cnn_model_free(loaded);
  cnn_model_free(model);
  cnn_loader_free(loader);
  cnn_dataset_free(data);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
}

static cnn_layer *next_convolution(void) {
  return cnn_conv2d(.filters = 1, .kernel = {1});
}

/* The architecture alone may have too many values, or the header with its tensors. */
static void test_what_could_not_be_loaded_is_not_saved(void **state) {
  static const struct {
    size_t most, more;
    cnn_layer *(*layer)(void);
    const char *why;
  } cases[] = {
      {1000, 1300, next_convolution, "other: architecture: JSON of more than 32768 values"},
      {1150, 1500, next_normalization, "other: JSON of more than"}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cnn_model *model = row_of(cases[i].most, cases[i].layer);
    assert_int_equal(cnn_model_save(model, other), CNN_OK);
    cnn_model_free(model);
    model = row_of(cases[i].more, cases[i].layer);
    assert_int_equal(cnn_model_save(model, other), CNN_E_LIMIT);
    if (!strstr(cnn_last_error(), cases[i].why)) fail_msg("%s", cnn_last_error());
    cnn_model_free(model);
    model = cnn_model_load(other); /* what was there is there */
    assert_non_null(model);
    assert_int_equal(cnn_model_layer_count(model), cases[i].most + 1);
    cnn_model_free(model);
  }
}

static void test_a_file_of_weights_has_no_training(void **state) {
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_save_weights(model, path), CNN_OK);
  cnn_model *loaded = cnn_model_load(path);
  assert_same_parameters(model, loaded);
  assert_string_equal(cnn_model_class_name(loaded, 0), "low");
  assert_int_equal(resume(loaded, 3), CNN_E_STATE);
  cnn_model *fresh = small_model();
  assert_int_equal(cnn_model_load_weights(fresh, path), CNN_OK);
  assert_same_parameters(model, fresh);
  cnn_model_free(fresh);
  cnn_model_free(loaded);
  cnn_model_free(model);
}

static void test_weights_of_another_model_leave_it_as_it_was(void **state) {
  cnn_model *model = trained_model(), *loaded = NULL;
  cnn_model *wider =
      cnn_sequential(cnn_input(.shape = {SIDE, SIDE, 1}),
                     cnn_conv2d(.filters = 3, .kernel = {3}, .activation = CNN_RELU));
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  assert_int_equal(cnn_model_save(wider, other), CNN_OK);
  assert_error(CNN_E_MISMATCH, cnn_model_load_weights(model, other), "conv2d/kernel");
  loaded = cnn_model_load(path);
  assert_same_parameters(model, loaded);
  cnn_model_free(loaded);
  cnn_model_free(wider);
  cnn_model_free(model);
}

/* ---- damaged files ---- */

/* Loads and, where that succeeds, uses it. False where it was refused, as files may be. */
static bool load_and_use(const char *what, long at) {
  const int64_t shape[] = {1, SIDE, SIDE, 1};
  cnn_clear_error();
  cnn_model *model = cnn_model_load(other);
  if (!model) {
    if (!is_load_failure(cnn_last_status()))
      fail_msg("%s %ld: status %d: %s", what, at, (int)cnn_last_status(), cnn_last_error());
    return false;
  }
  cnn_tensor *image = cnn_tensor_create(CNN_FLOAT32, 4, shape);
  cnn_tensor_free(cnn_model_predict(model, image)); /* which may fail: its input may be another */
  cnn_tensor_free(image);
  cnn_model_free(model);
  return true;
}

static size_t header_size(const unsigned char *bytes) {
  return 8 + bytes[0] + ((size_t)bytes[1] << 8);
}

/* In place: a file that is written anew for each byte takes ten times as long. */
static void put_byte(int file, size_t at, int byte) {
  const unsigned char value = (unsigned char)byte;
  assert_int_equal(pwrite(file, &value, 1, (off_t)at), 1);
}

static unsigned char *write_trained(size_t *size) {
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  cnn_model_free(model);
  unsigned char *bytes = file_bytes(path, size);
  assert_true(*size < 8192);
  return bytes;
}

static void test_every_byte_of_the_header_changed(void **state) {
  static const unsigned char changes[] = {0x01, 0x02, 0x10, 0x80, 0xff};
  size_t size, loaded = 0, tried = 0;
  unsigned char *bytes = write_trained(&size);
  put_bytes(other, bytes, size);
  const int file = open(other, O_WRONLY);
  const long long held = atomic_load(&memory.now);
  atomic_store(&memory.most, held);
  for (size_t at = 0; at < header_size(bytes); at++, put_byte(file, at - 1, bytes[at - 1]))
    for (size_t k = 0; k < sizeof changes; k++, tried++) {
      put_byte(file, at, bytes[at] ^ changes[k]);
      loaded += load_and_use("byte", (long)at);
      assert_int_equal(atomic_load(&memory.now), held);
    }
  print_message(
      "%zu headers, %zu of them loaded (names, numbers, notes); at most %lld bytes of memory\n",
      tried, loaded, atomic_load(&memory.most) - held);
  assert_true(atomic_load(&memory.most) - held < (long long)size + (8 << 20));
  assert_int_equal(close(file), 0);
  free(bytes);
}

static void test_every_truncation(void **state) {
  size_t size;
  unsigned char *bytes = write_trained(&size);
  put_bytes(other, bytes, size);
  assert_true(load_and_use("size", (long)size));
  for (size_t length = size; length-- > 0;) {
    assert_int_equal(truncate(other, (off_t)length), 0);
    if (load_and_use("size", (long)length))
      fail_msg("%zu of %zu bytes are taken for a model", length, size);
  }
  free(bytes);
}

/* Numbers may be anything; states that cannot be are refused, and none of the others is harmful to a fit. */
static void test_every_byte_of_the_data_changed(void **state) {
  size_t size, resumed = 0, tried = 0;
  unsigned char *bytes = write_trained(&size);
  put_bytes(other, bytes, size);
  const int file = open(other, O_WRONLY);
  for (size_t at = header_size(bytes); at < size; at++, tried++) {
    put_byte(file, at - 1, bytes[at - 1]);
    put_byte(file, at, bytes[at] ^ 0xff);
    cnn_clear_error();
    cnn_model *model = cnn_model_load(other);
    if (!model) {
      assert_true(is_load_failure(cnn_last_status()));
      continue;
    }
    cnn_status status = resume(model, 2);
    resumed += status == CNN_OK;
    if (status && status != CNN_E_MISMATCH && status != CNN_E_FORMAT && status != CNN_E_NUMERIC)
      fail_msg("byte %zu: status %d: %s", at, (int)status, cnn_last_error());
    cnn_model_free(model);
  }
  print_message("%zu files, %zu of them trained on\n", tried, resumed);
  assert_int_equal(close(file), 0);
  free(bytes);
}

/* ---- files that lie ---- */

static void test_architectures_that_cannot_be(void **state) {
  static const struct {
    const char *why, *from, *to;
  } cases[] = {
      {"huge units", "\"units\":2", "\"units\":4611686018427387904"},
      {"units that overflow", "\"units\":2", "\"units\":9223372036854775807"},
      {"more units than weights", "\"units\":2", "\"units\":3"},
      {"no units", "\"units\":2", "\"units\":0"},
      {"negative units", "\"units\":2", "\"units\":-2"},
      {"units that are no integer", "\"units\":2", "\"units\":2.5"},
      {"an unknown class", "\"Conv2D\"", "\"Conv9D\""},
      {"an unknown setting", "\"units\":2", "\"units\":2,\"more\":1"},
      {"no filters", "\"filters\":2", "\"filters\":0"},
      {"a kernel of 0", "\"kernel\":[3,3]", "\"kernel\":[0,3]"},
      {"a kernel beyond the input", "\"kernel\":[3,3]", "\"kernel\":[5,5]"},
      {"a huge kernel", "\"kernel\":[3,3]", "\"kernel\":[4294967296,4294967296]"},
      {"a stride of 0", "\"stride\":[1,1]", "\"stride\":[0,1]"},
      {"a negative stride", "\"stride\":[1,1]", "\"stride\":[1,-1]"},
      {"a dilation of 0", "\"dilation\":[1,1]", "\"dilation\":[1,0]"},
      {"a huge dilation", "\"dilation\":[1,1]", "\"dilation\":[9223372036854775807,1]"},
      {"no groups", "\"groups\":1", "\"groups\":0"},
      {"groups that do not divide", "\"groups\":1", "\"groups\":2"},
      {"a huge input", "\"shape\":[4,4,1]", "\"shape\":[4611686018427387904,4,1]"},
      {"an input without size", "\"shape\":[4,4,1]", "\"shape\":[4,0,1]"},
      {"an input of rank 9", "\"shape\":[4,4,1]", "\"shape\":[4,4,1,1,1,1,1,1,1]"},
      {"an input of rank 0", "\"shape\":[4,4,1]", "\"shape\":[]"},
      {"an input behind its reader", "\"inputs\":[0]", "\"inputs\":[4]"},
      {"a layer that reads itself", "\"inputs\":[0]", "\"inputs\":[1]"},
      {"a negative input", "\"inputs\":[0]", "\"inputs\":[-1]"},
      {"two inputs of a layer of one", "\"inputs\":[0]", "\"inputs\":[0,0]"},
      {"no input of a layer of one", "\"inputs\":[0]", "\"inputs\":[]"},
      {"a layer without a place", "\"inputs\":[1]", "\"inputs\":[0]"},
      {"an output that is no layer", "\"output\":4", "\"output\":5"},
      {"a negative output", "\"output\":4", "\"output\":-1"},
      {"an output in the middle", "\"output\":4", "\"output\":3"},
      {"two layers of one name", "\"flatten\"", "\"dense\""},
      {"a slash in a name", "\"flatten\"", "\"a/b\""},
      {"layers that are none", "\"layers\":[", "\"layers\":[1,"},
      {"NaN as a number", "\"epsilon\":0.001", "\"epsilon\":NaN"},
      {"a number beyond a double", "\"epsilon\":0.001", "\"epsilon\":1e999"},
      {"no epsilon", "\"epsilon\":0.001", "\"epsilon\":null"},
      {"a negative epsilon", "\"epsilon\":0.001", "\"epsilon\":-1"},
      {"an unknown activation", "\"softmax\"", "\"hardmax\""},
      {"a missing brace", "]}", "]"},
  };
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_save_weights(model, path), CNN_OK);
  cnn_model_free(model);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_different(
        path, other,
        &(difference){.text = "architecture", .from = cases[i].from, .to = cases[i].to});
    const long long held = atomic_load(&memory.now);
    atomic_store(&memory.most, held);
    if (load_and_use(cases[i].why, 0)) fail_msg("taken: %s", cases[i].why);
    if (!strstr(cnn_last_error(), other))
      fail_msg("%s: \"%s\" names no file", cases[i].why, cnn_last_error());
    assert_true(atomic_load(&memory.most) - held < 1 << 20);
  }
}

/* Which of two checks it is that refuses shows in the message. */
static void test_places_in_an_architecture_are_told(void **state) {
  static const struct {
    const char *from, *to, *words;
  } cases[] = {{"\"inputs\":[1]", "\"inputs\":[2]", "layer 2: inputs must be layers before it"},
               {"\"inputs\":[3]", "\"inputs\":[4]", "layer 4: inputs must be layers before it"},
               {"\"inputs\":[3]", "\"inputs\":7", "layer 4: inputs must be layers before it"},
               {"\"output\":4", "\"output\":-1", "layers, sequential and output are expected"},
               {"\"output\":4", "\"output\":0", "the output, input, does not need this layer"},
               {"\"output\":4", "\"output\":3", "the output, flatten, does not need this layer"},
               {"\"output\":4", "\"output\":5", "layers, sequential and output are expected"}};
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_save_weights(model, path), CNN_OK);
  cnn_model_free(model);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_different(
        path, other,
        &(difference){.text = "architecture", .from = cases[i].from, .to = cases[i].to});
    assert_false(load_and_use(cases[i].to, 0));
    if (!strstr(cnn_last_error(), cases[i].words))
      fail_msg("%s: %s", cases[i].to, cnn_last_error());
  }
}

static void test_texts_that_cannot_be(void **state) {
  static const struct {
    const char *text, *from, *to;
  } cases[] = {
      {"format", "libcnn", "other"},
      {"version", "1", "2"},
      {"classes", "\"low\",", ""},
      {"classes", "\"low\"", "7"},
      {"classes", "[", "{"},
      {"notes", "\"none \\\"at\\\" all\"", "1"},
      {"training", "\"sgd\"", "\"sgdx\""},
      {"training", "\"momentum\":0.9", "\"momentum\":-1"},
      {"training", "\"momentum\":0.9", "\"momentum\":2"},
      {"training", "\"history\":[\"loss\"", "\"history\":["},
      {"training", "\"history\":[\"loss\"", "\"history\":[7"},
      {"training", "\"metrics\":[", "\"metrics\":[1,"},
      {"training", "\"metrics\":", "\"metrix\":"},
      {"training", "\"callbacks\":[", "\"callbacks\":[1,"},
      {"training", "\"arrays\":[", "\"arrays\":[1,"},
      {"training", "\"arrays\":[", "\"arrays\":[\"nothing\","},
      {"training", "\"arrays\":[", "\"arrays\":[\"dense/bias\","},
  };
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  cnn_model_free(model);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_different(path, other,
                    &(difference){.text = cases[i].text, .from = cases[i].from, .to = cases[i].to});
    if (load_and_use(cases[i].to, (long)i)) fail_msg("taken: %s in %s", cases[i].to, cases[i].text);
  }
}

static void test_tensors_that_are_missing(void **state) {
  static const char *const names[] = {"conv2d/kernel",
                                      "dense/bias",
                                      "batch_normalization/moving_mean",
                                      "training/counters",
                                      "training/sums",
                                      "training/optimizer",
                                      "training/metrics",
                                      "training/history",
                                      "training/slot/momentum/dense/kernel",
                                      "training/callback/0/dense/kernel"};
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  cnn_model_free(model);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    write_different(path, other, &(difference){.without = names[i]});
    if (load_and_use(names[i], 0)) fail_msg("taken without %s", names[i]);
  }
}

/* How much memory beside the file is taken until the lack of a tensor is noticed. */
static long long memory_without(const char *tensor) {
  write_different(path, other, &(difference){.without = tensor});
  const long long held = atomic_load(&memory.now);
  atomic_store(&memory.most, held);
  cnn_clear_error();
  assert_null(cnn_model_load(other));
  assert_error(CNN_E_FORMAT, cnn_last_status(), tensor);
  return atomic_load(&memory.most) - held;
}

/* The optimizer's arrays, of 128 KiB each: there is no memory for any of them before all are found. */
static void test_slots_are_looked_for_before_there_is_memory_for_them(void **state) {
  cnn_model *model =
      cnn_sequential(cnn_input(.shape = {64}), cnn_dense(.units = 512, .activation = CNN_SOFTMAX));
  assert_int_equal(cnn_model_compile(model, .optimizer = cnn_adam(),
                                     .loss = cnn_sparse_categorical_crossentropy()),
                   CNN_OK);
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  cnn_model_free(model);
  const long long first = memory_without("training/slot/m/dense/kernel");
  assert_true(llabs(memory_without("training/slot/m/dense/bias") - first) < 1 << 14);
  assert_true(llabs(memory_without("training/slot/v/dense/kernel") - first) < 1 << 14);
  assert_true(llabs(memory_without("training/slot/v/dense/bias") - first) < 1 << 14);
}

/* ---- training states ---- */

#define MOST (UINT64_C(1) << 53) /* what counters are at most */

typedef struct counter_case {
  size_t counter;
  uint64_t value;
} counter_case;

/* Whether the model at path loads, and works, with another number in that place. */
static bool loads_with(const counter_case *with) {
  write_different(
      path, other,
      &(difference){
          .tensor = "training/counters", .at = with->counter, .values = &with->value, .bytes = 8});
  return load_and_use("counter", (long)with->counter);
}

static void test_states_that_cannot_be(void **state) {
  static const counter_case cases[] = {
      {1, UINT64_MAX},  {1, MOST + 1}, {2, 2},          {3, UINT64_MAX}, {3, MOST + 1}, {4, 1000},
      {4, 4},           {5, MOST + 1}, {6, MOST + 1},   {8, UINT64_MAX}, {8, MOST + 1}, {9, 2},
      {9, 7},           {10, 2},       {11, 2},         {12, 2},         {13, 0},       {13, 2},
      {13, UINT64_MAX}, {15, 1},       {15, UINT64_MAX}};
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  cnn_model_free(model);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (loads_with(&cases[i]))
      fail_msg("counter %zu of %llu is taken", cases[i].counter,
               (unsigned long long)cases[i].value);
  }
}

static void test_the_outermost_states_that_can_be(void **state) {
  static const counter_case cases[] = {
      {0, UINT64_MAX}, {1, MOST},       {2, 0},    {3, MOST}, {4, 0},  {4, 3},  {5, MOST},
      {6, MOST},       {7, UINT64_MAX}, {8, MOST}, {9, 0},    {10, 1}, {11, 1}, {14, UINT64_MAX}};
  static const double none = 0, less = -1;
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  cnn_model_free(model);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (!loads_with(&cases[i])) fail_msg("%s", cnn_last_error());
  }
  difference sum = {.tensor = "training/sums", .at = 1, .values = &none, .bytes = 8};
  write_different(path, other, &sum);
  assert_true(load_and_use("samples", 0));
  sum.values = &less;
  write_different(path, other, &sum);
  assert_false(load_and_use("samples", -1));
}

/* What a fit is given back by a file that a stranger wrote: it ends, or fails with a status. */
static void test_callback_states_that_cannot_be(void **state) {
  static const struct {
    const char *from, *to;
  } cases[] = {
      {"\\\"wait\\\":0", "\\\"wait\\\":9223372036854775807"},
      {"\\\"wait\\\":0", "\\\"wait\\\":-1"},
      {"\\\"wait\\\":0", "\\\"wait\\\":0.5"},
      {"\\\"wait\\\":0", "\\\"weight\\\":0"},
      {"\\\"wait\\\":0,", ""},
      {"\\\"stopped\\\":false", "\\\"stopped\\\":7"},
      {"\\\"best\\\":", "\\\"best\\\":[],\\\"worst\\\":"},
      {"{\\\"wait", "[{\\\"wait"},
      {"\"arrays\":[\"conv2d/kernel\",", "\"arrays\":["},
  };
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  cnn_model_free(model);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_different(path, other,
                    &(difference){.text = "training", .from = cases[i].from, .to = cases[i].to});
    cnn_clear_error();
    model = cnn_model_load(other);
    cnn_status status = model ? resume(model, 2) : cnn_last_status();
    if (status != CNN_E_FORMAT)
      fail_msg("%s: status %d: %s", cases[i].to, (int)status, cnn_last_error());
    cnn_model_free(model);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_saved_is_loaded),
      cmocka_unit_test(test_a_model_takes_no_class_names_that_its_file_could_not_have),
      cmocka_unit_test(test_what_could_not_be_loaded_is_not_saved),
      cmocka_unit_test(test_a_file_of_weights_has_no_training),
      cmocka_unit_test(test_weights_of_another_model_leave_it_as_it_was),
      cmocka_unit_test(test_every_byte_of_the_header_changed),
      cmocka_unit_test(test_every_truncation),
      cmocka_unit_test(test_every_byte_of_the_data_changed),
      cmocka_unit_test(test_architectures_that_cannot_be),
      cmocka_unit_test(test_places_in_an_architecture_are_told),
      cmocka_unit_test(test_texts_that_cannot_be),
      cmocka_unit_test(test_tensors_that_are_missing),
      cmocka_unit_test(test_slots_are_looked_for_before_there_is_memory_for_them),
      cmocka_unit_test(test_states_that_cannot_be),
      cmocka_unit_test(test_the_outermost_states_that_can_be),
      cmocka_unit_test(test_callback_states_that_cannot_be),
  };
  return cmocka_run_group_tests_name("model files", tests, model_files_enter, model_files_leave);
}

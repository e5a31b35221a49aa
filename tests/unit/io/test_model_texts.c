/* The texts in a model file's header (architecture, training, classes, preprocessing, notes) with one thing wrong: every
   member in turn gone, misnamed or doubled in number, every value in turn of every other type, lists that are too long,
   tensors of another type or shape. */
#include "model_files.h"

enum { CHANNELS = 2 };

static const char path[] = "model", other[] = "other";

/* A model whose file has every text, with more than one of all that may be more than one. */
static cnn_model *described_model(void) {
  static const double mean[CHANNELS] = {0.25, 0.5}, deviation[CHANNELS] = {1, 2};
  static const char *const names[] = {"low", "high"};
  const int64_t shape[] = {8, SIDE, SIDE, CHANNELS}, all[] = {8};
  cnn_tensor *images = cnn_tensor_create(CNN_FLOAT32, 4, shape);
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, all);
  cnn_dataset *data = cnn_array_dataset(.images = images, .labels = labels, .classes = 2);
  cnn_loader *loader = cnn_loader_new(data, .batch_size = 4);
  cnn_loader *checks = cnn_loader_new(data, .batch_size = 4);
  cnn_model *model = cnn_sequential(cnn_input(.shape = {SIDE, SIDE, CHANNELS}),
                                    cnn_conv2d(.filters = 2, .kernel = {3}), cnn_flatten(),
                                    cnn_dense(.units = 2, .activation = CNN_SOFTMAX));
  assert_int_equal(cnn_model_compile(model, .optimizer = cnn_sgd(.momentum = 0.9),
                                     .loss = cnn_sparse_categorical_crossentropy(),
                                     .metrics = {cnn_accuracy()}),
                   CNN_OK);
  assert_int_equal(cnn_model_fit(model, loader, .validation = checks,
                                 .callbacks = {stopping(), cnn_reduce_on_plateau()}),
                   CNN_OK);
  assert_int_equal(cnn_model_set_class_names(model, names, 2), CNN_OK);
  assert_int_equal(cnn_model_set_preprocessing(model, 0.5, mean, deviation, CHANNELS), CNN_OK);
  assert_int_equal(cnn_model_set_note(model, "licence", "none"), CNN_OK);
  assert_int_equal(cnn_model_set_note(model, "from", "a test"), CNN_OK);
  cnn_loader_free(loader);
  cnn_loader_free(checks);
  cnn_dataset_free(data);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  return model;
}

static int write_model(void **state) {
  cnn_model *model = described_model();
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  cnn_model_free(model);
  return 0;
}

static void expect_load_failure(const char *why) {
  cnn_clear_error();
  cnn_model *model = cnn_model_load(other);
  if (model) fail_msg("taken: %s", why);
  if (!is_load_failure(cnn_last_status()))
    fail_msg("%s: status %d: %s", why, (int)cnn_last_status(), cnn_last_error());
  if (!strstr(cnn_last_error(), other)) fail_msg("%s: \"%s\" names no file", why, cnn_last_error());
}

static void expect_refusal(const difference *d, const char *why) {
  write_different(path, other, d);
  expect_load_failure(why);
}

/* ---- one change everywhere ---- */

/* Behind the value or key that begins at c, in JSON without spaces. */
static const char *end_of(const char *c) {
  if (*c == '"') {
    for (c++; *c != '"'; c++)
      c += *c == '\\';
    return c + 1;
  }
  if (*c != '[' && *c != '{') return c + strcspn(c, ",]}");
  int depth = 0;
  do {
    depth += (*c == '[' || *c == '{') - (*c == ']' || *c == '}');
    c = *c == '"' ? end_of(c) : c + 1;
  } while (depth > 0);
  return c;
}

static char kind_of(const char *value) {
  return strchr("[{\"tfn", *value) ? (*value == 'f' ? 't' : *value) : '0';
}

typedef struct changer {
  const char *name;
  char *text, *header; /* a text of the header, and all of it */
  const unsigned char *data;
  size_t data_size;
  bool any_names; /* its members' names are the file's own */
  size_t changes;
} changer;

/* The text as it stands in the header, within quotes. */
static char *escaped(const char *text) {
  char *result = malloc(2 * strlen(text) + 3), *to = result;
  *to++ = '"';
  for (; *text; *to++ = *text++)
    if (strchr("\"\\", *text)) *to++ = '\\';
  *to++ = '"';
  *to = 0;
  return result;
}

/* Writes the model's file with a text replaced: in memory, for writing it as the library does, with its syncs, takes ten
   times as long. */
static void write_with(const changer *c, const char *text) {
  const char *at = strstr(c->header, c->name) + strlen(c->name) + 2, *behind = end_of(at);
  char *quoted = escaped(text);
  const size_t size = strlen(c->header) + strlen(quoted) - (size_t)(behind - at);
  char *file = malloc(8 + size + c->data_size + 1);
  for (size_t i = 0; i < 8; i++)
    file[i] = (char)(unsigned char)(size >> (8 * i));
  (void)sprintf(file + 8, "%.*s%s%s", (int)(at - c->header), c->header, quoted, behind);
  memcpy(file + 8 + size, c->data, c->data_size);
  put_bytes(other, file, 8 + size + c->data_size);
  free(file);
  free(quoted);
}

/* The text with what lies in [begin, end) replaced is no model's. */
static void refuse_with(changer *c, const char *begin, const char *end, const char *instead) {
  char *whole = malloc(strlen(c->text) + strlen(instead) + 1), why[256];
  (void)sprintf(whole, "%.*s%s%s", (int)(begin - c->text), c->text, instead, end);
  (void)snprintf(why, sizeof why, "%s: \"%s\" in place of \"%.*s\"", c->name, instead,
                 (int)(end - begin), begin);
  write_with(c, whole);
  expect_load_failure(why);
  c->changes++;
  free(whole);
}

static void change_value(changer *c, const char *begin, const char *end) {
  static const char *const others[] = {"null", "true", "7", "\"x\"", "[]", "[7]", "{}"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (kind_of(others[i]) != kind_of(begin)) refuse_with(c, begin, end, others[i]);
}

static void change_member(changer *c, const char *begin, const char *end) {
  char misnamed[256];
  if (c->any_names) return;
  (void)snprintf(misnamed, sizeof misnamed, "\"x%.*s", (int)(end - begin - 1), begin + 1);
  refuse_with(c, begin, end, misnamed);
  (void)snprintf(misnamed, sizeof misnamed, "\"x\":0,%.*s", (int)(end - begin), begin);
  refuse_with(c, begin, end, misnamed);
  const char *behind = end_of(end + 1);
  if (*behind == ',')
    refuse_with(c, begin, behind + 1, "");
  else
    refuse_with(c, begin[-1] == ',' ? begin - 1 : begin, behind, "");
}

static char *text_of(const char *name) {
  cnn__safetensors *file;
  assert_int_equal(cnn__safetensors_open(context, path, &file), CNN_OK);
  char *text = strdup(cnn__safetensors_note(file, name));
  cnn__safetensors_close(file);
  return text;
}

static size_t change_everything(const char *name, bool any_names) {
  size_t size;
  unsigned char *bytes = file_bytes(path, &size);
  const size_t header = bytes[0] + ((size_t)bytes[1] << 8);
  changer c = {.name = name,
               .text = text_of(name),
               .header = strndup((const char *)bytes + 8, header),
               .any_names = any_names,
               .data = bytes + 8 + header,
               .data_size = size - 8 - header};
  write_with(&c, c.text);
  cnn_model *same = cnn_model_load(other);
  assert_non_null(same);
  cnn_model_free(same);
  for (const char *at = c.text; *at;) {
    if (strchr("]},:", *at)) {
      at++;
      continue;
    }
    const char *end = end_of(at);
    if (*end == ':') {
      change_member(&c, at, end);
    } else {
      change_value(&c, at, end);
      if (*at == '[' || *at == '{') end = at + 1;
    }
    at = end;
  }
  free(c.text);
  free(c.header);
  free(bytes);
  return c.changes;
}

static void test_every_member_and_value_of_the_architecture_matters(void **state) {
  assert_true(change_everything("architecture", false) > 200);
}

static void test_every_member_and_value_of_the_training_matters(void **state) {
  assert_true(change_everything("training", false) > 200);
}

static void test_every_value_of_the_other_texts_matters(void **state) {
  assert_true(change_everything("classes", false) > 10);
  assert_true(change_everything("preprocessing", false) > 30);
  assert_true(change_everything("notes", true) > 10);
}

/* ---- what is right by its type and wrong by its value ---- */

static void test_values_that_do_not_fit_each_other(void **state) {
  static const struct {
    const char *text, *from, *to;
  } cases[] = {
      {"architecture", "\"inputs\":[0]", "\"inputs\":[-1,0]"},
      {"architecture", "\"inputs\":[0]", "\"inputs\":[0.5]"},
      {"architecture", "\"inputs\":[1]", "\"inputs\":[1,true]"},
      {"classes", "\"high\"", "\"high\",\"higher\""},
      {"classes", "[\"low\",\"high\"]", "{\"a\":\"low\",\"b\":\"high\"}"},
      {"notes", "{\"licence\":\"none\",\"from\":\"a test\"}", "[\"licence\"]"},
      {"preprocessing", "\"mean\":[0.25,", "\"mean\":[0.25,1,"},
      {"preprocessing", "\"mean\":[0.25,", "\"mean\":["},
      {"preprocessing", "\"deviation\":[1,", "\"deviation\":[1,1,"},
      {"preprocessing", "\"deviation\":[1,", "\"deviation\":["},
      {"preprocessing", "\"deviation\":[1,", "\"deviation\":[0,"},
      {"preprocessing", "\"deviation\":[1,", "\"deviation\":[-1,"},
      {"preprocessing", "\"scale\":0.5", "\"scale\":0"},
      {"preprocessing", "\"scale\":0.5", "\"scale\":1e999"},
      {"training", "\"metrics\":[", "\"metrics\":[{},"},
      {"training", "\"early_stopping\",\"state\":\"", "\"early_stopping\",\"state\":\"\\u0000"},

      {"training", "\"arrays\":[\"conv2d/kernel\",",
       "\"arrays\":[\"conv2d/kernel\",\"conv2d/kernel\","},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect_refusal(&(difference){.text = cases[i].text, .from = cases[i].from, .to = cases[i].to},
                   cases[i].to);
  }
}

/* count times what stands for one element, behind begin. */
static char *long_list(const char *begin, const char *element, size_t count) {
  char *list = malloc(strlen(begin) + count * strlen(element) + 1), *end = list;
  end += sprintf(end, "%s", begin);
  for (size_t i = 0; i < count; i++)
    end += sprintf(end, "%s", element);
  return list;
}

static void test_lists_that_are_too_long(void **state) {
  static const struct {
    const char *text, *begin, *element;
    size_t count;
  } cases[] = {
      {"architecture", "\"inputs\":[0", ",0", 100},
      {"training", "\"metrics\":[", "{},", 2 * CNN_MAX_METRICS},
      {"training", "\"history\":[", "\"a\",", 4 * CNN_MAX_METRICS + 8},
      {"training", "\"callbacks\":[", "{},", CNN_MAX_CALLBACKS},
      {"classes", "[", "\"a\",", 3},
      {"preprocessing", "\"mean\":[", "1,", CHANNELS},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *list = long_list(cases[i].begin, cases[i].element, cases[i].count);
    expect_refusal(&(difference){.text = cases[i].text, .from = cases[i].begin, .to = list},
                   cases[i].begin);
    free(list);
  }
}

/* The first callback's state is given back where the second is none. */
static void test_a_callback_behind_a_good_one(void **state) {
  expect_refusal(
      &(difference){.text = "training", .from = ",{\"callback\"", .to = ",7,{\"callback\""},
      "a callback that is a number");
  expect_refusal(&(difference){.text = "training", .from = ",{\"callback\"", .to = ",{\"callbag\""},
                 "a callback without a name");
}

/* ---- texts that are not what they are said to be ---- */

static void test_texts_that_are_no_objects(void **state) {
  static const char *const names[] = {"architecture", "training", "preprocessing", "notes",
                                      "classes"};
  static const char *const texts[] = {"7", "null", "\"x\"", "[{}]", "{\"x\":1}", "", "{"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char *whole = text_of(names[i]);
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
      expect_refusal(&(difference){.text = names[i], .from = whole, .to = texts[k]}, names[i]);
    free(whole);
  }
}

/* ---- tensors ---- */

static void test_tensors_of_another_type_or_shape(void **state) {
  static const struct {
    const char *name;
    cnn_dtype dtype;
    cnn__shape shape;
  } cases[] = {
      {"dense/bias", CNN_INT32, {.rank = 1, .dim = {2}}},
      {"dense/bias", CNN_FLOAT32, {.rank = 2, .dim = {1, 2}}},
      {"training/counters", CNN_INT64, {.rank = 1, .dim = {16}}},
      {"training/counters", CNN_UINT64, {.rank = 2, .dim = {4, 4}}},
      {"training/sums", CNN_UINT64, {.rank = 1, .dim = {3}}},
      {"training/optimizer", CNN_FLOAT64, {.rank = 2, .dim = {2, 4}}},
      {"training/metrics", CNN_FLOAT64, {.rank = 2, .dim = {2, 1}}},
      {"training/history", CNN_UINT64, {.rank = 2, .dim = {5, 1}}},
      {"training/history", CNN_FLOAT64, {.rank = 1, .dim = {5}}},
      {"training/history", CNN_FLOAT64, {.rank = 2, .dim = {1, 5}}},
      {"training/slot/momentum/dense/bias", CNN_INT32, {.rank = 1, .dim = {2}}},
      {"training/slot/momentum/dense/bias", CNN_FLOAT32, {.rank = 2, .dim = {2, 1}}},
      {"training/callback/0/dense/bias", CNN_INT32, {.rank = 1, .dim = {2}}},
      {"training/callback/0/dense/bias", CNN_FLOAT32, {.rank = 2, .dim = {2, 1}}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    expect_refusal(
        &(difference){.retyped = cases[i].name, .dtype = cases[i].dtype, .shape = cases[i].shape},
        cases[i].name);
}

/* Before there is memory for any of them: a layer's first parameter as well as its last. */
static void test_parameters_that_are_not_there_are_told_by_name(void **state) {
  static const char *const names[] = {"conv2d/kernel", "conv2d/bias", "dense/kernel", "dense/bias"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char words[80];
    snprintf(words, sizeof words, "\"%s\" is missing or not F32 of shape", names[i]);
    expect_refusal(&(difference){.without = names[i]}, names[i]);
    assert_non_null(strstr(cnn_last_error(), words));
    expect_refusal(
        &(difference){.retyped = names[i], .dtype = CNN_INT32, .shape = {.rank = 1, .dim = {2}}},
        names[i]);
    assert_non_null(strstr(cnn_last_error(), words));
  }
}

/* As weights for a model that is there, a mismatch that names the tensor; the model keeps its own. */
static void test_weights_of_another_type_or_shape_or_none(void **state) {
  static const difference cases[] = {
      {.retyped = "dense/bias", .dtype = CNN_INT32, .shape = {.rank = 1, .dim = {2}}},
      {.retyped = "dense/bias", .dtype = CNN_FLOAT32, .shape = {.rank = 2, .dim = {1, 2}}},
      {.without = "dense/bias"}};
  cnn_model *model = described_model();
  cnn_tensor *before = cnn_model_parameter(model, "conv2d/kernel");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_different(path, other, &cases[i]);
    cnn_clear_error();
    assert_error(CNN_E_MISMATCH, cnn_model_load_weights(model, other), "\"dense/bias\"");
    if (i == 0) assert_error(CNN_E_MISMATCH, cnn_last_status(), "is not F32");
  }
  cnn_tensor *after = cnn_model_parameter(model, "conv2d/kernel");
  assert_memory_equal(cnn_tensor_floats(before), cnn_tensor_floats(after),
                      (size_t)cnn_tensor_count(before) * sizeof(float));
  cnn_tensor_free(before);
  cnn_tensor_free(after);
  cnn_model_free(model);
}

/* ---- what is allowed ---- */

static void assert_loads(const difference *d) {
  write_different(path, other, d);
  cnn_model *model = cnn_model_load(other);
  if (!model) fail_msg("%s", cnn_last_error());
  cnn_model_free(model);
}

static void test_what_may_be_missing(void **state) {
  assert_loads(&(difference){.text = NULL});
  assert_loads(&(difference){.text = "preprocessing", .from = "[0.25,0.5]", .to = "[]"});
  assert_loads(&(difference){.text = "preprocessing", .from = "[1,2]", .to = "[]"});
  assert_loads(&(difference){.text = "notes", .from = "\"licence\"", .to = "\"any name\""});
}

/* One output tells two classes apart; several places of an image have the same classes. */
static void test_class_names_of_any_model_come_back(void **state) {
  static const char *const names[] = {"cat", "dog"};
  cnn_model *models[] = {
      cnn_sequential(cnn_input(.shape = {3}), cnn_dense(.units = 1, .activation = CNN_SIGMOID)),
      cnn_sequential(cnn_input(.shape = {SIDE, SIDE, 1}),
                     cnn_conv2d(.filters = 2, .kernel = {1}, .activation = CNN_SOFTMAX))};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(cnn_model_set_class_names(models[i], names, 2), CNN_OK);
    assert_int_equal(cnn_model_save_weights(models[i], other), CNN_OK);
    cnn_model *loaded = cnn_model_load(other);
    if (!loaded) fail_msg("%s", cnn_last_error());
    assert_string_equal(cnn_model_class_name(loaded, 1), "dog");
    cnn_model_free(loaded);
    cnn_model_free(models[i]);
  }
}

static void test_names_of_files_and_models_are_required(void **state) {
  cnn_model *model = described_model();
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_model_save(NULL, path), "cnn_model_save: model is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_model_save(model, NULL), "cnn_model_save: path is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_model_save_weights(NULL, path), "model is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_model_save_weights(model, NULL), "path is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_model_load_weights(NULL, path), "model is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_model_load_weights(model, NULL), "path is NULL");
  cnn_clear_error();
  assert_null(cnn_model_load(NULL));
  assert_error(CNN_E_INVALID, cnn_last_status(), "cnn_model_load: path is NULL");
  cnn_model_free(model);
}

/* ---- memory ---- */

static void test_every_allocation_of_loading_may_fail(void **state) {
  counting c = {.for_ever = false};
  cnn_context *failing = counting_context(&c, 1);
  const long held = atomic_load(&c.live);
  (void)cnn_context_use(failing);
  cnn_model *model = NULL;
  long failed = 0;
  for (; !model; failed++) {
    cnn_clear_error();
    c.fail_at = atomic_load(&c.calls) + 1 + failed;
    model = cnn_model_load(path);
    if (!model) assert_error(CNN_E_NOMEM, cnn_last_status(), "out of memory");
    if (!model) assert_int_equal(atomic_load(&c.live), held);
  }
  assert_true(failed > 60 && atomic_load(&c.calls) < c.fail_at);
  cnn_model_free(model);
  (void)cnn_context_use(context);
  cnn_context_free(failing);
  assert_int_equal(atomic_load(&c.live), 0);
}

static int set_up(void **state) {
  return model_files_enter(state) || write_model(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_member_and_value_of_the_architecture_matters),
      cmocka_unit_test(test_every_member_and_value_of_the_training_matters),
      cmocka_unit_test(test_every_value_of_the_other_texts_matters),
      cmocka_unit_test(test_values_that_do_not_fit_each_other),
      cmocka_unit_test(test_lists_that_are_too_long),
      cmocka_unit_test(test_a_callback_behind_a_good_one),
      cmocka_unit_test(test_texts_that_are_no_objects),
      cmocka_unit_test(test_tensors_of_another_type_or_shape),
      cmocka_unit_test(test_parameters_that_are_not_there_are_told_by_name),
      cmocka_unit_test(test_weights_of_another_type_or_shape_or_none),
      cmocka_unit_test(test_what_may_be_missing),
      cmocka_unit_test(test_class_names_of_any_model_come_back),
      cmocka_unit_test(test_names_of_files_and_models_are_required),
      cmocka_unit_test(test_every_allocation_of_loading_may_fail),
  };
  return cmocka_run_group_tests_name("texts of model files", tests, set_up, model_files_leave);
}

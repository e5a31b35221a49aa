/* Small model files that are as much work as the limits allow: how long they take, and no more memory than the file's size and
   8 MiB. */
#include "model_files.h"
#include <time.h>

static const char other[] = "other";

static double seconds(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* other processes do not count */
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* What loading the other file took. */
typedef struct cost {
  size_t size;
  double seconds;
  long long beyond; /* bytes of memory beyond the file's size */
  cnn_status status;
} cost;

static cost load_other(const char *what) {
  cost c = {.size = 0};
  free(file_bytes(other, &c.size));
  const long long held = atomic_load(&memory.now);
  atomic_store(&memory.most, held);
  cnn_clear_error();
  const double begin = seconds();
  cnn_model *model = cnn_model_load(other);
  c.seconds = seconds() - begin;
  cnn_model_free(model);
  c.status = cnn_last_status();
  assert_true(!model == (c.status != CNN_OK));
  if (!model && !is_load_failure(c.status))
    fail_msg("%s: status %d: %s", what, (int)c.status, cnn_last_error());
  if (!model && !strstr(cnn_last_error(), other))
    fail_msg("%s: \"%s\" names no file", what, cnn_last_error());
  c.beyond = atomic_load(&memory.most) - held - (long long)c.size;
  if (c.beyond > 8 << 20)
    fail_msg("%s of %zu bytes: %lld bytes beyond the file's size", what, c.size, c.beyond);
  return c;
}

static void print_cost(const char *what, cost c) {
  print_message("%s in %zu bytes: %.1f ms, %.2f MiB beyond the file's size: %s\n", what, c.size,
                c.seconds * 1e3, (double)c.beyond / (1 << 20), cnn_last_error());
}

static void put_header(const char *header, size_t size) {
  char *bytes = malloc(8 + size);
  for (size_t i = 0; i < 8; i++)
    bytes[i] = (char)(unsigned char)(size >> (8 * i));
  memcpy(bytes + 8, header, size);
  put_bytes(other, bytes, 8 + size);
  free(bytes);
}

/* A header of that many bytes: begin, then unit over and over, then end. */
static void put_bomb(const char *begin, const char *unit, const char *end, size_t size) {
  char *text = malloc(size);
  size_t head = strlen(begin), tail = strlen(end);
  memcpy(text, begin, head);
  for (size_t i = head; i < size - tail; i++)
    text[i] = unit[(i - head) % strlen(unit)];
  memcpy(text + size - tail, end, tail);
  put_header(text, size);
  free(text);
}

static void test_headers_of_one_thing_over_and_over(void **state) {
  static const struct {
    const char *why, *begin, *unit, *end;
  } bombs[] = {
      {"values", "{\"a\":[", "1,", "1]}"},
      {"objects", "{\"a\":[", "{},", "{}]}"},
      {"brackets", "[", "[", "]"},
      {"a long text", "{\"a\":\"", "x", "\"}"},
      {"escapes", "{\"a\":\"", "\\u00e9", "\"}"},
      {"metadata", "{\"__metadata__\":{\"architecture\":\"", "[", "\"}}"},
      {"spaces", "{", " ", "}"},
      {"digits", "{\"a\":", "9", "}"},
      {"zeros", "{\"a\":0.", "0", "1}"},
  };
  static const size_t sizes[] = {131000, 1 << 20, (1 << 20) + 1};
  double slowest = 0;
  long long largest = 0;
  for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++)
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
      put_bomb(bombs[i].begin, bombs[i].unit, bombs[i].end, sizes[k]);
      const cost c = load_other(bombs[i].why);
      if (c.status == CNN_OK) fail_msg("taken: %s", bombs[i].why);
      if (c.seconds > 3e-3) print_cost(bombs[i].why, c);
      if (c.seconds > slowest) slowest = c.seconds;
      if (c.beyond > largest) largest = c.beyond;
    }
  print_message("headers of one thing: the slowest took %.1f ms, the largest %.2f MiB beyond the "
                "file's size\n",
                slowest * 1e3, (double)largest / (1 << 20));
}

/* ---- texts within the header ---- */

/* As many tensors as there may be, none of which is anyone's, and texts. */
static void put_texts(const cnn__metadata *texts, size_t count) {
  enum { TENSORS = 4680, MOST_TEXTS = 8 };
  static char names[TENSORS][8];
  cnn__saved *tensors = malloc(TENSORS * sizeof *tensors);
  cnn__metadata all[MOST_TEXTS] = {{"format", "libcnn"}, {"version", "1"}};
  for (size_t i = 0; i < TENSORS; i++) {
    (void)snprintf(names[i], sizeof names[i], "%zu", i);
    tensors[i] = (cnn__saved){names[i], CNN_FLOAT32, {.rank = 1, .dim = {0}}, ""};
  }
  memcpy(all + 2, texts, count * sizeof *texts);
  assert_int_equal(cnn__safetensors_write(context, other, tensors, TENSORS, all, 2 + count,
                                          CNN__SAFETENSORS_VALUES),
                   CNN_OK);
  free(tensors);
}

/* begin, then unit so many times, then end. */
static char *repeated(const char *begin, const char *unit, size_t count, const char *end) {
  const size_t head = strlen(begin), length = strlen(unit);
  char *text = malloc(head + count * length + strlen(end) + 1);
  strcpy(text, begin);
  for (size_t i = 0; i < count; i++)
    memcpy(text + head + i * length, unit, length);
  strcpy(text + head + count * length, end);
  return text;
}

static void test_architectures_of_one_thing_over_and_over(void **state) {
  static const struct {
    const char *why, *begin, *unit, *end;
    size_t count;
    cnn_status status;
  } cases[] = {
      {"empty lists", "[", "[],", "0]", 32500, CNN_E_FORMAT},
      {"objects of nine keys", "[",
       "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0},", "0]", 3250,
       CNN_E_FORMAT},
      {"objects of keys that begin alike", "[",
       "{\"abcdefghijkl0\":0,\"abcdefghijkl1\":0,\"abcdefghijkl2\":0,\"abcdefghijkl3\":0},", "0]",
       6500, CNN_E_FORMAT},
      {"numbers of 19 digits", "[", "0.1234567890123456789,", "0]", 32000, CNN_E_FORMAT},
      {"numbers far from the point", "[", "1.5e-300,", "0]", 32000, CNN_E_LIMIT},
      {"long numbers", "[",
       "0.12345678901234567890123456789012345678901234567890123456789012345678901234567890e-99,",
       "0]", 9000, CNN_E_LIMIT},
      {"line feeds", "\"", "\\n", "\"", 260000, CNN_E_FORMAT},
      {"numbers of characters", "\"", "\\u00e9", "\"", 110000, CNN_E_FORMAT},
      {"characters of two bytes", "\"", "\xc3\xa9-", "\"", 260000, CNN_E_FORMAT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *text = repeated(cases[i].begin, cases[i].unit, cases[i].count, cases[i].end);
    put_texts(&(cnn__metadata){"architecture", text}, 1);
    free(text);
    const cost c = load_other(cases[i].why);
    print_cost(cases[i].why, c);
    assert_int_equal(c.status, cases[i].status);
  }
}

/* As many values as a JSON text may have, in the header, of tensors, and again in a text within it: all keys of one object, and
   spaces up to the largest header. */
static void test_as_many_values_as_there_may_be_twice(void **state) {
  enum { HEADER = 1 << 20, TENSORS = 4680, KEYS = 32767 };
  static const char begin[] = "{\"__metadata__\":{\"format\":\"libcnn\",\"version\":\"1\","
                              "\"architecture\":\"{";
  cnn__text text;
  cnn__text_start(&text, context);
  for (int i = 0; i < TENSORS; i++)
    cnn__text_format(&text, ",\"%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", i);
  cnn__text_append(&text, "}", 1);
  char *header = malloc(HEADER), *end = header + sprintf(header, "%s", begin);
  for (int i = 0; i < KEYS; i++)
    end += sprintf(end, "%s\\\"%x\\\":0", i ? "," : "", (unsigned)i);
  const size_t left = HEADER - (size_t)(end - header);
  memset(end, ' ', left);
  memcpy(header + HEADER - text.size - 3, "}\"}", 3);
  memcpy(header + HEADER - text.size, text.bytes, text.size);
  cnn__text_free(&text);
  put_header(header, HEADER);
  free(header);
  const cost c = load_other("twice 32,768 values");
  print_cost("twice 32,768 values", c);
  assert_int_equal(c.status, CNN_E_LIMIT);
  assert_non_null(
      strstr(cnn_last_error(), "architecture: other: JSON: an object of more than 4096 keys"));
}

/* Objects of as many keys as there may be, and the values of a text altogether. */
static void test_objects_of_many_keys(void **state) {
  enum { OBJECTS = 7 };
  cnn__text text;
  cnn__text_start(&text, context);
  for (int object = 0; object < OBJECTS; object++) {
    cnn__text_format(&text, "%s{", object ? "," : "[");
    for (int i = 0; i < CNN__JSON_KEYS; i++)
      cnn__text_format(&text, "%s\"%x\":0", i ? "," : "", (unsigned)i);
    cnn__text_append(&text, "}", 1);
  }
  cnn__text_append(&text, "]", 1);
  put_texts(&(cnn__metadata){"architecture", text.bytes}, 1);
  cnn__text_free(&text);
  const cost c = load_other("objects of 4,096 keys");
  print_cost("objects of 4,096 keys", c);
  assert_int_equal(c.status, CNN_E_FORMAT);
}

/* All that may stand beside an architecture, and the last of it is wrong. */
static void test_classes_and_notes_of_a_small_file(void **state) {
  enum { CLASSES = 31000, NOTES = 1024 };
  static const char architecture[] =
      "{\"sequential\":true,\"output\":1,\"layers\":[{\"layer\":{\"class\":\"InputLayer\",\"name\":"
      "\"i\",\"shape\":[31000]},\"inputs\":[],\"frozen\":false},{\"layer\":{\"class\":\"Flatten\","
      "\"name\":\"f\"},\"inputs\":[0],\"frozen\":false}]}";
  char *classes = repeated("[", "\"\",", CLASSES - 1, "\"\"]");
  cnn__text notes;
  cnn__text_start(&notes, context);
  for (int i = 0; i < NOTES; i++)
    cnn__text_format(&notes, "%c\"note %04d\":\"\"", i ? ',' : '{', i);
  cnn__text_append(&notes, "}", 1);
  put_texts((const cnn__metadata[]){{"architecture", architecture},
                                    {"classes", classes},
                                    {"notes", notes.bytes},
                                    {"training", "{}"}},
            4);
  free(classes);
  cnn__text_free(&notes);
  const cost c = load_other("31,000 classes and 1,024 notes");
  print_cost("31,000 classes and 1,024 notes", c);
  assert_non_null(strstr(cnn_last_error(), "training: optimizer, loss"));
}

/* ---- layers ---- */

/* A file of layers in a row, the last of them of that class, and of empty tensors that none of them has. */
static void put_row_of_layers(int layers, const char *last) {
  enum { TENSORS = 4600 };
  cnn__text text;
  cnn__saved *tensors = malloc(TENSORS * sizeof *tensors);
  char(*names)[8] = malloc(TENSORS * sizeof *names);
  for (size_t i = 0; i < TENSORS; i++) {
    (void)snprintf(names[i], sizeof names[i], "%zu", i);
    tensors[i] = (cnn__saved){names[i], CNN_FLOAT32, {.rank = 1, .dim = {0}}, ""};
  }
  cnn__text_start(&text, context);
  cnn__text_format(&text,
                   "{\"sequential\":true,\"output\":%d,\"layers\":[{\"layer\":{\"class\":"
                   "\"InputLayer\",\"name\":"
                   "\"i\",\"shape\":[2]},\"inputs\":[],\"frozen\":false}",
                   layers - 1);
  for (int i = 1; i < layers; i++)
    cnn__text_format(
        &text, ",{\"layer\":{\"class\":\"%s\",\"name\":\"%d\"},\"inputs\":[%d],\"frozen\":false}",
        i < layers - 1 ? "Flatten" : last, i, i - 1);
  cnn__text_format(&text, "]}");
  assert_int_equal(text.status, CNN_OK);
  const cnn__metadata texts[] = {
      {"format", "libcnn"}, {"version", "1"}, {"architecture", text.bytes}};
  assert_int_equal(
      cnn__safetensors_write(context, other, tensors, TENSORS, texts, 3, CNN__SAFETENSORS_VALUES),
      CNN_OK);
  cnn__text_free(&text);
  free(tensors);
  free(names);
}

/* As many layers, tensors and JSON values as the limits allow. */
static void test_the_largest_architecture_of_a_small_file(void **state) {
  static const struct {
    int layers;
    const char *last;
    cnn_status status;
  } cases[] = {
      {4096, "Flatten", CNN_OK}, {4096, "Flat", CNN_E_FORMAT}, {4097, "Flatten", CNN_E_LIMIT}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char what[64];
    put_row_of_layers(cases[i].layers, cases[i].last);
    (void)snprintf(what, sizeof what, "%d layers%s", cases[i].layers,
                   cases[i].status == CNN_E_FORMAT ? ", the last of no class" : "");
    const cost c = load_other(what);
    print_cost(what, c);
    assert_int_equal(c.status, cases[i].status);
  }
}

/* Long names, and many inputs: what a layer may have most of. The last layer is of no class. */
static void test_rows_of_layers_that_are_much_work(void **state) {
  for (int i = 0; i < 2; i++) {
    static const char *const names[] = {"2,600 layers of long names", "1,450 layers of 16 inputs"};
    char *prefix = repeated("", "n", 190, ""), *inputs = repeated("", "0,", 15, "0");
    const int layers = i == 0 ? 2600 : 1450;
    cnn__text text;
    cnn__text_start(&text, context);
    cnn__text_format(&text, "{\"sequential\":false,\"output\":0,\"layers\":[{\"layer\":{\"class\":"
                            "\"InputLayer\",\"name\":\"i\",\"shape\":[2]},\"inputs\":[],"
                            "\"frozen\":false}");
    for (int k = 1; k < layers; k++)
      cnn__text_format(&text,
                       ",{\"layer\":{\"class\":\"%s\",\"name\":\"%s%d\"},\"inputs\":[%s],"
                       "\"frozen\":false}",
                       k == layers - 1 ? "Flat"
                       : i == 0        ? "Flatten"
                                       : "Add",
                       i == 0 ? prefix : "", k, i == 0 ? "0" : inputs);
    cnn__text_append(&text, "]}", 2);
    put_texts(&(cnn__metadata){"architecture", text.bytes}, 1);
    cnn__text_free(&text);
    free(prefix);
    free(inputs);
    const cost c = load_other(names[i]);
    print_cost(names[i], c);
    assert_non_null(strstr(cnn_last_error(), "unknown layer class \"Flat\""));
  }
}

/* ---- files that are right but for their end ---- */

/* A model of so many layers behind its input, compiled, saved. */
static void save_row(cnn_layer *(*next)(void), size_t count, cnn_optimizer *optimizer) {
  cnn_model *model = row_of(count, next);
  assert_int_equal(
      cnn_model_compile(model, .optimizer = optimizer, .loss = cnn_mean_squared_error()), CNN_OK);
  assert_int_equal(cnn_model_save(model, other), CNN_OK);
  cnn_model_free(model);
}

static cnn_layer *next_dense(void) {
  return cnn_dense(.units = 1);
}

/* The callbacks of a file, which are read last, become an object. */
static void spoil_callbacks(void) {
  static const char right[] = "\\\"callbacks\\\":[]";
  size_t size, at = 0;
  unsigned char *bytes = file_bytes(other, &size);
  while (memcmp(bytes + at, right, sizeof right - 1) != 0)
    at++;
  memcpy(bytes + at + sizeof right - 3, "{}", 2);
  put_bytes(other, bytes, size);
  free(bytes);
}

static void test_the_end_of_many_weights_is_wrong(void **state) {
  for (int i = 0; i < 3; i++) {
    static const char *const names[] = {"2,040 dense layers, callbacks that are none",
                                        "1,165 normalizations, callbacks that are none",
                                        "700 dense layers of Adam's, callbacks that are none"};
    if (i == 0) save_row(next_dense, 2040, cnn_sgd());
    if (i == 1) save_row(next_normalization, 1165, cnn_sgd());
    if (i == 2) save_row(next_dense, 700, cnn_adam());
    assert_int_equal(load_other(names[i]).status, CNN_OK);
    spoil_callbacks();
    const cost c = load_other(names[i]);
    print_cost(names[i], c);
    assert_int_equal(c.status, CNN_E_FORMAT);
  }
}

/* A callback that has as many arrays as there may be tensors, and the first of them once more. */
static void test_a_callback_of_many_arrays(void **state) {
  enum { ARRAYS = 4500 };
  static char names[ARRAYS][32];
  cnn__text list;
  cnn_model *model = trained_model();
  assert_int_equal(cnn_model_save(model, "model"), CNN_OK);
  cnn_model_free(model);
  cnn__safetensors *file;
  assert_int_equal(cnn__safetensors_open(context, "model", &file), CNN_OK);
  cnn__saved *tensors = malloc((file->count + ARRAYS) * sizeof *tensors);
  cnn__metadata texts[16];
  void **values = malloc(file->count * sizeof *values);
  cnn__text_start(&list, context);
  cnn__text_format(&list, "\"arrays\":[");
  for (size_t i = 0; i < ARRAYS; i++) {
    (void)snprintf(names[i], sizeof names[i], "training/callback/0/%zu", i);
    cnn__text_format(&list, "\"%zu\",", i);
    tensors[i] = (cnn__saved){names[i], CNN_FLOAT32, {.rank = 1, .dim = {0}}, ""};
  }
  cnn__text_format(&list, "\"0\",");
  for (size_t i = 0; i < file->count; i++) {
    const cnn__stored *stored = &file->tensors[i];
    values[i] = malloc(stored->bytes + 1);
    assert_int_equal(cnn__safetensors_read(file, stored, values[i]), CNN_OK);
    tensors[ARRAYS + i] = (cnn__saved){stored->name, stored->dtype, stored->shape, values[i]};
  }
  char *training = NULL;
  for (size_t i = 0; i < file->note_count; i++) {
    texts[i] = (cnn__metadata){file->notes[i].name, file->notes[i].value};
    if (strcmp(texts[i].name, "training") == 0)
      texts[i].value = training = replaced(texts[i].value, "\"arrays\":[", list.bytes);
  }
  assert_int_equal(cnn__safetensors_write(context, other, tensors, file->count + ARRAYS, texts,
                                          file->note_count, CNN__SAFETENSORS_VALUES),
                   CNN_OK);
  for (size_t i = 0; i < file->count; i++)
    free(values[i]);
  free(values);
  free(tensors);
  free(training);
  cnn__text_free(&list);
  cnn__safetensors_close(file);
  const cost c = load_other("a callback of 4,500 arrays");
  print_cost("a callback of 4,500 arrays", c);
  assert_non_null(strstr(cnn_last_error(), "a callback's array is named twice"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_headers_of_one_thing_over_and_over),
      cmocka_unit_test(test_architectures_of_one_thing_over_and_over),
      cmocka_unit_test(test_as_many_values_as_there_may_be_twice),
      cmocka_unit_test(test_objects_of_many_keys),
      cmocka_unit_test(test_classes_and_notes_of_a_small_file),
      cmocka_unit_test(test_the_largest_architecture_of_a_small_file),
      cmocka_unit_test(test_rows_of_layers_that_are_much_work),
      cmocka_unit_test(test_the_end_of_many_weights_is_wrong),
      cmocka_unit_test(test_a_callback_of_many_arrays),
  };
  return cmocka_run_group_tests_name("model files that are much work", tests, model_files_enter,
                                     model_files_leave);
}

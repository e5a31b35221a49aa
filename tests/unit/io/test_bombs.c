/* Small model files that are as much work as the limits allow: how long they take, and no more memory than the file's size and
   8 MiB. */
#include "model_files.h"
#include <time.h>

static const char other[] = "other";
static cnn_context *context;
static watched memory;

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
  static const size_t sizes[] = {131000, 2 << 20, (2 << 20) + 1};
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

/* As many values as a JSON text may have, in the header, of tensors, and again in a text within it: all keys of one object, and
   spaces up to the largest header. */
static void test_as_many_values_as_there_may_be_twice(void **state) {
  enum { HEADER = 2 << 20, TENSORS = 9360, KEYS = 65535 };
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
  const cost c = load_other("twice 65,536 values");
  print_cost("twice 65,536 values", c);
  assert_int_equal(c.status, CNN_E_FORMAT);
  assert_non_null(strstr(cnn_last_error(), "architecture: layers, sequential and output"));
}

/* A file of layers in a row, the last of them of that class, and of empty tensors that none of them has. */
static void put_row_of_layers(int layers, const char *last) {
  enum { TENSORS = 5000 };
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
  assert_int_equal(cnn__safetensors_write(context, other, tensors, TENSORS, texts, 3), CNN_OK);
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

static int set_up(void **state) {
  context = watched_context(&memory);
  (void)cnn_context_use(context);
  return folder_enter(state);
}

static int tear_down(void **state) {
  (void)cnn_context_use(NULL);
  int left = cnn_context_memory(context) != 0;
  cnn_context_free(context);
  return group_end(folder_leave(state) == 0 && !left && atomic_load(&memory.now) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_headers_of_one_thing_over_and_over),
      cmocka_unit_test(test_as_many_values_as_there_may_be_twice),
      cmocka_unit_test(test_the_largest_architecture_of_a_small_file),
  };
  return cmocka_run_group_tests_name("model files that are much work", tests, set_up, tear_down);
}

/* safetensors files: what is written is read again; whatever else a file holds is refused. */
#include "io/safetensors.h"

#include "../base/one_context.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/cnn-safetensors-XXXXXX";

/* A file of a header and so many bytes of data. */
static void put(const char *header, size_t data) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  uint64_t size = strlen(header);
  assert_int_equal(fwrite(&size, 8, 1, file), 1);
  assert_int_equal(fwrite(header, 1, (size_t)size, file), size);
  for (size_t i = 0; i < data; i++)
    fputc((int)i & 255, file);
  assert_int_equal(fclose(file), 0);
}

static cnn_status open_and_close(void) {
  cnn__safetensors *file = NULL;
  cnn_status status = cnn__safetensors_open(context, path, &file);
  if (!status) cnn__safetensors_close(file);
  return status;
}

static void test_what_is_written_is_read_again(void **state) {
  (void)state;
  const float weights[6] = {1, -2, 3.5f, 0, 1e-30f, 7};
  const double sums[2] = {0.1, 1e300};
  const uint8_t bytes[3] = {1, 2, 255};
  const cnn__saved tensors[] = {{"a/kernel", CNN_FLOAT32, {.rank = 2, .dim = {2, 3}}, weights},
                                {"bytes \"quoted\"", CNN_UINT8, {.rank = 1, .dim = {3}}, bytes},
                                {"sums", CNN_FLOAT64, {.rank = 1, .dim = {2}}, sums},
                                {"nothing", CNN_FLOAT32, {.rank = 1, .dim = {0}}, weights},
                                {"scalar", CNN_FLOAT32, {.rank = 0}, weights + 2}};
  const cnn__metadata texts[] = {{"format", "libcnn"}, {"note", "line\nand \xc3\xa9"}};
  assert_int_equal(
      cnn__safetensors_write(context, path, tensors, 5, texts, 2, CNN__SAFETENSORS_VALUES), CNN_OK);
  cnn__safetensors *file;
  assert_int_equal(cnn__safetensors_open(context, path, &file), CNN_OK);
  assert_int_equal(file->count, 5);
  assert_string_equal(cnn__safetensors_note(file, "note"), texts[1].value);
  assert_null(cnn__safetensors_note(file, "other"));
  assert_null(cnn__safetensors_find(file, "other"));
  const cnn__stored *kernel = cnn__safetensors_find(file, "a/kernel");
  assert_non_null(kernel);
  assert_true(cnn__shape_equal(&kernel->shape, &tensors[0].shape));
  assert_int_equal(kernel->offset % 4, 0);
  float back[6];
  assert_int_equal(cnn__safetensors_read(file, kernel, back), CNN_OK);
  assert_memory_equal(back, weights, sizeof back);
  const cnn__stored *stored = cnn__safetensors_find(file, "sums");
  assert_int_equal(stored->offset % 8, 0);
  double sums_back[2];
  assert_int_equal(cnn__safetensors_read(file, stored, sums_back), CNN_OK);
  assert_memory_equal(sums_back, sums, sizeof sums);
  assert_int_equal(cnn__safetensors_find(file, "bytes \"quoted\"")->bytes, 3);
  cnn__safetensors_close(file);
}

static void test_every_dtype_is_read_again(void **state) {
  (void)state;
  const uint64_t bits = UINT64_C(0x0123456789abcdef);
  const cnn_dtype dtypes[] = {CNN_FLOAT32, CNN_UINT8,   CNN_INT32,
                              CNN_INT64,   CNN_FLOAT64, CNN_UINT64};
  const size_t sizes[] = {4, 1, 4, 8, 8, 8};
  for (size_t i = 0; i < 6; i++) {
    const cnn__saved tensor = {"x", dtypes[i], {.rank = 1, .dim = {1}}, &bits};
    cnn__safetensors *file;
    uint64_t back = 0;
    assert_int_equal(
        cnn__safetensors_write(context, path, &tensor, 1, NULL, 0, CNN__SAFETENSORS_VALUES),
        CNN_OK);
    assert_int_equal(cnn__safetensors_open(context, path, &file), CNN_OK);
    assert_int_equal(file->tensors[0].dtype, dtypes[i]);
    assert_int_equal(file->tensors[0].bytes, sizes[i]);
    assert_int_equal(cnn__safetensors_read(file, &file->tensors[0], &back), CNN_OK);
    assert_memory_equal(&back, &bits, sizes[i]);
    cnn__safetensors_close(file);
  }
}

/* What could not be read again is not written. */
static void test_a_header_over_a_mebibyte_is_not_written(void **state) {
  (void)state;
  put("{}", 0);
  char *text = malloc((1 << 20) + 1);
  memset(text, 'x', 1 << 20);
  text[1 << 20] = 0;
  const cnn__metadata note = {"note", text};
  cnn_clear_error();
  assert_error(CNN_E_LIMIT,
               cnn__safetensors_write(context, path, NULL, 0, &note, 1, CNN__SAFETENSORS_VALUES),
               "at most 1048576 are allowed");
  assert_non_null(strstr(cnn_last_error(), path));
  assert_int_equal(open_and_close(), CNN_OK); /* the older file stands */
  cnn_clear_error();
  free(text);
}

static void test_equal_contents_give_equal_bytes(void **state) {
  (void)state;
  const float value = 4;
  const cnn__saved tensor = {"x", CNN_FLOAT32, {.rank = 1, .dim = {1}}, &value};
  unsigned char *first, *second;
  size_t first_size, second_size;
  assert_int_equal(
      cnn__safetensors_write(context, path, &tensor, 1, NULL, 0, CNN__SAFETENSORS_VALUES), CNN_OK);
  assert_int_equal(cnn__file_read(context, path, 1 << 20, &first, &first_size), CNN_OK);
  assert_int_equal(
      cnn__safetensors_write(context, path, &tensor, 1, NULL, 0, CNN__SAFETENSORS_VALUES), CNN_OK);
  assert_int_equal(cnn__file_read(context, path, 1 << 20, &second, &second_size), CNN_OK);
  assert_int_equal(first_size, second_size);
  assert_memory_equal(first, second, first_size);
  cnn__free(context, first);
  cnn__free(context, second);
}

static void test_a_header_without_fault_is_taken(void **state) {
  (void)state;
  put("{\"__metadata__\":{\"k\":\"v\"},\"b\":{\"shape\":[2],\"dtype\":\"F32\",\"data_offsets\":[4,"
      "12]},"
      "\"a\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[0,4]}}  ",
      12);
  assert_int_equal(open_and_close(), CNN_OK);
}

static void test_a_file_of_no_tensors_has_none(void **state) {
  (void)state;
  put("{}", 0);
  cnn__safetensors *file = NULL;
  assert_int_equal(cnn__safetensors_open(context, path, &file), CNN_OK);
  assert_int_equal(file->count, 0);
  assert_null(cnn__safetensors_find(file, "a"));
  assert_null(cnn__safetensors_note(file, "a"));
  cnn__safetensors_close(file);
  cnn__safetensors_close(NULL);
}

static void test_headers_that_lie_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *why, *header;
    size_t data;
  } cases[] = {
      {"no JSON", "nonsense", 0},
      {"no object", "[1,2]", 0},
      {"a text where texts are expected", "{\"__metadata__\":{\"k\":1}}", 0},
      {"metadata that is a list", "{\"__metadata__\":[]}", 0},
      {"an unknown dtype", "{\"a\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4},
      {"a dtype that is no text", "{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4},
      {"a shape that is no list", "{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}",
       4},
      {"offsets that are no list", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":4}}",
       4},
      {"a first offset that is no integer",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0.0,4]}}", 4},
      {"a last offset that is no integer",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,\"4\"]}}", 4},
      {"an entry that is no object", "{\"a\":[1,2,3]}", 0},
      {"a text behind what is none", "{\"__metadata__\":{\"k\":1,\"l\":\"v\"}}", 0},
      {"a missing shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4},
      {"a fourth member",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4},
      {"a negative size", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4},
      {"a size that is no integer",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4},
      {"nine sizes",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4},
      {"a shape too small", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8},
      {"a shape too large", "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8},
      {"a product that overflows",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,"
       "0]}}",
       0},
      {"a product that overflows to fit",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}", 4},
      {"data beyond the end", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
       4},
      {"a span that runs backwards",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4},
      {"a negative offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4},
      {"three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4},
      {"a gap", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8},
      {"an overlap",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\","
       "\"shape\":[1],"
       "\"data_offsets\":[4,8]}}",
       8},
      {"bytes behind the last tensor",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5},
      {"a tensor twice",
       "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\","
       "\"shape\":[1],"
       "\"data_offsets\":[4,8]}}",
       8},
      {"brackets without end", "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    put(cases[i].header, cases[i].data);
    cnn_clear_error();
    if (open_and_close() != CNN_E_FORMAT) fail_msg("taken, or another status: %s", cases[i].why);
    assert_non_null(strstr(cnn_last_error(), path));
  }
}

static void test_a_header_larger_than_the_file_allocates_nothing(void **state) {
  (void)state;
  FILE *file = fopen(path, "wb");
  const uint64_t sizes[] = {100, UINT64_MAX, (uint64_t)1 << 40};
  for (size_t i = 0; i < 3; i++) {
    rewind(file);
    assert_int_equal(fwrite(&sizes[i], 8, 1, file), 1);
    fwrite("{}", 1, 2, file);
    fflush(file);
    uint64_t before = cnn_context_memory(context);
    assert_int_equal(open_and_close(), CNN_E_FORMAT);
    assert_int_equal(cnn_context_memory(context), before);
  }
  fclose(file);
}

static void test_every_truncation_is_refused(void **state) {
  (void)state;
  const char *header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
  put(header, 8);
  size_t whole = 8 + strlen(header) + 8;
  for (size_t size = whole; size-- > 0;) {
    assert_int_equal(truncate(path, (off_t)size), 0);
    assert_int_equal(open_and_close(), CNN_E_FORMAT);
  }
}

/* Eight bytes of a length, and at least the two of an empty object. */
static void test_a_file_of_under_ten_bytes_is_too_small(void **state) {
  static const char bytes[] = "\1\0\0\0\0\0\0\0{}";
  for (size_t size = 0; size <= 10; size++) {
    FILE *file = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    cnn_clear_error();
    assert_int_equal(open_and_close(), CNN_E_FORMAT);
    const char *said = strstr(cnn_last_error(), "bytes are too few for a safetensors file");
    assert_true(size < 10 ? said != NULL : said == NULL);
  }
}

static void test_a_missing_file_is_not_found(void **state) {
  (void)state;
  cnn__safetensors *file;
  assert_int_equal(cnn__safetensors_open(context, "/nonexistent/model", &file), CNN_E_NOT_FOUND);
  assert_non_null(strstr(cnn_last_error(), "/nonexistent/model"));
}

static int set_up(void **state) {
  int descriptor = mkstemp(path);
  if (descriptor >= 0) close(descriptor);
  return descriptor >= 0 ? context_begin(state) : -1;
}

static int tear_down(void **state) {
  unlink(path);
  return context_end(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_written_is_read_again),
      cmocka_unit_test(test_every_dtype_is_read_again),
      cmocka_unit_test(test_a_header_over_a_mebibyte_is_not_written),
      cmocka_unit_test(test_equal_contents_give_equal_bytes),
      cmocka_unit_test(test_a_header_without_fault_is_taken),
      cmocka_unit_test(test_a_file_of_no_tensors_has_none),
      cmocka_unit_test(test_headers_that_lie_are_refused),
      cmocka_unit_test(test_a_header_larger_than_the_file_allocates_nothing),
      cmocka_unit_test(test_every_truncation_is_refused),
      cmocka_unit_test(test_a_file_of_under_ten_bytes_is_too_small),
      cmocka_unit_test(test_a_missing_file_is_not_found),
  };
  return cmocka_run_group_tests_name("safetensors", tests, set_up, tear_down);
}

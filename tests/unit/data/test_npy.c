/* The grammar of .npy headers: what numpy may write is read, what is missing, doubled or cut off anywhere is refused. */
#include "images.h"

/* A file of that version: its header's text, then so many bytes of data. */
static const char *put_npy(int version, const char *text, size_t data) {
  const char *path = scratch_path("made.npy");
  const size_t length = strlen(text), begin = version == 1 ? 10 : 12;
  unsigned char *bytes = calloc(1, begin + length + data);
  memcpy(bytes, "\x93NUMPY", 6);
  bytes[6] = (unsigned char)version;
  for (size_t i = 8; i < begin; i++)
    bytes[i] = (unsigned char)(length >> 8 * (i - 8));
  memcpy(bytes + begin, text, length);
  write_file(path, bytes, begin + length + data);
  free(bytes);
  return path;
}

static void expect(const char *text, size_t data, cnn_status status, const char *words) {
  cnn_clear_error();
  cnn_tensor *array = cnn_npy_read(put_npy(1, text, data));
  if (array) fail_msg("taken: %s", text);
  if (cnn_last_status() != status || !strstr(cnn_last_error(), words) ||
      !strstr(cnn_last_error(), "made.npy"))
    fail_msg("%s: status %d: %s", text, (int)cnn_last_status(), cnn_last_error());
}

static void test_spaces_quotes_and_order_are_free(void **state) {
  static const char *const texts[] = {
      "{'descr':'<f4','fortran_order':False,'shape':(2,3)}",
      " {\t'shape' :\n( 2 ,\t3, ) , \"fortran_order\": False,\n'descr': \"<f4\" , } \n",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    for (int version = 1; version <= 3; version++) {
      cnn_tensor *array = cnn_npy_read(put_npy(version, texts[i], 24));
      if (!array) fail_msg("version %d: %s", version, cnn_last_error());
      assert_int_equal(array->shape.rank, 2);
      assert_int_equal(array->shape.dim[1], 3);
      cnn_tensor_free(array);
    }
}

static void test_arrays_without_elements(void **state) {
  cnn_tensor *array =
      cnn_npy_read(put_npy(1, "{'descr':'|u1','fortran_order':False,'shape':(0,7)}", 0));
  assert_non_null(array);
  assert_int_equal(array->bytes, 0);
  const char *path = scratch_path("empty.npy");
  assert_int_equal(cnn_npy_write(path, array), CNN_OK);
  cnn_tensor *again = cnn_npy_read(path);
  assert_true(cnn__shape_equal(&again->shape, &array->shape));
  cnn_tensor_free(again);
  cnn_tensor_free(array);
  unlink(path);
}

/* Whatever the text ends with, nothing behind it is looked at. */
static void test_a_header_that_is_cut_off_anywhere(void **state) {
  static const char whole[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (12, 3)}";
  for (size_t length = 0; length + 1 < sizeof whole; length++) {
    char text[sizeof whole] = {0};
    memcpy(text, whole, length);
    expect(text, 144, CNN_E_FORMAT, "not a sound .npy header");
  }
}

static void test_members_that_are_missing_doubled_or_strange(void **state) {
  static const struct {
    const char *text, *words;
  } cases[] = {
      {"{}", "a member is missing"},
      {"{'fortran_order':False,'shape':(2,)}", "a member is missing"},
      {"{'descr':'<f4','shape':(2,)}", "a member is missing"},
      {"{'descr':'<f4','fortran_order':False}", "a member is missing"},
      {"{'descr':'<f4','descr':'<f4','fortran_order':False,'shape':(2,)}", "unknown or doubled"},
      {"{'descr':'<f4','fortran_order':False,'fortran_order':False,'shape':(2,)}",
       "unknown or doubled"},
      {"{'descr':'<f4','fortran_order':False,'shape':(2,),'shape':(2,)}", "unknown or doubled"},
      {"{'descR':'<f4','fortran_order':False,'shape':(2,)}", "unknown or doubled"},
      {"{'descr':'<f4','fortran_orden':False,'shape':(2,)}", "unknown or doubled"},
      {"{'descr':'<f4','fortran_order':False,'shapE':(2,)}", "unknown or doubled"},
      {"{'descr':'<f4','fortran_order':False,'shape':(2,),'more':1}", "unknown or doubled"},
      {"['descr']", "no dictionary"},
      {"{descr:'<f4'}", "a member has no name"},
      {"{'descr' '<f4'}", "a member has no name"},
      {"{'descr':4}", "descr is no text"},
      {"{'descr':'<f4' 'shape':(2,)}", "it does not end"},
      {"{'descr':'<f4';}", "it does not end"},
      {"{'fortran_order':Fals}", "neither False nor True"},
      {"{'fortran_order':0}", "neither False nor True"},
      {"{'shape':2}", "shape is no tuple"},
      {"{'shape':(2 3)}", "shape does not end"},
      {"{'shape':(2;)}", "shape does not end"},
      {"{'shape':(,)}", "a size in shape is no number"},
      {"{'shape':(-2,)}", "a size in shape is no number"},
      {"{'shape':(007,)}", "a size in shape is no number"},
      {"{'shape':(9223372036854775808,)}", "a size in shape is no number"},
      {"{'descr':'<f4','fortran_order':False,'shape':(2,)} x", "something follows"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    expect(cases[i].text, 8, CNN_E_FORMAT, cases[i].words);
}

static void test_kinds_of_arrays_that_are_not_read(void **state) {
  expect("{'descr':'<f2','fortran_order':False,'shape':(2,)}", 4, CNN_E_UNSUPPORTED, "'<f2'");
  expect("{'descr':'<f41','fortran_order':False,'shape':(2,)}", 8, CNN_E_UNSUPPORTED, "'<f41'");
  expect("{'descr':[('a','<f4')],'fortran_order':False,'shape':(2,)}", 8, CNN_E_FORMAT,
         "descr is no text");
  expect("{'descr':'<f4','fortran_order':True,'shape':(2,)}", 8, CNN_E_UNSUPPORTED, "Fortran");
  expect("{'shape':(1,1,1,1,1,1,1,1,1)}", 8, CNN_E_UNSUPPORTED, "more than 8 dimensions");
}

static void test_sizes_that_the_data_does_not_have(void **state) {
  static const char *const shapes[] = {"(2,)",
                                       "()",
                                       "(4294967296, 4294967296)",
                                       "(4611686018427387904,)",
                                       "(4611686018427387905,)",
                                       "(9223372036854775807, 9223372036854775807)",
                                       "(0, 4294967296)"};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    char text[128];
    snprintf(text, sizeof text, "{'descr':'<f4','fortran_order':False,'shape':%s}", shapes[i]);
    expect(text, 12, CNN_E_FORMAT, "12 bytes of data do not make shape");
  }
}

static void test_versions_and_lengths(void **state) {
  static const unsigned char unknown[][12] = {
      {0x93, 'N', 'U', 'M', 'P', 'Y', 0, 0, 1, 0, '{', '}'}, /* version 0 */
      {0x93, 'N', 'U', 'M', 'P', 'Y', 4, 0, 1, 0, '{', '}'}, /* version 4 */
      {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 1, 1, 0, '{', '}'}, /* version 1.1 */
      {0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, 0, 0, 0, 0},     /* one byte of it missing */
  };
  const char *path = scratch_path("made.npy");
  for (size_t i = 0; i < 4; i++) {
    write_file(path, unknown[i], i == 3 ? 11 : 12);
    cnn_clear_error();
    refuse_tensor(cnn_npy_read(path), CNN_E_FORMAT, "is unknown");
  }
  /* A header beyond the file's end, and one beyond what headers are. */
  unsigned char bytes[(1 << 16) + 100] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 3, 0};
  write_file(path, bytes, 12);
  refuse_tensor(cnn_npy_read(path), CNN_E_FORMAT, "a header of 3 bytes in a file of 12");
  bytes[6] = 2;
  bytes[8] = 1;
  bytes[10] = 1;
  write_file(path, bytes, sizeof bytes);
  refuse_tensor(cnn_npy_read(path), CNN_E_FORMAT, "a header of 65537 bytes");
  unlink(path);
}

static void test_writing_needs_a_tensor_and_a_path(void **state) {
  cnn_tensor *array = expected_array("array_i4");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_npy_write("any", NULL), "cnn_npy_write: tensor is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_npy_write(NULL, array), "cnn_npy_write: path is NULL");
  cnn_tensor_free(array);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spaces_quotes_and_order_are_free),
      cmocka_unit_test(test_arrays_without_elements),
      cmocka_unit_test(test_a_header_that_is_cut_off_anywhere),
      cmocka_unit_test(test_members_that_are_missing_doubled_or_strange),
      cmocka_unit_test(test_kinds_of_arrays_that_are_not_read),
      cmocka_unit_test(test_sizes_that_the_data_does_not_have),
      cmocka_unit_test(test_versions_and_lengths),
      cmocka_unit_test(test_writing_needs_a_tensor_and_a_path),
  };
  const int failures = cmocka_run_group_tests_name("data_npy", tests, NULL, NULL);
  unlink(scratch_path("made.npy"));
  rmdir(scratch_folder());
  return failures;
}

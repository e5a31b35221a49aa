#include "folder.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static cnn_context *context;

/* ---- reading ---- */

static void test_a_whole_file_and_a_nul(void **state) {
  unsigned char *bytes;
  size_t size;
  put_file("a", "hello");
  assert_int_equal(cnn__file_read(context, "a", 0, &bytes, &size), CNN_OK);
  assert_int_equal(size, 5);
  assert_string_equal((char *)bytes, "hello");
  cnn__free(context, bytes);
  put_file("a", "");
  assert_int_equal(cnn__file_read(context, "a", 0, &bytes, &size), CNN_OK);
  assert_int_equal(size, 0);
  assert_int_equal(bytes[0], 0);
  cnn__free(context, bytes);
}

static void test_what_cannot_be_read_is_named_with_its_cause(void **state) {
  unsigned char *bytes;
  size_t size;
  cnn__reader *reader;
  assert_error(CNN_E_NOT_FOUND, cnn__file_read(context, "none", 0, &bytes, &size),
               "none: cannot open for reading: No such file");
  assert_error(CNN_E_IO, cnn__file_read(context, ".", 0, &bytes, &size),
               ".: a folder, not a regular file");
  assert_error(CNN_E_IO, cnn__reader_open(context, "/dev/null", &reader), "/dev/null: a device");
  assert_int_equal(mkfifo("fifo", 0600), 0); /* opening it in the usual way would hang */
  assert_error(CNN_E_IO, cnn__file_read(context, "fifo", 0, &bytes, &size), "fifo: a device");
  put_file("a", "12345678");
  assert_error(CNN_E_LIMIT, cnn__file_read(context, "a", 7, &bytes, &size),
               "a: 8 bytes exceed the limit of 7");
  assert_int_equal(cnn__file_read(context, "a", 8, &bytes, &size), CNN_OK);
  cnn__free(context, bytes);
  cnn_context *small = cnn_context_new(.threads = 1, .max_file_bytes = 5);
  assert_error(CNN_E_LIMIT, cnn__file_read(small, "a", 100, &bytes, &size), "limit of 5");
  assert_error(CNN_E_LIMIT, cnn__reader_open(small, "a", &reader), "limit of 5");
  assert_int_equal(cnn_context_memory(small), 0);
  cnn_context_free(small);
}

static void test_pieces_at_offsets_and_not_beyond(void **state) {
  put_file("a", "0123456789");
  cnn__reader *reader;
  char bytes[16] = "";
  assert_int_equal(cnn__reader_open(context, "a", &reader), CNN_OK);
  assert_int_equal(cnn__reader_size(reader), 10);
  assert_int_equal(cnn__reader_read(reader, 7, bytes, 3), CNN_OK);
  assert_memory_equal(bytes, "789", 3);
  assert_int_equal(cnn__reader_read(reader, 0, bytes, 10), CNN_OK);
  assert_memory_equal(bytes, "0123456789", 10);
  assert_int_equal(cnn__reader_read(reader, 10, bytes, 0), CNN_OK);
  assert_error(CNN_E_IO, cnn__reader_read(reader, 8, bytes, 3),
               "a: 3 bytes are expected at offset 8, but it ends at 10");
  assert_error(CNN_E_IO, cnn__reader_read(reader, 11, bytes, 0), "at offset 11");
  assert_error(CNN_E_IO, cnn__reader_read(reader, UINT64_MAX, bytes, 2), "expected");
  assert_int_equal(truncate("a", 5), 0);
  assert_error(CNN_E_IO, cnn__reader_read(reader, 0, bytes, 10), "after 5 it ends; it shrank");
  cnn__reader_close(reader);
  cnn__reader_close(NULL);
}

/* ---- writing ---- */

static unsigned mode_of(const char *path) {
  struct stat state;
  assert_int_equal(lstat(path, &state), 0);
  return state.st_mode & 0777;
}

static void test_a_new_file_has_the_umasks_mode_and_an_old_one_keeps_its_own(void **state) {
  mode_t before = umask(027);
  assert_int_equal(save(context, "w", "first"), CNN_OK);
  assert_holds("w", "first");
  assert_int_equal(mode_of("w"), 0640);
  assert_int_equal(chmod("w", 0606), 0);
  assert_int_equal(save(context, "w", "second one"), CNN_OK);
  assert_holds("w", "second one");
  assert_int_equal(mode_of("w"), 0606);
  (void)umask(before);
  assert_int_equal(folder_temporaries(), 0);
}

static void test_until_commit_the_old_file_stands(void **state) {
  put_file("w", "old");
  cnn__writer *writer;
  assert_int_equal(cnn__writer_open(context, "w", &writer), CNN_OK);
  assert_int_equal(cnn__writer_write(writer, "new", 3), CNN_OK);
  assert_holds("w", "old");
  assert_int_equal(folder_temporaries(), 1);
  assert_holds(".w.cnn-tmp", "new");
  cnn__writer_abandon(writer);
  assert_holds("w", "old");
  assert_int_equal(folder_temporaries(), 0);
  cnn__writer_abandon(NULL);
}

static void test_the_working_folder_may_change_meanwhile(void **state) {
  cnn__writer *writer;
  assert_int_equal(cnn__writer_open(context, "w", &writer), CNN_OK);
  assert_int_equal(cnn__writer_write(writer, "here", 4), CNN_OK);
  assert_int_equal(chdir("/"), 0);
  assert_int_equal(cnn__writer_commit(writer), CNN_OK);
  assert_int_equal(chdir(folder_path), 0);
  assert_holds("w", "here");
}

static void test_paths_of_every_form(void **state) {
  char path[512];
  (void)snprintf(path, sizeof path, "%s/absolute", folder_path);
  assert_int_equal(save(context, path, "1"), CNN_OK);
  assert_holds("absolute", "1");
  assert_int_equal(mkdir("sub", 0755), 0);
  assert_int_equal(save(context, "sub/inside", "2"), CNN_OK);
  assert_holds("sub/inside", "2");
  assert_int_equal(save(context, "./sub/../here", "3"), CNN_OK);
  assert_holds("here", "3");
  assert_int_equal(remove("sub/inside"), 0);
  assert_int_equal(rmdir("sub"), 0);
}

static void test_paths_that_cannot_be_are_named(void **state) {
  put_file("file", "x");
  assert_error(CNN_E_NOT_FOUND, save(context, "none/w", "x"),
               "none/w: cannot open its folder: No such file");
  assert_error(CNN_E_IO, save(context, "file/w", "x"), "file/w: cannot");
  assert_error(CNN_E_IO, save(context, "", "x"), "a file's name is expected");
  assert_error(CNN_E_IO, save(context, "..", "x"), "a file's name is expected");
  assert_int_equal(mkdir("sub", 0755), 0);
  assert_error(CNN_E_IO, save(context, "sub", "x"), "sub: a folder, not a regular file");
  assert_error(CNN_E_IO, save(context, "sub/", "x"), "a file's name is expected");
  assert_error(CNN_E_IO, save(context, "/dev/null", "x"), "/dev/null: a device");
  assert_int_equal(rmdir("sub"), 0);
  char name[300];
  memset(name, 'n', sizeof name);
  name[256] = 0;
  assert_error(CNN_E_IO, save(context, name, "x"), "name too long");
  name[255] = 0; /* the longest that there may be, and another one that ends differently */
  assert_int_equal(save(context, name, "x"), CNN_OK);
  assert_holds(name, "x");
  cnn__writer *a, *b;
  assert_int_equal(cnn__writer_open(context, name, &a), CNN_OK);
  name[254] = 'm';
  assert_int_equal(cnn__writer_open(context, name, &b), CNN_OK);
  assert_int_equal(folder_count("cnn-tmp0", false), 0);
  assert_int_equal(folder_temporaries(), 2);
  cnn__writer_abandon(a);
  cnn__writer_abandon(b);
}

static void test_links_stay_links(void **state) {
  assert_int_equal(mkdir("sub", 0755), 0);
  assert_int_equal(symlink("real", "sub/second"), 0); /* relative to sub */
  assert_int_equal(symlink("sub/second", "first"), 0);
  assert_int_equal(save(context, "first", "new"), CNN_OK); /* of a file that is not there yet */
  assert_holds("sub/real", "new");
  assert_int_equal(save(context, "first", "newer"), CNN_OK);
  assert_holds("sub/real", "newer");
  struct stat link;
  assert_int_equal(lstat("first", &link), 0);
  assert_true(S_ISLNK(link.st_mode));
  assert_int_equal(lstat("sub/second", &link), 0);
  assert_true(S_ISLNK(link.st_mode));
  char target[512];
  (void)snprintf(target, sizeof target, "%s/sub/real", folder_path);
  assert_int_equal(remove("first"), 0);
  assert_int_equal(symlink(target, "first"), 0);
  assert_int_equal(save(context, "first", "newest"), CNN_OK);
  assert_holds("sub/real", "newest");
  assert_int_equal(symlink("loop", "loop"), 0);
  assert_error(CNN_E_IO, save(context, "loop", "x"), "loop: cannot follow its links");
  assert_int_equal(remove("sub/real"), 0);
  assert_int_equal(remove("sub/second"), 0);
  assert_int_equal(rmdir("sub"), 0);
}

/* ---- temporaries ---- */

static void test_what_a_kill_left_goes_with_the_next_save(void **state) {
  pid_t child = fork();
  if (child == 0) {
    cnn__writer *a, *b;
    if (cnn__writer_open(context, "w", &a) || cnn__writer_open(context, "w", &b)) _exit(1);
    (void)cnn__writer_write(a, "half", 4);
    (void)raise(SIGKILL);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(folder_temporaries(), 2);
  assert_int_equal(save(context, "w", "whole"), CNN_OK);
  assert_holds("w", "whole");
  assert_int_equal(folder_temporaries(), 0);
}

static void test_a_file_in_writing_is_not_swept_away(void **state) {
  cnn__writer *writer;
  assert_int_equal(cnn__writer_open(context, "w", &writer), CNN_OK);
  assert_int_equal(cnn__writer_write(writer, "slow", 4), CNN_OK);
  assert_int_equal(save(context, "w", "quick"), CNN_OK);
  assert_holds("w", "quick");
  assert_int_equal(folder_temporaries(), 1);
  assert_int_equal(cnn__writer_commit(writer), CNN_OK);
  assert_holds("w", "slow");
  assert_int_equal(folder_temporaries(), 0);
}

static void test_what_looks_like_a_temporary_of_another_file_stays(void **state) {
  put_file(".w2.cnn-tmp", "other");
  assert_int_equal(mkdir(".w.cnn-tmp", 0755), 0);
  assert_int_equal(save(context, "w", "x"), CNN_OK);
  assert_holds("w", "x");
  assert_holds(".w2.cnn-tmp", "other");
  assert_int_equal(rmdir(".w.cnn-tmp"), 0);
}

static void test_sixteen_may_write_one_path_at_a_time(void **state) {
  cnn__writer *writers[16], *one_more;
  for (int i = 0; i < 16; i++)
    assert_int_equal(cnn__writer_open(context, "w", &writers[i]), CNN_OK);
  assert_error(CNN_E_IO, cnn__writer_open(context, "w", &one_more), "16 others are writing it");
  for (int i = 0; i < 16; i++) {
    char digit = (char)('a' + i);
    assert_int_equal(cnn__writer_write(writers[i], &digit, 1), CNN_OK);
    assert_int_equal(cnn__writer_commit(writers[i]), CNN_OK);
  }
  assert_holds("w", "p");
  assert_int_equal(folder_temporaries(), 0);
}

static void *save_often(void *argument) {
  char text[3001];
  memset(text, *(char *)argument, 3000);
  text[3000] = 0;
  for (int i = 0; i < 20; i++)
    assert_int_equal(save(context, "w", text), CNN_OK);
  return NULL;
}

static void test_writers_at_the_same_time_leave_one_whole_file(void **state) {
  pthread_t threads[4];
  char letters[] = "abcd";
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, save_often, &letters[i]), 0);
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  unsigned char *bytes;
  size_t size;
  assert_int_equal(cnn__file_read(context, "w", 0, &bytes, &size), CNN_OK);
  assert_int_equal(size, 3000);
  for (size_t i = 1; i < size; i++)
    assert_int_equal(bytes[i], bytes[0]);
  cnn__free(context, bytes);
  assert_int_equal(folder_temporaries(), 0);
}

/* ---- failing allocations ---- */

static void test_every_allocation_of_saving_and_loading_may_fail(void **state) {
  put_file("w", "old");
  for (long n = 1;; n++) {
    counting c = {0};
    cnn_context *counted = counting_context(&c, 1);
    long before = atomic_load(&c.live);
    c.fail_at = atomic_load(&c.calls) + n;
    unsigned char *bytes = NULL;
    size_t size;
    cnn__reader *reader = NULL;
    cnn_status status = save(counted, "w", "new");
    if (status) assert_holds("w", "old");
    if (!status) status = cnn__file_read(counted, "w", 0, &bytes, &size);
    if (!status) status = cnn__reader_open(counted, "w", &reader);
    cnn__free(counted, bytes);
    cnn__reader_close(reader);
    bool fired = atomic_load(&c.calls) >= c.fail_at;
    assert_int_equal(status, fired ? CNN_E_NOMEM : CNN_OK);
    assert_int_equal(atomic_load(&c.live), before);
    assert_int_equal(folder_temporaries(), 0);
    c.fail_at = 0;
    assert_int_equal(save(counted, "w", "old"), CNN_OK);
    cnn_context_free(counted);
    if (fired) continue;
    assert_true(n > 5);
    break;
  }
}

static int enter(void **state) {
  context = cnn_context_new(.threads = 1);
  return context ? folder_enter(state) : 1;
}

static int leave(void **state) {
  bool clean = cnn_context_memory(context) == 0;
  cnn_context_free(context);
  return group_end(folder_leave(state) == 0 && clean);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)
  const struct CMUnitTest tests[] = {
      IN_FOLDER(test_a_whole_file_and_a_nul),
      IN_FOLDER(test_what_cannot_be_read_is_named_with_its_cause),
      IN_FOLDER(test_pieces_at_offsets_and_not_beyond),
      IN_FOLDER(test_a_new_file_has_the_umasks_mode_and_an_old_one_keeps_its_own),
      IN_FOLDER(test_until_commit_the_old_file_stands),
      IN_FOLDER(test_the_working_folder_may_change_meanwhile),
      IN_FOLDER(test_paths_of_every_form),
      IN_FOLDER(test_paths_that_cannot_be_are_named),
      IN_FOLDER(test_links_stay_links),
      IN_FOLDER(test_what_a_kill_left_goes_with_the_next_save),
      IN_FOLDER(test_a_file_in_writing_is_not_swept_away),
      IN_FOLDER(test_what_looks_like_a_temporary_of_another_file_stays),
      IN_FOLDER(test_sixteen_may_write_one_path_at_a_time),
      IN_FOLDER(test_writers_at_the_same_time_leave_one_whole_file),
      IN_FOLDER(test_every_allocation_of_saving_and_loading_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

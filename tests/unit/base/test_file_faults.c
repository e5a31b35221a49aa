/* Files under system calls that fail, are interrupted, do half of what they should, or are the process's last. */
#include "../../faults/calls.h"
#include "folder.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

static cnn_context *context;
static const char new_content[] = "the new content, in three pieces of which each may fail";

static int open_files(void) {
  int count = 0;
  for (int i = 0; i < 256; i++)
    count += fcntl(i, F_GETFD) >= 0;
  return count;
}

static void put_old(const char *old) {
  (void)remove("w");
  if (old) put_file("w", old);
}

static void assert_next_save_is_clean(void) {
  plan_for(NONE, 0, 0);
  assert_int_equal(save(context, "w", "again"), CNN_OK);
  assert_holds("w", "again");
  assert_int_equal(folder_temporaries(), 0);
}

/* Saves with the plan's fault, and checks what is promised whatever comes of it. */
static cnn_status save_with_fault(const char *old, bool *fired) {
  put_old(old);
  int before = open_files();
  cnn_clear_error();
  cnn_status status = save(context, "w", new_content);
  bool in_place = strstr(cnn_last_error(), "in place") != NULL;
  bool removes = plan.hit && (plan.at == 0 || strstr(plan.name, "unlink"));
  *fired = plan.hit;
  plan.kind = NONE;
  assert_int_equal(open_files(), before);
  assert_true(file_holds("w", status == CNN_OK || in_place ? new_content : old));
  if (status && !strstr(cnn_last_error(), "w: cannot ")) fail_msg("\"%s\"", cnn_last_error());
  assert_true(folder_temporaries() <= (removes ? 1 : 0));
  assert_next_save_is_clean();
  return status;
}

static const char *const olds[] = {NULL, "old"};

/* ---- saving ---- */

static void test_every_call_of_saving_may_fail(void **state) {
  const int errors[] = {EIO, ENOSPC, EACCES};
  for (int e = 0; e < 3; e++)
    for (int o = 0; o < 2; o++) {
      bool fired = true;
      int failures = 0;
      for (int at = 1; fired; at++) {
        plan_for(FAILS, errors[e], at);
        failures += save_with_fault(olds[o], &fired) != CNN_OK;
      }
      /* Following links, opening the folder, examining, making, setting the mode, three writes,
         syncing, renaming, syncing the folder. What only tidies up may fail unnoticed. */
      assert_int_equal(failures, olds[o] ? 11 : 10);
    }
}

static void test_all_calls_of_saving_may_fail_for_ever(void **state) {
  bool fired;
  plan_for(FAILS, EIO, 0);
  assert_int_equal(save_with_fault("old", &fired), CNN_E_IO);
  assert_true(fired);
}

static void test_every_call_of_saving_may_be_interrupted(void **state) {
  bool fired = true;
  for (int at = 1; fired; at++) {
    plan_for(INTERRUPTED, 0, at);
    assert_int_equal(save_with_fault("old", &fired), CNN_OK);
  }
}

static void test_endless_interruption_is_a_failure_and_no_hang(void **state) {
  bool fired;
  plan_for(INTERRUPTED, 0, 0);
  assert_int_equal(save_with_fault("old", &fired), CNN_E_IO);
  assert_true(fired);
}

static void test_short_writes_add_up(void **state) {
  for (size_t step = 1; step < 5; step++) {
    bool fired;
    plan_for(NONE, 0, 0);
    plan.step = step;
    assert_int_equal(save_with_fault("old", &fired), CNN_OK);
  }
}

static void test_a_write_that_never_moves_is_a_failure(void **state) {
  bool fired;
  plan_for(NONE, 0, 0);
  plan.stuck = true;
  assert_error(CNN_E_IO, save_with_fault("old", &fired), "");
}

static void test_after_a_failed_write_nothing_is_committed(void **state) {
  cnn__writer *writer;
  put_old("old");
  assert_int_equal(cnn__writer_open(context, "w", &writer), CNN_OK);
  plan_for(FAILS, ENOSPC, 1);
  assert_error(CNN_E_IO, cnn__writer_write(writer, "abc", 3), "w: cannot write: No space left");
  cnn_clear_error();
  assert_error(CNN_E_IO, cnn__writer_write(writer, "def", 3), "No space left");
  cnn_clear_error();
  assert_error(CNN_E_IO, cnn__writer_commit(writer), "No space left");
  assert_holds("w", "old");
  assert_int_equal(folder_temporaries(), 0);
}

static void test_a_folder_that_cannot_be_synced_at_all_is_no_fault(void **state) {
  bool fired = true;
  int failures = 0;
  for (int at = 1; fired; at++) {
    plan_for(FAILS, EINVAL, at);
    cnn_status status = save_with_fault("old", &fired);
    failures += status != CNN_OK;
    if (status == CNN_OK) continue;
    assert_null(strstr(cnn_last_error(), "folder ("));
  }
  assert_int_equal(failures, 9); /* EINVAL also says that a path is no link */
}

static void test_a_temporary_swept_before_its_lock_is_made_again(void **state) {
  bool fired;
  plan_for(NONE, 0, 0);
  plan.sweep_once = ".w.cnn-tmp";
  assert_int_equal(save_with_fault("old", &fired), CNN_OK);
  assert_null(plan.sweep_once);
}

static void test_a_kill_at_any_call_leaves_old_or_new_and_no_rubbish_for_long(void **state) {
  for (int kind = KILLED_BEFORE; kind <= KILLED_AFTER; kind++)
    for (int o = 0; o < 2; o++)
      for (int at = 1;; at++) {
        put_old(olds[o]);
        pid_t child = fork();
        if (child == 0) {
          plan_for((fault_kind)kind, 0, at);
          _exit(save(context, "w", new_content) != CNN_OK);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(file_holds("w", olds[o]) || file_holds("w", new_content));
        assert_true(folder_temporaries() <= 1);
        assert_next_save_is_clean();
        if (WIFSIGNALED(status)) continue;
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_true(at > 20);
        break;
      }
}

/* ---- reading ---- */

static cnn_status read_both_ways(void) {
  unsigned char *bytes = NULL;
  size_t size = 0;
  cnn__reader *reader = NULL;
  char piece[2];
  cnn_status status = cnn__file_read(context, "r", 0, &bytes, &size);
  if (!status) status = cnn__reader_open(context, "r", &reader);
  if (!status) status = cnn__reader_read(reader, 1, piece, 2);
  if (!status) {
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "abc", 4);
    assert_memory_equal(piece, "bc", 2);
  }
  cnn__free(context, bytes);
  cnn__reader_close(reader);
  assert_int_equal(cnn_context_memory(context), 0);
  return status;
}

static void test_every_call_of_reading_may_fail_or_be_interrupted(void **state) {
  put_file("r", "abc");
  for (int kind = FAILS; kind <= INTERRUPTED; kind++) {
    int failures = 0, before = open_files();
    for (int at = 1;; at++) {
      plan_for((fault_kind)kind, EIO, at);
      cnn_status status = read_both_ways();
      if (status) assert_error(CNN_E_IO, status, "r: cannot ");
      if (status) failures++;
      if (!plan.hit) break;
    }
    assert_int_equal(failures, kind == FAILS ? 6 : 0); /* open, examine, read; twice */
    assert_int_equal(open_files(), before);
  }
}

static void test_short_reads_add_up(void **state) {
  put_file("r", "abc");
  plan_for(NONE, 0, 0);
  plan.step = 1;
  assert_int_equal(read_both_ways(), CNN_OK);
}

static void test_a_file_that_changes_while_it_is_read_is_noticed(void **state) {
  unsigned char *bytes;
  size_t size;
  put_file("r", "abc");
  plan_for(NONE, 0, 0);
  plan.size_told = 2;
  assert_error(CNN_E_IO, cnn__file_read(context, "r", 0, &bytes, &size), "r: grew beyond 2 bytes");
  plan.size_told = 4;
  assert_error(CNN_E_IO, cnn__file_read(context, "r", 0, &bytes, &size),
               "r: ends at offset 3 of 4 bytes");
}

static void test_memory_that_the_system_lacks_is_no_memory(void **state) {
  unsigned char *bytes;
  size_t size;
  put_file("r", "abc");
  plan_for(FAILS, ENOMEM, 1);
  assert_error(CNN_E_NOMEM, cnn__file_read(context, "r", 0, &bytes, &size), "r: cannot open");
}

static int enter(void **state) {
  plan_for(NONE, 0, 0);
  context = cnn_context_new(.threads = 1);
  return context ? folder_enter(state) : 1;
}

static int leave(void **state) {
  plan_for(NONE, 0, 0);
  bool clean = cnn_context_memory(context) == 0;
  cnn_context_free(context);
  return group_end(folder_leave(state) == 0 && clean);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)
  const struct CMUnitTest tests[] = {
      IN_FOLDER(test_every_call_of_saving_may_fail),
      IN_FOLDER(test_all_calls_of_saving_may_fail_for_ever),
      IN_FOLDER(test_every_call_of_saving_may_be_interrupted),
      IN_FOLDER(test_endless_interruption_is_a_failure_and_no_hang),
      IN_FOLDER(test_short_writes_add_up),
      IN_FOLDER(test_a_write_that_never_moves_is_a_failure),
      IN_FOLDER(test_after_a_failed_write_nothing_is_committed),
      IN_FOLDER(test_a_folder_that_cannot_be_synced_at_all_is_no_fault),
      IN_FOLDER(test_a_temporary_swept_before_its_lock_is_made_again),
      IN_FOLDER(test_a_kill_at_any_call_leaves_old_or_new_and_no_rubbish_for_long),
      IN_FOLDER(test_every_call_of_reading_may_fail_or_be_interrupted),
      IN_FOLDER(test_short_reads_add_up),
      IN_FOLDER(test_a_file_that_changes_while_it_is_read_is_noticed),
      IN_FOLDER(test_memory_that_the_system_lacks_is_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The progress bar on a terminal: what is drawn over what, and the times that it tells. */
#define _XOPEN_SOURCE 700 /* a terminal of the test's own */
#include "support.h"

#include "base/threads.h"
#include <fcntl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* A terminal whose other end is master; nothing in between changes the text. */
static FILE *open_terminal(int *master) {
  *master = posix_openpt(O_RDWR | O_NOCTTY);
  if (*master < 0 || grantpt(*master) != 0 || unlockpt(*master) != 0) return NULL;
  FILE *terminal = fopen(ptsname(*master), "w");
  struct termios settings;
  if (terminal == NULL || tcgetattr(fileno(terminal), &settings) != 0) return terminal;
  settings.c_oflag &= ~(tcflag_t)OPOST;
  tcsetattr(fileno(terminal), TCSANOW, &settings);
  return terminal;
}

static cnn_status dawdle(void *user, const cnn_fit_info *info) {
  struct timespec pause = {.tv_nsec = 60000000}; /* longer than from one drawing to the next */
  return info->batch <= 2 && nanosleep(&pause, NULL) == 0 ? CNN_OK : CNN_E_INTERNAL;
}

/* Numbers of times become 9, for they differ from run to run: "ETA: 0s", " 0s 61ms/step". */
static void blank_times(char *text) {
  char *to = text;
  bool timed = false;
  for (const char *from = text; *from != 0; from++) {
    if (strncmp(from, "] - ", 4) == 0) timed = true;
    if (strncmp(from, " - loss", 7) == 0) timed = false;
    const bool digit = *from >= '0' && *from <= '9';
    if (timed && digit && to > text && to[-1] == '9') continue;
    *to++ = timed && digit ? '9' : *from;
  }
  *to = 0;
}

/* All that was written up to the end of the last line. */
static void read_terminal(int master, char *text, size_t size) {
  size_t length = 0;
  do {
    const ssize_t got = read(master, text + length, size - 1 - length);
    assert_true(got > 0);
    length += (size_t)got;
    text[length] = 0;
  } while (!strchr(text, '\r') || text[length - 1] != '\n');
}

static void test_a_terminals_bar_is_redrawn_in_place(void **state) {
  int master;
  FILE *terminal = open_terminal(&master);
  if (terminal == NULL) {
    print_message("no terminal can be had here\n");
    skip();
  }
  float pixels[] = {0, 0, 0};
  cnn_tensor *images = cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){3, 1}, pixels);
  cnn_dataset *set = cnn_array_dataset(.images = images, .labels = images);
  cnn_loader *loader = cnn_loader_new(set, .batch_size = 2);
  cnn_model *model =
      cnn_sequential(cnn_input(.shape = {1}),
                     cnn_dense(.units = 1, .bias_initializer = CNN_CONSTANT, .bias_scale = 0.5));
  assert_ok(cnn_model_compile(model, .optimizer = cnn_sgd(.learning_rate = CNN_ZERO),
                              .loss = cnn_mean_absolute_error()));
  cnn_callback_functions functions = {.struct_size = sizeof functions, .batch_begin = dawdle};
  assert_ok(cnn_model_fit(model, loader, .epochs = 1, .progress = cnn_progress_bar(terminal),
                          .callbacks = {cnn_callback_create(&functions)}));
  char text[1024] = "";
  read_terminal(master, text, sizeof text);
  blank_times(text);
  char *last = strrchr(text, '\r');
  assert_non_null(last);
  assert_int_equal(
      strncmp(last, "\r2/2 [==============================] - 9s 9ms/step - loss: 0.5000", 65), 0);
  assert_int_equal(text[strlen(text) - 1], '\n');
  *last = 0;
  assert_string_equal(text, "Epoch 1/1\n"
                            "\r1/2 [==============>...............] - ETA: 9s - loss: 0.5000"
                            "\r2/2 [==============================] - ETA: 9s - loss: 0.5000");
  fclose(terminal);
  close(master);
  cnn_model_free(model);
  cnn_loader_free(loader);
  cnn_dataset_free(set);
  cnn_tensor_free(images);
}

/* ---- what a bar says of times ---- */

/* A bar that is told of so many batches without a fit, and what it has written then. */
typedef struct told {
  FILE *terminal;
  int master;
  cnn_callback *bar;
  const char *names[1];
  double values[1];
} told;

static bool begin_telling(told *t) {
  *t = (told){.names = {"loss"}, .values = {0.5}};
  t->terminal = open_terminal(&t->master);
  if (t->terminal == NULL) return false;
  t->bar = cnn_progress_bar(t->terminal);
  assert_made(t->bar);
  return true;
}

static void tell(told *t, cnn_status (*moment)(cnn_callback *, const cnn__event *), int64_t batch,
                 int64_t batches) {
  const cnn_fit_info info = {.epochs = 1,
                             .batch = batch,
                             .batches = batches,
                             .names = t->names,
                             .values = t->values,
                             .names_count = 1};
  assert_ok(moment(t->bar, &(cnn__event){.info = &info}));
}

static const char *end_telling(told *t) {
  static char text[4096];
  read_terminal(t->master, text, sizeof text);
  cnn_callback_free(t->bar);
  fclose(t->terminal);
  close(t->master);
  return text;
}

/* A batch of some milliseconds, of so many that hours, minutes or seconds are left. */
static void test_the_time_left_is_in_hours_minutes_or_seconds(void **state) {
  static const struct {
    double seconds;
    int colons;
  } cases[] = {{1e6, 2}, {1800, 1}, {5, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    told t;
    if (!begin_telling(&t)) skip();
    const struct timespec pause = {.tv_nsec = 20000000};
    const double begin = cnn__now();
    tell(&t, t.bar->class->on[CNN__EPOCH_BEGIN], 0, 2);
    nanosleep(&pause, NULL);
    const int64_t batches = (int64_t)(cases[i].seconds / (cnn__now() - begin));
    tell(&t, t.bar->class->on[CNN__BATCH_END], 1, batches);
    tell(&t, t.bar->class->on[CNN__FIT_END], 1, batches); /* within an epoch: the line is ended */
    tell(&t, t.bar->class->on[CNN__FIT_END], 1, batches); /* once */
    const char *text = end_telling(&t), *eta = strstr(text, " - ETA: "), *end;
    assert_non_null(eta);
    end = strstr(eta, " - loss: 0.5000\n");
    assert_non_null(end);
    assert_int_equal(strlen(end), 16);
    int colons = 0;
    for (const char *c = eta + 8; c < end; c++)
      colons += *c == ':';
    assert_int_equal(colons, cases[i].colons);
    assert_int_equal(end[-1] == 's', cases[i].colons == 0);
  }
}

/* In an epoch of which nothing was left to do there is no time of a step. */
static void test_no_step_takes_no_time_and_a_slow_one_seconds(void **state) {
  told t;
  if (!begin_telling(&t)) skip();
  tell(&t, t.bar->class->on[CNN__EPOCH_BEGIN], 3, 3);
  tell(&t, t.bar->class->on[CNN__EPOCH_END], 3, 3);
  assert_non_null(strstr(end_telling(&t), " - 0s 0s/step - loss: 0.5000\n"));
  if (!begin_telling(&t)) skip();
  const struct timespec pause = {.tv_sec = 1, .tv_nsec = 1000000};
  tell(&t, t.bar->class->on[CNN__EPOCH_BEGIN], 0, 1);
  nanosleep(&pause, NULL);
  tell(&t, t.bar->class->on[CNN__EPOCH_END], 1, 1);
  const char *text = end_telling(&t), *step = strstr(text, "s/step");
  assert_non_null(step);
  assert_true(step[-1] >= '1' && step[-1] <= '9' && step[-2] == ' ');
}

/* What the line before had more of is blanked. */
static void test_a_shorter_line_covers_the_longer_one(void **state) {
  told t;
  if (!begin_telling(&t)) skip();
  tell(&t, t.bar->class->on[CNN__EPOCH_BEGIN], 0, 1);
  t.names[0] = "a name that is longer";
  tell(&t, t.bar->class->on[CNN__BATCH_END], 1, 2000000000);
  t.names[0] = "loss";
  tell(&t, t.bar->class->on[CNN__EPOCH_END], 1, 1);
  const char *text = end_telling(&t), *first = strchr(text, '\r'), *last = strrchr(text, '\r');
  assert_ptr_not_equal(first, last);
  assert_int_equal(strlen(last + 1), (size_t)(last - first));
  assert_int_equal(last[strlen(last) - 2], ' ');
}

/* A line holds 2,047 bytes: names beyond are left out, whole or in part, and nothing is overrun. */
static void test_a_line_has_an_end(void **state) {
  enum { MANY = 40 };
  static const char name[] = "a name of which there are as many as no line of a terminal can hold";
  const char *names[MANY];
  double values[MANY] = {0};
  for (size_t i = 0; i < MANY; i++)
    names[i] = name;
  FILE *stream = tmpfile();
  cnn_callback *bar = cnn_progress_bar(stream);
  const cnn_fit_info info = {
      .epochs = 1, .batch = 1, .batches = 1, .names = names, .values = values, .names_count = MANY};
  assert_ok(bar->class->on[CNN__EPOCH_BEGIN](bar, &(cnn__event){.info = &info}));
  assert_ok(bar->class->on[CNN__EPOCH_END](bar, &(cnn__event){.info = &info}));
  assert_int_equal(ftell(stream), 2048);
  cnn_callback_free(bar);
  fclose(stream);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_terminals_bar_is_redrawn_in_place),
      cmocka_unit_test(test_the_time_left_is_in_hours_minutes_or_seconds),
      cmocka_unit_test(test_no_step_takes_no_time_and_a_slow_one_seconds),
      cmocka_unit_test(test_a_shorter_line_covers_the_longer_one),
      cmocka_unit_test(test_a_line_has_an_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

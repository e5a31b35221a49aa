/* What the examples share that is no part of the story: options, where the data is, how to fail.
   A header alone, so that each example still builds with `cc example.c $(pkg-config ...)`. */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <cnn/cnn.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef CNN_HAVE_PLOT
#include <cnn/plot.h>
#endif

/* Exit statuses, besides 0. */
enum { FAILED = 1, BAD_USAGE = 2, INTERRUPTED = 130 };

/* ------------------------------------------------------------------ failing */

/* One line on stderr: the program's name, and what the library says of its last failure. */
static inline int failed(const char *program) {
  fprintf(stderr, "%s: %s\n", program, cnn_last_error());
  return FAILED;
}

/* What was printed is really written (a full disk, a closed pipe). */
static inline int finished(const char *program, int status) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return status;
  fprintf(stderr, "%s: standard output: %s\n", program, strerror(errno));
  return FAILED;
}

/* ------------------------------------------------------------------ options */

enum setting_kind {
  FLAG,   /* bool: --augment */
  TEXT,   /* const char * */
  COUNT,  /* int64_t, 1 or more */
  NUMBER, /* uint64_t, 0 or more */
  REAL    /* double, over 0 */
};

/* An option of a program. */
struct setting {
  const char *name; /* "--epochs" */
  enum setting_kind kind;
  void *value;          /* where it goes; holds the default */
  const char *argument; /* "N"; NULL for a flag */
  const char *help;
};

/* What a program takes. Ends at the first option without a name. */
struct command {
  const char *name;     /* "cifar10_train" */
  const char *operands; /* "MODEL IMAGE..." or "" */
  const char *purpose;  /* a sentence or two */
  int least, most;      /* operands */
  const struct setting *settings;
};

static inline void print_help(const struct command *command) {
  printf("usage: %s [OPTION]...%s%s\n\n%s\n\n", command->name, *command->operands ? " " : "",
         command->operands, command->purpose);
  for (const struct setting *s = command->settings; s->name != NULL; s++) {
    int width = printf("  %s%s%s", s->name, s->argument ? " " : "", s->argument ? s->argument : "");
    printf("%*s%s\n", width < 26 ? 26 - width : 1, "", s->help);
  }
  printf("  --help                  says this\n");
}

static inline int bad_usage(const struct command *command, const char *what, const char *name) {
  fprintf(stderr, "%s: %s%s%s (--help tells more)\n", command->name, name, *name ? " " : "", what);
  return BAD_USAGE;
}

/* Reads text as the setting wants it; otherwise says what it wants. */
static inline const char *read_value(const struct setting *setting, const char *text) {
  char *end = NULL;
  errno = 0;
  switch (setting->kind) {
  case FLAG:
    *(bool *)setting->value = true;
    return NULL;
  case TEXT:
    *(const char **)setting->value = text;
    return *text ? NULL : "is empty";
  case COUNT: {
    long long count = strtoll(text, &end, 10);
    if (end == text || *end || errno || count < 1) return "takes a whole number, 1 or more";
    *(int64_t *)setting->value = count;
    return NULL;
  }
  case NUMBER: {
    unsigned long long number = strtoull(text, &end, 10);
    if (end == text || *end || errno || strchr(text, '-')) return "takes a whole number, 0 or more";
    *(uint64_t *)setting->value = number;
    return NULL;
  }
  case REAL: {
    double real = strtod(text, &end);
    if (end == text || *end || !isfinite(real) || real <= 0) return "takes a number over 0";
    *(double *)setting->value = real;
    return NULL;
  }
  }
  return NULL;
}

/*
 * Reads "--name value", "--name=value" and "--flag"; what is no option is an operand, and so is all
 * behind "--". The operands move to the front of arguments, and *operands is their number.
 * Returns -1 where the program is to go on, else the exit status.
 */
static inline int read_options(const struct command *command, int argc, char **arguments,
                               int *operands) {
  int count = *operands = 0;
  bool only_operands = false;
  for (int i = 1; i < argc; i++) {
    char *argument = arguments[i];
    if (only_operands || argument[0] != '-' || argument[1] == 0) {
      arguments[count++] = argument;
      continue;
    }
    if (strcmp(argument, "--") == 0) {
      only_operands = true;
      continue;
    }
    if (strcmp(argument, "--help") == 0) {
      print_help(command);
      return finished(command->name, 0);
    }
    size_t length = strcspn(argument, "=");
    const struct setting *setting = command->settings;
    while (setting->name != NULL &&
           (strlen(setting->name) != length || strncmp(setting->name, argument, length) != 0))
      setting++;
    if (setting->name == NULL) return bad_usage(command, "is no option", argument);
    const char *value = argument[length] ? argument + length + 1 : NULL;
    if (setting->kind == FLAG && value) return bad_usage(command, "takes no value", setting->name);
    if (setting->kind != FLAG && value == NULL) value = arguments[++i];
    if (setting->kind != FLAG && value == NULL)
      return bad_usage(command, "takes a value", setting->name);
    const char *wanted = read_value(setting, value);
    if (wanted) return bad_usage(command, wanted, setting->name);
  }
  *operands = count;
  if (count < command->least) return bad_usage(command, "operands are missing", command->operands);
  if (count > command->most) return bad_usage(command, "is one too many", arguments[command->most]);
  return -1;
}

/* A picture's ending and its folder, checked before hours of training rather than after. */
static inline int check_picture(const struct command *command, const char *path) {
#ifdef CNN_HAVE_PLOT
  if (path != NULL && cnn_plot_check_path(path) != CNN_OK)
    return bad_usage(command, "ends in none of .png, .svg and .pdf", path);
#else
  (void)command, (void)path;
#endif
  return -1;
}

/* Whether a file could be written at path later: its folder is there, and may be written to. */
static inline bool check_output(const char *program, const char *path) {
  if (path == NULL) return true;
  const char *slash = strrchr(path, '/');
  char folder[4096] = ".";
  if (slash != NULL)
    snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
  if (access(folder, W_OK | X_OK) == 0) return true;
  fprintf(stderr, "%s: %s: cannot write to its folder: %s\n", program, path, strerror(errno));
  return false;
}

/* ------------------------------------------------------------------ data */

/* The same made-up images whatever the training's seed is. */
enum { SYNTHETIC_SEED = 1, SYNTHETIC_TRAINING = 10000, SYNTHETIC_TEST = 2000 };

/* Whether CIFAR-10's binary files are in folder or below it. */
static inline bool has_cifar10(const char *folder) {
  static const char *const names[] = {"data_batch_1.bin", "test_batch.bin",
                                      "cifar-10-batches-bin/data_batch_1.bin",
                                      "cifar-10-batches-bin/test_batch.bin"};
  char path[4096];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    int length = snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    if (length > 0 && length < (int)sizeof path && access(path, F_OK) == 0) return true;
  }
  return false;
}

/* The folder of CIFAR-10: the one given, else $CNN_DATA, else ./data; NULL where it is in neither. */
static inline const char *find_cifar10(const char *given) {
  const char *lent = getenv("CNN_DATA");
  if (given != NULL) return given;
  if (lent != NULL && has_cifar10(lent)) return lent;
  return has_cifar10("data") ? "data" : NULL;
}

/* CIFAR-10 from folder, or made-up images where that is NULL; the first limit of them, 0: all. */
static inline cnn_dataset *open_images(const char *folder, cnn_split split, int64_t limit) {
  if (folder == NULL) {
    int64_t count = limit > 0 ? limit : split == CNN_TRAIN ? SYNTHETIC_TRAINING : SYNTHETIC_TEST;
    return cnn_synthetic_images(.count = count, .split = split, .seed = SYNTHETIC_SEED);
  }
  cnn_dataset *all = cnn_cifar10(folder, split);
  if (limit == 0 || limit >= cnn_dataset_count(all)) return all;
  cnn_dataset *part = cnn_dataset_slice(all, 0, limit);
  cnn_dataset_free(all);
  return part;
}

/* Says where the images come from. */
static inline void print_source(const char *folder, bool asked_for) {
  if (folder != NULL)
    printf("CIFAR-10 from %s\n", folder);
  else if (asked_for)
    printf("Synthetic images\n");
  else
    printf("No CIFAR-10 in $CNN_DATA or ./data (examples/get_cifar10.sh fetches it): "
           "synthetic images instead\n");
}

static inline void print_shape(const char *what, const cnn_dataset *dataset) {
  const int64_t *shape = cnn_dataset_shape(dataset);
  int64_t count = cnn_dataset_count(dataset);
  printf("%s images: (%" PRId64, what, count);
  for (int64_t i = 0; i < cnn_dataset_rank(dataset); i++)
    printf(", %" PRId64, shape[i]);
  printf("), labels: (%" PRId64 ", 1)\n", count);
}

#endif

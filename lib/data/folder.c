#define _DEFAULT_SOURCE /* d_type */
/* A folder of images, one sub-folder a class. Files are found when the set is made, and read and decoded
   when they are fetched. */
#include "base/file.h"
#include "base/size.h"
#include "data/image_file.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Names found in a folder, sorted by bytes. */
typedef struct names {
  cnn__text text;  /* one after the other, each with its NUL */
  size_t *offsets; /* into text */
  size_t count, capacity;
} names;

/* An image's path and class: side by side, since samples in random order are each a miss of the caches. */
typedef struct place {
  size_t path; /* into the set's files */
  int32_t label;
} place;

typedef struct folder_set {
  cnn_folder_options options; /* pointers in it are not kept */
  char *path;
  cnn__text files; /* paths, each with its NUL */
  place *places;   /* count */
  size_t capacity;
  atomic_uchar *broken; /* count: 1 once a file could not be decoded */
} folder_set;

/* ---- finding files ---- */

static bool ends_with(const char *name, const char *ending) {
  const size_t length = strlen(name), tail = strlen(ending);
  if (length <= tail) return false;
  for (size_t i = 0; i < tail; i++) {
    const char c = name[length - tail + i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != ending[i]) return false;
  }
  return true;
}

static bool is_image(const char *name) {
  static const char *const endings[] = {".png", ".jpg", ".jpeg", ".jpe", ".jfif"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (ends_with(name, endings[i])) return true;
  return false;
}

/* Grows an array by doubling. */
static cnn_status grow(cnn_context *context, void *array, size_t size, size_t count,
                       size_t *capacity) {
  void **memory = array;
  if (count < *capacity) return CNN_OK;
  const size_t more = *capacity ? *capacity * 2 : 64;
  void *moved = cnn__realloc_array(context, *memory, more, size, "a folder's files");
  if (!moved) return CNN_E_NOMEM;
  *memory = moved;
  *capacity = more;
  return CNN_OK;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Orders the offsets by the names they point at. */
static cnn_status sort_names(cnn_context *context, names *n) {
  const char **pointers = cnn__alloc_array(context, n->count, sizeof *pointers, "a folder's files");
  if (!pointers) return CNN_E_NOMEM;
  for (size_t i = 0; i < n->count; i++)
    pointers[i] = n->text.bytes + n->offsets[i];
  qsort(pointers, n->count, sizeof *pointers, compare_names);
  for (size_t i = 0; i < n->count; i++)
    n->offsets[i] = (size_t)(pointers[i] - n->text.bytes);
  cnn__free(context, pointers);
  return CNN_OK;
}

static void release_names(cnn_context *context, names *n) {
  cnn__text_free(&n->text);
  cnn__free(context, n->offsets);
}

/* Whether an entry of path is a folder or a link to one. Most systems' entries tell, but for links. */
static bool is_folder(cnn_context *context, const char *path, const struct dirent *entry,
                      bool *failed) {
#ifdef DT_UNKNOWN
  if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) return entry->d_type == DT_DIR;
#endif
  struct stat state;
  char *full = cnn__format(context, "%s/%s", path, entry->d_name);
  const bool is = full && stat(full, &state) == 0 && S_ISDIR(state.st_mode);
  *failed = !full;
  cnn__free(context, full);
  return is;
}

/* The sub-folders of path, or its image files. Names that begin with a dot are left out. */
static cnn_status list(cnn_context *context, const char *path, bool folders, names *n) {
  *n = (names){0};
  cnn__text_start(&n->text, context);
  DIR *folder = opendir(path);
  if (!folder)
    return cnn__fail(errno == ENOENT ? CNN_E_NOT_FOUND : CNN_E_IO, "%s: cannot open the folder: %s",
                     path,
                     errno == ENOENT    ? "no such folder"
                     : errno == ENOTDIR ? "not a folder"
                     : errno == EACCES  ? "permission denied"
                                        : "input/output error");
  cnn_status status = CNN_OK;
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(folder);
    if (!entry) {
      if (errno && status == CNN_OK)
        status = cnn__fail(CNN_E_IO, "%s: cannot read the folder", path);
      break;
    }
    if (entry->d_name[0] == '.' || (!folders && !is_image(entry->d_name))) continue;
    bool failed = false;
    if (is_folder(context, path, entry, &failed) != folders && !failed) continue;
    status = failed ? CNN_E_NOMEM
                    : grow(context, &n->offsets, sizeof *n->offsets, n->count, &n->capacity);
    if (status != CNN_OK) break;
    n->offsets[n->count++] = n->text.size;
    cnn__text_append(&n->text, entry->d_name, strlen(entry->d_name) + 1);
  }
  (void)closedir(folder);
  if (status == CNN_OK) status = n->text.status;
  return status == CNN_OK ? sort_names(context, n) : status;
}

/* Adds a class's files. */
static cnn_status add_class(cnn_dataset *dataset, const char *class, int32_t label) {
  folder_set *set = dataset->state;
  cnn_context *context = dataset->context;
  char *path = cnn__format(context, "%s/%s", set->path, class);
  if (!path) return CNN_E_NOMEM;
  names files;
  cnn_status status = list(context, path, false, &files);
  for (size_t i = 0; status == CNN_OK && i < files.count; i++) {
    status = grow(context, &set->places, sizeof *set->places, dataset->count, &set->capacity);
    if (status != CNN_OK) break;
    set->places[dataset->count++] = (place){set->files.size, label};
    cnn__text_append(&set->files, path, strlen(path));
    cnn__text_append(&set->files, "/", 1);
    const char *name = files.text.bytes + files.offsets[i];
    cnn__text_append(&set->files, name, strlen(name) + 1);
    status = set->files.status;
  }
  release_names(context, &files);
  cnn__free(context, path);
  return status;
}

/* ---- fetching ---- */

static const char *path_of(const folder_set *set, size_t i) {
  return set->files.bytes + set->places[i].path;
}

/* Memory for a file's bytes, for cnn__file_read_into(). */
static unsigned char *file_room(void *owner, size_t size) {
  cnn__sample *sample = owner;
  return cnn__buffer_reserve(sample->context, &sample->file, size, "a file") == CNN_OK
             ? sample->file.bytes
             : NULL;
}

static cnn_status read_image(const folder_set *set, const char *path, cnn__sample *sample) {
  const bool ahead = sample->ahead && sample->ahead->there;
  size_t size = ahead ? sample->ahead->size : 0;
  const cnn_status status =
      ahead ? CNN_OK : cnn__file_read_into(sample->context, path, file_room, sample, &size);
  if (status != CNN_OK) return status;
  const cnn__decoding decoding = {.name = path,
                                  .bytes = ahead ? sample->ahead->content : sample->file.bytes,
                                  .size = size,
                                  .channels = (size_t)set->options.channels,
                                  .least_height = (size_t)set->options.decode_height,
                                  .least_width = (size_t)set->options.decode_width};
  return cnn__image_decode(&decoding, sample);
}

static cnn_status folder_image(const cnn_dataset *dataset, size_t i, cnn__sample *sample) {
  const folder_set *set = dataset->state;
  const cnn_status status = read_image(set, path_of(set, i), sample);
  if (cnn__dataset_broken(status) && atomic_exchange(&set->broken[i], 1) == 0 &&
      set->options.skip_broken)
    cnn__log_message(dataset->context, CNN_LOG_WARNING, "left out: %s", cnn_last_error());
  return status;
}

static unsigned char *find_ahead_room(void *owner, size_t size) {
  return size <= CNN__MOST_AHEAD ? ((cnn__file *)owner)->content : NULL;
}

static void folder_read(const cnn_dataset *dataset, size_t i, cnn__file *file) {
  const folder_set *set = dataset->state;
  cnn__failure before;
  cnn__failure_take(&before);
  file->there = cnn__file_read_into(dataset->context, path_of(set, i), find_ahead_room, file,
                                    &file->size) == CNN_OK;
  if (file->there) return;
  cnn_clear_error();
  if (before.status != CNN_OK) (void)cnn__failure_give(&before);
}

static cnn_status folder_label(const cnn_dataset *dataset, size_t i, int32_t *index,
                               float *vector) {
  *index = ((const folder_set *)dataset->state)->places[i].label;
  return CNN_OK;
}

static int64_t folder_skipped(const cnn_dataset *dataset) {
  const folder_set *set = dataset->state;
  int64_t sum = 0;
  for (size_t i = 0; set->options.skip_broken && i < dataset->count; i++)
    sum += atomic_load(&set->broken[i]);
  return sum;
}

static void folder_destroy(cnn_dataset *dataset) {
  folder_set *set = dataset->state;
  cnn__free(dataset->context, set->path);
  cnn__text_free(&set->files);
  cnn__free(dataset->context, set->places);
  cnn__free(dataset->context, set->broken);
}

static const cnn__dataset_class folder_class = {.image = folder_image,
                                                .read = folder_read,
                                                .label = folder_label,
                                                .skipped = folder_skipped,
                                                .destroy = folder_destroy};

/* ---- making ---- */

static cnn_status check_options(cnn_folder_options *options) {
  if (!options->path) return cnn__fail(CNN_E_INVALID, "cnn_image_folder: path is NULL");
  if (options->channels == 0) options->channels = 3;
  if (options->channels != 1 && options->channels != 3)
    return cnn__fail(CNN_E_INVALID, "cnn_image_folder: channels %lld is neither 3 nor 1",
                     (long long)options->channels);
  if (options->decode_height < 0 || options->decode_width < 0)
    return cnn__fail(CNN_E_INVALID,
                     "cnn_image_folder: decode_height %lld, decode_width %lld; "
                     "neither may be negative",
                     (long long)options->decode_height, (long long)options->decode_width);
#if !defined(CNN__HAVE_PNG) && !defined(CNN__HAVE_JPEG)
  return cnn__fail(CNN_E_UNSUPPORTED,
                   "%s: this build reads no images (neither libpng nor "
                   "libturbojpeg was found)",
                   options->path);
#else
  return CNN_OK;
#endif
}

/* The classes: those that are asked for, or all sub-folders. */
static cnn_status add_classes(cnn_dataset *dataset, const char *const *asked) {
  folder_set *set = dataset->state;
  names found = {0};
  cnn_status status = CNN_OK;
  size_t count = 0;
  if (asked) {
    while (asked[count])
      count++;
  } else {
    status = list(dataset->context, set->path, true, &found);
    count = found.count;
  }
  const char **class_names = NULL;
  if (status == CNN_OK) {
    class_names = cnn__alloc_array(dataset->context, count, sizeof *class_names, "class names");
    status = class_names ? CNN_OK : CNN_E_NOMEM;
  }
  for (size_t c = 0; status == CNN_OK && c < count; c++)
    class_names[c] = asked ? asked[c] : found.text.bytes + found.offsets[c];
  if (status == CNN_OK && count == 0)
    status =
        cnn__fail(CNN_E_NOT_FOUND, "%s: no sub-folders; there is to be one a class", set->path);
  if (status == CNN_OK) status = cnn__dataset_set_classes(dataset, count, class_names);
  for (size_t c = 0; status == CNN_OK && c < count; c++)
    status = add_class(dataset, class_names[c], (int32_t)c);
  cnn__free(dataset->context, class_names);
  release_names(dataset->context, &found);
  return status;
}

static cnn_status fill(cnn_dataset *dataset, const cnn_folder_options *options) {
  folder_set *set = dataset->state;
  set->options = *options;
  cnn__text_start(&set->files, dataset->context);
  dataset->labelled = true;
  dataset->skips_broken = options->skip_broken != 0;
  cnn__dataset_set_shape(dataset,
                         &(cnn__shape){.rank = 3, .dim = {0, 0, (size_t)options->channels}});
  set->path = cnn__strdup(dataset->context, options->path);
  if (!set->path) return CNN_E_NOMEM;
  const cnn_status status = add_classes(dataset, options->class_names);
  if (status != CNN_OK) return status;
  if (dataset->count == 0)
    return cnn__fail(CNN_E_NOT_FOUND, "%s: no file in its sub-folders ends in .png, .jpg or .jpeg",
                     set->path);
  set->broken =
      cnn__alloc_array(dataset->context, dataset->count, sizeof *set->broken, "a folder's files");
  if (!set->broken) return CNN_E_NOMEM;
  for (size_t i = 0; i < dataset->count; i++)
    atomic_init(&set->broken[i], 0);
  return CNN_OK;
}

void cnn_folder_options_init(cnn_folder_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_dataset *cnn_image_folder_create(const cnn_folder_options *given) {
  cnn_folder_options options = {0};
  if (cnn__options_read("cnn_image_folder", &options, sizeof options, given) != CNN_OK ||
      check_options(&options) != CNN_OK)
    return NULL;
  cnn_dataset *dataset = cnn__dataset_new(&folder_class, sizeof(folder_set));
  if (!dataset) return NULL;
  return fill(dataset, &options) == CNN_OK ? dataset : cnn__dataset_abandon(dataset);
}

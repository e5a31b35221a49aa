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

/* Names found in a folder. */
typedef struct names {
  cnn__text text;      /* one after the other, each with its NUL */
  const char **sorted; /* by bytes, in text; count */
  size_t count;
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

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Once text has all of them. */
static cnn_status sort_names(names *n) {
  if (n->text.status != CNN_OK) return n->text.status;
  n->sorted = cnn__alloc_array(n->text.context, n->count, sizeof *n->sorted, "a folder's files");
  if (!n->sorted) return CNN_E_NOMEM;
  const char *name = n->text.bytes;
  for (size_t i = 0; i < n->count; i++, name += strlen(name) + 1)
    n->sorted[i] = name;
  qsort(n->sorted, n->count, sizeof *n->sorted, compare_names);
  return CNN_OK;
}

static void release_names(names *n) {
  cnn__free(n->text.context, n->sorted);
  cnn__text_free(&n->text);
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
    if (failed) {
      status = CNN_E_NOMEM;
      break;
    }
    n->count++;
    cnn__text_append(&n->text, entry->d_name, strlen(entry->d_name) + 1);
  }
  (void)closedir(folder);
  return status == CNN_OK ? sort_names(n) : status;
}

/* Room for one more place. */
static cnn_status grow(cnn_context *context, folder_set *set, size_t count) {
  if (count < set->capacity) return CNN_OK;
  const size_t more = set->capacity ? set->capacity * 2 : 64;
  place *places =
      cnn__realloc_array(context, set->places, more, sizeof *places, "a folder's files");
  if (!places) return CNN_E_NOMEM;
  set->places = places;
  set->capacity = more;
  return CNN_OK;
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
    status = grow(context, set, dataset->count);
    if (status != CNN_OK) break;
    set->places[dataset->count++] = (place){set->files.size, label};
    cnn__text_append(&set->files, path, strlen(path));
    cnn__text_append(&set->files, "/", 1);
    cnn__text_append(&set->files, files.sorted[i], strlen(files.sorted[i]) + 1);
    status = set->files.status;
  }
  release_names(&files);
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
  if (!file->there) cnn__failure_give(&before);
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

static cnn_status add_classes(cnn_dataset *dataset, const char *const *class_names, size_t count) {
  if (count == 0)
    return cnn__fail(CNN_E_NOT_FOUND, "%s: no sub-folders; there is to be one a class",
                     ((const folder_set *)dataset->state)->path);
  cnn_status status = cnn__dataset_set_classes(dataset, count, class_names);
  for (size_t c = 0; status == CNN_OK && c < count; c++)
    status = add_class(dataset, class_names[c], (int32_t)c);
  return status;
}

static cnn_status add_all_sub_folders(cnn_dataset *dataset) {
  names found;
  cnn_status status =
      list(dataset->context, ((const folder_set *)dataset->state)->path, true, &found);
  if (status == CNN_OK) status = add_classes(dataset, found.sorted, found.count);
  release_names(&found);
  return status;
}

static cnn_status add_asked(cnn_dataset *dataset, const char *const *asked) {
  size_t count = 0;
  while (asked[count])
    count++;
  return add_classes(dataset, asked, count);
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
  const cnn_status status = options->class_names ? add_asked(dataset, options->class_names)
                                                 : add_all_sub_folders(dataset);
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

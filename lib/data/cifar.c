/* CIFAR-10 and CIFAR-100 in their binary versions (Krizhevsky, "Learning multiple layers of
   features from tiny images", 2009): records of label bytes, then a red, a green and a blue plane
   of 32x32. */
#include "base/file.h"
#include "data/dataset.h"
#include <unistd.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE };

/* One of the published sets. */
typedef struct cifar {
  const char *folder; /* where the archive puts the files */
  size_t label_bytes; /* before each image; the last of them is the class */
  size_t classes;
  const char *const *names;
  const char *train[6], *test[2];     /* files, NULL-terminated */
  size_t train_records, test_records; /* of each file */
} cifar;

static const char *const cifar10_names[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                            "dog",      "frog",       "horse", "ship", "truck"};

static const char *const cifar100_names[] = {
    "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
    "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
    "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
    "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
    "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
    "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
    "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
    "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
    "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
    "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
    "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
    "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
    "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
    "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
    "table",       "tank",          "telephone", "television", "tiger",        "tractor",
    "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
    "willow_tree", "wolf",          "woman",     "worm"};

static const cifar cifar10 = {.folder = "cifar-10-batches-bin",
                              .label_bytes = 1,
                              .classes = 10,
                              .names = cifar10_names,
                              .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin"},
                              .test = {"test_batch.bin"},
                              .train_records = 10000,
                              .test_records = 10000};

static const cifar cifar100 = {.folder = "cifar-100-binary",
                               .label_bytes = 2,
                               .classes = 100,
                               .names = cifar100_names,
                               .train = {"train.bin"},
                               .test = {"test.bin"},
                               .train_records = 50000,
                               .test_records = 10000};

/* Planes to pixels. */
static void interleave(const uint8_t *planes, uint8_t *pixels) {
  for (size_t i = 0; i < PLANE; i++) {
    pixels[3 * i] = planes[i];
    pixels[3 * i + 1] = planes[PLANE + i];
    pixels[3 * i + 2] = planes[2 * PLANE + i];
  }
}

/* Reads one file's records into samples [begin, begin + records). bytes has room for a file. */
static cnn_status read_records(const cifar *set, const char *path, size_t records, size_t begin,
                               cnn__memory_set *into, uint8_t *bytes, cnn_context *context) {
  const size_t record = set->label_bytes + PIXELS;
  cnn__reader *reader;
  cnn_status status = cnn__reader_open(context, path, &reader);
  if (status != CNN_OK) return status;
  const uint64_t size = cnn__reader_size(reader);
  if (size != records * record)
    status = cnn__fail(CNN_E_FORMAT,
                       "%s: %llu bytes where %zu records of %zu bytes make %zu: the "
                       "file is %s at offset %llu",
                       path, (unsigned long long)size, records, record, records * record,
                       size < records * record ? "cut off" : "too long",
                       (unsigned long long)(size < records * record ? size : records * record));
  else
    status = cnn__reader_read(reader, 0, bytes, records * record);
  cnn__reader_close(reader);
  for (size_t i = 0; status == CNN_OK && i < records; i++) {
    const uint8_t *from = bytes + i * record;
    const uint8_t label = from[set->label_bytes - 1];
    if (label >= set->classes)
      return cnn__fail(CNN_E_FORMAT, "%s: label %d at offset %zu is not in [0, %zu)", path, label,
                       i * record + set->label_bytes - 1, set->classes);
    into->indices[begin + i] = label;
    interleave(from + set->label_bytes, into->pixels + (begin + i) * PIXELS);
  }
  return status;
}

/* folder itself, or the archive's folder in it: whichever has the first file. The failure of neither
   names what was looked for. */
static char *find_folder(cnn_context *context, const cifar *set, const char *folder,
                         const char *first) {
  const char *const inner[] = {"", set->folder};
  for (size_t i = 0; i < 2; i++) {
    char *found = cnn__format(context, "%s%s%s", folder, i ? "/" : "", inner[i]);
    char *path = found ? cnn__format(context, "%s/%s", found, first) : NULL;
    const bool there = path && access(path, F_OK) == 0;
    cnn__free(context, path);
    if (there) return found;
    cnn__free(context, found);
    if (!path) return NULL;
  }
  cnn__fail(CNN_E_NOT_FOUND, "%s: neither %s nor %s/%s is there", folder, first, set->folder,
            first);
  return NULL;
}

static cnn_status read_files(cnn_dataset *dataset, const cifar *set, const char *folder,
                             const char *const *files, size_t records) {
  cnn_context *context = dataset->context;
  uint8_t *bytes = cnn__alloc_array(context, records, set->label_bytes + PIXELS, "a CIFAR file");
  if (!bytes) return CNN_E_NOMEM;
  cnn_status status = CNN_OK;
  for (size_t i = 0; status == CNN_OK && files[i]; i++) {
    char *path = cnn__format(context, "%s/%s", folder, files[i]);
    status = path ? read_records(set, path, records, i * records, cnn__memory_set_state(dataset),
                                 bytes, context)
                  : CNN_E_NOMEM;
    cnn__free(context, path);
  }
  cnn__free(context, bytes);
  return status;
}

static cnn_dataset *read_set(const char *function, const cifar *set, const char *folder,
                             cnn_split split) {
  if (!folder) {
    cnn__fail(CNN_E_INVALID, "%s: folder is NULL", function);
    return NULL;
  }
  if (split != CNN_TRAIN && split != CNN_TEST) {
    cnn__fail(CNN_E_INVALID, "%s: split %d is neither CNN_TRAIN nor CNN_TEST", function,
              (int)split);
    return NULL;
  }
  const char *const *files = split == CNN_TRAIN ? set->train : set->test;
  const size_t records = split == CNN_TRAIN ? set->train_records : set->test_records;
  size_t count = 0;
  for (size_t i = 0; files[i]; i++)
    count += records;
  cnn_context *context = cnn__context_acquire();
  if (!context) return NULL;
  char *found = find_folder(context, set, folder, files[0]);
  cnn_dataset *dataset = NULL;
  if (found)
    dataset = cnn__memory_set_new(count, CNN_UINT8,
                                  &(cnn__shape){.rank = 3, .dim = {SIDE, SIDE, 3}}, true, 0);
  if (dataset && (cnn__dataset_set_classes(dataset, set->classes, set->names) != CNN_OK ||
                  read_files(dataset, set, found, files, records) != CNN_OK))
    dataset = cnn__dataset_abandon(dataset);
  cnn__free(context, found);
  cnn_context_free(context);
  return dataset;
}

cnn_dataset *cnn_cifar10(const char *folder, cnn_split split) {
  return read_set("cnn_cifar10", &cifar10, folder, split);
}

cnn_dataset *cnn_cifar100(const char *folder, cnn_split split) {
  return read_set("cnn_cifar100", &cifar100, folder, split);
}

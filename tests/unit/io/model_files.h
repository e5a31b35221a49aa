/* What the tests of model files share: a folder, a context whose memory is watched, a small trained model, and model
   files that differ from good ones in one thing. */
#ifndef CNN_TESTS_UNIT_IO_MODEL_FILES_H
#define CNN_TESTS_UNIT_IO_MODEL_FILES_H

#include "../../small_set.h"
#include "../base/folder.h"
#include "io/safetensors.h"
#include <cnn/cnn.h>

/* ---- memory ---- */

/* Bytes that a context's objects hold, now and at most. */
typedef struct watched {
  atomic_llong now, most;
} watched;

static inline void *watched_allocate(void *user, size_t bytes, size_t alignment) {
  watched *w = user;
  char *block = NULL;
  if (posix_memalign((void **)&block, alignment, bytes + alignment) != 0) return NULL;
  memcpy(block, &bytes, sizeof bytes);
  long long now = atomic_fetch_add(&w->now, (long long)bytes) + (long long)bytes;
  if (now > atomic_load(&w->most)) atomic_store(&w->most, now);
  return block + alignment;
}

static inline void watched_release(void *user, void *pointer) {
  watched *w = user;
  size_t bytes;
  char *block = (char *)pointer - 64; /* the library's alignment */
  memcpy(&bytes, block, sizeof bytes);
  atomic_fetch_sub(&w->now, (long long)bytes);
  free(block);
}

static cnn_context *context; /* that every test uses */
static watched memory;       /* its */

static int model_files_enter(void **state) {
  const cnn_allocator allocator = {sizeof allocator, &memory, watched_allocate, watched_release};
  context = cnn_context_new(.allocator = &allocator, .threads = 1);
  (void)cnn_context_use(context);
  return folder_enter(state);
}

static int model_files_leave(void **state) {
  (void)cnn_context_use(NULL);
  const bool left = cnn_context_memory(context) != 0;
  cnn_context_free(context);
  return group_end(folder_leave(state) == 0 && !left && atomic_load(&memory.now) == 0);
}

/* ---- a small model ---- */

static inline cnn_loader *small_loader(void) {
  cnn_dataset *dataset = small_dataset();
  assert_non_null(dataset);
  cnn_loader *loader = cnn_loader_new(dataset, .batch_size = 4, .shuffle = 1, .rescale = 1 / 255.);
  cnn_dataset_free(dataset);
  assert_non_null(loader);
  return loader;
}

static inline cnn_model *small_model(void) {
  cnn_model *model = cnn_sequential(cnn_input(.shape = {SIDE, SIDE, 1}),
                                    cnn_conv2d(.filters = 2, .kernel = {3}, .activation = CNN_RELU),
                                    cnn_batch_normalization(), cnn_flatten(),
                                    cnn_dense(.units = 2, .activation = CNN_SOFTMAX));
  assert_non_null(model);
  return model;
}

/* So many layers of a kind in a row, behind an input of one number. */
static inline cnn_model *row_of(size_t count, cnn_layer *(*next)(void)) {
  cnn_layer **layers = malloc((count + 1) * sizeof *layers);
  assert_non_null(layers);
  layers[0] = cnn_input(.shape = {1, 1, 1});
  for (size_t i = 1; i <= count; i++)
    layers[i] = next();
  cnn_model *model = cnn_sequential_create(layers, count + 1);
  free(layers);
  assert_non_null(model);
  return model;
}
static inline cnn_layer *next_normalization(void) {
  return cnn_batch_normalization();
}

static inline cnn_callback *stopping(void) {
  return cnn_early_stopping(.patience = 5, .restore_best_weights = 1);
}

/* One epoch behind it, the best weights kept, a note. */
static inline cnn_model *trained_model(void) {
  cnn_model *model = small_model();
  cnn_loader *loader = small_loader(), *checks = small_loader();
  assert_int_equal(cnn_model_compile(model, .optimizer = cnn_sgd(.momentum = 0.9),
                                     .loss = cnn_sparse_categorical_crossentropy(),
                                     .metrics = {cnn_accuracy()}),
                   CNN_OK);
  assert_int_equal(cnn_model_fit(model, loader, .validation = checks, .callbacks = {stopping()}),
                   CNN_OK);
  assert_int_equal(cnn_model_set_note(model, "licence", "none \"at\" all"), CNN_OK);
  cnn_loader_free(loader);
  cnn_loader_free(checks);
  return model;
}

static inline cnn_status resume(cnn_model *model, int64_t epochs) {
  cnn_loader *loader = small_loader(), *checks = small_loader();
  cnn_status status = cnn_model_fit(model, loader, .epochs = epochs, .validation = checks,
                                    .resume = 1, .callbacks = {stopping()});
  cnn_loader_free(loader);
  cnn_loader_free(checks);
  return status;
}

/* ---- files ---- */

static inline unsigned char *file_bytes(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  enum { MOST = (2 << 20) + 4096 };
  unsigned char *bytes = malloc(MOST);
  *size = fread(bytes, 1, MOST, file);
  assert_int_equal(fclose(file), 0);
  return bytes;
}

static inline void put_bytes(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* How a copy of a model file differs from it. What is NULL changes nothing. */
typedef struct difference {
  const char *text, *from, *to; /* in that text of the header, to stands for the first from */
  const char *without;          /* this tensor is left out */
  const char *tensor;           /* this one has the bytes of values from element at on */
  size_t at;
  const void *values;
  size_t bytes;
  const char *retyped; /* this one has the same bytes, as another type and shape */
  cnn_dtype dtype;
  cnn__shape shape;
} difference;

static inline char *replaced(const char *text, const char *from, const char *to) {
  const char *at = strstr(text, from);
  if (!at) fail_msg("the text does not hold \"%s\"", from);
  char *result = malloc(strlen(text) + strlen(to) + 1);
  (void)sprintf(result, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
  return result;
}

/* Writes a copy of the model file from that differs. */
static inline void write_different(const char *from, const char *to, const difference *d) {
  enum { MOST = 64 };
  cnn__safetensors *file;
  cnn__saved tensors[MOST];
  cnn__metadata texts[16];
  void *values[MOST];
  char *text = NULL;
  size_t count = 0, text_count = 0;
  bool found = !d->text && !d->tensor && !d->without && !d->retyped;
  assert_int_equal(cnn__safetensors_open(context, from, &file), CNN_OK);
  for (size_t i = 0; i < file->count; i++) {
    const cnn__stored *stored = &file->tensors[i];
    if (d->without && strcmp(d->without, stored->name) == 0) {
      found = true;
      continue;
    }
    values[count] = malloc(stored->bytes + 1);
    assert_int_equal(cnn__safetensors_read(file, stored, values[count]), CNN_OK);
    if (d->tensor && strcmp(d->tensor, stored->name) == 0) {
      found = true;
      memcpy((char *)values[count] + d->at * d->bytes, d->values, d->bytes);
    }
    tensors[count] = (cnn__saved){stored->name, stored->dtype, stored->shape, values[count]};
    if (d->retyped && strcmp(d->retyped, stored->name) == 0) {
      found = true;
      tensors[count].dtype = d->dtype;
      tensors[count].shape = d->shape;
    }
    count++;
  }
  for (size_t i = 0; i < file->note_count; i++) {
    const cnn__note_text *note = &file->notes[i];
    const char *value = note->value;
    if (d->text && strcmp(d->text, note->name) == 0) {
      found = true;
      value = text = replaced(value, d->from, d->to);
    }
    texts[text_count++] = (cnn__metadata){note->name, value};
  }
  assert_true(found);
  assert_int_equal(cnn__safetensors_write(context, to, tensors, count, texts, text_count,
                                          CNN__SAFETENSORS_VALUES),
                   CNN_OK);
  for (size_t i = 0; i < count; i++)
    free(values[i]);
  free(text);
  cnn__safetensors_close(file);
}

/* What loading a file may fail with, as cnn/model.h says. */
static inline bool is_load_failure(cnn_status status) {
  return status == CNN_E_FORMAT || status == CNN_E_LIMIT || status == CNN_E_UNSUPPORTED ||
         status == CNN_E_INVALID || status == CNN_E_SHAPE;
}

#endif

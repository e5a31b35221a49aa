/* Saving and loading models: safetensors with the model's description in the texts of the header (docs/files.md).

   texts                                          tensors
   format        "libcnn"                         <layer>/<parameter>                F32, in their shapes
   version       "1"                              training/counters                  U64
   architecture  JSON: layers, inputs, frozen     training/sums                      F64
   classes       JSON: names                      training/optimizer                 F64
   preprocessing JSON: scale, mean, deviation     training/metrics                   F64 (metrics, 2)
   notes         JSON: the caller's texts         training/history                   F64 (series, epochs)
   training      JSON: optimizer, loss, metrics,  training/slot/<slot>/<parameter>   F32, as the parameter
                 history's names, callbacks       training/callback/<n>/<array>      F32

   A layer's name holds no '/', so parameters never meet the names under training/. */
#include "io/architecture.h"
#include "io/extras.h"
#include "io/training.h"
#include <string.h>

static const char file_format[] = "libcnn", file_version[] = "1";

static void put_text(cnn__bundle *bundle, const char *name, const char *value) {
  if (!bundle->status) bundle->texts[bundle->text_count++] = (cnn__metadata){name, value};
}

static cnn_status save(const cnn_model *model, const char *path, bool with_training) {
  cnn__bundle bundle;
  cnn__training_image image = {.context = model->context};
  cnn__text text;
  cnn__bundle_start(&bundle, model->context);
  put_text(&bundle, "format", file_format);
  put_text(&bundle, "version", file_version);
  cnn__text_start(&text, model->context);
  cnn__architecture_write(&text, model);
  cnn__bundle_text(&bundle, "architecture", &text);
  cnn__extras_write(&bundle, model);
  for (size_t i = 0; i < model->network->parameter_count; i++) {
    const cnn__parameter *parameter = &model->network->parameters[i];
    cnn__bundle_tensor(&bundle, parameter->name, CNN_FLOAT32, &parameter->spec->shape,
                       cnn__model_values(model, i));
  }
  if (with_training) cnn__training_write(&bundle, model, &image);
  cnn_status status = bundle.status;
  if (status)
    status = cnn__fail_prefix(status, "%s", path);
  else
    status = cnn__safetensors_write(model->context, path, bundle.tensors, bundle.tensor_count,
                                    bundle.texts, bundle.text_count, bundle.values);
  cnn__training_image_free(&image);
  cnn__bundle_end(&bundle);
  return status;
}

cnn_status cnn_model_save(const cnn_model *model, const char *path) {
  if (!model) return cnn__fail_null("cnn_model_save", "model");
  if (!path) return cnn__fail_null("cnn_model_save", "path");
  return save(model, path, true);
}

cnn_status cnn_model_save_weights(const cnn_model *model, const char *path) {
  if (!model) return cnn__fail_null("cnn_model_save_weights", "model");
  if (!path) return cnn__fail_null("cnn_model_save_weights", "path");
  return save(model, path, false);
}

static cnn_status check_format(const cnn__safetensors *file) {
  const char *format = cnn__safetensors_note(file, "format"),
             *version = cnn__safetensors_note(file, "version");
  if (!format || strcmp(format, file_format) != 0 || !version)
    return cnn__fail(
        CNN_E_FORMAT,
        "%s: a safetensors file, but not of libcnn's: its header names no architecture",
        file->path);
  if (strcmp(version, file_version) == 0) return CNN_OK;
  return cnn__fail(CNN_E_UNSUPPORTED,
                   "%s: version %.32s of the format; this library reads version %s", file->path,
                   version, file_version);
}

static cnn_status load(cnn_context *context, const char *path, cnn_model **model) {
  cnn__safetensors *file = NULL;
  cnn_status status = cnn__safetensors_open(context, path, &file);
  if (status) return status;
  status = check_format(file);
  if (!status) status = cnn__architecture_read(context, file, model);
  if (!status) status = cnn__extras_read(file, *model);
  if (!status) status = cnn__training_read(file, *model);
  cnn__safetensors_close(file);
  return status;
}

cnn_model *cnn_model_load(const char *path) {
  cnn_model *model = NULL;
  if (!cnn__given("cnn_model_load", "path", path)) return NULL;
  cnn_context *context = cnn__context_acquire();
  if (!context) return NULL;
  cnn_status status = load(context, path, &model);
  cnn_context_free(context);
  if (!status) return model;
  cnn_model_free(model);
  return NULL;
}

static cnn_status check_match(const cnn__safetensors *file, const cnn__network *network) {
  for (size_t i = 0; i < network->parameter_count; i++) {
    const cnn__parameter *parameter = &network->parameters[i];
    const cnn__stored *stored = cnn__safetensors_find(file, parameter->name);
    char ours[CNN__SHAPE_TEXT], theirs[CNN__SHAPE_TEXT];
    if (!stored)
      return cnn__fail(CNN_E_MISMATCH, "%s: has no \"%.100s\", which the model has", file->path,
                       parameter->name);
    if (stored->dtype != CNN_FLOAT32)
      return cnn__fail(CNN_E_MISMATCH, "%s: \"%.100s\" is not F32, as the model's weights are",
                       file->path, parameter->name);
    if (!cnn__shape_equal(&stored->shape, &parameter->spec->shape))
      return cnn__fail(CNN_E_MISMATCH, "%s: \"%.100s\" is %s; the model's is %s", file->path,
                       parameter->name, cnn__shape_text(&stored->shape, theirs),
                       cnn__shape_text(&parameter->spec->shape, ours));
  }
  return CNN_OK;
}

/* Into a block of its own first: a read that fails leaves the model as it was. */
static cnn_status take_weights(const cnn__safetensors *file, cnn_model *model) {
  const cnn__network *network = model->network;
  float *block = cnn__calloc_array(model->context, network->block_size, sizeof *block,
                                   "the weights of a file");
  cnn_status status = block ? CNN_OK : CNN_E_NOMEM;
  for (size_t i = 0; i < network->parameter_count && !status; i++)
    status = cnn__tensor_read(file, network->parameters[i].name, CNN_FLOAT32,
                              &network->parameters[i].spec->shape,
                              block + network->parameters[i].offset);
  if (!status) {
    memcpy(model->weights, block, network->block_size * sizeof *block);
    model->version++;
  }
  cnn__free(model->context, block);
  return status;
}

cnn_status cnn_model_load_weights(cnn_model *model, const char *path) {
  if (!model) return cnn__fail_null("cnn_model_load_weights", "model");
  if (!path) return cnn__fail_null("cnn_model_load_weights", "path");
  cnn__safetensors *file = NULL;
  cnn_status status = cnn__safetensors_open(model->context, path, &file);
  if (status) return status;
  status = check_match(file, model->network);
  if (!status) status = take_weights(file, model);
  cnn__safetensors_close(file);
  return status;
}

/* The model behind the public handle: a network, its weights, and what training and predicting
   need beside them. One thread at a time, but for stop. */
#ifndef CNN_MODEL_MODEL_H
#define CNN_MODEL_MODEL_H

#include "data/loader.h"
#include "model/network.h"
#include "model/training.h"

typedef struct cnn__plan cnn__plan;

/* A model as its predictors see it: they outlive it. */
typedef struct cnn__model_link {
  atomic_size_t references;
  cnn_context *context;
  const cnn_model *model; /* NULL once it is gone */
} cnn__model_link;
void cnn__model_link_release(cnn__model_link *link); /* NULL is fine */

typedef struct cnn__note {
  char *name, *value;
} cnn__note;

/* What a plan is for. */
typedef enum cnn__mode {
  CNN__MODE_TRAIN,       /* forward and backward, up to what the loss takes */
  CNN__MODE_TEST,        /* forward in inference mode, up to what the loss takes */
  CNN__MODE_PREDICT,     /* forward in inference mode, the whole network */
  CNN__MODE_PREDICT_ONE, /* the same for a single image: kept apart, for its algorithms may differ */
  CNN__MODES
} cnn__mode;

struct cnn_model {
  cnn_context *context;
  cnn__network *network;
  int64_t input_dims[CNN_MAX_RANK], output_dims[CNN_MAX_RANK]; /* as the public face shows them */

  float *weights;   /* a block */
  bool *frozen;     /* of each node; begins as the layers say */
  uint64_t version; /* moves with every change of a weight: prepared weights are then stale */
  uint64_t
      structure; /* moves when a layer is frozen or thawed, and with compile: plans are stale */

  cnn__plan *plans[CNN__MODES]; /* made when they are first needed, kept */

  size_t class_count;
  char **class_names;               /* and the names behind them, in one block */
  bool preprocesses;                /* else the rest is 0 */
  cnn__preprocessing preprocessing; /* of 8-bit images; its arrays are the model's own */
  size_t note_count;
  cnn__note *notes;

  cnn__training *training; /* NULL before compile */
  cnn_history *history;    /* never NULL */
  cnn_fit *fit;            /* that runs; NULL: none */
  cnn__model_link *link;   /* never NULL */
  atomic_int stop;         /* set by cnn_model_stop() */
};

/* A model of a network, which it retains; weights zero. NULL: CNN_E_NOMEM. */
cnn_model *cnn__model_new(cnn_context *context, cnn__network *network);

static inline float *cnn__model_values(const cnn_model *model, size_t parameter) {
  return model->weights + model->network->parameters[parameter].offset;
}
/* Whether training changes it now. */
static inline bool cnn__model_trains(const cnn_model *model, size_t parameter) {
  const cnn__parameter *array = &model->network->parameters[parameter];
  return !array->spec->statistic && !model->frozen[array->node];
}

/* cnn_model_set_note(); is_new: no note has this name, as the caller knows. */
cnn_status cnn__model_put_note(cnn_model *model, const char *name, const char *value, bool is_new);
/* How many class names the model takes: its output's last size. */
size_t cnn__model_classes(const cnn_model *model);
/* Copies names (count may be 0: none) or preprocessing in place of those that are set. CNN_E_NOMEM,
   and what was set stays. */
cnn_status cnn__model_set_class_names(cnn_model *model, const char *const *names, size_t count);
cnn_status cnn__model_set_preprocessing(cnn_model *model, const cnn__preprocessing *preprocessing);
/* What applies to 8-bit images: the model's, or none. */
cnn__preprocessing cnn__model_preprocessing(const cnn_model *model);

/* The model's plan for a mode and a batch of up to so many images, its weights prepared; made anew
   where the one at hand is for another size, so that results depend on the call alone and not on
   those before it. CNN_E_LIMIT, CNN_E_NOMEM. */
cnn_status cnn__model_plan(cnn_model *model, cnn__mode mode, size_t batch, cnn__plan **plan);

/* Text that cnn_text_free() frees, with a copy of what text has gathered; frees text. NULL after
   a failure. */
char *cnn__text_hand_over(cnn__text *text);

#endif

/* Layers inside: a class for each kind (shape rule, parameters, plan), a description for each layer,
   and the operation that a class plans for given shapes.

   One file a layer: its rule, its forward and its backward pass side by side. A layer's settings are its public
   options struct with every default filled in; one table of fields a class (base/settings.h, which is
   implemented there) validates them, and writes and reads them as JSON, so the API and files share
   one validator. */
#ifndef CNN_LAYERS_LAYER_H
#define CNN_LAYERS_LAYER_H

#include "base/context.h"
#include "base/settings.h"
#include "ops/pool.h"
#include "tensor/shape.h"
#include <cnn/layer.h>

enum {
  CNN__MAX_INPUTS = 16,                            /* of one layer (add, concatenate) */
  CNN__MAX_PARAMETERS = 4,                         /* of one layer */
  CNN__MAX_OP_PARAMETERS = 2 * CNN__MAX_PARAMETERS /* of an operation: perhaps two layers' */
};

typedef struct cnn__layer_class cnn__layer_class;

struct cnn_layer {
  cnn_context *context;
  const cnn__layer_class *class;
  char *name;     /* the user's, or NULL: the model numbers it */
  void *settings; /* the class's options struct, validated, nothing left at "default", name NULL */
};

/* One parameter as a layer's shape rule states it. */
typedef struct cnn__parameter_spec {
  const char *name; /* "kernel"; static */
  cnn__shape shape;
  bool trainable; /* false: a statistic (moving_mean), or the layer is frozen */
  bool statistic; /* never trained, whatever is frozen */
  cnn_initializer initializer;
  double scale; /* the initializer's, 0: its default */
  size_t fan_in, fan_out;
  double l2;
} cnn__parameter_spec;

/* What a layer becomes for given inputs. Shapes are of one sample. */
typedef struct cnn__layer_spec {
  cnn__shape output;
  size_t parameter_count;
  cnn__parameter_spec parameters[CNN__MAX_PARAMETERS];
} cnn__layer_spec;

/* ---- operations: what a plan runs ---- */

typedef struct cnn__op cnn__op;

/* What the plan asks of a layer. */
typedef struct cnn__op_request {
  cnn_context *context;
  const char *name; /* the layer's, for messages; outlives the op */
  size_t batch;     /* the most images of a run */
  bool training;    /* backward will be asked for; dropout drops, batch norm uses the batch */
  bool
      frozen; /* the layer's parameters get no gradient, its statistics stay; begins as cnn__layer_frozen() */
  bool exact;
  size_t slots;
  size_t inputs;
  const cnn__shape *input;              /* inputs of them */
  bool input_gradient[CNN__MAX_INPUTS]; /* which of them need one */
  const cnn__shape *output;             /* of the layer itself, before what is fused */
  /* What follows, in this order, and is to be taken into the operation: */
  const cnn_layer *fuse_normalization; /* not in training; its parameters come behind; or NULL */
  cnn_activation_kind fuse_activation; /* CNN_LINEAR: none */
  const cnn__pool_shape *fuse_pool;    /* max-pooling, or NULL */
} cnn__op_request;

/* The buffers of one run. All pointers are set up by the plan; those that an op did not ask for are NULL. */
typedef struct cnn__op_run {
  cnn_context *context;
  size_t images; /* 1 to batch */
  bool training;
  uint64_t seed, step; /* for dropout */
  const float *input[CNN__MAX_INPUTS];
  float *output;
  float *parameter[CNN__MAX_OP_PARAMETERS];
  const float *prepared;
  unsigned char *saved;
  void *scratch;
  void *slots;       /* slot_bytes for each of the request's slots, */
  size_t slot_pitch; /* so many from one to the next */
  /* backward only */
  float *output_gradient;                 /* may be overwritten */
  float *input_gradient[CNN__MAX_INPUTS]; /* overwritten, never added to; NULL: not wanted */
  float *parameter_gradient[CNN__MAX_PARAMETERS]; /* overwritten; NULL: not wanted */
} cnn__op_run;

struct cnn__op {
  /* What the op is and costs; filled by the layer's plan function. */
  const char *algorithm;  /* "direct", "winograd-4x4", "copy"; static */
  double flops;           /* of one image's forward pass */
  size_t prepared_floats; /* packed weights, refreshed by prepare after each change of parameters */
  size_t saved_bytes;     /* kept from forward to backward */
  size_t scratch_bytes;   /* for one call */
  size_t slot_bytes; /* for each slot, apart from all other operations' scratch of other slots */
  bool
      in_place; /* output may be the very buffer of input 0 (and gradients likewise), where the plan owns
                             that buffer and nobody else reads it: a model's input is never written to */
  bool alias; /* output IS input 0 under another shape (flatten): nothing runs */
  bool backward_reads_input, backward_reads_output; /* which values must live until backward */
  void *state;                                      /* the op's own plan, freed by release */

  void (*prepare)(const cnn__op *op, cnn_context *context, float *const *parameter,
                  float *prepared); /* or NULL */
  void (*forward)(const cnn__op *op, const cnn__op_run *run);
  void (*backward)(const cnn__op *op, const cnn__op_run *run); /* or NULL in inference plans */
  void (*release)(cnn__op *op, cnn_context *context);          /* or NULL */
};

/* ---- classes ---- */

/* How many inputs a layer takes. */
typedef enum cnn__layer_inputs {
  CNN__INPUTS_ONE,
  CNN__INPUTS_NONE, /* it is a model's input */
  CNN__INPUTS_MANY  /* 2 to CNN__MAX_INPUTS */
} cnn__layer_inputs;

struct cnn__layer_class {
  const char *class_name; /* "Conv2D": summaries and files */
  const char *base_name;  /* "conv2d": names are numbered from it */
  size_t settings_size;   /* sizeof the options struct */
  size_t name_offset;     /* of its name member */
  const cnn__field *fields;
  size_t field_count;
  cnn__layer_inputs inputs;

  /* Puts defaults that follow from other settings in place of 0 (pooling's stride is its window) in options as a
     caller gave them, nothing checked yet; or NULL. Files state everything and skip this. */
  void (*defaults)(void *settings);
  /* Checks what fields cannot, after they were checked (groups divide filters): CNN_E_INVALID; or NULL. */
  cnn_status (*check)(const char *who, const void *settings);
  /* The shape rule, for as many inputs as the class takes: fills *spec, which is empty, or fails with CNN_E_SHAPE naming
     the layer and the numbers. NULL: the output is as the input. */
  cnn_status (*infer)(const cnn_layer *layer, const char *name, size_t inputs,
                      const cnn__shape *input, cnn__layer_spec *spec);
  /* The operation for these shapes, without the layer's own activation unless that is the request's: fills *op, which is
     empty. What it says of the backward pass counts in training alone. NULL: an alias. So an Activation layer is an alias
     that ends in its activation: what fuses for the one fuses for the layer, too. */
  cnn_status (*plan)(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op);
  bool fuses_normalization; /* plan honours request.fuse_normalization */
  /* Whether plan could take the activation in; or NULL: none ever. */
  bool (*can_fuse_activation)(const cnn__op_request *request, cnn_activation_kind kind);
  size_t
      activation_offset; /* of the activation that ends the layer in the options; 0: it has none */
  size_t slope_offset;   /* and of its slope; 0: it has the default */
  /* Whether plan could take the pooling in; or NULL: never. */
  bool (*can_fuse_pool)(const cnn_layer *layer, const cnn__op_request *request,
                        const cnn__pool_shape *pool);
};

/* All classes, NULL-terminated; by class name, NULL if there is none. */
extern const cnn__layer_class *const cnn__layer_classes[];
const cnn__layer_class *cnn__layer_class_find(const char *class_name);

/* Makes a layer from an options struct of any released size; the one way that all constructors go. */
cnn_layer *cnn__layer_create(const cnn__layer_class *class, const char *function,
                             const void *options);

/* What the layer becomes for these inputs. name begins messages. What the class's shape rule fails with; CNN_E_SHAPE for a
   number of inputs that it does not take; CNN_E_LIMIT where an output or a parameter has more bytes than memory can. */
cnn_status cnn__layer_infer(const cnn_layer *layer, const char *name, size_t inputs,
                            const cnn__shape *input, cnn__layer_spec *spec);
/* The layer's operation. CNN_E_LIMIT, CNN_E_NOMEM: nothing is left to release then. */
cnn_status cnn__layer_plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op);

/* What the description says; false for classes without parameters. A model may decide otherwise later. */
bool cnn__layer_frozen(const cnn_layer *layer);

/* The activation that ends the layer, and its slope; CNN_LINEAR where there is none. */
cnn_activation_kind cnn__layer_activation(const cnn_layer *layer, double *slope);

/* {"class":"Conv2D","name":...,"filters":32,...}: every field stated. name: the one the model gave. */
void cnn__layer_write(cnn__text *text, const cnn_layer *layer, const char *name);
/* The reverse, by the same validator; unknown, missing or doubled members are CNN_E_FORMAT. what: for messages. */
cnn_status cnn__layer_read(cnn_context *context, const char *what, const cnn__json *json,
                           cnn_layer **layer);
/* The same, once class and name are read. */
cnn_status cnn__layer_restore(cnn_context *context, const char *what, const cnn__layer_class *class,
                              const char *name, const cnn__json *json, cnn_layer **layer);

/* The operation of an activation (softmax included) on its own: for layers that end in one. */
cnn_status cnn__activation_plan(cnn_activation_kind activation, double slope,
                                const cnn__op_request *request, cnn__op *op);
/* The pooling geometry of a max_pool2d layer (for fusing); false for other classes. */
bool cnn__max_pool_geometry(const cnn_layer *layer, const cnn__shape *input,
                            cnn__pool_shape *shape);

/* Initial values. index keys the stream: the parameter's number in the model. CNN_E_NOMEM (orthogonal). */
cnn_status cnn__initialize(cnn_context *context, const cnn__parameter_spec *spec, uint64_t seed,
                           uint64_t index, float *values);

/* Kinds that take no slope have 0. */
double cnn__activation_default_slope(cnn_activation_kind activation);
const char *
cnn__activation_name(cnn_activation_kind activation); /* "relu"; NULL for no activation */

#endif

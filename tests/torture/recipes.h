/* Trainings that can be cut anywhere: one recipe for every optimizer, schedule, callback, loss and layer that has a
   state, with augmentation and shuffling. */
#ifndef CNN_TESTS_TORTURE_RECIPES_H
#define CNN_TESTS_TORTURE_RECIPES_H

#include "torture.h"

typedef struct training_recipe {
  const char *name;
  cnn_model *(*model)(void);
  cnn_optimizer *(*optimizer)(void);
  cnn_loss *(*loss)(void);
  cnn_transform *(*augment)(void); /* NULL: none */
  cnn_callback *(*callbacks[4])(void);
  bool one_hot;
  int64_t workers;     /* of the loader */
  int64_t steps;       /* of an epoch; 0: the loader's batches */
  bool split;          /* a share of the data is held back in place of a set of its own */
  bool without_checks; /* no validation at all */
} training_recipe;

extern const training_recipe training_recipes[]; /* ends at a NULL name */

enum { RECIPE_EPOCHS = 4 };

/* A fit under way. */
typedef struct training_run {
  cnn_dataset *data, *checks;
  cnn_loader *batches, *validation;
  cnn_model *model;
  cnn_fit *fit;
} training_run;

/* Begins anew, or goes on from the model in file where there is such a file. False where the library fails. */
bool training_begin(training_run *run, const training_recipe *recipe, const char *file);
/* At most so many batches (0: all); whether the fit is over. Ends the program where it fails. */
bool training_advance(training_run *run, int64_t batches);
/* Ends the fit, and frees all of it but the model. */
bool training_finish(training_run *run);
void training_free(training_run *run);

/* Adds what a finished training left: parameters, history, the file that it makes, the CSV log less its seconds. */
void digest_training(torture_digest *digest, const cnn_model *model);

/* All at once, in a folder without files of an earlier one. */
uint64_t training_outcome(const training_recipe *recipe);
/* Removes the files that trainings leave. */
void training_sweep(void);

#endif

/* What test_allocations runs while memory fails: one scene a part of the library. */
#ifndef CNN_TESTS_TORTURE_SCENES_H
#define CNN_TESTS_TORTURE_SCENES_H

#include "torture.h"

/* What a scene works on. */
typedef struct torture_world {
  cnn_dataset *data, *checks;
  cnn_loader *batches, *validation;
  cnn_model *model;
  cnn_tensor *images;
  torture_digest seen; /* of what run saw: texts, results */
} torture_world;

/* set_up and result run with all the memory they want. run may fail; whatever it made, it frees. */
typedef struct torture_scene {
  const char *name;
  void (*set_up)(torture_world *world);
  /* False where something failed: the library's last status says what. */
  bool (*run)(torture_world *world);
  /* Adds what run left to the digest: parameters, files. May be NULL. */
  void (*result)(torture_world *world, torture_digest *digest);
  const char *keeps; /* a file that is never other than before or after */
  /* Background threads allocate, too: which call fails is not the same every time. */
  bool background;
} torture_scene;

extern const torture_scene model_scenes[], training_scenes[], data_scenes[],
    file_scenes[]; /* each ends at a NULL name */

#endif

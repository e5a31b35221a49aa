/* The whole story on one screen: images, augmentation, a network, training, curves, a file, an answer.
   cc quickstart.c -o quickstart $(pkg-config --cflags --libs cnn-plot)
   ./quickstart [FOLDER]   FOLDER has CIFAR-10's .bin files; without it images are made up. */
#include <cnn/cnn.h>
#ifdef CNN_HAVE_PLOT
#include <cnn/plot.h>
#endif
#include <stdio.h>

int main(int argc, char **argv) {
  cnn_dataset *train =
      argc > 1 ? cnn_cifar10(argv[1], CNN_TRAIN) : cnn_synthetic_images(.count = 6000);
  cnn_dataset *test = argc > 1 ? cnn_cifar10(argv[1], CNN_TEST)
                               : cnn_synthetic_images(.count = 1000, .split = CNN_TEST);
  cnn_loader *batches = cnn_loader_new(
      train, .batch_size = 64, .shuffle = 1, .rescale = 1 / 255.,
      .augment = cnn_augmentation(.rotation = 20, .width_shift = .2, .height_shift = .2,
                                  .shear = .2, .zoom = .2, .horizontal_flip = 1));
  cnn_loader *checks = cnn_loader_new(test, .batch_size = 64, .rescale = 1 / 255.);

  cnn_model *model =
      cnn_sequential(cnn_input(.shape = {32, 32, 3}),
                     cnn_conv2d(.filters = 32, .kernel = {3, 3}, .activation = CNN_RELU),
                     cnn_max_pool2d(.pool = {2, 2}),
                     cnn_conv2d(.filters = 64, .kernel = {3, 3}, .activation = CNN_RELU),
                     cnn_max_pool2d(.pool = {2, 2}),
                     cnn_conv2d(.filters = 128, .kernel = {3, 3}, .activation = CNN_RELU),
                     cnn_max_pool2d(.pool = {2, 2}), cnn_flatten(),
                     cnn_dense(.units = 128, .activation = CNN_RELU),
                     cnn_dense(.units = 10, .activation = CNN_SOFTMAX));
  cnn_model_summary(model, stdout);
  cnn_model_compile(model, .optimizer = cnn_adam(), .loss = cnn_sparse_categorical_crossentropy(),
                    .metrics = {cnn_accuracy()});
  double results[2] = {0}; /* the loss, then the accuracy */
  int64_t best = 0;
  cnn_model *served = NULL;
  cnn_tensor *image = NULL, *answer = NULL;
  /* Errors stick: what could not be made above is what the fit fails with. */
  if (cnn_model_fit(model, batches, .epochs = 5, .validation = checks,
                    .progress = cnn_progress_bar(stdout)) == CNN_OK) {
    cnn_model_evaluate(model, checks, results, 2);
#ifdef CNN_HAVE_PLOT
    cnn_plot_history(cnn_model_history(model), "quickstart.png");
#endif
    cnn_model_save(model, "quickstart.safetensors");

    served = cnn_model_load("quickstart.safetensors");
    cnn_dataset_fetch(test, 0, &image, NULL, NULL);
    answer = cnn_model_predict(served, image);
    cnn_top_k(cnn_tensor_floats(answer), cnn_tensor_count(answer), 1, &best);
  }

  int failed = cnn_last_status() != CNN_OK;
  if (failed)
    fprintf(stderr, "quickstart: %s\n", cnn_last_error());
  else
    printf("Test accuracy %.4f; the first test image is a %s\n", results[1],
           cnn_model_class_name(served, best));
  cnn_tensor_free(answer), cnn_tensor_free(image), cnn_model_free(served), cnn_model_free(model);
  cnn_loader_free(checks), cnn_loader_free(batches), cnn_dataset_free(test),
      cnn_dataset_free(train);
  return failed;
}

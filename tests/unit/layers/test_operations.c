/* What operations do beside computing gradients (tests/grad): what they claim, what they change, what they refuse. */
#include "../../grad/trial.h"
#include "support.h"
#include <math.h>

static cnn_context *context;

static int set_up(void **state) {
  context = cnn_context_new(.threads = 2);
  return context == NULL;
}

static int tear_down(void **state) {
  cnn_context_free(context);
  return 0;
}

static op_trial start(const trial_setup *setup) {
  op_trial trial;
  trial_start(&trial, context, setup);
  return trial;
}

static cnn_status plan_of(const cnn_layer *layer, cnn__op_request *request, cnn__op *op) {
  static cnn__layer_spec spec;
  if (layer == NULL) fail_msg("%s", cnn_last_error());
  assert_int_equal(cnn__layer_infer(layer, "it", request->inputs, request->input, &spec), CNN_OK);
  request->output = &spec.output;
  request->context = context;
  request->name = "it";
  request->slots = 2;
  return cnn__layer_plan(layer, request, op);
}

static void test_layers_that_only_name_a_shape_or_an_activation_are_aliases(void **state) {
  const cnn__shape input = image(4, 4, 3);
  cnn_layer *layers[] = {cnn_flatten(), cnn_activation(.function = CNN_RELU), cnn_dropout()};
  for (size_t i = 0; i < 3; i++) {
    cnn__op_request request = {.batch = 2, .inputs = 1, .input = &input};
    cnn__op op;
    assert_int_equal(plan_of(layers[i], &request, &op), CNN_OK);
    assert_true(op.alias && op.state == NULL && op.release == NULL);
    cnn_layer_free(layers[i]);
  }
}

/* What must live until the backward pass takes memory in every plan: none where there is no backward pass, and where
   parameters are frozen no more than the input's gradient needs. */
static void test_no_more_is_kept_than_the_backward_pass_needs(void **state) {
  enum { BATCH = 3 };
  const struct {
    cnn_layer *layer;
    size_t saved, saved_frozen; /* bytes, in training */
    bool reads_input, relu;
  } cases[] = {
      {cnn_batch_normalization(), 2 * 4 * sizeof(float), 0, true, false},
      {cnn_batch_normalization(), 2 * 4 * sizeof(float), 0, true, true},
      {cnn_max_pool2d(), BATCH * 3 * 2 * 4 * sizeof(uint32_t), BATCH * 3 * 2 * 4 * sizeof(uint32_t),
       false, false},
      {cnn_average_pool2d(), 0, 0, false, false},
      {cnn_global_average_pool2d(), 0, 0, false, false},
      {cnn_dense(.units = 5), 0, 0, true, false},
      {cnn_dense(.units = 5), 0, 0, true, true},
      {cnn_conv2d(.filters = 5, .kernel = {3}), 0, 0, true, false},
      {cnn_conv2d(.filters = 5, .kernel = {3}), 0, 0, true, true},
      {cnn_depthwise_conv2d(.kernel = {3}), 0, 0, true, true},
      {cnn_zero_padding2d(.top = 1), 0, 0, false, false},
  };
  const cnn__shape input = image(6, 4, 4);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int mode = 0; mode < 4; mode++) { /* training or not, frozen or not */
      const bool training = mode & 1, frozen = mode & 2;
      cnn__op_request request = {.batch = BATCH,
                                 .training = training,
                                 .frozen = frozen,
                                 .inputs = 1,
                                 .input = &input,
                                 .input_gradient = {true},
                                 .fuse_activation = cases[i].relu ? CNN_RELU : CNN_LINEAR};
      cnn__op op;
      assert_int_equal(plan_of(cases[i].layer, &request, &op), CNN_OK);
      assert_int_equal(op.saved_bytes, !training ? 0
                                       : frozen  ? cases[i].saved_frozen
                                                 : cases[i].saved);
      assert_int_equal(op.backward_reads_input, cases[i].reads_input && training && !frozen);
      assert_int_equal(op.backward_reads_output, cases[i].relu && training);
      assert_int_equal(op.backward != NULL, training);
      op.release(&op, context);
    }
    cnn_layer_free(cases[i].layer);
  }
}

static void test_an_activation_layer_ends_in_its_function(void **state) {
  cnn_layer *layer = cnn_activation(.function = CNN_LEAKY_RELU, .slope = 0.3);
  cnn_layer *dense = cnn_dense(.units = 1, .activation = CNN_ELU), *pool = cnn_max_pool2d();
  double slope = 9;
  assert_int_equal(cnn__layer_activation(layer, &slope), CNN_LEAKY_RELU);
  assert_true(slope == 0.3);
  assert_int_equal(cnn__layer_activation(dense, &slope), CNN_ELU);
  assert_true(slope == 1);
  const cnn__op_request request = {.training = true};
  assert_true(dense->class->can_fuse_activation(&request, CNN_RELU));
  assert_false(dense->class->can_fuse_activation(&request, CNN_ELU));
  assert_null(layer->class->can_fuse_activation);
  assert_int_equal(cnn__layer_activation(pool, &slope), CNN_LINEAR);
  cnn_layer_free(layer);
  cnn_layer_free(dense);
  cnn_layer_free(pool);
}

static void test_batch_normalization_moves_its_statistics_in_training_alone(void **state) {
  cnn_layer *layer = cnn_batch_normalization(.momentum = 0.75, .no_scale = 1);
  trial_setup setup = {.layer = layer, .images = 4, .input = {vector_of(1)}, .training = true};
  for (int mode = 0; mode < 4; mode++) { /* training, evaluating, frozen, inference */
    setup.evaluating = mode == 1;
    setup.frozen = mode == 2;
    setup.training = mode != 3;
    op_trial trial = start(&setup);
    const float x[] = {1, 3, 5, 7};
    memcpy(trial.input[0], x, sizeof x);
    trial.parameter[0][0] = 0.5f; /* beta */
    trial.parameter[1][0] = 8;    /* moving mean */
    trial.parameter[2][0] = 4;    /* moving variance */
    trial_forward(&trial);
    /* The batch has mean 4 and (biased) variance 5. */
    const float mean = mode == 0 ? 4 : 8, variance = mode == 0 ? 5 : 4;
    for (int i = 0; i < 4; i++)
      assert_true(fabsf(trial.run.output[i] - ((x[i] - mean) / sqrtf(variance + 1e-3f) + 0.5f)) <
                  1e-6f);
    assert_true(trial.run.parameter[1][0] == (mode == 0 ? 7 : 8));
    assert_true(trial.run.parameter[2][0] == (mode == 0 ? 4.25f : 4));
    trial_end(&trial);
  }
  cnn_layer_free(layer);
}

static size_t count_zeros(const float *values, size_t count) {
  size_t zeros = 0;
  for (size_t i = 0; i < count; i++)
    zeros += values[i] == 0;
  return zeros;
}

static void test_dropout_drops_its_share_by_seed_step_and_name(void **state) {
  enum { COUNT = 40000 };
  cnn_layer *layer = cnn_dropout(.rate = 0.3);
  const trial_setup setup = {
      .layer = layer, .images = 4, .input = {vector_of(COUNT / 4)}, .training = true};
  op_trial one = start(&setup), other = start(&setup);
  for (size_t i = 0; i < COUNT; i++)
    one.input[0][i] = other.input[0][i] = 1;
  trial_forward(&one);
  trial_forward(&other);
  assert_memory_equal(one.run.output, other.run.output, COUNT * sizeof(float));
  const double share = (double)count_zeros(one.run.output, COUNT) / COUNT;
  assert_true(fabs(share - 0.3) < 0.01);
  for (size_t i = 0; i < COUNT; i++)
    assert_true(one.run.output[i] == 0 || fabsf(one.run.output[i] - 1 / 0.7f) < 1e-6f);
  other.run.step++;
  trial_forward(&other);
  assert_memory_not_equal(one.run.output, other.run.output, COUNT * sizeof(float));
  other.run.step--;
  other.run.seed++;
  trial_forward(&other);
  assert_memory_not_equal(one.run.output, other.run.output, COUNT * sizeof(float));
  trial_end(&other);

  const cnn__shape input = setup.input[0];
  cnn__op_request request = {.batch = 4, .training = true, .inputs = 1, .input = &input};
  cnn__op op;
  assert_int_equal(plan_of(layer, &request, &op), CNN_OK); /* named otherwise */
  float *output = malloc(COUNT * sizeof *output);
  cnn__op_run run = one.run;
  run.output = output;
  op.forward(&op, &run);
  assert_memory_not_equal(one.run.output, output, COUNT * sizeof(float));
  free(output);
  op.release(&op, context);
  trial_end(&one);
  cnn_layer_free(layer);
}

static void test_dropout_does_nothing_when_a_training_plan_evaluates(void **state) {
  cnn_layer *layer = cnn_dropout(.rate = 0.3);
  op_trial trial = start(&(trial_setup){
      .layer = layer, .images = 2, .input = {vector_of(50)}, .training = true, .evaluating = true});
  trial_fill(trial.input[0], 100, 1, 1);
  trial_forward(&trial);
  assert_memory_equal(trial.run.output, trial.input[0], 100 * sizeof(float));
  trial_end(&trial);
  cnn_layer_free(layer);
}

/* Sums of the same terms in another order. */
static void assert_near(const float *actual, const float *expected, size_t count) {
  float largest = 0, farthest = 0;
  for (size_t i = 0; i < count; i++) {
    largest = fmaxf(largest, fabsf(expected[i]));
    const float distance = fabsf(actual[i] - expected[i]);
    if (!(distance <= farthest)) farthest = distance; /* keeps a NaN */
  }
  assert_true(farthest <= 2e-6f * largest);
}

/* Convolution with ReLU and pooling taken in against the three operations apart. Outputs are the same bits;
   gradients may be summed window by window where pooling is taken in. */
static void
test_fused_and_separate_operations_give_the_same_outputs_and_near_gradients(void **state) {
  cnn_layer *conv = cnn_conv2d(.filters = 5, .kernel = {3}), *max = cnn_max_pool2d();
  cnn__pool_shape pool;
  const cnn__shape middle = image(7, 6, 5);
  assert_true(cnn__max_pool_geometry(max, &middle, &pool));
  trial_setup setup = {
      .layer = conv, .images = 3, .input = {image(9, 8, 4)}, .training = true, .exact = true};
  op_trial apart = start(&setup);
  setup.fuse_activation = CNN_RELU;
  setup.fuse_pool = &pool;
  op_trial fused = start(&setup);
  setup.training = false;
  op_trial inference = start(&setup);
  op_trial relu = start(
      &(trial_setup){.activation = CNN_RELU, .images = 3, .input = {middle}, .training = true});
  op_trial pooled =
      start(&(trial_setup){.layer = max, .images = 3, .input = {middle}, .training = true});
  op_trial *all[] = {&apart, &fused, &inference};
  for (size_t i = 0; i < 3; i++) {
    trial_fill(all[i]->input[0], all[i]->input_count[0], 1, 1);
    trial_fill(all[i]->parameter[0], all[i]->parameter_count[0], 2, 1);
    trial_fill(all[i]->parameter[1], all[i]->parameter_count[1], 3, 1);
    trial_forward(all[i]);
  }
  memcpy(relu.input[0], apart.run.output, apart.output_count * sizeof(float));
  trial_forward(&relu);
  memcpy(pooled.input[0], relu.run.output, relu.output_count * sizeof(float));
  trial_forward(&pooled);
  assert_memory_equal(fused.run.output, pooled.run.output, pooled.output_count * sizeof(float));
  assert_memory_equal(inference.run.output, pooled.run.output, pooled.output_count * sizeof(float));

  trial_fill(fused.upstream, fused.output_count, 4, 1);
  trial_backward(&fused);
  trial_fill(pooled.upstream, pooled.output_count, 4, 1);
  trial_backward(&pooled);
  memcpy(relu.upstream, pooled.run.input_gradient[0], relu.output_count * sizeof(float));
  trial_backward(&relu);
  memcpy(apart.upstream, relu.run.input_gradient[0], apart.output_count * sizeof(float));
  trial_backward(&apart);
  assert_near(fused.run.input_gradient[0], apart.run.input_gradient[0], apart.input_count[0]);
  for (size_t i = 0; i < 2; i++)
    assert_near(fused.run.parameter_gradient[i], apart.run.parameter_gradient[i],
                apart.parameter_count[i]);
  trial_end(&apart);
  trial_end(&fused);
  trial_end(&inference);
  trial_end(&relu);
  trial_end(&pooled);
  cnn_layer_free(conv);
  cnn_layer_free(max);
}

static bool can_pool(cnn_layer *max, cnn__shape output) {
  const cnn__shape input = image(8, 8, 3);
  cnn_layer *conv = cnn_conv2d(.filters = 4, .kernel = {1});
  cnn__pool_shape pool;
  assert_true(cnn__max_pool_geometry(max, &output, &pool));
  const cnn__op_request request = {.context = context,
                                   .name = "it",
                                   .batch = 2,
                                   .slots = 1,
                                   .inputs = 1,
                                   .input = &input,
                                   .output = &output};
  const bool can = conv->class->can_fuse_pool(conv, &request, &pool);
  cnn_layer_free(conv);
  cnn_layer_free(max);
  return can;
}

static void test_only_plain_pooling_is_taken_in(void **state) {
  assert_true(can_pool(cnn_max_pool2d(), image(8, 8, 4)));
  assert_false(can_pool(cnn_max_pool2d(.pool = {3}, .stride = {2}), image(8, 8, 4)));
  assert_false(can_pool(cnn_max_pool2d(.pool = {2}, .stride = {3}), image(8, 8, 4)));
  assert_false(can_pool(cnn_max_pool2d(.pool = {3}, .padding = CNN_SAME), image(8, 8, 4)));
  /* As many windows as without gaps, but elsewhere. */
  assert_false(can_pool(cnn_max_pool2d(.pool = {2}, .stride = {3, 2}), image(5, 8, 4)));
  assert_false(can_pool(cnn_max_pool2d(.pool = {2}, .stride = {2, 3}), image(8, 5, 4)));
  cnn_layer *average = cnn_average_pool2d();
  cnn__pool_shape pool;
  const cnn__shape output = image(8, 8, 4);
  assert_false(cnn__max_pool_geometry(average, &output, &pool));
  cnn_layer_free(average);
}

/* A convolution's gradient needs its output for the ReLU or the pooling that it has taken in, and its input for the kernel's: what
   it does not claim the plan may overwrite. */
static void test_a_convolution_claims_what_its_gradient_reads(void **state) {
  cnn_layer *conv = cnn_conv2d(.filters = 8, .kernel = {3}), *max = cnn_max_pool2d();
  const cnn__shape output = image(8, 8, 8);
  cnn__pool_shape pool;
  assert_true(cnn__max_pool_geometry(max, &output, &pool));
  for (int i = 0; i < 16; i++) {
    const bool relu = i & 1, pooled = i & 2, training = i & 4, frozen = i & 8;
    const trial_setup setup = {.layer = conv,
                               .images = 2,
                               .input = {image(10, 10, 3)},
                               .fuse_activation = relu ? CNN_RELU : CNN_LINEAR,
                               .fuse_pool = pooled ? &pool : NULL,
                               .training = training,
                               .frozen = frozen};
    op_trial trial = start(&setup);
    assert_int_equal(trial.op.backward_reads_output, training && (relu || pooled));
    assert_int_equal(trial.op.backward_reads_input, training && !frozen);
    assert_int_equal(trial.op.backward != NULL, training);
    trial_end(&trial);
  }
  cnn_layer_free(conv);
  cnn_layer_free(max);
}

/* What lies behind the last of an operation's inputs is no input. */
static void test_gradients_go_to_as_many_inputs_as_there_are(void **state) {
  cnn_layer *layers[] = {cnn_add(), cnn_concatenate()};
  for (size_t i = 0; i < 2; i++) {
    const trial_setup setup = {.layer = layers[i],
                               .images = 2,
                               .inputs = 2,
                               .input = {image(2, 3, 2), image(2, 3, 2)},
                               .training = true};
    op_trial trial = start(&setup);
    float behind[64];
    for (size_t k = 0; k < 64; k++)
      behind[k] = 7;
    trial.run.input_gradient[2] = behind;
    trial_forward(&trial);
    trial_backward(&trial);
    for (size_t k = 0; k < 64; k++)
      assert_true(behind[k] == 7);
    trial_end(&trial);
    cnn_layer_free(layers[i]);
  }
}

/* Even if no shape rule was asked before. */
static void test_a_window_beyond_its_image_is_no_operation(void **state) {
  cnn_layer *layers[] = {cnn_conv2d(.filters = 1, .kernel = {3}),
                         cnn_depthwise_conv2d(.kernel = {3}), cnn_max_pool2d(.pool = {3}),
                         cnn_average_pool2d(.pool = {3})};
  const cnn__shape input = image(2, 5, 1), output = image(1, 3, 1);
  for (size_t i = 0; i < 4; i++) {
    cnn__op_request request = {.batch = 1,
                               .inputs = 1,
                               .input = &input,
                               .output = &output,
                               .context = context,
                               .name = "it",
                               .slots = 1};
    cnn__op op;
    assert_error(CNN_E_SHAPE, cnn__layer_plan(layers[i], &request, &op),
                 i < 2 ? "it: kernel 3x3 exceeds input 2x5x1" : "it: pool 3x3 exceeds input 2x5x1");
    assert_null(op.state);
    cnn_layer_free(layers[i]);
  }
}

/* A place within a plane is told by 32 bits. */
static void test_max_pooling_of_planes_of_2_to_the_32_cells_is_refused(void **state) {
  cnn_layer *layer = cnn_max_pool2d();
  for (size_t height = 65535; height <= 65536; height++) {
    const cnn__shape input = image(height, 65537, 1);
    cnn__op_request request = {.batch = 1, .inputs = 1, .input = &input};
    cnn__op op;
    if (height == 65536) {
      assert_error(CNN_E_LIMIT, plan_of(layer, &request, &op),
                   "it: a plane of 65536x65537 exceeds 2^32 cells");
      assert_null(op.state);
    } else {
      assert_int_equal(plan_of(layer, &request, &op), CNN_OK);
      op.release(&op, context);
    }
  }
  cnn_layer_free(layer);
}

static void test_batches_that_no_memory_holds_are_refused(void **state) {
  cnn_layer *layers[] = {cnn_dense(.units = 1),
                         cnn_conv2d(.filters = 1, .kernel = {1}),
                         cnn_depthwise_conv2d(.kernel = {1}),
                         cnn_max_pool2d(),
                         cnn_average_pool2d(),
                         cnn_global_average_pool2d(),
                         cnn_batch_normalization(),
                         cnn_rescaling(),
                         cnn_dropout(),
                         cnn_zero_padding2d(.top = 1),
                         cnn_flatten(),
                         cnn_add(),
                         cnn_concatenate()};
  const cnn__shape inputs[] = {image(1 << 10, 1 << 10, 1 << 10), image(1 << 10, 1 << 10, 1 << 10)};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    cnn__op_request request = {.batch = (size_t)1 << 31,
                               .training = true,
                               .inputs = inputs_of(layers[i]),
                               .input = inputs,
                               .input_gradient = {true, true}};
    cnn__op op;
    assert_error(CNN_E_LIMIT, plan_of(layers[i], &request, &op), "it: a batch of 2147483648 times");
    assert_null(op.state);
    cnn_layer_free(layers[i]);
  }
}

/* A kernel is packed once for the forward pass, and once more, the other way round, where the input wants a gradient. */
static void test_a_dense_layer_packs_what_its_passes_need(void **state) {
  enum { INPUTS = 64, UNITS = 128 };
  static const struct {
    bool training, gradient;
    size_t floats;
  } cases[] = {{false, false, INPUTS * UNITS},
               {true, false, INPUTS * UNITS},
               {true, true, 2 * INPUTS * UNITS}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cnn_layer *layer = cnn_dense(.units = UNITS);
    const cnn__shape input = {.rank = 1, .dim = {INPUTS}};
    cnn__op_request request = {.batch = 1,
                               .training = cases[i].training,
                               .inputs = 1,
                               .input = &input,
                               .input_gradient = {cases[i].gradient}};
    cnn__op op;
    assert_int_equal(plan_of(layer, &request, &op), CNN_OK);
    assert_int_equal(op.prepared_floats, cases[i].floats);
    op.release(&op, context);
    cnn_layer_free(layer);
  }
}

/* Kernels of 2^62 bytes are shapes that can be; packed twice they are more than memory. */
static void test_kernels_that_no_memory_holds_twice_are_refused(void **state) {
  cnn_layer *layer = cnn_dense(.units = 1 << 30);
  const cnn__shape input = {.rank = 1, .dim = {1 << 30}};
  cnn__op_request request = {
      .batch = 1, .training = true, .inputs = 1, .input = &input, .input_gradient = {true}};
  cnn__op op;
  assert_error(CNN_E_LIMIT, plan_of(layer, &request, &op), "kernel exceed memory");
  assert_null(op.state);
  cnn_layer_free(layer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_layers_that_only_name_a_shape_or_an_activation_are_aliases),
      cmocka_unit_test(test_no_more_is_kept_than_the_backward_pass_needs),
      cmocka_unit_test(test_an_activation_layer_ends_in_its_function),
      cmocka_unit_test(test_batch_normalization_moves_its_statistics_in_training_alone),
      cmocka_unit_test(test_dropout_drops_its_share_by_seed_step_and_name),
      cmocka_unit_test(test_dropout_does_nothing_when_a_training_plan_evaluates),
      cmocka_unit_test(test_fused_and_separate_operations_give_the_same_outputs_and_near_gradients),
      cmocka_unit_test(test_only_plain_pooling_is_taken_in),
      cmocka_unit_test(test_a_convolution_claims_what_its_gradient_reads),
      cmocka_unit_test(test_gradients_go_to_as_many_inputs_as_there_are),
      cmocka_unit_test(test_a_window_beyond_its_image_is_no_operation),
      cmocka_unit_test(test_max_pooling_of_planes_of_2_to_the_32_cells_is_refused),
      cmocka_unit_test(test_batches_that_no_memory_holds_are_refused),
      cmocka_unit_test(test_a_dense_layer_packs_what_its_passes_need),
      cmocka_unit_test(test_kernels_that_no_memory_holds_twice_are_refused),
  };
  return cmocka_run_group_tests_name("operations of layers", tests, set_up, tear_down);
}

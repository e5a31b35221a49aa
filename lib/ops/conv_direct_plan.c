/* Direct convolution's plan: how each pass is cut into tasks, and what scratch they need. */
#include "base/cpu.h"
#include "ops/conv_direct.h"

/* A block of channels whose packed weights (depth values a channel) stay in the cache, but as wide as
   any instruction set's tile: a multiple of the panel, blocks of nearly equal size. */
static size_t channel_block(size_t channels, size_t depth) {
  enum { CACHED = 48 * 1024, LEAST = 64 };
  const size_t limit = cnn__size_max(CACHED / depth / CNN__PANEL * CNN__PANEL, LEAST);
  const size_t even = cnn__size_even_part(channels, limit);
  return (even + CNN__PANEL - 1) / CNN__PANEL * CNN__PANEL;
}

/* One pass's tasks. */
typedef struct tasks {
  size_t rows, images;
} tasks;

/* Multiply-adds of a task: so many that handing it out costs nothing, but of a pass that threads share there
   are some tasks at least. */
static double work_of_task(double all, size_t slots) {
  enum { LEAST = 400000, MOST = 1600000, TASKS = 16 };
  const double share = slots > 1 ? all / TASKS : all;
  return share < LEAST ? LEAST : share > MOST ? MOST : share;
}

/* Images of a task, where they are small: so many that their borders, too, are lines of some length, and those of the
   smallest ones two tiles or one of most instruction sets; but threads share tasks enough. cells: of an
   image; wanted: images that would be worth a task. */
static size_t images_of(const cnn__conv *conv, size_t cells, size_t wanted, size_t blocks) {
  enum { FEW_CELLS = 64, TILE = 6, SOME = 4, MOST = 16, TASKS = 8 };
  const size_t batch = conv->shape.batch;
  const size_t least = cells <= FEW_CELLS ? 2 * TILE : SOME;
  const size_t most = conv->mode.slots > 1 ? cnn__size_max(batch * blocks / TASKS, 1) : batch;
  size_t images = cnn__size_min(cnn__size_max(wanted, least), cnn__size_min(MOST, most));
  if (images > TILE) images -= images % TILE;
  return cnn__size_even_part(batch, images);
}

/* Where weights are many, cells enough to be worth reading them. weights: of a block; blocks: of all channels; whole:
   images are not cut into rows. */
static tasks tasks_of(const cnn__conv *conv, size_t height, size_t width, double work_of_cell,
                      size_t weights, size_t blocks, bool whole) {
  enum { MANY_WEIGHTS = 16 * 1024, MANY_CELLS = 96, FEW_CELLS = 256 };
  enum { SOME_CELLS = 24 }; /* some tiles */
  const size_t batch = conv->shape.batch, slots = conv->mode.slots;
  const double image = (double)height * (double)width * work_of_cell;
  const double work = work_of_task((double)batch * (double)blocks * image, slots);
  const double cells = work / (work_of_cell + 1);
  size_t wanted = cells > 1e9 ? (size_t)1e9 : (size_t)cells;
  if (weights > MANY_WEIGHTS) wanted = cnn__size_max(wanted, MANY_CELLS);
  const bool alone = slots > 1 && batch * blocks == 1;
  if (alone) wanted = cnn__size_max(wanted, SOME_CELLS) + width - 1; /* whole rows, rounded up */
  tasks result = {whole ? height : cnn__size_max(cnn__size_min(wanted / width, height), 1), 1};
  if (alone && !whole) result.rows = cnn__conv_even_rows(height, result.rows);
  const size_t cells_of_image = height * width;
  if (result.rows == height && cells_of_image <= FEW_CELLS)
    result.images = images_of(conv, cells_of_image, wanted / cells_of_image, blocks);
  return result;
}

/* A pass of 1x1 with strides: channels of a block of n; outputs whose copies stay in the L2 cache; but
   tasks enough. */
static tasks strided_tasks(const cnn__conv_shape *shape, size_t n, size_t *block) {
  enum { CELLS = 112, TASKS = 8 };
  const size_t height = shape->out_height, width = shape->out_width;
  tasks result = {cnn__size_even_part(height, cnn__size_max(CELLS / width, 1)), 1};
  if (result.rows == height)
    result.images = cnn__size_max(cnn__size_min(CELLS / (height * width), shape->batch), 1);
  const size_t cuts =
      cnn__size_ceil_div(height, result.rows) * cnn__size_ceil_div(shape->batch, result.images);
  const size_t blocks =
      cnn__size_max(cnn__size_ceil_div(n, DIRECT_MOST_STRIDED), cnn__size_ceil_div(TASKS, cuts));
  const size_t even = cnn__size_max(cnn__size_ceil_div(n, blocks), 4 * CNN__PANEL);
  *block = (even + CNN__PANEL - 1) / CNN__PANEL * CNN__PANEL;
  return result;
}

/* Blocks of channels for threads to share, where rows and images make too few tasks, or a few that are not even: all
   read the same cells, but each its own weights. Equal ones, no narrower than the instruction set's tile. */
static size_t shared_block(size_t block, size_t out, size_t others, double all) {
  enum { TASKS = 4, MANY = 16, LEAST = 100000 /* multiply-adds */ };
  const size_t panels = cnn__size_ceil_div(out, CNN__PANEL),
               blocks = cnn__size_ceil_div(out, block);
  const size_t most = panels * CNN__PANEL / cnn__kernels_get()->gemm.columns;
  if (blocks * others >= TASKS && (blocks * others % 2 == 0 || blocks * others > MANY))
    return block;
  for (size_t least = TASKS; least > 1; least /= 2)
    for (size_t count = cnn__size_max(cnn__size_ceil_div(least, others), blocks); count <= most;
         count++)
      if (panels % count == 0 && count * others % 2 == 0 &&
          all >= LEAST * (double)count * (double)others)
        return panels / count * CNN__PANEL;
  return block;
}

static void plan_forward(cnn__conv *conv) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const size_t depth = cnn__conv_taps(shape) * cnn__conv_group_in(shape);
  const size_t out = cnn__conv_group_out(shape);
  if (p[DIRECT_STRIDED]) {
    const tasks cut = strided_tasks(shape, out, &p[DIRECT_BLOCK]);
    p[DIRECT_ROWS] = cut.rows;
    p[DIRECT_IMAGES] = cut.images;
    return;
  }
  p[DIRECT_BLOCK] = channel_block(out, depth);
  const size_t block = cnn__size_min(p[DIRECT_BLOCK], out);
  const size_t pool = cnn__conv_pooled(shape) ? shape->pool_height : 1;
  const size_t height = cnn__conv_y_height(shape), width = cnn__conv_used_width(shape) * pool;
  const tasks cut = tasks_of(conv, height, width, (double)depth * (double)block, depth * block,
                             cnn__direct_blocks(shape->groups, out, block), false);
  p[DIRECT_ROWS] = cut.rows;
  p[DIRECT_IMAGES] = p[DIRECT_SHALLOW] ? 1 : cut.images;
  if (conv->mode.slots == 1) return;
  const size_t others = shape->groups * cnn__size_ceil_div(height, p[DIRECT_ROWS]) *
                        cnn__size_ceil_div(shape->batch, p[DIRECT_IMAGES]);
  p[DIRECT_BLOCK] = shared_block(p[DIRECT_BLOCK], out, others,
                                 (double)shape->batch * (double)height * (double)width *
                                     (double)depth * (double)shape->out_channels);
}

/* The shallow kernels pool by 2 x 2 and know no padding. Beyond some channels the GEMM is as good. */
static bool is_shallow(const cnn__conv_shape *shape) {
  enum { MOST_CHANNELS = 8 };
  const size_t high = (cnn__conv_used_height(shape) - 1) * shape->stride_height +
                      (shape->kernel_height - 1) * shape->dilation_height;
  const size_t wide = (cnn__conv_used_width(shape) - 1) * shape->stride_width + shape->kernel_width;
  return shape->pool_height == 2 && shape->pool_width == 2 && shape->groups == 1 &&
         shape->in_channels <= MOST_CHANNELS && shape->dilation_width == 1 && shape->pad_top == 0 &&
         shape->pad_left == 0 && high < shape->in_height && wide <= shape->in_width;
}

cnn__shallow_row cnn__direct_shallow_row(const cnn__conv_shape *shape, size_t channels) {
  const size_t row = shape->in_width * shape->in_channels;
  return (cnn__shallow_row){.windows = cnn__conv_y_width(shape),
                            .kernel_rows = shape->kernel_height,
                            .run = shape->kernel_width * shape->in_channels,
                            .channels = channels,
                            .kernel_step = (ptrdiff_t)(shape->dilation_height * row),
                            .down = (ptrdiff_t)(shape->stride_height * row),
                            .right = (ptrdiff_t)(shape->stride_width * shape->in_channels),
                            .pitch = shape->out_channels};
}

/* Steps of the weight gradient of so many cells: enough to be worth reading and writing its block, few enough for
   their copies to stay in the cache. Whole images, unless one has whole cells or more: then rows of it. */
static void plan_steps(cnn__conv *conv, size_t cells, size_t whole) {
  enum { MOST_IMAGES = 16 };
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const size_t rows = cnn__conv_used_height(shape), width = cnn__conv_used_width(shape);
  const size_t pool = cnn__conv_pooled(shape) ? shape->pool_height : 1;
  p[DIRECT_STEP_IMAGES] = cnn__size_min(cnn__size_max(cells / (rows * width), 1),
                                        cnn__size_min(MOST_IMAGES, shape->batch));
  p[DIRECT_STEP_ROWS] = rows;
  if (p[DIRECT_SHALLOW] || rows * width < whole) return;
  const size_t most = cnn__size_max(cells / width / pool, 1) * pool;
  const size_t even = cnn__size_even_part(rows, most);
  p[DIRECT_STEP_ROWS] = cnn__size_ceil_div(even, pool) * pool;
}

/* Channels of a block of the kernel whose gradient stays in the L2 cache with what a step reads. */
enum { WEIGHTS_IN = 256, WEIGHTS_OUT = 128 };

/* Sets blocks of at most about so many channels. Returns how many they are. */
static size_t set_weight_blocks(cnn__conv *conv, size_t most_in, size_t most_out) {
  const size_t in = cnn__conv_group_in(&conv->shape), out = cnn__conv_group_out(&conv->shape);
  size_t *p = conv->parameters;
  p[DIRECT_IN_BLOCK] = cnn__size_even_part(in, most_in);
  const size_t even = cnn__size_even_part(out, most_out);
  p[DIRECT_OUT_BLOCK] = (even + CNN__PANEL - 1) / CNN__PANEL * CNN__PANEL;
  return cnn__size_ceil_div(in, p[DIRECT_IN_BLOCK]) *
         cnn__direct_blocks(conv->shape.groups, out, p[DIRECT_OUT_BLOCK]);
}

/* Each block reads its inputs and gradients again: those that a large cache has room for do so less often. As large as
   threads still find some, and as many each. */
static void enlarge_weight_blocks(cnn__conv *conv) {
  static const struct {
    size_t in, out;
  } most[] = {{512, DIRECT_MOST_OUT}, {512, 256}, {256, 256}, {WEIGHTS_IN, WEIGHTS_OUT}};
  const size_t slots = conv->mode.slots, slices = conv->parameters[DIRECT_SLICES];
  for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
    const size_t blocks = set_weight_blocks(conv, most[i].in, most[i].out);
    const size_t count = slices * blocks;
    if (slots == 1 || count >= 4 * slots || (count >= 2 * slots && count % slots == 0)) return;
  }
}

/* Whether dy's cells, read as they lie, would share a few sets of the cache: of more than two lines, and a multiple of
   that. A tile of several panels reads a run of lines of each, and minds only cells 4 KB apart. */
static bool shares_sets(size_t channels) {
  enum { TWO_LINES = 32, SAME_SET = 1024 };
  const bool wide = cnn__kernels_get()->gemm.columns > CNN__PANEL;
  return channels > TWO_LINES && channels % (wide ? SAME_SET : TWO_LINES) == 0;
}

/* Whether the weight gradient reads inputs and dy as they lie: with channels enough for whole tiles, and weights few enough
   to be summed in few cells at a time. */
static bool reads_columns(const cnn__conv_shape *shape) {
  enum { LEAST = 32, MOST_WEIGHTS = 1 << 16 };
  return cnn__direct_pointwise(shape) && shape->in_channels >= LEAST &&
         shape->out_channels >= LEAST && cnn__conv_kernel_size(shape) <= MOST_WEIGHTS;
}

/* Whether what a step reads is to stay in the first cache: inputs as they lie, of some channels. */
static bool is_near(const cnn__conv_shape *shape) {
  return cnn__direct_few(shape) && cnn__conv_group_in(shape) >= CNN__PANEL;
}

/* A slice for each eighth of the images, unless the kernel has blocks enough to keep threads busy; or for
   each quarter, where so many slices would not stay in the cache. Bits depend on how many slices there are: that
   does not depend on the cache. */
static void plan_weight_gradient(cnn__conv *conv) {
  enum { TASKS = 8, FEW_TASKS = 4, CACHED = 1 << 18 };
  enum { CELLS = 208, MORE_CELLS = 416, FEW_WEIGHTS = 1 << 17, NEAR_CELLS = 128 };
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const size_t blocks = set_weight_blocks(conv, WEIGHTS_IN, WEIGHTS_OUT);
  const size_t wanted = cnn__conv_kernel_size(shape) > CACHED / TASKS ? FEW_TASKS : TASKS;
  p[DIRECT_SLICES] = cnn__size_min(shape->batch, cnn__size_ceil_div(wanted, blocks));
  const bool large = cnn__cpu_has_large_l2();
  if (large) enlarge_weight_blocks(conv);
  p[DIRECT_COLUMNS] = large && reads_columns(shape);
  const bool untransposed =
      p[DIRECT_COLUMNS] || cnn__direct_narrow(shape) || cnn__direct_few(shape);
  p[DIRECT_PACK] = cnn__direct_pointwise(shape) && !untransposed;
  p[DIRECT_COPY] = cnn__conv_pooled(shape) ||
                   (!p[DIRECT_COLUMNS] && !p[DIRECT_PACK] && shares_sets(shape->out_channels));
  const bool few = p[DIRECT_IN_BLOCK] * p[DIRECT_OUT_BLOCK] <= FEW_WEIGHTS;
  if (is_near(shape))
    plan_steps(conv, NEAR_CELLS, NEAR_CELLS);
  else
    plan_steps(conv, large && few && !p[DIRECT_COLUMNS] ? MORE_CELLS : CELLS, MORE_CELLS);
}

static void plan_input_gradient(cnn__conv *conv) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const size_t depth = cnn__conv_taps(shape) * cnn__conv_group_out(shape);
  const size_t in = cnn__conv_group_in(shape);
  if (p[DIRECT_BACK_STRIDED]) {
    const tasks cut = strided_tasks(shape, in, &p[DIRECT_BACK_BLOCK]);
    p[DIRECT_BACK_ROWS] = cnn__size_min(cut.rows * shape->stride_height, shape->in_height);
    p[DIRECT_BACK_IMAGES] = cut.images;
    return;
  }
  p[DIRECT_BACK_BLOCK] = channel_block(in, depth);
  const size_t block = cnn__size_min(p[DIRECT_BACK_BLOCK], in);
  const double cell =
      (double)depth * (double)block / (double)(shape->stride_height * shape->stride_width);
  /* Pooled gradients are spread out image by image. */
  const bool pooled = cnn__conv_pooled(shape);
  const tasks cut = tasks_of(conv, shape->in_height, shape->in_width, cell, depth * block,
                             pooled ? 1 : cnn__direct_blocks(shape->groups, in, block), pooled);
  p[DIRECT_BACK_ROWS] = cut.rows;
  p[DIRECT_BACK_IMAGES] = cut.images;
}

/* Floats that a slot needs for rows before pooling, their gradients, or a copied or packed block of dy. */
static bool rows_scratch(const cnn__conv *conv, size_t *floats) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  *floats = 0;
  size_t cells, size;
  if (cnn__conv_pooled(shape)) {
    if (!cnn__size_mul(shape->pool_height, cnn__conv_used_width(shape), &cells) ||
        !cnn__size_mul(cells, p[DIRECT_IMAGES], &cells) ||
        !cnn__size_mul(cells, p[DIRECT_BLOCK], floats))
      return false;
  }
  if (!conv->mode.training || (!p[DIRECT_COPY] && !p[DIRECT_PACK])) return true;
  if (!cnn__size_mul(p[DIRECT_STEP_ROWS], cnn__conv_used_width(shape), &cells) ||
      !cnn__size_mul(cells, p[DIRECT_STEP_IMAGES], &cells) ||
      !cnn__size_mul(cells, cnn__direct_pitch(p[DIRECT_OUT_BLOCK]), &size))
    return false;
  *floats = cnn__size_max(*floats, size);
  if (conv->mode.input_gradient && cnn__conv_pooled(shape)) {
    if (!cnn__size_mul(cnn__conv_used_height(shape), cnn__conv_used_width(shape), &cells) ||
        !cnn__size_mul(cells, p[DIRECT_BACK_IMAGES], &cells) ||
        !cnn__size_mul(cells, shape->out_channels, &size))
      return false;
    *floats = cnn__size_max(*floats, size);
  }
  return true;
}

/* Floats for a step's packed side, behind the transposed gradient where there is one. */
static bool columns_scratch(const cnn__conv *conv, size_t *floats) {
  const size_t *p = conv->parameters;
  const bool turned = cnn__direct_turned(conv);
  const size_t packed = turned ? p[DIRECT_IN_BLOCK] : p[DIRECT_OUT_BLOCK];
  const size_t gradient = turned ? p[DIRECT_IN_BLOCK] * p[DIRECT_OUT_BLOCK] : 0;
  size_t cells;
  if (!cnn__size_mul(p[DIRECT_STEP_ROWS], cnn__conv_used_width(&conv->shape), &cells) ||
      !cnn__size_mul(cells, p[DIRECT_STEP_IMAGES], &cells) ||
      !cnn__size_mul(cells, cnn__gemm_packed_size(1, packed), floats))
    return false;
  *floats += gradient;
  return true;
}

/* Floats for the inputs of a step, and pointers for their cells: transposed, with a cell of zeros behind,
   or as rows with their padding; or floats for the transposed gradient. */
static bool inputs_scratch(cnn__conv *conv, size_t *floats, size_t *pointers) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  *floats = *pointers = 0;
  if (!conv->mode.training || p[DIRECT_SHALLOW]) return true;
  if (p[DIRECT_COLUMNS]) return columns_scratch(conv, floats);
  if (cnn__direct_narrow(shape))
    return cnn__size_mul(p[DIRECT_IN_BLOCK], p[DIRECT_OUT_BLOCK], floats);
  const bool few = cnn__direct_few(shape);
  const size_t high = cnn__direct_span(p[DIRECT_STEP_ROWS], shape->stride_height,
                                       shape->kernel_height, shape->dilation_height);
  size_t rows = cnn__size_min(high, shape->in_height), columns = cnn__conv_used_width(shape), cells;
  if (few)
    columns =
        cnn__direct_span(columns, shape->stride_width, shape->kernel_width, shape->dilation_width);
  else if (shape->stride_height > 1)
    rows = p[DIRECT_STEP_ROWS];
  if (!cnn__size_mul(rows, columns, &cells) || !cnn__size_mul(cells, p[DIRECT_STEP_IMAGES], &cells))
    return false;
  if (few) return cnn__size_mul(cells, p[DIRECT_IN_BLOCK], floats);
  *pointers = cells;
  p[DIRECT_PITCH] = cnn__direct_pitch(cells);
  return cnn__size_mul(p[DIRECT_PITCH] + 1, p[DIRECT_IN_BLOCK], floats);
}

/* Floats for what passes of 1x1 with strides have in scratch, none of it large: copies of cells; gradients side by
   side. */
static void strided_scratch(const cnn__conv *conv, size_t *inputs, size_t *rows) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  const size_t width = shape->out_width;
  if (p[DIRECT_STRIDED])
    *inputs =
        cnn__size_max(*inputs, p[DIRECT_ROWS] * p[DIRECT_IMAGES] * width * DIRECT_STRIDED_PITCH);
  if (!p[DIRECT_BACK_STRIDED]) return;
  const size_t high = cnn__size_ceil_div(p[DIRECT_BACK_ROWS], shape->stride_height);
  const size_t cells = high * p[DIRECT_BACK_IMAGES] * width;
  *rows = cnn__size_max(*rows, cells * p[DIRECT_BACK_BLOCK]);
}

static bool plan_scratch(cnn__conv *conv) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const bool training = conv->mode.training;
  size_t pointers = 2 * cnn__conv_taps(shape);
  if (training) pointers = cnn__size_max(pointers, 2 * p[DIRECT_STEP_IMAGES] * p[DIRECT_STEP_ROWS]);
  size_t floats, inputs, cells;
  if (!rows_scratch(conv, &floats) || !inputs_scratch(conv, &inputs, &cells)) return false;
  strided_scratch(conv, &inputs, &floats);
  if (!cnn__conv_place(&conv->slot_size, cnn__size_max(pointers, cells), sizeof(float *),
                       &p[DIRECT_POINTERS]) ||
      !cnn__conv_place(&conv->slot_size, floats, sizeof(float), &p[DIRECT_ROWS_SCRATCH]) ||
      !cnn__conv_place(&conv->slot_size, inputs, sizeof(float), &p[DIRECT_INPUT_SCRATCH]))
    return false;
  p[DIRECT_PARTIAL_SIZE] = cnn__conv_kernel_size(shape) + shape->out_channels;
  if (!training || p[DIRECT_SLICES] < 2) return true;
  size_t partial;
  return cnn__size_mul(p[DIRECT_PARTIAL_SIZE], p[DIRECT_SLICES], &partial) &&
         cnn__conv_place(&conv->scratch_size, partial, sizeof(float), &p[DIRECT_PARTIAL]);
}

bool cnn__direct_plan(cnn__conv *conv) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  size_t size;
  if (!cnn__size_mul(cnn__conv_taps(shape), cnn__conv_group_in(shape) + CNN__PANEL, &size) ||
      !cnn__size_mul(size, shape->out_channels + CNN__PANEL * shape->groups, &size))
    return false;
  p[DIRECT_SHALLOW] = is_shallow(shape);
  conv->clips = !p[DIRECT_SHALLOW];
  p[DIRECT_STRIDED] = cnn__strided_copies(shape);
  p[DIRECT_BACK_STRIDED] =
      conv->mode.training && conv->mode.input_gradient && cnn__strided_accepts(shape);
  plan_forward(conv);
  conv->prepared_size =
      shape->groups * cnn__gemm_packed_size(cnn__conv_taps(shape) * cnn__conv_group_in(shape),
                                            cnn__conv_group_out(shape));
  if (conv->mode.training) {
    plan_weight_gradient(conv);
    if (conv->mode.input_gradient) {
      plan_input_gradient(conv);
      p[DIRECT_PREPARED_BACK] = conv->prepared_size;
      conv->prepared_size +=
          shape->groups * cnn__gemm_packed_size(cnn__conv_taps(shape) * cnn__conv_group_out(shape),
                                                cnn__conv_group_in(shape));
    }
    if (cnn__conv_pooled(shape) &&
        !cnn__size_mul(cnn__conv_y_size(shape), shape->batch, &conv->saved_size))
      return false;
  }
  return plan_scratch(conv);
}

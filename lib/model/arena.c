#include "model/arena.h"

#include "base/size.h"
#include <stdlib.h>

/* The items in the order in which they are placed: larger ones first, for small ones fit into the
   gaps that are left; equal ones by their number, so that the layout is always the same. */
static int by_size(const void *a, const void *b) {
  const cnn__arena_item *left = *(const cnn__arena_item *const *)a;
  const cnn__arena_item *right = *(const cnn__arena_item *const *)b;
  if (left->bytes != right->bytes) return left->bytes > right->bytes ? -1 : 1;
  return left < right ? -1 : left > right;
}

static bool meet(const cnn__arena_item *a, const cnn__arena_item *b) {
  return a->begin <= b->end && b->begin <= a->end;
}

/* The lowest gap between those of the placed (sorted by offset) that live at the same time. */
static cnn_status place(cnn__arena_item *item, cnn__arena_item *const *placed, size_t count,
                        size_t *end) {
  size_t offset = 0, bytes = item->bytes;
  for (size_t i = 0; i < count; i++) {
    const cnn__arena_item *other = placed[i];
    if (!meet(item, other)) continue;
    if (other->offset >= offset && other->offset - offset >= bytes) break;
    /* Sizes were rounded and their sums checked when other was placed. */
    size_t behind = other->offset + other->bytes;
    if (behind > offset) offset = behind;
  }
  if (!cnn__size_add(offset, bytes, end) || *end > PTRDIFF_MAX)
    return cnn__fail(CNN_E_LIMIT, "plan: buffers of more than %zu bytes exceed memory", offset);
  item->offset = offset;
  return CNN_OK;
}

static void insert(cnn__arena_item **placed, size_t count, cnn__arena_item *item) {
  size_t at = count;
  for (; at > 0 && placed[at - 1]->offset > item->offset; at--)
    placed[at] = placed[at - 1];
  placed[at] = item;
}

cnn_status cnn__arena_place(cnn_context *context, cnn__arena_item *items, size_t count,
                            size_t *bytes) {
  *bytes = 0;
  if (count == 0) return CNN_OK;
  cnn__arena_item **order = cnn__alloc_array(context, count, 2 * sizeof *order, "a plan's layout");
  if (order == NULL) return CNN_E_NOMEM;
  cnn__arena_item **placed = order + count;
  cnn_status status = CNN_OK;
  for (size_t i = 0; i < count; i++) {
    order[i] = &items[i];
    if (!cnn__size_round_up(items[i].bytes, CNN__ARENA_ALIGNMENT, &items[i].bytes))
      status = cnn__fail(CNN_E_LIMIT, "plan: a buffer of %zu bytes exceeds memory", items[i].bytes);
  }
  qsort(order, count, sizeof *order, by_size);
  for (size_t i = 0; i < count && status == CNN_OK; i++) {
    size_t end;
    status = place(order[i], placed, i, &end);
    if (status != CNN_OK) break;
    insert(placed, i, order[i]);
    *bytes = cnn__size_max(*bytes, end);
  }
  cnn__free(context, order);
  return status;
}

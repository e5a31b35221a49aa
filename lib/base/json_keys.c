/* Whether an object has a key twice: few keys are compared with each other, many are put into a table. */
#include "base/json_parser.h"
#include <string.h>

static const char *find_among_few(const cnn__json *object) {
  for (const cnn__json *member = object->value.first; member; member = member->next)
    for (const cnn__json *other = member->next; other; other = other->next)
      if (*member->key == *other->key && strcmp(member->key, other->key) == 0) return other->key;
  return NULL;
}

static cnn_status find_among_many(cnn__json_parser *p, const cnn__json *object,
                                  const char **found) {
  if (cnn__name_table_start(p->context, &p->keys, object->count, "a JSON text's keys"))
    return cnn__fail_prefix(CNN_E_NOMEM, "%s", p->what);
  for (const cnn__json *member = object->value.first; member && !*found; member = member->next) {
    const cnn__name_added added = cnn__name_table_add(&p->keys, member->key, 0);
    if (added == CNN__NAME_THERE) *found = member->key;
    if (added == CNN__NAME_CROWDED)
      return cnn__fail(CNN_E_LIMIT, "%s: names that take too long to tell apart", p->what);
  }
  return CNN_OK;
}

cnn_status cnn__json_check_keys(cnn__json_parser *p, const cnn__json *object, const char *start) {
  enum { FEW = 8 };
  const char *key = NULL;
  cnn_status status = CNN_OK;
  if (object->count <= FEW)
    key = find_among_few(object);
  else
    status = find_among_many(p, object, &key);
  if (status || !key) return status;
  return cnn__fail(CNN_E_FORMAT,
                   "%s: JSON: the key \"%.64s\" occurs twice in the object at offset %zu", p->what,
                   key, (size_t)(start - p->text));
}

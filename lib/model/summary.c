/* The summary table, as Keras 2 prints it: a chain of layers on 65 columns; graphs on 98, with the
   layers that each one takes. */
#include "model/model.h"
#include "model/number_text.h"
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 4, CELL = 320 };

/* How far each column reaches. */
typedef struct summary_table {
  cnn__text text;
  size_t columns;
  size_t end[COLUMNS];
} summary_table;

/* The last column is never cut, the others as Keras does: one space stays before the next. */
static void write_row(summary_table *table, const char *const cells[COLUMNS]) {
  char line[CELL];
  size_t used = 0, begin = 0;
  for (size_t i = 0; i < table->columns; i++) {
    size_t length = strlen(cells[i]), room = table->end[i] - begin - 1;
    if (i + 1 == table->columns) room = sizeof line - 1 - begin;
    if (length > room) length = room;
    while (length > 0 && ((unsigned char)cells[i][length] & 0xc0) == 0x80)
      length--; /* not within a character */
    if (length > 0) {
      memset(line + used, ' ', begin - used);
      memcpy(line + begin, cells[i], length);
      used = begin + length;
    }
    begin = table->end[i];
  }
  cnn__text_append(&table->text, line, used);
  cnn__text_append(&table->text, "\n", 1);
}

static void write_rule(summary_table *table, char character) {
  char line[CELL];
  size_t width = table->end[table->columns - 1];
  memset(line, character, width);
  line[width] = '\n';
  cnn__text_append(&table->text, line, width + 1);
}

/* "(None, 30, 30, 32)" */
static void write_shape(char *cell, const cnn__shape *shape, bool input) {
  int used = snprintf(cell, CELL, "%s(None", input ? "[" : "");
  for (size_t i = 0; i < shape->rank; i++)
    used += snprintf(cell + used, CELL - (size_t)used, ", %zu", shape->dim[i]);
  snprintf(cell + used, CELL - (size_t)used, "%s%s", shape->rank == 0 ? ",)" : ")",
           input ? "]" : "");
}

static size_t count_parameters(const cnn_model *model, size_t node, bool trainable_only) {
  const cnn__node *entry = &model->network->nodes[node];
  size_t count = 0;
  for (size_t k = 0; k < entry->parameter_count; k++) {
    size_t parameter = entry->first_parameter + k;
    if (trainable_only && !cnn__model_trains(model, parameter)) continue;
    count += model->network->parameters[parameter].count;
  }
  return count;
}

static void write_layer(summary_table *table, const cnn_model *model, size_t index) {
  const cnn__network *network = model->network;
  const cnn__node *node = &network->nodes[index];
  char layer[CELL], shape[CELL], count[CELL], source[CELL] = "";
  snprintf(layer, sizeof layer, "%.200s (%s)", node->name, node->layer->class->class_name);
  write_shape(shape, &node->output, index == network->input);
  snprintf(count, sizeof count, "%zu", count_parameters(model, index, false));
  if (node->input_count > 0)
    snprintf(source, sizeof source, "%.200s[0][0]", network->nodes[node->input[0]].name);
  write_row(table, (const char *const[COLUMNS]){layer, shape, count, source});
  for (size_t k = 1; k < node->input_count && table->columns == COLUMNS; k++) {
    snprintf(source, sizeof source, "%.200s[0][0]", network->nodes[node->input[k]].name);
    write_row(table, (const char *const[COLUMNS]){"", "", "", source});
  }
}

static void write_totals(summary_table *table, const cnn_model *model) {
  size_t all = 0, trainable = 0;
  char text[3][CNN__GROUPED_TEXT];
  for (size_t i = 0; i < model->network->node_count; i++) {
    all += count_parameters(model, i, false);
    trainable += count_parameters(model, i, true);
  }
  cnn__text_format(&table->text,
                   "Total params: %s\nTrainable params: %s\nNon-trainable params: %s\n",
                   cnn__grouped(text[0], all), cnn__grouped(text[1], trainable),
                   cnn__grouped(text[2], all - trainable));
}

static void write_table(summary_table *table, const cnn_model *model) {
  const cnn__network *network = model->network;
  cnn__text_format(&table->text, "Model: \"%s\"\n", network->sequential ? "sequential" : "model");
  write_rule(table, '_');
  write_row(table, (const char *const[COLUMNS]){"Layer (type)", "Output Shape", "Param #",
                                                "Connected to"});
  write_rule(table, '=');
  bool first = true;
  for (size_t i = 0; i < network->node_count; i++) {
    if (network->sequential && i == network->input)
      continue; /* as Keras: a chain's input is known */
    if (!first) write_rule(table, '_');
    first = false;
    write_layer(table, model, i);
  }
  write_rule(table, '=');
  write_totals(table, model);
  write_rule(table, '_');
}

static void write_summary(const cnn_model *model, cnn__text *text) {
  summary_table table = {.columns = model->network->sequential ? 3 : 4};
  static const size_t chain[COLUMNS] = {31, 55, 65, 65}, graph[COLUMNS] = {32, 53, 65, 98};
  memcpy(table.end, model->network->sequential ? chain : graph, sizeof table.end);
  cnn__text_start(&table.text, model->context);
  write_table(&table, model);
  *text = table.text;
}

char *cnn_model_summary_text(const cnn_model *model) {
  if (!cnn__given("cnn_model_summary_text", "model", model)) return NULL;
  cnn__text text;
  write_summary(model, &text);
  return cnn__text_hand_over(&text);
}

cnn_status cnn_model_summary(const cnn_model *model, FILE *stream) {
  if (model == NULL) return cnn__fail_null("cnn_model_summary", "model");
  if (stream == NULL) return cnn__fail_null("cnn_model_summary", "stream");
  cnn__text text;
  write_summary(model, &text);
  cnn_status status = text.status;
  if (status == CNN_OK && fwrite(text.bytes, 1, text.size, stream) != text.size)
    status = cnn__fail(CNN_E_IO, "cnn_model_summary: the stream cannot be written to");
  cnn__text_free(&text);
  return status;
}

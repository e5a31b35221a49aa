/* Numbers as text, in the C locale whatever the host's. */
#ifndef CNN_BASE_NUMBER_H
#define CNN_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As printf would in the C locale with "%.<digits>f" ('f'), "%.<digits>e" ('e') or "%.<digits>g"
   ('g'); "nan", "inf", "-inf". Returns buffer; 40 + digits bytes are always enough for |value| <
   1e15 ('f' beyond falls back to 'e'). */
char *cnn__number_format(char *buffer, size_t size, char style, int digits, double value);
/* The shortest text that reads back as the same double (or float, where single). */
char *cnn__number_shortest(char *buffer, size_t size, double value, bool single);
/* Reads a JSON-style number of exactly length characters; false where it is none or overflows. hard: it took long, as only
   many digits or large exponents do (base/decimal.h). */
bool cnn__number_parse(const char *text, size_t length, double *value, bool *hard);
bool cnn__number_parse_integer(const char *text, size_t length, int64_t *value);

#endif

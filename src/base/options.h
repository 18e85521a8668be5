/* options.h - reads options inside the library: short forms of the public calls, values that a
 * recipe supplies when the user gave none, and lists with one item for each layer. */
#ifndef CADRE_BASE_OPTIONS_H
#define CADRE_BASE_OPTIONS_H

#include "cadre/options.h"
#include "base/status.h"

/* The words of a row, as in .choices = OPTION_CHOICES("drop", "pad"). */
#define OPTION_CHOICES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define OPTION_TABLE(rows) ((cadre_option_table){ (rows), (int)(sizeof(rows) / sizeof *(rows)) })

/* Sets a value that the user did not give, such as a recipe's: cadre_options_given stays false.
 * Does nothing where there is a value. */
cadre_status options_supply(cadre_options *o, const char *name, const char *value);

/* The value if there is one (given, or the row's default), else `otherwise`. */
int64_t options_int_or(const cadre_options *o, const char *name, int64_t otherwise);
double options_real_or(const cadre_options *o, const char *name, double otherwise);
bool options_flag_or(const cadre_options *o, const char *name, bool otherwise);
const char *options_text_or(const cadre_options *o, const char *name, const char *otherwise);

double options_real_at(const cadre_options *o, const char *name, int i); /* of REALS */
double options_most(const cadre_options *o, const char *name); /* the largest of REALS; 0: none */
bool options_flag_at(const cadre_options *o, const char *name, int i); /* of FLAGS */

/* Reads a row of INTS that has one number for every layer or one number for each; any other count
 * is refused. The values stay as they are if the option has none. */
cadre_status options_layers(
    const cadre_options *o, const char *name, int layers, int64_t *values /* [layers] */);

#endif

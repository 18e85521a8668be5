/* options.h - reading options inside the library: shorthands over the public calls for values that
 * a recipe supplies when nobody gave them, and for lists with one item a layer. */
#ifndef CADRE_BASE_OPTIONS_H
#define CADRE_BASE_OPTIONS_H

#include "base/status.h"

/* Words of a row, e.g. .choices = OPTION_CHOICES("drop", "pad"). */
#define OPTION_CHOICES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define OPTION_TABLE(rows) ((cadre_option_table){ (rows), (int)(sizeof(rows) / sizeof *(rows)) })

/* Sets a value that nobody gave, a recipe's say: cadre_options_given stays false. Nothing where
 * there is a value. */
cadre_status options_supply(cadre_options *o, const char *name, const char *value);

/* The value when there is one (given, or the row's default), else `otherwise`. */
int64_t options_int_or(const cadre_options *o, const char *name, int64_t otherwise);
double options_real_or(const cadre_options *o, const char *name, double otherwise);
bool options_flag_or(const cadre_options *o, const char *name, bool otherwise);
const char *options_text_or(const cadre_options *o, const char *name, const char *otherwise);

double options_real_at(const cadre_options *o, const char *name, int i); /* of REALS */

/* INTS: one number for every layer, or one a layer; any other count is refused. Left as they are
 * when there is no value. */
cadre_status options_layers(
    const cadre_options *o, const char *name, int layers, int64_t *values /* [layers] */);

#endif

/* layer_reader.h - reads options whose value is one item for all layers or a list with one for
 * each, and texts that have a part for each layer. */
#ifndef CADRE_MOE_LAYER_READER_H
#define CADRE_MOE_LAYER_READER_H

#include "cadre/options.h"
#include "base/real.h"
#include "base/status.h"
#include "moe/balance.h"

/* What is read for layer `layer` of so many */
typedef struct layer_reader {
    const cadre_options *options;
    int64_t layer, layers;
    cadre_status status; /* the first refusal */
} layer_reader;

/* Finds the layer's item. False: the option has no value, or neither one nor as many as there are
 * layers, which is refused. */
bool layer_item(layer_reader *r, const char *name, int *item);

/* Each leaves the value as it is if the option has none. */
void layer_double(layer_reader *r, const char *name, double *value);
void layer_real(layer_reader *r, const char *name, real *value);
void layer_size(layer_reader *r, const char *name, int64_t *value);
void layer_int(layer_reader *r, const char *name, int32_t *value);
void layer_flag(layer_reader *r, const char *name, bool *value);
/* The words of an option of routing, in the order of the enumeration that they stand for */
const char *const *option_words(const char *name);
/* The place of the layer's word in the list of the option, which is one of THE TABLE of routing
 * options; `otherwise` if it has no value. */
int layer_word(layer_reader *r, const char *name, int otherwise);
/* The same for one item of the option, of whatever layer */
int option_word(const cadre_options *o, const char *name, int item, int otherwise);

/* ---- texts with a part for all layers, or one for each between slashes ---- */

enum { LIST_PART = 512 }; /* room for a part */

int64_t list_parts(const char *text);
/* Refuses another number of parts; `what` says what they hold. */
cadre_status layer_check_parts(const layer_reader *r, const char *name, const char *what);
/* Copies the layer's part, as much of it as there is room for. */
cadre_status layer_part(
    const layer_reader *r, const char *name, const char *what, char *part, size_t room);

/* ---- lists between commas: "NAME=VALUE,..." or "NAME,..." ---- */

typedef struct list_item {
    char name[BALANCE_NAME];
    double value;
    bool has_value, bad; /* bad: no such item, or a name without room */
} list_item;

/* Reads the item at *at, and goes on to the next. False: the list has ended. */
bool list_next(const char **at, list_item *item);
cadre_status list_refuse(const char *option, const char *expected, const char *text);

#endif

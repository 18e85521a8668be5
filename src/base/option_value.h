/* option_value.h - the values of options, for the files that read them: text held against a row of
 * a table, from the command line, a file or a program. */
#ifndef CADRE_BASE_OPTION_VALUE_H
#define CADRE_BASE_OPTION_VALUE_H

#include "cadre/options.h"
#include "base/options.h"

enum { OPTION_NAMES_MOST = 512 }; /* of a table, and of a row's words */

typedef struct option_item {
    char *text;
    int64_t whole;
    double number;
} option_item;

typedef struct option_entry {
    const cadre_option *row;
    bool given;
    int count;
    option_item *items; /* [count] */
} option_entry;

struct cadre_options {
    int count;
    option_entry *entries; /* [count] */
};

/* Appends one parsed item to items [*count]; on failure the list is as it was. */
cadre_status option_append(
    const cadre_option *row, const char *where, const char *text, option_item **items, int *count);
/* Gives the entry the new items, or drops them where parsing them failed. */
cadre_status option_replace(option_entry *e, option_item *items, int count, cadre_status status);
/* One item, or a list separated by commas. where: names the option for the reader. */
cadre_status option_set(option_entry *e, const char *where, const char *value);
void option_items_free(option_item *items, int count);

option_entry *options_find(const cadre_options *o, const char *name); /* NULL: there is none */
/* `as_written` is the name as the user wrote it; in a file it has underscores. */
cadre_status options_fail_unknown(
    const cadre_options *o, const char *path, const char *name, const char *as_written);

#endif

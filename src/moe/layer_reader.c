/* layer_reader.c - finds a layer's item among an option's, and reads lists between commas. */
#include "moe/layer_reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"

static const char *item_of(const cadre_option *row)
{
    if (row->kind == CADRE_OPTION_CHOICES) return "word";
    return cadre_option_is_flag(row) ? "yes or no" : "number";
}

bool layer_item(layer_reader *r, const char *name, int *item)
{
    int count = cadre_options_count(r->options, name);
    *item = count > 1 ? (int)r->layer : 0;
    if (count <= 1 || count == r->layers) return count > 0;
    if (r->status == CADRE_OK)
        r->status = cadre_fail(CADRE_EARGUMENT, NULL, "--%s: expected one %s%s, found %d", name,
            item_of(cadre_options_row(r->options, name)),
            r->layers > 1 ? ", or one for each layer" : "", count);
    return false;
}

void layer_double(layer_reader *r, const char *name, double *value)
{
    int item;
    if (layer_item(r, name, &item)) *value = options_real_at(r->options, name, item);
}

void layer_real(layer_reader *r, const char *name, real *value)
{
    double number = (double)*value;
    layer_double(r, name, &number);
    *value = (real)number;
}

void layer_size(layer_reader *r, const char *name, int64_t *value)
{
    int item;
    if (layer_item(r, name, &item)) *value = cadre_options_int(r->options, name, item);
}

void layer_int(layer_reader *r, const char *name, int32_t *value)
{
    int64_t number = *value;
    layer_size(r, name, &number);
    *value = (int32_t)number;
}

void layer_flag(layer_reader *r, const char *name, bool *value)
{
    int item;
    if (layer_item(r, name, &item)) *value = options_flag_at(r->options, name, item);
}

const char *const *option_words(const char *name)
{
    cadre_option_table table = cadre_routing_options();
    int i = 0;
    while (strcmp(table.rows[i].name, name) != 0) i++;
    return table.rows[i].choices;
}

int option_word(const cadre_options *o, const char *name, int item, int otherwise)
{
    const char *const *words = option_words(name), *word = cadre_options_text(o, name, item);
    for (int i = 0; word && words[i]; i++)
        if (!strcmp(words[i], word)) return i;
    return otherwise;
}

int layer_word(layer_reader *r, const char *name, int otherwise)
{
    int item;
    return layer_item(r, name, &item) ? option_word(r->options, name, item, otherwise) : otherwise;
}

bool list_next(const char **at, list_item *item)
{
    *item = (list_item){ 0 };
    if (!**at) return false;
    size_t size = strcspn(*at, ","), name = strcspn(*at, "=,");
    item->bad = name == 0 || name >= sizeof item->name;
    if (!item->bad) memcpy(item->name, *at, name);
    item->has_value = name < size;
    if (item->has_value) {
        char *end;
        item->value = strtod(*at + name + 1, &end);
        item->bad |= end != *at + size || end == *at + name + 1 || !isfinite(item->value);
    }
    *at += size + ((*at)[size] == ',');
    return true;
}

cadre_status list_refuse(const char *option, const char *expected, const char *text)
{
    return cadre_fail(CADRE_EARGUMENT, NULL, "%s: expected %s between commas, found '%s'", option,
        expected, text);
}

int64_t list_parts(const char *text)
{
    int64_t parts = 1;
    for (; *text; text++) parts += *text == '/';
    return parts;
}

cadre_status layer_check_parts(const layer_reader *r, const char *name, const char *what)
{
    const char *text = cadre_options_text(r->options, name, 0);
    int64_t parts = list_parts(text);
    if (parts == 1 || parts == r->layers) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--%s: expected %s for all layers, or for each of %lld between slashes, found '%s'", name,
        what, (long long)r->layers, text);
}

cadre_status layer_part(
    const layer_reader *r, const char *name, const char *what, char *part, size_t room)
{
    CADRE_TRY(layer_check_parts(r, name, what));
    const char *text = cadre_options_text(r->options, name, 0);
    bool several = list_parts(text) > 1;
    for (int64_t l = 0; several && l < r->layer; l++) text = strchr(text, '/') + 1;
    snprintf(part, room, "%.*s", (int)strcspn(text, "/"), text);
    return CADRE_OK;
}

/* options.c - tables of options and their values.
 *
 * This file owns parsing, bounds and the wording of refusals, so that the command line, a JSON file
 * and a program that calls the library all obey the same table. The room that owns a table knows
 * what its options mean. */
#define _GNU_SOURCE
#include "base/options.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"

enum { MOST_ITEMS = 4096, FILE_LIMIT = 1 << 20, MOST_NAMES = 512 };

typedef struct item {
    char *text;
    int64_t whole;
    double number;
} item;

typedef struct entry {
    const cadre_option *row;
    bool given;
    int count;
    item *items; /* [count] */
} entry;

struct cadre_options {
    int count;
    entry *entries; /* [count] */
};

/* ---- rows ---- */

cadre_option_table cadre_run_options(void)
{
    static const cadre_option rows[] = {
        { .name = "threads",
            .kind = CADRE_OPTION_INT,
            .min = 1,
            .max = 1024,
            .subject = "Running",
            .help = "worker threads; the result does not depend on them (default: the cores this "
                    "process may use)" },
        { .name = "seed",
            .kind = CADRE_OPTION_INT,
            .min = 0,
            .max = 9.2e18,
            .fallback = "1",
            .subject = "Running",
            .help = "seed of every random number" },
    };
    return OPTION_TABLE(rows);
}

const char *cadre_option_choice(const cadre_option *row, int i)
{
    if (row->choice) return row->choice(i);
    return row->choices ? row->choices[i] : NULL;
}

static int list_choices(const cadre_option *row, const char **words)
{
    int n = 0;
    for (const char *word; n < MOST_NAMES && (word = cadre_option_choice(row, n)); n++)
        words[n] = word;
    return n;
}

static entry *find(const cadre_options *o, const char *name)
{
    for (int i = 0; i < o->count; i++)
        if (!strcmp(o->entries[i].row->name, name)) return &o->entries[i];
    return NULL;
}

static const entry *must_find(const cadre_options *o, const char *name)
{
    const entry *e = find(o, name);
    assert(e && "every option that is read stands in a table");
    return e;
}

const cadre_option *cadre_options_row(const cadre_options *o, const char *name)
{
    const entry *e = find(o, name);
    return e ? e->row : NULL;
}

/* `as_written` is the name as the user wrote it; in a file it has underscores. */
static cadre_status fail_unknown(
    const cadre_options *o, const char *path, const char *name, const char *as_written)
{
    cadre_status status = cadre_fail(CADRE_EARGUMENT, path, "unknown option '%s'", as_written);
    const char *names[MOST_NAMES];
    int n = 0;
    for (; n < o->count && n < MOST_NAMES; n++) names[n] = o->entries[n].row->name;
    const char *meant = cadre_nearest(name, names, n);
    if (meant) cadre_fail_advice("did you mean '%s'?", meant);
    return status;
}

/* ---- one value: its text against its row ---- */

/* `where` names the option for the reader: "--lr", or "recipe.json: lr". */
static cadre_status parse_int(const cadre_option *row, const char *where, item *v)
{
    char *end;
    errno = 0;
    long long whole = strtoll(v->text, &end, 10);
    if (end == v->text || *end || errno || (double)whole < row->min || (double)whole > row->max)
        return cadre_fail(CADRE_EARGUMENT, where,
            "expected an integer from %.0f to %.0f, found '%s'", row->min, row->max, v->text);
    v->whole = whole;
    v->number = (double)whole;
    return CADRE_OK;
}

static cadre_status parse_real(const cadre_option *row, const char *where, item *v)
{
    char *end;
    double number = strtod(v->text, &end);
    if (end == v->text || *end || !(number >= row->min && number <= row->max))
        return cadre_fail(CADRE_EARGUMENT, where, "expected a number from %g to %g, found '%s'",
            row->min, row->max, v->text);
    v->number = number;
    return CADRE_OK;
}

static cadre_status parse_flag(const char *where, item *v)
{
    v->whole = !strcmp(v->text, "yes") || !strcmp(v->text, "true");
    if (!v->whole && strcmp(v->text, "no") && strcmp(v->text, "false"))
        return cadre_fail(CADRE_EARGUMENT, where, "expected yes or no, found '%s'", v->text);
    return CADRE_OK;
}

/* Replaces a word that was given in letters of another case by the word of the table. */
static bool is_choice(item *v, const char *word)
{
    if (strcasecmp(v->text, word)) return false;
    memcpy(v->text, word, strlen(word));
    return true;
}

static cadre_status parse_choice(const cadre_option *row, const char *where, item *v)
{
    const char *words[MOST_NAMES];
    int n = list_choices(row, words);
    char list[1024];
    size_t used = 0;
    for (int i = 0; i < n; i++) {
        if (is_choice(v, words[i])) return CADRE_OK;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                i == 0       ? ""
                : i == n - 1 ? " or "
                             : ", ",
                words[i]);
    }
    cadre_status status = cadre_fail(
        CADRE_EARGUMENT, where, "expected %s, found '%s'", n ? list : "nothing", v->text);
    const char *meant = cadre_nearest(v->text, words, n);
    if (meant) cadre_fail_advice("did you mean '%s'?", meant);
    return status;
}

static cadre_status parse_item(const cadre_option *row, const char *where, item *v)
{
    switch (row->kind) {
    case CADRE_OPTION_INT:
    case CADRE_OPTION_INTS: return parse_int(row, where, v);
    case CADRE_OPTION_REAL:
    case CADRE_OPTION_REALS: return parse_real(row, where, v);
    case CADRE_OPTION_FLAG: return parse_flag(where, v);
    case CADRE_OPTION_CHOICE:
    case CADRE_OPTION_CHOICES: return parse_choice(row, where, v);
    case CADRE_OPTION_TEXT:
    case CADRE_OPTION_TEXTS: return CADRE_OK;
    case CADRE_OPTION_PATH:
    case CADRE_OPTION_PATHS:
        return *v->text ? CADRE_OK
                        : cadre_fail(CADRE_EARGUMENT, where, "expected a path, found nothing");
    }
    return CADRE_OK;
}

/* ---- a whole value: one item, or a list separated by commas ---- */

static void items_free(item *items, int count)
{
    for (int i = 0; i < count; i++) mem_free(items[i].text);
    mem_free(items);
}

/* Appends one parsed item to items [*count]; on failure the list is as it was. */
static cadre_status append(
    const cadre_option *row, const char *where, const char *text, item **items, int *count)
{
    if (*count == MOST_ITEMS)
        return cadre_fail(
            CADRE_EARGUMENT, where, "expected at most %d values, found more", MOST_ITEMS);
    item v = { .text = mem_strdup(text) };
    if (!v.text) return CADRE_ENOMEM;
    cadre_status status = parse_item(row, where, &v);
    item *more = status == CADRE_OK
                     ? mem_resize(*items, (size_t)*count, (size_t)*count + 1, sizeof v)
                     : NULL;
    if (!more) {
        mem_free(v.text);
        return status == CADRE_OK ? CADRE_ENOMEM : status;
    }
    more[(*count)++] = v;
    *items = more;
    return CADRE_OK;
}

static cadre_status parse_list(
    const cadre_option *row, const char *where, const char *value, item **items, int *count)
{
    if (row->kind == CADRE_OPTION_CHOICES && !strcmp(value, "none")) return CADRE_OK;
    char *copy = mem_strdup(value);
    if (!copy) return CADRE_ENOMEM;
    cadre_status status = CADRE_OK;
    char *rest = copy;
    while (rest && status == CADRE_OK)
        status = append(row, where, strsep(&rest, ","), items, count);
    mem_free(copy);
    return status;
}

static cadre_status parse_value(
    const cadre_option *row, const char *where, const char *value, item **items, int *count)
{
    if (row->kind == CADRE_OPTION_INTS || row->kind == CADRE_OPTION_REALS ||
        row->kind == CADRE_OPTION_CHOICES)
        return parse_list(row, where, value, items, count);
    return append(row, where, value, items, count);
}

/* Gives the entry the new items, or drops them where parsing them failed. */
static cadre_status replace(entry *e, item *items, int count, cadre_status status)
{
    if (status != CADRE_OK) {
        items_free(items, count);
        return status;
    }
    items_free(e->items, e->count);
    *e = (entry){ e->row, true, count, items };
    return CADRE_OK;
}

static cadre_status set_entry(entry *e, const char *where, const char *value)
{
    item *items = NULL;
    int count = 0;
    cadre_status status = parse_value(e->row, where, value, &items, &count);
    return replace(e, items, count, status);
}

/* ---- the object ---- */

static cadre_status add_table(cadre_options *o, cadre_option_table table)
{
    for (int i = 0; i < table.count; i++) {
        const cadre_option *row = &table.rows[i];
        assert(!find(o, row->name) && "two tables of one command name the same option");
        entry *e = &o->entries[o->count++];
        e->row = row;
        if (row->fallback) CADRE_TRY(set_entry(e, row->name, row->fallback));
        e->given = false;
    }
    return CADRE_OK;
}

cadre_status cadre_options_new(const cadre_option_table *tables, int count, cadre_options **options)
{
    int rows = 0;
    for (int i = 0; i < count; i++) rows += tables[i].count;
    cadre_options *o = MEM_ARRAY(cadre_options, 1);
    if (!o) return CADRE_ENOMEM;
    cadre_status status = CADRE_ENOMEM;
    if ((o->entries = MEM_ARRAY(entry, rows))) status = CADRE_OK;
    for (int i = 0; i < count && status == CADRE_OK; i++) status = add_table(o, tables[i]);
    if (status != CADRE_OK) {
        cadre_options_free(o);
        return status;
    }
    *options = o;
    return CADRE_OK;
}

void cadre_options_free(cadre_options *o)
{
    if (!o) return;
    for (int i = 0; i < o->count; i++) items_free(o->entries[i].items, o->entries[i].count);
    mem_free(o->entries);
    mem_free(o);
}

cadre_status cadre_options_set(cadre_options *o, const char *name, const char *value)
{
    entry *e = find(o, name);
    if (!e) return fail_unknown(o, NULL, name, name);
    char where[80];
    snprintf(where, sizeof where, "--%s", name);
    return set_entry(e, where, value);
}

cadre_status options_supply(cadre_options *o, const char *name, const char *value)
{
    entry *e = find(o, name);
    assert(e && "every option that is supplied stands in a table");
    if (e->count || e->given) return CADRE_OK;
    CADRE_TRY(set_entry(e, name, value));
    e->given = false;
    return CADRE_OK;
}

cadre_status cadre_options_add(cadre_options *o, const char *name, const char *value)
{
    entry *e = find(o, name);
    if (!e) return fail_unknown(o, NULL, name, name);
    char where[80];
    snprintf(where, sizeof where, "--%s", name);
    CADRE_TRY(append(e->row, where, value, &e->items, &e->count));
    e->given = true;
    return CADRE_OK;
}

static cadre_status copy_entry(entry *to, const entry *from)
{
    item *items = NULL;
    int count = 0;
    cadre_status status = CADRE_OK;
    for (int i = 0; i < from->count && status == CADRE_OK; i++)
        status = append(to->row, to->row->name, from->items[i].text, &items, &count);
    return replace(to, items, count, status);
}

cadre_status cadre_options_copy(cadre_options *to, const cadre_options *from)
{
    for (int i = 0; i < from->count; i++) {
        entry *e = from->entries[i].given ? find(to, from->entries[i].row->name) : NULL;
        if (e) CADRE_TRY(copy_entry(e, &from->entries[i]));
    }
    return CADRE_OK;
}

/* ---- a file of options ---- */

/* The text of a plain value, as the command line would have it; freed by mem_free. */
static cadre_status text_of(const json_t *value, const char *where, char **text)
{
    char *copy;
    if (json_is_string(value)) copy = mem_strdup(json_string_value(value));
    else if (json_is_integer(value))
        copy = mem_printf("%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) copy = mem_printf("%.17g", json_real_value(value));
    else if (json_is_boolean(value)) copy = mem_strdup(json_is_true(value) ? "yes" : "no");
    else
        return cadre_fail(CADRE_EARGUMENT, where,
            "expected a number, a word or true/false, found another kind of value");
    *text = copy;
    return copy ? CADRE_OK : CADRE_ENOMEM;
}

static cadre_status set_list(entry *e, const char *where, const json_t *list)
{
    item *items = NULL;
    int count = 0;
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < json_array_size(list) && status == CADRE_OK; i++) {
        char *text;
        if ((status = text_of(json_array_get(list, i), where, &text)) != CADRE_OK) break;
        status = append(e->row, where, text, &items, &count);
        mem_free(text);
    }
    return replace(e, items, count, status);
}

static bool is_list(const cadre_option *row)
{
    return row->kind == CADRE_OPTION_INTS || row->kind == CADRE_OPTION_REALS ||
           row->kind == CADRE_OPTION_CHOICES || row->kind == CADRE_OPTION_PATHS ||
           row->kind == CADRE_OPTION_TEXTS;
}

static cadre_status set_json(entry *e, const char *where, const json_t *value)
{
    if (json_is_array(value) && is_list(e->row)) return set_list(e, where, value);
    char *text;
    CADRE_TRY(text_of(value, where, &text));
    cadre_status status = set_entry(e, where, text);
    mem_free(text);
    return status;
}

/* Turns min_lr_ratio into min-lr-ratio. */
static void name_of_key(const char *key, char *name, size_t size)
{
    snprintf(name, size, "%s", key);
    for (char *c = name; *c; c++)
        if (*c == '_') *c = '-';
}

static cadre_status load_object(cadre_options *o, const char *path, json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        char name[80];
        name_of_key(key, name, sizeof name);
        entry *e = find(o, name);
        if (!e) return fail_unknown(o, path, name, key);
        char *where = mem_printf("%s: %s", path, key);
        if (!where) return CADRE_ENOMEM;
        cadre_status status = set_json(e, where, value);
        mem_free(where);
        CADRE_TRY(status);
    }
    return CADRE_OK;
}

cadre_status cadre_options_load(cadre_options *o, const char *path)
{
    char *text;
    size_t size;
    CADRE_TRY(file_read(path, FILE_LIMIT, &text, &size));
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    mem_free(text);
    if (!root)
        return cadre_fail(CADRE_EFORMAT, path, "expected a JSON object of options, line %d: %s",
            error.line, error.text);
    cadre_status status = json_is_object(root) ? load_object(o, path, root)
                                               : cadre_fail(CADRE_EFORMAT, path,
                                                     "expected a JSON object, found a list");
    json_decref(root);
    return status;
}

/* ---- reading ---- */

bool cadre_options_given(const cadre_options *o, const char *name)
{
    return must_find(o, name)->given;
}
int cadre_options_count(const cadre_options *o, const char *name)
{
    return must_find(o, name)->count;
}

static const item *item_at(const cadre_options *o, const char *name, int i)
{
    const entry *e = must_find(o, name);
    assert(i >= 0 && i < e->count && "an option without a default is asked for its count first");
    return &e->items[i];
}

bool cadre_options_flag(const cadre_options *o, const char *name)
{
    return options_flag_or(o, name, false);
}
int64_t cadre_options_int(const cadre_options *o, const char *name, int i)
{
    return item_at(o, name, i)->whole;
}
double cadre_options_real(const cadre_options *o, const char *name)
{
    return item_at(o, name, 0)->number;
}

const char *cadre_options_text(const cadre_options *o, const char *name, int i)
{
    const entry *e = must_find(o, name);
    return i < e->count ? e->items[i].text : NULL;
}

bool cadre_options_has(const cadre_options *o, const char *name, const char *word)
{
    const entry *e = must_find(o, name);
    for (int i = 0; i < e->count; i++)
        if (!strcmp(e->items[i].text, word)) return true;
    return false;
}

double options_real_at(const cadre_options *o, const char *name, int i)
{
    return item_at(o, name, i)->number;
}

int64_t options_int_or(const cadre_options *o, const char *name, int64_t otherwise)
{
    const entry *e = must_find(o, name);
    return e->count ? e->items[0].whole : otherwise;
}

double options_real_or(const cadre_options *o, const char *name, double otherwise)
{
    const entry *e = must_find(o, name);
    return e->count ? e->items[0].number : otherwise;
}

bool options_flag_or(const cadre_options *o, const char *name, bool otherwise)
{
    const entry *e = must_find(o, name);
    return e->count ? e->items[0].whole : otherwise;
}

const char *options_text_or(const cadre_options *o, const char *name, const char *otherwise)
{
    const entry *e = must_find(o, name);
    return e->count ? e->items[0].text : otherwise;
}

cadre_status options_layers(const cadre_options *o, const char *name, int layers, int64_t *values)
{
    const entry *e = must_find(o, name);
    if (e->count > 1 && e->count != layers)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--%s: expected one number, or one for each of %d layers, found %d", name, layers,
            e->count);
    for (int i = 0; i < layers && e->count; i++) values[i] = e->items[e->count == 1 ? 0 : i].whole;
    return CADRE_OK;
}

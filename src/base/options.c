/* options.c - tables of options and their values.
 *
 * The command line, a JSON file (options_file.c) and a program that calls the library all obey the
 * same table, by way of option_value.c. The room that owns a table knows what its options mean. */
#include "base/options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/option_value.h"

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

option_entry *options_find(const cadre_options *o, const char *name)
{
    for (int i = 0; i < o->count; i++)
        if (!strcmp(o->entries[i].row->name, name)) return &o->entries[i];
    return NULL;
}

static const option_entry *must_find(const cadre_options *o, const char *name)
{
    const option_entry *e = options_find(o, name);
    assert(e && "every option that is read stands in a table");
    return e;
}

const cadre_option *cadre_options_row(const cadre_options *o, const char *name)
{
    const option_entry *e = options_find(o, name);
    return e ? e->row : NULL;
}

cadre_status options_fail_unknown(
    const cadre_options *o, const char *path, const char *name, const char *as_written)
{
    cadre_status status = cadre_fail(CADRE_EARGUMENT, path, "unknown option '%s'", as_written);
    const char *names[OPTION_NAMES_MOST];
    int n = 0;
    for (; n < o->count && n < OPTION_NAMES_MOST; n++) names[n] = o->entries[n].row->name;
    const char *meant = cadre_nearest(name, names, n);
    if (meant) cadre_fail_advice("did you mean '%s'?", meant);
    return status;
}

/* ---- the object ---- */

static cadre_status add_table(cadre_options *o, cadre_option_table table)
{
    for (int i = 0; i < table.count; i++) {
        const cadre_option *row = &table.rows[i];
        assert(!options_find(o, row->name) && "two tables of one command name the same option");
        option_entry *e = &o->entries[o->count++];
        e->row = row;
        if (row->fallback) CADRE_TRY(option_set(e, row->name, row->fallback));
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
    if ((o->entries = MEM_ARRAY(option_entry, rows))) status = CADRE_OK;
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
    for (int i = 0; i < o->count; i++) option_items_free(o->entries[i].items, o->entries[i].count);
    mem_free(o->entries);
    mem_free(o);
}

cadre_status cadre_options_set(cadre_options *o, const char *name, const char *value)
{
    option_entry *e = options_find(o, name);
    if (!e) return options_fail_unknown(o, NULL, name, name);
    char where[80];
    snprintf(where, sizeof where, "--%s", name);
    return option_set(e, where, value);
}

cadre_status options_supply(cadre_options *o, const char *name, const char *value)
{
    option_entry *e = options_find(o, name);
    assert(e && "every option that is supplied stands in a table");
    if (e->count || e->given) return CADRE_OK;
    CADRE_TRY(option_set(e, name, value));
    e->given = false;
    return CADRE_OK;
}

cadre_status cadre_options_add(cadre_options *o, const char *name, const char *value)
{
    option_entry *e = options_find(o, name);
    if (!e) return options_fail_unknown(o, NULL, name, name);
    char where[80];
    snprintf(where, sizeof where, "--%s", name);
    CADRE_TRY(option_append(e->row, where, value, &e->items, &e->count));
    e->given = true;
    return CADRE_OK;
}

static cadre_status copy_entry(option_entry *to, const option_entry *from)
{
    option_item *items = NULL;
    int count = 0;
    cadre_status status = CADRE_OK;
    for (int i = 0; i < from->count && status == CADRE_OK; i++)
        status = option_append(to->row, to->row->name, from->items[i].text, &items, &count);
    return option_replace(to, items, count, status);
}

cadre_status cadre_options_copy(cadre_options *to, const cadre_options *from)
{
    for (int i = 0; i < from->count; i++) {
        option_entry *e =
            from->entries[i].given ? options_find(to, from->entries[i].row->name) : NULL;
        if (e) CADRE_TRY(copy_entry(e, &from->entries[i]));
    }
    return CADRE_OK;
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

static const option_item *item_at(const cadre_options *o, const char *name, int i)
{
    const option_entry *e = must_find(o, name);
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
    const option_entry *e = must_find(o, name);
    return i < e->count ? e->items[i].text : NULL;
}

bool cadre_options_has(const cadre_options *o, const char *name, const char *word)
{
    const option_entry *e = must_find(o, name);
    for (int i = 0; i < e->count; i++)
        if (!strcmp(e->items[i].text, word)) return true;
    return false;
}

double options_real_at(const cadre_options *o, const char *name, int i)
{
    return item_at(o, name, i)->number;
}

double options_most(const cadre_options *o, const char *name)
{
    const option_entry *e = must_find(o, name);
    double most = e->count ? e->items[0].number : 0;
    for (int i = 1; i < e->count; i++)
        if (e->items[i].number > most) most = e->items[i].number;
    return most;
}

bool options_flag_at(const cadre_options *o, const char *name, int i)
{
    return item_at(o, name, i)->whole;
}

int64_t options_int_or(const cadre_options *o, const char *name, int64_t otherwise)
{
    const option_entry *e = must_find(o, name);
    return e->count ? e->items[0].whole : otherwise;
}

double options_real_or(const cadre_options *o, const char *name, double otherwise)
{
    const option_entry *e = must_find(o, name);
    return e->count ? e->items[0].number : otherwise;
}

bool options_flag_or(const cadre_options *o, const char *name, bool otherwise)
{
    const option_entry *e = must_find(o, name);
    return e->count ? e->items[0].whole : otherwise;
}

const char *options_text_or(const cadre_options *o, const char *name, const char *otherwise)
{
    const option_entry *e = must_find(o, name);
    return e->count ? e->items[0].text : otherwise;
}

cadre_status options_layers(const cadre_options *o, const char *name, int layers, int64_t *values)
{
    const option_entry *e = must_find(o, name);
    if (e->count > 1 && e->count != layers)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--%s: expected one number, or one for each of %d layers, found %d", name, layers,
            e->count);
    for (int i = 0; i < layers && e->count; i++) values[i] = e->items[e->count == 1 ? 0 : i].whole;
    return CADRE_OK;
}

/* option_value.c - one value of an option: its text against its row, bounds and the wording of
 * refusals. */
#define _GNU_SOURCE
#include "base/option_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

enum { MOST_ITEMS = 4096 };

const char *cadre_option_choice(const cadre_option *row, int i)
{
    if (row->choice) return row->choice(i);
    return row->choices ? row->choices[i] : NULL;
}

bool cadre_option_is_flag(const cadre_option *row)
{
    return row->kind == CADRE_OPTION_FLAG || row->kind == CADRE_OPTION_FLAGS;
}

static int list_choices(const cadre_option *row, const char **words)
{
    int n = 0;
    for (const char *word; n < OPTION_NAMES_MOST && (word = cadre_option_choice(row, n)); n++)
        words[n] = word;
    return n;
}

/* ---- one value: its text against its row ---- */

/* `where` names the option for the reader: "--lr", or "recipe.json: lr". */
static cadre_status parse_int(const cadre_option *row, const char *where, option_item *v)
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

static cadre_status parse_real(const cadre_option *row, const char *where, option_item *v)
{
    char *end;
    double number = strtod(v->text, &end);
    if (end == v->text || *end || !(number >= row->min && number <= row->max))
        return cadre_fail(CADRE_EARGUMENT, where, "expected a number from %g to %g, found '%s'",
            row->min, row->max, v->text);
    v->number = number;
    return CADRE_OK;
}

/* K, M, G and T are powers of 1024. */
static cadre_status parse_size(const cadre_option *row, const char *where, option_item *v)
{
    static const char units[] = "KMGT";
    char *end;
    double number = strtod(v->text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    bool right = end != v->text && (!*end || (unit && !end[1]));
    if (right && unit) number *= (double)(INT64_C(1) << (10 * (unit - units + 1)));
    if (!right || !(number >= row->min && number <= row->max))
        return cadre_fail(CADRE_EARGUMENT, where,
            "expected a size such as 512M or 6.5G, at least %.0f bytes, found '%s'", row->min,
            v->text);
    v->whole = (int64_t)number;
    v->number = number;
    return CADRE_OK;
}

static cadre_status parse_flag(const char *where, option_item *v)
{
    v->whole = !strcmp(v->text, "yes") || !strcmp(v->text, "true");
    if (!v->whole && strcmp(v->text, "no") && strcmp(v->text, "false"))
        return cadre_fail(CADRE_EARGUMENT, where, "expected yes or no, found '%s'", v->text);
    return CADRE_OK;
}

/* Replaces a word that was given in letters of another case by the word of the table. */
static bool is_choice(option_item *v, const char *word)
{
    if (strcasecmp(v->text, word)) return false;
    memcpy(v->text, word, strlen(word));
    return true;
}

static cadre_status parse_choice(const cadre_option *row, const char *where, option_item *v)
{
    const char *words[OPTION_NAMES_MOST];
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

static cadre_status parse_item(const cadre_option *row, const char *where, option_item *v)
{
    switch (row->kind) {
    case CADRE_OPTION_INT:
    case CADRE_OPTION_INTS: return parse_int(row, where, v);
    case CADRE_OPTION_REAL:
    case CADRE_OPTION_REALS: return parse_real(row, where, v);
    case CADRE_OPTION_SIZE: return parse_size(row, where, v);
    case CADRE_OPTION_FLAG:
    case CADRE_OPTION_FLAGS: return parse_flag(where, v);
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

void option_items_free(option_item *items, int count)
{
    for (int i = 0; i < count; i++) mem_free(items[i].text);
    mem_free(items);
}

cadre_status option_append(
    const cadre_option *row, const char *where, const char *text, option_item **items, int *count)
{
    if (*count == MOST_ITEMS)
        return cadre_fail(
            CADRE_EARGUMENT, where, "expected at most %d values, found more", MOST_ITEMS);
    option_item v = { .text = mem_strdup(text) };
    if (!v.text) return CADRE_ENOMEM;
    cadre_status status = parse_item(row, where, &v);
    option_item *more = status == CADRE_OK
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

/* "none" is an empty list, unless it is one of the row's own words. */
static bool is_empty_list(const cadre_option *row, const char *value)
{
    const char *word;
    if (row->kind != CADRE_OPTION_CHOICES || strcmp(value, "none") != 0) return false;
    for (int i = 0; (word = cadre_option_choice(row, i)); i++)
        if (!strcmp(word, "none")) return false;
    return true;
}

static cadre_status parse_list(
    const cadre_option *row, const char *where, const char *value, option_item **items, int *count)
{
    if (is_empty_list(row, value)) return CADRE_OK;
    char *copy = mem_strdup(value);
    if (!copy) return CADRE_ENOMEM;
    cadre_status status = CADRE_OK;
    char *rest = copy;
    while (rest && status == CADRE_OK)
        status = option_append(row, where, strsep(&rest, ","), items, count);
    mem_free(copy);
    return status;
}

static cadre_status parse_value(
    const cadre_option *row, const char *where, const char *value, option_item **items, int *count)
{
    if (row->kind == CADRE_OPTION_INTS || row->kind == CADRE_OPTION_REALS ||
        row->kind == CADRE_OPTION_CHOICES || row->kind == CADRE_OPTION_FLAGS)
        return parse_list(row, where, value, items, count);
    return option_append(row, where, value, items, count);
}

cadre_status option_replace(option_entry *e, option_item *items, int count, cadre_status status)
{
    if (status != CADRE_OK) {
        option_items_free(items, count);
        return status;
    }
    option_items_free(e->items, e->count);
    *e = (option_entry){ e->row, true, count, items };
    return CADRE_OK;
}

cadre_status option_set(option_entry *e, const char *where, const char *value)
{
    option_item *items = NULL;
    int count = 0;
    cadre_status status = parse_value(e->row, where, value, &items, &count);
    return option_replace(e, items, count, status);
}

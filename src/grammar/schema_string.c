/* schema_string.c - strings: lengths, patterns and formats. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "grammar/chars.h"
#include "grammar/regex.h"
#include "grammar/schema_pieces.h"

cadre_status schema_bound(
    const schema_sets *s, const schema_set *set, const char *word, bool largest, int64_t *bound)
{
    for (size_t i = 0; i < set->count; i++) {
        json_node given = schema_word(s, set, i, word);
        int64_t value = 0;
        if (!given.value) continue;
        CADRE_TRY(json_as_int(&given, 0, INT32_MAX, &value));
        if (largest ? value > *bound : value < *bound) *bound = value;
    }
    return CADRE_OK;
}

/* ---- THE LIST of formats: what is written in each of them; for some, not all that may be ---- */

#define DAY                                                                                        \
    "[1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|"  \
    "02-(0[1-9]|1[0-9]|2[0-8]))"
#define CLOCK                                                                                      \
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]" \
    ")"
#define LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
#define HEX4 "[0-9a-f]{1,4}"
#define BYTE "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"

static const struct {
    const char *name, *pattern; /* NULL: any string */
} formats[] = {
    { "date", "^" DAY "$" },
    { "time", "^" CLOCK "$" },
    { "date-time", "^" DAY "T" CLOCK "$" },
    { "duration", "^P([0-9]{1,4}[YMWD]|([0-9]{1,4}D)?T[0-9]{1,4}[HMS])$" },
    { "uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" },
    { "email", "^[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*@" LABEL "(\\." LABEL ")+$" },
    { "hostname", "^" LABEL "(\\." LABEL "){0,3}$" },
    { "ipv4", "^(" BYTE "\\.){3}" BYTE "$" },
    { "ipv6", "^(" HEX4 ":){7}" HEX4 "$" },
    { "uri", "^[a-z][a-z0-9+.-]*://[A-Za-z0-9.-]+(:[0-9]{1,4})?(/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*"
             "(\\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?(#[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?$" },
    { "password", NULL },
    { "binary", NULL },
};

static cadre_status refuse_format(const json_node *word)
{
    char known[160] = "";
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", formats[i].name);
    }
    json_refuse(word, "a format that is known");
    cadre_fail_advice("Formats that are known: %s", known);
    return CADRE_EUNSUPPORTED;
}

/* ---- automata that all hold ---- */

/* What patterns leave of a network's work is for lengths and for what several of them make. */
static cadre_status spend(const schema_sets *s, const chars *made)
{
    s->n->work -= (int64_t)(made->state_count + made->edge_count);
    if (s->n->work >= 0) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, s->name,
        "expected patterns and lengths that are simple to follow, found ones that need too many "
        "states");
}

/* Both hold from now on; `more` is used up. */
static cadre_status narrow(const schema_sets *s, chars *all, chars *more, bool *any)
{
    chars both = { 0 };
    if (!*any) {
        *all = *more;
        *any = true;
        return CADRE_OK;
    }
    cadre_status status = spend(s, more);
    if (status == CADRE_OK) status = chars_both(all, more, s->name, &both);
    if (status == CADRE_OK) status = spend(s, &both);
    chars_free(all);
    chars_free(more);
    *all = both;
    return status;
}

static cadre_status narrow_by(const schema_sets *s, const char *where, const char *pattern,
    size_t size, chars *all, bool *any)
{
    chars more = { 0 };
    cadre_status status = regex_read(pattern, size, where, &s->n->work, &more);
    if (status != CADRE_OK) {
        chars_free(&more);
        return status;
    }
    return narrow(s, all, &more, any);
}

static cadre_status take_pattern(const schema_sets *s, const json_node *word, chars *all, bool *any)
{
    const char *text;
    size_t size;
    byte_buffer way = { 0 }, where = { 0 };
    if (!word->value) return CADRE_OK;
    CADRE_TRY(json_as_string(word, &text, &size));
    json_way(word, &way);
    if (way.status == CADRE_OK) byte_buffer_format(&where, "%s: %s", s->name, way.data);
    cadre_status status = where.size ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) status = narrow_by(s, where.data, text, size, all, any);
    byte_buffer_free(&way);
    byte_buffer_free(&where);
    return status;
}

static cadre_status take_format(const schema_sets *s, const json_node *word, chars *all, bool *any)
{
    const char *name;
    if (!word->value) return CADRE_OK;
    CADRE_TRY(json_as_string(word, &name, NULL));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const char *pattern = formats[i].pattern;
        if (strcmp(formats[i].name, name) != 0) continue;
        return pattern ? narrow_by(s, s->name, pattern, strlen(pattern), all, any) : CADRE_OK;
    }
    return refuse_format(word);
}

static cadre_status take_lengths(
    const schema_sets *s, uint32_t least, uint32_t most, chars *all, bool *any)
{
    chars lengths = { 0 };
    if (!*any || (!least && most == NETWORK_UNBOUNDED)) return CADRE_OK;
    cadre_status status = chars_of_length(least, most, s->name, &lengths);
    if (status != CADRE_OK) {
        chars_free(&lengths);
        return status;
    }
    return narrow(s, all, &lengths, any);
}

static cadre_status take_words(schema_sets *s, const schema_set *set, chars *all, bool *any)
{
    for (size_t i = 0; i < set->count; i++) {
        json_node pattern = schema_word(s, set, i, "pattern"),
                  format = schema_word(s, set, i, "format");
        CADRE_TRY(take_pattern(s, &pattern, all, any));
        CADRE_TRY(take_format(s, &format, all, any));
    }
    return CADRE_OK;
}

cadre_status schema_string(schema_sets *s, const schema_set *set, node_id *piece)
{
    int64_t least = 0, most = NETWORK_UNBOUNDED;
    chars all = { 0 };
    bool any = false;
    CADRE_TRY(schema_bound(s, set, "minLength", true, &least));
    CADRE_TRY(schema_bound(s, set, "maxLength", false, &most));
    if (least > most) return *piece = NETWORK_DEAD, CADRE_OK;
    cadre_status status = take_words(s, set, &all, &any);
    if (status == CADRE_OK) status = take_lengths(s, (uint32_t)least, (uint32_t)most, &all, &any);
    if (status == CADRE_OK && any)
        *piece = network_byte(s->n, '"', chars_in_json(&all, s->n, NETWORK_END));
    chars_free(&all);
    if (any || status != CADRE_OK) return status;
    node_id end = network_byte(s->n, '"', NETWORK_END);
    if (!least && most == NETWORK_UNBOUNDED) *piece = s->text.string;
    else if (most == 0) *piece = network_byte(s->n, '"', end);
    else
        *piece = network_byte(s->n, '"',
            network_repeat(s->n, s->text.character, (uint32_t)least, (uint32_t)most, end));
    return CADRE_OK;
}

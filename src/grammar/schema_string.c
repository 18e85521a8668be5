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
#define IPV4 "(" BYTE "\\.){3}" BYTE
#define IPV6 "(" HEX4 ":){7}" HEX4
#define EMAIL "^[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*@" LABEL "(\\." LABEL ")+$"
#define UUID(version)                                                                              \
    "[0-9a-f]{8}-[0-9a-f]{4}-" version "[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
#define URI                                                                                        \
    "^[a-z][a-z0-9+.-]*://[A-Za-z0-9.-]+(:[0-9]{1,4})?(/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*"           \
    "(\\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?(#[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?$"

static const struct {
    const char *name, *pattern; /* NULL: any string */
} formats[] = {
    { "date", "^" DAY "$" },
    { "time", "^" CLOCK "$" },
    { "date-time", "^" DAY "T" CLOCK "$" },
    { "duration", "^P([0-9]{1,4}[YMWD]|([0-9]{1,4}D)?T[0-9]{1,4}[HMS])$" },
    { "uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" },
    { "email", EMAIL },
    { "hostname", "^" LABEL "(\\." LABEL "){0,3}$" },
    { "ipv4", "^" IPV4 "$" },
    { "ipv6", "^" IPV6 "$" },
    { "uri", URI },
    { "uri-reference", "^(/[A-Za-z0-9._~-]+)+$" },
    { "iri", URI },
    { "url", URI },
    { "guid", "^" UUID("[0-9a-f]") "$" },
    { "uuid1", "^" UUID("1") "$" },
    { "uuid3", "^" UUID("3") "$" },
    { "uuid4", "^" UUID("4") "$" },
    { "uuid5", "^" UUID("5") "$" },
    { "uuid6", "^" UUID("6") "$" },
    { "uuid7", "^" UUID("7") "$" },
    { "uuid8", "^" UUID("8") "$" },
    { "idn-email", EMAIL },
    { "ipvanyaddress", "^" IPV4 "$" },
    { "ipv4network", "^" IPV4 "/32$" },
    { "ipv6network", "^" IPV6 "/128$" },
    { "ipvanynetwork", "^" IPV4 "/32$" },
    { "ipv4interface", "^" IPV4 "/([12]?[0-9]|3[0-2])$" },
    { "ipv6interface", "^" IPV6 "/([1-9]?[0-9]|1[01][0-9]|12[0-8])$" },
    { "ipvanyinterface", "^" IPV4 "/([12]?[0-9]|3[0-2])$" },
    { "cidrv4", "^" IPV4 "/([12]?[0-9]|3[0-2])$" },
    { "cidrv6", "^" IPV6 "/([1-9]?[0-9]|1[01][0-9]|12[0-8])$" },
    { "base64", "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|"
                "[A-Za-z0-9+/][AQgw]==)?$" },
    { "base64url", "^([A-Za-z0-9_-]{4})*$" },
    { "byte", "^([A-Za-z0-9+/]{4})*$" },
    { "e164", "^\\+[1-9][0-9]{6,14}$" },
    { "json-pointer", "^(/[A-Za-z0-9_-]*)*$" },
    { "regex", "^[A-Za-z0-9 _-]*$" },
    { "nanoid", "^[A-Za-z0-9_-]{21}$" },
    { "cuid", "^c[a-z0-9]{24}$" },
    { "cuid2", "^[a-z][a-z0-9]{23}$" },
    { "ulid", "^[0-7][0-9A-HJKMNP-TV-Z]{25}$" },
    { "xid", "^[0-9a-v]{20}$" },
    { "ksuid", "^[A-Za-z0-9]{27}$" },
    { "path", NULL },
    { "file-path", NULL },
    { "directory-path", NULL },
    { "password", NULL },
    { "binary", NULL },
};

static cadre_status refuse_format(const json_node *word)
{
    char known[640] = "";
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

cadre_status schema_pattern_read(
    const schema_sets *s, const json_node *at, const char *pattern, size_t size, chars *made)
{
    byte_buffer way = { 0 }, where = { 0 };
    json_way(at, &way);
    if (way.status == CADRE_OK) byte_buffer_format(&where, "%s: %s", s->name, way.data);
    cadre_status status = where.size ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) status = regex_read(pattern, size, where.data, &s->n->work, made);
    byte_buffer_free(&way);
    byte_buffer_free(&where);
    return status;
}

static cadre_status narrow_by(const schema_sets *s, const json_node *at, const char *pattern,
    size_t size, chars *all, bool *any)
{
    chars more = { 0 };
    cadre_status status = schema_pattern_read(s, at, pattern, size, &more);
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
    if (!word->value) return CADRE_OK;
    CADRE_TRY(json_as_string(word, &text, &size));
    return narrow_by(s, word, text, size, all, any);
}

static cadre_status take_format(const schema_sets *s, const json_node *word, chars *all, bool *any)
{
    const char *name;
    if (!word->value) return CADRE_OK;
    CADRE_TRY(json_as_string(word, &name, NULL));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const char *pattern = formats[i].pattern;
        if (strcmp(formats[i].name, name) != 0) continue;
        return pattern ? narrow_by(s, word, pattern, strlen(pattern), all, any) : CADRE_OK;
    }
    return refuse_format(word);
}

/* Where lengths and patterns together need too many states, shorter strings alone are written: half
 * as long, as often as needed. */
static cadre_status take_lengths(
    const schema_sets *s, uint32_t least, uint32_t most, chars *all, bool *any)
{
    chars lengths = { 0 }, both = { 0 };
    cadre_status status;
    if (!*any || (!least && most == NETWORK_UNBOUNDED)) return CADRE_OK;
    for (;; most = most / 2 > least ? most / 2 : least) {
        status = chars_of_length(least, most, s->name, &lengths);
        if (status == CADRE_OK) status = chars_both(all, &lengths, s->name, &both);
        s->n->work -= (int64_t)(both.state_count + both.edge_count);
        chars_free(&lengths);
        if (status != CADRE_EUNSUPPORTED || most == least || most == NETWORK_UNBOUNDED) break;
        chars_free(&both);
    }
    chars_free(all);
    *all = both;
    return status == CADRE_OK ? spend(s, all) : status;
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

/* What is said of strings holds from now on. */
static cadre_status take_all(
    schema_sets *s, const schema_set *set, schema_lengths *lengths, chars *all, bool *any)
{
    int64_t least = 0, most = NETWORK_UNBOUNDED;
    CADRE_TRY(schema_bound(s, set, "minLength", true, &least));
    CADRE_TRY(schema_bound(s, set, "maxLength", false, &most));
    *lengths = (schema_lengths){ (uint32_t)least, (uint32_t)most };
    if (least > most) return CADRE_OK;
    cadre_status status = take_words(s, set, all, any);
    return status == CADRE_OK ? take_lengths(s, (uint32_t)least, (uint32_t)most, all, any) : status;
}

cadre_status schema_string_chars(
    schema_sets *s, const schema_set *set, schema_lengths *lengths, chars *all, bool *any)
{
    *all = (chars){ 0 };
    *any = false;
    return take_all(s, set, lengths, all, any);
}

cadre_status schema_unmarked_chars(
    schema_sets *s, const schema_set *set, const char *mark, schema_lengths *lengths, chars *all)
{
    bool any = true;
    CADRE_TRY(chars_without(mark, s->name, all));
    return take_all(s, set, lengths, all, &any);
}

/* A string as it is, between marks; its lengths are an automaton, too. */
static cadre_status put_raw(
    const schema_sets *s, const schema_lengths *l, chars *all, bool any, node_id *piece)
{
    const char *quote = s->text.quote;
    if (!any && !l->least && l->most == NETWORK_UNBOUNDED) return *piece = s->text.string, CADRE_OK;
    if (!any) CADRE_TRY(chars_of_length(l->least, l->most, s->name, all));
    node_id end = network_text(s->n, quote, strlen(quote), NETWORK_END);
    *piece = network_text(
        s->n, quote, strlen(quote), chars_as_text(all, s->n, end, (node_id)NETWORK_DEAD));
    return CADRE_OK;
}

static void put_quoted(
    const schema_sets *s, const schema_lengths *l, const chars *all, bool any, node_id *piece)
{
    node_id end = network_byte(s->n, '"', NETWORK_END);
    if (any) *piece = network_byte(s->n, '"', chars_in_json(all, s->n, NETWORK_END));
    else if (!l->least && l->most == NETWORK_UNBOUNDED) *piece = s->text.string;
    else if (l->most == 0) *piece = network_byte(s->n, '"', end);
    else
        *piece = network_byte(
            s->n, '"', network_repeat(s->n, s->text.character, l->least, l->most, end));
}

cadre_status schema_string(schema_sets *s, const schema_set *set, node_id *piece)
{
    schema_lengths l;
    chars all;
    bool any;
    *piece = NETWORK_DEAD;
    cadre_status status = schema_string_chars(s, set, &l, &all, &any);
    if (status == CADRE_OK && l.least <= l.most) {
        if (s->text.quote) status = put_raw(s, &l, &all, any, piece);
        else put_quoted(s, &l, &all, any, piece);
    }
    chars_free(&all);
    return status;
}

/* json_text.c - white space, strings, numbers, any value. */
#include "grammar/json_text.h"

#include <string.h>

#include "grammar/chars.h"

#define EDGES(...)                                                                                 \
    (const network_edge[]){ __VA_ARGS__ },                                                         \
        sizeof((const network_edge[]){ __VA_ARGS__ }) / sizeof(network_edge)

/* ---- white space ---- */

enum { INDENTATION = 20 };

static node_id make_blank(network *n)
{
    node_id more = NETWORK_END;
    for (int i = 0; i < INDENTATION; i++)
        more = network_bytes(n, EDGES({ '\t', '\t', more }, { ' ', ' ', more }), true);
    return network_bytes(n, EDGES({ '\n', '\n', more }, { ' ', ' ', NETWORK_END }), true);
}

node_id json_text_blank(const json_text *j, node_id next)
{
    return j->blank == NETWORK_END ? next : network_call(j->n, j->blank, next);
}

node_id json_text_before(const json_text *j, char byte, node_id next)
{
    return network_byte(j->n, (uint8_t)byte, json_text_blank(j, next));
}

node_id json_text_after(const json_text *j, char byte, node_id next)
{
    return json_text_blank(j, network_byte(j->n, (uint8_t)byte, next));
}

node_id json_text_lead(network *n, node_id next)
{
    node_id one = network_either(
        n, next, network_bytes(n, EDGES({ '\n', '\n', next }, { ' ', ' ', next }), false));
    node_id two = network_bytes(n, EDGES({ '\n', '\n', one }, { ' ', ' ', one }), false);
    return network_either(n, next, two);
}

/* ---- strings ---- */

static node_id hex(network *n, node_id next)
{
    return network_bytes(
        n, EDGES({ '0', '9', next }, { 'A', 'F', next }, { 'a', 'f', next }), false);
}

/* The low half of a surrogate pair, \uDC00 to \uDFFF. */
static node_id low_half(network *n, node_id next)
{
    node_id two = hex(n, hex(n, next));
    node_id second = network_bytes(n, EDGES({ 'C', 'F', two }, { 'c', 'f', two }), false);
    node_id first = network_bytes(n, EDGES({ 'D', 'D', second }, { 'd', 'd', second }), false);
    return network_text(n, "\\u", 2, first);
}

/* The four digits of \u: no \u0000, no half of a pair by itself. */
static node_id code_unit(network *n, node_id next)
{
    node_id one = hex(n, next), two = hex(n, one), three = hex(n, two);
    node_id low = low_half(n, next), pair = hex(n, hex(n, low));
    node_id last =
        network_bytes(n, EDGES({ '1', '9', next }, { 'A', 'F', next }, { 'a', 'f', next }), false);
    node_id third = network_bytes(n,
        EDGES({ '0', '0', last }, { '1', '9', one }, { 'A', 'F', one }, { 'a', 'f', one }), false);
    node_id second = network_bytes(n,
        EDGES({ '0', '0', third }, { '1', '9', two }, { 'A', 'F', two }, { 'a', 'f', two }), false);
    node_id d = network_bytes(n,
        EDGES({ '0', '7', two }, { '8', '9', pair }, { 'A', 'B', pair }, { 'a', 'b', pair }),
        false);
    return network_bytes(n,
        EDGES({ '0', '0', second }, { '1', '9', three }, { 'A', 'C', three }, { 'D', 'D', d },
            { 'E', 'F', three }, { 'a', 'c', three }, { 'd', 'd', d }, { 'e', 'f', three }),
        false);
}

/* A character of a string, then next; with `closing` a quotation mark, then that. */
static void join_character(network *n, node_id place, node_id next, node_id closing)
{
    node_id one = network_bytes(n, EDGES({ 0x80, 0xbf, next }), false);
    node_id two = network_bytes(n, EDGES({ 0x80, 0xbf, one }), false);
    node_id three = network_bytes(n, EDGES({ 0x80, 0xbf, two }), false);
    node_id e0 = network_bytes(n, EDGES({ 0xa0, 0xbf, one }), false);
    node_id ed = network_bytes(n, EDGES({ 0x80, 0x9f, one }), false);
    node_id f0 = network_bytes(n, EDGES({ 0x90, 0xbf, two }), false);
    node_id f4 = network_bytes(n, EDGES({ 0x80, 0x8f, two }), false);
    node_id escape = network_bytes(n,
        EDGES({ '"', '"', next }, { '/', '/', next }, { '\\', '\\', next }, { 'b', 'b', next },
            { 'f', 'f', next }, { 'n', 'n', next }, { 'r', 'r', next }, { 't', 't', next },
            { 'u', 'u', code_unit(n, next) }),
        false);
    network_join_bytes(n, place,
        EDGES({ ' ', '!', next }, { '"', '"', closing }, { '#', '[', next }, { '\\', '\\', escape },
            { ']', 0x7f, next }, { 0xc2, 0xdf, one }, { 0xe0, 0xe0, e0 }, { 0xe1, 0xec, two },
            { 0xed, 0xed, ed }, { 0xee, 0xef, two }, { 0xf0, 0xf0, f0 }, { 0xf1, 0xf3, three },
            { 0xf4, 0xf4, f4 }),
        false);
}

static node_id make_string(network *n)
{
    node_id inside = network_place(n);
    join_character(n, inside, inside, NETWORK_END);
    return network_byte(n, '"', inside);
}

static node_id make_character(network *n)
{
    node_id one = network_place(n);
    join_character(n, one, NETWORK_END, NETWORK_DEAD);
    return one;
}

/* ---- numbers ---- */

/* Up to `most` more digits, then next or the end. */
static node_id digits(network *n, int most, node_id next)
{
    node_id rest = next;
    for (int i = 0; i < most; i++)
        rest = network_either(n, next, network_bytes(n, EDGES({ '0', '9', rest }), false));
    return rest;
}

static node_id make_number(network *n)
{
    node_id last = network_bytes(n, EDGES({ '0', '9', NETWORK_END }), true);
    node_id power = network_bytes(n, EDGES({ '0', '9', last }), false);
    node_id sign = network_bytes(
        n, EDGES({ '+', '+', power }, { '-', '-', power }, { '0', '9', last }), false);
    node_id exponent = network_bytes(n, EDGES({ 'E', 'E', sign }, { 'e', 'e', sign }), true);
    node_id fraction = digits(n, JSON_DIGITS - 1, exponent);
    node_id point = network_either(
        n, network_byte(n, '.', network_bytes(n, EDGES({ '0', '9', fraction }), false)), exponent);
    node_id whole = digits(n, JSON_DIGITS - 1, point);
    node_id first = network_bytes(n, EDGES({ '0', '0', point }, { '1', '9', whole }), false);
    return network_either(n, first, network_byte(n, '-', first));
}

/* ---- any value ---- */

static node_id make_object(const json_text *j)
{
    network *n = j->n;
    node_id key = network_place(n), end = network_byte(n, '}', NETWORK_END);
    node_id after = network_either(n, json_text_before(j, ',', key), json_text_blank(j, end));
    node_id value = network_call(n, j->value, after);
    network_join(
        n, key, network_call(n, j->quote ? j->name : j->string, json_text_before(j, ':', value)));
    return json_text_before(j, '{', network_either(n, key, end));
}

static node_id make_array(const json_text *j)
{
    network *n = j->n;
    node_id item = network_place(n), end = network_byte(n, ']', NETWORK_END);
    node_id after = network_either(n, json_text_before(j, ',', item), json_text_blank(j, end));
    network_join(n, item, network_call(n, j->value, after));
    return json_text_before(j, '[', network_either(n, item, end));
}

/* A key without quotation marks. */
static node_id make_name(network *n)
{
    node_id rest = network_place(n);
    const network_edge letters[] = { { '-', '.', rest }, { '0', '9', rest }, { 'A', 'Z', rest },
        { '_', '_', rest }, { 'a', 'z', rest } };
    network_join_bytes(n, rest, letters, sizeof letters / sizeof *letters, true);
    return network_bytes(n, letters, sizeof letters / sizeof *letters, false);
}

/* Any text between two marks, which are in no text. */
static node_id make_raw_string(network *n, const char *quote)
{
    chars any = { 0 };
    size_t size = strlen(quote);
    node_id end = network_text(n, quote, size, NETWORK_END), piece = NETWORK_DEAD;
    cadre_status status = chars_before("", n->name, &any);
    if (status == CADRE_OK) piece = chars_as_text(&any, n, NETWORK_DEAD, end);
    else if (n->status == CADRE_OK) n->status = status;
    chars_free(&any);
    return network_text(n, quote, size, piece);
}

static void make_values(json_text *j)
{
    network *n = j->n;
    j->number = make_number(n);
    j->value = network_place(n);
    j->object = make_object(j);
    j->array = make_array(j);
    node_id kinds[] = { j->object, j->array, j->string, j->number,
        network_text(n, "true", 4, NETWORK_END), network_text(n, "false", 5, NETWORK_END),
        network_text(n, "null", 4, NETWORK_END) };
    network_join_split(n, j->value, kinds, sizeof kinds / sizeof *kinds);
}

void json_text_make(network *n, json_text *j)
{
    *j = (json_text){ .n = n };
    j->blank = make_blank(n);
    j->string = make_string(n);
    j->character = make_character(n);
    make_values(j);
}

void json_text_make_raw(network *n, const char *quote, json_text *j)
{
    *j = (json_text){ .n = n, .quote = quote, .blank = NETWORK_END };
    j->string = make_raw_string(n, quote);
    j->name = make_name(n);
    make_values(j);
}

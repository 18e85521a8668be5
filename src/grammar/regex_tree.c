/* regex_tree.c - regular expressions read. */
#include "grammar/regex_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "format/quote.h"

enum { LAST = 0x10ffff, GROUPS = 32 };

typedef struct reader {
    const char *pattern, *name;
    size_t size, at;
    int groups; /* that are open */
    bool begun; /* an alternative is of what stands where a string begins */
    regex_tree *t;
} reader;

static cadre_status refuse(const reader *r, const char *found)
{
    return cadre_fail(CADRE_EUNSUPPORTED, r->name,
        "expected a pattern of characters, classes, groups, alternatives and counts, found %s in "
        "\"%s\"",
        found, quote_bytes(r->pattern, r->size).text);
}

/* ---- nodes and sets ---- */

static cadre_status add_node(reader *r, regex_node node, uint32_t *made)
{
    void *nodes = r->t->nodes;
    CADRE_TRY(buffer_grow(&nodes, r->t->node_count, &r->t->node_room, 1, sizeof *r->t->nodes));
    r->t->nodes = nodes;
    *made = (uint32_t)r->t->node_count;
    r->t->nodes[r->t->node_count++] = node;
    return CADRE_OK;
}

static cadre_status add_range(reader *r, uint32_t low, uint32_t high)
{
    void *ranges = r->t->ranges;
    CADRE_TRY(buffer_grow(&ranges, r->t->range_count, &r->t->range_room, 1, sizeof *r->t->ranges));
    r->t->ranges = ranges;
    r->t->ranges[r->t->range_count++] = (regex_range){ low, high };
    return CADRE_OK;
}

static int by_low(const void *a, const void *b)
{
    uint32_t x = ((const regex_range *)a)->low, y = ((const regex_range *)b)->low;
    return (x > y) - (x < y);
}

/* The ranges from `first` on become ordered and apart. */
static void tidy(reader *r, size_t first)
{
    regex_range *list = r->t->ranges + first;
    size_t count = r->t->range_count - first, kept = 0;
    if (count) qsort(list, count, sizeof *list, by_low);
    for (size_t i = 0; i < count; i++) {
        if (kept && list[i].low <= list[kept - 1].high + 1) {
            if (list[i].high > list[kept - 1].high) list[kept - 1].high = list[i].high;
        } else {
            list[kept++] = list[i];
        }
    }
    r->t->range_count = first + kept;
}

/* What the ranges from `first` on leave out takes their place. */
static cadre_status negate(reader *r, size_t first)
{
    tidy(r, first);
    size_t end = r->t->range_count;
    uint32_t next = 0;
    for (size_t i = first; i < end; i++) {
        regex_range range = r->t->ranges[i];
        if (range.low > next) CADRE_TRY(add_range(r, next, range.low - 1));
        next = range.high + 1;
    }
    if (next <= LAST) CADRE_TRY(add_range(r, next, LAST));
    size_t kept = r->t->range_count - end;
    memmove(r->t->ranges + first, r->t->ranges + end, kept * sizeof *r->t->ranges);
    r->t->range_count = first + kept;
    return CADRE_OK;
}

static cadre_status set_from(reader *r, size_t first, uint32_t *made)
{
    tidy(r, first);
    return add_node(r,
        (regex_node){ .kind = REGEX_SET,
            .first = (uint32_t)first,
            .count = (uint32_t)(r->t->range_count - first) },
        made);
}

static cadre_status set_of(reader *r, uint32_t low, uint32_t high, uint32_t *made)
{
    size_t first = r->t->range_count;
    CADRE_TRY(add_range(r, low, high));
    return set_from(r, first, made);
}

/* ---- classes ---- */

static const regex_range digits[] = { { '0', '9' } };
static const regex_range words[] = { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' } };
/* What every dialect calls white space, and what any does: of the two the one is taken that keeps
 * a string valid for all. */
static const regex_range blanks[] = { { '\t', '\r' }, { ' ', ' ' } };
static const regex_range all_blanks[] = { { '\t', '\r' }, { 0x1c, ' ' }, { 0x85, 0x85 },
    { 0xa0, 0xa0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200a }, { 0x2028, 0x2029 }, { 0x202f, 0x202f },
    { 0x205f, 0x205f }, { 0x3000, 0x3000 }, { 0xfeff, 0xfeff } };
static const regex_range line_ends[] = { { '\n', '\n' }, { '\r', '\r' }, { 0x2028, 0x2029 } };
#define LIST(list) list, sizeof list / sizeof *list

static cadre_status add_list(reader *r, bool others, const regex_range *list, size_t count)
{
    uint32_t next = 0;
    for (size_t i = 0; i < count; i++) {
        if (!others) CADRE_TRY(add_range(r, list[i].low, list[i].high));
        else if (list[i].low > next) CADRE_TRY(add_range(r, next, list[i].low - 1));
        next = list[i].high + 1;
    }
    return others ? add_range(r, next, LAST) : CADRE_OK;
}

/* \d \D \w \W \s \S. wide: they are in a class of what is not to be. */
static cadre_status add_class(reader *r, char letter, bool wide)
{
    switch (letter) {
    case 'd':
    case 'D': return add_list(r, letter == 'D', LIST(digits));
    case 'w':
    case 'W': return add_list(r, letter == 'W', LIST(words));
    case 's': return wide ? add_list(r, false, LIST(all_blanks)) : add_list(r, false, LIST(blanks));
    default: return wide ? add_list(r, true, LIST(blanks)) : add_list(r, true, LIST(all_blanks));
    }
}

static bool is_class(char letter) { return letter && strchr("dDwWsS", letter); }

static bool at_end(const reader *r) { return r->at == r->size; }
static char peek(const reader *r) { return at_end(r) ? 0 : r->pattern[r->at]; }

static bool take(reader *r, char wanted)
{
    if (at_end(r) || r->pattern[r->at] != wanted) return false;
    r->at++;
    return true;
}

static bool take_hex(reader *r, int digits_most, uint32_t *code)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    int count = 0;
    for (*code = 0; count < digits_most && peek(r) && strchr(hex, peek(r)); count++, r->at++) {
        size_t digit = (size_t)(strchr(hex, peek(r)) - hex);
        *code = *code * 16 + (uint32_t)(digit < 16 ? digit : digit - 6);
    }
    return count > 0;
}

static cadre_status hex_escape(reader *r, int count, uint32_t *code)
{
    size_t before = r->at;
    bool braces = count == 4 && take(r, '{');
    bool right = take_hex(r, braces ? 6 : count, code) &&
                 (braces ? take(r, '}') : r->at - before == (size_t)count);
    if (!right || *code > LAST) return refuse(r, "an escape that is no character");
    if (*code >= 0xd800 && *code <= 0xdfff) return refuse(r, "half a surrogate pair");
    return CADRE_OK;
}

/* The character that an escape stands for; behind the backslash. */
static cadre_status escaped(reader *r, uint32_t *code)
{
    static const char letters[] = "tnrfv", characters[] = "\t\n\r\f\v";
    char letter = peek(r);
    char found[] = "\\? (not supported)";
    const char *at = letter ? strchr(letters, letter) : NULL;
    found[1] = letter;
    if (!letter) return refuse(r, "a backslash at the end");
    if (strchr("^$\\.*+?()[]{}|/-\"'#&,:;<=>@_`~%! ", letter) || at) {
        *code = (uint8_t)(at ? characters[at - letters] : letter);
        r->at++;
        return CADRE_OK;
    }
    if (letter != 'x' && letter != 'u')
        return refuse(r, (uint8_t)letter < 0x80 ? found : "an escape");
    r->at++;
    return hex_escape(r, letter == 'x' ? 2 : 4, code);
}

static cadre_status character(reader *r, uint32_t *code)
{
    if (take(r, '\\')) return escaped(r, code);
    size_t length = utf8_decode(r->pattern + r->at, r->size - r->at, code);
    if (!length) return refuse(r, "bytes that are not UTF-8");
    r->at += length;
    return CADRE_OK;
}

/* One item of a class: a character, or \d and its like. */
static cadre_status class_item(reader *r, bool wide, bool *is_set, uint32_t *code)
{
    *is_set = r->size - r->at > 1 && r->pattern[r->at] == '\\' && is_class(r->pattern[r->at + 1]);
    if (!*is_set) {
        if (take(r, '[')) return *code = '[', CADRE_OK;
        if (r->size - r->at > 1 && memcmp(r->pattern + r->at, "\\b", 2) == 0) {
            r->at += 2;
            return *code = '\b', CADRE_OK;
        }
        return character(r, code);
    }
    r->at += 2;
    return add_class(r, r->pattern[r->at - 1], wide);
}

static cadre_status class_items(reader *r, bool wide)
{
    while (!at_end(r) && peek(r) != ']') {
        uint32_t low = 0, high = 0;
        bool set, second = false;
        CADRE_TRY(class_item(r, wide, &set, &low));
        if (set) continue;
        high = low;
        if (r->size - r->at > 1 && peek(r) == '-' && r->pattern[r->at + 1] != ']') {
            r->at++;
            CADRE_TRY(class_item(r, wide, &second, &high));
        }
        if (second || high < low) return refuse(r, "a range that is none");
        CADRE_TRY(add_range(r, low, high));
    }
    return CADRE_OK;
}

/* Behind the bracket. */
static cadre_status class_of(reader *r, uint32_t *made)
{
    size_t first = r->t->range_count;
    bool wide = take(r, '^');
    if (peek(r) == ']') return refuse(r, "an empty class");
    CADRE_TRY(class_items(r, wide));
    if (!take(r, ']')) return refuse(r, "a class without an end");
    if (wide) CADRE_TRY(negate(r, first));
    return set_from(r, first, made);
}

/* ---- the tree ---- */

static cadre_status choice(reader *r, uint32_t *made);

/* Behind the bracket. */
static cadre_status group(reader *r, uint32_t *made)
{
    if (r->groups == GROUPS) return refuse(r, "more than 32 groups in each other");
    if (take(r, '?') && !take(r, ':')) {
        bool named = take(r, '<') && peek(r) != '=' && peek(r) != '!';
        if (!named) return refuse(r, "a group that looks around, or has flags");
        while (!at_end(r) && peek(r) != '>') r->at++;
        take(r, '>');
    }
    r->groups++;
    CADRE_TRY(choice(r, made));
    r->groups--;
    return take(r, ')') ? CADRE_OK : refuse(r, "a group without an end");
}

static cadre_status class_escape(reader *r, uint32_t *made)
{
    size_t first = r->t->range_count;
    r->at += 2;
    CADRE_TRY(add_class(r, r->pattern[r->at - 1], false));
    return set_from(r, first, made);
}

static cadre_status dot(reader *r, uint32_t *made)
{
    size_t first = r->t->range_count;
    CADRE_TRY(add_list(r, true, LIST(line_ends)));
    return set_from(r, first, made);
}

static cadre_status atom(reader *r, uint32_t *made)
{
    uint32_t code;
    if (take(r, '(')) return group(r, made);
    if (take(r, '[')) return class_of(r, made);
    if (take(r, '.')) return dot(r, made);
    if (peek(r) == '\\' && r->size - r->at > 1 && is_class(r->pattern[r->at + 1]))
        return class_escape(r, made);
    if (peek(r) == '^' || peek(r) == '$') return refuse(r, "^ or $ that is not at an end");
    if (peek(r) && strchr("*+?", peek(r))) return refuse(r, "a count of nothing");
    if (peek(r) == ')') return refuse(r, "a bracket that closes nothing");
    CADRE_TRY(character(r, &code));
    return set_of(r, code, code, made);
}

static bool take_count(reader *r, uint32_t *count)
{
    size_t before = r->at;
    for (*count = 0; peek(r) >= '0' && peek(r) <= '9'; r->at++)
        if (*count <= REGEX_COUNT_MAX) *count = *count * 10 + (uint32_t)(peek(r) - '0');
    return r->at > before;
}

/* {n}, {n,} or {n,m}; else nothing is taken. */
static bool take_braces(reader *r, uint32_t *min, uint32_t *max)
{
    size_t before = r->at;
    bool right = take(r, '{') && take_count(r, min);
    *max = *min;
    if (right && take(r, ',') && !take_count(r, max)) *max = REGEX_UNBOUNDED;
    right = right && take(r, '}');
    if (!right) r->at = before;
    return right;
}

static bool take_quantifier(reader *r, uint32_t *min, uint32_t *max)
{
    bool star = take(r, '*'), plus = !star && take(r, '+'), maybe = !star && !plus && take(r, '?');
    *min = plus;
    *max = maybe ? 1 : REGEX_UNBOUNDED;
    return star || plus || maybe || take_braces(r, min, max);
}

static cadre_status piece(reader *r, uint32_t *made)
{
    uint32_t min, max;
    CADRE_TRY(atom(r, made));
    if (!take_quantifier(r, &min, &max)) return CADRE_OK;
    take(r, '?'); /* lazy: the same strings */
    if (min > REGEX_COUNT_MAX || (max != REGEX_UNBOUNDED && max > REGEX_COUNT_MAX))
        return refuse(r, "a count above 10000");
    if (max < min) return refuse(r, "a count whose end is below its beginning");
    if (peek(r) && strchr("*+?", peek(r))) return refuse(r, "a count of a count");
    return add_node(
        r, (regex_node){ .kind = REGEX_REPEAT, .child = *made, .min = min, .max = max }, made);
}

/* Any characters, before or behind what is looked for. */
static cadre_status anything(reader *r, uint32_t *made)
{
    CADRE_TRY(set_of(r, 0, LAST, made));
    return add_node(
        r, (regex_node){ .kind = REGEX_REPEAT, .child = *made, .max = REGEX_UNBOUNDED }, made);
}

/* What comes last in the sequence so far. */
static void append(reader *r, uint32_t sequence, uint32_t node)
{
    r->t->nodes[node].sibling = r->t->nodes[sequence].child;
    r->t->nodes[sequence].child = node;
}

static bool at_anchor(const reader *r)
{
    bool last = r->at + 1 == r->size || (r->at < r->size && r->pattern[r->at + 1] == '|');
    return !r->groups && peek(r) == '$' && last;
}

/* One alternative; outside of groups it may be anchored. */
static cadre_status sequence(reader *r, uint32_t *made)
{
    uint32_t node, own;
    CADRE_TRY(add_node(r, (regex_node){ .kind = REGEX_SEQUENCE }, &own));
    if (!r->groups && !take(r, '^') && !r->begun) {
        CADRE_TRY(anything(r, &node));
        append(r, own, node);
    }
    while (!at_end(r) && peek(r) != '|' && !(peek(r) == ')' && r->groups) && !at_anchor(r)) {
        CADRE_TRY(piece(r, &node));
        append(r, own, node);
    }
    if (!r->groups && !take(r, '$')) {
        CADRE_TRY(anything(r, &node));
        append(r, own, node);
    }
    *made = own;
    return CADRE_OK;
}

static cadre_status choice(reader *r, uint32_t *made)
{
    uint32_t node, own;
    CADRE_TRY(add_node(r, (regex_node){ .kind = REGEX_CHOICE }, &own));
    do {
        CADRE_TRY(sequence(r, &node));
        append(r, own, node);
    } while (take(r, '|'));
    *made = own;
    return CADRE_OK;
}

cadre_status regex_tree_read(
    const char *pattern, size_t size, const char *name, bool begun, regex_tree *t)
{
    reader r = { .pattern = pattern, .name = name, .size = size, .begun = begun, .t = t };
    uint32_t nothing;
    *t = (regex_tree){ 0 };
    if (size > REGEX_BYTES_MAX) return refuse(&r, "more than 4096 bytes");
    CADRE_TRY(add_node(&r, (regex_node){ .kind = REGEX_SEQUENCE }, &nothing));
    return choice(&r, &t->root);
}

void regex_tree_free(regex_tree *t)
{
    mem_free(t->nodes);
    mem_free(t->ranges);
    *t = (regex_tree){ 0 };
}

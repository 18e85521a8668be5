/* number_text.c - digits that are held against those of two bounds, from the first one on.
 *
 * Numbers of one length are read beside the digits of the bounds. As long as they are the same as a
 * bound's they are tight on that side; once they differ, inwards, that bound is of no matter. */
#include "grammar/number_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE = 19, ALL = 400 }; /* digits: of 64 bits, and of what is after the point of a bound */

/* A number that is not negative, in decimal. */
typedef struct decimal {
    char whole[WHOLE + 2]; /* without zeros before it */
    char fraction[ALL];    /* without zeros behind it */
} decimal;

typedef struct range {
    network *n;
    decimal low, high;
    bool above, below; /* the bounds are not in it */
    bool integer;
    /* Made so far: digits that are free, at most so many more; and tight ones by place and side */
    node_id free_fraction[JSON_DIGITS + 1], free_whole[WHOLE + 1];
} range;

/* ---- digits after the point ---- */

static int digit_of(const char *digits, size_t length, size_t at)
{
    return at < length ? digits[at] - '0' : 0;
}

static bool zeros_from(const decimal *d, size_t at) { return strlen(d->fraction) <= at; }

/* Whether a number that is, so far, the same as its tight bounds may be over here. */
static bool may_end(const range *r, bool low, bool high, size_t at)
{
    if (low && (r->above || !zeros_from(&r->low, at))) return false;
    return !high || !r->below || !zeros_from(&r->high, at);
}

/* Up to `room` more digits, of any kind. */
static node_id free_fraction(range *r, int room)
{
    node_id *made = &r->free_fraction[room];
    if (room == 0) return NETWORK_END;
    if (*made) return *made;
    node_id rest = free_fraction(r, room - 1);
    return *made = network_bytes(r->n, &(network_edge){ '0', '9', rest }, 1, true);
}

/* Behind the point and `at` digits, with room for so many more. */
static node_id fraction(range *r, bool low, bool high, size_t at, int room)
{
    network_edge edges[10];
    size_t count = 0;
    if (!low && !high) return free_fraction(r, room);
    int least = low ? digit_of(r->low.fraction, strlen(r->low.fraction), at) : 0;
    int most = high ? digit_of(r->high.fraction, strlen(r->high.fraction), at) : 9;
    for (int d = least; d <= most && room > 0; d++) {
        node_id to = fraction(r, low && d == least, high && d == most, at + 1, room - 1);
        edges[count++] = (network_edge){ (uint8_t)('0' + d), (uint8_t)('0' + d), to };
    }
    return network_bytes(r->n, edges, count, may_end(r, low, high, at));
}

/* The point needs a digit behind it. */
static node_id point(range *r, bool low, bool high, int room)
{
    node_id after = fraction(r, low, high, 0, room);
    network_node *node = &r->n->nodes[after];
    network_edge edges[10];
    if (room < 1 || r->n->status != CADRE_OK) return NETWORK_DEAD;
    size_t count = node->count;
    memcpy(edges, r->n->edges + node->first, count * sizeof *edges);
    return network_byte(r->n, '.', network_bytes(r->n, edges, count, false));
}

/* All digits before the point have been read. */
static node_id end_whole(range *r, bool low, bool high, int length)
{
    bool ends = may_end(r, low, high, 0);
    if (r->integer) return ends ? NETWORK_END : NETWORK_DEAD;
    node_id more = point(r, low, high, JSON_DIGITS - length);
    return ends ? network_either(r->n, NETWORK_END, more) : more;
}

/* ---- digits before it ---- */

typedef struct whole {
    range *r;
    const char *low, *high; /* [length] */
    int length;
} whole;

static node_id whole_from(whole *w, bool low, bool high, int at);

static node_id free_whole(whole *w, int at)
{
    node_id *made = &w->r->free_whole[w->length - at];
    if (at == w->length) return end_whole(w->r, false, false, w->length);
    if (*made) return *made;
    node_id rest = whole_from(w, false, false, at + 1);
    return *made = network_bytes(w->r->n, &(network_edge){ '0', '9', rest }, 1, false);
}

static node_id whole_from(whole *w, bool low, bool high, int at)
{
    network_edge edges[10];
    size_t count = 0;
    if (at == w->length) return end_whole(w->r, low, high, w->length);
    if (!low && !high) return free_whole(w, at);
    int least = low ? w->low[at] - '0' : 0, most = high ? w->high[at] - '0' : 9;
    for (int d = least; d <= most; d++) {
        node_id to = whole_from(w, low && d == least, high && d == most, at + 1);
        edges[count++] = (network_edge){ (uint8_t)('0' + d), (uint8_t)('0' + d), to };
    }
    return network_bytes(w->r->n, edges, count, false);
}

/* Numbers whose whole part has so many digits. */
static node_id of_length(range *r, int length)
{
    char least[WHOLE + 2], most[WHOLE + 2];
    int first = (int)strlen(r->low.whole), last = (int)strlen(r->high.whole);
    /* How many digits may follow a point depends on the length */
    if (!r->integer) memset(r->free_whole, 0, sizeof r->free_whole);
    memset(least, '0', (size_t)length);
    memset(most, '9', (size_t)length);
    if (length > 1) least[0] = '1';
    bool low = length == first, high = length == last;
    if (low) memcpy(least, r->low.whole, (size_t)length);
    if (high) memcpy(most, r->high.whole, (size_t)length);
    if (low && high && memcmp(least, most, (size_t)length) > 0) return NETWORK_DEAD;
    /* A number that begins a length is never tight on the side of which only its length is known */
    if (low || high || length == 1) {
        whole w = { r, least, most, length };
        if (low && high) return whole_from(&w, true, true, 0);
        network_edge edges[10];
        size_t count = 0;
        int from = least[0] - '0', to = most[0] - '0';
        for (int d = from; d <= to; d++)
            edges[count++] = (network_edge){ (uint8_t)('0' + d), (uint8_t)('0' + d),
                whole_from(&w, low && d == from, high && d == to, 1) };
        return network_bytes(r->n, edges, count, false);
    }
    whole w = { r, least, most, length };
    node_id rest = whole_from(&w, false, false, 1);
    return network_bytes(r->n, &(network_edge){ '1', '9', rest }, 1, false);
}

static node_id not_negative(range *r)
{
    node_id lengths[WHOLE + 1];
    size_t count = 0;
    for (int length = (int)strlen(r->low.whole); length <= (int)strlen(r->high.whole); length++)
        lengths[count++] = of_length(r, length);
    return network_split(r->n, lengths, count);
}

/* ---- bounds in decimal ---- */

/* The shortest digits that are this double, written out. */
static decimal decimal_of(double x)
{
    char text[64], digits[32];
    decimal d = { .whole = "0" };
    int precision = 1, exponent = 0;
    for (; precision < 18; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, x);
        if (strtod(text, NULL) == x) break;
    }
    size_t count = 0;
    for (const char *at = text; *at && *at != 'e'; at++)
        if (*at != '.') digits[count++] = *at;
    exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    while (count > 1 && digits[count - 1] == '0') count--;
    int before = exponent + 1; /* digits before the point; below 0: zeros behind it */
    size_t put = 0;
    for (int i = 0; i < before && put < WHOLE; i++)
        d.whole[put++] = (size_t)i < count ? digits[i] : '0';
    if (put) d.whole[put] = 0;
    put = 0;
    for (int i = before; i < 0 && put < ALL - 1; i++) d.fraction[put++] = '0';
    for (int i = before > 0 ? before : 0; i < (int)count && put < ALL - 1; i++)
        d.fraction[put++] = digits[i];
    while (put && d.fraction[put - 1] == '0') put--;
    d.fraction[put] = 0;
    return d;
}

static node_id real_between(network *n, double low, double high, bool above, bool below)
{
    range r = { .n = n, .above = above, .below = below };
    if (!(low <= high)) return NETWORK_DEAD;
    r.low = decimal_of(low);
    r.high = decimal_of(high);
    return not_negative(&r);
}

static const double most_real = 999999999999999;

node_id number_text_real(network *n, const number_bounds *b)
{
    double low = b->low < -most_real ? -most_real : b->low;
    double high = b->high > most_real ? most_real : b->high;
    bool above = b->above && low == b->low, below = b->below && high == b->high;
    node_id positive = NETWORK_DEAD, negative = NETWORK_DEAD;
    if (high >= 0)
        positive = real_between(n, low < 0 ? 0 : low + 0, high + 0, low >= 0 && above, below);
    /* Numbers below zero are those above it, negated; there is no -0 */
    if (low < 0) negative = real_between(n, high < 0 ? -high : 0, -low, high >= 0 || below, above);
    return network_either(
        n, positive, negative == NETWORK_DEAD ? NETWORK_DEAD : network_byte(n, '-', negative));
}

/* ---- integers ---- */

static node_id integer_between(network *n, uint64_t low, uint64_t high)
{
    range r = { .n = n, .integer = true };
    if (low > high) return NETWORK_DEAD;
    snprintf(r.low.whole, sizeof r.low.whole, "%" PRIu64, low);
    snprintf(r.high.whole, sizeof r.high.whole, "%" PRIu64, high);
    return not_negative(&r);
}

static const double most_int = 9223372036854774784.0; /* the largest double of 64 bits */
static const int64_t usual = 999999999999999;

/* The least integer that is allowed; b->low is at most most_int. */
static int64_t least_of(const number_bounds *b)
{
    if (b->low == -INFINITY) return b->high < (double)-usual ? -INT64_MAX : -usual;
    if (b->low < -most_int) return -INT64_MAX;
    int64_t low = (int64_t)ceil(b->low);
    return (double)low == b->low && b->above ? low + 1 : low;
}

static int64_t most_of(const number_bounds *b)
{
    number_bounds negated = { -b->high, -b->low, b->below, b->above };
    return -least_of(&negated);
}

node_id number_text_integer(network *n, const number_bounds *b)
{
    if (b->low > most_int || b->high < -most_int) return NETWORK_DEAD;
    int64_t low = least_of(b), high = most_of(b);
    node_id positive = NETWORK_DEAD, negative = NETWORK_DEAD;
    if (low > high) return NETWORK_DEAD;
    if (high >= 0) positive = integer_between(n, low < 0 ? 0 : (uint64_t)low, (uint64_t)high);
    if (low < 0) negative = integer_between(n, high < 0 ? (uint64_t)-high : 1, (uint64_t)-low);
    return network_either(
        n, positive, negative == NETWORK_DEAD ? NETWORK_DEAD : network_byte(n, '-', negative));
}

/* schema_number.c - numbers and their bounds. */
#include <float.h>
#include <math.h>

#include "grammar/number_multiple.h"
#include "grammar/number_text.h"
#include "grammar/schema_pieces.h"

/* The bound as a double, which leaves out what the bound leaves out. */
static cadre_status read_bound(const json_node *word, bool low, double *bound)
{
    const double all = 9223372036854775808.0; /* 2^63 */
    int64_t integer = 0;
    CADRE_TRY(json_as_real(word, -DBL_MAX, DBL_MAX, bound));
    if (fabs(*bound) < 9007199254740992.0 || fabs(*bound) >= all) return CADRE_OK;
    if (json_as_int(word, INT64_MIN, INT64_MAX, &integer) != CADRE_OK) return CADRE_OK;
    if (low && (int64_t)*bound < integer) *bound = nextafter(*bound, INFINITY);
    if (!low && (int64_t)*bound > integer) *bound = nextafter(*bound, -INFINITY);
    return CADRE_OK;
}

static void take_low(number_bounds *b, double low, bool above)
{
    if (low < b->low || (low == b->low && !above)) return;
    b->low = low, b->above = above;
}

static void take_high(number_bounds *b, double high, bool below)
{
    if (high > b->high || (high == b->high && !below)) return;
    b->high = high, b->below = below;
}

static cadre_status take_bounds(const schema_sets *s, const schema_set *set, number_bounds *b)
{
    static const char *const words[] = { "minimum", "exclusiveMinimum", "maximum",
        "exclusiveMaximum" };
    for (size_t i = 0; i < set->count; i++) {
        for (int k = 0; k < 4; k++) {
            json_node word = schema_word(s, set, i, words[k]);
            double bound = 0;
            if (!word.value) continue;
            CADRE_TRY(read_bound(&word, k < 2, &bound));
            if (k < 2) take_low(b, bound, k == 1);
            else take_high(b, bound, k == 3);
        }
    }
    return CADRE_OK;
}

static cadre_status refuse_multiple(const json_node *word)
{
    json_refuse(word,
        "an integer of 1 to %d, or a fraction that is exact in binary, such as 0.5, as nothing "
        "else is supported",
        MULTIPLE_MOST);
    return CADRE_EUNSUPPORTED;
}

/* The number as units of a power of ten. A fraction has to be exact in binary, so that every reader
 * finds the same multiples of it: of 0.01 many do not find 0.07. */
static cadre_status read_multiple(const json_node *word, multiple *m)
{
    double number = 0;
    *m = (multiple){ 0 };
    CADRE_TRY(json_as_real(word, -DBL_MAX, DBL_MAX, &number));
    if (!(number > 0 && number <= MULTIPLE_MOST)) return refuse_multiple(word);
    for (double scaled = number; floor(scaled) != scaled; scaled *= 2)
        if (m->decimals++ == MULTIPLE_DECIMALS) return refuse_multiple(word);
    for (int i = 0; i < m->decimals; i++) number *= 10;
    m->units = (int64_t)number;
    return CADRE_OK;
}

static void scale_to(int decimals, multiple *m)
{
    for (; m->decimals < decimals; m->decimals++) m->units *= 10;
}

/* What all members want numbers to be multiples of, their least common multiple; units 0: none
 * does. */
static cadre_status take_multiple(const schema_sets *s, const schema_set *set, multiple *all)
{
    *all = (multiple){ 0 };
    for (size_t i = 0; i < set->count; i++) {
        json_node word = schema_word(s, set, i, "multipleOf");
        multiple own;
        if (!word.value) continue;
        CADRE_TRY(read_multiple(&word, &own));
        scale_to(all->decimals, &own);
        scale_to(own.decimals, all);
        int64_t before = all->units ? all->units : own.units, least = before;
        while (least <= MULTIPLE_MOST && least % own.units) least += before;
        all->units = least;
        if (least > MULTIPLE_MOST) return refuse_multiple(&word);
    }
    return CADRE_OK;
}

static node_id multiples(schema_sets *s, const number_bounds *b, bool integer, multiple of)
{
    network *n = s->n;
    node_id first = (node_id)n->node_count;
    node_id piece = integer || !of.decimals ? number_text_integer(n, b) : number_text_real(n, b);
    return number_multiple(n, piece, first, of);
}

cadre_status schema_number(schema_sets *s, const schema_set *set, bool integer, node_id *piece)
{
    number_bounds b = { .low = -INFINITY, .high = INFINITY };
    multiple of;
    CADRE_TRY(take_bounds(s, set, &b));
    CADRE_TRY(take_multiple(s, set, &of));
    if (of.units) *piece = multiples(s, &b, integer, of);
    else if (integer) *piece = number_text_integer(s->n, &b);
    else if (isinf(b.low) && isinf(b.high)) *piece = s->text.number;
    else *piece = number_text_real(s->n, &b);
    return CADRE_OK;
}

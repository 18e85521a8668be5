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
    json_refuse(word, "an integer of 1 to %d, as nothing else is supported", MULTIPLE_MOST);
    return CADRE_EUNSUPPORTED;
}

/* What all members want numbers to be multiples of; 0: none does. Only integers: whether a number
 * with a point is a multiple of another is not the same for every reader. */
static cadre_status take_multiple(const schema_sets *s, const schema_set *set, int64_t *divisor)
{
    *divisor = 0;
    for (size_t i = 0; i < set->count; i++) {
        json_node word = schema_word(s, set, i, "multipleOf");
        double number = 0;
        if (!word.value) continue;
        CADRE_TRY(json_as_real(&word, -DBL_MAX, DBL_MAX, &number));
        if (!(number >= 1 && number <= MULTIPLE_MOST && floor(number) == number))
            return refuse_multiple(&word);
        int64_t step = (int64_t)number, least = *divisor ? *divisor : step;
        while (least % step) least += *divisor; /* the least common multiple */
        if (least > MULTIPLE_MOST) return refuse_multiple(&word);
        *divisor = least;
    }
    return CADRE_OK;
}

static node_id multiples(schema_sets *s, const number_bounds *b, int64_t divisor)
{
    node_id first = (node_id)s->n->node_count;
    return number_multiple(s->n, number_text_integer(s->n, b), first, divisor);
}

cadre_status schema_number(schema_sets *s, const schema_set *set, bool integer, node_id *piece)
{
    number_bounds b = { .low = -INFINITY, .high = INFINITY };
    int64_t divisor;
    CADRE_TRY(take_bounds(s, set, &b));
    CADRE_TRY(take_multiple(s, set, &divisor));
    if (divisor) *piece = multiples(s, &b, divisor);
    else if (integer) *piece = number_text_integer(s->n, &b);
    else if (isinf(b.low) && isinf(b.high)) *piece = s->text.number;
    else *piece = number_text_real(s->n, &b);
    return CADRE_OK;
}

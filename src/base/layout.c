/* layout.c - layouts as text, and which rank has which part. */
#include "base/layout.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cadre/options.h"

/* The last is no way: it says how the pipeline's ranks have their layers. */
enum { WAYS = 5, VIRTUAL = 4, MOST_PARTS = 1 << 16 };

static const char *const ways[WAYS] = { "expert", "data", "pipeline", "tensor", "virtual" };

static int *part(rank_layout *l, int way)
{
    int *const parts[WAYS] = { &l->expert, &l->data, &l->pipeline, &l->tensor, &l->chunks };
    return parts[way];
}

static cadre_status refuse_way(const char *name, int length)
{
    char word[32];
    snprintf(word, sizeof word, "%.*s", length, name);
    cadre_fail(CADRE_EARGUMENT, NULL,
        "--parallel: expected expert=E,data=D,pipeline=P,tensor=T,virtual=V, or some of these, "
        "found '%s'",
        word);
    const char *meant = cadre_nearest(word, ways, WAYS);
    if (meant) cadre_fail_advice("did you mean '%s'?", meant);
    return CADRE_EARGUMENT;
}

static cadre_status take_way(const char *item, int length, int *seen, rank_layout *l)
{
    const char *equals = memchr(item, '=', (size_t)length);
    int name = equals ? (int)(equals - item) : length, way = 0;
    while (way < WAYS &&
           !(strlen(ways[way]) == (size_t)name && !strncmp(ways[way], item, (size_t)name)))
        way++;
    if (way == WAYS || !equals) return refuse_way(item, name);
    if (*seen >> way & 1)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "--parallel: expected %s once, found it twice", ways[way]);
    char *end;
    long parts = strtol(equals + 1, &end, 10);
    int most = way == VIRTUAL ? LAYOUT_CHUNKS : MOST_PARTS;
    if (end != item + length || end == equals + 1 || parts < 1 || parts > most)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--parallel: %s: expected a number of %s from 1 to %d, found '%.*s'", ways[way],
            way == VIRTUAL ? "blocks of layers" : "ranks", most, length - name - 1, equals + 1);
    *seen |= 1 << way;
    *part(l, way) = (int)parts;
    return CADRE_OK;
}

static cadre_status check_product(const char *text, const rank_layout *l, int ranks)
{
    int64_t product = (int64_t)l->expert * l->data;
    bool counted = product <= MOST_PARTS && product * l->pipeline <= MOST_PARTS;
    if (counted) product *= (int64_t)l->pipeline * l->tensor;
    if (counted && product == ranks) return CADRE_OK;
    char found[64] = "more";
    if (counted) snprintf(found, sizeof found, "%lld", (long long)product);
    cadre_fail(CADRE_EARGUMENT, NULL,
        "--parallel %s: expected parts whose product is the number of ranks, %d, found %s", text,
        ranks, found);
    if (ranks == 1 && counted) cadre_fail_advice("mpirun -n %s cadre ... starts so many", found);
    return CADRE_EARGUMENT;
}

cadre_status layout_parse(const char *text, int ranks, rank_layout *l)
{
    rank_layout made = layout_single();
    int seen = 0;
    for (const char *at = text;;) {
        size_t length = strcspn(at, ",");
        CADRE_TRY(take_way(at, length > 64 ? 64 : (int)length, &seen, &made));
        if (!at[length]) break;
        at += length + 1;
    }
    CADRE_TRY(check_product(text, &made, ranks));
    if (made.chunks > 1 && made.pipeline == 1)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--parallel: virtual=%d: expected pipeline=P of several ranks, found one", made.chunks);
    *l = made;
    return CADRE_OK;
}

void layout_text(const rank_layout *l, char text[LAYOUT_TEXT])
{
    rank_layout copy = *l;
    size_t used = 0;
    text[0] = 0;
    for (int way = 0; way < WAYS; way++)
        if (*part(&copy, way) > 1)
            used += (size_t)snprintf(text + used, LAYOUT_TEXT - used, "%s%s=%d", used ? "," : "",
                ways[way], *part(&copy, way));
}

int layout_ranks(const rank_layout *l) { return l->expert * l->data * l->pipeline * l->tensor; }

rank_layout layout_place(const rank_layout *l, int rank)
{
    rank_layout place = { 0 };
    place.tensor = rank % l->tensor;
    rank /= l->tensor;
    place.expert = rank % l->expert;
    rank /= l->expert;
    place.data = rank % l->data;
    place.pipeline = rank / l->data;
    return place;
}

int layout_rank(const rank_layout *l, const rank_layout *place)
{
    int rank = place->pipeline * l->data + place->data;
    return (rank * l->expert + place->expert) * l->tensor + place->tensor;
}

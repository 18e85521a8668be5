/* freeze.c - parses the list of what is frozen, and finds the frozen elements of a parameter. */
#define _GNU_SOURCE /* strsep */
#include "train/freeze.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const freeze_range everything = { 0, INT32_MAX };

/* ---- the text ---- */

static cadre_status refuse(const char *item)
{
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--freeze: expected router, experts, router=A-B, experts=A-B, attention, embeddings, "
        "layers=A-B or none, found '%s'",
        item);
}

/* Parses "3" or "0-11". */
static bool parse_range(const char *text, freeze_range *range)
{
    char *end;
    if (*text < '0' || *text > '9') return false;
    int64_t last = range->first = strtol(text, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9') last = strtol(end + 1, &end, 10);
    if (*end || last < range->first || last >= INT32_MAX - 1) return false;
    range->end = last + 1;
    return true;
}

static cadre_status parse_item(const char *item, freeze_list *list)
{
    bool right = true;
    if (!strcmp(item, "attention")) list->attention = true;
    else if (!strcmp(item, "embeddings")) list->embeddings = true;
    else if (!strcmp(item, "router")) list->router = everything;
    else if (!strcmp(item, "experts")) list->experts = everything, list->shared = true;
    else if (!strncmp(item, "router=", 7)) right = parse_range(item + 7, &list->router);
    else if (!strncmp(item, "experts=", 8)) right = parse_range(item + 8, &list->experts);
    else if (!strncmp(item, "layers=", 7)) right = parse_range(item + 7, &list->layers);
    else right = false;
    return right ? CADRE_OK : refuse(item);
}

cadre_status freeze_parse(const char *text, freeze_list *list)
{
    *list = (freeze_list){ 0 };
    if (!text || !strcmp(text, "none")) return CADRE_OK;
    char *copy = mem_strdup(text), *rest = copy;
    if (!copy) return CADRE_ENOMEM;
    cadre_status status = CADRE_OK;
    while (rest && status == CADRE_OK) status = parse_item(strsep(&rest, ","), list);
    mem_free(copy);
    return status;
}

/* ---- elements ---- */

static bool is_within(const freeze_range *r, int64_t i) { return r->first <= i && i < r->end; }

void freeze_elements(const freeze_list *list, const param *p, int64_t *begin, int64_t *end)
{
    param_part part = param_part_of(p->role);
    bool attends = part == PART_ATTENTION || part == PART_CROSS_ATTENTION;
    int64_t count = p->rows * p->cols;
    bool whole = (p->layer >= 0 && is_within(&list->layers, p->layer)) ||
                 (attends && list->attention) || (part == PART_EMBEDDINGS && list->embeddings) ||
                 (part == PART_SHARED && list->shared) ||
                 (part == PART_EXPERT && is_within(&list->experts, p->expert));
    *begin = 0;
    *end = whole ? count : 0;
    if (whole || part != PART_ROUTER) return;
    /* A parameter of the router without rows for experts is frozen with the rows of all experts. */
    if (param_is_routers_own(p->role) || p->role == ROLE_ROUTER_OMEGA) {
        if (list->router.first == 0 && list->router.end >= p->start.experts) *end = count;
        return;
    }
    /* A matrix has a row for each expert, a bias an element. */
    int64_t each = param_is_vector(p) ? 1 : p->cols, experts = count / each;
    int64_t last = list->router.end < experts ? list->router.end : experts;
    if (list->router.first >= last) return;
    *begin = list->router.first * each;
    *end = last * each;
}

/* ---- the list against a model ---- */

static bool holds_any(const freeze_list *list, const param_table *table)
{
    for (int64_t i = 0; i < table->count; i++) {
        int64_t begin, end;
        freeze_elements(list, &table->rows[i], &begin, &end);
        if (begin < end) return true;
    }
    return false;
}

static bool leaves_any(const freeze_list *list, const param_table *table)
{
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        int64_t begin, end;
        freeze_elements(list, p, &begin, &end);
        if (p->kind != PARAM_STATE && end - begin < p->rows * p->cols) return true;
    }
    return false;
}

/* The highest layer, or expert, of a model; -1: none. */
static int64_t highest(const param_table *table, bool expert)
{
    int64_t most = -1;
    for (int64_t i = 0; i < table->count; i++) {
        int64_t number = expert ? table->rows[i].expert : table->rows[i].layer;
        if (number > most) most = number;
    }
    return most;
}

static cadre_status check_range(const char *name, const freeze_range *r, int64_t most)
{
    if (r->end == everything.end || r->end <= most + 1) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--freeze: %s=%lld-%lld: expected numbers from 0 to %lld, as the model has them", name,
        (long long)r->first, (long long)r->end - 1, (long long)most);
}

/* Refuses an item that freezes nothing in this model. */
static cadre_status check_parts(const freeze_list *list, const param_table *table)
{
    const struct {
        const char *name;
        bool asked;
        freeze_list alone;
    } parts[] = {
        { "attention", list->attention, { .attention = true } },
        { "router", list->router.end > 0, { .router = list->router } },
        { "experts", list->experts.end > 0, { .experts = list->experts, .shared = list->shared } },
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].asked && !holds_any(&parts[i].alone, table))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--freeze: expected parts that the model has, found %s, which it has not",
                parts[i].name);
    return CADRE_OK;
}

cadre_status freeze_check(const freeze_list *list, const param_table *table)
{
    CADRE_TRY(check_parts(list, table));
    CADRE_TRY(check_range("layers", &list->layers, highest(table, false)));
    CADRE_TRY(check_range("experts", &list->experts, highest(table, true)));
    CADRE_TRY(check_range("router", &list->router, highest(table, true)));
    if (leaves_any(list, table)) return CADRE_OK;
    return cadre_fail(
        CADRE_EARGUMENT, NULL, "--freeze: expected something left to train, found nothing");
}

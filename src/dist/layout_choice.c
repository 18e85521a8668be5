/* layout_choice.c - lists layouts, and sorts them by what decoding or training would cost. */
#include "dist/layout_choice.h"

#include <stdlib.h>

#include "base/memory.h"
#include "dist/group.h"
#include "dist/plan_cost.h"

/* An ordinary machine: bytes a second that decoding reads, operations a second. Ranks are equal, so
 * these only weigh computing against communication. */
static const double BANDWIDTH = 14e9, FLOPS = 100e9;
enum { CONTEXT = 256, ANY_BITS = 16 /* of a weight, until weight_bytes says how many */ };

void layouts_visit(int ranks, void (*visit)(void *arg, const rank_layout *l), void *arg)
{
    for (int e = 1; e <= ranks; e++)
        for (int d = 1; ranks % e == 0 && d <= ranks / e; d++)
            for (int s = 1; ranks / e % d == 0 && s <= ranks / e / d; s++)
                if (ranks / e / d % s == 0)
                    visit(arg, &(rank_layout){ e, d, s, ranks / e / d / s, 1 });
}

typedef struct choice {
    rank_layout layout;
    double seconds, memory; /* of a token; of a rank */
    bool fits;
} choice;

typedef struct choice_list {
    plan_model model;
    plan_machine machine;
    plan_work work;
    choice *choice; /* [room] */
    int count, room;
} choice_list;

static void count_layout(void *arg, const rank_layout *l)
{
    (void)l;
    ++*(int *)arg;
}

static void add_layout(void *arg, const rank_layout *l)
{
    choice_list *list = arg;
    if (list->count == list->room || plan_refusal(&list->model, &list->work, l)) return;
    plan_cost p = plan_cost_of(&list->model, &list->machine, &list->work, l);
    list->choice[list->count++] = (choice){ *l, (p.compute + p.communication) / p.tokens, p.memory,
        p.memory <= list->machine.memory };
}

static int compare(const void *left, const void *right)
{
    const choice *a = left, *b = right;
    if (a->fits != b->fits) return a->fits ? -1 : 1;
    if (a->seconds != b->seconds) return a->seconds < b->seconds ? -1 : 1;
    if (a->memory != b->memory) return a->memory < b->memory ? -1 : 1;
    return a->layout.expert - b->layout.expert;
}

static plan_work work_of(const layout_work *w)
{
    if (!w->batch) return (plan_work){ .purpose = PLAN_DECODE, .streams = 1, .context = CONTEXT };
    return (plan_work){ .purpose = PLAN_TRAIN,
        .batch = (double)w->batch,
        .context = (double)w->length,
        .accumulate = (double)w->accumulate };
}

static cadre_status describe(
    choice_list *list, const comm *c, const model_config *config, const layout_work *work)
{
    fabric f = group_fabric(c);
    list->machine =
        (plan_machine){ (double)mem_of_machine() / f.per_node, BANDWIDTH, FLOPS, fabric_link(&f) };
    list->work = work_of(work);
    CADRE_TRY(plan_model_of_config(config, ANY_BITS, &list->model));
    plan_model *m = &list->model;
    int64_t weight_bytes = work->weight_bytes;
    double bytes = m->dense_bytes + m->expert_bytes,
           factor = weight_bytes > 0 && bytes > 0 ? (double)weight_bytes / bytes : 1;
    m->dense_bytes *= factor, m->expert_bytes *= factor, m->dense_read *= factor;
    return CADRE_OK;
}

int layouts_by_cost(
    const comm *c, const model_config *config, const layout_work *work, rank_layout *best, int most)
{
    choice_list list = { .count = 0 };
    layouts_visit(c->size, count_layout, &list.room);
    list.choice = MEM_ARRAY(choice, list.room);
    if (list.choice && describe(&list, c, config, work) == CADRE_OK) {
        layouts_visit(c->size, add_layout, &list);
        qsort(list.choice, (size_t)list.count, sizeof *list.choice, compare);
    }
    int count = list.count < most ? list.count : most;
    for (int i = 0; i < count; i++) best[i] = list.choice[i].layout;
    mem_free(list.choice);
    return count;
}

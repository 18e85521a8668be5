/* shuffled_domains.c - the mutual information of expert and shuffled domain. */
#include "infer/shuffled_domains.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "moe/metrics.h"

typedef struct segment_list {
    int64_t count;
    const int32_t **part; /* [count] of [S, E] */
    int32_t *label;       /* [count] domains, which are shuffled */
    int64_t *table;       /* [domains, E of the layer] */
} segment_list;

static bool gather(const route_census *const *domain, int domains, segment_list *l)
{
    const census_form *f = domain[0]->form;
    for (int d = 0; d < domains; d++) l->count += domain[d]->segments;
    l->part = MEM_ARRAY(const int32_t *, l->count);
    l->label = MEM_ARRAY(int32_t, l->count);
    l->table = MEM_ARRAY(int64_t, domains * f->experts);
    if (!l->part || !l->label || !l->table) return false;
    for (int64_t d = 0, n = 0; d < domains; d++)
        for (int64_t i = 0; i < domain[d]->segments; i++, n++) {
            l->part[n] = domain[d]->part + i * f->layers * f->experts;
            l->label[n] = (int32_t)d;
        }
    return true;
}

/* The shuffle of Fisher and Yates, in which every order of the labels is equally likely. */
static void shuffle(segment_list *l, int round)
{
    random_key key = random_key_of(1, "shuffled domains", (uint64_t)round, 0);
    for (int64_t i = l->count - 1; i > 0; i--) {
        int64_t j = (int64_t)(random_uniform(key, (uint64_t)i) * (double)(i + 1));
        int32_t label = l->label[i];
        l->label[i] = l->label[j];
        l->label[j] = label;
    }
}

static double shared_bits(const segment_list *l, int64_t offset, int domains, int32_t experts)
{
    memset(l->table, 0, (size_t)domains * (size_t)experts * sizeof *l->table);
    for (int64_t i = 0; i < l->count; i++)
        for (int32_t e = 0; e < experts; e++)
            l->table[(int64_t)l->label[i] * experts + e] += l->part[i][offset + e];
    return metrics_mutual_information(l->table, domains, experts) / log(2);
}

static void measure_round(segment_list *l, const census_form *f, int domains, shuffled_bits *sum)
{
    for (int64_t layer = 0, s = 0; layer < f->config->layers; layer++) {
        if (!f->config->layer[layer].sparse) continue;
        double bits =
            shared_bits(l, s * f->experts, domains, (int32_t)f->config->layer[layer].moe.experts);
        sum[s].mean += bits;
        sum[s].deviation += bits * bits;
        s++;
    }
}

cadre_status shuffled_domains(const route_census *const *domain, int domains, shuffled_bits *bits)
{
    const census_form *f = domain[0]->form;
    segment_list l = { 0 };
    cadre_status status = gather(domain, domains, &l) ? CADRE_OK : CADRE_ENOMEM;
    memset(bits, 0, (size_t)f->layers * sizeof *bits);
    for (int round = 0; status == CADRE_OK && round < SHUFFLED_ROUNDS; round++) {
        if (cadre_interrupted())
            status = cadre_fail(CADRE_EINTERRUPTED, NULL, "stopped on request");
        shuffle(&l, round);
        measure_round(&l, f, domains, bits);
    }
    for (int64_t s = 0; s < f->layers; s++) {
        bits[s].mean /= SHUFFLED_ROUNDS;
        double spread = bits[s].deviation / SHUFFLED_ROUNDS - bits[s].mean * bits[s].mean;
        bits[s].deviation = sqrt(fmax(spread, 0));
    }
    mem_free(l.part);
    mem_free(l.label);
    mem_free(l.table);
    return status;
}

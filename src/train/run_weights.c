/* run_weights.c - --weights: the share of a run's rows that each domain of its texts has. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/run.h"

/* Gives each domain as many of every BATCHES_MIX rows as its share says, and at least one; the
 * largest share gets what rounding leaves. */
static void divide_rows(train_run *r, const double *share, double sum)
{
    int64_t left = BATCHES_MIX;
    int largest = 0;
    for (int i = 0; i < r->corpus->count; i++) {
        int64_t rows = (int64_t)(share[i] / sum * BATCHES_MIX + 0.5);
        r->runs[i].weight = share[i] > 0 && rows < 1 ? 1 : rows;
        left -= r->runs[i].weight;
        if (share[i] > share[largest]) largest = i;
    }
    r->runs[largest].weight += left;
}

/* The domain named in "NAME=X", and in *value where X begins; -1: there is no domain of that
 * name */
static int domain_named(const corpus *c, const char *text, const char **value)
{
    const char *equals = strchr(text, '=');
    for (int i = 0; equals && i < c->count; i++)
        if (strlen(c->domains[i].name) == (size_t)(equals - text) &&
            !strncmp(c->domains[i].name, text, (size_t)(equals - text))) {
            *value = equals + 1;
            return i;
        }
    return -1;
}

static cadre_status read_weights(const train_run *r, const char *text, double *share)
{
    const corpus *c = r->corpus;
    for (int i = 0; i < c->count; i++) share[i] = -1;
    for (const char *at = text, *value; *at; at += strcspn(at, ","), at += *at == ',') {
        int i = domain_named(c, at, &value);
        char *end;
        double x = i < 0 ? -1 : strtod(value, &end);
        if (i < 0 || !(x >= 0 && x <= 1e9) || end == value || (*end && *end != ',') ||
            share[i] >= 0)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--weights: expected NAME=X for each domain once, X of 0 to 1e9, found \"%.*s\"",
                (int)strcspn(at, ","), at);
        share[i] = x;
    }
    for (int i = 0; i < c->count; i++)
        if (share[i] < 0)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--weights: expected a weight for each domain, found none for \"%s\"",
                c->domains[i].name);
    return CADRE_OK;
}

cadre_status train_weights_take(train_run *r)
{
    const char *text = options_text_or(r->options, "weights", NULL);
    double sum = 0;
    if (!text) return CADRE_OK;
    double *share = MEM_ARRAY(double, r->corpus->count);
    cadre_status status = share ? read_weights(r, text, share) : CADRE_ENOMEM;
    for (int i = 0; status == CADRE_OK && i < r->corpus->count; i++) sum += share[i];
    if (status == CADRE_OK && sum <= 0)
        status = cadre_fail(CADRE_EARGUMENT, NULL, "--weights: expected one above 0, found none");
    if (status == CADRE_OK) divide_rows(r, share, sum);
    mem_free(share);
    return status;
}

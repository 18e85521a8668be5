/* references.c - compares routers, losses and activations with numbers that were computed in double
 * precision. */
#include <math.h>
#include <stdio.h>

#include "moe/balance.h"
#include "moe/select.h"
#include "verify/verify.h"

enum { EXPERTS = 8, MOST_PICKS = 4 };

static const real logits[EXPERTS] = { REAL_C(1.0), REAL_C(-.5), REAL_C(2.0), REAL_C(.3),
    REAL_C(-1.2), REAL_C(.8), REAL_C(1.5), REAL_C(-.1) };
static const real correction[EXPERTS] = { REAL_C(0.0), REAL_C(.3), REAL_C(-.2), REAL_C(.05),
    REAL_C(.1), REAL_C(0.0), REAL_C(-.4), REAL_C(.2) };

typedef struct router_case {
    const char *router;
    int picks, groups, groups_used;
    double scale, top_p;
    bool biased;
    int expected; /* picks that must be there */
    int ids[MOST_PICKS];
    double weights[MOST_PICKS];
} router_case;

/* Writes "experts 2 6, weights 0.370 0.224", to as many digits as docs/learn has. */
static void print_picks(char *text, size_t size, int count, const gexp *pick, const real *weights)
{
    int used = snprintf(text, size, "experts");
    for (int k = 0; k < count; k++)
        used += snprintf(text + used, size - (size_t)used, " %d", pick[k].id);
    used += snprintf(text + used, size - (size_t)used, ", weights");
    for (int k = 0; k < count; k++)
        used += snprintf(text + used, size - (size_t)used, " %.3f", (double)weights[k]);
}

static bool compare_picks(
    verify_run *run, const router_case *c, int count, const gexp *pick, const real *weights)
{
    char found[VERIFY_DETAIL / 2];
    double worst = 0;
    print_picks(found, sizeof found, count, pick, weights);
    if (count != c->expected)
        return verify_say(run, false, "%s: expected %d picks", found, c->expected);
    for (int k = 0; k < count; k++) {
        if (pick[k].id != c->ids[k])
            return verify_say(run, false, "%s: pick %d was to be expert %d", found, k, c->ids[k]);
        worst = fmax(worst, fabs((double)weights[k] - c->weights[k]));
    }
    return verify_say(run, worst < 5e-6, "%s, within %.1e", found, worst);
}

/* Routes the logits and compares picks and weights with the expected ones. */
static bool check_router(verify_run *run, const router_case *c)
{
    const router *r = router_by_name(c->router);
    router_options o;
    real score[EXPERTS], key[EXPERTS], given[MOST_PICKS] = { 0 }, lse;
    gexp pick[MOST_PICKS];
    router_defaults(r, c->picks, &o);
    if (c->groups) o.groups = c->groups, o.groups_used = c->groups_used;
    if (c->scale > 0) o.scale = (real)c->scale;
    if (c->top_p > 0) o.top_p = (real)c->top_p;
    router_token t = { .options = &o,
        .rows = run->portable->variant->rows,
        .experts = EXPERTS,
        .logits = logits,
        .score = score,
        .lse = &lse,
        .correction = c->biased ? correction : NULL,
        .key = key,
        .expert = pick,
        .count = c->picks,
        .weight = given };
    r->score(&t);
    select_topk(EXPERTS, key, c->picks, pick);
    if (r->truncate) t.count = r->truncate(&t);
    r->weigh(&t);
    return compare_picks(run, c, t.count, pick, given);
}

#define ROUTER_CHECK(name_, ...)                                                                   \
    static bool name_(verify_run *run)                                                             \
    {                                                                                              \
        static const router_case c = { __VA_ARGS__ };                                              \
        return check_router(run, &c);                                                              \
    }

ROUTER_CHECK(softmax, "softmax", 2, .expected = 2, .ids = { 2, 6 }, .weights = { .369878, .224343 })
ROUTER_CHECK(softmax_renorm, "softmax-renorm", 2, .expected = 2, .ids = { 2, 6 },
    .weights = { .622459, .377541 })
ROUTER_CHECK(topk_softmax, "topk-softmax", 2, .expected = 2, .ids = { 2, 6 },
    .weights = { .622459, .377541 })
ROUTER_CHECK(sigmoid_bias, "sigmoid-bias", 3, .scale = 2.5, .biased = true, .expected = 3,
    .ids = { 0, 5, 2 }, .weights = { .793997, .749376, .956627 })
ROUTER_CHECK(sigmoid_groups, "sigmoid-bias", 3, .groups = 4, .groups_used = 2, .scale = 2.5,
    .biased = true, .expected = 3, .ids = { 0, 2, 1 }, .weights = { .918694, 1.106865, .474441 })
ROUTER_CHECK(softmax_groups, "softmax", 3, .groups = 4, .groups_used = 2, .scale = 16,
    .expected = 3, .ids = { 2, 6, 3 }, .weights = { 5.918054, 3.589481, 1.081131 })
ROUTER_CHECK(sqrtsoftplus_bias, "sqrtsoftplus-bias", 3, .scale = 1.5, .biased = true, .expected = 3,
    .ids = { 2, 0, 5 }, .weights = { .593400, .466280, .440320 })
ROUTER_CHECK(top_p, "top-p", 4, .top_p = .6, .expected = 3, .ids = { 2, 6, 0 },
    .weights = { .369878, .224343, .136071 })

/* ---- balancing losses on a batch of four tokens, four experts, two picks ---- */

static bool check_loss(verify_run *run, const char *name, bool summed, double expected)
{
    static const double count[] = { 3, 2, 1, 2 }, first[] = { 2, 1, 0, 1 },
                        mean[] = { .404561, .233332, .127326, .234781 };
    static const double importance[] = { 1.799806, 1.045728, .154465, 1 }, load[4] = { 0 },
                        sent[1] = { 4 };
    double derivatives[12] = { 0 };
    balance_gradient d = { derivatives, derivatives + 4, derivatives + 8, 0 };
    balance_set set = { .experts = 4,
        .tokens = 4,
        .count_tokens = 4,
        .count = count,
        .first = first,
        .probability = mean,
        .importance = importance,
        .load = load,
        .summed = summed,
        .devices = 1,
        .devices_used = 1,
        .sent = sent };
    double value = balance_loss_by_name(name)->value(&set, 1, &d);
    return verify_say(run, fabs(value - expected) < 1e-5, "%.6f, expected %.6f", value, expected);
}

static bool loss_load(verify_run *run) { return check_loss(run, "load", false, 1.138617); }
static bool loss_pooled(verify_run *run) { return check_loss(run, "load", true, 2.277235); }
static bool loss_first_choice(verify_run *run)
{
    return check_loss(run, "first-choice", false, 1.277235);
}

static bool gptoss(verify_run *run)
{
    static const real gate[] = { 1, 8, -2, 12 }, up[] = { REAL_C(.5), -9, 3, 11 };
    static const double expected[] = { 1.268694, -41.999719, -.257366, 55.999625 };
    const row_kernels *rows = run->portable->variant->rows;
    real out[4];
    double worst = 0;
    row_activation_by_name(rows, "gpt-oss")->forward(4, gate, up, 7, out);
    for (int i = 0; i < 4; i++) worst = fmax(worst, fabs((double)out[i] - expected[i]));
    return verify_say(run, worst < 1e-4, "within %.1e", worst);
}

static const verify_check checks[] = {
    { "router softmax", softmax },
    { "router softmax-renorm", softmax_renorm },
    { "router topk-softmax", topk_softmax },
    { "router sigmoid-bias", sigmoid_bias },
    { "router sigmoid-bias in groups", sigmoid_groups },
    { "router softmax in groups", softmax_groups },
    { "router sqrtsoftplus-bias", sqrtsoftplus_bias },
    { "router top-p", top_p },
    { "loss load", loss_load },
    { "loss load, transformers' form", loss_pooled },
    { "loss first-choice", loss_first_choice },
    { "activation gpt-oss", gptoss },
};

const verify_group verify_references = { "reference", checks, sizeof checks / sizeof *checks };

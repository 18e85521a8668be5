/* merge.c - makes one sparse model of dense ones that were trained apart (Branch-Train-MiX,
 * Sukhbaatar et al. 2024, arXiv 2403.07816): the feed-forward of model i becomes expert i of every
 * sparse layer, all other parameters become the mean of the models, and the router is new and must
 * be trained. */
#include <string.h>

#include "arch/architecture.h"
#include "base/memory.h"
#include "base/options.h"
#include "grow/derivation.h"
#include "grow/growth.h"
#include "grow/sparsify.h"
#include "kernel/context.h"

typedef struct merging {
    model_input *dense; /* [count] owned; the first is the base */
    int64_t count;
    model_config config; /* of the sparse model */
    bool average;        /* parameters of no expert become the mean; otherwise the base's */
    new_router router;
} merging;

/* ---- the models ---- */

static bool same_tokenizer(const model_input *a, const model_input *b)
{
    const byte_buffer *x = &a->tokenizer_json, *y = &b->tokenizer_json;
    if (!x->size || !y->size) return true; /* the vocabulary of a GGUF, or no tokenizer */
    return x->size == y->size && !memcmp(x->data, y->data, x->size);
}

static cadre_status open_model(merging *m, const growth_run *run, const char *path)
{
    model_input *in = &m->dense[m->count++];
    CADRE_TRY(model_input_open(path, path_is_gguf(run->out), in));
    CADRE_TRY(sparsify_check_dense(&in->config, path));
    const char *other = model_config_difference(&m->dense[0].config, &in->config);
    if (other)
        return cadre_fail(CADRE_EMISMATCH, path,
            "expected a model of the same numbers as %s, found one that differs in %s", run->path,
            other);
    if (!same_tokenizer(&m->dense[0], in))
        return cadre_fail(CADRE_EMISMATCH, path,
            "expected the tokenizer of %s, found another, to which ids mean other text", run->path);
    return CADRE_OK;
}

static cadre_status open_models(
    merging *m, const growth_run *run, const char *const *paths, int64_t count)
{
    if (!(m->dense = MEM_ARRAY(model_input, count))) return CADRE_ENOMEM;
    for (int64_t i = 0; i < count; i++) CADRE_TRY(open_model(m, run, paths[i]));
    return CADRE_OK;
}

static cadre_status choose(merging *m, const growth_run *run)
{
    enum { PICKS = 2 };
    bool fixed;
    const cadre_options *o = run->options;
    const model_config *base = &m->dense[0].config;
    const sparse_form form = { .experts = m->count,
        .topk = options_int_or(o, "topk", PICKS),
        .width = base->dense_width,
        .every = cadre_options_int(o, "every", 0),
        .router = router_by_name(cadre_options_text(o, "router", 0)) };
    m->average = !strcmp(cadre_options_text(o, "rest", 0), "average");
    m->router = (new_router){ .deviation = cadre_options_real(o, "router-init"),
        .alike = 1,
        .seed = (uint64_t)cadre_options_int(o, "seed", 0) };
    CADRE_TRY(model_config_copy(base, &m->config));
    CADRE_TRY(sparsify(&form, run->path, &m->config));
    CADRE_TRY(new_router_fit(&m->router, &m->config, &fixed));
    return sparsify_choose_layout(run->path, &run->listener, &m->config);
}

/* ---- where parameters come from ---- */

static bool is_scaled(const merging *m, param_role role)
{
    return (role == ROLE_EXPERT_DOWN || role == ROLE_EXPERT_DOWN_BIAS) && m->router.sum != 1;
}

static void origin_of(void *arg, const param *p, origin *o)
{
    const merging *m = arg;
    if (sparsify_is_router(p->role)) {
        o->made = true;
        o->input = -1;
    } else if (param_is_expert(p->role)) {
        o->made = is_scaled(m, p->role);
        o->input = p->expert;
        o->from =
            derivation_param(&m->dense[p->expert], sparsify_dense_role(p->role), p->layer, -1);
    } else o->made = m->average;
}

/* ---- parameters that are made ---- */

/* Makes an expert's last matrix, scaled so that weights that do not sum to 1 make no output
 * larger. */
static cadre_status make_scaled(const merging *m, const param *p, real *values)
{
    const model_input *in = &m->dense[p->expert];
    param from = derivation_param(in, sparsify_dense_role(p->role), p->layer, -1);
    CADRE_TRY(derivation_read(in, &from, values));
    for (int64_t i = 0; i < p->rows * p->cols; i++)
        values[i] = (real)((double)values[i] / m->router.sum);
    return CADRE_OK;
}

/* values = the mean. one and sum are scratch for as many values. */
static cadre_status average(const merging *m, const param *p, real *one, double *sum, real *values)
{
    int64_t count = p->rows * p->cols;
    for (int64_t k = 0; k < m->count; k++) {
        CADRE_TRY(derivation_read(&m->dense[k], p, one));
        for (int64_t i = 0; i < count; i++) sum[i] += (double)one[i];
    }
    for (int64_t i = 0; i < count; i++) values[i] = (real)(sum[i] / (double)m->count);
    return CADRE_OK;
}

static cadre_status make(void *arg, const param *p, real *values)
{
    const merging *m = arg;
    if (sparsify_is_router(p->role)) {
        new_router_make(&m->router, p, values);
        return CADRE_OK;
    }
    if (param_is_expert(p->role)) return make_scaled(m, p, values);
    param of = derivation_param(&m->dense[0], p->role, p->layer, -1);
    real *one = MEM_ARRAY(real, p->rows * p->cols);
    double *sum = MEM_ARRAY(double, p->rows * p->cols);
    cadre_status status = one && sum ? average(m, &of, one, sum, values) : CADRE_ENOMEM;
    mem_free(one);
    mem_free(sum);
    return status;
}

/* ---- the whole model ---- */

static cadre_status write_merged(
    merging *m, const growth_run *run, const char *const *paths, int64_t count)
{
    CADRE_TRY(open_models(m, run, paths, count));
    CADRE_TRY(choose(m, run));
    const derivation d = { .config = &m->config,
        .inputs = m->dense,
        .count = (int32_t)m->count,
        .origin = origin_of,
        .make = make,
        .arg = m };
    return derivation_write(run->context->compute, &d, run->out, &run->listener);
}

static cadre_status merge(growth_run *run, const char *const *paths, int64_t count,
    const cadre_output_listener *listener, cadre_growth *growth)
{
    merging m = { 0 };
    cadre_status status = growth_begin(run, listener, growth);
    if (status == CADRE_OK) status = write_merged(&m, run, paths, count);
    for (int64_t i = 0; i < m.count; i++) model_input_close(&m.dense[i]);
    mem_free(m.dense);
    model_config_free(&m.config);
    if (status == CADRE_OK) status = growth_end(run, growth);
    growth_close(run);
    return status;
}

cadre_status cadre_merge(cadre_context *context, const char *const *models, int32_t count,
    const char *out, const cadre_options *options, const cadre_output_listener *listener,
    cadre_growth *growth)
{
    if (count < 2 || count > CONFIG_MAX_EXPERTS)
        return cadre_fail(CADRE_EARGUMENT, NULL, "expected 2 to %d models to merge, found %d",
            CONFIG_MAX_EXPERTS, (int)count);
    growth_run run = { .context = context, .path = models[0], .out = out, .options = options };
    CADRE_TRY(context_enter(context));
    return context_leave(context, merge(&run, models, count, listener, growth));
}

/* layer_case_input.c - reads a case of a sparse layer: the shapes of its tensors say how large the
 * layer is, and what is not there was not asked for. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "moe/layer_case.h"

const char *const layer_case_draws[CASE_DRAWS] = { "draws.normal", "draws.inner", "draws.gumbel",
    "draws.uniform", "draws.logistic" };

bool layer_case_has(const layer_case *c, const char *name)
{
    return safetensors_find(c->file, name) != NULL;
}

int64_t layer_case_elements(int rank, const int64_t *shape)
{
    int64_t elements = 1;
    for (int i = 0; i < rank; i++) elements *= shape[i];
    return elements;
}

/* The dimensions of a tensor of float32 of the given rank. */
static cadre_status shape_of(const layer_case *c, const char *name, int rank, int64_t *shape)
{
    const safetensors_tensor *t;
    for (int i = 0; i < rank; i++) shape[i] = -1;
    CADRE_TRY(safetensors_get_as(c->file, name, "F32", rank, shape, &t));
    for (int i = 0; i < rank; i++) {
        shape[i] = t->shape[i];
        if (shape[i] < 1)
            return cadre_fail(CADRE_EFORMAT, c->path,
                "tensor '%s': expected at least one element along each dimension, found none",
                name);
    }
    return CADRE_OK;
}

void layer_case_copy_floats(
    const safetensors_tensor *t, int64_t from, int64_t count, cadre_real *out)
{
    for (int64_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, t->data + (from + i) * (int64_t)sizeof value, sizeof value);
        out[i] = (cadre_real)value;
    }
}

cadre_status layer_case_read_floats(
    const layer_case *c, const char *name, int rank, const int64_t *shape, cadre_real **out)
{
    const safetensors_tensor *t;
    CADRE_TRY(safetensors_get_as(c->file, name, "F32", rank, shape, &t));
    *out = MEM_ARRAY(cadre_real, t->elements);
    if (!*out) return CADRE_ENOMEM;
    layer_case_copy_floats(t, 0, t->elements, *out);
    return CADRE_OK;
}

/* I32 [B, S] */
static cadre_status read_integers(const layer_case *c, const char *name, int32_t **out)
{
    const safetensors_tensor *t;
    const int64_t shape[] = { c->sequences, c->length };
    if (!layer_case_has(c, name)) return CADRE_OK;
    CADRE_TRY(safetensors_get_as(c->file, name, "I32", 2, shape, &t));
    *out = MEM_ARRAY(int32_t, c->tokens);
    if (!*out) return CADRE_ENOMEM;
    memcpy(*out, t->data, (size_t)c->tokens * sizeof **out);
    return CADRE_OK;
}

static cadre_status read_valid(layer_case *c)
{
    int32_t *given = NULL;
    CADRE_TRY(read_integers(c, "valid", &given));
    if (!given) return CADRE_OK;
    c->valid = MEM_ARRAY(bool, c->tokens);
    cadre_status status = c->valid ? CADRE_OK : CADRE_ENOMEM;
    for (int64_t i = 0; status == CADRE_OK && i < c->tokens; i++) {
        if (given[i] != 0 && given[i] != 1)
            status = cadre_fail(CADRE_EFORMAT, c->path,
                "tensor 'valid': expected 0 or 1, found %d at token %lld", given[i], (long long)i);
        c->valid[i] = given[i];
    }
    mem_free(given);
    return status;
}

/* ---- how large the layer is ---- */

/* The names of banks, "text=8,image=4": the layer checks the rest. */
static void read_bank_names(layer_case *c)
{
    if (!cadre_options_count(c->options, "banks")) return;
    snprintf(c->bank_names, sizeof c->bank_names, "%s", cadre_options_text(c->options, "banks", 0));
    for (char *at = c->bank_names; *at && c->banks < CASE_BANKS;) {
        size_t name = strcspn(at, "=,"), item = strcspn(at, ",");
        bool more = at[item];
        at[name] = '\0';
        c->bank[c->banks++] = at;
        at += item + more;
    }
}

/* Experts and their hidden width: of the tensors experts.gate [E, H, D], bank after bank. */
static cadre_status read_experts(layer_case *c, int64_t *experts, int64_t *hidden)
{
    int64_t shape[3];
    char name[CASE_NAME];
    *experts = 0;
    for (int i = 0; i < (c->banks ? c->banks : 1); i++) {
        snprintf(
            name, sizeof name, "%s%sexperts.gate", c->banks ? c->bank[i] : "", c->banks ? "." : "");
        CADRE_TRY(shape_of(c, name, 3, shape));
        c->bank_hidden[i] = shape[1];
        *experts += shape[0];
    }
    *hidden = c->bank_hidden[0];
    static const char *const without[] = { "constant-experts", "copy-experts", "zero-experts" };
    for (int i = 0; i < 3; i++)
        if (cadre_options_count(c->options, without[i]))
            *experts += cadre_options_int(c->options, without[i], 0);
    if (*experts <= ROUTER_MAX_EXPERTS) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, c->path,
        "tensor 'experts.gate': expected at most %d experts, found %lld", ROUTER_MAX_EXPERTS,
        (long long)*experts);
}

/* The size along one dimension of a tensor that may be there; 0: it is not. */
static cadre_status size_of(
    const layer_case *c, const char *name, int rank, int along, int64_t *size)
{
    int64_t shape[CASE_RANK];
    *size = 0;
    if (!layer_case_has(c, name)) return CADRE_OK;
    CADRE_TRY(shape_of(c, name, rank, shape));
    *size = shape[along];
    return CADRE_OK;
}

/* router.table I32 [V, K], of a router that reads ids, and router.experts [E, P] of one that takes
 * angles in a space of P say how large these are. */
static cadre_status read_router_sizes(const layer_case *c, cadre_moe_shape *s)
{
    const router *r = router_by_name(s->router);
    const bool wanted[] = { r->traits & ROUTER_READS_IDS, router_understands(r, "projector") };
    static const char *const names[] = { "router.table", "router.experts" };
    int64_t shape[] = { -1, -1 };
    const safetensors_tensor *t;
    for (int i = 0; i < 2; i++)
        if (wanted[i] && !layer_case_has(c, names[i]))
            return cadre_fail(CADRE_EFORMAT, c->path, "expected a tensor %s, found none", names[i]);
    if (wanted[0]) {
        CADRE_TRY(safetensors_get_as(c->file, "router.table", "I32", 2, shape, &t));
        s->vocabulary = t->shape[0];
    }
    return wanted[1] ? size_of(c, "router.experts", 2, 1, &s->projector) : CADRE_OK;
}

static cadre_status read_option_sizes(layer_case *c, cadre_moe_shape *s)
{
    if (s->shared_gated && !layer_case_has(c, "shared.gate"))
        return cadre_fail(CADRE_EFORMAT, c->path,
            "expected a tensor shared.gate, whose expert shared.weight is for, found none");
    CADRE_TRY(size_of(c, "shared.gate", 2, 0, &s->shared));
    CADRE_TRY(size_of(c, "latent.down", 2, 0, &s->latent));
    CADRE_TRY(size_of(c, "residual.gate", 2, 0, &s->residual));
    return read_router_sizes(c, s);
}

/* x [B, S, D] says how many tokens there are, the matrices how large the layer is. */
cadre_status layer_case_read_shape(layer_case *c)
{
    int64_t x[3], experts, hidden;
    CADRE_TRY(shape_of(c, "x", 3, x));
    read_bank_names(c);
    CADRE_TRY(read_experts(c, &experts, &hidden));
    if (x[0] > INT32_MAX || x[1] > INT32_MAX || x[0] * x[1] > INT32_MAX)
        return cadre_fail(
            CADRE_EFORMAT, c->path, "tensor 'x': expected at most %d tokens", INT32_MAX);
    if (cadre_options_count(c->options, "experts") &&
        cadre_options_int(c->options, "experts", 0) != experts)
        return cadre_fail(CADRE_EARGUMENT, c->path,
            "experts: expected %lld, as the file has, found %lld", (long long)experts,
            (long long)cadre_options_int(c->options, "experts", 0));
    c->sequences = x[0], c->length = x[1], c->tokens = x[0] * x[1], c->width = x[2];
    c->tasks =
        cadre_options_count(c->options, "tasks") ? cadre_options_int(c->options, "tasks", 0) : 1;
    c->shape = (cadre_moe_shape){ .size = sizeof c->shape,
        .width = c->width,
        .hidden = hidden,
        .experts = (int32_t)experts,
        .topk = (int32_t)cadre_options_int(c->options, "topk", 0),
        .shared_gated = layer_case_has(c, "shared.weight"),
        .router_bias = layer_case_has(c, "router.bias"),
        .residual_logits = layer_case_has(c, "router.residual"),
        .router = cadre_options_text(c->options, "router", 0),
        .form = cadre_options_text(c->options, "expert-form", 0),
        .tokens = c->tokens,
        .sequences = c->sequences,
        .bank_hidden = c->bank_hidden };
    return read_option_sizes(c, &c->shape);
}

/* ---- the batch ---- */

/* What the file does not give is 0: nothing is random here. */
static cadre_status read_draws(layer_case *c)
{
    const int64_t experts = c->shape.experts, picks = c->shape.topk;
    const int64_t groups =
        cadre_options_count(c->options, "groups") ? cadre_options_int(c->options, "groups", 0) : 1;
    bool two_levels = router_by_name(c->shape.router)->traits & ROUTER_HIERARCHY;
    const struct {
        int rank;
        int64_t shape[3];
    } as[CASE_DRAWS] = { { 2, { c->tokens, two_levels ? groups : experts } },
        { 3, { c->tokens, groups, experts / groups } },
        { picks > 1 ? 3 : 2,
            { picks > 1 ? picks : c->tokens, picks > 1 ? c->tokens : experts, experts } },
        { picks > 1 ? 2 : 1, { picks > 1 ? picks : c->tokens, c->tokens } },
        { 2, { c->tokens, experts } } };
    for (int i = 0; i < CASE_DRAWS; i++) {
        if (layer_case_has(c, layer_case_draws[i]))
            CADRE_TRY(layer_case_read_floats(
                c, layer_case_draws[i], as[i].rank, as[i].shape, &c->draw[i]));
        else if (!(c->draw[i] =
                         MEM_ARRAY(cadre_real, layer_case_elements(as[i].rank, as[i].shape))))
            return CADRE_ENOMEM;
    }
    return CADRE_OK;
}

/* What an option or another tensor makes no sense without. */
static cadre_status check_companions(const layer_case *c)
{
    bool types = c->banks || (cadre_options_count(c->options, "types") &&
                                 *cadre_options_text(c->options, "types", 0));
    if (types && !layer_case_has(c, "types"))
        return cadre_fail(CADRE_EFORMAT, c->path,
            "expected a tensor types, for the options name types of tokens, found none");
    const router *r = router_by_name(c->shape.router);
    if (r->traits & ROUTER_READS_IDS && !layer_case_has(c, "ids"))
        return cadre_fail(CADRE_EFORMAT, c->path,
            "expected a tensor ids, by which router %s chooses, found none", r->name);
    bool logits = layer_case_has(c, "residual_logits"), by = layer_case_has(c, "router.residual");
    if (logits && !by)
        return cadre_fail(CADRE_EFORMAT, c->path,
            "expected a tensor router.residual, which residual_logits are multiplied with, found "
            "none");
    if (by && !logits)
        return cadre_fail(CADRE_EFORMAT, c->path,
            "expected a tensor residual_logits, which router.residual multiplies, found none");
    return CADRE_OK;
}

cadre_status layer_case_read_batch(layer_case *c)
{
    const int64_t rows_shape[] = { c->sequences, c->length, c->width };
    const int64_t tasks_shape[] = { c->tasks, c->sequences, c->length, c->width };
    const int64_t logits[] = { c->tokens, c->shape.experts };
    CADRE_TRY(check_companions(c));
    CADRE_TRY(layer_case_read_floats(c, "x", 3, rows_shape, &c->x));
    if (c->tasks > 1) CADRE_TRY(layer_case_read_floats(c, "dy", 4, tasks_shape, &c->dy));
    else CADRE_TRY(layer_case_read_floats(c, "dy", 3, rows_shape, &c->dy));
    CADRE_TRY(read_valid(c));
    CADRE_TRY(read_integers(c, "ids", &c->ids));
    CADRE_TRY(read_integers(c, "types", &c->types));
    CADRE_TRY(read_draws(c));
    if (layer_case_has(c, "residual_logits")) {
        CADRE_TRY(layer_case_read_floats(c, "residual_logits", 2, logits, &c->before));
        c->dbefore = MEM_ARRAY(cadre_real, logits[0] * logits[1]);
        if (!c->dbefore) return CADRE_ENOMEM;
    }
    c->start = MEM_ARRAY(int64_t, c->sequences + 1);
    c->y = MEM_ARRAY(cadre_real, c->tasks * c->tokens * c->width);
    c->dx = MEM_ARRAY(cadre_real, c->tokens * c->width);
    if (!c->start || !c->y || !c->dx) return CADRE_ENOMEM;
    for (int64_t s = 0; s <= c->sequences; s++) c->start[s] = s * c->length;
    return CADRE_OK;
}

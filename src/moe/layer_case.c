/* layer_case.c - one sparse layer with given inputs and weights: it reads a file of tensors and
 * writes the same layer's output, routes, losses and gradients. They can be compared, element by
 * element, with what other software computed.
 *
 * It is a client of the public layer (cadre_moe_*): the file's shapes say how large the layer is,
 * and its tensors fill the parameters of the same names, experts one behind the other. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "moe/balance.h"
#include "moe/layer_case.h"

static const cadre_option rows[] = {
    { .name = "router",
        .kind = CADRE_OPTION_CHOICE,
        .choice = router_list_name,
        .meaning = router_list_meaning,
        .fallback = "softmax",
        .value = "NAME",
        .subject = "Layer",
        .help = "how scores become chosen experts and weights" },
    { .name = "topk",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = ROUTER_MAX_EXPERTS,
        .fallback = "1",
        .subject = "Layer",
        .help = "experts chosen for a token" },
    { .name = "expert-form",
        .kind = CADRE_OPTION_CHOICE,
        .choices = OPTION_CHOICES("relu", "gelu", "geglu", "swiglu", "gpt-oss"),
        .fallback = "swiglu",
        .value = "NAME",
        .subject = "Layer",
        .help = "activation of an expert's hidden layer" },
    { .name = "losses",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME=C,...",
        .subject = "Layer",
        .help = "balancing losses over all tokens, each with its coefficient; z is the mean "
                "squared log-sum-exp of the router's logits" },
    { .name = "experts",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = ROUTER_MAX_EXPERTS,
        .subject = "Layer",
        .help = "number of experts, where no tensor of the file says it" },
    { .name = "training",
        .kind = CADRE_OPTION_FLAG,
        .fallback = "true",
        .subject = "Layer",
        .help = "compute as in training: with random numbers, capacity, and what a router does in "
                "training alone" },
};

cadre_option_table cadre_layer_options(void) { return OPTION_TABLE(rows); }

static void case_close(layer_case *c)
{
    for (int i = 0; i < c->outputs; i++) mem_free(c->output[i].data);
    cadre_moe_free(c->moe);
    safetensors_close(c->file);
    for (int i = 0; i < CASE_DRAWS; i++) mem_free(c->draw[i]);
    mem_free(c->start), mem_free(c->valid), mem_free(c->ids), mem_free(c->types);
    mem_free(c->before), mem_free(c->dbefore);
    mem_free(c->x), mem_free(c->y), mem_free(c->dy), mem_free(c->dx);
}

/* ---- parameters: [rows, cols] of one expert are a slice of [E, rows, cols] ---- */

static int tensor_shape(const cadre_moe_parameter *p, int64_t *shape)
{
    int rank = 0;
    if (p->expert >= 0) shape[rank++] = p->experts;
    if (p->rank > 2) shape[rank++] = p->slices;
    if (p->rank > 1) shape[rank++] = p->rank > 2 ? p->rows / p->slices : p->rows;
    shape[rank++] = p->cols;
    return rank;
}

static void copy_integers(const safetensors_tensor *t, cadre_real *out)
{
    for (int64_t i = 0; i < t->elements; i++) {
        int32_t value;
        memcpy(&value, t->data + i * (int64_t)sizeof value, sizeof value);
        out[i] = (cadre_real)value;
    }
}

static cadre_status fill_parameters(const layer_case *c)
{
    for (int64_t i = 0; i < cadre_moe_parameters(c->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(c->moe, i);
        const safetensors_tensor *t;
        int64_t shape[CASE_RANK], count = p.rows * p.cols;
        int rank = tensor_shape(&p, shape);
        if (!p.gradient && !layer_case_has(c, p.name)) continue; /* a state as it starts */
        const char *dtype = p.integers ? "I32" : "F32";
        CADRE_TRY(safetensors_get_as(c->file, p.name, dtype, rank, shape, &t));
        if (p.integers) copy_integers(t, p.values);
        else layer_case_copy_floats(t, p.expert >= 0 ? p.expert * count : 0, count, p.values);
    }
    return CADRE_OK;
}

static bool is_read(const layer_case *c, const char *name)
{
    static const char *const others[] = { "x", "dy", "valid", "ids", "types", "residual_logits" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(name, others[i])) return true;
    for (size_t i = 0; i < CASE_DRAWS; i++)
        if (!strcmp(name, layer_case_draws[i])) return true;
    for (int64_t i = 0; i < cadre_moe_parameters(c->moe); i++)
        if (!strcmp(cadre_moe_parameter_at(c->moe, i).name, name)) return true;
    return false;
}

/* A tensor that nothing reads belongs to another layer than this one. */
static cadre_status check_names(const layer_case *c)
{
    for (size_t i = 0; i < safetensors_count(c->file); i++) {
        const char *name = safetensors_at(c->file, i)->name;
        if (!is_read(c, name))
            return cadre_fail(CADRE_EUNSUPPORTED, c->path,
                "tensor '%s': a layer with router %s and these options reads no such tensor", name,
                c->shape.router);
    }
    return CADRE_OK;
}

/* ---- the layer runs ---- */

static cadre_status run_layer(layer_case *c)
{
    int64_t valid = 0;
    for (int64_t t = 0; t < c->tokens; t++) valid += !c->valid || c->valid[t];
    cadre_moe_draws draws = { c->draw[0], c->draw[1], c->draw[2], c->draw[3], c->draw[4] };
    cadre_moe_batch batch = { .tokens = c->tokens,
        .sequences = c->sequences,
        .start = c->start,
        .valid = c->valid,
        .train = cadre_options_flag(c->options, "training"),
        .differentiate = true,
        .draws = &draws,
        .ids = c->ids,
        .types = c->types,
        .logits_before = c->before,
        .logits_before_gradient = c->dbefore };
    cadre_moe_step_begin(c->moe, 0, c->sequences, valid);
    CADRE_TRY(cadre_moe_forward(c->moe, &batch, c->x, c->y));
    return cadre_moe_backward(c->moe, c->dy, c->dx);
}

/* ---- what it computed ---- */

/* Room for one more tensor of 4-byte elements, zeroed. */
static void *add_output(
    layer_case *c, const char *name, const char *dtype, int rank, const int64_t *shape)
{
    assert(c->outputs < CASE_OUTPUTS);
    case_output *o = &c->output[c->outputs];
    o->data = mem_alloc((size_t)layer_case_elements(rank, shape), sizeof(float));
    if (!o->data) return NULL;
    c->outputs++;
    snprintf(o->name, sizeof o->name, "%s", name);
    o->dtype = dtype, o->rank = rank;
    memcpy(o->shape, shape, (size_t)rank * sizeof *shape);
    return o->data;
}

static cadre_status add_floats(
    layer_case *c, const char *name, int rank, const int64_t *shape, const cadre_real *values)
{
    int64_t elements = layer_case_elements(rank, shape);
    float *out = add_output(c, name, "F32", rank, shape);
    if (!out) return CADRE_ENOMEM;
    for (int64_t i = 0; i < elements; i++) out[i] = (float)values[i];
    return CADRE_OK;
}

/* Gradients of one expert after the other fill the tensor that they share. */
static cadre_status add_gradients(layer_case *c)
{
    for (int64_t i = 0; i < cadre_moe_parameters(c->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(c->moe, i);
        int64_t shape[CASE_RANK], count = p.rows * p.cols;
        char name[CASE_NAME];
        if (!p.gradient) continue;
        int at = -1, rank = tensor_shape(&p, shape);
        snprintf(name, sizeof name, "grad.%s", p.name);
        for (int k = 0; k < c->outputs; k++)
            if (!strcmp(c->output[k].name, name)) at = k;
        float *out = at >= 0 ? c->output[at].data : add_output(c, name, "F32", rank, shape);
        if (!out) return CADRE_ENOMEM;
        if (p.expert >= 0) out += p.expert * count;
        for (int64_t j = 0; j < count; j++) out[j] = (float)p.gradient[j];
    }
    return CADRE_OK;
}

/* A token's edges that capacity left, by rising expert: insertion into the few before. */
static void put_edge(int32_t *picks, float *weights, int used, int32_t expert, float by)
{
    int at = used;
    for (; at > 0 && picks[at - 1] > expert; at--)
        picks[at] = picks[at - 1], weights[at] = weights[at - 1];
    picks[at] = expert, weights[at] = by;
}

/* P: K, but E where the number varies, and all picks of all groups in a hierarchy. */
static int64_t most_routes(const layer_case *c)
{
    uint32_t traits = router_by_name(c->shape.router)->traits;
    if (traits & ROUTER_HIERARCHY)
        return c->shape.topk * cadre_options_int(c->options, "groups-used", 0);
    return traits & (ROUTER_VARIABLE | ROUTER_EVERY_EXPERT) ? c->shape.experts : c->shape.topk;
}

static cadre_status add_routes(layer_case *c)
{
    cadre_moe_routes routes = cadre_moe_routes_get(c->moe);
    const int64_t most = most_routes(c), shape[] = { c->tokens, most };
    int32_t *picks = add_output(c, "picks", "I32", 2, shape);
    float *weights = add_output(c, "weights", "F32", 2, shape);
    if (!picks || !weights) return CADRE_ENOMEM;
    for (int64_t t = 0; t < c->tokens; t++) {
        int used = 0;
        for (int64_t i = routes.start[t]; i < routes.start[t + 1]; i++)
            if (routes.row[i] >= 0)
                put_edge(picks + t * most, weights + t * most, used++, routes.expert[i],
                    (float)routes.weight[i]);
        for (int64_t k = used; k < most; k++) picks[t * most + k] = -1;
    }
    return CADRE_OK;
}

static cadre_status add_tensors(layer_case *c)
{
    cadre_moe_tensor t;
    for (int i = 0; cadre_moe_tensor_at(c->moe, i, &t); i++) {
        /* A row a token is a row a sequence and place, where slots are told */
        int64_t shape[5] = { c->sequences, c->length };
        bool by_token = t.rank == 3 && t.shape[0] == c->tokens && c->tasks == 1;
        for (int k = 0; k < t.rank; k++) shape[k + by_token] = t.shape[k];
        if (by_token) shape[0] = c->sequences, shape[1] = c->length;
        CADRE_TRY(add_floats(c, t.name, t.rank + by_token, shape, t.values));
    }
    return CADRE_OK;
}

static cadre_status add_losses(layer_case *c, cadre_layer_listener listener, void *arg)
{
    const char *loss;
    cadre_real value;
    double exact;
    for (int i = 0; cadre_moe_loss_at(c->moe, i, &loss, &exact); i++) {
        char name[CASE_NAME];
        snprintf(name, sizeof name, "loss.%s", loss);
        for (int k = 0; k < c->outputs; k++)
            if (!strcmp(c->output[k].name, name))
                return cadre_fail(
                    CADRE_EARGUMENT, NULL, "losses: expected each loss once, found %s twice", loss);
        value = (cadre_real)exact;
        CADRE_TRY(add_floats(c, name, 1, &(int64_t){ 1 }, &value));
        if (listener) listener(arg, loss, exact);
    }
    return CADRE_OK;
}

static cadre_status write_outputs(const layer_case *c, const char *path)
{
    safetensors_writer *w;
    CADRE_TRY(safetensors_writer_open(path, false, &w));
    for (int i = 0; i < c->outputs; i++) {
        const case_output *o = &c->output[i];
        safetensors_writer_declare(w, o->name, o->dtype, o->rank, o->shape);
    }
    for (int i = 0; i < c->outputs; i++) {
        const case_output *o = &c->output[i];
        size_t bytes = (size_t)layer_case_elements(o->rank, o->shape) * sizeof(float);
        safetensors_writer_put(w, o->data, bytes);
    }
    return safetensors_writer_commit(w);
}

static cadre_status case_run(layer_case *c, cadre_context *context, const char *path,
    cadre_layer_listener listener, void *arg)
{
    CADRE_TRY(safetensors_open(path, &c->file));
    CADRE_TRY(layer_case_read_shape(c));
    CADRE_TRY(cadre_moe_new(context, &c->shape, c->options, 0, &c->moe));
    CADRE_TRY(check_names(c));
    CADRE_TRY(fill_parameters(c));
    CADRE_TRY(layer_case_read_batch(c));
    CADRE_TRY(run_layer(c));
    const int64_t shape[] = { c->tasks, c->sequences, c->length, c->width };
    if (c->tasks > 1) CADRE_TRY(add_floats(c, "y", 4, shape, c->y));
    else CADRE_TRY(add_floats(c, "y", 3, shape + 1, c->y));
    CADRE_TRY(add_floats(c, "grad.x", 3, shape + 1, c->dx));
    bool mixes = router_by_name(c->shape.router)->traits & ROUTER_MIXES;
    if (!mixes && c->tasks == 1) CADRE_TRY(add_routes(c));
    CADRE_TRY(add_gradients(c));
    const int64_t logits[] = { c->tokens, c->shape.experts };
    if (c->dbefore) CADRE_TRY(add_floats(c, "grad.residual_logits", 2, logits, c->dbefore));
    CADRE_TRY(cadre_moe_step_end(c->moe));
    CADRE_TRY(add_tensors(c));
    return add_losses(c, listener, arg);
}

cadre_status cadre_layer_run(cadre_context *context, const char *path, const cadre_options *options,
    const char *out, cadre_layer_listener listener, void *arg)
{
    layer_case c = { .path = path, .options = options };
    cadre_status status = case_run(&c, context, path, listener, arg);
    if (status == CADRE_OK) status = write_outputs(&c, out);
    case_close(&c);
    return status;
}

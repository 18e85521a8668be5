/* layer_case.c - one sparse layer on given numbers: a file of tensors in, the same layer's output,
 * routes, losses and gradients out. What other people's software computed can be compared with it,
 * number by number.
 *
 * It is a client of the public layer (cadre_moe_*): the file's shapes say how large the layer is,
 * its tensors fill the parameters of the same names, experts one behind the other. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "format/safetensors.h"
#include "moe/balance.h"
#include "moe/router.h"

enum { MOST_RANK = 4, MOST_OUTPUTS = 64, NAME_SIZE = 64 };

static const char *router_name(int i)
{
    int count;
    const router *const *list = router_list(&count);
    return i < count ? list[i]->name : NULL;
}

static const cadre_option rows[] = {
    { .name = "router",
        .kind = CADRE_OPTION_CHOICE,
        .choice = router_name,
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
        .help = "experts of a token" },
    { .name = "expert-form",
        .kind = CADRE_OPTION_CHOICE,
        .choices = OPTION_CHOICES("relu", "gelu", "geglu", "swiglu", "gpt-oss"),
        .fallback = "swiglu",
        .value = "NAME",
        .subject = "Layer",
        .help = "the activation of the experts' hidden layer" },
    { .name = "losses",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME=C,...",
        .subject = "Layer",
        .help = "balancing losses over all tokens, each with its coefficient; z is the squared "
                "log-sum-exp of the logits" },
};

cadre_option_table cadre_layer_options(void) { return OPTION_TABLE(rows); }

/* ---- what the file holds ---- */

typedef struct output {
    char name[NAME_SIZE];
    const char *dtype;
    int rank;
    int64_t shape[MOST_RANK];
    void *data; /* owned: floats or 32-bit integers */
} output;

typedef struct layer_case {
    const char *path;
    safetensors *file;
    const cadre_options *options;
    cadre_moe *moe;
    cadre_moe_shape shape;
    int64_t sequences, length, tokens, width; /* B, S, T = B S, D */
    int64_t *start;                           /* [B + 1] */
    bool *valid;                              /* [T]; NULL: all are */
    cadre_real *x, *y, *dy, *dx;              /* [T, D] */
    cadre_real *normal;                       /* [T, E]; NULL: not given */
    output output[MOST_OUTPUTS];
    int outputs;
} layer_case;

static void case_close(layer_case *c)
{
    for (int i = 0; i < c->outputs; i++) mem_free(c->output[i].data);
    cadre_moe_free(c->moe);
    safetensors_close(c->file);
    mem_free(c->start), mem_free(c->valid), mem_free(c->normal);
    mem_free(c->x), mem_free(c->y), mem_free(c->dy), mem_free(c->dx);
}

static bool has(const layer_case *c, const char *name)
{
    return safetensors_find(c->file, name) != NULL;
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

static void copy_floats(const safetensors_tensor *t, int64_t from, int64_t count, cadre_real *out)
{
    for (int64_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, t->data + (from + i) * (int64_t)sizeof value, sizeof value);
        out[i] = (cadre_real)value;
    }
}

static cadre_status read_floats(
    const layer_case *c, const char *name, int rank, const int64_t *shape, cadre_real **out)
{
    const safetensors_tensor *t;
    CADRE_TRY(safetensors_get_as(c->file, name, "F32", rank, shape, &t));
    *out = MEM_ARRAY(cadre_real, t->elements);
    if (!*out) return CADRE_ENOMEM;
    copy_floats(t, 0, t->elements, *out);
    return CADRE_OK;
}

static cadre_status read_valid(layer_case *c)
{
    const safetensors_tensor *t;
    const int64_t shape[] = { c->sequences, c->length };
    if (!has(c, "valid")) return CADRE_OK;
    CADRE_TRY(safetensors_get_as(c->file, "valid", "I32", 2, shape, &t));
    c->valid = MEM_ARRAY(bool, c->tokens);
    if (!c->valid) return CADRE_ENOMEM;
    for (int64_t i = 0; i < c->tokens; i++) {
        int32_t value;
        memcpy(&value, t->data + i * (int64_t)sizeof value, sizeof value);
        if (value != 0 && value != 1)
            return cadre_fail(CADRE_EFORMAT, c->path,
                "tensor 'valid': expected 0 or 1, found %d at token %lld", value, (long long)i);
        c->valid[i] = value;
    }
    return CADRE_OK;
}

/* x [B, S, D] says how many tokens there are, the matrices how large the layer is. */
static cadre_status read_shape(layer_case *c)
{
    int64_t x[3], router_shape[2], expert[3], shared[2] = { 0 };
    CADRE_TRY(shape_of(c, "x", 3, x));
    CADRE_TRY(shape_of(c, "router.weight", 2, router_shape));
    CADRE_TRY(shape_of(c, "experts.gate", 3, expert));
    if (has(c, "shared.gate")) CADRE_TRY(shape_of(c, "shared.gate", 2, shared));
    if (router_shape[0] > ROUTER_MAX_EXPERTS)
        return cadre_fail(CADRE_EFORMAT, c->path,
            "tensor 'router.weight': expected at most %d experts, found %lld", ROUTER_MAX_EXPERTS,
            (long long)router_shape[0]);
    if (x[0] > INT32_MAX || x[1] > INT32_MAX || x[0] * x[1] > INT32_MAX)
        return cadre_fail(
            CADRE_EFORMAT, c->path, "tensor 'x': expected at most %d tokens", INT32_MAX);
    c->sequences = x[0], c->length = x[1], c->tokens = x[0] * x[1], c->width = x[2];
    c->shape = (cadre_moe_shape){ .size = sizeof c->shape,
        .width = c->width,
        .hidden = expert[1],
        .experts = (int32_t)router_shape[0],
        .topk = (int32_t)cadre_options_int(c->options, "topk", 0),
        .shared = shared[0],
        .shared_gated = has(c, "shared.weight"),
        .router_bias = has(c, "router.bias"),
        .router = cadre_options_text(c->options, "router", 0),
        .form = cadre_options_text(c->options, "expert-form", 0),
        .tokens = c->tokens,
        .sequences = c->sequences };
    return CADRE_OK;
}

static cadre_status read_batch(layer_case *c)
{
    const int64_t rows_shape[] = { c->sequences, c->length, c->width };
    const int64_t draws[] = { c->tokens, c->shape.experts };
    CADRE_TRY(read_floats(c, "x", 3, rows_shape, &c->x));
    CADRE_TRY(read_floats(c, "dy", 3, rows_shape, &c->dy));
    CADRE_TRY(read_valid(c));
    if (has(c, "draws.normal")) CADRE_TRY(read_floats(c, "draws.normal", 2, draws, &c->normal));
    c->start = MEM_ARRAY(int64_t, c->sequences + 1);
    c->y = MEM_ARRAY(cadre_real, c->tokens * c->width);
    c->dx = MEM_ARRAY(cadre_real, c->tokens * c->width);
    if (!c->start || !c->y || !c->dx) return CADRE_ENOMEM;
    for (int64_t s = 0; s <= c->sequences; s++) c->start[s] = s * c->length;
    return CADRE_OK;
}

/* ---- parameters: [rows, cols] of one expert are a slice of [E, rows, cols] ---- */

/* A vector's tensor has one dimension, but for the gate of a shared expert, which is a matrix of
 * one row. */
static int tensor_shape(const layer_case *c, const cadre_moe_parameter *p, int64_t *shape)
{
    int rank = 0;
    if (p->expert >= 0) shape[rank++] = c->shape.experts;
    if (p->rows > 1 || !strcmp(p->name, "shared.weight")) shape[rank++] = p->rows;
    shape[rank++] = p->cols;
    return rank;
}

static cadre_status fill_parameters(const layer_case *c)
{
    for (int64_t i = 0; i < cadre_moe_parameters(c->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(c->moe, i);
        const safetensors_tensor *t;
        int64_t shape[MOST_RANK], count = p.rows * p.cols;
        int rank = tensor_shape(c, &p, shape);
        if (!p.gradient && !has(c, p.name)) continue; /* a correction that nobody gave is 0 */
        CADRE_TRY(safetensors_get_as(c->file, p.name, "F32", rank, shape, &t));
        copy_floats(t, p.expert >= 0 ? p.expert * count : 0, count, p.values);
    }
    return CADRE_OK;
}

static bool is_read(const layer_case *c, const char *name)
{
    static const char *const others[] = { "x", "dy", "valid", "draws.normal" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(name, others[i])) return true;
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
    cadre_moe_batch batch = { .tokens = c->tokens,
        .sequences = c->sequences,
        .start = c->start,
        .valid = c->valid,
        .train = true,
        .normal = c->normal };
    cadre_moe_step_begin(c->moe, 0, c->sequences, valid);
    CADRE_TRY(cadre_moe_forward(c->moe, &batch, c->x, c->y));
    return cadre_moe_backward(c->moe, c->dy, c->dx);
}

/* ---- what it computed ---- */

static int64_t elements_of(int rank, const int64_t *shape)
{
    int64_t elements = 1;
    for (int i = 0; i < rank; i++) elements *= shape[i];
    return elements;
}

/* Room for one more tensor of 4-byte elements, zeroed. */
static void *add_output(
    layer_case *c, const char *name, const char *dtype, int rank, const int64_t *shape)
{
    assert(c->outputs < MOST_OUTPUTS);
    output *o = &c->output[c->outputs];
    o->data = mem_alloc((size_t)elements_of(rank, shape), sizeof(float));
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
    int64_t elements = elements_of(rank, shape);
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
        int64_t shape[MOST_RANK], count = p.rows * p.cols;
        char name[NAME_SIZE];
        if (!p.gradient) continue;
        int at = -1, rank = tensor_shape(c, &p, shape);
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

static cadre_status add_routes(layer_case *c)
{
    cadre_moe_routes routes = cadre_moe_routes_get(c->moe);
    bool varies = router_by_name(c->shape.router)->traits & ROUTER_VARIABLE;
    const int64_t most = varies ? c->shape.experts : c->shape.topk, shape[] = { c->tokens, most };
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

static cadre_status add_losses(layer_case *c, cadre_layer_listener listener, void *arg)
{
    const char *loss;
    cadre_real value;
    double exact;
    for (int i = 0; cadre_moe_loss_at(c->moe, i, &loss, &exact); i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "loss.%s", loss);
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
        const output *o = &c->output[i];
        safetensors_writer_declare(w, o->name, o->dtype, o->rank, o->shape);
    }
    for (int i = 0; i < c->outputs; i++) {
        const output *o = &c->output[i];
        size_t bytes = (size_t)elements_of(o->rank, o->shape) * sizeof(float);
        safetensors_writer_put(w, o->data, bytes);
    }
    return safetensors_writer_commit(w);
}

static cadre_status case_run(layer_case *c, cadre_context *context, const char *path,
    cadre_layer_listener listener, void *arg)
{
    CADRE_TRY(safetensors_open(path, &c->file));
    CADRE_TRY(read_shape(c));
    CADRE_TRY(cadre_moe_new(context, &c->shape, c->options, 0, &c->moe));
    CADRE_TRY(check_names(c));
    CADRE_TRY(fill_parameters(c));
    CADRE_TRY(read_batch(c));
    CADRE_TRY(run_layer(c));
    const int64_t shape[] = { c->sequences, c->length, c->width };
    CADRE_TRY(add_floats(c, "y", 3, shape, c->y));
    CADRE_TRY(add_floats(c, "grad.x", 3, shape, c->dx));
    CADRE_TRY(add_routes(c));
    CADRE_TRY(add_gradients(c));
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

/* expert_use.c - counts the use of experts while a model reads, or from a file of recorded
 * routes. */
#include "grow/expert_use.h"

#include <math.h>

#include "base/memory.h"
#include "format/json_lines.h"

cadre_status expert_use_open(const model_config *config, expert_use *u)
{
    *u = (expert_use){ .config = config };
    for (int64_t l = 0; l < config->layers; l++)
        if (config->layer[l].sparse && config->layer[l].moe.experts > u->experts)
            u->experts = config->layer[l].moe.experts;
    u->served = MEM_ARRAY(double, config->layers * u->experts);
    u->weight = MEM_ARRAY(double, config->layers * u->experts);
    u->output = MEM_ARRAY(double, config->layers * u->experts);
    return u->served && u->weight && u->output ? CADRE_OK : CADRE_ENOMEM;
}

void expert_use_close(expert_use *u)
{
    mem_free(u->served);
    mem_free(u->weight);
    mem_free(u->output);
    *u = (expert_use){ 0 };
}

double expert_use_value(const expert_use *u, expert_value by, int64_t layer, int64_t expert)
{
    int64_t at = layer * u->experts + expert;
    if (by == VALUE_USE) return u->served[at];
    if (by == VALUE_WEIGHT) return u->weight[at];
    return u->served[at] > 0 ? u->output[at] / u->served[at] : 0;
}

/* ---- while a model reads ---- */

/* The size of an expert's output, including the bias of its last matrix (NULL: none) */
static double size_of_output(const real *out, const real *bias, int64_t width)
{
    double squares = 0;
    for (int64_t i = 0; i < width; i++) {
        double value = (double)out[i] + (bias ? (double)bias[i] : 0);
        squares += value * value;
    }
    return sqrt(squares);
}

void expert_use_count(void *use, int64_t layer, const plan *p)
{
    expert_use *u = use;
    const moe_config *moe = &u->config->layer[layer].moe;
    const real *const *bias =
        moe->expert_bias ? u->weights->layer[layer].moe.experts.down_bias : NULL;
    bool weighs_input = moe->router->traits & ROUTER_WEIGHS_INPUT;
    for (int64_t i = 0; i < p->edges; i++) {
        int64_t row = p->edge_row[i], e = p->edge_expert[i].id, at = layer * u->experts + e;
        if (row < 0) continue; /* the expert was full */
        double size =
            size_of_output(p->row_out + row * p->row_width, bias ? bias[e] : NULL, p->row_width);
        u->served[at]++;
        u->weight[at] += (double)p->edge_weight[i];
        u->output[at] += (weighs_input ? 1 : fabs((double)p->edge_weight[i])) * size;
    }
}

cadre_status expert_use_measure(cadre_model *model, const passage *p, expert_use *u)
{
    reading r;
    int64_t window = reading_window(model->config.context, model->config.context);
    u->weights = &model->weights;
    cadre_status status = reading_open(model, window, &r);
    for (int64_t at = 0; status == CADRE_OK && at < p->count; at += window) {
        int64_t rest = p->count - at;
        status =
            reading_take(&r, p->tokens + at, rest < window ? rest : window, expert_use_count, u);
    }
    reading_close(&r);
    return status;
}

/* ---- from a file ---- */

static cadre_status check_layer(const json_node *item, const expert_use *u, int64_t layer)
{
    int64_t number, experts, expected = u->config->layer[layer].moe.experts;
    CADRE_TRY(json_as_object(item));
    CADRE_TRY(json_get_int(item, "layer", layer, layer, &number));
    return json_get_int(item, "experts", expected, expected, &experts);
}

/* Checks that the recording is of a model with the same sparse layers. */
static cadre_status check_head(const json_document *head, const expert_use *u)
{
    json_node root = json_root(head), sparse;
    int64_t version;
    size_t s = 0;
    CADRE_TRY(json_as_object(&root));
    CADRE_TRY(json_get_int(&root, "cadre_routes", 1, 1, &version));
    CADRE_TRY(json_get_array(&root, "sparse_layers", &sparse));
    if ((int64_t)json_count(&sparse) != model_config_sparse_layers(u->config))
        return json_refuse(&sparse, "the model's %lld sparse layers",
            (long long)model_config_sparse_layers(u->config));
    for (int64_t l = 0; l < u->config->layers; l++) {
        if (!u->config->layer[l].sparse) continue;
        json_node item = json_item(&sparse, s++);
        CADRE_TRY(check_layer(&item, u, l));
    }
    return CADRE_OK;
}

/* Counts one token's picks in one layer. */
static cadre_status count_picks(
    const json_node *experts, const json_node *weights, int64_t layer, expert_use *u)
{
    int64_t most = u->config->layer[layer].moe.experts;
    CADRE_TRY(json_as_array(experts));
    CADRE_TRY(json_as_array(weights));
    if (json_count(experts) != json_count(weights))
        return json_refuse(weights, "a weight for each of %zu experts", json_count(experts));
    for (size_t k = 0; k < json_count(experts); k++) {
        json_node pick = json_item(experts, k), share = json_item(weights, k);
        int64_t e;
        double w;
        CADRE_TRY(json_as_int(&pick, 0, most - 1, &e));
        CADRE_TRY(json_as_real(&share, -1e30, 1e30, &w));
        u->served[layer * u->experts + e]++;
        u->weight[layer * u->experts + e] += w;
    }
    return CADRE_OK;
}

static cadre_status count_token(const json_document *line, expert_use *u)
{
    json_node root = json_root(line), experts, weights;
    size_t s = 0, layers = (size_t)model_config_sparse_layers(u->config);
    CADRE_TRY(json_as_object(&root));
    CADRE_TRY(json_get_array(&root, "experts", &experts));
    CADRE_TRY(json_get_array(&root, "weights", &weights));
    if (json_count(&experts) != layers || json_count(&weights) != layers)
        return json_refuse(
            json_count(&experts) != layers ? &experts : &weights, "%zu sparse layers", layers);
    for (int64_t l = 0; l < u->config->layers; l++) {
        if (!u->config->layer[l].sparse) continue;
        json_node picks = json_item(&experts, s), values = json_item(&weights, s);
        CADRE_TRY(count_picks(&picks, &values, l, u));
        s++;
    }
    return CADRE_OK;
}

static cadre_status count_lines(json_lines *lines, expert_use *u)
{
    json_document *line;
    int64_t tokens = -1; /* not counting the first line */
    for (;; tokens++) {
        CADRE_TRY(lines_next(lines, &line));
        if (!line) break;
        cadre_status status = tokens < 0 ? check_head(line, u) : count_token(line, u);
        json_close(line);
        CADRE_TRY(status);
    }
    if (tokens > 0) return CADRE_OK;
    return cadre_fail(
        CADRE_EFORMAT, lines->path, "expected recorded routes of some tokens, found none");
}

cadre_status expert_use_read(const char *path, expert_use *u)
{
    json_lines lines;
    CADRE_TRY(lines_open(path, &lines));
    cadre_status status = count_lines(&lines, u);
    lines_close(&lines);
    return status;
}

/* recorded.c - reads recordings of routes, and loads from a training run's metrics. */
#include "dist/recorded.h"

#include "base/file.h"
#include "base/memory.h"
#include "format/json_lines.h"

enum { MOST_TOKENS = 1 << 22, MOST_STEPS = 1 << 18 };
static const int64_t MOST_ROWS = (int64_t)1 << 40; /* rows of one expert in one step */

void recorded_free(recorded *r)
{
    mem_free(r->pick);
    mem_free(r->load);
    mem_free(r->step_tokens);
    shape_free(&r->shape);
    *r = (recorded){ 0 };
}

/* ---- routes ---- */

static cadre_status read_head(const json_node *root, recorded *r)
{
    json_node sparse;
    int64_t version;
    CADRE_TRY(json_get_int(root, "cadre_routes", 1, 1, &version));
    CADRE_TRY(json_get_array(root, "sparse_layers", &sparse));
    return shape_read(&sparse, &r->shape);
}

static cadre_status read_picks(const json_node *experts, const recorded *r, int16_t *picks)
{
    for (int i = 0; i < r->shape.picks; i++) picks[i] = -1;
    for (int s = 0; s < r->shape.layers; s++) {
        const shape_layer *layer = &r->shape.layer[s];
        if ((size_t)s >= json_count(experts)) return json_refuse(experts, "a list for every layer");
        json_node list = json_item(experts, (size_t)s);
        CADRE_TRY(json_as_array(&list));
        for (size_t k = 0; k < json_count(&list) && k < (size_t)layer->picks; k++) {
            json_node item = json_item(&list, k);
            int64_t expert;
            CADRE_TRY(json_as_int(&item, -1, layer->experts - 1, &expert));
            picks[layer->first_pick + (int)k] = (int16_t)expert;
        }
    }
    return CADRE_OK;
}

static cadre_status read_token(const json_node *root, recorded *r)
{
    json_node token = *root, experts;
    size_t picks = (size_t)r->shape.picks;
    void *block = r->pick;
    CADRE_TRY(json_as_object(&token));
    CADRE_TRY(json_get_array(&token, "experts", &experts));
    CADRE_TRY(buffer_grow(&block, r->tokens, &r->room, 1, picks * sizeof *r->pick));
    r->pick = block;
    return read_picks(&experts, r, r->pick + r->tokens++ * picks);
}

/* ---- loads ---- */

/* The first step determines how many layers there are, and how many experts each has. */
static cadre_status take_shape(const json_node *loads, recorded *r)
{
    size_t layers = json_count(loads);
    model_shape *shape = &r->shape;
    if (!layers || layers > SHAPE_LAYERS)
        return json_refuse(loads, "loads of 1 to %d sparse layers", SHAPE_LAYERS);
    if (!(shape->layer = MEM_ARRAY(shape_layer, layers))) return CADRE_ENOMEM;
    shape->layers = (int)layers;
    for (int s = 0; s < shape->layers; s++) {
        json_node layer = json_item(loads, (size_t)s);
        size_t experts = json_count(&layer);
        if (!experts || experts > SHAPE_EXPERTS ||
            shape->experts + (int)experts > SHAPE_ALL_EXPERTS)
            return json_refuse(&layer, "loads of 1 to %d experts", SHAPE_EXPERTS);
        shape->layer[s] =
            (shape_layer){ .number = s, .experts = (int)experts, .first_expert = shape->experts };
        shape->experts += (int)experts;
    }
    return CADRE_OK;
}

static cadre_status read_loads(const json_node *loads, const model_shape *shape, int64_t *load)
{
    if (json_count(loads) != (size_t)shape->layers)
        return json_refuse(loads, "as many layers as the first step has, %d", shape->layers);
    for (int s = 0; s < shape->layers; s++) {
        json_node layer = json_item(loads, (size_t)s);
        if (json_count(&layer) != (size_t)shape->layer[s].experts)
            return json_refuse(&layer, "%d experts", shape->layer[s].experts);
        for (int e = 0; e < shape->layer[s].experts; e++) {
            json_node item = json_item(&layer, (size_t)e);
            CADRE_TRY(json_as_int(&item, 0, MOST_ROWS, load + shape->layer[s].first_expert + e));
        }
    }
    return CADRE_OK;
}

static cadre_status read_step(const json_node *line, recorded *r)
{
    json_node loads;
    void *block = r->load, *tokens = r->step_tokens;
    CADRE_TRY(json_get_array(line, "loads", &loads));
    if (!r->shape.layers) CADRE_TRY(take_shape(&loads, r));
    size_t experts = (size_t)r->shape.experts;
    CADRE_TRY(buffer_grow(&block, r->steps, &r->load_room, 1, experts * sizeof *r->load));
    r->load = block;
    CADRE_TRY(buffer_grow(&tokens, r->steps, &r->step_room, 1, sizeof *r->step_tokens));
    r->step_tokens = tokens;
    CADRE_TRY(json_get_int(line, "tokens", 1, MOST_ROWS, &r->step_tokens[r->steps]));
    CADRE_TRY(read_loads(&loads, &r->shape, r->load + r->steps * experts));
    r->steps++;
    return CADRE_OK;
}

/* ---- lines of either kind ---- */

static cadre_status read_line(const json_document *document, bool first, recorded *r)
{
    json_node root = json_root(document);
    CADRE_TRY(json_as_object(&root));
    if (first && !json_has(&root, "loads")) return read_head(&root, r);
    return first || r->steps ? read_step(&root, r) : read_token(&root, r);
}

static cadre_status read_lines(json_lines *lines, recorded *r)
{
    for (bool first = true; r->tokens < MOST_TOKENS && r->steps < MOST_STEPS; first = false) {
        json_document *document;
        CADRE_TRY(lines_next(lines, &document));
        if (!document) break;
        cadre_status status = read_line(document, first, r);
        json_close(document);
        CADRE_TRY(status);
    }
    if (r->tokens || r->steps) return CADRE_OK;
    return cadre_fail(
        CADRE_EFORMAT, lines->path, "expected tokens with routes, or steps with loads, found none");
}

static cadre_status read_file(const char *path, recorded *r)
{
    json_lines lines;
    CADRE_TRY(lines_open(path, &lines));
    cadre_status status = read_lines(&lines, r);
    lines_close(&lines);
    return status;
}

cadre_status recorded_read(const char *path, recorded *r)
{
    *r = (recorded){ 0 };
    char *inside = file_is_folder(path) ? file_join(path, "metrics.jsonl") : mem_strdup(path);
    cadre_status status = inside ? read_file(inside, r) : CADRE_ENOMEM;
    mem_free(inside);
    if (status != CADRE_OK) recorded_free(r);
    return status;
}

/* expert_frequency.c - counts how often experts are used, reads and writes these counts, and sorts
 * experts by them. */
#include "store/expert_frequency.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "format/json_lines.h"
#include "format/json_writer.h"

static const double HALF_LIFE = 4096; /* of the counts of earlier runs, in tokens */

cadre_status expert_frequency_open(policy_shape shape, expert_frequency *u)
{
    *u = (expert_frequency){ .shape = shape, .use = MEM_ARRAY(double, shape.first[shape.layers]) };
    return u->use ? CADRE_OK : CADRE_ENOMEM;
}

void expert_frequency_close(expert_frequency *u)
{
    mem_free(u->use);
    *u = (expert_frequency){ 0 };
}

void expert_frequency_add(expert_frequency *u, int64_t layer, const int32_t *rows, int64_t tokens)
{
    int32_t first = u->shape.first[layer], count = u->shape.first[layer + 1] - first;
    if (!layer) u->tokens += policy_time_of(tokens);
    for (int32_t e = 0; e < count; e++) u->use[first + e] += policy_use_of(rows[e], tokens);
}

void expert_frequency_add_past(expert_frequency *u, const expert_frequency *past)
{
    double weight = exp2(-u->tokens / HALF_LIFE);
    u->tokens += weight * past->tokens;
    for (int32_t e = 0; e < u->shape.first[u->shape.layers]; e++)
        u->use[e] += weight * past->use[e];
}

/* ---- files ---- */

cadre_status expert_frequency_write(const expert_frequency *u, const char *path)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_int(&w, "cadre_expert_use", 1);
    json_put_real(&w, "tokens", u->tokens);
    json_put_array(&w, "use");
    for (int64_t l = 0; l < u->shape.layers; l++) {
        json_put_array(&w, NULL);
        for (int32_t e = u->shape.first[l]; e < u->shape.first[l + 1]; e++)
            json_put_real(&w, NULL, round(1000 * u->use[e]) / 1000);
        json_put_close(&w, ']');
    }
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    return json_writer_save(&w, path);
}

static int32_t experts_of(const expert_frequency *u, int64_t layer)
{
    return u->shape.first[layer + 1] - u->shape.first[layer];
}

static cadre_status check_layers(const json_node *list, const expert_frequency *u)
{
    if (json_count(list) == (size_t)u->shape.layers) return CADRE_OK;
    return json_refuse(list, "the model's %lld layers of experts", (long long)u->shape.layers);
}

static cadre_status read_use(const json_node *root, expert_frequency *u)
{
    json_node layers;
    CADRE_TRY(json_get_real(root, "tokens", 0, 1e15, &u->tokens));
    CADRE_TRY(json_get_array(root, "use", &layers));
    CADRE_TRY(check_layers(&layers, u));
    for (int64_t l = 0; l < u->shape.layers; l++) {
        json_node list = json_item(&layers, (size_t)l);
        if (json_count(&list) != (size_t)experts_of(u, l))
            return json_refuse(&list, "the layer's %d experts", experts_of(u, l));
        for (int32_t e = 0; e < experts_of(u, l); e++) {
            json_node item = json_item(&list, (size_t)e);
            CADRE_TRY(json_as_real(&item, 0, 1e15, &u->use[u->shape.first[l] + e]));
        }
    }
    return CADRE_OK;
}

/* Checks the first line of a recording: its layers must have as many experts as the model's. */
static cadre_status check_head(const json_node *root, const expert_frequency *u)
{
    json_node layers;
    int64_t experts;
    CADRE_TRY(json_get_array(root, "sparse_layers", &layers));
    CADRE_TRY(check_layers(&layers, u));
    for (int64_t l = 0; l < u->shape.layers; l++) {
        json_node item = json_item(&layers, (size_t)l);
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_get_int(&item, "experts", experts_of(u, l), experts_of(u, l), &experts));
    }
    return CADRE_OK;
}

static cadre_status count_token(const json_node *token, expert_frequency *u)
{
    json_node layers;
    CADRE_TRY(json_as_object(token));
    CADRE_TRY(json_get_array(token, "experts", &layers));
    CADRE_TRY(check_layers(&layers, u));
    for (int64_t l = 0; l < u->shape.layers; l++) {
        json_node list = json_item(&layers, (size_t)l);
        for (size_t k = 0; k < json_count(&list); k++) {
            json_node item = json_item(&list, k);
            int64_t expert;
            CADRE_TRY(json_as_int(&item, -1, experts_of(u, l) - 1, &expert));
            if (expert >= 0) u->use[u->shape.first[l] + expert]++;
        }
    }
    u->tokens++;
    return CADRE_OK;
}

/* Reads one line; the first one (head) says what kind of file it is. */
static cadre_status read_line(json_document *document, bool head, expert_frequency *u)
{
    json_node root = json_root(document);
    cadre_status status = json_as_object(&root);
    if (status == CADRE_OK && !head) status = count_token(&root, u);
    else if (status == CADRE_OK && json_has(&root, "cadre_expert_use")) status = read_use(&root, u);
    else if (status == CADRE_OK && json_has(&root, "cadre_routes")) status = check_head(&root, u);
    else if (status == CADRE_OK)
        status = json_refuse(&root, "a recording of routes, or how much experts were used");
    json_close(document);
    return status;
}

cadre_status expert_frequency_read(const char *path, policy_shape shape, expert_frequency *out)
{
    expert_frequency u;
    json_lines lines;
    json_document *document = NULL;
    CADRE_TRY(expert_frequency_open(shape, &u));
    cadre_status status = lines_open(path, &lines);
    bool opened = status == CADRE_OK, head = true;
    while (status == CADRE_OK) {
        status = lines_next(&lines, &document);
        if (status != CADRE_OK || !document) break;
        status = read_line(document, head, &u);
        head = false;
    }
    if (opened) lines_close(&lines);
    if (status == CADRE_OK && u.tokens == 0)
        status = cadre_fail(CADRE_EFORMAT, path, "expected tokens and their experts, found none");
    if (status == CADRE_OK) *out = u;
    else expert_frequency_close(&u);
    return status;
}

/* ---- order ---- */

typedef struct used {
    double use;
    int32_t expert;
} used;

static int by_use(const void *a, const void *b)
{
    const used *x = a, *y = b;
    if (x->use != y->use) return x->use < y->use ? 1 : -1;
    return x->expert < y->expert ? -1 : x->expert > y->expert;
}

cadre_status expert_frequency_order(const double *use, int32_t experts, int32_t **order)
{
    used *all = MEM_ARRAY(used, experts);
    int32_t *sorted = MEM_ARRAY(int32_t, experts);
    if (!all || !sorted) {
        mem_free(all);
        mem_free(sorted);
        return CADRE_ENOMEM;
    }
    for (int32_t e = 0; e < experts; e++) all[e] = (used){ use[e], e };
    qsort(all, (size_t)experts, sizeof *all, by_use);
    for (int32_t e = 0; e < experts; e++) sorted[e] = all[e].expert;
    mem_free(all);
    *order = sorted;
    return CADRE_OK;
}

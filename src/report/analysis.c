/* analysis.c - reads analysis.json and compare.json. */
#include "report/analysis.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

#define FILE_LIMIT JSON_LIMIT
#define BYTES_MAX 1e15
#define BITS_MAX 1e6

static int least(size_t a, int b) { return a < (size_t)b ? (int)a : b; }

/* ---- analysis.json ---- */

static cadre_status read_domains(const json_node *root, run_analysis *c)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "domains", &array));
    size_t count = json_count(&array);
    if (count > ANALYSIS_DOMAINS)
        return json_refuse(&array, "at most %d domains", ANALYSIS_DOMAINS);
    if (!count) return CADRE_OK;
    if (!(c->domain = MEM_ARRAY(analysis_domain, count))) return CADRE_ENOMEM;
    c->domains = (int)count;
    for (size_t i = 0; i < count; i++) {
        analysis_domain *d = &c->domain[i];
        *d = (analysis_domain){ .bytes = NAN, .tokens = NAN, .bits_per_byte = NAN };
        json_node item = json_item(&array, i);
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_get_string(&item, "name", &d->name));
        CADRE_TRY(json_opt_real(&item, "bytes", 0, BYTES_MAX, &d->bytes));
        CADRE_TRY(json_opt_real(&item, "tokens", 0, BYTES_MAX, &d->tokens));
        CADRE_TRY(json_opt_real(&item, "bits_per_byte", 0, BITS_MAX, &d->bits_per_byte));
    }
    return CADRE_OK;
}

static cadre_status read_routed(const json_node *root, const model_shape *shape, run_analysis *c)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "domain_expert", &array));
    if (!array.value || !c->domains) return CADRE_OK;
    return shape_read_counts(&array, shape, c->domains, "domain", &c->routed);
}

static cadre_status read_shuffled(const json_node *root, const model_shape *shape, run_analysis *c)
{
    json_node object, array;
    CADRE_TRY(json_opt_object(root, "shuffled_domains", &object));
    if (!object.value) return CADRE_OK;
    CADRE_TRY(json_get_array(&object, "bits", &array));
    if (json_count(&array) != (size_t)shape->layers)
        return json_refuse(&array, "%d items, one a sparse layer", shape->layers);
    if (!(c->shuffled = MEM_ARRAY(shuffled_bits, shape->layers))) return CADRE_ENOMEM;
    for (int s = 0; s < shape->layers; s++) {
        json_node item = json_item(&array, (size_t)s);
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_get_real(&item, "mean", 0, BITS_MAX, &c->shuffled[s].mean));
        CADRE_TRY(json_get_real(&item, "deviation", 0, BITS_MAX, &c->shuffled[s].deviation));
    }
    return CADRE_OK;
}

/* The loads that are used with the pairs are those of all domains together. */
static void add_loads(const model_shape *shape, run_analysis *c)
{
    for (int s = 0; s < shape->layers; s++) {
        const shape_layer *layer = &shape->layer[s];
        for (int i = 0; i < c->domains * layer->experts; i++)
            c->pairs.load[layer->first_expert + i % layer->experts] +=
                (double)analysis_routed(c, layer)[i];
    }
}

static cadre_status read_pairs(const json_node *root, const model_shape *shape, run_analysis *c)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "together", &array));
    if (!array.value || !c->routed) return CADRE_OK;
    if (json_count(&array) != (size_t)shape->layers)
        return json_refuse(&array, "%d tables, one a sparse layer", shape->layers);
    CADRE_TRY(expert_pairs_make(shape, &c->pairs));
    for (int s = 0; s < shape->layers; s++) {
        json_node lists = json_item(&array, (size_t)s);
        CADRE_TRY(expert_pairs_read(&lists, shape, s, &c->pairs));
    }
    add_loads(shape, c);
    return CADRE_OK;
}

static cadre_status read_top_tokens(
    const json_node *root, const model_shape *shape, run_analysis *c)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "top_tokens", &array));
    return top_tokens_read(&array, shape, &c->top);
}

static cadre_status read_passages(const json_node *root, const model_shape *shape, run_analysis *c)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "passages", &array));
    int count = least(json_count(&array), ANALYSIS_PASSAGES);
    if (!count) return CADRE_OK;
    if (!(c->passage = MEM_ARRAY(passage, count))) return CADRE_ENOMEM;
    for (; c->passages < count; c->passages++) {
        passage *p = &c->passage[c->passages];
        json_node item = json_item(&array, (size_t)c->passages), tokens;
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_opt_string(&item, "domain", &p->domain));
        CADRE_TRY(json_get_array(&item, "tokens", &tokens));
        for (size_t t = 0; t < json_count(&tokens); t++) {
            json_node token = json_item(&tokens, t);
            cadre_status status = passage_add(p, &token, shape);
            if (status == CADRE_OK) continue;
            passage_free(p);
            return status;
        }
    }
    return CADRE_OK;
}

static cadre_status read_samples(const json_node *root, run_analysis *c)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "samples", &array));
    int count = least(json_count(&array), ANALYSIS_SAMPLES);
    if (!count) return CADRE_OK;
    if (!(c->sample = MEM_ARRAY(analysis_sample, count))) return CADRE_ENOMEM;
    for (int i = 0; i < count; i++) {
        analysis_sample *s = &c->sample[i];
        *s = (analysis_sample){ .domain = "", .prompt = "" };
        json_node item = json_item(&array, (size_t)i);
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_opt_string(&item, "domain", &s->domain));
        CADRE_TRY(json_opt_string(&item, "prompt", &s->prompt));
        CADRE_TRY(json_get_string(&item, "text", &s->text));
        c->samples = i + 1;
    }
    return CADRE_OK;
}

static cadre_status read_analysis(const char *path, const model_shape *shape, run_analysis *c)
{
    CADRE_TRY(json_open_dense(path, FILE_LIMIT, &c->analysis));
    json_node root = json_root(c->analysis);
    CADRE_TRY(json_as_object(&root));
    CADRE_TRY(read_domains(&root, c));
    CADRE_TRY(read_routed(&root, shape, c));
    CADRE_TRY(read_shuffled(&root, shape, c));
    CADRE_TRY(read_pairs(&root, shape, c));
    CADRE_TRY(read_top_tokens(&root, shape, c));
    CADRE_TRY(modality_read(&root, shape, &c->modality));
    CADRE_TRY(read_passages(&root, shape, c));
    return read_samples(&root, c);
}

/* ---- compare.json ---- */

static cadre_status read_method(const json_node *item, const run_analysis *c, analysis_method *m)
{
    json_node domains;
    CADRE_TRY(json_as_object(item));
    CADRE_TRY(json_get_string(item, "name", &m->name));
    CADRE_TRY(json_opt_string(item, "note", &m->note));
    CADRE_TRY(json_get_object(item, "domains", &domains));
    for (int d = 0; d < c->domains; d++) {
        m->bits_per_byte[d] = NAN;
        CADRE_TRY(json_opt_real(&domains, c->domain[d].name, 0, BITS_MAX, &m->bits_per_byte[d]));
    }
    return CADRE_OK;
}

static cadre_status read_compare(const char *path, run_analysis *c)
{
    CADRE_TRY(json_open_dense(path, FILE_LIMIT, &c->compare));
    json_node root = json_root(c->compare);
    CADRE_TRY(json_as_array(&root));
    int count = least(json_count(&root), ANALYSIS_METHODS);
    if (!count) return CADRE_OK;
    if (!(c->method = MEM_ARRAY(analysis_method, count))) return CADRE_ENOMEM;
    for (; c->methods < count; c->methods++) {
        json_node item = json_item(&root, (size_t)c->methods);
        CADRE_TRY(read_method(&item, c, &c->method[c->methods]));
    }
    return CADRE_OK;
}

/* ---- both files ---- */

cadre_status analysis_read(
    const char *path, const char *compare, const model_shape *shape, run_analysis *analysis)
{
    run_analysis read = { 0 };
    cadre_status status = file_exists(path) ? read_analysis(path, shape, &read) : CADRE_OK;
    if (status == CADRE_OK && file_exists(compare)) status = read_compare(compare, &read);
    if (status == CADRE_OK) *analysis = read;
    else analysis_free(&read);
    return status;
}

void analysis_free(run_analysis *analysis)
{
    for (int i = 0; i < analysis->passages; i++) passage_free(&analysis->passage[i]);
    mem_free(analysis->passage);
    mem_free(analysis->domain);
    mem_free(analysis->routed);
    mem_free(analysis->shuffled);
    expert_pairs_free(&analysis->pairs);
    top_tokens_free(&analysis->top);
    modality_free(&analysis->modality);
    mem_free(analysis->sample);
    mem_free(analysis->method);
    json_close(analysis->analysis);
    json_close(analysis->compare);
    *analysis = (run_analysis){ 0 };
}

double analysis_bits_per_byte(const run_analysis *c)
{
    double bits = 0, bytes = 0;
    for (int d = 0; d < c->domains; d++) {
        double b = c->domain[d].bits_per_byte, n = c->domain[d].bytes;
        if (isnan(b) || isnan(n)) continue;
        bits += b * n;
        bytes += n;
    }
    return bytes > 0 ? bits / bytes : NAN;
}

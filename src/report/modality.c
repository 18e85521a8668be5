/* modality.c - reads types of tokens and their samples. */
#include "report/modality.h"

#include <math.h>

#include "base/base64.h"
#include "base/memory.h"

#define COUNT_MAX 100000000000

static cadre_status read_types(const json_node *root, modality *m)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "types", &array));
    size_t count = json_count(&array);
    if (count > MODALITY_TYPES) return json_refuse(&array, "at most %d types", MODALITY_TYPES);
    for (size_t i = 0; array.value && i < count; i++) {
        modality_type *t = &m->type[i];
        *t = (modality_type){ .tokens = NAN, .bits_per_token = NAN };
        json_node item = json_item(&array, i);
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_get_string(&item, "name", &t->name));
        CADRE_TRY(json_opt_real(&item, "tokens", 0, 1e15, &t->tokens));
        CADRE_TRY(json_opt_real(&item, "bits_per_token", 0, 1e6, &t->bits_per_token));
        CADRE_TRY(json_opt_int(&item, "experts", 1, SHAPE_EXPERTS, &t->experts));
        m->types = (int)i + 1;
    }
    return CADRE_OK;
}

/* counts[types][experts] of one layer. */
static cadre_status read_layer(const json_node *rows, int types, int experts, int64_t *counts)
{
    if (json_count(rows) != (size_t)types) return json_refuse(rows, "%d lists, one a type", types);
    for (int k = 0; k < types; k++) {
        json_node row = json_item(rows, (size_t)k);
        if (json_count(&row) != (size_t)experts)
            return json_refuse(&row, "%d counts, one an expert", experts);
        for (int e = 0; e < experts; e++) {
            json_node item = json_item(&row, (size_t)e);
            CADRE_TRY(json_as_int(&item, 0, COUNT_MAX, counts++));
        }
    }
    return CADRE_OK;
}

static cadre_status read_routed(const json_node *root, const model_shape *shape, modality *m)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "type_expert", &array));
    if (!array.value || !m->types) return CADRE_OK;
    if (json_count(&array) != (size_t)shape->layers)
        return json_refuse(&array, "%d tables, one a sparse layer", shape->layers);
    m->routed = mem_alloc((size_t)shape->experts * (size_t)m->types, sizeof *m->routed);
    if (!m->routed) return CADRE_ENOMEM;
    for (int s = 0; s < shape->layers; s++) {
        const shape_layer *layer = &shape->layer[s];
        json_node rows = json_item(&array, (size_t)s);
        CADRE_TRY(read_layer(
            &rows, m->types, layer->experts, m->routed + (int64_t)layer->first_expert * m->types));
    }
    return CADRE_OK;
}

/* It goes into the page as it is, so nothing but its letters may stand in it. */
static cadre_status get_png(const json_node *item, const char *key, const char **png)
{
    CADRE_TRY(json_get_string(item, key, png));
    if (base64_is(*png)) return CADRE_OK;
    json_node found = json_member(item, key);
    return json_refuse(&found, "a picture in base64");
}

static int64_t samples_of(const json_node *array)
{
    size_t count = json_count(array);
    return count < MODALITY_SAMPLES ? (int64_t)count : MODALITY_SAMPLES;
}

static cadre_status read_pictures(const json_node *root, modality *m)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "pictures", &array));
    int64_t count = array.value ? samples_of(&array) : 0;
    if (!(m->picture = MEM_ARRAY(modality_picture, count))) return CADRE_ENOMEM;
    for (int64_t i = 0; i < count; i++) {
        modality_picture *p = &m->picture[i];
        json_node item = json_item(&array, (size_t)i);
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_get_string(&item, "domain", &p->domain));
        CADRE_TRY(json_get_string(&item, "prompt", &p->prompt));
        CADRE_TRY(get_png(&item, "original", &p->original));
        CADRE_TRY(get_png(&item, "drawn", &p->drawn));
        m->pictures++;
    }
    return CADRE_OK;
}

static cadre_status read_captions(const json_node *root, modality *m)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "captions", &array));
    int64_t count = array.value ? samples_of(&array) : 0;
    if (!(m->caption = MEM_ARRAY(modality_caption, count))) return CADRE_ENOMEM;
    for (int64_t i = 0; i < count; i++) {
        modality_caption *c = &m->caption[i];
        json_node item = json_item(&array, (size_t)i);
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_get_string(&item, "domain", &c->domain));
        CADRE_TRY(get_png(&item, "picture", &c->picture));
        CADRE_TRY(json_get_string(&item, "original", &c->original));
        CADRE_TRY(json_get_string(&item, "written", &c->written));
        m->captions++;
    }
    return CADRE_OK;
}

cadre_status modality_read(const json_node *root, const model_shape *shape, modality *m)
{
    CADRE_TRY(read_types(root, m));
    CADRE_TRY(read_routed(root, shape, m));
    CADRE_TRY(read_pictures(root, m));
    return read_captions(root, m);
}

void modality_free(modality *m)
{
    mem_free(m->routed);
    mem_free(m->picture);
    mem_free(m->caption);
    *m = (modality){ 0 };
}

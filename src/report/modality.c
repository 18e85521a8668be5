/* modality.c - reads types of tokens and their samples. */
#include "report/modality.h"

#include <math.h>

#include "base/base64.h"
#include "base/memory.h"

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

static cadre_status read_routed(const json_node *root, const model_shape *shape, modality *m)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, "type_expert", &array));
    if (!array.value || !m->types) return CADRE_OK;
    return shape_read_counts(&array, shape, m->types, "type", &m->routed);
}

/* It goes into the page as it is, so nothing but its letters may stand in it. */
static cadre_status get_png(const json_node *item, const char *key, const char **png)
{
    CADRE_TRY(json_get_string(item, key, png));
    if (base64_is(*png)) return CADRE_OK;
    json_node found = json_member(item, key);
    return json_refuse(&found, "an image in base64");
}

/* The names of a list of samples and of its members. draws: what was made is an image */
typedef struct sample_keys {
    const char *list, *image, *words, *made;
    bool draws;
} sample_keys;

static cadre_status read_sample(const json_node *item, const sample_keys *keys, modality_sample *s)
{
    CADRE_TRY(json_as_object(item));
    CADRE_TRY(json_get_string(item, "domain", &s->domain));
    CADRE_TRY(get_png(item, keys->image, &s->image));
    CADRE_TRY(json_get_string(item, keys->words, &s->words));
    return keys->draws ? get_png(item, keys->made, &s->made)
                       : json_get_string(item, keys->made, &s->made);
}

static cadre_status read_samples(
    const json_node *root, const sample_keys *keys, modality_samples *samples)
{
    json_node array;
    CADRE_TRY(json_opt_array(root, keys->list, &array));
    size_t count = array.value ? json_count(&array) : 0;
    if (count > MODALITY_SAMPLES) count = MODALITY_SAMPLES;
    if (!(samples->sample = MEM_ARRAY(modality_sample, count))) return CADRE_ENOMEM;
    for (; samples->count < (int)count; samples->count++) {
        json_node item = json_item(&array, (size_t)samples->count);
        CADRE_TRY(read_sample(&item, keys, &samples->sample[samples->count]));
    }
    return CADRE_OK;
}

cadre_status modality_read(const json_node *root, const model_shape *shape, modality *m)
{
    CADRE_TRY(read_types(root, m));
    CADRE_TRY(read_routed(root, shape, m));
    const sample_keys drawn = { "pictures", "original", "prompt", "drawn", true },
                      written = { "captions", "picture", "original", "written", false };
    CADRE_TRY(read_samples(root, &drawn, &m->drawn));
    return read_samples(root, &written, &m->written);
}

void modality_free(modality *m)
{
    mem_free(m->routed);
    mem_free(m->drawn.sample);
    mem_free(m->written.sample);
    *m = (modality){ 0 };
}

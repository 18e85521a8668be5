/* suggested_sampling.c - reads how a model's publishers recommend to sample, from its files, and
 * says it in words. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cadre/session.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sized.h"
#include "format/gguf.h"
#include "format/json.h"
#include "model/model.h"

enum { FILE_LIMIT = 1 << 20 };

typedef struct sampling_key {
    const char *json, *gguf;
    double min, max;
    size_t offset; /* of a double in cadre_sampling */
} sampling_key;

static const sampling_key keys[] = {
    { "temperature", "general.sampling.temp", 0, 100, offsetof(cadre_sampling, temperature) },
    { "top_p", "general.sampling.top_p", 0, 1, offsetof(cadre_sampling, top_p) },
    { "min_p", "general.sampling.min_p", 0, 1, offsetof(cadre_sampling, min_p) },
    { "repetition_penalty", "general.sampling.penalty_repeat", 0.01, 100,
        offsetof(cadre_sampling, repetition_penalty) },
};
enum { KEYS = sizeof keys / sizeof *keys };

static const char top_k_gguf[] = "general.sampling.top_k"; /* 0 and -1 mean all */

static double *value_of(cadre_sampling *s, const sampling_key *key)
{
    return (double *)(void *)((char *)s + key->offset);
}

static cadre_status read_json(const json_node *root, cadre_sampling *s, bool *said)
{
    bool draws = true;
    *said = json_has(root, "top_k") || json_has(root, "do_sample");
    CADRE_TRY(json_opt_int(root, "top_k", -1, INT32_MAX, &s->top_k));
    for (int i = 0; i < KEYS; i++) {
        *said = *said || json_has(root, keys[i].json);
        CADRE_TRY(
            json_opt_real(root, keys[i].json, keys[i].min, keys[i].max, value_of(s, &keys[i])));
    }
    CADRE_TRY(json_opt_bool(root, "do_sample", &draws));
    if (!draws) s->temperature = 0;
    return CADRE_OK;
}

static cadre_status read_folder(const char *folder, cadre_sampling *s, bool *said)
{
    json_document *document;
    char *path = file_join(folder, "generation_config.json");
    if (!path) return CADRE_ENOMEM;
    cadre_status status = CADRE_OK;
    if (file_exists(path) && (status = json_open(path, FILE_LIMIT, &document)) == CADRE_OK) {
        json_node root = json_root(document);
        status = read_json(&root, s, said);
        json_close(document);
    }
    mem_free(path);
    return status;
}

static cadre_status read_gguf(const gguf *f, cadre_sampling *s, bool *said)
{
    *said = gguf_has(f, top_k_gguf);
    CADRE_TRY(gguf_opt_int(f, top_k_gguf, -1, INT32_MAX, &s->top_k));
    for (int i = 0; i < KEYS; i++) {
        *said = *said || gguf_has(f, keys[i].gguf);
        CADRE_TRY(gguf_opt_real(f, keys[i].gguf, keys[i].min, keys[i].max, value_of(s, &keys[i])));
    }
    return CADRE_OK;
}

cadre_status cadre_model_sampling(const cadre_model *model, cadre_sampling *sampling, bool *said)
{
    cadre_sampling s;
    bool found = false;
    CADRE_TRY(
        sized_read("cadre_sampling", sampling, SIZE_UP_TO(cadre_sampling, seed), &s, sizeof s));
    CADRE_TRY(model->file.gguf ? read_gguf(model->file.gguf, &s, &found)
                               : read_folder(model->path, &s, &found));
    if (s.top_k < 0) s.top_k = 0;
    sized_write(&s, sizeof s, sampling);
    *said = found;
    return CADRE_OK;
}

static void append(char *text, size_t size, const char *name, double value, double unsaid)
{
    size_t used = strlen(text);
    if (value != unsaid)
        snprintf(text + used, size - used, "%s%s %g", used ? ", " : "", name, value);
}

void cadre_sampling_words(const cadre_sampling *s, char *text, size_t size)
{
    const bool draws = s->temperature > 0;
    if (!size) return;
    snprintf(text, size, "%s", draws ? "" : "greedy");
    if (draws) append(text, size, "temperature", s->temperature, -1);
    if (draws) append(text, size, "top-k", (double)s->top_k, 0);
    if (draws) append(text, size, "top-p", s->top_p, 1);
    if (draws) append(text, size, "min-p", s->min_p, 0);
    append(text, size, "repetition-penalty", s->repetition_penalty, 1);
}

/* recording.c - reads a file of recorded routes, one token on each line. */
#include "report/recording.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/json_lines.h"

enum { RECORDING_VERSION = 1 };

static cadre_status read_head(json_lines *lines, recording *r)
{
    json_node sparse;
    int64_t version;
    CADRE_TRY(lines_next(lines, &r->head));
    if (!r->head)
        return cadre_fail(
            CADRE_EFORMAT, lines->path, "expected recorded routes, found an empty file");
    json_node root = json_root(r->head);
    CADRE_TRY(json_as_object(&root));
    CADRE_TRY(json_get_int(&root, "cadre_routes", RECORDING_VERSION, RECORDING_VERSION, &version));
    r->model = r->architecture = r->command = "";
    CADRE_TRY(json_opt_string(&root, "model", &r->model));
    CADRE_TRY(json_opt_string(&root, "architecture", &r->architecture));
    CADRE_TRY(json_opt_string(&root, "command", &r->command));
    CADRE_TRY(json_get_array(&root, "sparse_layers", &sparse));
    if (!json_count(&sparse)) return json_refuse(&sparse, "a sparse layer, which has routes");
    return shape_read(&sparse, &r->shape);
}

static cadre_status make_tables(recording *r)
{
    r->kept = MEM_ARRAY(int64_t, r->shape.layers);
    r->comparable = MEM_ARRAY(int64_t, r->shape.layers);
    return r->kept && r->comparable ? expert_pairs_make(&r->shape, &r->pairs) : CADRE_ENOMEM;
}

static bool among(const int16_t *experts, int count, int16_t expert)
{
    for (int k = 0; k < count; k++)
        if (experts[k] == expert) return true;
    return false;
}

/* Counts one token's picks in layer s. `before` are those of the previous token; NULL: there is
 * none. */
static void count_picks(recording *r, int s, const int16_t *now, const int16_t *before)
{
    const shape_layer *layer = &r->shape.layer[s];
    for (int a = 0; a < layer->picks; a++) {
        if (now[a] < 0) continue;
        r->pairs.load[layer->first_expert + now[a]]++;
        r->comparable[s] += before != NULL;
        r->kept[s] += before && among(before, layer->picks, now[a]);
        for (int b = 0; r->pairs.count && b < layer->picks; b++)
            if (now[b] >= 0) r->pairs.count[s][now[a] * layer->experts + now[b]]++;
    }
}

static cadre_status read_token(const json_document *document, recording *r, int16_t *before)
{
    json_node token = json_root(document);
    bool prompt = false;
    CADRE_TRY(passage_add(&r->text, &token, &r->shape));
    CADRE_TRY(json_opt_bool(&token, "prompt", &prompt));
    const int16_t *now = r->text.expert + (int64_t)r->text.latest * r->shape.picks;
    for (int s = 0; s < r->shape.layers; s++) {
        int first = r->shape.layer[s].first_pick;
        count_picks(r, s, now + first, r->tokens ? before + first : NULL);
    }
    memcpy(before, now, (size_t)r->shape.picks * sizeof *before);
    r->tokens++;
    r->given += prompt;
    return CADRE_OK;
}

static cadre_status read_tokens(json_lines *lines, recording *r, int16_t *before)
{
    for (;;) {
        json_document *document;
        CADRE_TRY(lines_next(lines, &document));
        if (!document) return CADRE_OK;
        cadre_status status = read_token(document, r, before);
        json_close(document);
        if (status != CADRE_OK) return status;
    }
}

cadre_status recording_read(const char *path, recording *r)
{
    recording read = { .written = file_written(path) };
    json_lines lines;
    int16_t *before = NULL;
    CADRE_TRY(lines_open(path, &lines));
    cadre_status status = read_head(&lines, &read);
    if (status == CADRE_OK) status = make_tables(&read);
    if (status == CADRE_OK && !(before = MEM_ARRAY(int16_t, read.shape.picks)))
        status = CADRE_ENOMEM;
    if (status == CADRE_OK) status = read_tokens(&lines, &read, before);
    lines_close(&lines);
    mem_free(before);
    if (status == CADRE_OK) *r = read;
    else recording_free(&read);
    return status;
}

void recording_free(recording *r)
{
    expert_pairs_free(&r->pairs);
    mem_free(r->kept);
    mem_free(r->comparable);
    passage_free(&r->text);
    shape_free(&r->shape);
    json_close(r->head);
    *r = (recording){ 0 };
}

/* training_run.c - reads run.json and the other files of a run that lie beside it. */
#include "report/training_run.h"

#include <math.h>

#include "base/file.h"
#include "base/memory.h"

#define RUN_LIMIT ((size_t)16 << 20)

static cadre_status read_sizes(const json_node *root, training_run *r)
{
    const struct {
        const char *key;
        int64_t *value;
    } row[] = {
        { "parameters", &r->parameters },
        { "active_parameters", &r->active_parameters },
        { "width", &r->width },
        { "layers", &r->depth },
        { "encoder_layers", &r->encoder }, /* of these, the first */
        { "vocab", &r->vocabulary },
        { "tokens", &r->tokens },
        { "steps", &r->steps },
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        *row[i].value = -1;
        CADRE_TRY(json_opt_int(root, row[i].key, 0, INT64_MAX, row[i].value));
    }
    r->seconds = NAN;
    return json_opt_real(root, "seconds", 0, 1e12, &r->seconds);
}

static cadre_status read_description(const char *path, training_run *r)
{
    json_node sparse;
    CADRE_TRY(json_open_dense(path, RUN_LIMIT, &r->document));
    r->root = json_root(r->document);
    r->recipe = r->model_type = r->command = r->date = "";
    CADRE_TRY(json_as_object(&r->root));
    CADRE_TRY(json_opt_string(&r->root, "recipe", &r->recipe));
    CADRE_TRY(json_opt_string(&r->root, "model_type", &r->model_type));
    CADRE_TRY(json_opt_string(&r->root, "command", &r->command));
    CADRE_TRY(json_opt_string(&r->root, "date", &r->date));
    CADRE_TRY(json_opt_array(&r->root, "data_paths", &r->data));
    CADRE_TRY(read_sizes(&r->root, r));
    CADRE_TRY(json_opt_object(&r->root, "options", &r->options));
    CADRE_TRY(json_get_array(&r->root, "sparse_layers", &sparse));
    return shape_read(&sparse, &r->shape);
}

static cadre_status read_all(training_run *r, char *const *path)
{
    for (int i = 0; i < 5; i++)
        if (!path[i]) return CADRE_ENOMEM;
    CADRE_TRY(read_description(path[0], r));
    CADRE_TRY(history_read(path[1], &r->shape, &r->history));
    CADRE_TRY(rank_log_read(path[4], &r->ranks));
    return analysis_read(path[2], path[3], &r->shape, &r->analysis);
}

cadre_status training_run_read(const char *folder, training_run *r)
{
    char *path[] = { file_join(folder, "run.json"), file_join(folder, "metrics.jsonl"),
        file_join(folder, "analysis.json"), file_join(folder, "compare.json"),
        file_join(folder, "ranks.jsonl") };
    *r = (training_run){ 0 };
    cadre_status status = read_all(r, path);
    for (int i = 0; i < 5; i++) mem_free(path[i]);
    if (status != CADRE_OK) training_run_free(r);
    return status;
}

void training_run_free(training_run *r)
{
    analysis_free(&r->analysis);
    history_free(&r->history);
    rank_log_free(&r->ranks);
    shape_free(&r->shape);
    json_close(r->document);
    *r = (training_run){ 0 };
}

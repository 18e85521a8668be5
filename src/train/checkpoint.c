/* checkpoint.c - saves, finds and verifies checkpoints. */
#include "train/checkpoint.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/safetensors.h"
#include "weights/adapter_file.h"
#include "weights/files.h"

static const char model_name[] = "model.safetensors", state_prefix[] = "training-state-",
                  state_suffix[] = ".safetensors";

/* The file of the weights that a run in the folder has saved: of an adapter, or of a model */
static const char *weights_of(const char *folder)
{
    return file_exists_in(folder, ADAPTER_WEIGHTS) ? ADAPTER_WEIGHTS : model_name;
}

static bool is_state(const char *name)
{
    size_t length = strlen(name), prefix = sizeof state_prefix - 1,
           suffix = sizeof state_suffix - 1;
    return length > prefix + suffix && !strncmp(name, state_prefix, prefix) &&
           !strcmp(name + length - suffix, state_suffix);
}

/* Calls visit(path, arg) for every state file of the folder until one returns something other than
 * CADRE_OK. */
static cadre_status each_state(
    const char *folder, cadre_status (*visit)(const char *path, void *arg), void *arg)
{
    char **names;
    int count;
    CADRE_TRY(file_list(folder, &names, &count));
    cadre_status status = CADRE_OK;
    for (int i = 0; i < count && status == CADRE_OK; i++) {
        if (!is_state(names[i])) continue;
        char *path = file_join(folder, names[i]);
        status = path ? visit(path, arg) : CADRE_ENOMEM;
        mem_free(path);
    }
    file_list_free(names, count);
    return status;
}

static cadre_status stop_at_first(const char *path, void *arg)
{
    (void)path;
    *(bool *)arg = true;
    return CADRE_OK;
}

bool checkpoint_exists(const char *folder)
{
    bool state = false;
    return file_is_folder(folder) && file_exists_in(folder, weights_of(folder)) &&
           each_state(folder, stop_at_first, &state) == CADRE_OK && state;
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), size = strlen(end);
    return length >= size && !strcmp(name + length - size, end);
}

static bool is_weights(const char *name)
{
    return (ends_with(name, state_suffix) && !is_state(name)) ||
           ends_with(name, ".safetensors.index.json") || ends_with(name, ".gguf");
}

bool checkpoint_model_alone(const char *folder)
{
    char **names;
    int count;
    bool found = false;
    if (!file_is_folder(folder) || checkpoint_exists(folder) ||
        file_list(folder, &names, &count) != CADRE_OK)
        return false;
    for (int i = 0; i < count; i++) found |= is_weights(names[i]);
    file_list_free(names, count);
    return found;
}

bool checkpoint_folder_used(const char *folder)
{
    bool state = false;
    if (!file_is_folder(folder)) return file_exists(folder);
    if (checkpoint_exists(folder) || checkpoint_model_alone(folder)) return true;
    if (file_exists_in(folder, "config.json") || file_exists_in(folder, "metrics.jsonl"))
        return true;
    return each_state(folder, stop_at_first, &state) == CADRE_OK && state;
}

/* ---- saving ---- */

static cadre_status put_number(safetensors_writer *w, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static cadre_status put_number(safetensors_writer *w, const char *key, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return safetensors_writer_metadata(w, key, text);
}

static cadre_status declare_state(
    safetensors_writer *w, const checkpoint_arrays *a, const optimizer_state *s)
{
    return a->adapter ? adapter_declare_state(w, s->prefix, s->table)
                      : model_declare_values(w, s->prefix, a->config, s->table, true);
}

/* The prefix of the master weights: the float32 weights that are trained, if the model's file holds
 * rounded ones */
static const char master[] = "master.";

static bool rounds(const checkpoint_arrays *a)
{
    return !a->adapter && a->format && a->format != &number_f32;
}

static cadre_status describe_state(
    safetensors_writer *w, const checkpoint_arrays *a, const checkpoint_state *s, hash128 model)
{
    char text[HASH_TEXT];
    CADRE_TRY(safetensors_writer_metadata(w, "format", "cadre training state 1"));
    CADRE_TRY(safetensors_writer_metadata(w, "model", hash_text(model, text)));
    CADRE_TRY(put_number(w, "step", "%" PRId64, s->step));
    CADRE_TRY(put_number(w, "tokens", "%" PRId64, s->tokens));
    CADRE_TRY(put_number(w, "seconds", "%.3f", s->seconds));
    CADRE_TRY(safetensors_writer_metadata(w, "run", s->run));
    if (rounds(a)) CADRE_TRY(safetensors_writer_metadata(w, "master", "f32"));
    CADRE_TRY(put_number(w, "mean_loss", "%a", s->guard.mean));
    CADRE_TRY(put_number(w, "losses", "%" PRId64, s->guard.seen));
    CADRE_TRY(put_number(w, "skipped", "%" PRId64, s->guard.bad));
    CADRE_TRY(put_number(w, "best_loss", "%a", s->best));
    CADRE_TRY(put_number(w, "best_step", "%" PRId64, s->best_step));
    if (rounds(a)) CADRE_TRY(model_declare_values(w, master, a->config, a->table, true));
    for (int i = 0; i < a->states; i++) CADRE_TRY(declare_state(w, a, &a->state[i]));
    return CADRE_OK;
}

/* One array of a checkpoint */
typedef struct array_source {
    const checkpoint_arrays *arrays;
    int array;
} array_source;

static cadre_status read_array(const void *arg, int64_t first, int64_t count, real *to)
{
    const array_source *s = arg;
    return s->arrays->source.read(s->arrays->source.arg, s->array, first, count, to);
}

/* array: borrowed by what is returned */
static values_source source_of(const array_source *array)
{
    const checkpoint_arrays *a = array->arrays;
    if (a->source.read) return (values_source){ read_array, array };
    return values_in_memory(array->array ? a->state[array->array - 1].values : a->values);
}

static cadre_status put_array(
    safetensors_writer *w, const checkpoint_arrays *a, const param_table *table, int array)
{
    const array_source from = { a, array };
    const values_source source = source_of(&from);
    return model_put_values(w, table, &source, true);
}

static cadre_status write_state(
    const char *path, const checkpoint_arrays *a, const checkpoint_state *s, hash128 model)
{
    safetensors_writer *w;
    CADRE_TRY(safetensors_writer_open(path, true, &w));
    cadre_status status = describe_state(w, a, s, model);
    if (status == CADRE_OK && rounds(a)) status = put_array(w, a, a->table, 0);
    for (int i = 0; i < a->states && status == CADRE_OK; i++)
        status = put_array(w, a, a->state[i].table, i + 1);
    if (status == CADRE_OK) return safetensors_writer_commit(w);
    safetensors_writer_discard(w);
    return status;
}

static cadre_status remove_other(const char *path, void *keep)
{
    return strcmp(path, keep) ? file_remove(path) : CADRE_OK;
}

/* The pairs of an adapter are few. */
static cadre_status write_adapter_pending(const char *path, const checkpoint_arrays *a,
    const values_source *from, safetensors_writer **pending, hash128 *hash)
{
    real *values = MEM_ARRAY(real, a->table->elements);
    cadre_status status =
        values ? from->read(from->arg, 0, a->table->elements, values) : CADRE_ENOMEM;
    if (status == CADRE_OK)
        status = adapter_write_pending(path, a->config, a->adapter, values, pending, hash);
    mem_free(values);
    return status;
}

static cadre_status write_pending(
    const char *path, const checkpoint_arrays *a, safetensors_writer **pending, hash128 *hash)
{
    const number_format *format = a->format ? a->format : &number_f32;
    const array_source array = { a, 0 };
    const values_source from = source_of(&array);
    if (a->adapter) return write_adapter_pending(path, a, &from, pending, hash);
    return model_write_pending(path, a->config, a->table, format, &from, pending, hash);
}

cadre_status checkpoint_save(
    const char *folder, const checkpoint_arrays *a, const checkpoint_state *s)
{
    char *model = file_join(folder, a->adapter ? ADAPTER_WEIGHTS : model_name);
    char *state = mem_printf("%s/%s%09" PRId64 "%s", folder, state_prefix, s->step, state_suffix);
    safetensors_writer *pending = NULL;
    hash128 hash;
    cadre_status status = model && state ? write_pending(model, a, &pending, &hash) : CADRE_ENOMEM;
    if (status == CADRE_OK) {
        status = write_state(state, a, s, hash);
        /* The commit renames the model's file, and from then on the new checkpoint counts. */
        if (status == CADRE_OK) status = safetensors_writer_commit(pending);
        else safetensors_writer_discard(pending);
        if (status == CADRE_OK) status = each_state(folder, remove_other, state);
    }
    mem_free(model);
    mem_free(state);
    return status;
}

cadre_status checkpoint_sweep(const char *folder)
{
    char **names;
    int count;
    CADRE_TRY(file_list(folder, &names, &count));
    cadre_status status = CADRE_OK;
    for (int i = 0; i < count && status == CADRE_OK; i++) {
        if (!strstr(names[i], ".tmp-")) continue;
        char *path = file_join(folder, names[i]);
        if (!path) status = CADRE_ENOMEM;
        else if (!file_is_folder(path)) status = file_remove(path);
        mem_free(path);
    }
    file_list_free(names, count);
    return status;
}

/* ---- loading ---- */

typedef struct search {
    char model[HASH_TEXT]; /* of the model file in the folder */
    safetensors *found;
} search;

static cadre_status try_state(const char *path, void *arg)
{
    search *s = arg;
    safetensors *file;
    if (s->found) return CADRE_OK;
    /* A state that cannot be read may belong to another step. */
    if (safetensors_open(path, &file) != CADRE_OK) return CADRE_OK;
    const char *model = safetensors_metadata(file, "model");
    if (model && !strcmp(model, s->model)) s->found = file;
    else safetensors_close(file);
    return CADRE_OK;
}

static cadre_status find_state(const char *folder, safetensors **file)
{
    char *model = file_join(folder, weights_of(folder));
    if (!model) return CADRE_ENOMEM;
    hash128 hash;
    search s = { 0 };
    cadre_status status = hash_file(model, &hash);
    if (status == CADRE_OK) {
        hash_text(hash, s.model);
        status = each_state(folder, try_state, &s);
    }
    if (status == CADRE_OK && !s.found)
        status = cadre_fail(CADRE_EMISMATCH, model,
            "expected a training state that was saved with this file, found none: "
            "the model or its state has been damaged or replaced");
    mem_free(model);
    *file = s.found;
    return status;
}

/* A number of the metadata; 0: the state is older than this key */
static double number_of(const safetensors *file, const char *key)
{
    const char *text = safetensors_metadata(file, key);
    return text ? strtod(text, NULL) : 0;
}

static cadre_status read_description(const safetensors *file, checkpoint_state *s, char **run)
{
    const char *step = safetensors_metadata(file, "step"),
               *tokens = safetensors_metadata(file, "tokens");
    const char *seconds = safetensors_metadata(file, "seconds"),
               *text = safetensors_metadata(file, "run");
    if (!step || !tokens || !seconds || !text)
        return cadre_fail(CADRE_EFORMAT, safetensors_path(file),
            "expected step, tokens, seconds and run in its metadata");
    *s = (checkpoint_state){ .step = strtoll(step, NULL, 10),
        .tokens = strtoll(tokens, NULL, 10),
        .seconds = strtod(seconds, NULL),
        .guard = { .mean = number_of(file, "mean_loss"),
            .seen = (int64_t)number_of(file, "losses"),
            .bad = (int64_t)number_of(file, "skipped") },
        .best = number_of(file, "best_loss"),
        .best_step = (int64_t)number_of(file, "best_step") };
    if (s->step < 0 || s->tokens < 0)
        return cadre_fail(CADRE_EFORMAT, safetensors_path(file),
            "expected steps and tokens of 0 or more, found %s and %s", step, tokens);
    char *copy = mem_strdup(text);
    if (!copy) return CADRE_ENOMEM;
    s->run = *run = copy;
    return CADRE_OK;
}

cadre_status checkpoint_peek(const char *folder, checkpoint_state *state, char **run)
{
    safetensors *file;
    CADRE_TRY(find_state(folder, &file));
    cadre_status status = read_description(file, state, run);
    safetensors_close(file);
    return status;
}

static cadre_status read_values(const char *folder, const checkpoint_arrays *a)
{
    return a->adapter ? adapter_read_values(folder, a->config, a->adapter, a->values)
                      : model_read_values(folder, a->config, a->table, a->values);
}

cadre_status checkpoint_load(
    const char *folder, const checkpoint_arrays *a, checkpoint_state *state, char **run)
{
    safetensors *file;
    CADRE_TRY(find_state(folder, &file));
    cadre_status status = safetensors_verify(file);
    if (status == CADRE_OK) status = read_values(folder, a);
    if (status == CADRE_OK && safetensors_metadata(file, "master"))
        status = model_take_values(file, master, a->config, a->table, true, a->values);
    for (int i = 0; i < a->states && status == CADRE_OK; i++) {
        const optimizer_state *s = &a->state[i];
        status = a->adapter
                     ? adapter_take_state(file, s->prefix, s->table, s->values)
                     : model_take_values(file, s->prefix, a->config, s->table, true, s->values);
    }
    if (status == CADRE_OK) status = read_description(file, state, run);
    safetensors_close(file);
    return status;
}

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

/* One array of a checkpoint: 0 is the values, i + 1 is state i */
typedef struct array_source {
    const checkpoint_ranks *ranks;
    trainer_reader *reader; /* NULL: this rank writes what it has */
    int array;
} array_source;

static held_values hold_own(const void *arg, const param *p)
{
    const array_source *s = arg;
    return trainer_held(s->ranks->trainer, s->array - 1, p->index);
}

static cadre_status read_all(const void *arg, int64_t first, int64_t count, real *to)
{
    const array_source *s = arg;
    return trainer_reader_read(s->reader, s->array - 1, first, count, to);
}

/* What is saved, and the file that is written now */
typedef struct saving {
    const checkpoint_arrays *arrays;
    const checkpoint_state *state;
    hash128 model;          /* of the model's file, once that is written */
    trainer_reader *reader; /* on rank 0, if the others do not write */
    safetensors_writer *file;
} saving;

/* array: borrowed by what is returned */
static values_source source_of(const saving *s, const array_source *array)
{
    const checkpoint_arrays *a = s->arrays;
    if (!a->ranks)
        return values_in_memory(array->array ? a->state[array->array - 1].values : a->values);
    return (
        values_source){ .held = hold_own, .read = array->reader ? read_all : NULL, .arg = array };
}

static cadre_status put_array(const saving *s, const param_table *table, int array)
{
    const array_source from = { s->arrays->ranks, s->reader, array };
    const values_source source = source_of(s, &from);
    return model_put_values(s->file, table, &source, true);
}

static cadre_status write_state(const saving *s)
{
    const checkpoint_arrays *a = s->arrays;
    CADRE_TRY(describe_state(s->file, a, s->state, s->model));
    if (rounds(a)) CADRE_TRY(put_array(s, a->table, 0));
    for (int i = 0; i < a->states; i++) CADRE_TRY(put_array(s, a->state[i].table, i + 1));
    return CADRE_OK;
}

/* The pairs of an adapter are few. */
static cadre_status write_adapter(const saving *s)
{
    const checkpoint_arrays *a = s->arrays;
    if (!a->ranks) return adapter_write(s->file, a->config, a->adapter, a->values);
    real *values = MEM_ARRAY(real, a->table->elements);
    cadre_status status =
        values ? trainer_reader_read(s->reader, TRAINER_VALUES, 0, a->table->elements, values)
               : CADRE_ENOMEM;
    if (status == CADRE_OK) status = adapter_write(s->file, a->config, a->adapter, values);
    mem_free(values);
    return status;
}

static cadre_status write_weights(const saving *s)
{
    const checkpoint_arrays *a = s->arrays;
    const array_source array = { a->ranks, s->reader, 0 };
    const values_source from = source_of(s, &array);
    if (a->adapter) return write_adapter(s);
    return model_write(s->file, a->config, a->table, a->format ? a->format : &number_f32, &from);
}

/* Opens a file for all ranks if they all see it; otherwise for rank 0, and the others have none. */
static cadre_status open_file(const checkpoint_arrays *a, const char *path, bool hashes, saving *s)
{
    checkpoint_ranks *r = a->ranks;
    if (r && !a->adapter)
        return safetensors_writer_open_among(path, hashes, r->world, &s->file, &r->blind);
    if (r && r->world->rank > 0) return CADRE_OK;
    return safetensors_writer_open(path, hashes, &s->file);
}

/* Writes a file, complete on the disk under a temporary name, and leaves its writer in s->file. */
static cadre_status write_file(
    const char *path, bool hashes, cadre_status (*write)(const saving *s), saving *s, hash128 *hash)
{
    const checkpoint_arrays *a = s->arrays;
    checkpoint_ranks *r = a->ranks;
    s->file = NULL;
    CADRE_TRY(open_file(a, path, hashes, s));
    if (!s->file) return trainer_answer(r->trainer);
    const bool reads = r && (a->adapter || r->blind >= 0);
    cadre_status status = reads ? trainer_reader_open(r->trainer, 0, &s->reader) : CADRE_OK;
    if (status == CADRE_OK) status = write(s);
    trainer_reader_close(s->reader);
    s->reader = NULL;
    if (status == CADRE_OK) status = safetensors_writer_finish(s->file, hash);
    if (r) r->bytes += (int64_t)safetensors_writer_written(s->file);
    return status;
}

static cadre_status remove_other(const char *path, void *keep)
{
    return strcmp(path, keep) ? file_remove(path) : CADRE_OK;
}

/* Gives the file that was written its name, or removes it if something has failed. */
static cadre_status commit(safetensors_writer *file, cadre_status status)
{
    if (file && status == CADRE_OK) return safetensors_writer_commit(file);
    safetensors_writer_discard(file);
    return status;
}

/* The commit of the model renames its file, and from then on the new checkpoint counts. */
static cadre_status save(const char *model, char *state, saving *s)
{
    cadre_status status = write_file(model, false, write_weights, s, &s->model);
    safetensors_writer *pending = s->file;
    if (status == CADRE_OK) {
        status = write_file(state, true, write_state, s, NULL);
        status = commit(s->file, status);
    }
    return commit(pending, status);
}

cadre_status checkpoint_save(
    const char *folder, const checkpoint_arrays *a, const checkpoint_state *state)
{
    saving s = { .arrays = a, .state = state };
    bool leads = !a->ranks || a->ranks->world->rank == 0;
    char *model = file_join(folder, a->adapter ? ADAPTER_WEIGHTS : model_name),
         *path =
             mem_printf("%s/%s%09" PRId64 "%s", folder, state_prefix, state->step, state_suffix);
    if (a->ranks) a->ranks->bytes = 0, a->ranks->blind = -1;
    cadre_status status = model && path ? save(model, path, &s) : CADRE_ENOMEM;
    if (status == CADRE_OK && leads) status = each_state(folder, remove_other, path);
    mem_free(model);
    mem_free(path);
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

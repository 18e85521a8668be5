/* adapter_file.c - reads and writes the tensors of adapters. */
#include "weights/adapter_file.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "kernel/number.h"
#include "weights/adapter_names.h"

/* ---- tensors: each has one pair's A or B, or those of all experts of a layer ---- */

typedef struct pair_tensor {
    const adapter *a;
    int64_t pair, experts; /* the first, and how many are in it */
    bool up;               /* B */
    bool alternating;      /* in a B of gate and up, a row of the one follows one of the other */
} pair_tensor;

/* The parameter of one of the tensor's experts */
static const param *param_of(const pair_tensor *t, int64_t expert)
{
    return &t->a->table.rows[2 * (t->pair + expert) + t->up];
}

static int64_t experts_at(const adapter *a, int64_t i)
{
    const adapter_pair *first = &a->pair[i];
    int64_t count = 1;
    while (first->fused && i + count < a->count && a->pair[i + count].fused &&
           a->pair[i + count].layer == first->layer && a->pair[i + count].role == first->role)
        count++;
    return count;
}

static pair_tensor before_first(const adapter *a, const model_config *config)
{
    return (pair_tensor){ .a = a, .alternating = adapter_rows_alternate(config) };
}

/* Moves on to the next tensor. */
static bool next_tensor(pair_tensor *t)
{
    if (t->experts && !t->up) t->up = true;
    else {
        t->pair += t->experts;
        t->up = false;
    }
    if (t->pair == t->a->count) return false;
    t->experts = experts_at(t->a, t->pair);
    return true;
}

/* The shape of the tensor: for experts, A is [E R, in] and B is [out, R E]. */
static void shape_of(const pair_tensor *t, int64_t shape[2])
{
    const param *p = param_of(t, 0);
    shape[0] = t->up ? p->rows : t->experts * p->rows;
    shape[1] = t->up ? t->experts * p->cols : p->cols;
}

static cadre_status name_of(const pair_tensor *t, const model_config *config, char **name)
{
    char module[ADAPTER_NAME];
    CADRE_TRY(adapter_module_name(config, t->a, &t->a->pair[t->pair], module));
    *name = mem_printf("base_model.model.%s.lora_%c.weight", module, t->up ? 'B' : 'A');
    return *name ? CADRE_OK : CADRE_ENOMEM;
}

/* The place of element `at` of a tensor in the flat layout */
static int64_t place_of(const pair_tensor *t, int64_t at)
{
    const param *p = param_of(t, 0);
    if (!t->up) {
        int64_t each = p->rows * p->cols;
        return param_of(t, at / each)->offset + at % each;
    }
    int64_t row = at / (t->experts * p->cols), column = at % (t->experts * p->cols);
    const adapter_pair *pair = &t->a->pair[t->pair];
    bool both = pair->fused && pair->role == ROLE_EXPERT_GATE;
    if (both && t->alternating) row = row / 2 + (row % 2) * (p->rows / 2);
    return param_of(t, column % t->experts)->offset + row * p->cols + column / t->experts;
}

/* ---- writing ---- */

enum { CHUNK = 4096 };

static cadre_status declare_values(
    safetensors_writer *w, const model_config *config, const adapter *a)
{
    cadre_status status = CADRE_OK;
    for (pair_tensor t = before_first(a, config); status == CADRE_OK && next_tensor(&t);) {
        int64_t shape[2];
        char *name;
        CADRE_TRY(name_of(&t, config, &name));
        shape_of(&t, shape);
        status = safetensors_writer_declare(w, name, "F32", 2, shape);
        mem_free(name);
    }
    return status;
}

static cadre_status put_values(
    safetensors_writer *w, const model_config *config, const adapter *a, const real *values)
{
    float chunk[CHUNK];
    for (pair_tensor t = before_first(a, config); next_tensor(&t);) {
        int64_t shape[2];
        shape_of(&t, shape);
        int64_t count = shape[0] * shape[1];
        for (int64_t i = 0; i < count; i += CHUNK) {
            int64_t n = count - i < CHUNK ? count - i : CHUNK;
            for (int64_t j = 0; j < n; j++) chunk[j] = (float)values[place_of(&t, i + j)];
            CADRE_TRY(safetensors_writer_put(w, chunk, (size_t)n * sizeof *chunk));
        }
    }
    return CADRE_OK;
}

cadre_status adapter_write(
    safetensors_writer *w, const model_config *config, const adapter *a, const real *values)
{
    CADRE_TRY(safetensors_writer_metadata(w, "format", "pt"));
    CADRE_TRY(declare_values(w, config, a));
    return put_values(w, config, a, values);
}

/* ---- reading ---- */

static cadre_status refuse_numbers(const safetensors *file, const safetensors_tensor *t)
{
    return cadre_fail(CADRE_EFORMAT, safetensors_path(file),
        "%s: expected numbers, found NaN or an infinity", t->name);
}

static cadre_status take(
    const safetensors *file, const char *name, const pair_tensor *t, real *values)
{
    const safetensors_tensor *stored;
    int64_t shape[2];
    float chunk[CHUNK];
    shape_of(t, shape);
    CADRE_TRY(safetensors_get_as(file, name, NULL, 2, shape, &stored));
    const number_format *format = number_by_safetensors(stored->dtype);
    if (!format || (format != &number_f32 && format != &number_f16 && format != &number_bf16))
        return cadre_fail(CADRE_EUNSUPPORTED, safetensors_path(file),
            "%s: expected F32, F16 or BF16, found %s", name, stored->dtype);
    for (int64_t i = 0; i < stored->elements; i += CHUNK) {
        int64_t n = stored->elements - i < CHUNK ? stored->elements - i : CHUNK;
        format->unpack(stored->data + number_row_bytes(format, i), chunk, n);
        for (int64_t j = 0; j < n; j++) {
            if (chunk[j] - chunk[j] != 0) return refuse_numbers(file, stored);
            values[place_of(t, i + j)] = chunk[j];
        }
    }
    return CADRE_OK;
}

static cadre_status take_values(
    const safetensors *file, const model_config *config, const adapter *a, real *values)
{
    cadre_status status = CADRE_OK;
    for (pair_tensor t = before_first(a, config); status == CADRE_OK && next_tensor(&t);) {
        char *name;
        CADRE_TRY(name_of(&t, config, &name));
        status = take(file, name, &t, values);
        mem_free(name);
    }
    return status;
}

static cadre_status is_of(
    const model_config *config, const adapter *a, const char *stored, bool *found)
{
    *found = false;
    for (pair_tensor t = before_first(a, config); !*found && next_tensor(&t);) {
        char *name;
        CADRE_TRY(name_of(&t, config, &name));
        *found = !strcmp(name, stored);
        mem_free(name);
    }
    return CADRE_OK;
}

/* Refuses tensors that belong to no pair, because their effect on the model would be missing. */
static cadre_status refuse_others(
    const safetensors *file, const model_config *config, const adapter *a)
{
    size_t wanted = 0;
    for (pair_tensor t = before_first(a, config); next_tensor(&t);) wanted++;
    if (safetensors_count(file) == wanted) return CADRE_OK; /* all of them were found */
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const char *name = safetensors_at(file, i)->name;
        bool found;
        CADRE_TRY(is_of(config, a, name, &found));
        if (!found)
            return cadre_fail(CADRE_EUNSUPPORTED, safetensors_path(file),
                "%s: expected the tensors of the pairs that " ADAPTER_CONFIG " names alone, found "
                "another",
                name);
    }
    return CADRE_OK;
}

cadre_status adapter_read_values(
    const char *folder, const model_config *config, const adapter *a, real *values)
{
    safetensors *file;
    char *path = file_join(folder, ADAPTER_WEIGHTS);
    if (!path) return CADRE_ENOMEM;
    cadre_status status = safetensors_open(path, &file);
    mem_free(path);
    CADRE_TRY(status);
    status = take_values(file, config, a, values);
    if (status == CADRE_OK) status = refuse_others(file, config, a);
    safetensors_close(file);
    return status;
}

/* ---- states ---- */

enum { STATE_NAME = 64 };

static void state_name(const char *prefix, const param *p, char text[STATE_NAME])
{
    snprintf(text, STATE_NAME, "%spair.%lld.%c", prefix, (long long)p->index / 2,
        p->index % 2 ? 'B' : 'A');
}

cadre_status adapter_declare_state(
    safetensors_writer *w, const char *prefix, const param_table *table)
{
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        const int64_t shape[2] = { p->rows, p->cols };
        char name[STATE_NAME];
        if (p->kind == PARAM_STATE) continue;
        state_name(prefix, p, name);
        CADRE_TRY(safetensors_writer_declare(w, name, "F32", 2, shape));
    }
    return CADRE_OK;
}

cadre_status adapter_take_state(
    const safetensors *file, const char *prefix, const param_table *table, real *values)
{
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        const int64_t shape[2] = { p->rows, p->cols };
        const safetensors_tensor *t;
        char name[STATE_NAME];
        if (p->kind == PARAM_STATE) continue;
        state_name(prefix, p, name);
        CADRE_TRY(safetensors_get_as(file, name, "F32", 2, shape, &t));
        for (int64_t j = 0; j < t->elements; j++) {
            float value;
            memcpy(&value, t->data + j * (int64_t)sizeof value, sizeof value);
            values[p->offset + j] = value;
        }
    }
    return CADRE_OK;
}

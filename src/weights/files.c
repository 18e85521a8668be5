/* files.c - reads and writes parameters in safetensors. */
#include "weights/files.h"

#include <string.h>

#include "arch/architecture.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "kernel/number.h"
#include "weights/param_source.h"
#include "weights/tensor_list.h"
#include "weights/unused_tensors.h"

enum { CHUNK = 4096 }; /* elements converted at a time */

static bool left_out(const param *p, bool trained_only)
{
    return trained_only && p->kind == PARAM_STATE;
}

/* PREFIX and the name of a tensor that holds this parameter alone; NULL: out of memory. */
static char *full_name(const char *prefix, const architecture *arch, const param *p)
{
    char *name = tensor_name_alone(arch, p);
    if (!name || !*prefix) return name;
    char *full = mem_printf("%s%s", prefix, name);
    mem_free(name);
    return full;
}

/* The shape as in files: [cols] for a vector, otherwise [rows, cols]. Returns the rank. */
static int file_shape(const param *p, int64_t shape[2])
{
    shape[0] = p->whole;
    shape[1] = p->cols;
    return param_is_vector(p) ? 1 : 2;
}

/* ---- writing ---- */

cadre_status model_declare_values(safetensors_writer *w, const char *prefix,
    const model_config *config, const param_table *table, bool trained_only)
{
    cadre_status status = CADRE_OK;
    for (int64_t i = 0; i < table->count && status == CADRE_OK; i++) {
        const param *p = &table->rows[i];
        if (left_out(p, trained_only)) continue;
        char *name = full_name(prefix, param_stack(config, p)->arch, p);
        if (!name) return CADRE_ENOMEM;
        int64_t shape[2];
        int rank = file_shape(p, shape);
        status = safetensors_writer_declare(w, name, "F32", rank, shape);
        mem_free(name);
    }
    return status;
}

static held_values hold_all(const void *arg, const param *p)
{
    return (held_values){ { 0, p->rows * p->cols }, (const real *)arg + p->offset };
}

values_source values_in_memory(const real *values)
{
    return (values_source){ .held = hold_all, .arg = values };
}

/* The elements of a parameter that are written here */
static held_values held_of(const values_source *source, const param *p)
{
    if (source->read) return (held_values){ { 0, p->rows * p->cols }, NULL };
    return source->held(source->arg, p);
}

/* Elements first .. of a parameter, which are among those held, as floats */
static cadre_status get_floats(const values_source *source, const held_values *held, const param *p,
    const param_range *wanted, float *values)
{
    real chunk[CHUNK];
    for (int64_t i = wanted->first; i < wanted->end; i += CHUNK) {
        int64_t n = wanted->end - i < CHUNK ? wanted->end - i : CHUNK;
        const real *from = chunk;
        if (source->read) CADRE_TRY(source->read(source->arg, p->offset + i, n, chunk));
        else from = held->values + i - held->range.first;
        if (!REAL_IS_DOUBLE) memcpy(values, from, (size_t)n * sizeof *values);
        for (int64_t j = 0; REAL_IS_DOUBLE && j < n; j++) values[j] = (float)from[j];
        values += n;
    }
    return CADRE_OK;
}

static cadre_status skip_floats(safetensors_writer *w, int64_t count)
{
    return count ? safetensors_writer_skip(w, (size_t)count * sizeof(float)) : CADRE_OK;
}

static cadre_status put_floats(safetensors_writer *w, const values_source *source, const param *p)
{
    float chunk[CHUNK];
    const held_values held = held_of(source, p);
    const param_range *range = &held.range;
    const int64_t count = p->rows * p->cols;
    if (range->first >= range->end) return skip_floats(w, count);
    CADRE_TRY(skip_floats(w, range->first));
    for (int64_t i = range->first; i < range->end; i += CHUNK) {
        const param_range part = { i, range->end - i < CHUNK ? range->end : i + CHUNK };
        CADRE_TRY(get_floats(source, &held, p, &part, chunk));
        CADRE_TRY(safetensors_writer_put(w, chunk, (size_t)(part.end - i) * sizeof *chunk));
    }
    return skip_floats(w, count - range->end);
}

cadre_status model_put_values(
    safetensors_writer *w, const param_table *table, const values_source *values, bool trained_only)
{
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        if (!left_out(p, trained_only)) CADRE_TRY(put_floats(w, values, p));
    }
    return CADRE_OK;
}

/* A flat array, and the format that a file has it in. One thread reads it. */
typedef struct flat_source {
    const values_source *values;
    const number_format *format;
    cadre_status status; /* of the first row that could not be read */
} flat_source;

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* Elements that are not held are 0. */
static void flat_row(void *arg, const param *p, int64_t index, int64_t row, float *values)
{
    flat_source *flat = arg;
    (void)index;
    const held_values held = held_of(flat->values, p);
    const int64_t begin = row * p->cols, end = begin + p->cols;
    const param_range here = { later(begin, held.range.first), earlier(end, held.range.end) };
    if (here.end - here.first < p->cols) memset(values, 0, (size_t)p->cols * sizeof *values);
    if (flat->status == CADRE_OK && here.first < here.end)
        flat->status = get_floats(flat->values, &held, p, &here, values + here.first - begin);
    if (flat->status != CADRE_OK) memset(values, 0, (size_t)p->cols * sizeof *values);
}

static const number_format *flat_format(void *arg, const param *p)
{
    const flat_source *flat = arg;
    return p->kind == PARAM_STATE ? &number_f32 : flat->format;
}

static param_range flat_held(void *arg, const param *p, int64_t index)
{
    const flat_source *flat = arg;
    (void)index;
    return held_of(flat->values, p).range;
}

cadre_status model_write(safetensors_writer *w, const model_config *config,
    const param_table *table, const number_format *format, const values_source *values)
{
    flat_source flat = { values, format, CADRE_OK };
    tensor_list list;
    tensor_sink sink = { w, NULL };
    const tensor_source source = {
        .format = flat_format, .row = flat_row, .held = flat_held, .arg = &flat
    };
    CADRE_TRY(tensor_list_make(config, table, NAMES_OF_FOLDER, &source, &list));
    cadre_status status = safetensors_writer_metadata(w, "format", "pt");
    if (status == CADRE_OK) status = tensor_list_declare(&list, &sink);
    if (status == CADRE_OK) status = tensor_list_write(NULL, &list, &sink, &source, NULL, NULL);
    if (status == CADRE_OK) status = flat.status;
    tensor_list_free(&list);
    return status;
}

/* ---- reading ---- */

/* Reads `count` elements of a tensor in F32, F16 or BF16, from element `first` on, as `real`. */
static cadre_status unpack(
    const safetensors_tensor *t, const char *path, int64_t first, int64_t count, real *values)
{
    const number_format *format = number_by_safetensors(t->dtype);
    if (!format || format->block != 1)
        return cadre_fail(
            CADRE_EUNSUPPORTED, path, "%s: expected F32, F16 or BF16, found %s", t->name, t->dtype);
    float chunk[CHUNK];
    for (int64_t i = 0; i < count; i += CHUNK) {
        int64_t n = count - i < CHUNK ? count - i : CHUNK;
        format->unpack(t->data + number_row_bytes(format, first + i), chunk, n);
        for (int64_t j = 0; j < n; j++) values[i + j] = chunk[j];
    }
    return CADRE_OK;
}

static cadre_status take(const safetensors *file, const char *name, const param *p, real *values)
{
    const safetensors_tensor *t;
    int64_t shape[2];
    int rank = file_shape(p, shape);
    CADRE_TRY(safetensors_get_as(file, name, NULL, rank, shape, &t));
    return unpack(t, safetensors_path(file), param_elements_before(p), p->rows * p->cols, values);
}

cadre_status model_take_values(const safetensors *file, const char *prefix,
    const model_config *config, const param_table *table, bool trained_only, real *values)
{
    cadre_status status = CADRE_OK;
    for (int64_t i = 0; i < table->count && status == CADRE_OK; i++) {
        const param *p = &table->rows[i];
        if (left_out(p, trained_only)) continue;
        char *name = full_name(prefix, param_stack(config, p)->arch, p);
        status = name ? take(file, name, p, values + p->offset) : CADRE_ENOMEM;
        mem_free(name);
    }
    return status;
}

/* Refuses NaN and infinities: every sum with them is NaN or infinite too, so that training such a
 * model would fail without an error. */
static cadre_status check_numbers(
    const weight_file *file, const architecture *arch, const param *p, const real *values)
{
    int64_t count = p->rows * p->cols, at = 0;
    while (at < count && values[at] - values[at] == 0) at++;
    if (at == count) return CADRE_OK;
    char *name = tensor_name_alone(arch, p);
    if (!name) return CADRE_ENOMEM;
    const char *found = values[at] != values[at] ? "NaN" : "an infinity";
    cadre_status status = cadre_fail(
        CADRE_EFORMAT, weight_file_path(file), "%s: expected numbers, found %s", name, found);
    cadre_fail_advice("the file was damaged, or made so");
    mem_free(name);
    return status;
}

/* Whether the table is that of a whole model; a rank reads the tensors of its share alone. */
static bool is_whole(const param_table *table)
{
    int64_t trained = 0;
    for (int64_t i = 0; i < table->count; i++)
        if (table->rows[i].kind != PARAM_STATE)
            trained += table->rows[i].rows * table->rows[i].cols;
    return trained == table->total;
}

static cadre_status read_each(
    const weight_file *file, const model_config *config, const param_table *table, real *values)
{
    tensor_use use = { 0 };
    cadre_status status = CADRE_OK;
    for (int64_t i = 0; i < table->count && status == CADRE_OK; i++) {
        status = interrupt_check(weight_file_path(file));
        const param *p = &table->rows[i];
        const model_config *stack = param_stack(config, p);
        real *at = values + p->offset;
        if (status == CADRE_OK) status = param_read(file, stack, p, at, &use);
        if (status == CADRE_OK) status = check_numbers(file, stack->arch, p, at);
    }
    if (status == CADRE_OK && is_whole(table)) status = unused_tensors_check(&use, file, config);
    tensor_use_free(&use);
    return status;
}

cadre_status model_read_values(
    const char *path, const model_config *config, const param_table *table, real *values)
{
    weight_file file;
    CADRE_TRY(weight_file_open(path, &file));
    cadre_status status = read_each(&file, config, table, values);
    weight_file_close(&file);
    return status;
}

static cadre_status read_one(
    const char *path, const model_config *config, const param *p, real *values)
{
    weight_file file;
    CADRE_TRY(weight_file_open(path, &file));
    cadre_status status = param_read(&file, config, p, values, NULL);
    if (status == CADRE_OK) status = check_numbers(&file, config->arch, p, values);
    weight_file_close(&file);
    return status;
}

cadre_status model_read_image_codes(const char *path, const model_config *config, real *codes)
{
    param_table table;
    int64_t i = 0;
    CADRE_TRY(param_table_make(config, &table));
    while (table.rows[i].role != ROLE_IMAGE_CODES) i++;
    cadre_status status = read_one(path, config, &table.rows[i], codes);
    param_table_free(&table);
    return status;
}

/* random_model.c - a folder with a model of random weights, for benchmarks of a size before it is downloaded. */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/safetensors.h"
#include "model/architecture.h"
#include "model/files.h"
#include "model/initialise.h"

enum { CHUNK = 1 << 14 }; /* numbers at a time */

typedef struct random_model {
    const recipe *recipe; /* NULL: of a config.json */
    model_config config;
    param_table table;
    init_options init;
    const number_format *format;
    safetensors_writer *writer;
    real *values;    /* [CHUNK] */
    float *floats;   /* [CHUNK] */
    uint8_t *packed; /* [CHUNK * 4] */
} random_model;

static cadre_status choose(random_model *m, cadre_options *options, const char *config, const char *dtype)
{
    m->format = number_by_name(dtype ? dtype : "f32");
    if (!m->format || !m->format->pack || m->format->block != 1 || !m->format->safetensors)
        return cadre_fail(CADRE_EARGUMENT, NULL, "--dtype: expected f32, f16 or bf16, found \"%s\"", dtype);
    const char *name = cadre_options_text(options, "recipe", 0);
    if (!name == !config)
        return cadre_fail(CADRE_EARGUMENT, NULL, "--recipe or --config: expected one of them, found %s",
                          name ? "both" : "neither");
    uint64_t seed = (uint64_t)cadre_options_int(options, "seed", 0);
    if (config) {
        CADRE_TRY(model_config_read(config, &m->config));
    } else {
        char *notes;
        m->recipe = recipe_by_name(name);
        CADRE_TRY(recipe_apply(m->recipe, options));
        CADRE_TRY(recipe_config(m->recipe, options, cadre_options_int(options, "vocab", 0), &m->config, &notes));
        mem_free(notes);
    }
    m->init = init_options_of(m->recipe, &m->config, seed);
    return param_table_make(&m->config, &m->table);
}

/* States (selection biases) stay in float32, as published files have them. */
static const number_format *format_of(const random_model *m, const param *p)
{
    return p->kind == PARAM_STATE ? &number_f32 : m->format;
}

static cadre_status declare(random_model *m)
{
    CADRE_TRY(safetensors_writer_metadata(m->writer, "format", "pt"));
    for (int64_t i = 0; i < m->table.count; i++) {
        const param *p = &m->table.rows[i];
        int64_t shape[2];
        int rank = param_file_shape(p, shape);
        char *name = tensor_name_alone(m->config.arch, p);
        cadre_status status = name ? safetensors_writer_declare(m->writer, name, format_of(m, p)->safetensors, rank, shape)
                                   : CADRE_ENOMEM;
        mem_free(name);
        CADRE_TRY(status);
    }
    return CADRE_OK;
}

static cadre_status stream(random_model *m, int64_t index)
{
    const param *p = &m->table.rows[index];
    const number_format *format = format_of(m, p);
    int64_t size = p->rows * p->cols;
    for (int64_t at = 0; at < size; at += CHUNK) {
        int64_t n = size - at < CHUNK ? size - at : CHUNK;
        param_initialise(p, index, &m->init, at, n, m->values);
        for (int64_t i = 0; i < n; i++) m->floats[i] = (float)m->values[i];
        format->pack(m->floats, m->packed, n);
        CADRE_TRY(safetensors_writer_put(m->writer, m->packed, number_row_bytes(format, n)));
    }
    return CADRE_OK;
}

static cadre_status write_in(random_model *m, const char *folder)
{
    char *config = file_join(folder, "config.json"), *model = file_join(folder, "model.safetensors");
    cadre_status status = config && model ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK && file_exists(model))
        status = cadre_fail(CADRE_EEXISTS, folder, "expected an empty or new folder, found a model in it");
    if (status == CADRE_OK) status = file_make_folder(folder);
    if (status == CADRE_OK) status = model_config_write(&m->config, config);
    if (status == CADRE_OK) status = safetensors_writer_open(model, false, &m->writer);
    if (status == CADRE_OK) status = declare(m);
    for (int64_t i = 0; i < m->table.count && status == CADRE_OK; i++) status = stream(m, i);
    if (status == CADRE_OK) status = safetensors_writer_commit(m->writer);
    else safetensors_writer_discard(m->writer);
    mem_free(config);
    mem_free(model);
    return status;
}

cadre_status cadre_init(cadre_options *options, const char *config, const char *dtype, const char *out)
{
    random_model m = { .values = MEM_ARRAY(real, CHUNK),
                       .floats = MEM_ARRAY(float, CHUNK),
                       .packed = MEM_ARRAY(uint8_t, CHUNK * 4) };
    cadre_status status = m.values && m.floats && m.packed ? choose(&m, options, config, dtype) : CADRE_ENOMEM;
    if (status == CADRE_OK) status = write_in(&m, out);
    param_table_free(&m.table);
    model_config_free(&m.config);
    mem_free(m.values);
    mem_free(m.floats);
    mem_free(m.packed);
    return status;
}

/* random_model.c - a folder with a model of random weights, for benchmarks of a size before it is downloaded. */
#include <string.h>

#include "base/memory.h"
#include "model/architecture.h"
#include "model/initialise.h"
#include "model/model_output.h"

typedef struct random_model {
    const recipe *recipe; /* NULL: of a config.json */
    model_config config;
    param_table table;
    init_options init;
    const number_format *format;
    real *row; /* [widest] */
} random_model;

static cadre_status choose(random_model *m, cadre_options *options, const char *config, const char *dtype)
{
    m->format = number_by_name(dtype ? dtype : "f32");
    if (!m->format || !m->format->pack || m->format->block != 1 || !m->format->safetensors || m->format->gguf < 0)
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

static const number_format *format_of(void *arg, const param *p)
{
    const random_model *m = arg;
    (void)p;
    return m->format;
}

static cadre_status draw_row(void *arg, const param *p, int64_t index, int64_t row, float *values)
{
    const random_model *m = arg;
    param_initialise(p, index, &m->init, row * p->cols, p->cols, m->row);
    for (int64_t i = 0; i < p->cols; i++) values[i] = (float)m->row[i];
    return CADRE_OK;
}

static cadre_status write_out(random_model *m, const char *out)
{
    int64_t widest = 1, bytes;
    for (int64_t i = 0; i < m->table.count; i++)
        if (m->table.rows[i].cols > widest) widest = m->table.rows[i].cols;
    model_output o = { .path = out, .config = &m->config, .format = format_of, .row = draw_row, .arg = m };
    m->row = MEM_ARRAY(real, widest);
    cadre_status status = m->row ? model_output_write(&o, &bytes) : CADRE_ENOMEM;
    mem_free(m->row);
    return status;
}

cadre_status cadre_init(cadre_options *options, const char *config, const char *dtype, const char *out)
{
    random_model m = { 0 };
    cadre_status status = choose(&m, options, config, dtype);
    if (status == CADRE_OK) status = write_out(&m, out);
    param_table_free(&m.table);
    model_config_free(&m.config);
    return status;
}

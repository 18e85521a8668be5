/* random_model.c - makes a model of random weights, in a folder or a GGUF file, for benchmarks of a
 * size before a real model is downloaded. */
#include <stdio.h>
#include <string.h>

#include "arch/config_json.h"
#include "base/memory.h"
#include "base/sized.h"
#include "kernel/context.h"
#include "weights/format_choice.h"
#include "weights/initialise.h"
#include "weights/model_write.h"
#include "weights/weight_file.h"

typedef struct random_model {
    const recipe *recipe; /* NULL: of a config.json */
    model_config config;
    param_table table;
    init_options init;
    format_choice dtype;
    int64_t first; /* index, for drawing, of the first parameter of the stack that is written */
} random_model;

static void note(const cadre_output_listener *listener, const char *sentence)
{
    if (listener && listener->note) listener->note(listener->arg, sentence);
}

/* ---- options without effect ---- */

/* A config.json already says all sizes. */
static cadre_status refuse_sizes(const cadre_options *o)
{
    const cadre_option_table tables[] = { cadre_model_options(), cadre_routing_options() };
    for (int t = 0; t < 2; t++)
        for (int i = 0; i < tables[t].count; i++) {
            const char *name = tables[t].rows[i].name;
            if (!cadre_options_given(o, name) || !strcmp(name, "recipe")) continue;
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--%s: with --config, the file says what the model is; expected no "
                "value, found one",
                name);
        }
    return CADRE_OK;
}

static bool trains_alone(const model_config *c, const char *name)
{
    static const char *const training[] = {
        "jitter",
        "jitter-experts",
        "noise-floor",
        "expert-dropout",
        "balance-loss",
        "aux-form",
        "balance-over",
        "sequence-aux",
        "sequence-entropy",
        "z-loss",
        "bias-update-rate",
        "devices",
        "devices-used",
        NULL,
    };
    static const char *const limits[] = { "capacity-factor", "capacity-slots", "overflow",
        "priority", "survivors", NULL };
    for (int i = 0; training[i]; i++)
        if (!strcmp(training[i], name)) return true;
    for (int i = 0; limits[i] && !c->capacity.in_eval; i++)
        if (!strcmp(limits[i], name)) return true;
    return false;
}

static void note_training_options(
    const cadre_options *o, const model_config *c, const cadre_output_listener *listener)
{
    cadre_option_table table = cadre_routing_options();
    for (int i = 0; i < table.count; i++) {
        char text[160];
        const char *name = table.rows[i].name;
        if (!cadre_options_given(o, name) || !trains_alone(c, name)) continue;
        snprintf(text, sizeof text,
            "--%s has no effect: it steers training, and these weights are drawn", name);
        note(listener, text);
    }
}

static cadre_status choose_from_recipe(
    random_model *m, cadre_options *options, const cadre_output_listener *listener)
{
    char *notes;
    CADRE_TRY(recipe_apply(m->recipe, options));
    int64_t vocab = cadre_options_int(options, "vocab", 0);
    CADRE_TRY(recipe_config(m->recipe, options, vocab, &m->config, &notes));
    for (char *line = notes, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        note(listener, line);
    }
    mem_free(notes);
    note_training_options(options, &m->config, listener);
    return CADRE_OK;
}

static cadre_status choose(random_model *m, cadre_options *options, const char *config,
    const char *dtype, const char *out, const cadre_output_listener *listener)
{
    CADRE_TRY(format_choice_parse("dtype", dtype ? dtype : "f32", path_is_gguf(out), &m->dtype));
    const char *name = cadre_options_text(options, "recipe", 0);
    if (!name == !config)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--recipe or --config: expected one of them, found %s", name ? "both" : "neither");
    uint64_t seed = (uint64_t)cadre_options_int(options, "seed", 0);
    m->recipe = config ? NULL : recipe_by_name(name);
    if (config) CADRE_TRY(refuse_sizes(options));
    CADRE_TRY(
        config ? model_config_read(config, &m->config) : choose_from_recipe(m, options, listener));
    m->init = init_options_of(m->recipe, &m->config, options, seed);
    return param_table_make(&m->config, &m->table);
}

static const number_format *format_of(void *arg, const param *p)
{
    const random_model *m = arg;
    return format_choice_of(&m->dtype, &m->config, p);
}

static void begin_stack(void *arg, const model_config *stack)
{
    random_model *m = arg;
    m->first =
        stack->bidirectional ? m->table.count : 0; /* an encoder's come after the decoder's */
}

static void draw_row(void *arg, const param *p, int64_t index, int64_t row, float *values)
{
    enum { PIECE = 256 };
    const random_model *m = arg;
    real piece[PIECE];
    for (int64_t c = 0; c < p->cols; c += PIECE) {
        int64_t count = p->cols - c < PIECE ? p->cols - c : PIECE;
        param_initialise(p, m->first + index, &m->init, row * p->cols + c, count, piece);
        for (int64_t i = 0; i < count; i++) values[c + i] = (float)piece[i];
    }
}

static cadre_status write_out(
    const compute *c, random_model *m, const char *out, const cadre_output_listener *listener)
{
    model_output o = { .path = out,
        .config = &m->config,
        .source = { .format = format_of, .row = draw_row, .arg = m, .stack = begin_stack },
        .file_type = m->dtype.mixed ? m->dtype.file_type : -1,
        .listener = listener };
    return model_output_write(c, &o);
}

static cadre_status make_model(cadre_context *context, cadre_options *options, const char *config,
    const char *dtype, const char *out, const cadre_output_listener *listener)
{
    random_model m = { 0 };
    cadre_output_listener own;
    CADRE_TRY(sized_read_or_zero("cadre_output_listener", listener,
        SIZE_UP_TO(cadre_output_listener, arg), &own, sizeof own));
    cadre_status status = choose(&m, options, config, dtype, out, &own);
    if (status == CADRE_OK) status = write_out(context->compute, &m, out, &own);
    param_table_free(&m.table);
    model_config_free(&m.config);
    return status;
}

cadre_status cadre_init(cadre_context *context, cadre_options *options, const char *config,
    const char *dtype, const char *out, const cadre_output_listener *listener)
{
    CADRE_TRY(context_enter(context));
    return context_leave(context, make_model(context, options, config, dtype, out, listener));
}

/* out_of_memory_test.c - memory that runs out at every single allocation of what the library makes:
 * an error that says so, nothing kept, nothing broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "cadre.h"
#include "format/gguf.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "infer/routes.h"
#include "infer/sampler.h"
#include "infer/session_public.h"
#include "kernel/context.h"
#include "op/rope.h"
#include "support/constructor.h"
#include "support/generation.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"
#include "support/tokenizer_sample.h"
#include "text/bpe_train.h"
#include "text/pattern.h"
#include "text/tokenizer.h"
#include "text/tokenizer_export.h"
#include "train/trainer.h"

static cadre_context *context;
static cadre_model *model;
static cadre_options *options;
static char folder[256], data[256], packed[256], routes[256], out[256], numbers[256], scored[256];
static char exported[256];
static char tokenizer_file[sizeof folder + 16];
static const int32_t prompt[] = { 5, 17, 3, 9, 100 };
enum { PROMPT = sizeof prompt / sizeof *prompt };

/* ---- what is made, and let go again ---- */

static cadre_status make_context(void)
{
    cadre_context *c;
    cadre_status status = cadre_context_new(2, NULL, &c);
    if (status == CADRE_OK) cadre_context_free(c);
    return status;
}

static cadre_status make_options(void)
{
    cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_train_options() };
    cadre_options *o = NULL;
    cadre_status status = cadre_options_new(tables, 3, &o);
    if (status == CADRE_OK) status = cadre_options_set(o, "lr", "0.5");
    if (status == CADRE_OK) status = cadre_options_set(o, "recipe", "olmoe");
    if (status == CADRE_OK) status = cadre_options_add(o, "data", "a");
    cadre_options_free(o);
    return status;
}

static cadre_status make_json(void)
{
    json_document *d;
    static const char text[] = "{\"a\": [1, 2.5, \"x\", {\"b\": null}], \"c\": true}";
    cadre_status status = json_parse("text", text, sizeof text - 1, &d);
    if (status == CADRE_OK) json_close(d);
    return status;
}

static cadre_status make_safetensors(void)
{
    safetensors *file;
    cadre_status status = safetensors_open(folder, &file);
    if (status == CADRE_OK) safetensors_close(file);
    return status;
}

static cadre_status make_gguf(void)
{
    gguf *file;
    cadre_status status = gguf_open(packed, &file);
    if (status == CADRE_OK) gguf_close(file);
    return status;
}

static cadre_status make_tokenizer(void)
{
    cadre_tokenizer *t;
    int32_t *ids = NULL;
    int64_t count;
    char *text = NULL;
    size_t size;
    CADRE_TRY(cadre_tokenizer_open(tokenizer_file, &t));
    cadre_status status =
        cadre_tokenizer_encode(t, "the experts' tokens", 19, CADRE_ADD_SPECIAL, &ids, &count);
    if (status == CADRE_OK) status = cadre_tokenizer_decode(t, ids, count, 0, &text, &size);
    cadre_free(ids);
    cadre_free(text);
    cadre_tokenizer_close(t);
    return status;
}

static cadre_status make_rope(void)
{
    rope *r;
    rope_options o = { .width = 8, .theta = 10000 };
    cadre_status status = rope_new(&o, 10, &r);
    if (status == CADRE_OK) rope_free(r);
    return status;
}

static cadre_status make_moe(void)
{
    cadre_moe_shape shape = { .size = sizeof shape,
        .width = 8,
        .hidden = 6,
        .experts = 4,
        .topk = 2,
        .shared = 4,
        .tokens = 16 };
    cadre_moe *m;
    cadre_status status = cadre_moe_new(context, &shape, options, 1, &m);
    if (status == CADRE_OK) cadre_moe_free(m);
    return status;
}

static cadre_status make_model_of(const char *path)
{
    cadre_model *m;
    cadre_status status = cadre_model_open(context, path, &m);
    if (status == CADRE_OK) cadre_model_close(m);
    return status;
}
static cadre_status make_model_of_folder(void) { return make_model_of(folder); }
static cadre_status make_model_of_gguf(void) { return make_model_of(packed); }

static cadre_status make_repacked_model(void)
{
    cadre_open_options how = { .size = sizeof how, .repack = true };
    cadre_model *m;
    cadre_status status = cadre_model_open_with(context, packed, &how, &m);
    if (status == CADRE_OK) cadre_model_close(m);
    return status;
}

static cadre_status make_sampler(void)
{
    sampler s;
    cadre_status status = sampler_open(&s, &rows_portable, NULL, 512);
    if (status == CADRE_OK) sampler_close(&s);
    return status;
}

static cadre_status make_sessions(void)
{
    cadre_session *s = NULL, *fork = NULL;
    cadre_status status = cadre_session_new(model, 40, &s);
    if (status == CADRE_OK) status = cadre_session_fork(s, 0, 40, &fork);
    cadre_session_free(fork);
    cadre_session_free(s);
    return status;
}

static cadre_status make_pass(void)
{
    cadre_pass *p;
    cadre_status status = cadre_pass_new(model, 40, 2, 40, &p);
    if (status == CADRE_OK) cadre_pass_free(p);
    return status;
}

static bool hear(void *arg, int32_t id, const char *text, size_t size)
{
    (void)arg, (void)id, (void)text, (void)size;
    return true;
}

static cadre_status generate(void)
{
    return continue_text(model, prompt, PROMPT, 3, NULL, hear, NULL);
}

static cadre_status record(void)
{
    return cadre_generate(model, prompt, PROMPT,
        &(cadre_generation){ .size = sizeof(cadre_generation),
            .limit = 3,
            .sampling = NULL,
            .listener = hear,
            .arg = NULL,
            .routes = routes });
}

static cadre_status write_logits(void)
{
    return cadre_logits(model, prompt, PROMPT, NULL, 0, numbers);
}

static cadre_status evaluate(void)
{
    cadre_evaluation e = { .size = sizeof e };
    return cadre_evaluate(model, "the expert and the router of a layer", 36, 16, NULL, NULL, &e);
}

static cadre_status make_tokenizer_of(const char *path)
{
    cadre_tokenizer *t;
    cadre_status status = cadre_tokenizer_open(path, &t);
    if (status == CADRE_OK) cadre_tokenizer_close(t);
    return status;
}
static cadre_status make_scored_tokenizer(void) { return make_tokenizer_of(scored); }

static cadre_status export_json(const char *path)
{
    tokenizer *t;
    byte_buffer json = { 0 };
    CADRE_TRY(tokenizer_open(path, &t));
    cadre_status status = tokenizer_write_json(t, &json);
    byte_buffer_free(&json);
    tokenizer_close(t);
    return status;
}
static cadre_status export_merges_as_json(void) { return export_json(packed); }
static cadre_status export_scores_as_json(void) { return export_json(scored); }

static cadre_status export_gguf(void)
{
    const char *difference;
    tokenizer *t;
    gguf_writer *w = NULL;
    CADRE_TRY(tokenizer_open(tokenizer_file, &t));
    tokenizer_model around = { tokenizer_size(t), -1, -1 };
    cadre_status status = gguf_writer_open(exported, &w);
    if (status == CADRE_OK) status = tokenizer_put_gguf(t, &around, w, &difference);
    gguf_writer_discard(w);
    tokenizer_close(t);
    return status;
}

static cadre_status learn_vocabulary(void)
{
    const string_view text = { "the experts and the tokens, the routers and the experts", 55 };
    const bpe_train_options o = { BPE_TRAIN_MIN, NULL, 0 };
    byte_buffer json = { 0 };
    cadre_status status = bpe_train(&text, 1, &o, &json);
    byte_buffer_free(&json);
    return status;
}

static cadre_status make_trainer(void)
{
    const recipe *r = recipe_by_name("olmoe");
    train_settings settings;
    trainer *t = NULL;
    CADRE_TRY(train_settings_read(options, r, &settings));
    cadre_status status = trainer_new(context->compute, &model->config, &settings, NULL, &t);
    trainer_free(t);
    return status;
}

static cadre_status run_training(void)
{
    cadre_train_summary summary = { .size = sizeof summary };
    return cadre_train(context, options, NULL, &summary);
}

static void remove_run(void)
{
    if (file_is_folder(out)) small_remove(out);
}

/* ---- all of them ---- */

static const constructor constructors[] = {
    { .name = "context", .make = make_context, .elsewhere = true },
    { .name = "options", .make = make_options },
    { .name = "JSON", .make = make_json },
    { .name = "safetensors", .make = make_safetensors },
    { .name = "GGUF", .make = make_gguf },
    { .name = "tokenizer", .make = make_tokenizer },
    { .name = "rotary positions", .make = make_rope },
    { .name = "sparse layer", .make = make_moe },
    { .name = "model of a folder", .make = make_model_of_folder, .tries = true },
    { .name = "model of a GGUF", .make = make_model_of_gguf, .tries = true },
    { .name = "repacked model", .make = make_repacked_model, .tries = true },
    { .name = "sampler", .make = make_sampler },
    { .name = "sessions", .make = make_sessions },
    { .name = "pass", .make = make_pass },
    { .name = "generation", .make = generate },
    { .name = "recording", .make = record },
    { .name = "logits", .make = write_logits },
    { .name = "evaluation", .make = evaluate },
    { .name = "tokenizer with scores", .make = make_scored_tokenizer },
    { .name = "merges as a tokenizer.json", .make = export_merges_as_json },
    { .name = "scores as a tokenizer.json", .make = export_scores_as_json },
    { .name = "tokenizer into a GGUF", .make = export_gguf },
    { .name = "vocabulary", .make = learn_vocabulary },
    { .name = "trainer", .make = make_trainer },
    { .name = "training run",
        .make = run_training,
        .clean = remove_run,
        .costly = true,
        .tries = true },
};

static void every_allocation_may_fail(void **state)
{
    (void)state;
    constructors_may_fail(constructors, sizeof constructors / sizeof *constructors);
}

/* A GGUF whose tokenizer has scores in place of merges. */
static void write_scored(void)
{
    char *json = tokenizer_sample_text(SAMPLE_SENTENCEPIECE);
    const char *difference;
    tokenizer *t;
    gguf_writer *w;
    snprintf(scored, sizeof scored, "%s", scratch_file("scored.gguf"));
    succeeds(tokenizer_open_text(json, strlen(json), "sample", &t));
    succeeds(gguf_writer_open(scored, &w));
    succeeds(tokenizer_put_gguf(t, &(tokenizer_model){ tokenizer_size(t), -1, 2 }, w, &difference));
    succeeds(gguf_writer_commit(w));
    tokenizer_close(t);
    mem_free(json);
}

static int begin(void **state)
{
    (void)state;
    const char *texts[] = { small_text("texts", 6000) };
    snprintf(data, sizeof data, "%s", texts[0]);
    snprintf(folder, sizeof folder, "%s", scratch_file("model"));
    snprintf(packed, sizeof packed, "%s", scratch_file("model.gguf"));
    snprintf(routes, sizeof routes, "%s", scratch_file("routes.jsonl"));
    snprintf(out, sizeof out, "%s", scratch_file("out"));
    snprintf(exported, sizeof exported, "%s", scratch_file("exported.gguf"));
    snprintf(numbers, sizeof numbers, "%s", scratch_file("numbers"));
    snprintf(tokenizer_file, sizeof tokenizer_file, "%s/tokenizer.json", folder);
    options = small_options("olmoe");
    small_set(options, "steps", "2");
    small_set(options, "data", data);
    small_set(options, "out", folder);
    succeeds(cadre_context_new(1, NULL, &context));
    small_train(options, 1, CADRE_OK);
    small_set(options, "out", out);
    succeeds(cadre_convert(context, folder, packed, "q8_0", NULL, NULL));
    succeeds(cadre_model_open(context, folder, &model));
    write_scored();
    constructors_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    cadre_model_close(model);
    cadre_options_free(options);
    cadre_context_free(context);
    small_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_allocation_may_fail) };
    return cmocka_run_group_tests(tests, begin, end);
}

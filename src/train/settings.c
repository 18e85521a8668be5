/* settings.c - options to numbers. */
#include "train/settings.h"

#include <string.h>

#include "base/memory.h"
#include "format/json.h"
#include "format/json_writer.h"
#include "moe/settings.h"

static schedule_kind kind_of(const char *word)
{
    return !strcmp(word, "constant") ? SCHEDULE_CONSTANT : !strcmp(word, "wsd") ? SCHEDULE_WSD : SCHEDULE_COSINE;
}

static void read_optimizer(const cadre_options *o, optimizer_options *a)
{
    *a = (optimizer_options){ .beta1 = cadre_options_real(o, "beta1"),
                              .beta2 = cadre_options_real(o, "beta2"),
                              .eps = cadre_options_real(o, "eps"),
                              .weight_decay = cadre_options_real(o, "weight-decay"),
                              .clip = cadre_options_real(o, "clip"),
                              .keep_norms = cadre_options_has(o, "no-decay", "norms"),
                              .keep_biases = cadre_options_has(o, "no-decay", "biases"),
                              .keep_router = cadre_options_has(o, "no-decay", "router"),
                              .keep_embeddings = cadre_options_has(o, "no-decay", "embeddings") };
}

static cadre_status check_length(const cadre_options *o, const run_length *l)
{
    bool minutes = cadre_options_count(o, "minutes"), tokens = cadre_options_count(o, "min-tokens");
    if (cadre_options_count(o, "steps") && minutes)
        return cadre_fail(CADRE_EARGUMENT, NULL, "--steps and --minutes: expected one of them, found both");
    if (tokens && !minutes)
        return cadre_fail(CADRE_EARGUMENT, NULL, "--min-tokens: expected --minutes, which it prolongs, found none");
    if (cadre_options_count(o, "max-minutes") && !tokens)
        return cadre_fail(CADRE_EARGUMENT, NULL, "--max-minutes: expected --min-tokens, which it limits, found none");
    if (cadre_options_count(o, "max-minutes") && l->max_seconds < l->seconds)
        return cadre_fail(CADRE_EARGUMENT, NULL, "--max-minutes: expected at least the %g of --minutes, found %g",
                          l->seconds / 60, l->max_seconds / 60);
    return CADRE_OK;
}

static cadre_status read_length(const cadre_options *o, train_settings *s)
{
    s->batch = cadre_options_int(o, "batch", 0);
    s->accumulate = cadre_options_int(o, "accumulate", 0);
    s->context = cadre_options_int(o, "context", 0);
    s->length = (run_length){ .steps = options_int_or(o, "steps", 0),
                              .seconds = options_real_or(o, "minutes", 0) * 60,
                              .min_tokens = options_int_or(o, "min-tokens", 0),
                              .max_seconds = options_real_or(o, "max-minutes", 0) * 60 };
    s->schedule.steps = s->length.steps;
    s->save_every = cadre_options_int(o, "save-every", 0);
    if (s->batch % s->accumulate)
        return cadre_fail(CADRE_EARGUMENT, NULL, "--accumulate: expected a divisor of the batch of %lld sequences, found %lld",
                          (long long)s->batch, (long long)s->accumulate);
    return check_length(o, &s->length);
}

cadre_status train_settings_read(const cadre_options *o, const recipe *r, train_settings *s)
{
    *s = (train_settings){ .recipe = r, .options = o, .seed = (uint64_t)cadre_options_int(o, "seed", 0) };
    CADRE_TRY(read_length(o, s));
    s->schedule.kind = kind_of(cadre_options_text(o, "schedule", 0));
    s->schedule.lr = cadre_options_real(o, "lr");
    s->schedule.min_ratio = cadre_options_real(o, "min-lr-ratio");
    s->schedule.warmup = options_int_or(o, "warmup", -1);
    double router_lr = options_real_or(o, "router-lr", s->schedule.lr);
    s->router_lr = s->schedule.lr > 0 ? router_lr / s->schedule.lr : 1;
    read_optimizer(o, &s->optimizer);
    settings_read_balance(o, &s->balance);
    return CADRE_OK;
}

cadre_status train_settings_moe(const train_settings *s, const model_config *config, moe_config *moe)
{
    for (int64_t l = 0; l < config->layers; l++) {
        if (!config->layer[l].sparse) continue;
        CADRE_TRY(model_config_moe(config, l, &moe[l]));
        settings_read_layer(s->options, &moe[l]);
        CADRE_TRY(settings_check_router(s->options, moe[l].router));
        CADRE_TRY(moe_config_check(&moe[l], "options"));
    }
    return CADRE_OK;
}

/* ---- the same run? ---- */

/* Options that change where a run stops, how it is cut or what it reports, not the steps it takes. */
static bool matters(const char *name)
{
    static const char *const others[] = { "data",  "tokens",  "out",     "resume",     "metrics", "save-every", "steps",
                                          "minutes", "min-tokens", "max-minutes", "threads", "accumulate", "dry-run", "from" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(name, others[i])) return false;
    return true;
}

static void put_option(const cadre_options *o, const cadre_option *row, json_writer *w)
{
    int count = cadre_options_count(o, row->name);
    if (row->kind == CADRE_OPTION_FLAG) json_put_bool(w, row->name, cadre_options_flag(o, row->name));
    else if (count == 1) json_put_string(w, row->name, cadre_options_text(o, row->name, 0));
    else if (count > 1) {
        json_put_array(w, row->name);
        for (int i = 0; i < count; i++) json_put_string(w, NULL, cadre_options_text(o, row->name, i));
        json_put_close(w, ']');
    }
}

static void put_table(const cadre_options *o, cadre_option_table table, json_writer *w)
{
    for (int i = 0; i < table.count; i++)
        if (matters(table.rows[i].name)) put_option(o, &table.rows[i], w);
}

cadre_status train_settings_text(const cadre_options *options, char **text)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    put_table(options, cadre_run_options(), &w);
    put_table(options, cadre_model_options(), &w);
    put_table(options, cadre_routing_options(), &w);
    put_table(options, cadre_train_options(), &w);
    json_put_close(&w, '}');
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK && !(*text = mem_printf("%.*s", (int)w.text.size, (const char *)w.text.data))) status = CADRE_ENOMEM;
    json_writer_free(&w);
    return status;
}

static bool same_value(const json_node *a, const json_node *b)
{
    if (json_kind_of(a) != json_kind_of(b)) return false;
    if (json_kind_of(a) == JSON_KIND_ARRAY) {
        if (json_count(a) != json_count(b)) return false;
        for (size_t i = 0; i < json_count(a); i++) {
            json_node x = json_item(a, i), y = json_item(b, i);
            if (!same_value(&x, &y)) return false;
        }
        return true;
    }
    bool x = false, y = false;
    if (json_kind_of(a) == JSON_KIND_BOOL) return json_as_bool(a, &x) == CADRE_OK && json_as_bool(b, &y) == CADRE_OK && x == y;
    const char *s, *t;
    return json_as_string(a, &s, NULL) == CADRE_OK && json_as_string(b, &t, NULL) == CADRE_OK && !strcmp(s, t);
}

static cadre_status compare(const char *folder, const json_node *saved, const json_node *now)
{
    for (json_node m = { 0 }; json_next(now, &m);) {
        json_node other = json_member(saved, m.key);
        if (same_value(&m, &other)) continue;
        cadre_status status = cadre_fail(CADRE_EMISMATCH, folder,
                                         "--%s: expected what the run there was started with, found another value", m.key);
        cadre_fail_advice("resume with the same options, or choose another --out");
        return status;
    }
    return CADRE_OK;
}

cadre_status train_settings_compare(const char *folder, const char *saved, const char *now)
{
    if (!strcmp(saved, now)) return CADRE_OK;
    json_document *a, *b;
    CADRE_TRY(json_parse(folder, saved, strlen(saved), &a));
    cadre_status status = json_parse(folder, now, strlen(now), &b);
    if (status != CADRE_OK) {
        json_close(a);
        return status;
    }
    json_node x = json_root(a), y = json_root(b);
    status = compare(folder, &x, &y);
    if (status == CADRE_OK) status = compare(folder, &y, &x);
    json_close(a);
    json_close(b);
    return status;
}

/* cmd_inspect.c - `cadre inspect`: describes a model in numbers. */
#include <math.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/opened.h"
#include "cli/print.h"

static const cadre_option rows[] = {
    { .name = "context",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 30,
        .subject = "Memory",
        .help =
            "tokens of a sequence, for the size of the cache (default: the model's own context)" },
    { .name = "memory",
        .kind = CADRE_OPTION_SIZE,
        .min = 1,
        .max = 1e15,
        .subject = "Memory",
        .help = "tell what would stay in memory and what would be read if weights had at most so "
                "much, for example 6G; this measures the disk" },
};

typedef struct facts {
    cadre_model_info info;
    int64_t context;
    cadre_memory memory; /* of that many tokens */
    cadre_store store;
    double disk, expected; /* bytes and tokens a second; of a store */
} facts;

enum { FORMATS_TEXT = 400, KINDS_TEXT = 400 };

/* Writes "Q4_K, F32", or the same with each format's share of the weights' bytes. */
static const char *list_formats(const cadre_model_info *i, bool shares, char text[FORMATS_TEXT])
{
    size_t used = 0;
    text[0] = 0;
    for (int n = 0; n < i->format_count && used < FORMATS_TEXT; n++) {
        const cadre_format_share *f = &i->formats[n];
        double share = 100 * (double)f->bytes / (double)i->weight_bytes;
        used += (size_t)snprintf(text + used, FORMATS_TEXT - used, "%s%s", n ? ", " : "", f->name);
        const char *form = share < 0.1 ? " <0.1 %%" : share < 1 ? " %.1f %%" : " %.0f %%";
        if (shares && used < FORMATS_TEXT)
            used += (size_t)snprintf(text + used, FORMATS_TEXT - used, form, share);
    }
    return text;
}

static void add_store(json_t *object, const facts *f)
{
    const cadre_store *s = &f->store;
    json_t *own = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f,s:f}", "memory_limit_bytes",
        (json_int_t)s->memory, "resident_bytes", (json_int_t)s->resident, "least_memory_bytes",
        (json_int_t)s->least, "expert_bytes", (json_int_t)s->expert_bytes, "slots",
        (json_int_t)s->slots, "streamed_experts", (json_int_t)s->experts, "slots_per_layer",
        (double)s->slots / (double)s->layers, "disk_bandwidth", f->disk, "expected_hit_rate",
        s->expected_hit_rate, "expected_tokens_per_second", f->expected);
    json_object_update(object, own);
    json_decref(own);
}

/* "30 gated-delta, 10 attention"; false: all layers attend to everything */
static bool list_kinds(const cadre_model_info *i, char text[KINDS_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    for (int64_t k = 0; k < i->layer_kinds && used < KINDS_TEXT; k++) {
        char window[48] = "";
        if (i->layer_kind[k].window)
            snprintf(window, sizeof window, " with a window of %lld",
                (long long)i->layer_kind[k].window);
        used += (size_t)snprintf(text + used, KINDS_TEXT - used, "%s%lld %s%s", k ? ", " : "",
            (long long)i->layer_kind[k].layers, i->layer_kind[k].name, window);
    }
    return i->layer_kinds > 1 || i->recurrent_layers || i->layer_kind[0].window;
}

static json_t *kinds_object(const cadre_model_info *i)
{
    json_t *kinds = json_array();
    for (int64_t k = 0; k < i->layer_kinds; k++)
        json_array_append_new(kinds, json_pack("{s:s,s:I,s:I}", "kind", i->layer_kind[k].name,
                                         "window", (json_int_t)i->layer_kind[k].window, "layers",
                                         (json_int_t)i->layer_kind[k].layers));
    return kinds;
}

static int print_object(const facts *f)
{
    const cadre_model_info *i = &f->info;
    char names[FORMATS_TEXT];
    json_t *object = json_pack("{s:s,s:s,s:s,s:o}", "architecture", i->architecture, "router",
        i->router, "formats", list_formats(i, false, names), "format_bytes", json_object());
    json_t *bytes = json_object_get(object, "format_bytes");
    for (int n = 0; bytes && n < i->format_count; n++)
        json_object_set_new(bytes, i->formats[n].name, json_integer(i->formats[n].bytes));
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {
        { "parameters", i->parameters },
        { "active_parameters", i->active_parameters },
        { "layers", i->layers },
        { "sparse_layers", i->sparse_layers },
        { "experts", i->experts },
        { "experts_per_token", i->experts_per_token },
        { "expert_width", i->expert_width },
        { "shared_width", i->shared_width },
        { "width", i->width },
        { "heads", i->heads },
        { "kv_heads", i->kv_heads },
        { "recurrent_layers", i->recurrent_layers },
        { "vocabulary", i->vocabulary },
        { "context", f->context },
        { "weight_bytes", i->weight_bytes },
        { "copied_bytes", i->copied_bytes },
        { "repack_bytes", i->repack_bytes },
        { "cache_bytes", f->memory.cache },
        { "names_bytes", f->memory.names },
        { "tokenizer_bytes", f->memory.tokenizer },
        { "working_bytes", f->memory.working },
        { "memory_bytes", f->memory.total },
    };
    json_t *types = i->types ? json_array() : NULL;
    for (int64_t n = 0; n < i->types; n++)
        json_array_append_new(
            types, json_pack("{s:s,s:I,s:I}", "name", i->type[n].name, "tokens",
                       (json_int_t)i->type[n].tokens, "experts", (json_int_t)i->type[n].experts));
    if (object) json_object_set_new(object, "layer_kinds", kinds_object(i));
    if (object && types) json_object_set_new(object, "types", types);
    for (size_t n = 0; object && n < sizeof numbers / sizeof *numbers; n++)
        json_object_set_new(object, numbers[n].key, json_integer(numbers[n].value));
    if (object && f->store.slots) add_store(object, f);
    return print_json(object);
}

/* Which experts are whose: "text 0 to 7, image 8 to 11". */
static void print_banks(print_table *t, const cadre_model_info *i)
{
    char text[256] = "";
    size_t used = 0;
    for (int64_t n = 0, first = 0; n < i->types && used < sizeof text; n++) {
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s %lld to %lld", n ? ", " : "",
                i->type[n].name, (long long)first, (long long)(first + i->type[n].experts - 1));
        first += i->type[n].experts;
    }
    if (i->types && i->type[0].experts) print_row(t, "banks", "%s", text);
}

static void print_store(print_table *t, const facts *f)
{
    const cadre_store *s = &f->store;
    char one[PRINT_NUMBER], other[PRINT_NUMBER];
    if (!s->slots) return;
    print_row(t, "stays in memory", "%s", print_bytes((double)s->resident, one));
    print_row(t, "read when needed", "%lld experts of %s", (long long)s->experts,
        print_bytes((double)s->expert_bytes, one));
    print_row(t, "slots", "%lld, %.1f a layer", (long long)s->slots,
        (double)s->slots / (double)s->layers);
    print_row(t, "least --memory", "%.0fM", ceil((double)s->least / (1 << 20)));
    if (f->disk > 0)
        print_row(t, "disk", "%s a second, by %s", print_bytes(f->disk, one), s->reads);
    if (f->expected > 0)
        print_row(t, "expected",
            "%.2g tokens a second: %.0f %% of picks in memory, %s read a token", f->expected,
            100 * s->expected_hit_rate, print_bytes(f->disk / f->expected, other));
}

static int print_as_table(const facts *f)
{
    const cadre_model_info *i = &f->info;
    char text[PRINT_NUMBER], other[PRINT_NUMBER], formats[FORMATS_TEXT], kinds[KINDS_TEXT];
    print_table *t = print_table_begin("ll");
    print_row(t, "architecture", "%s", i->architecture);
    print_row(t, "parameters", "%s (%s)", print_short_count((double)i->parameters, text),
        print_count(i->parameters, other));
    print_row(t, "active per token", "%s (%s)",
        print_short_count((double)i->active_parameters, text),
        print_count(i->active_parameters, other));
    print_row(t, "layers", "%lld, of which %lld sparse", (long long)i->layers,
        (long long)i->sparse_layers);
    print_row(t, "width", "%lld", (long long)i->width);
    if (list_kinds(i, kinds)) print_row(t, "layers by kind", "%s", kinds);
    if (i->heads)
        print_row(t, "attention", "%lld heads, %lld of keys and values", (long long)i->heads,
            (long long)i->kv_heads);
    if (i->sparse_layers) {
        print_row(t, "experts", "%lld of width %lld, %lld a token", (long long)i->experts,
            (long long)i->expert_width, (long long)i->experts_per_token);
        print_row(t, "router", "%s", i->router);
    }
    print_banks(t, i);
    if (i->shared_width) print_row(t, "shared expert", "of width %lld", (long long)i->shared_width);
    print_row(t, "vocabulary", "%s", print_count(i->vocabulary, text));
    print_row(t, "context", "%s", print_count(i->context, text));
    print_row(t, "formats", "%s", list_formats(i, i->format_count > 1, formats));
    print_row(t, "weights", "%s", print_bytes((double)i->weight_bytes, text));
    if (i->copied_bytes)
        print_row(t, "copied in memory", "%s", print_bytes((double)i->copied_bytes, text));
    if (f->memory.cache)
        print_row(t, "cache", "%s at a context of %s", print_bytes((double)f->memory.cache, text),
            print_count(f->context, other));
    print_row(t, "tokenizer, names", "%s",
        print_bytes((double)(f->memory.tokenizer + f->memory.names), text));
    print_row(t, "working memory", "%s", print_bytes((double)f->memory.working, text));
    print_row(t, "besides the file", "%s", print_bytes((double)f->memory.total, text));
    if (i->repack_bytes)
        print_row(t, "with --repack", "%s more, in place of as much of the file",
            print_bytes((double)i->repack_bytes, text));
    print_store(t, f);
    return print_table_end(t);
}

/* Where experts have to be read, their reading is what a token waits for. */
static cadre_status measure_store(const cadre_model *model, facts *f)
{
    cadre_status status = cadre_model_store(model, &f->store);
    if (status != CADRE_OK || !f->store.slots) return status;
    status = cadre_model_disk(model, 1, &f->disk);
    double missed = (1 - f->store.expected_hit_rate) * (double)f->info.experts_per_token *
                    (double)f->store.layers * (double)f->store.expert_bytes;
    if (missed > 0) f->expected = f->disk / missed;
    return status;
}

static int run_inspect(const invocation *call)
{
    opened o;
    facts f = {
        .info.size = sizeof f.info, .memory.size = sizeof f.memory, .store.size = sizeof f.store
    };
    cadre_status status = opened_begin(call, call->operands[0], &o);
    if (status != CADRE_OK) return complain_status(status);
    status = cadre_model_info_get(o.model, &f.info);
    bool asked = cadre_options_count(call->options, "context") > 0;
    f.context = asked ? cadre_options_int(call->options, "context", 0) : f.info.context;
    if (status == CADRE_OK) status = cadre_model_memory(o.model, f.context, &f.memory);
    if (status == CADRE_OK) status = measure_store(o.model, &f);
    int exit_code = status != CADRE_OK ? complain_status(status)
                    : call->json       ? print_object(&f)
                                       : print_as_table(&f);
    opened_end(&o);
    return exit_code;
}

const command command_inspect = {
    .name = "inspect",
    .summary = "describe a model: parameters, experts, router, memory",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .description =
        "The command prints what a model is: its architecture, its router in words, its parameters "
        "in all and those active for one token, its layers, its number formats, and the memory "
        "that it takes to run one sequence. That memory is the file's weights, of which only the "
        "pages that are read are in memory, and everything in addition to them.\n\n"
        "With --memory, it also tells what stays in memory, how many experts have room beside "
        "that, how fast the disk delivers the others, and how many tokens a second can be "
        "expected.",
    .own = ROWS(rows),
    .tables = { opened_cache_options },
    .examples = LINES("as a table", "cadre inspect runs/first",
        "memory at a context of 32768 tokens, for a program",
        "cadre inspect runs/first --context 32768 --json"),
    .seedless = SEEDLESS,
    .run = run_inspect,
};

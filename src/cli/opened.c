/* opened.c - opens a context, and perhaps a model in it. */
#include "cli/opened.h"

#include <signal.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/ranks.h"

static const cadre_option rows[] = {
    { .name = "repack",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Running",
        .help = "copy quantised weights into memory in the row-interleaved layout of this "
                "machine's kernels, which opens slower and mostly runs faster, above all several "
                "sequences at once, with the same results; 'cadre inspect' tells how much memory "
                "it takes" },
    { .name = "cache",
        .kind = CADRE_OPTION_CHOICE,
        .choice = cadre_cache_format_name,
        .fallback = "f32",
        .subject = "Running",
        .help = "number format of the cache of keys and values: f16 takes half the memory, q8_0 "
                "about a quarter, and long texts run faster" },
    { .name = "memory",
        .kind = CADRE_OPTION_SIZE,
        .min = 1,
        .max = 1e15,
        .subject = "Running",
        .help = "most memory that weights may take, for example 6G; where the model is larger, "
                "experts are read from its file when they are needed, with the same results; "
                "'cadre inspect --memory' tells how fast" },
    { .name = "adapter",
        .kind = CADRE_OPTION_PATH,
        .value = "DIR",
        .subject = "Running",
        .help = "run the model with this adapter, which 'cadre train --adapter lora' or the peft "
                "package made" },
    { .name = "placement",
        .kind = CADRE_OPTION_CHOICE,
        .choice = cadre_placement_name,
        .fallback = "even",
        .subject = "Running",
        .help =
            "which experts each rank holds: equally many neighbours, balanced by how much each was "
            "used, or with replicas of those that were used most; the results are the same" },
    { .name = "replicas",
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = 65536,
        .fallback = "0",
        .subject = "Running",
        .help = "with --placement replicated: further copies of experts in each layer; 0: one for "
                "each rank" },
    { .name = "placement-from",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Running",
        .help = "file that --routes wrote, which says how much each expert was used (default: what "
                "earlier runs with --memory left in .cadre beside the model)" },
};

static const cadre_option warm_rows[] = {
    { .name = "warm",
        .kind = CADRE_OPTION_TEXT,
        .value = "FILE",
        .fallback = "earlier",
        .subject = "Running",
        .help = "with --memory: which experts are read before the first token: those that earlier "
                "runs used most (earlier), as a file in .cadre beside the model says; those that "
                "were used most in a FILE that --routes wrote; or none (none), and then no such "
                "file is written" },
};

cadre_option_table opened_options(void) { return ROWS(rows); }
cadre_option_table opened_warm_options(void) { return ROWS(warm_rows); }

opened_warmth opened_warmth_of(const cadre_options *options)
{
    if (!cadre_options_row(options, "warm")) return (opened_warmth){ false, NULL };
    const char *by = cadre_options_text(options, "warm", 0);
    if (!strcmp(by, "none")) return (opened_warmth){ false, NULL };
    return (opened_warmth){ true, strcmp(by, "earlier") != 0 ? by : NULL };
}
cadre_option_table opened_cache_options(void) { return (cadre_option_table){ &rows[1], 1 }; }

/* 0: no limit */
static int64_t memory_of(const cadre_options *options)
{
    bool given = cadre_options_row(options, "memory") && cadre_options_count(options, "memory");
    return given ? cadre_options_int(options, "memory", 0) : 0;
}

const char *opened_adapter(const cadre_options *options)
{
    bool given = cadre_options_row(options, "adapter") && cadre_options_count(options, "adapter");
    return given ? cadre_options_text(options, "adapter", 0) : NULL;
}

static void note_idle_warmth(const invocation *call, const char *reason)
{
    if (cadre_options_given(call->options, "warm") && !ranks_silent())
        progress_note(call, "--warm has no effect: %s", reason);
}

void opened_draw_warming(void *arg, int64_t done, int64_t total)
{
    opened_warming *w = arg;
    progress *p = &w->shown;
    if (!total && memory_of(w->call->options))
        note_idle_warmth(w->call, "all weights fit in the memory of --memory");
    if (done == total) progress_wipe(p);
    else if (progress_due(p))
        progress_draw(p, (double)done / (double)total, "reading experts  %lld of %lld",
            (long long)done, (long long)total);
}

static cadre_status warm(const invocation *call, opened *o)
{
    opened_warmth w = opened_warmth_of(call->options);
    if (!w.warm) return CADRE_OK;
    opened_warming warming = { call, progress_begin(call) };
    cadre_status status = cadre_model_warm(o->model, w.by, opened_draw_warming, &warming);
    progress_wipe(&warming.shown);
    o->keeps = status == CADRE_OK && !w.by;
    return status;
}

static void note_repacking(const invocation *call, const cadre_model *model)
{
    cadre_model_info info = { .size = sizeof info };
    cadre_model_info_get(model, &info);
    if (!info.repack_bytes)
        progress_note(call, "--repack has no effect: no weights here have another layout");
}

static void note_layout(const invocation *call, const opened *o)
{
    const cadre_options *options = call->options;
    bool given = cadre_options_row(options, "parallel") && cadre_options_count(options, "parallel");
    int ranks = cadre_context_size(o->context);
    if (given || ranks < 2 || cadre_context_rank(o->context)) return;
    progress_note(call,
        "%d processes divide the model by --parallel %s, which is expected to decode fastest",
        ranks, cadre_model_layout(o->model));
}

cadre_status opened_model(const invocation *call, const char *path, opened *o)
{
    const cadre_options *options = call->options;
    bool offered = cadre_options_row(options, "repack") != NULL;
    const cadre_open_options how = { .size = sizeof how,
        .repack = offered && cadre_options_flag(options, "repack"),
        .cache =
            cadre_options_row(options, "cache") ? cadre_options_text(options, "cache", 0) : NULL,
        .memory = memory_of(options),
        .adapter = opened_adapter(options) };
    cadre_status status = cadre_model_open_with(o->context, path, &how, &o->model);
    if (status == CADRE_OK && how.repack) note_repacking(call, o->model);
    if (status == CADRE_OK) note_layout(call, o);
    return status == CADRE_OK ? warm(call, o) : status;
}

/* 0: the library's default */
static int threads_of(const invocation *call)
{
    const char *note;
    if (cadre_options_count(call->options, "threads"))
        return (int)cadre_options_int(call->options, "threads", 0);
    return ranks_of_program() ? cadre_ranks_threads(ranks_of_program(), &note) : 0;
}

static cadre_status place_experts(const cadre_options *options, cadre_context *context)
{
    const char *from = NULL;
    if (cadre_options_row(options, "placement-every") &&
        cadre_options_real(options, "placement-every") > 0)
        from = ""; /* the server learns it */
    if (cadre_options_count(options, "placement-from"))
        from = cadre_options_text(options, "placement-from", 0);
    return cadre_context_place(context, cadre_options_text(options, "placement", 0),
        (int)cadre_options_int(options, "replicas", 0), from);
}

/* Placements that follow use are refused where no ranks divide experts. */
static void note_idle_placement(const invocation *call, const cadre_context *context)
{
    const cadre_options *o = call->options;
    static const char whole[] = "one process holds all experts";
    const char *word = cadre_options_text(o, "placement", 0);
    bool alone = cadre_context_size(context) == 1, even = !strcmp(word, "even");
    if (cadre_context_rank(context)) return;
    if (alone && even && cadre_options_given(o, "placement"))
        progress_note(call, "--placement has no effect: %s", whole);
    if (cadre_options_int(o, "replicas", 0) && strcmp(word, "replicated") != 0)
        progress_note(call, "--replicas has no effect: %s",
            alone ? whole : "only --placement replicated makes copies of experts");
    if (even && cadre_options_given(o, "placement-from"))
        progress_note(call, "--placement-from has no effect: %s",
            alone ? whole : "only --placement balanced and replicated read it");
}

/* 'cadre plan' has the option too, for ranks that are elsewhere. */
static bool places_experts(const invocation *call)
{
    return call->command->spreads && cadre_options_row(call->options, "placement");
}

static void note_idle_options(const invocation *call, const opened *o)
{
    const cadre_options *options = call->options;
    if (places_experts(call)) note_idle_placement(call, o->context);
    if (opened_warmth_of(options).warm && !memory_of(options))
        note_idle_warmth(call, "all weights are in memory (--memory limits them)");
}

cadre_status opened_begin(const invocation *call, const char *model, opened *o)
{
    *o = (opened){ 0 };
    cadre_status status = cadre_context_new(threads_of(call), NULL, &o->context);
    if (status == CADRE_OK && call->command->spreads)
        status = cadre_context_join(
            o->context, ranks_of_program(), cadre_options_text(call->options, "parallel", 0));
    if (status == CADRE_OK && places_experts(call))
        status = place_experts(call->options, o->context);
    if (status == CADRE_OK) note_idle_options(call, o);
    if (status == CADRE_OK && model) status = opened_model(call, model, o);
    if (status == CADRE_OK && model) status = opened_follow(o);
    if (status != CADRE_OK) opened_end(o);
    return status;
}

/* Rank 0 hears of a request to stop, and then says so. */
static void leave_signals_to_rank_0(void)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
    for (int i = 0; i < 4; i++) signal(signals[i], SIG_IGN);
}

cadre_status opened_follow(opened *o)
{
    if (!cadre_model_follows(o->model)) return CADRE_OK;
    leave_signals_to_rank_0();
    o->followed = true;
    return cadre_model_follow(o->model);
}

int opened_end_followed(opened *o)
{
    opened_end(o);
    return EXIT_DONE;
}

void opened_end(opened *o)
{
    if (o->keeps) (void)cadre_model_keep_use(o->model);
    cadre_model_close(o->model);
    cadre_context_free(o->context);
    *o = (opened){ 0 };
}

bool opened_note_context(
    const invocation *call, const cadre_model *model, const char *what, int64_t tokens)
{
    cadre_model_info info = { .size = sizeof info };
    cadre_model_info_get(model, &info);
    bool beyond = tokens > info.context;
    if (beyond)
        progress_note(call,
            "%s %lld tokens, more than the %lld that the model was made for; what it "
            "says beyond them may make no sense",
            what, (long long)tokens, (long long)info.context);
    return beyond;
}

void opened_note_ids(const invocation *call, cadre_model *model, const int32_t *ids, int64_t count)
{
    const cadre_tokenizer *tokenizer;
    cadre_model_info info = { .size = sizeof info };
    cadre_model_info_get(model, &info);
    if (cadre_model_tokenizer(model, &tokenizer) != CADRE_OK) return;
    int32_t pieces = cadre_tokenizer_size(tokenizer);
    int64_t at = 0;
    while (at < count && ids[at] < pieces) at++;
    if (at < count && ids[at] < info.vocabulary)
        progress_note(call,
            "token %lld: id %d is none of the vocabulary's, 0 to %d: the model has a row for it, "
            "which stands for no text",
            (long long)at, ids[at], pieces - 1);
}

cadre_status opened_recipe_options(const cadre_options *given, cadre_options **options)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options(), cadre_train_options() };
    cadre_options *made;
    cadre_status status = cadre_options_new(tables, 4, &made);
    if (status != CADRE_OK) return status;
    status = cadre_options_copy(made, given);
    if (status == CADRE_OK) *options = made;
    else cadre_options_free(made);
    return status;
}

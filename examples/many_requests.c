/* many_requests.c - requests that are submitted, written together and cancelled, with the installed
 * library alone: what a server does, without its network.
 *
 *     cc -o many_requests many_requests.c $(pkg-config --cflags --libs cadre)
 *     many_requests MODEL
 *
 * Two requests are written at a time, and one may wait; a fourth is refused until there is a place.
 * One is cancelled. Here one thread does everything. A server has one thread that only calls
 * cadre_batcher_run, and others that submit, poll and cancel. */
#include <stdio.h>
#include <stdlib.h>

#include <cadre.h>

enum { REQUESTS = 4, LENGTH = 12 };

static void check(cadre_status status)
{
    if (status == CADRE_OK) return;
    fprintf(stderr, "many_requests: %s\n", cadre_last_error());
    exit(1);
}

static void make_model(cadre_context *context, const char *path)
{
    static const char *const sizes[][2] = { { "recipe", "olmoe" }, { "layers", "2" },
        { "width", "32" }, { "heads", "2" }, { "experts", "8" }, { "topk", "2" },
        { "expert-width", "16" }, { "vocab", "256" }, { "context", "64" } };
    cadre_option_table tables[4];
    cadre_options *options;
    tables[0] = cadre_run_options(), tables[1] = cadre_model_options();
    tables[2] = cadre_routing_options(), tables[3] = cadre_train_options();
    check(cadre_options_new(tables, 4, &options));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check(cadre_options_set(options, sizes[i][0], sizes[i][1]));
    check(cadre_init(context, options, NULL, NULL, path, NULL));
    cadre_options_free(options);
}

/* Prints the news of a request; returns whether it has ended. */
static int print_news(cadre_batcher *batcher, int64_t id)
{
    cadre_request_news news = { .size = sizeof news };
    check(cadre_batcher_poll(batcher, id, &news));
    for (int64_t i = 0; i < news.id_count; i++) printf("request %d: %d\n", (int)id, news.ids[i]);
    if (news.state == CADRE_REQUEST_FAILED) printf("request %d: %s\n", (int)id, news.sentence);
    return cadre_request_has_ended(news.state);
}

static void serve(cadre_batcher *batcher)
{
    static const int32_t prompts[REQUESTS][3] = { { 5, 17, 3 }, { 100, 42, 9 }, { 7, 25, 11 },
        { 5, 17, 8 } };
    const cadre_sampling greedy = { .size = sizeof greedy };
    int64_t id[REQUESTS] = { 0 };
    int next = 0, idle = 0, passes = 0;
    while (next < REQUESTS || !idle) {
        cadre_request request = { .size = sizeof request, .count = 3, .limit = LENGTH };
        bool nothing;
        request.tokens = prompts[next < REQUESTS ? next : 0];
        request.sampling = &greedy;
        if (next < REQUESTS) {
            cadre_status status = cadre_batcher_submit(batcher, &request, &id[next]);
            if (status == CADRE_OK) next++;
            else if (status != CADRE_EFULL) check(status);
        }
        check(cadre_batcher_run(batcher, &nothing));
        idle = nothing;
        if (++passes == 5) check(cadre_batcher_cancel(batcher, id[1])), id[1] = 0;
        for (int i = 0; i < next; i++)
            if (id[i] && print_news(batcher, id[i]))
                check(cadre_batcher_cancel(batcher, id[i])), id[i] = 0;
    }
}

int main(int argc, char **argv)
{
    const char *made = "many_requests.gguf"; /* in the folder where it runs */
    cadre_batcher_limits limits = { .size = sizeof limits, .slots = 2, .queue = 1 };
    cadre_context *context;
    cadre_model *model;
    cadre_batcher *batcher;
    check(cadre_context_new(0, NULL, &context));
    if (argc < 2) make_model(context, made);
    check(cadre_model_open(context, argc > 1 ? argv[1] : made, &model));
    check(cadre_batcher_new(model, &limits, &batcher));
    serve(batcher);
    cadre_batcher_free(batcher);
    cadre_model_close(model);
    cadre_context_free(context);
    if (argc < 2) remove(made);
    return 0;
}

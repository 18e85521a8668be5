/* rank_speed.c - runs the benchmark of training several times at once, each in a thread with a
 * context of its own. */
#include "dist/rank_speed.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "cadre/measure.h"
#include "cadre/model.h"
#include "cadre/plan.h"
#include "cadre/train.h"
#include "format/json.h"
#include "kernel/context.h"

enum { MOST_BESIDE = 15 };

void rank_speed_read(void *arg, const char *line)
{
    json_document *document;
    double *rate = arg;
    if (json_parse("bench", line, strlen(line), &document) != CADRE_OK) return;
    json_node root = json_root(document);
    double tokens = 0, bytes = 1;
    if (json_opt_real(&root, "tokens_per_second", 0, INFINITY, &tokens) == CADRE_OK &&
        json_opt_real(&root, "bytes_per_token", 0, INFINITY, &bytes) == CADRE_OK)
        *rate = tokens * bytes;
    json_close(document);
}

typedef struct neighbour {
    pthread_t thread;
    cadre_context *context;
    cadre_options *options;
    double rate;
    bool started;
} neighbour;

static void *train(void *arg)
{
    neighbour *n = arg;
    cadre_bench_train(n->context, n->options, rank_speed_read, &n->rate);
    return NULL;
}

static cadre_status copy_options(const cadre_options *from, cadre_options **copy)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options(), cadre_train_options(), cadre_plan_options() };
    CADRE_TRY(cadre_options_new(tables, sizeof tables / sizeof *tables, copy));
    return cadre_options_copy(*copy, from);
}

static void start(neighbour *n, int threads, const cadre_options *options)
{
    if (cadre_context_new(threads, NULL, &n->context) != CADRE_OK) return;
    if (copy_options(options, &n->options) != CADRE_OK) return;
    n->started = pthread_create(&n->thread, NULL, train, n) == 0;
}

static void finish(neighbour *n)
{
    if (n->started) pthread_join(n->thread, NULL);
    cadre_options_free(n->options);
    cadre_context_free(n->context);
}

double rank_speed_training(cadre_context *context, cadre_options *options, int beside)
{
    neighbour all[MOST_BESIDE] = { 0 };
    double own = 0, sum;
    int count = beside < MOST_BESIDE ? beside : MOST_BESIDE, measured = 1;
    for (int i = 0; i < count; i++) start(&all[i], context->compute->workers, options);
    cadre_bench_train(context, options, rank_speed_read, &own);
    sum = own;
    for (int i = 0; i < count; i++) {
        finish(&all[i]);
        sum += all[i].rate;
        measured += all[i].rate > 0;
    }
    return own > 0 ? sum / measured : 0;
}

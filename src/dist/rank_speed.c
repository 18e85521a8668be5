/* rank_speed.c - runs the training benchmark several times at once, each in its own worker of a
 * pool and with its own context. */
#include "dist/rank_speed.h"

#include <math.h>
#include <string.h>

#include "cadre/measure.h"
#include "cadre/model.h"
#include "cadre/plan.h"
#include "cadre/train.h"
#include "base/pool.h"
#include "format/json.h"
#include "kernel/context.h"

enum { MOST_OTHERS = 15 };

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

/* One of the trainers that run at the same time; the first is the caller's own. */
typedef struct neighbour {
    cadre_context *context;
    cadre_options *options;
    double rate;
} neighbour;

static void train(void *arg, int worker, int workers)
{
    neighbour *n = (neighbour *)arg + worker;
    (void)workers;
    if (n->options) cadre_bench_train(n->context, n->options, rank_speed_read, &n->rate);
}

static cadre_status copy_options(const cadre_options *from, cadre_options **copy)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options(), cadre_train_options(), cadre_plan_options() };
    CADRE_TRY(cadre_options_new(tables, sizeof tables / sizeof *tables, copy));
    return cadre_options_copy(*copy, from);
}

static void open_neighbour(neighbour *n, int threads, const cadre_options *options)
{
    if (cadre_context_new(threads, NULL, &n->context) != CADRE_OK) return;
    if (copy_options(options, &n->options) == CADRE_OK) return;
    cadre_options_free(n->options);
    n->options = NULL;
}

static void train_all(neighbour *all, int count)
{
    pool *workers = pool_new(count);
    if (workers) pool_run(workers, train, all);
    pool_free(workers);
}

double rank_speed_training(cadre_context *context, cadre_options *options, int others)
{
    neighbour all[1 + MOST_OTHERS] = { { context, options, 0 } };
    double sum = 0;
    int count = 1 + (others < MOST_OTHERS ? others : MOST_OTHERS), measured = 0;
    for (int i = 1; i < count; i++) open_neighbour(&all[i], context->compute->workers, options);
    train_all(all, count);
    for (int i = 0; i < count; i++) {
        sum += all[i].rate;
        measured += all[i].rate > 0;
        if (!i) continue;
        cadre_options_free(all[i].options);
        cadre_context_free(all[i].context);
    }
    return all[0].rate > 0 ? sum / measured : 0;
}

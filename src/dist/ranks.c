/* ranks.c - the public functions of ranks: joining the world once, contexts in it, and leaving
 * it. */
#include "dist/ranks.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "base/pool.h"
#include "dist/layout_choice.h"
#include "kernel/context.h"
#include "moe/spread.h"

static const double DEFAULT_LIMIT = 30,
                    MAX_SPIN = 1e-3; /* seconds of spinning, if each rank has its own core */

cadre_option_table cadre_ranks_options(void)
{
    static const cadre_option rows[] = {
        { .name = "parallel",
            .kind = CADRE_OPTION_TEXT,
            .value = "LAYOUT",
            .subject = "Ranks",
            .help =
                "how the processes that mpirun started divide the work: "
                "expert=E,data=D,pipeline=P,tensor=T, or some of these, whose product is the "
                "number of processes; in training also virtual=V, the blocks of layers in each "
                "stage of the pipeline (default: what 'cadre plan' expects to train or to decode "
                "fastest)" },
        { .name = "rank-timeout",
            .kind = CADRE_OPTION_REAL,
            .min = 0,
            .max = 86400,
            .fallback = "30",
            .value = "SECONDS",
            .subject = "Ranks",
            .help = "end when another process has not answered for so many seconds; 0: never" },
    };
    return OPTION_TABLE(rows);
}

bool cadre_ranks_launched(int *rank, int *size)
{
    launch l = launch_of_environment();
    *rank = l.rank;
    *size = l.size;
    return l.size > 1;
}

/* The number of ranks on this machine. */
static int local_ranks(const cadre_ranks *ranks)
{
    const peer *p = ranks->world.control.peers;
    int count = 0;
    for (int r = 0; r < ranks->world.comm.size; r++)
        count += !strcmp(p[r].host, p[ranks->world.comm.rank].host);
    return count;
}

cadre_status cadre_ranks_join(cadre_ranks **ranks)
{
    transport t;
    launch l = launch_of_environment();
    if (l.size < 2)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "expected several processes that mpirun has started, found one that it has not");
    cadre_ranks *made = MEM_ARRAY(cadre_ranks, 1);
    if (!made) return CADRE_ENOMEM;
    cadre_status status = launch_join(&l, &t);
    if (status == CADRE_OK) status = world_open(&t, &made->world);
    if (status != CADRE_OK) {
        mem_free(made);
        return status;
    }
    world_limit(&made->world, DEFAULT_LIMIT);
    if (local_ranks(made) <= machine_cores())
        made->world.endpoint.max_spin = made->world.endpoint.spin = MAX_SPIN;
    *ranks = made;
    return CADRE_OK;
}

int cadre_ranks_rank(const cadre_ranks *ranks) { return ranks->world.comm.rank; }
int cadre_ranks_size(const cadre_ranks *ranks) { return ranks->world.comm.size; }

int cadre_ranks_threads(const cadre_ranks *ranks, const char **note)
{
    int local = local_ranks(ranks), allowed = pool_default_threads(), cores = machine_cores();
    bool bound = allowed < cores;
    int share = (bound ? allowed : cores) / (bound ? 1 : local);
    *note = bound && allowed < cores / local
                ? "this process may use fewer cores than its share of the machine: 'mpirun "
                  "--bind-to none', or '--map-by slot:pe=N', gives it more"
                : NULL;
    return share < 1 ? 1 : share;
}

void cadre_ranks_limit(cadre_ranks *ranks, double seconds) { world_limit(&ranks->world, seconds); }

int cadre_ranks_end(cadre_ranks *ranks, int exit_code, const char *sentence, const char **print)
{
    world *w = &ranks->world;
    double limit = w->endpoint.limit;
    int code = control_end(&w->control, exit_code, sentence, limit, ranks->last_sentence);
    *print = *ranks->last_sentence ? ranks->last_sentence : NULL;
    return code;
}

/* Finalising MPI would wait for ever if a rank is silent or messages are in flight. */
void cadre_ranks_leave(cadre_ranks *ranks, int exit_code)
{
    if (!ranks) return;
    transport t = ranks->world.transport;
    bool quiet = control_is_quiet(&ranks->world.control),
         silent = control_has_silent(&ranks->world.control);
    world_close(&ranks->world);
    mem_keep(false);
    mem_free(ranks);
    if (silent) t.end_all(t.state, exit_code ? exit_code : 1);
    else if (quiet) t.leave(t.state);
}

/* ---- contexts ---- */

cadre_status cadre_context_join(cadre_context *context, cadre_ranks *ranks, const char *parallel)
{
    rank_layout l = layout_single();
    int size = ranks ? ranks->world.comm.size : 1;
    if (parallel) CADRE_TRY(layout_parse(parallel, size, &l));
    else l.expert = size;
    context->world = ranks ? &ranks->world.comm : &context->self;
    context->layout = l;
    context->layout_given = parallel != NULL;
    context->order = ranks ? layouts_by_cost : NULL;
    return CADRE_OK;
}

cadre_status cadre_context_place(
    cadre_context *context, const char *placement, int replicas, const char *loads)
{
    spread_kind kind;
    if (!placement) placement = cadre_placement_name(SPREAD_EVEN);
    if (!spread_kind_by_word(placement, &kind))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "placement of experts: expected even, balanced or replicated, found '%s'", placement);
    context->placement = placement;
    context->replicas = replicas;
    context->loads = loads;
    return CADRE_OK;
}

int cadre_context_rank(const cadre_context *context) { return context->world->rank; }
int cadre_context_size(const cadre_context *context) { return context->world->size; }

/* ranked.c - a context for each thread, whose world is the threads' communicator. */
#include "support/ranked.h"

#include <pthread.h>
#include <stdio.h>

#include "kernel/context.h"
#include "support/thread_comm.h"

typedef struct ranked_call {
    const char *model, *layout;
    const ranked_placement *placed; /* NULL: none is given */
    cadre_status (*work)(cadre_model *model, void *arg);
    void *arg;
    pthread_mutex_t lock;
    ranked_result result;
} ranked_call;

static cadre_status run_model(const ranked_call *call, cadre_context *context)
{
    cadre_model *model;
    cadre_status status = cadre_model_open(context, call->model, &model);
    if (status != CADRE_OK) return status;
    status = cadre_model_follows(model) ? cadre_model_follow(model) : call->work(model, call->arg);
    cadre_model_close(model);
    return status;
}

static cadre_status run_rank(const ranked_call *call, comm *world)
{
    cadre_context *context;
    cadre_status status = cadre_context_new(1, NULL, &context);
    if (status != CADRE_OK) return status;
    context->world = world;
    context->layout_given = call->layout != NULL;
    if (call->layout) status = layout_parse(call->layout, world->size, &context->layout);
    const ranked_placement *p = call->placed;
    if (status == CADRE_OK && p)
        status = cadre_context_place(context, p->word, p->replicas, p->loads);
    if (status == CADRE_OK) status = run_model(call, context);
    if (status != CADRE_OK) comm_fail(world, status);
    cadre_context_free(context);
    return status;
}

static void run_thread(comm *world, void *arg)
{
    ranked_call *call = arg;
    cadre_status status = run_rank(call, world);
    if (status == CADRE_OK) return;
    pthread_mutex_lock(&call->lock);
    if (call->result.status == CADRE_OK) {
        call->result.status = status;
        snprintf(call->result.sentence, RANKED_SENTENCE, "%s", cadre_last_error());
    }
    pthread_mutex_unlock(&call->lock);
}

ranked_result ranked_run(const char *model, int ranks, const char *layout,
    cadre_status (*work)(cadre_model *model, void *arg), void *arg)
{
    return ranked_run_placed(model, ranks, layout, NULL, work, arg);
}

ranked_result ranked_run_placed(const char *model, int ranks, const char *layout,
    const ranked_placement *placed, cadre_status (*work)(cadre_model *model, void *arg), void *arg)
{
    ranked_call call = {
        .model = model, .layout = layout, .placed = placed, .work = work, .arg = arg
    };
    pthread_mutex_init(&call.lock, NULL);
    cadre_status status = thread_comm_run(ranks, 60, run_thread, &call);
    pthread_mutex_destroy(&call.lock);
    if (call.result.status == CADRE_OK) call.result.status = status;
    return call.result;
}

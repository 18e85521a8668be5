/* ranks.c - chooses how a model is divided, and makes the groups. */
#include "model/ranks.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/share.h"

/* ---- what rank 0 says ---- */

/* The first part has this size, so that most messages need no second one. */
enum { FIRST = 1024 };

static size_t size_of(const ranks_message *m) { return sizeof *m + (size_t)m->bytes; }

/* For the message, at least of the first part's size */
static cadre_status make_room(model_ranks *r, const ranks_message *m)
{
    size_t room = size_of(m) > FIRST ? size_of(m) : FIRST;
    r->said.size = 0;
    if (byte_buffer_reserve(&r->said, room) == CADRE_OK) return CADRE_OK;
    comm_fail(r->world, CADRE_ENOMEM);
    return comm_status(r->world);
}

void ranks_say(model_ranks *r, const ranks_message *m, const void *data)
{
    if (make_room(r, m) != CADRE_OK) return;
    memset(r->said.data, 0, FIRST);
    memcpy(r->said.data, m, sizeof *m);
    if (m->bytes) memcpy(r->said.data + sizeof *m, data, (size_t)m->bytes);
    comm_broadcast(r->world, r->said.data, FIRST, 0);
    if (size_of(m) > FIRST) comm_broadcast(r->world, r->said.data + FIRST, size_of(m) - FIRST, 0);
}

cadre_status ranks_hear(model_ranks *r, ranks_message *m, const char **data)
{
    char first[FIRST];
    double before = r->world->tally.seconds;
    comm_broadcast(r->world, first, FIRST, 0);
    r->world->tally.seconds = before; /* until there is something to do, nothing is waited for */
    CADRE_TRY(comm_status(r->world));
    memcpy(m, first, sizeof *m);
    size_t size = size_of(m);
    CADRE_TRY(make_room(r, m));
    memcpy(r->said.data, first, FIRST);
    if (size > FIRST) comm_broadcast(r->world, r->said.data + FIRST, size - FIRST, 0);
    *data = r->said.data + sizeof *m;
    return comm_status(r->world);
}

/* ---- what they sent and received ---- */

void model_ranks_tell(model_ranks *r)
{
    comm_tally own = comm_tally_of(r->world), *all = r->tally + r->world->size;
    comm_all_gather(r->world, &own, sizeof own, all);
    lock_take(&r->log.lock);
    for (int i = 0; i < r->world->size; i++) r->tally[i] = all[i];
    lock_give(&r->log.lock);
}

int model_ranks_tallies(model_ranks *r, comm_tally *tally, int most)
{
    int count = r->world->size < most ? r->world->size : most;
    lock_take(&r->log.lock);
    for (int i = 0; i < count; i++) tally[i] = r->tally[i];
    lock_give(&r->log.lock);
    return count;
}

/* One rank's result, as all see it */
typedef struct outcome {
    int32_t status;
    char sentence[COMM_SENTENCE];
} outcome;

cadre_status model_ranks_agree(comm *world, cadre_status own)
{
    outcome *all = MEM_ARRAY(outcome, world->size), *mine = all ? &all[world->rank] : NULL;
    if (!all) {
        comm_fail(world, CADRE_ENOMEM);
        return CADRE_ENOMEM;
    }
    mine->status = (int32_t)own;
    if (own != CADRE_OK) snprintf(mine->sentence, sizeof mine->sentence, "%s", cadre_last_error());
    comm_all_gather(world, mine, sizeof *mine, all);
    int failed = 0;
    while (failed < world->size && all[failed].status == CADRE_OK) failed++;
    cadre_status status = own == CADRE_OK ? comm_status(world) : own;
    if (status == CADRE_OK && failed < world->size) {
        all[failed].sentence[COMM_SENTENCE - 1] = 0;
        status = cadre_fail(
            (cadre_status)all[failed].status, NULL, "rank %d: %s", failed, all[failed].sentence);
    }
    mem_free(all);
    return status;
}

/* ---- which layout ---- */

static rank_share share_of(const model_config *c, const rank_layout *size, const rank_layout *at)
{
    return (rank_share){ .slice = at->tensor,
        .slices = size->tensor,
        .group = at->expert,
        .groups = size->expert,
        .first = share_begin(c->layers, at->pipeline, size->pipeline),
        .end = share_begin(c->layers, at->pipeline + 1, size->pipeline) };
}

static cadre_status check_stages(const model_config *c, const rank_layout *size)
{
    if (layout_chunks(size) > 1)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--parallel: virtual=%d: expected one block of layers for each rank that runs a model, "
            "found several, between which micro-batches of training alternate",
            layout_chunks(size));
    if (size->pipeline > c->layers)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--parallel: pipeline=%d: expected at most one stage a layer, found %lld layers",
            size->pipeline, (long long)c->layers);
    if (size->pipeline > 1 && c->encoder)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--parallel: pipeline=%d: expected a model without an encoder, found one with",
            size->pipeline);
    return CADRE_OK;
}

static cadre_status check(const model_config *c, const rank_layout *size)
{
    if (size->data > 1)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--parallel: data=%d: expected a way in which ranks run a model together (expert, "
            "pipeline or tensor), found one that divides batches, as training does",
            size->data);
    CADRE_TRY(check_stages(c, size));
    for (int i = 0; i < size->pipeline; i++) {
        rank_share share = share_of(c, size, &(rank_layout){ .pipeline = i });
        share.slices = size->tensor, share.groups = size->expert;
        CADRE_TRY(rank_share_check(c, &share));
    }
    return c->encoder ? check(c->encoder, size) : CADRE_OK;
}

enum { LAYOUTS_TRIED = 64 };

/* Without a cost model, what needs the fewest bytes of each rank comes first: rows of matrices,
 * experts, layers. */
static int simple_layouts(int ranks, rank_layout *l)
{
    l[0] = (rank_layout){ 1, 1, 1, ranks, 1 };
    l[1] = (rank_layout){ ranks, 1, 1, 1, 1 };
    l[2] = (rank_layout){ 1, 1, ranks, 1, 1 };
    return 3;
}

/* The best layout that divides the model; of no rank at all if there is none. */
static rank_layout best_layout(
    const cadre_context *context, const model_config *c, int64_t weight_bytes)
{
    rank_layout list[LAYOUTS_TRIED];
    const layout_work work = { .weight_bytes = weight_bytes };
    int ranks = context->world->size,
        count =
            context->order ? context->order(context->world, c, &work, list, LAYOUTS_TRIED - 3) : 0;
    count += simple_layouts(ranks, list + count);
    for (int i = 0; i < count; i++)
        if (check(c, &list[i]) == CADRE_OK) return list[i];
    return (rank_layout){ 0 };
}

/* Rank 0 decides, as other machines may have other memory and round otherwise. */
static cadre_status choose(
    const cadre_context *context, const model_config *c, int64_t weight_bytes, rank_layout *size)
{
    *size = context->layout;
    if (context->layout_given) return check(c, size);
    if (context->world->rank == 0) *size = best_layout(context, c, weight_bytes);
    comm_broadcast(context->world, size, sizeof *size, 0);
    CADRE_TRY(comm_status(context->world));
    if (size->expert) return CADRE_OK;
    cadre_fail(CADRE_EARGUMENT, NULL,
        "%d ranks: expected a model that so many can divide: by key-value heads, experts or layers",
        context->world->size);
    cadre_fail_advice("--parallel can combine ways, as in expert=2,tensor=2");
    return CADRE_EARGUMENT;
}

/* ---- groups ---- */

/* Ranks of one colour differ in one way alone, whose part in it is the key. */
static cadre_status split(model_ranks *r, rank_layout rest, int parts, int part, comm **group)
{
    if (parts == 1) return CADRE_OK;
    return comm_split(r->world, layout_rank(&r->size, &rest), part, group);
}

static cadre_status split_all(model_ranks *r)
{
    rank_layout at = r->at;
    at.tensor = 0;
    CADRE_TRY(split(r, at, r->size.tensor, r->at.tensor, &r->tensor));
    at = r->at, at.expert = 0;
    CADRE_TRY(split(r, at, r->size.expert, r->at.expert, &r->owners));
    at = r->at, at.pipeline = 0;
    return split(r, at, r->size.pipeline, r->at.pipeline, &r->pipeline);
}

static cadre_status open_all(model_ranks *r, const model_config *c)
{
    r->at = layout_place(&r->size, r->world->rank);
    r->share = share_of(c, &r->size, &r->at);
    r->stage = (transformer_stage){ .first = r->share.first, .end = r->share.end, .passes = 1 };
    CADRE_TRY(model_config_copy(c, &r->config));
    rank_share_mixers(&r->share, &r->config);
    if (c->encoder) {
        rank_share whole = r->share;
        whole.first = 0, whole.end = c->encoder->layers;
        CADRE_TRY(model_config_copy(c->encoder, &r->encoder));
        rank_share_mixers(&whole, &r->encoder);
    }
    return split_all(r);
}

cadre_status model_ranks_open(const cadre_context *context, const model_config *config,
    int64_t weight_bytes, model_ranks **out)
{
    rank_layout size;
    CADRE_TRY(choose(context, config, weight_bytes, &size));
    model_ranks *r = MEM_ARRAY(model_ranks, 1);
    if (!r) return CADRE_ENOMEM;
    *r = (model_ranks){ .world = context->world, .size = size };
    layout_text(&size, r->layout);
    state_log_open(&r->log);
    r->tally = MEM_ARRAY(comm_tally, 2 * r->world->size);
    cadre_status status = r->tally ? open_all(r, config) : CADRE_ENOMEM;
    if (status == CADRE_OK) *out = r;
    else model_ranks_close(r);
    return status;
}

void model_ranks_close(model_ranks *r)
{
    if (!r) return;
    if (r->follow && r->world->rank == 0) ranks_say(r, &(ranks_message){ .what = RANKS_END }, NULL);
    byte_buffer_free(&r->said);
    comm_free(r->tensor);
    comm_free(r->owners);
    comm_free(r->pipeline);
    for (int64_t l = 0; r->placed && l < r->config.layers; l++) spread_free(&r->placed[l]);
    mem_free(r->placed);
    model_config_free(&r->config);
    model_config_free(&r->encoder);
    state_log_close(&r->log);
    mem_free(r->tally);
    mem_free(r);
}

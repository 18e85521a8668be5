/* trainer_state.h - what a trainer consists of, for its files:
 *
 *     trainer.c           makes it
 *     trainer_step.c      takes a step
 *     trainer_rows.c      its rows, cut into sequences where documents begin
 *     trainer_part.c      one micro-batch of it, forward and backward
 *     trainer_pairs.c     answers that are compared
 *     trainer_stage.c     one micro-batch of it, where ranks have different layers
 *     trainer_pipeline.c  the micro-batches of a step, where ranks have different layers
 *     trainer_chunks.c    the same, where each has several blocks of layers
 *     trainer_sums.c      the slots in which sums of leaves wait
 *     trainer_ranks.c     what ranks exchange in a step
 *     trainer_slices.c    columns of matrices of which ranks have rows
 *     trainer_evaluate.c  the loss of rows that are not learnt from
 *     trainer_collect.c   what they exchange for a checkpoint */
#ifndef CADRE_TRAIN_TRAINER_STATE_H
#define CADRE_TRAIN_TRAINER_STATE_H

#include "base/share.h"
#include "train/interleaving.h"
#include "train/leaf_plan.h"
#include "train/rank_groups.h"
#include "train/trainer.h"

/* The decoder, or the encoder before it */
typedef struct stack {
    const model_config *config;
    int64_t length; /* tokens of a sequence */
    model_weights weights;
    model_gradients gradients;
    transformer *transformer; /* of the chunk that works */
    balance *balance;
    int32_t *inputs; /* [passes of all chunks, room] */
    int64_t room;    /* tokens of a micro-batch, at most */
    int64_t *start;  /* [passes of all chunks, sequences of a micro-batch at most + 1] */
    /* [V, D] the gradient of an embedding that others share, until the step's end: sums over
     * tokens, each in its own order. NULL: nobody shares it */
    real *embedding;
    /* How a micro-batch sums the gradients of dense parameters */
    leaf_list leaves;
    leaf_run run[LEAF_RUNS];
    int64_t leaf_start[LEAVES_MOST + 1];
} stack;

enum { DECODER, ENCODER, STACKS };

/* The sum of a row's losses, and its log-probability at the start of the run */
typedef struct row_of_pair {
    double minus, reference;
} row_of_pair;

/* What is known of a micro-batch between its forward and its backward. */
typedef struct micro_batch {
    /* [ranks + 1] of each rank, in the micro-batch */
    int64_t first_sequence[BATCH_RANKS + 1], first_token[BATCH_RANKS + 1];
    batch_ranks ranks;
    double *statistics; /* of the balance, all layers' of this rank's sequences; NULL: see there */
} micro_batch;

/* Between neighbours of a pipeline: a micro-batch's statistics, then its rows. Chunks have letters
 * of their own to send, one forward and one backward, and some that wait for their turn. */
typedef struct pipeline_letter {
    bool waits, backward;
    int chunk;
    int64_t micro;
} pipeline_letter;
typedef struct pipeline_mail {
    char *out, *in;          /* [bytes] of the work that is done now */
    size_t bytes;            /* at most */
    char *sent;              /* [2, bytes] */
    char *box;               /* [letters, bytes] */
    pipeline_letter *letter; /* [letters] */
    int letters;
} pipeline_mail;

struct trainer {
    compute *c;
    int workers;
    rank_groups groups;
    comm *world;         /* of groups */
    model_config config; /* with sparse layers as they train */
    model_config share;  /* the same with this rank's heads; .layers 0: it has all */
    train_settings settings;
    arena memory;
    param_table table; /* what is trained: the model, or the pairs beside it */
    low_rank *pairs;   /* [settings.adapted->adapter->count] views; NULL: the model is trained */
    real *values, *gradient; /* [elements] */
    /* [V, D] the gradient of a tied head until the step's end, like a stack's `embedding` */
    real *head_gradient;
    leaf_plan plan;
    /* Of matrices of which this rank has some rows [table.count]; the columns of them that it
     * multiplies by, and where own rows are packed; NULL: it has all rows */
    weight_slice *slices;
    real *columns, *packed;
    /* Where ranks divide the batch: elements of parameters that are no experts, which come first;
     * the slice of them that each rank owns [ranks + 1]; slices of nodes that have arrived; all
     * ranks' losses */
    int64_t dense, first[BATCH_RANKS + 1];
    /* One; where ranks have different layers, all of a step [accumulate] */
    micro_batch *micro;
    /* Blocks of layers, each with a transformer of its own for so many micro-batches between their
     * forward and their backward; and the one that works */
    int chunks, chunk;
    transformer *layers[LAYOUT_CHUNKS];
    int passes[LAYOUT_CHUNKS];
    pipeline_mail mail;
    /* Of all sparse layers, where other ranks have some: the norms of the routers' gradients, and
     * the selection biases [sparse layers, most experts] */
    double *router_norm;
    real *correction;
    int32_t most_experts;
    param_table whole; /* of the model; empty if there is one rank */
    real *arrived, *all_losses;
    int64_t most_slice; /* elements, for which `arrived` has room */
    /* Sums of leaves that wait: those of slot 0 are in `gradient` and head_gradient, those of the
     * others `slot_size` elements apart in `waiting`, as far from each other as those are. */
    real *waiting;
    int64_t slot_size, head_size;
    int64_t slot_first; /* the first element of a slot, counted from that of `gradient` */
    leaf_sums sums[LAYOUT_CHUNKS]; /* of the step so far */
    leaf_part part;                /* the micro-batch that runs */
    stack stacks[STACKS];
    int count; /* of stacks */
    optimizer *optimizer;
    bool evaluates; /* rows are not learnt from: nothing is dropped at random or counted */
    bool guarded; /* a step may be passed over: where its loss is above loss_limit, or no number */
    double loss_limit;
    int32_t *texts;   /* [micro-batch] as they were fed; NULL: the decoder reads them */
    int32_t *targets; /* [micro-batch] of the decoder, with room for as many as were fed */
    bool *begins;     /* [micro-batch] where documents begin, as they were fed */
    real *losses;     /* [micro-batch] */
    /* Of the step: the first sequence of each row [batch + 1], and the targets that count */
    int64_t *first_sequence;
    int64_t counted;
    /* Of preferences: weights of the losses [micro-batch], what the rows were given at the start of
     * the run [rows of it], and sums over the step's pairs */
    real *weights;
    double *reference;
    row_of_pair *row; /* of all ranks [micro-batch] */
    double pair_losses, margins;
};

/* Whether its gradient is a sum along the tree of leaves. That of experts and of the embedding is
 * one chain. */
static inline bool trainer_sums_leaves(const param *p)
{
    return p->kind != PARAM_STATE && p->role != ROLE_EMBED && !param_is_expert(p->role);
}

/* NULL: this rank has none of its rows */
static inline const param *trainer_embedding(const trainer *t)
{
    for (int64_t i = 0; i < t->table.count; i++)
        if (t->table.rows[i].role == ROLE_EMBED) return &t->table.rows[i];
    return NULL;
}

/* Elements of the rows of the embedding, and of a tied head, that are here */
static inline int64_t trainer_embedded(const trainer *t)
{
    const param *p = trainer_embedding(t);
    return p ? p->rows * p->cols : 0;
}

/* The layers of one of this rank's chunks of a stack */
static inline transformer_stage trainer_stage(const trainer *t, const model_config *c, int chunk)
{
    int32_t stages = t->groups.size.pipeline, part = chunk * stages + t->groups.at.pipeline;
    return (transformer_stage){ .first = share_begin(c->layers, part, stages * t->chunks),
        .end = share_begin(c->layers, part + 1, stages * t->chunks),
        .passes = t->passes[chunk] };
}
/* Whether this rank has the output matrix; whether the chunk that works begins, or ends, with the
 * model */
static inline bool trainer_has_head(const trainer *t)
{
    return t->groups.at.pipeline + 1 == t->groups.size.pipeline;
}
static inline bool trainer_is_first(const trainer *t)
{
    return t->groups.at.pipeline == 0 && t->chunk == 0;
}
static inline bool trainer_is_last(const trainer *t)
{
    return trainer_has_head(t) && t->chunk + 1 == t->chunks;
}
static inline int trainer_passes_before(const trainer *t, int chunk)
{
    int sum = 0;
    for (int c = 0; c < chunk; c++) sum += t->passes[c];
    return sum;
}
static inline int trainer_pass(const trainer *t, int64_t micro)
{
    return (int)(micro % t->passes[t->chunk]);
}
static inline void trainer_turn_to(trainer *t, int chunk)
{
    t->chunk = chunk;
    t->stacks[DECODER].transformer = t->layers[chunk];
}

/* ---- trainer_sums.c ---- */

/* The first element of a slot, counted from that of slot 0 */
int64_t trainer_place_of_slot(const trainer *t, int64_t slot);
void trainer_begin_leaves(trainer *t); /* says how the stacks sum the gradients of t->part */
/* Adds the sums of two halves of nodes, as t->part says, of the chunk that works. */
void trainer_join_leaves(trainer *t);
leaf_sums trainer_sums_of(const trainer *t, int rank); /* after the last part */

/* ---- trainer_rows.c ---- */

/* Rows of a micro-batch, and the sequences of the model in them, at most */
int64_t trainer_most_rows(const trainer *t);
int64_t trainer_most_sequences(const trainer *t);
/* At the beginning of a step: counts the sequences of every row and the targets of all. */
void trainer_survey_rows(trainer *t, trainer_feed feed, void *arg);
/* Feeds the rows of t->part, into t->targets too, and says where pass `pass` of all chunks' has
 * its sequences. */
void trainer_feed_rows(trainer *t, int32_t *inputs, int pass, trainer_feed feed, void *arg);
/* The sequences in rows first .. first + count - 1 */
static inline int64_t trainer_sequences_in(const trainer *t, int64_t first, int64_t count)
{
    return t->first_sequence[first + count] - t->first_sequence[first];
}

/* ---- trainer_part.c ---- */

static inline micro_batch *trainer_micro(const trainer *t, int64_t i)
{
    return &t->micro[t->groups.pipeline ? i : 0];
}

/* Says in t->part which sequences micro-batch i has here, and how it sums after those in `sums`. */
void trainer_begin_part(trainer *t, int64_t i, leaf_sums *sums);
cadre_status trainer_forward_part(
    trainer *t, int64_t step, int64_t i, trainer_feed feed, void *arg);
/* The gradients of t->part, added to those of the parts before it */
cadre_status trainer_backward_part(trainer *t, int64_t i);
/* ---- trainer_pairs.c ---- */

/* Between forward and backward: the losses of the pairs of t->part, and the weights of their
 * tokens' losses. */
void trainer_weigh_pairs(trainer *t, int64_t i);
/* The losses of the rows of micro-batch i, of all ranks, after its forward pass: sums [batch] */
void trainer_sum_rows(trainer *t, int64_t i, double *sums);
/* What the experts got of each, in the rows of the step [batch, experts of all sparse layers] */
void trainer_count_rows(trainer *t, int64_t i, int32_t *loads);

/* The losses of its tokens, in their order, are added to *sum. */
void trainer_add_losses(trainer *t, int64_t i, double *sum);

/* The norm of the gradient of a layer's router; 0: it is not here */
double trainer_norm_of_router(const trainer *t, const stack *k, int64_t layer);

/* ---- trainer_stage.c ---- */

void trainer_layout_pipeline(trainer *t, arena *a);
/* A micro-batch on a stage, in the chunk that works. What came from the stage before is in
 * t->mail.in; what goes to the next is left in mail.out. Backward it is the other way. */
cadre_status trainer_stage_forward(
    trainer *t, int64_t step, int64_t i, trainer_feed feed, void *arg);
cadre_status trainer_stage_backward(trainer *t, int64_t i, double *sum);
size_t trainer_mail_bytes(const trainer *t, int64_t i);
/* The losses of micro-batch i, which has just been forward through the last chunk of all */
void trainer_stage_losses(trainer *t, int64_t i, double *sum);
/* Of it, the statistics of the balance */
size_t trainer_statistics_bytes(const trainer *t, int64_t i);

/* ---- trainer_pipeline.c ---- */

bool trainer_has_correction(const trainer *t, int64_t layer); /* on some rank */

/* The same as trainer_step.c does with one micro-batch after another */
cadre_status trainer_survey_pipeline(trainer *t, int64_t step, trainer_feed feed, void *arg);
cadre_status trainer_run_pipeline(
    trainer *t, int64_t step, trainer_feed feed, void *arg, double *sum);
/* The same as trainer_evaluate.c does */
cadre_status trainer_evaluate_pipeline(trainer *t, trainer_feed feed, void *arg, double *sum);

/* After the gradients: those of a tied head go to the embedding's, and the other way */
void trainer_exchange_embedding(trainer *t);
/* At the end of a step: what the metrics show of routers of other ranks */
void trainer_show_routers(trainer *t);

/* ---- trainer_chunks.c ---- */

cadre_status trainer_check_chunks(const trainer *t);
void trainer_measure_chunks(trainer *t); /* fills in passes and mail.letters */
typedef enum chunk_work {
    CHUNKS_LEARN,   /* forward and backward */
    CHUNKS_FORWARD, /* forward alone */
    CHUNKS_LOSSES,  /* forward alone, with the losses */
} chunk_work;
cadre_status trainer_run_chunks(
    trainer *t, chunk_work what, int64_t step, trainer_feed feed, void *arg, double *sum);

/* ---- trainer_slices.c ---- */

cadre_status trainer_check_slices(const trainer *t);
void trainer_layout_slices(trainer *t, arena *a);
/* At the beginning of a step: every rank gets its columns of the values of all rows. */
void trainer_spread_columns(trainer *t);

/* ---- trainer_ranks.c ---- */

void trainer_place_experts_last(param_table *table, int64_t *dense);
cadre_status trainer_check_ranks(const trainer *t);
/* After the last part: this rank's slice of the sums of all ranks */
void trainer_gather_gradients(trainer *t);
void trainer_gather_losses(trainer *t, const micro_batch *m); /* into all_losses */
void trainer_spread_values(trainer *t);                       /* after the optimiser's step */

#endif

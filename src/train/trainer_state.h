/* trainer_state.h - the data of a trainer, which these files share:
 *
 *     trainer.c              makes a trainer and lays its memory out
 *     trainer_step.c         takes a step
 *     trainer_rows.c         cuts the rows of a batch into sequences where documents begin
 *     trainer_micro_batch.c  runs one micro-batch forward and backward
 *     trainer_pairs.c        computes the preference losses of pairs of answers
 *     trainer_stage.c        runs one micro-batch through one stage of a pipeline
 *     trainer_pipeline.c     runs the micro-batches of a step through a pipeline
 *     trainer_chunks.c       does the same where each stage has several chunks of layers
 *     trainer_sums.c         keeps partial sums of gradients in slots, and adds them
 *     trainer_ranks.c        exchanges gradients, losses and parameters between ranks
 *     trainer_slices.c       gathers columns of matrices whose rows are divided among ranks
 *     trainer_evaluate.c     computes the loss of held-out rows
 *     trainer_reader.c       reads all ranks' parameters and optimiser states for a checkpoint */
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
    transformer *transformer; /* of the current chunk */
    balance *balance;
    int32_t *inputs;     /* [passes of all chunks, most_tokens] */
    int64_t most_tokens; /* of a micro-batch */
    int64_t *start;      /* [passes of all chunks, most sequences of a micro-batch + 1] */
    /* [V, D] the encoder's share of the gradient of an embedding that the decoder also uses, kept
     * apart until the step's end so that each is a sum over tokens in their order. NULL: the
     * embedding is not shared */
    real *embedding;
    /* In which order a micro-batch sums the gradients of dense parameters (op/leaves.h) */
    leaf_list leaves;
    leaf_run run[LEAF_RUNS];
    int64_t leaf_start[LEAVES_MOST + 1];
} stack;

enum { DECODER, ENCODER, STACKS };

/* An answer's negative log-likelihood, and its log-probability in the reference model, which is the
 * model at the start of the run */
typedef struct row_of_pair {
    double nll, reference;
} row_of_pair;

/* What a micro-batch keeps between its forward and its backward pass */
typedef struct micro_batch {
    /* [ranks + 1] where each rank's sequences and tokens begin in the micro-batch */
    int64_t first_sequence[BATCH_RANKS + 1], first_token[BATCH_RANKS + 1];
    batch_ranks ranks;
    /* The routing statistics of this rank's sequences in all layers, as balance_pack packs them;
     * NULL: there is no pipeline, and the balance has them */
    double *statistics;
} micro_batch;

/* A message between neighbours of a pipeline: a micro-batch's routing statistics, then its hidden
 * states or their gradients. With several chunks, a rank has one buffer for the message that it
 * sends forward, one for that which it sends backward, and several for messages that have been
 * received and are not yet used. */
typedef struct pipeline_message {
    bool waits, backward; /* received and not yet used; of a backward pass */
    int chunk;
    int64_t micro; /* the micro-batch's index in the step */
} pipeline_message;
typedef struct pipeline_buffers {
    char *out, *in;            /* [bytes] the messages that the current pass writes and reads */
    size_t bytes;              /* of a message, at most */
    char *sent;                /* [1 or 2, bytes] */
    char *received;            /* [messages, bytes] */
    pipeline_message *message; /* [messages] what each buffer of `received` holds */
    int messages;
} pipeline_buffers;

struct trainer {
    compute *c;
    int workers;
    rank_groups groups;
    comm *world;         /* of groups */
    model_config config; /* whose sparse layers have the options of training */
    model_config share;  /* the same with this rank's heads; .layers 0: this rank has all heads */
    train_settings settings;
    arena arena;
    param_table table; /* what is trained: the model's parameters, or an adapter's */
    low_rank *pairs;   /* [settings.adapted->adapter->count] views; NULL: the model is trained */
    real *values, *gradient; /* [elements] */
    /* [V, D] the output matrix's share of the gradient of a tied embedding, kept apart until the
     * step's end like a stack's `embedding`; NULL: it is not tied */
    real *head_gradient;
    leaf_plan plan;
    /* [table.count] of matrices of which this rank has some rows; the columns of all their rows,
     * by which it multiplies gradients, and a buffer in which its own rows are packed to be sent;
     * NULL: this rank has all rows */
    weight_slice *slices;
    real *columns, *packed;
    /* The number of elements of the parameters that are not experts', which come first, and
     * [ranks + 1] where the slice of them that each rank owns begins */
    int64_t dense, first[BATCH_RANKS + 1];
    /* [accumulate] all of a step where ranks have different layers, otherwise one */
    micro_batch *micro;
    /* How many chunks of layers this rank has, and which is the current one. Each chunk has a
     * transformer of its own, which keeps the activations of passes[chunk] micro-batches between
     * their forward and backward passes. */
    int chunks, chunk;
    transformer *layers[LAYOUT_CHUNKS];
    int passes[LAYOUT_CHUNKS];
    pipeline_buffers pipeline;
    /* Where other ranks have some of the layers: the norms of all routers' gradients [sparse
     * layers], and all correction biases [sparse layers, most experts] */
    double *router_norm;
    real *correction;
    int32_t most_experts;
    param_table whole; /* of the whole model; empty if there is one rank */
    /* Received from other ranks: slices of partial sums of gradients, each of at most most_slice
     * elements, and the losses of all ranks' tokens */
    real *arrived, *all_losses;
    int64_t most_slice;
    /* The slots of partial sums of gradients (leaf_plan.h). Slot 0 is `gradient` and head_gradient;
     * the others have the same layout and lie one after another in `waiting`, each of `slot_size`
     * elements. */
    real *waiting;
    int64_t slot_size, head_size;
    int64_t slot_first; /* the first element of a slot, counted from that of `gradient` */
    leaf_sums sums[LAYOUT_CHUNKS]; /* of the step so far */
    leaf_micro_batch current;      /* the micro-batch that is computed now */
    stack stacks[STACKS];
    int count; /* of stacks */
    optimizer *optimizer;
    bool evaluates; /* the rows are held out: there is no dropout, and routing is not counted */
    bool guarded;   /* a step is skipped if its loss is above loss_limit, or not finite */
    double loss_limit;
    int32_t *texts;   /* [micro-batch] tokens for span corruption; NULL: there is no encoder */
    int32_t *targets; /* [micro-batch] of the decoder */
    bool *begins;     /* [micro-batch] where documents begin */
    real *losses;     /* [micro-batch] */
    /* The first sequence of each row of the step [batch + 1], and how many of its targets count */
    int64_t *first_sequence;
    int64_t counted;
    /* Preference pairs have the weight of each token's loss [micro-batch], the rows'
     * log-probability in the reference model [rows of a micro-batch], and sums over the step's
     * pairs */
    real *weights;
    double *reference;
    row_of_pair *row; /* [rows of a micro-batch on all ranks] */
    double pair_losses, margins;
};

/* Whether the parameter's gradient is summed along the tree of leaves. The gradients of experts and
 * of the embedding are one chain of additions. */
static inline bool trainer_sums_leaves(const param *p)
{
    return p->kind != PARAM_STATE && p->role != ROLE_EMBED && !param_is_expert(p->role);
}

/* The embedding's row of the table; NULL: this rank has no rows of the embedding */
static inline const param *trainer_embedding(const trainer *t)
{
    for (int64_t i = 0; i < t->table.count; i++)
        if (t->table.rows[i].role == ROLE_EMBED) return &t->table.rows[i];
    return NULL;
}

/* The number of elements of the embedding, and of a tied head, that this rank has */
static inline int64_t trainer_embedded(const trainer *t)
{
    const param *p = trainer_embedding(t);
    return p ? p->rows * p->cols : 0;
}

/* The layers of one of this rank's chunks of a stack */
static inline transformer_stage trainer_stage(const trainer *t, const model_config *c, int chunk)
{
    int32_t stages = t->groups.size.pipeline,
            virtual_stage = chunk * stages + t->groups.at.pipeline;
    return (transformer_stage){ .first = share_begin(c->layers, virtual_stage, stages * t->chunks),
        .end = share_begin(c->layers, virtual_stage + 1, stages * t->chunks),
        .passes = t->passes[chunk] };
}
/* Whether this rank has the output matrix; whether the current chunk has the model's first, or
 * last, layer */
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
static inline void trainer_select_chunk(trainer *t, int chunk)
{
    t->chunk = chunk;
    t->stacks[DECODER].transformer = t->layers[chunk];
}

/* ---- trainer_sums.c ---- */

/* Where a slot begins, in elements after the beginning of slot 0 */
int64_t trainer_place_of_slot(const trainer *t, int64_t slot);
/* Tells the stacks in which order to sum the gradients of t->current. */
void trainer_begin_leaves(trainer *t);
/* Does the additions of t->current.join: the gradients of the current chunk in one slot are added
 * to those in another. */
void trainer_join_leaves(trainer *t);
/* The partial sums that a rank holds after the last micro-batch */
leaf_sums trainer_sums_of(const trainer *t, int rank);

/* ---- trainer_rows.c ---- */

/* The most rows of a micro-batch on this rank, and the most sequences in them */
int64_t trainer_most_rows(const trainer *t);
int64_t trainer_most_sequences(const trainer *t);
/* At the beginning of a step: counts the sequences of every row and the targets of all. */
void trainer_survey_rows(trainer *t, trainer_feed feed, void *arg);
/* Reads the rows of t->current into `inputs` and t->targets, and writes where their sequences begin
 * into place `pass` of each stack's `start`. */
void trainer_feed_rows(trainer *t, int32_t *inputs, int pass, trainer_feed feed, void *arg);
/* The sequences in rows first .. first + count - 1 */
static inline int64_t trainer_sequences_in(const trainer *t, int64_t first, int64_t count)
{
    return t->first_sequence[first + count] - t->first_sequence[first];
}

/* ---- trainer_micro_batch.c ---- */

static inline micro_batch *trainer_micro(const trainer *t, int64_t i)
{
    return &t->micro[t->groups.pipeline ? i : 0];
}

/* Begins micro-batch i: writes to t->current which sequences of it this rank has, and in which
 * order their gradients are added to the partial sums in `sums`, which it updates. */
void trainer_begin_micro_batch(trainer *t, int64_t i, leaf_sums *sums);
cadre_status trainer_forward_micro_batch(
    trainer *t, int64_t step, int64_t i, trainer_feed feed, void *arg);
/* Computes the gradients of t->current and adds them to those of the micro-batches before it. */
cadre_status trainer_backward_micro_batch(trainer *t, int64_t i);
/* Adds the losses of micro-batch i to *sum, token by token in their order. */
void trainer_add_losses(trainer *t, int64_t i, double *sum);
/* The norm of the gradient of a layer's router matrix; 0: this rank does not have the layer */
double trainer_norm_of_router(const trainer *t, const stack *k, int64_t layer);

/* ---- trainer_pairs.c ---- */

/* Called between the forward and the backward pass of micro-batch i: adds the losses of its pairs
 * to t->pair_losses, and sets the weights of their tokens' losses. */
void trainer_weigh_pairs(trainer *t, int64_t i);
/* Called after the forward pass of micro-batch i: writes the sum of the losses of each of its rows,
 * on all ranks, to its place in sums [batch]. */
void trainer_sum_rows(trainer *t, int64_t i, double *sums);
/* Writes how many tokens of each of these rows every expert got, to their place in loads [batch,
 * experts of all sparse layers]. */
void trainer_count_rows(trainer *t, int64_t i, int32_t *loads);

/* ---- trainer_stage.c ---- */

void trainer_layout_pipeline(trainer *t, arena *a);
/* Runs the pass of micro-batch i through the layers of the current chunk. The forward pass reads
 * the previous stage's message from t->pipeline.in and leaves one for the next stage in
 * pipeline.out; the backward pass does the reverse. */
cadre_status trainer_stage_forward(
    trainer *t, int64_t step, int64_t i, trainer_feed feed, void *arg);
cadre_status trainer_stage_backward(trainer *t, int64_t i, double *sum);
size_t trainer_message_bytes(const trainer *t, int64_t i);
/* Adds the losses of micro-batch i, whose forward pass through the last chunk is done, to *sum. */
void trainer_stage_losses(trainer *t, int64_t i, double *sum);
/* The part of a message that is routing statistics */
size_t trainer_statistics_bytes(const trainer *t, int64_t i);

/* ---- trainer_pipeline.c ---- */

/* Whether the layer's router has a correction bias, on whichever rank it is */
bool trainer_has_correction(const trainer *t, int64_t layer);

/* What trainer_step.c does without a pipeline: the extra forward passes for balancing over a step,
 * and the forward and backward passes of a step */
cadre_status trainer_survey_pipeline(trainer *t, int64_t step, trainer_feed feed, void *arg);
cadre_status trainer_run_pipeline(
    trainer *t, int64_t step, trainer_feed feed, void *arg, double *sum);
/* What trainer_evaluate.c does without a pipeline */
cadre_status trainer_evaluate_pipeline(trainer *t, trainer_feed feed, void *arg, double *sum);

/* Called after the backward passes: the first stage, which has the embedding, and the last, which
 * has the tied head, send each other their gradients. */
void trainer_exchange_embedding(trainer *t);
/* Called at the end of a step: brings what the metrics report of routers from the stages that have
 * them to all ranks. */
void trainer_gather_routers(trainer *t);

/* ---- trainer_chunks.c ---- */

cadre_status trainer_check_chunks(const trainer *t);
void trainer_measure_chunks(trainer *t); /* sets t->passes and t->pipeline.messages */
typedef enum chunk_work {
    CHUNKS_LEARN,   /* forward and backward passes */
    CHUNKS_FORWARD, /* forward passes */
    CHUNKS_LOSSES,  /* forward passes, and the losses */
} chunk_work;
cadre_status trainer_run_chunks(
    trainer *t, chunk_work what, int64_t step, trainer_feed feed, void *arg, double *sum);

/* ---- trainer_slices.c ---- */

cadre_status trainer_check_slices(const trainer *t);
void trainer_layout_slices(trainer *t, arena *a);
/* Called at the beginning of a step: every rank receives its columns of all rows' values. */
void trainer_exchange_columns(trainer *t);

/* ---- trainer_ranks.c ---- */

void trainer_place_experts_last(param_table *table, int64_t *dense);
cadre_status trainer_check_ranks(const trainer *t);
/* Called after the last micro-batch: this rank gets the sum of all ranks' gradients in its slice of
 * the parameters (a reduce-scatter in a fixed order). */
void trainer_gather_gradients(trainer *t);
void trainer_gather_losses(trainer *t, const micro_batch *m); /* into all_losses */
/* Called after the optimiser's step: all ranks get the values that each has updated. */
void trainer_gather_values(trainer *t);

#endif

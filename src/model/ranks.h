/* ranks.h - a model that several ranks run together: the groups that divide its layers, what this
 * rank has of it, and how rank 0 tells the others what to do.
 *
 * Rank 0 leads: a program uses the model there as it uses any other. The other ranks follow: they
 * wait for what rank 0 says, and do their part of it, until rank 0 closes the model. */
#ifndef CADRE_MODEL_RANKS_H
#define CADRE_MODEL_RANKS_H

#include "base/buffer.h"
#include "base/layout.h"
#include "kernel/context.h"
#include "mixer/state_log.h"
#include "model/transformer.h"
#include "weights/rank_share.h"

typedef struct model_ranks {
    comm *world;              /* borrowed */
    rank_layout size, at;     /* how many parts in each way, and which this rank has */
    char layout[LAYOUT_TEXT]; /* size, as --parallel has it */
    /* Each joins the ranks that differ in one way alone; NULL: there is one part */
    comm *tensor, *owners, *pipeline;
    rank_share share;
    transformer_stage stage;
    model_config config,
        encoder;           /* with this rank's heads; encoder: .layers 0 where there is none */
    state_log log;         /* of rank 0, for the others */
    byte_buffer said;      /* the last message */
    int64_t runners;       /* of rank 0: so many have had numbers */
    bool follow;           /* the other ranks wait for what rank 0 says */
    expert_spread *placed; /* [layers] of the experts; NULL: runs of neighbours */
    comm_tally *tally;     /* [2, ranks] of all, as rank 0 heard of them last, and as they arrive */
    double heard;          /* when */
} model_ranks;

/* What rank 0 says. Each kind is described where it is sent (infer/lead.c); RANKS_END is the
 * last. */
typedef struct ranks_message {
    int64_t what, bytes; /* bytes: of what follows it */
    int64_t n[6];
} ranks_message;

enum { RANKS_END = 1, RANKS_FURTHER };

/* On rank 0: sends a message, followed by `bytes` bytes. */
void ranks_say(model_ranks *r, const ranks_message *m, const void *data);
/* On the others: *data is borrowed until the next call. */
cadre_status ranks_hear(model_ranks *r, ranks_message *m, const char **data);

/* Rank 0 hears what all ranks have sent and received. All call it together. */
void model_ranks_tell(model_ranks *r);
/* Rank 0: what it heard last, of at most so many ranks; returns of how many. Any thread may ask. */
int model_ranks_tallies(model_ranks *r, comm_tally *tally, int most);

/* Makes one result of all ranks': if some failed, those that did not fail too and name the first of
 * the others. All ranks call it together. */
cadre_status model_ranks_agree(comm *world, cadre_status own);

/* Divides a model whose weights take so many bytes among the ranks of the context's world, by its
 * layout or, where none was given, by the first in its order that divides the model. All ranks call
 * it together. */
cadre_status model_ranks_open(const cadre_context *context, const model_config *config,
    int64_t weight_bytes, model_ranks **r);
void model_ranks_close(model_ranks *r); /* NULL is fine */

#endif

/* constraint.h - what a text must be, and a text that becomes it token by token. */
#ifndef CADRE_INFER_CONSTRAINT_H
#define CADRE_INFER_CONSTRAINT_H

#include "cadre/session.h"
#include "grammar/answer.h"
#include "grammar/token_mask.h"
#include "model/model.h"

/* A text so far. */
typedef struct constraint_text {
    cadre_constraint *constraint; /* NULL: it may be anything */
    byte_buffer text;             /* read so far: to find the state again when it was forgotten */
    state_id state;
    uint64_t forgotten;
    uint64_t *mask; /* [words] */
    uint64_t *ends; /* [words] tokens that end it */
    bool can_end;   /* there are any */
} constraint_text;

/* What a whole answer must be: its tokenizer is the model's. */
cadre_status constraint_of_answer(
    cadre_model *model, const answer_form *form, cadre_constraint **constraint);

cadre_status constraint_check(const cadre_constraint *c, const cadre_model *model);
/* Keeps the constraint. ends [count]: tokens that end a text, beside the model's. */
cadre_status constraint_begin(
    cadre_constraint *c, const int32_t *ends, int64_t count, constraint_text *t);
void constraint_end(constraint_text *t);

/* Finds t->mask, the tokens that may come next; where there are none, that is an error. */
cadre_status constraint_find(constraint_text *t);
/* A token of the mask has come. *whole: it ends the text, or it was the last that could come and
 * there is no token that ends a text. */
cadre_status constraint_take(constraint_text *t, int32_t token, bool *whole);

#endif

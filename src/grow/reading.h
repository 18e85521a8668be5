/* reading.h - a model that reads tokens window by window, each by itself: what models made of
 * others are measured on. */
#ifndef CADRE_GROW_READING_H
#define CADRE_GROW_READING_H

#include "model/model.h"
#include "model/transformer.h"

/* Tokens of a window, at most the model's own context */
enum { READING_WINDOW = 512 };

/* What is read. */
typedef struct passage {
    int32_t *tokens; /* [count] owned */
    int64_t count;
} passage;

/* The texts' tokens, one text after another; of no text (count 0) some tokens drawn from the
 * vocabulary, a function of the seed. */
cadre_status passage_open(cadre_model *model, const cadre_options *options, passage *p);
void passage_close(passage *p);

typedef struct reading {
    cadre_model *model; /* borrowed */
    transformer *transformer;
    int64_t window;
    int64_t start[2];
} reading;

cadre_status reading_open(cadre_model *model, int64_t window, reading *r);
void reading_close(reading *r);

/* One window of `count` tokens, at most r->window. watch NULL: none. Fails where a stop was asked
 * for. */
cadre_status reading_take(
    reading *r, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg);

/* Of models with these contexts. */
int64_t reading_window(int64_t context, int64_t other);

#endif

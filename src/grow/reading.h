/* reading.h - lets a model read tokens window by window, each by itself. Models that were made of
 * others are measured this way. */
#ifndef CADRE_GROW_READING_H
#define CADRE_GROW_READING_H

#include "cadre/model.h"
#include "model/model.h"
#include "model/transformer.h"

/* Tokens of a window, or the model's own context if that is smaller */
enum { READING_WINDOW = 512 };

/* The tokens that are read */
typedef struct passage {
    int32_t *tokens; /* [count] owned */
    int64_t count;
} passage;

/* The tokens of all texts, one text after another. Without texts, some tokens are drawn from the
 * vocabulary, as a function of the seed. */
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

/* Reads one window of `count` tokens, at most r->window. watch NULL: none. Fails if a stop was
 * requested. */
cadre_status reading_take(
    reading *r, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg);

/* The window for models with these contexts */
int64_t reading_window(int64_t context, int64_t other);

#endif

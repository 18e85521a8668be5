/* pretokenizer.h - how a tokenizer.json splits a text into the words that its model sees: a list of
 * steps, each of which takes a piece and passes on smaller or rewritten pieces.
 *
 * A piece passes through all steps before the next one begins, so only one is kept. THE LIST of
 * kinds is in pretokenizer.c; a kind that it lacks is refused. "Sequence" is flattened. */
#ifndef CADRE_TEXT_PRETOKENIZER_H
#define CADRE_TEXT_PRETOKENIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "format/json.h"
#include "text/pattern.h"

enum { PRETOKENIZER_STEPS_MAX = 32 };

typedef enum split_behavior {
    SPLIT_ISOLATED,             /* a match is a piece of its own */
    SPLIT_REMOVED,              /* a match disappears */
    SPLIT_CONTIGUOUS,           /* neighbouring matches are one piece */
    SPLIT_MERGED_WITH_PREVIOUS, /* a match ends the piece before it */
    SPLIT_MERGED_WITH_NEXT,     /* a match begins the piece after it */
} split_behavior;

typedef enum prepend_scheme { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER } prepend_scheme;

typedef struct pretokenizer_run pretokenizer_run;
typedef struct pretokenizer_step {
    cadre_status (*run)(pretokenizer_run *run, int step, string_view piece, bool first);
    pattern *pattern;          /* matches are where it matches, ... */
    bool (*is)(uint32_t code); /* ... or single characters of a kind */
    split_behavior behavior;
    bool invert;             /* what does not match counts as match */
    byte_buffer replacement; /* Metaspace */
    prepend_scheme prepend;  /* Metaspace */
} pretokenizer_step;

typedef struct pretokenizer { /* zeroed: the whole text is one word */
    pretokenizer_step steps[PRETOKENIZER_STEPS_MAX];
    int count;
    bool byte_level; /* words consist of visible characters */
} pretokenizer;

/* Reads an object {"type": ...}; a node that is absent or null is no pre-tokenizer. */
cadre_status pretokenizer_read(pretokenizer *p, const json_node *node);
void pretokenizer_free(pretokenizer *p);

/* Whether two pre-tokenizers split every text alike, as far as their steps tell. */
bool pretokenizer_same(const pretokenizer *a, const pretokenizer *b);

typedef cadre_status (*word_sink)(void *arg, string_view word);

typedef struct pretokenizer_scratch { /* zeroed: empty; one for each thread */
    pattern_scan *scans[PRETOKENIZER_STEPS_MAX];
    byte_buffer rewritten[PRETOKENIZER_STEPS_MAX];
} pretokenizer_scratch;

/* Gives every word of well-formed text to the sink; none is empty. `first` says that the text
 * begins where the user's text does. */
cadre_status pretokenizer_apply(const pretokenizer *p, pretokenizer_scratch *s, string_view text,
    bool first, word_sink sink, void *arg);
void pretokenizer_scratch_free(pretokenizer_scratch *s);

#endif

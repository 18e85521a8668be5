/* normalizer.h - how a tokenizer.json rewrites a text before it is split: a list of steps, each
 * from text to text.
 *
 * THE LIST of kinds is in normalizer.c, one row each; a kind that is not in it is refused.
 * "Sequence" is flattened. */
#ifndef CADRE_TEXT_NORMALIZER_H
#define CADRE_TEXT_NORMALIZER_H

#include "base/buffer.h"
#include "format/json.h"
#include "text/charsmap.h"
#include "text/pattern.h"
#include "text/unicode_form.h"

enum { NORMALIZER_STEPS_MAX = 32 };

typedef struct normalizer_step normalizer_step;
typedef cadre_status (*normalizer_run)(
    const normalizer_step *step, pattern_scan *scan, string_view in, byte_buffer *out);

struct normalizer_step {
    normalizer_run run;
    pattern *pattern;    /* Replace */
    byte_buffer content; /* Replace, Prepend: what is put in */
    charsmap map;        /* Precompiled */
    unicode_form form;   /* NFC ... */
    bool left, right;    /* Strip */
};

typedef struct normalizer { /* zeroed: changes nothing */
    normalizer_step steps[NORMALIZER_STEPS_MAX];
    int count;
} normalizer;

/* Reads an object {"type": ...}; a node that is absent or null is no normalizer. */
cadre_status normalizer_read(normalizer *n, const json_node *node);
void normalizer_free(normalizer *n);

/* Whether two normalizers change every text alike, as far as their steps tell. */
bool normalizer_same(const normalizer *a, const normalizer *b);

/* The compiled map, if it is the first step; otherwise NULL. */
const charsmap *normalizer_first_map(const normalizer *n);

/* Turns well-formed text into well-formed text, borrowed from `text` or from one of the buffers. */
typedef struct normalizer_scratch { /* zeroed: empty; one for each thread */
    byte_buffer buffers[2];
} normalizer_scratch;
cadre_status normalizer_apply(const normalizer *n, normalizer_scratch *s, pattern_scan *scan,
    string_view text, string_view *normal);
void normalizer_scratch_free(normalizer_scratch *s);

/* Reads a "pattern" member, {"String": ...} or {"Regex": ...}. */
cadre_status normalizer_read_pattern(const json_node *step, pattern **p);

/* Appends the text with every match of a pattern replaced. */
cadre_status normalizer_replace(
    const pattern *p, pattern_scan *scan, string_view text, string_view content, byte_buffer *out);

#endif

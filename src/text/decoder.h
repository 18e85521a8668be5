/* decoder.h - how a tokenizer.json makes text from tokens: a list of steps that each token passes
 * through.
 *
 * Tokens are decoded as they come. A little state remembers whether a token is the first and where
 * the text begins, so that a whole list and a stream give the same bytes, except for byte tokens
 * that are no text (see tokenizer_decode). After a step that fuses (Fuse, ByteLevel), only steps
 * that can work on parts of a text may follow; others are refused. THE LIST of kinds is in
 * decoder.c. */
#ifndef CADRE_TEXT_DECODER_H
#define CADRE_TEXT_DECODER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "format/json.h"
#include "text/pattern.h"

enum { DECODER_STEPS_MAX = 16 };

typedef struct decoder_step decoder_step;
typedef struct decoder_state decoder_state;
struct decoder_step {
    cadre_status (*run)(
        const decoder_step *step, decoder_state *state, string_view token, byte_buffer *out);
    pattern *pattern;    /* Replace */
    byte_buffer content; /* Replace; Strip and Metaspace: one character */
    int64_t start, stop; /* Strip */
    bool drop_first; /* Metaspace: replacement characters at the start of the first token vanish */
};

typedef struct decoder { /* zeroed: none; tokens are joined by spaces */
    decoder_step steps[DECODER_STEPS_MAX];
    int count;
    bool fused;         /* a step has fused the tokens */
    bool byte_fallback; /* the last step was ByteFallback, which only Fuse may follow */
    bool bytes;         /* there is a ByteFallback */
} decoder;

/* Reads an object {"type": ...}. A node that is absent or null is no decoder. */
cadre_status decoder_read(decoder *d, const json_node *node);
void decoder_free(decoder *d);

struct decoder_state { /* zeroed: before the first token; one for each thread */
    size_t tokens;     /* so far */
    int64_t stripped;  /* characters removed from the beginning of the fused text */
    bool begun;        /* the fused text has a character that was not stripped */
    byte_buffer buffers[2];
    pattern_scan *scan;
};

/* Appends the token's bytes. */
cadre_status decoder_put(const decoder *d, decoder_state *s, string_view token, byte_buffer *out);
void decoder_restart(decoder_state *s); /* goes back to before the first token */
void decoder_state_free(decoder_state *s);

#endif

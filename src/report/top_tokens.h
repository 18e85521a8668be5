/* top_tokens.h - the tokens that each expert takes more often than its load would explain, and
 * places where they occurred. */
#ifndef CADRE_REPORT_TOP_TOKENS_H
#define CADRE_REPORT_TOP_TOKENS_H

#include "report/shape.h"

enum { TOP_TOKENS = 8, TOP_CONTEXTS = 2 }; /* that a page shows for an expert, and for a token */

typedef struct top_token {
    const char *text;  /* borrowed from the document, like all strings; ends at a NUL */
    int64_t count, of; /* times that the expert took it; times that it occurred */
    const char *context[TOP_CONTEXTS][3]; /* before, the token, after */
    int contexts;
} top_token;

typedef struct top_tokens {
    top_token *token; /* those of all experts, one after another; NULL: not said */
    int *first;       /* [experts of all layers + 1] in token */
} top_tokens;

/* Reads [S][E] lists of {"text", "count", "of", "contexts": [[before, token, after], ...]}. */
cadre_status top_tokens_read(const json_node *array, const model_shape *shape, top_tokens *t);
void top_tokens_free(top_tokens *t);

#endif

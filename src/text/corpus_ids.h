/* corpus_ids.h - a part of a domain's text as words of tokens. */
#ifndef CADRE_TEXT_CORPUS_IDS_H
#define CADRE_TEXT_CORPUS_IDS_H

#include "text/corpus.h"

/* Takes words as they are made. */
typedef struct corpus_sink {
    cadre_status (*put)(struct corpus_sink *s, const int32_t *words, size_t count);
} corpus_sink;

/* The documents in the bytes part.begin .. part.end. What the sink has not taken is in `ids`; sink
 * NULL: everything. */
cadre_status corpus_make_ids(const corpus *c, const corpus_domain *d, text_range part,
    const corpus_ids *how, corpus_sink *sink, token_list *ids);

#endif

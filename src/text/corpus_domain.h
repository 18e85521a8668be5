/* corpus_domain.h - a domain while it is read: text after text, document after document. */
#ifndef CADRE_TEXT_CORPUS_DOMAIN_H
#define CADRE_TEXT_CORPUS_DOMAIN_H

#include "text/corpus.h"

/* A text that has become large lies in d->spool_folder from then on. */
cadre_status domain_append(corpus_domain *d, const char *text, size_t size);
/* Ends a part of a conversation: what was appended since the part before it. */
cadre_status domain_end_part(corpus_domain *d, corpus_role role);
/* Ends the document that was appended last; without any text it is none. */
cadre_status domain_end_document(corpus_domain *d);
/* The text and where its parts end; size and counts stay. */
void domain_drop_text(corpus_domain *d);

#endif

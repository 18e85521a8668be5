/* corpus_domain.c - the text of a domain, and where its documents and their parts end. */
#include "text/corpus_domain.h"

#include <string.h>

cadre_status domain_append(corpus_domain *d, const char *text, size_t size)
{
    CADRE_TRY(buffer_grow((void **)&d->text, d->size, &d->text_capacity, size + 1, 1));
    memcpy(d->text + d->size, text, size);
    d->size += size;
    d->text[d->size] = 0;
    return CADRE_OK;
}

cadre_status domain_end_part(corpus_domain *d, corpus_role role)
{
    CADRE_TRY(
        buffer_grow((void **)&d->parts, d->part_count, &d->parts_capacity, 1, sizeof *d->parts));
    d->parts[d->part_count++] = (corpus_part){ d->size, role };
    return CADRE_OK;
}

cadre_status domain_end_document(corpus_domain *d)
{
    size_t n = d->documents, parts = n ? d->document[n - 1].parts : 0;
    if (d->size == (n ? d->document[n - 1].end : 0)) {
        d->part_count = parts;
        return CADRE_OK;
    }
    CADRE_TRY(
        buffer_grow((void **)&d->document, n, &d->documents_capacity, 1, sizeof *d->document));
    d->document[d->documents++] = (corpus_document){ d->size, d->part_count };
    return CADRE_OK;
}

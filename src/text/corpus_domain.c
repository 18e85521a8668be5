/* corpus_domain.c - the text of a domain, and where its documents and their parts end. */
#include "text/corpus_domain.h"

#include <string.h>

#include "base/memory.h"

enum { SPOOLED = 64 << 20 }; /* a text of so many bytes is large */

/* Moves the text to a file, or makes room in it. */
static cadre_status grow_spool(corpus_domain *d, size_t size)
{
    char *text = d->text;
    bool moves = !d->spool.data;
    if (moves) CADRE_TRY(spool_open(d->spool_folder, &d->spool));
    CADRE_TRY(spool_grow(&d->spool, size));
    if (moves) memcpy(d->spool.data, text, d->size);
    if (moves) mem_free(text);
    d->text = d->spool.data;
    return CADRE_OK;
}

static cadre_status make_room(corpus_domain *d, size_t more)
{
    if (d->spool_folder && d->size + more > SPOOLED) return grow_spool(d, d->size + more);
    return buffer_grow((void **)&d->text, d->size, &d->text_capacity, more, 1);
}

void domain_drop_text(corpus_domain *d)
{
    if (d->spool.data) spool_close(&d->spool);
    else mem_free(d->text);
    mem_free(d->document);
    mem_free(d->parts);
    d->text = NULL, d->document = NULL, d->parts = NULL;
    d->text_capacity = d->documents_capacity = d->parts_capacity = 0;
}

cadre_status domain_append(corpus_domain *d, const char *text, size_t size)
{
    CADRE_TRY(make_room(d, size + 1));
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

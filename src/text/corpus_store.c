/* corpus_store.c - the tokens of domains: in memory, or in a store beside the data. */
#include <string.h>

#include "base/memory.h"
#include "text/corpus_domain.h"
#include "text/corpus_ids.h"

/* ---- what is known of a domain ---- */

static cadre_status refuse_length(
    const corpus_domain *d, int64_t context, size_t found, const char *unit)
{
    return cadre_fail(CADRE_EFORMAT, d->path,
        "expected at least %lld tokens to train on (one context and its last target), found %zu%s",
        (long long)context + 1, found, unit);
}

cadre_status corpus_check_length(const corpus *c, int64_t context)
{
    for (int i = 0; i < c->count; i++) {
        const corpus_domain *d = &c->domains[i];
        /* At most one token for each byte, and one for the end of each document */
        size_t most = d->training_size + d->documents;
        if (d->text && most < (size_t)context + 1 && !d->part_count)
            return refuse_length(d, context, d->training_size, " bytes");
    }
    return CADRE_OK;
}

static cadre_status gather_facts(corpus_domain *d)
{
    token_facts *f = &d->facts;
    *f = (token_facts){ .bytes = (int64_t)d->size,
        .documents = (int64_t)d->documents,
        .decompressed = d->decompressed,
        .json = d->json };
    for (size_t k = 0; k < d->documents; k++) {
        size_t end = d->document[k].parts, begin = k ? d->document[k - 1].parts : 0;
        if (end == begin) f->texts++;
        else if (corpus_role_is_conversation(d->parts[end - 1].role)) f->conversations++;
        else f->completions++;
    }
    return corpus_hash(d, &f->content);
}

static cadre_status keep_held_out(corpus_domain *d)
{
    held_text *h = &d->held_out;
    held_text_free(h);
    size_t begin = d->training_size;
    CADRE_TRY(byte_buffer_put(&h->text, d->text + begin, d->size - begin));
    for (size_t at = begin; at < d->size; at = corpus_document_end(d, at)) {
        CADRE_TRY(buffer_grow((void **)&h->ends, h->documents, &h->room, 1, sizeof *h->ends));
        h->ends[h->documents++] = (int64_t)(corpus_document_end(d, at) - begin);
    }
    return CADRE_OK;
}

/* All but the training part */
static cadre_status tokenise_rest(corpus *c, corpus_domain *d, const corpus_ids *how)
{
    const text_range rest = { d->training_size, d->size };
    CADRE_TRY(gather_facts(d));
    CADRE_TRY(keep_held_out(d));
    return corpus_make_ids(c, d, rest, how, NULL, &d->validation);
}

/* ---- in memory ---- */

cadre_status corpus_tokenise_domain(corpus *c, int i, const corpus_ids *how)
{
    corpus_domain *d = &c->domains[i];
    CADRE_TRY(corpus_make_ids(c, d, (text_range){ 0, d->training_size }, how, NULL, &d->training));
    CADRE_TRY(tokenise_rest(c, d, how));
    if ((int64_t)d->training.count < how->context + 1)
        return refuse_length(d, how->context, d->training.count, "");
    return CADRE_OK;
}

cadre_status corpus_tokenise(corpus *c, const corpus_ids *how)
{
    for (int i = 0; i < c->count; i++) CADRE_TRY(corpus_tokenise_domain(c, i, how));
    return CADRE_OK;
}

/* ---- in a store ---- */

typedef struct store_sink {
    corpus_sink sink; /* first: what corpus_make_ids knows of it */
    token_store_writer *writer;
} store_sink;

static cadre_status put_words(corpus_sink *s, const int32_t *words, size_t count)
{
    return token_store_put(((store_sink *)s)->writer, words, count);
}

static cadre_status write_training(
    corpus *c, corpus_domain *d, const corpus_ids *how, token_store_writer *writer)
{
    store_sink to = { { put_words }, writer };
    token_list ids = { 0 };
    cadre_status status =
        corpus_make_ids(c, d, (text_range){ 0, d->training_size }, how, &to.sink, &ids);
    if (status == CADRE_OK) status = token_store_put(writer, ids.ids, ids.count);
    token_list_free(&ids);
    return status;
}

cadre_status corpus_take_store(corpus *c, int i, token_store *store, int64_t context)
{
    corpus_domain *d = &c->domains[i];
    d->store = store;
    d->facts = store->facts;
    d->size = (size_t)store->facts.bytes;
    if (store->training < context + 1)
        return refuse_length(d, context, (size_t)store->training, "");
    token_list_free(&d->validation);
    held_text_free(&d->held_out);
    return CADRE_OK;
}

cadre_status corpus_held_out(const corpus_domain *d, held_text *own, const held_text **held)
{
    *held = d->store ? own : &d->held_out;
    return d->store ? token_store_read_held_out(d->store, own) : CADRE_OK;
}

cadre_status corpus_read_validation(corpus_domain *d, int64_t most)
{
    return d->store ? token_store_read_validation(d->store, most, &d->validation) : CADRE_OK;
}

cadre_status corpus_store_domain(
    corpus *c, int i, const corpus_ids *how, const char *path, hash128 key)
{
    corpus_domain *d = &c->domains[i];
    token_store_writer *writer;
    token_store *store;
    CADRE_TRY(tokenise_rest(c, d, how));
    CADRE_TRY(token_store_begin(path, &writer));
    cadre_status status = write_training(c, d, how, writer);
    if (status == CADRE_OK)
        status = token_store_end(writer, key, &d->facts, &d->validation, &d->held_out);
    else token_store_discard(writer);
    CADRE_TRY(status);
    domain_drop_text(d);
    CADRE_TRY(token_store_open(path, key, &store));
    if (!store)
        return cadre_fail(
            CADRE_EIO, path, "expected the tokens that were just written, found none");
    return corpus_take_store(c, i, store, how->context);
}

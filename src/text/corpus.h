/* corpus.h - texts to train on, in named domains, with the end of each kept apart for validation.
 *
 * A path that is a file is one domain. One folder given alone holds a domain in each of its entries
 * (a file, or a folder of any depth); of several paths each is a domain. Names are those of the
 * files without their extension. Files of a folder are taken in bytewise order of their names,
 * hidden ones are left out.
 *
 * A domain consists of documents: its files, or, of a file NAME.jsonl whose lines are objects
 * {"text": "..."}, their texts. A document's ids end with the end-of-text token, and no piece of a
 * learnt vocabulary reaches from one into the next. */
#ifndef CADRE_TEXT_CORPUS_H
#define CADRE_TEXT_CORPUS_H

#include <stdint.h>

#include "base/buffer.h"
#include "format/hash.h"
#include "text/tokenizer.h"

typedef struct corpus_domain {
    char *name, *path;
    char *text; /* [size], a NUL after it */
    size_t size, text_capacity;
    /* text[0 .. training_size) is for training, the last 5 % for validation */
    size_t training_size;
    size_t *ends; /* [documents] where each ends in the text; the last: size */
    size_t documents, ends_capacity;
    token_list training, validation; /* ids, once corpus_tokenise was called */
} corpus_domain;

typedef struct corpus {
    corpus_domain *domains; /* [count] */
    int count;
} corpus;

/* Reads everything. An empty domain is an error, and so are two of one name. */
cadre_status corpus_read(const char *const *paths, int count, corpus **c);

/* The parts of documents that are for training, as bpe_train takes them: [count], borrowed but for
 * the list; mem_free. */
cadre_status corpus_training_texts(const corpus *c, string_view **texts, int *count);

/* Ids of both parts of every domain, no special tokens added or parsed, but `end` after each
 * document (-1: nothing). Refuses a domain whose training part is shorter than one sequence of
 * `context` tokens and its last target. */
cadre_status corpus_tokenise(corpus *c, const tokenizer *t, int32_t end, int64_t context);

/* Refuses what corpus_tokenise would, where it shows before there is a tokenizer: a token has at
 * least one byte. */
cadre_status corpus_check_length(const corpus *c, int64_t context);

/* The end of the document that the byte at `at` belongs to; at < size. */
size_t corpus_document_end(const corpus_domain *d, size_t at);
void corpus_free(corpus *c);

/* Of a domain's text and where its documents end. */
hash128 corpus_hash(const corpus_domain *d);

/* Where a reader of a typical passage may begin: the first paragraph of prose in the text's second
 * half, else its middle. */
size_t corpus_passage(const char *text, size_t size);

#endif

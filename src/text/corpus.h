/* corpus.h - texts to train on, in named domains, with the end of each kept apart for validation.
 *
 * A path that is a file is one domain. One folder given alone holds a domain in each of its entries (a file, or a folder of any
 * depth); of several paths each is a domain. Names are those of the files without their extension. Files of a folder are taken
 * in bytewise order of their names, hidden ones are left out. */
#ifndef CADRE_TEXT_CORPUS_H
#define CADRE_TEXT_CORPUS_H

#include <stdint.h>

#include "base/buffer.h"
#include "format/hash.h"
#include "text/tokenizer.h"

typedef struct corpus_domain {
    char *name, *path;
    char *text;           /* [size] */
    size_t size;
    size_t training_size; /* text[0 .. training_size) is for training, the last 5 % for validation */
    token_list training, validation; /* ids, once corpus_tokenise was called */
} corpus_domain;

typedef struct corpus {
    corpus_domain *domains; /* [count] */
    int count;
} corpus;

/* Reads everything. An empty domain is an error, and so are two of one name. */
cadre_status corpus_read(const char *const *paths, int count, corpus **c);

/* The training parts, as bpe_train takes them. */
static inline string_view corpus_training_text(const corpus_domain *d) { return (string_view){ d->text, d->training_size }; }

/* Ids of both parts of every domain, no special tokens added or parsed. Refuses a domain whose training part is shorter than one
 * sequence of `context` tokens and its last target. */
cadre_status corpus_tokenise(corpus *c, const tokenizer *t, int64_t context);
void corpus_free(corpus *c);

/* Of a domain's text. */
hash128 corpus_hash(const corpus_domain *d);

/* Where a reader of a typical passage may begin: the first paragraph of prose in the text's second half, else its middle. */
size_t corpus_passage(const char *text, size_t size);

#endif

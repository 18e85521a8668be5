/* corpus.h - texts to train on, in named domains, with the end of each kept apart for validation.
 *
 * A path to a file is one domain. A single folder holds one domain in each of its entries, which
 * are files or folders of any depth. If several paths are given, each is a domain. A domain is
 * named after its file, without the extension. The files of a folder are read in bytewise order of
 * their names, without hidden ones.
 *
 * A domain consists of documents. Each file is a document, except that a file NAME.jsonl, whose
 * lines are objects, has one document a line: a text, a conversation, or a prompt with its
 * completion (corpus_lines.h). Files may be compressed by gzip or zstd. The ids of a text end with
 * the end-of-text token, those of a conversation are framed as a chat template says, and no piece
 * of a learnt vocabulary reaches from one document into the next.
 *
 * Where images are read, a file NAME.png (.pnm .ppm .pgm .pbm) is an image, and stands in the text
 * as image_text.h writes it. In a folder, neighbours that differ in their extension alone and of
 * which one is an image are one document, in the order that is asked for, so that each tells of
 * the other. A folder that is given alone and holds images is one domain. */
#ifndef CADRE_TEXT_CORPUS_H
#define CADRE_TEXT_CORPUS_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/spool.h"
#include "format/hash.h"
#include "text/chat.h"
#include "text/token_store.h"
#include "text/tokenizer.h"

/* Where the images of a document stand: they come first in half of the names and last in the
 * others, or it is always the same. (Both orders of a document side by side would be learnt by
 * copying the one into the other.) */
typedef enum image_order { IMAGE_EITHER, IMAGE_FIRST, IMAGE_LAST, IMAGE_ORDERS } image_order;

/* How images are read. side: of their squares, in pixels; 0: files of images are refused. */
typedef struct image_reading {
    int32_t side, patches;
    image_order order;
} image_reading;

typedef struct corpus_image {
    size_t at;       /* where its text begins */
    uint8_t *square; /* [side, side, 3], until its text is written; owned */
} corpus_image;

/* Who says a part of a conversation; one with functions or thoughts is one part, as JSON. A prompt
 * and a completion are the two parts of one text. */
typedef enum corpus_role {
    CORPUS_SYSTEM,
    CORPUS_USER,
    CORPUS_ASSISTANT,
    CORPUS_CONVERSATION,
    CORPUS_PROMPT,
    CORPUS_COMPLETION
} corpus_role;

/* A part of a conversation, not of a prompt and its completion */
static inline bool corpus_role_is_conversation(corpus_role role)
{
    return role != CORPUS_PROMPT && role != CORPUS_COMPLETION;
}

typedef struct corpus_part {
    size_t end; /* in the domain's text */
    corpus_role role;
} corpus_part;

typedef struct corpus_document {
    size_t end;   /* in the domain's text */
    size_t parts; /* its parts and those of all documents before it; it may have none */
} corpus_document;

typedef struct corpus_domain {
    char *name, *path;
    char *text; /* [size], a NUL after it; NULL: not read, or not kept */
    size_t size, text_capacity;
    spool spool;              /* where a large text lies */
    const char *spool_folder; /* borrowed; NULL: text lies in memory, however large */
    /* text[0 .. training_size) is for training, the last 5 %, at most 1 MB, for validation */
    size_t training_size;
    corpus_document *document; /* [documents] in the order of the text; the last ends at `size` */
    size_t documents, documents_capacity;
    corpus_part *parts; /* [part_count] of its conversations */
    size_t part_count, parts_capacity;
    int64_t decompressed; /* files of its texts */
    int64_t json;         /* files of JSON that are read as one text */
    corpus_image *images; /* [image_count] in order; never across training_size */
    size_t image_count, images_capacity;
    /* Once it is tokenised: words as token_word.h says and what was held out, in memory; or, where
     * there is a store, all of it in that alone, but for what corpus_read_validation has read */
    token_list training, validation;
    token_store *store;
    token_facts facts;
    held_text held_out;
} corpus_domain;

typedef struct corpus {
    corpus_domain *domains; /* [count] */
    int count;
    image_reading images;
    size_t image_size; /* bytes of one's text */
} corpus;

/* Finds the domains. Two of one name are an error. images NULL: none are read. */
cadre_status corpus_list(
    const char *const *paths, int count, const image_reading *images, corpus **c);
/* Reads the text of a domain, unless it is there. An empty one is an error. The texts of images are
 * spaces until corpus_write_images. */
cadre_status corpus_read_domain(corpus *c, int i);
/* Does both for all. */
cadre_status corpus_read(
    const char *const *paths, int count, const image_reading *images, corpus **c);

/* Images in the files and folders that these paths name, and bytes of all files. */
int64_t corpus_survey(const char *const *paths, int count, int64_t *bytes);
/* A hash of the names, sizes and times of a domain's files, which stays while none is changed; and
 * their bytes. */
cadre_status corpus_sources(const corpus_domain *d, hash128 *hash, int64_t *bytes);

/* Whether a file of the domain begins with a conversation. Of each file of JSON lines, the first
 * line is read, and nothing of the others; a file that cannot be read has none. */
cadre_status corpus_begins_conversation(const corpus_domain *d, bool *found);

/* The training parts of documents, as bpe_train takes them: [count], freed by mem_free; the texts
 * themselves are borrowed. Of more than `most` bytes, pieces from everywhere of about so many. */
cadre_status corpus_training_texts(const corpus *c, size_t most, string_view **texts, int *count);

typedef struct corpus_ids {
    const tokenizer *tokenizer;
    int32_t end; /* follows each text; -1: nothing does */
    int64_t context;
    const chat_template *chat; /* of conversations; NULL: they are refused */
    bool answers_only;         /* what the assistant does not say is silent */
} corpus_ids;

/* Makes the ids of both parts of every domain. No special tokens are added to texts or parsed in
 * them. Refuses a domain whose training part is shorter than one sequence of `context` tokens and
 * its last target. */
cadre_status corpus_tokenise(corpus *c, const corpus_ids *how);
cadre_status corpus_tokenise_domain(corpus *c, int i, const corpus_ids *how);
/* Does the same for a domain of any size: its tokens go to a store, which is opened, and its text
 * is not kept. */
cadre_status corpus_store_domain(
    corpus *c, int i, const corpus_ids *how, const char *path, hash128 key);
/* Takes the tokens of a store that was made before, which the domain owns from now on. */
cadre_status corpus_take_store(corpus *c, int i, token_store *store, int64_t context);
/* What was held out of a tokenised domain: borrowed, or read into *own, which is empty before and
 * is freed by held_text_free. */
cadre_status corpus_held_out(const corpus_domain *d, held_text *own, const held_text **held);
/* Has the first `most` words of d->validation in memory, also where they lie in a store. */
cadre_status corpus_read_validation(corpus_domain *d, int64_t most);
bool corpus_has_conversations(const corpus_domain *d);

/* Refuses what corpus_tokenise would refuse, as far as it can be known before there is a tokenizer:
 * a token has at least one byte. */
cadre_status corpus_check_length(const corpus *c, int64_t context);

/* The end of the piece that begins at `at` and ends before or at `end`: a whole image, or text up
 * to an image or the document's end. */
size_t corpus_piece_end(
    const corpus *c, const corpus_domain *d, size_t at, size_t end, bool *is_image);

/* The document that the byte at `at` belongs to, and its end; at < size. */
size_t corpus_document_at(const corpus_domain *d, size_t at);
size_t corpus_document_end(const corpus_domain *d, size_t at);
void corpus_free(corpus *c);

/* A hash of a domain's text and of where its documents and their parts end */
cadre_status corpus_hash(const corpus_domain *d, hash128 *hash);

/* A place where a typical passage begins: the first paragraph of prose in the second half of the
 * text, or the middle of the text if there is none. */
size_t corpus_passage(const char *text, size_t size);

#endif

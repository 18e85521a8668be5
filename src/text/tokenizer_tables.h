/* tokenizer_tables.h - the large tables of a tokenizer.json: where they lie in its text, and the
 * model that they make. They are read at a cursor: a JSON tree is made of the rest alone. */
#ifndef CADRE_TEXT_TOKENIZER_TABLES_H
#define CADRE_TEXT_TOKENIZER_TABLES_H

#include "format/json_cursor.h"
#include "text/tokenizer_parts.h"

typedef struct tokenizer_tables { /* where they lie in the text; begin == end: absent */
    text_range vocab, merges, added;
} tokenizer_tables;

cadre_status tokenizer_tables_find(const tokenizer *t, tokenizer_tables *found);

static inline bool tokenizer_table_is_there(text_range range) { return range.begin < range.end; }
json_cursor tokenizer_table_cursor(const tokenizer *t, const char *where, size_t begin);

/* A limit of ids, which may have gaps, but not so many that a small file asks for much memory. */
int64_t tokenizer_id_limit(size_t bytes);

/* Vocabulary, merges or scores, and the settings beside them. */
cadre_status tokenizer_read_model(
    tokenizer *t, const json_node *root, const tokenizer_tables *found);

#endif

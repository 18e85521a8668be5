/* tokenizer_export.h - writes tokenizers: as a tokenizer.json, and into the metadata of a GGUF
 * file. */
#ifndef CADRE_TEXT_TOKENIZER_EXPORT_H
#define CADRE_TEXT_TOKENIZER_EXPORT_H

#include "base/buffer.h"
#include "format/gguf.h"
#include "text/tokenizer.h"

/* Writes a tokenizer.json into `json`, an empty buffer: the one that it was opened from, or, for a
 * GGUF file, one that gives the same ids. */
cadre_status tokenizer_write_json(const tokenizer *t, byte_buffer *json);

/* What a tokenizer_config.json says; a size of 0, or 0, says nothing. */
typedef struct tokenizer_config {
    string_view bos, eos, unknown, pad; /* pieces */
    string_view chat;                   /* tokenizer_chat_program */
    /* The earlier file. All of it is kept but the class; the other members here fill its gaps. */
    string_view kept;
    int64_t context;
} tokenizer_config;

/* What a tokenizer knows of it. Borrowed */
tokenizer_config tokenizer_config_of(const tokenizer *t);

/* Writes the tokenizer_config.json that lets AutoTokenizer read such a folder. */
cadre_status tokenizer_write_config(const tokenizer_config *config, byte_buffer *json);

/* What a model knows in addition to its tokenizer; -1: unknown. */
typedef struct tokenizer_model {
    int64_t rows; /* of the embedding */
    int32_t bos, eos;
} tokenizer_model;

/* Writes tokenizer.ggml.*. A tokenizer that GGUF has no name for, and one with more ids than rows,
 * are refused, with nothing written. *difference says in words why other programs may give other
 * ids to some texts; NULL: no reason is known. */
cadre_status tokenizer_put_gguf(
    const tokenizer *t, const tokenizer_model *model, gguf_writer *w, const char **difference);

#endif

/* text.h - tokenizers, templates of chats, and texts that stop.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_TEXT_PUBLIC_H
#define CADRE_TEXT_PUBLIC_H

#include "cadre/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tokenizer ---- */

/* Turns text into token ids and back. It does not change once it is open, so any number of threads
 * may use one. */
typedef struct cadre_tokenizer cadre_tokenizer;

/* Opens a tokenizer. path: a tokenizer.json, a model's folder that contains one, or a GGUF file.
 * CADRE_EUNSUPPORTED, with the name, if the file asks for something that libcadre does not do. */
CADRE_API cadre_status cadre_tokenizer_open(const char *path, cadre_tokenizer **tokenizer);
CADRE_API void cadre_tokenizer_close(cadre_tokenizer *tokenizer);
/* One more than the highest id */
CADRE_API int32_t cadre_tokenizer_size(const cadre_tokenizer *tokenizer);

enum {
    /* encode: adds begin- and end-of-text tokens as the tokenizer's file says */
    CADRE_ADD_SPECIAL = 1,
    /* encode: control tokens that are spelt out in the text become their ids; otherwise they are
     * plain text */
    CADRE_PARSE_SPECIAL = 2,
    CADRE_SKIP_SPECIAL = 4 /* decode: control tokens leave no text */
};

/* Makes the ids [count] of a text of any bytes, freed by cadre_free. */
CADRE_API cadre_status cadre_tokenizer_encode(const cadre_tokenizer *tokenizer, const char *text,
    size_t size, unsigned flags, int32_t **ids, int64_t *count);

/* Makes the text [size] of `count` ids, with a NUL after it, freed by cadre_free. It need not be
 * UTF-8, because ids may stand for parts of a character. Ids outside the vocabulary are refused. */
CADRE_API cadre_status cadre_tokenizer_decode(const cadre_tokenizer *tokenizer, const int32_t *ids,
    int64_t count, unsigned flags, char **text, size_t *size);
/* Frees what these functions made. NULL is fine. */
CADRE_API void cadre_free(void *result);

/* Refuses what is not text, by name and with the command that makes text of it: compressed files,
 * tables, PDF, UTF-16, pointers of Git LFS, and what is mostly no UTF-8. A few bytes that are no
 * UTF-8 are accepted. name: that of the file, for the error; NULL: unknown. */
CADRE_API cadre_status cadre_text_check(const char *name, const char *text, size_t size);

/* Reads a file of text, of one that is compressed by gzip or zstd its contents, and checks it as
 * cadre_text_check does. More than 2 GiB are refused. *text [*size] has a NUL after it and is freed
 * by cadre_free. */
CADRE_API cadre_status cadre_text_read(const char *path, char **text, size_t *size);

/* ---- chat ---- */

/* Conversations become the text that a family of models was trained on. The templates are built in.
 * A model's own template, which is a program, is only searched for signs of its family and never
 * run. */
typedef struct cadre_message {
    const char *role; /* "system" (first, if at all), "user" or "assistant" */
    const char *text; /* plain text, whatever control tokens it spells */
    size_t size;
} cadre_message;

/* The names of the templates; NULL after the last. Static */
CADRE_API const char *cadre_chat_template(int index);

/* Finds the name of the template that the tokenizer's model was trained with. CADRE_EUNSUPPORTED,
 * with the known names, if the model's files hold none, or one that is not known. */
CADRE_API cadre_status cadre_chat_recognise(const cadre_tokenizer *tokenizer, const char **name);

/* Makes the ids [id_count] of a conversation up to where the next answer begins, freed by
 * cadre_free. */
CADRE_API cadre_status cadre_chat_encode(const cadre_tokenizer *tokenizer, const char *name,
    const cadre_message *messages, int message_count, int32_t **ids, int64_t *id_count);

/* The same of a conversation as JSON, {"messages": [...], "tools": [...]}, in the form of OpenAI's
 * requests: of the assistant also "reasoning_content" and "tool_calls", of the role tool what these
 * returned. Thoughts of past answers are written where the template keeps them. thinking: see
 * cadre_thinking; NULL: as the template does by itself. `source` stands in errors. Of any thread;
 * CADRE_EUNSUPPORTED: the template has no way to call functions that is known. */
CADRE_API cadre_status cadre_chat_encode_json(const cadre_tokenizer *tokenizer, const char *name,
    const char *thinking, const char *source, const char *text, int32_t **ids, int64_t *id_count);

/* Whether this token ends an answer. */
CADRE_API bool cadre_chat_ends(const cadre_tokenizer *tokenizer, const char *name, int32_t id);

/* ---- texts that stop ---- */

/* Finds the first of some stop texts in a text that comes piece by piece, in any pieces, and holds
 * back what may still become one, so that no byte of it is shown. It is meant for the listeners of
 * text below. One thread at a time may use it. */
typedef struct cadre_stop cadre_stop;

/* Makes an object for these stop texts, which it copies. None may be empty. */
CADRE_API cadre_status cadre_stop_new(const char *const *texts, int count, cadre_stop **stop);
CADRE_API void cadre_stop_free(cadre_stop *stop);

/* Takes the next piece. told [told_size]: what may be shown now, which is everything before the
 * stop text if *found; borrowed until the next call. After *found the object is as new. */
CADRE_API cadre_status cadre_stop_take(cadre_stop *stop, const char *text, size_t size,
    const char **told, size_t *told_size, bool *found);

/* Gives what was held back and may be shown after all, because nothing more comes. The object is
 * then as new. */
CADRE_API void cadre_stop_rest(cadre_stop *stop, const char **told, size_t *told_size);

#ifdef __cplusplus
}
#endif
#endif

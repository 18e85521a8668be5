/* gguf_steps.c - writes the steps, reads them back, and recognises them. */
#include "text/gguf_steps.h"

#include <stdio.h>
#include <string.h>

#define WORD_MARK "\xe2\x96\x81" /* U+2581, SentencePiece's visible space */

const char *gguf_padding_name(size_t id, char name[GGUF_PADDING_BYTES])
{
    snprintf(name, GGUF_PADDING_BYTES, "[PAD%zu]", id);
    return name;
}

/* ---- as tokenizer.json has them ---- */

static void open_step(json_writer *w, const char *type, const char *key, const char *value)
{
    json_put_object(w, NULL);
    json_put_string(w, "type", type);
    if (key) json_put_string(w, key, value);
}

static void write_step(json_writer *w, const char *type, const char *key, const char *value)
{
    open_step(w, type, key, value);
    json_put_close(w, '}');
}

static void write_replace(json_writer *w, const char *from, const char *to)
{
    open_step(w, "Replace", "content", to);
    json_put_object(w, "pattern");
    json_put_string(w, "String", from);
    json_put_close(w, '}');
    json_put_close(w, '}');
}

static void open_sequence(json_writer *w, const char *key, const char *list)
{
    json_put_object(w, key);
    json_put_string(w, "type", "Sequence");
    json_put_array(w, list);
}

static void close_sequence(json_writer *w)
{
    json_put_close(w, ']');
    json_put_close(w, '}');
}

/* Encoding makes spaces visible and puts one in front. Decoding makes characters of bytes and
 * removes the space in front. */
static void write_sentencepiece(json_writer *w, bool space_prefix)
{
    open_sequence(w, "normalizer", "normalizers");
    if (space_prefix) write_step(w, "Prepend", "prepend", WORD_MARK);
    write_replace(w, " ", WORD_MARK);
    close_sequence(w);
    json_put_null(w, "pre_tokenizer");
    open_sequence(w, "decoder", "decoders");
    write_replace(w, WORD_MARK, " ");
    write_step(w, "ByteFallback", NULL, NULL);
    write_step(w, "Fuse", NULL, NULL);
    if (space_prefix) {
        open_step(w, "Strip", "content", " ");
        json_put_int(w, "start", 1);
        json_put_int(w, "stop", 0);
        json_put_close(w, '}');
    }
    close_sequence(w);
}

static void write_byte_level(json_writer *w, const pre_tokenizer *pre)
{
    if (pre->nfc) {
        json_put_object(w, "normalizer");
        json_put_string(w, "type", "NFC");
        json_put_close(w, '}');
    } else {
        json_put_null(w, "normalizer");
    }
    pre_tokenizer_write(pre, w, "pre_tokenizer");
    json_put_object(w, "decoder");
    json_put_string(w, "type", "ByteLevel");
    json_put_bool(w, "add_prefix_space", true);
    json_put_bool(w, "trim_offsets", true);
    json_put_bool(w, "use_regex", true);
    json_put_close(w, '}');
}

void gguf_steps_write(const gguf_steps *s, json_writer *w)
{
    if (s->pre) write_byte_level(w, s->pre);
    else write_sentencepiece(w, s->space_prefix);
}

/* ---- comparison ---- */

static cadre_status read_text(tokenizer *t, const char *json, size_t size)
{
    json_document *document;
    CADRE_TRY(json_parse(t->name, json, size, &document));
    json_node root = json_root(document);
    cadre_status status = tokenizer_read_steps(t, &root);
    json_close(document);
    return status;
}

cadre_status gguf_steps_read(const gguf_steps *s, tokenizer *t)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    gguf_steps_write(s, &w);
    json_put_close(&w, '}');
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK) status = read_text(t, w.text.data, w.text.size);
    json_writer_free(&w);
    return status;
}

/* Whether t splits texts as a tokenizer with these steps does. `json` is another way to write the
 * steps, or NULL. */
static cadre_status compare(const tokenizer *t, const gguf_steps *s, const char *json, bool *same)
{
    tokenizer *other;
    CADRE_TRY(tokenizer_new("steps", &other));
    cadre_status status = json ? read_text(other, json, strlen(json)) : gguf_steps_read(s, other);
    bool ignore_merges = s->pre && s->pre->ignore_merges;
    *same = status == CADRE_OK && t->bpe.ignore_merges == ignore_merges &&
            normalizer_same(&t->normalizer, &other->normalizer) &&
            pretokenizer_same(&t->pretokenizer, &other->pretokenizer);
    tokenizer_close(other);
    return status;
}

static cadre_status find_byte_level(const tokenizer *t, gguf_steps *s, bool *found)
{
    for (int i = 0; !*found && (s->pre = pre_tokenizer_at(i)); i++)
        CADRE_TRY(compare(t, s, NULL, found));
    return CADRE_OK;
}

/* Whether words that begin with the mark may be merged as one text. They may if no piece reaches
 * from one word into the next. */
static bool words_stay_apart(const tokenizer *t)
{
    size_t mark = strlen(WORD_MARK);
    for (int32_t id = 0; id < t->pieces.size; id++) {
        string_view piece = vocabulary_piece(&t->pieces, id);
        for (size_t at = 1; at + mark <= piece.size; at++)
            if (memcmp(piece.data + at, WORD_MARK, mark) == 0) return false;
    }
    return true;
}

#define SPACES(split, scheme)                                                                      \
    "{\"type\":\"Metaspace\",\"replacement\":\"" WORD_MARK "\",\"split\":" split ","               \
    "\"prepend_scheme\":\"" scheme "\"}"
#define METASPACE(split, scheme) "{\"pre_tokenizer\":" SPACES(split, scheme) "}"
#define WORDS(split)                                                                               \
    "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"}"  \
    "," SPACES(split, "always") "]}}"

/* Spaces are visible before a text would be cut at them. */
#define GEMMA                                                                                      \
    "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" "                            \
    "\"},\"content\":\"" WORD_MARK                                                                 \
    "\"},\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":"       \
    "\"MergedWithPrevious\",\"invert\":false}}"

static cadre_status find_sentencepiece(const tokenizer *t, gguf_steps *s, bool *found)
{
    static const char always[] = "it puts no space before a text that begins with one";
    static const char first[] =
        "it puts no space behind special tokens, or before a text that begins with one";
    static const struct {
        bool space_prefix, split;
        const char *json, *difference;
    } forms[] = { { false, false, GEMMA, NULL }, { true, false, NULL, NULL },
        { false, false, NULL, NULL }, { true, false, METASPACE("false", "first"), first },
        { true, false, METASPACE("false", "always"), always },
        { false, false, METASPACE("false", "never"), NULL },
        { true, true, METASPACE("true", "first"), first },
        { true, true, METASPACE("true", "always"), always },
        { false, true, METASPACE("true", "never"), NULL } };
    for (size_t i = 0; !*found && i < sizeof forms / sizeof *forms; i++) {
        s->space_prefix = forms[i].space_prefix;
        s->difference = forms[i].difference;
        CADRE_TRY(compare(t, s, forms[i].json, found));
        if (forms[i].split && *found) *found = words_stay_apart(t);
        s->merges = *found && i == 0;
    }
    return CADRE_OK;
}

/* A map before the other steps has a key of its own. */
static cadre_status find_unigram(const tokenizer *t, gguf_steps *s, bool *found)
{
    static const char always[] = "it puts no space before a text that begins with one";
    static const char white[] = "it takes any white space for a space";
    static const struct {
        bool merge_spaces, split;
        const char *json, *difference;
    } forms[] = { { true, false, WORDS("true"), white }, { true, false, WORDS("false"), white },
        { false, false, METASPACE("false", "always"), always },
        { false, true, METASPACE("true", "always"), always } };
    tokenizer rest = *t; /* its pointers still belong to t */
    normalizer *n = &rest.normalizer;
    s->map = normalizer_first_map(&t->normalizer);
    s->space_prefix = true;
    if (s->map) memmove(n->steps, n->steps + 1, (size_t)--n->count * sizeof *n->steps);
    for (size_t i = 0; !*found && i < sizeof forms / sizeof *forms; i++) {
        s->merge_spaces = forms[i].merge_spaces;
        /* Such maps turn all white space into spaces. */
        s->difference = s->map && s->merge_spaces ? NULL : forms[i].difference;
        CADRE_TRY(compare(&rest, s, forms[i].json, found));
        if (forms[i].split && *found) *found = words_stay_apart(t);
    }
    return CADRE_OK;
}

cadre_status gguf_steps_of(const tokenizer *t, gguf_steps *s, bool *found)
{
    *s = (gguf_steps){ 0 };
    *found = false;
    if (t->is_unigram) return find_unigram(t, s, found);
    return t->pretokenizer.byte_level ? find_byte_level(t, s, found)
                                      : find_sentencepiece(t, s, found);
}

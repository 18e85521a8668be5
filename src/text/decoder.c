/* decoder.c - THE LIST of decoders, and how tokens pass through them. */
#include "text/decoder.h"

#include <string.h>

#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/step_list.h"
#include "text/vocabulary.h"

enum { STRIP_MAX = 1 << 20 };

/* ---- each kind: makes text from a token ---- */

/* Turns visible characters into bytes. A token with a character outside the alphabet stays as it
 * is. */
static cadre_status run_byte_level(
    const decoder_step *step, decoder_state *state, string_view token, byte_buffer *out)
{
    (void)step, (void)state;
    size_t before = out->size;
    uint32_t code;
    CADRE_TRY(byte_buffer_reserve(out, token.size));
    for (size_t at = 0; at < token.size;) {
        size_t length = utf8_decode(token.data + at, token.size - at, &code);
        int byte = length ? byte_level_byte(code) : -1;
        if (byte < 0) {
            out->size = before;
            return byte_buffer_put(out, token.data, token.size);
        }
        out->data[out->size++] = (char)byte;
        at += length;
    }
    return CADRE_OK;
}

static cadre_status run_byte_fallback(
    const decoder_step *step, decoder_state *state, string_view token, byte_buffer *out)
{
    (void)step, (void)state;
    int byte = vocabulary_byte_of(token);
    return byte < 0 ? byte_buffer_put(out, token.data, token.size)
                    : byte_buffer_put(out, &(char){ (char)byte }, 1);
}

static cadre_status run_replace(
    const decoder_step *step, decoder_state *state, string_view token, byte_buffer *out)
{
    if (!state->scan) CADRE_TRY(pattern_scan_new(&state->scan));
    return normalizer_replace(step->pattern, state->scan, token,
        (string_view){ step->content.data, step->content.size }, out);
}

static bool is_content(const decoder_step *step, string_view token, size_t at)
{
    return token.size - at >= step->content.size &&
           memcmp(token.data + at, step->content.data, step->content.size) == 0;
}

static cadre_status run_metaspace(
    const decoder_step *step, decoder_state *state, string_view token, byte_buffer *out)
{
    bool drop = step->drop_first && state->tokens == 0;
    for (size_t at = 0, length; at < token.size; at += length) {
        if (is_content(step, token, at)) {
            length = step->content.size;
            if (!drop) CADRE_TRY(byte_buffer_put(out, " ", 1));
        } else {
            length = 1;
            CADRE_TRY(byte_buffer_put(out, token.data + at, 1));
        }
    }
    return CADRE_OK;
}

static cadre_status run_strip(
    const decoder_step *step, decoder_state *state, string_view token, byte_buffer *out)
{
    (void)state;
    size_t begin = 0, end = token.size, one = step->content.size;
    for (int64_t i = 0; i < step->start && is_content(step, token, begin); i++) begin += one;
    for (int64_t i = 0; i < step->stop && end - begin >= one &&
                        is_content(step, (string_view){ token.data, end }, end - one);
         i++)
        end -= one;
    return byte_buffer_put(out, token.data + begin, end - begin);
}

/* Strips the fused text. What is stripped may be spread over several tokens. */
static cadre_status run_strip_text(
    const decoder_step *step, decoder_state *state, string_view token, byte_buffer *out)
{
    size_t begin = 0;
    while (!state->begun && begin < token.size) {
        if (state->stripped == step->start || token.data[begin] != step->content.data[0]) {
            state->begun = true;
        } else {
            state->stripped++;
            begin++;
        }
    }
    return byte_buffer_put(out, token.data + begin, token.size - begin);
}

/* ---- each kind: is read from its JSON object ---- */

static decoder_step *new_step(decoder *d,
    cadre_status (*run)(const decoder_step *, decoder_state *, string_view, byte_buffer *))
{
    decoder_step *step = &d->steps[d->count++];
    step->run = run;
    d->byte_fallback = false;
    return step;
}

/* Refuses a step that needs single whole tokens after one that fused them, or after ByteFallback,
 * where a token may be part of a character. */
static cadre_status check_single(const decoder *d, const json_node *node, const char *type)
{
    if (!d->fused && !d->byte_fallback) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, node->file, "decoders: %s after %s is not supported",
        type, d->fused ? "a fused text" : "ByteFallback");
}

static cadre_status read_byte_level(void *list, const json_node *node)
{
    decoder *d = list;
    CADRE_TRY(check_single(d, node, "ByteLevel"));
    new_step(d, run_byte_level);
    d->fused = true;
    return CADRE_OK;
}

static cadre_status read_byte_fallback(void *list, const json_node *node)
{
    decoder *d = list;
    CADRE_TRY(check_single(d, node, "ByteFallback"));
    new_step(d, run_byte_fallback);
    d->byte_fallback = d->bytes = true;
    return CADRE_OK;
}

static cadre_status read_fuse(void *list, const json_node *node)
{
    decoder *d = list;
    (void)node;
    d->fused = true;
    d->byte_fallback = false;
    return CADRE_OK;
}

static cadre_status read_replace(void *list, const json_node *node)
{
    const char *content;
    CADRE_TRY(check_single(list, node, "Replace"));
    decoder_step *step = new_step(list, run_replace);
    CADRE_TRY(json_get_string(node, "content", &content));
    CADRE_TRY(byte_buffer_put(&step->content, content, strlen(content)));
    return normalizer_read_pattern(node, &step->pattern);
}

/* Reads a member that is one character. */
static cadre_status read_character(const json_node *node, const char *key, byte_buffer *character)
{
    json_node member = json_member(node, key);
    const char *text;
    uint32_t code;
    CADRE_TRY(json_as_string(&member, &text, NULL));
    size_t size = strlen(text);
    if (size == 0 || utf8_decode(text, size, &code) != size)
        return json_refuse(&member, "one character");
    return byte_buffer_put(character, text, size);
}

static cadre_status read_metaspace(void *list, const json_node *node)
{
    const char *scheme = "always";
    bool prefix = true;
    CADRE_TRY(check_single(list, node, "Metaspace"));
    decoder_step *step = new_step(list, run_metaspace);
    CADRE_TRY(json_opt_bool(node, "add_prefix_space", &prefix));
    CADRE_TRY(json_opt_string(node, "prepend_scheme", &scheme));
    step->drop_first = prefix && strcmp(scheme, "never") != 0;
    return read_character(node, "replacement", &step->content);
}

static cadre_status read_strip(void *list, const json_node *node)
{
    decoder *d = list;
    if (d->byte_fallback) return check_single(d, node, "Strip");
    decoder_step *step = new_step(d, d->fused ? run_strip_text : run_strip);
    CADRE_TRY(read_character(node, "content", &step->content));
    CADRE_TRY(json_get_int(node, "start", 0, STRIP_MAX, &step->start));
    CADRE_TRY(json_get_int(node, "stop", 0, STRIP_MAX, &step->stop));
    for (int i = 0; i + 1 < d->count; i++)
        if (d->steps[i].run == run_strip_text)
            return json_refuse(node, "one Strip of a fused text");
    if (d->fused && step->stop > 0) return json_refuse(node, "no Strip at the end of a fused text");
    if (d->fused && step->content.size > 1)
        return json_refuse(node, "a Strip of an ASCII character from a fused text");
    return CADRE_OK;
}

static const step_row rows[] = {
    { "ByteFallback", "", read_byte_fallback },
    { "ByteLevel", "add_prefix_space trim_offsets use_regex", read_byte_level },
    { "Fuse", "", read_fuse },
    { "Metaspace", "replacement prepend_scheme add_prefix_space split str_rep", read_metaspace },
    { "Replace", "pattern content", read_replace },
    { "Strip", "content start stop", read_strip },
};

cadre_status decoder_read(decoder *d, const json_node *node)
{
    return step_list_read(node, "decoders", rows, sizeof rows / sizeof *rows, DECODER_STEPS_MAX, d);
}

void decoder_free(decoder *d)
{
    for (int i = 0; i < d->count; i++) {
        pattern_free(d->steps[i].pattern);
        byte_buffer_free(&d->steps[i].content);
    }
}

/* ---- the list ---- */

cadre_status decoder_put(const decoder *d, decoder_state *s, string_view token, byte_buffer *out)
{
    if (d->count == 0 && !d->fused && s->tokens > 0) CADRE_TRY(byte_buffer_put(out, " ", 1));
    for (int i = 0; i < d->count; i++) {
        byte_buffer *next = &s->buffers[i % 2];
        next->size = 0;
        CADRE_TRY(d->steps[i].run(&d->steps[i], s, token, next));
        token = (string_view){ next->data, next->size };
    }
    s->tokens++;
    return byte_buffer_put(out, token.data, token.size);
}

void decoder_restart(decoder_state *s)
{
    s->tokens = 0;
    s->stripped = 0;
    s->begun = false;
}

void decoder_state_free(decoder_state *s)
{
    byte_buffer_free(&s->buffers[0]);
    byte_buffer_free(&s->buffers[1]);
    pattern_scan_free(s->scan);
}

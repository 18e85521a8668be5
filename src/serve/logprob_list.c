/* logprob_list.c - writes tokens, whose bytes need not be whole characters, and log probabilities,
 * which may be infinite, as JSON. */
#include "serve/logprob_list.h"

#include <math.h>

#include "base/utf8.h"

static const double MINUS_INFINITY =
    -9999; /* written for minus infinity, which JSON does not have */

cadre_status logprob_list_open(const tokenizer *t, int32_t top, logprob_list *s)
{
    *s = (logprob_list){ .tokenizer = t, .top = top };
    return token_stream_new(t, 0, &s->stream);
}

void logprob_list_close(logprob_list *s)
{
    token_stream_free(s->stream);
    token_list_free(&s->ids);
    token_list_free(&s->previous);
    byte_buffer_free(&s->logprobs);
    byte_buffer_free(&s->best);
    *s = (logprob_list){ 0 };
}

cadre_status logprob_list_add(
    logprob_list *s, int32_t previous, int32_t id, float logprob, const cadre_logprob *best)
{
    CADRE_TRY(byte_buffer_put(&s->logprobs, &logprob, sizeof logprob));
    CADRE_TRY(byte_buffer_put(&s->best, best, (size_t)s->top * sizeof *best));
    CADRE_TRY(token_list_put(&s->previous, previous));
    return token_list_put(&s->ids, id);
}

static float logprob_at(const logprob_list *s, size_t i)
{
    float logprob;
    memcpy(&logprob, s->logprobs.data + i * sizeof logprob, sizeof logprob);
    return logprob;
}

static cadre_logprob best_at(const logprob_list *s, size_t i, int32_t k)
{
    cadre_logprob best;
    memcpy(&best, s->best.data + (i * (size_t)s->top + (size_t)k) * sizeof best, sizeof best);
    return best;
}

/* Decodes a token. After another token, it keeps the space with which it begins. Borrowed until the
 * next call. */
static string_view bytes_of(logprob_list *s, int32_t previous, int32_t id)
{
    string_view text;
    token_stream_end(s->stream, &text);
    if (previous >= 0) token_stream_put(s->stream, previous, &text);
    if (token_stream_put(s->stream, id, &text) != CADRE_OK) return (string_view){ "", 0 };
    string_view bytes = token_stream_last(s->stream);
    return bytes.data ? bytes : (string_view){ "", 0 };
}

static double finite(float logprob) { return isfinite(logprob) ? (double)logprob : MINUS_INFINITY; }

/* ---- chats ---- */

/* Writes text, in which malformed bytes become U+FFFD. */
static void put_text(json_writer *w, const char *key, string_view bytes)
{
    byte_buffer text = { 0 };
    for (size_t at = 0; at < bytes.size;) {
        size_t valid = utf8_valid_prefix(bytes.data + at, bytes.size - at);
        byte_buffer_put(&text, bytes.data + at, valid);
        at += valid;
        if (at < bytes.size) byte_buffer_text(&text, "\xef\xbf\xbd"), at++;
    }
    json_put_bytes(w, key, text.size ? text.data : "", text.size);
    byte_buffer_free(&text);
}

static void put_token(json_writer *w, string_view bytes, float logprob)
{
    put_text(w, "token", bytes);
    json_put_real(w, "logprob", finite(logprob));
    json_put_array(w, "bytes");
    for (size_t i = 0; i < bytes.size; i++) json_put_int(w, NULL, (unsigned char)bytes.data[i]);
    json_put_close(w, ']');
}

void logprob_list_put_chat(logprob_list *s, size_t from, size_t to, json_writer *w)
{
    json_put_object(w, "logprobs");
    json_put_array(w, "content");
    for (size_t i = from; i < to; i++) {
        int32_t previous = s->previous.ids[i];
        json_put_object(w, NULL);
        put_token(w, bytes_of(s, previous, s->ids.ids[i]), logprob_at(s, i));
        json_put_array(w, "top_logprobs");
        for (int32_t k = 0; k < s->top && best_at(s, i, k).token >= 0; k++) {
            cadre_logprob best = best_at(s, i, k);
            json_put_object(w, NULL);
            put_token(w, bytes_of(s, previous, best.token), best.logprob);
            json_put_close(w, '}');
        }
        json_put_close(w, ']');
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
    json_put_close(w, '}');
}

/* ---- text completions ---- */

/* Makes a token's key. Incomplete characters are written as "bytes:\xf0\x9f", so that keys
 * differ. */
static void make_key(string_view bytes, byte_buffer *name)
{
    name->size = 0;
    byte_buffer_reserve(name, 0);
    if (utf8_valid(bytes.data, bytes.size) && !memchr(bytes.data, 0, bytes.size)) {
        byte_buffer_put(name, bytes.data, bytes.size);
        return;
    }
    byte_buffer_text(name, "bytes:");
    for (size_t i = 0; i < bytes.size; i++)
        byte_buffer_format(name, "\\x%02x", (unsigned char)bytes.data[i]);
}

static int64_t characters_in(string_view bytes)
{
    int64_t count = 0;
    for (size_t i = 0; i < bytes.size; i++) count += !utf8_continues(bytes.data[i]);
    return count;
}

static void put_tokens(logprob_list *s, size_t from, size_t to, json_writer *w)
{
    byte_buffer name = { 0 };
    json_put_array(w, "tokens");
    for (size_t i = from; i < to; i++) {
        make_key(bytes_of(s, s->previous.ids[i], s->ids.ids[i]), &name);
        json_put_bytes(w, NULL, name.size ? name.data : "", name.size);
    }
    json_put_close(w, ']');
    byte_buffer_free(&name);
}

static void put_token_logprobs(const logprob_list *s, size_t from, size_t to, json_writer *w)
{
    json_put_array(w, "token_logprobs");
    for (size_t i = from; i < to; i++) {
        float logprob = logprob_at(s, i);
        if (isnan(logprob)) json_put_null(w, NULL);
        else json_put_real(w, NULL, finite(logprob));
    }
    json_put_close(w, ']');
}

/* Whether the name, with its NUL, is in the list. */
static bool contains(const byte_buffer *names, const byte_buffer *name)
{
    for (size_t at = 0; at < names->size; at += strlen(names->data + at) + 1)
        if (strcmp(names->data + at, name->data) == 0) return true;
    return false;
}

/* Writes the most likely tokens of an entry and the chosen token, each key once. */
static void put_map(logprob_list *s, size_t i, json_writer *w)
{
    byte_buffer name = { 0 }, seen = { 0 };
    int32_t previous = s->previous.ids[i];
    json_put_object(w, NULL);
    for (int32_t k = 0; k <= s->top; k++) {
        cadre_logprob best = { s->ids.ids[i], logprob_at(s, i) };
        if (k < s->top) best = best_at(s, i, k);
        if (best.token < 0) continue;
        make_key(bytes_of(s, previous, best.token), &name);
        byte_buffer_put(&name, "", 1); /* names in `seen` end with NUL */
        if (name.status != CADRE_OK || contains(&seen, &name)) continue;
        byte_buffer_put(&seen, name.data, name.size);
        json_put_real(w, name.data, finite(best.logprob));
    }
    json_put_close(w, '}');
    byte_buffer_free(&name);
    byte_buffer_free(&seen);
}

void logprob_list_put_text(logprob_list *s, size_t from, size_t to, json_writer *w)
{
    json_put_object(w, "logprobs");
    put_tokens(s, from, to, w);
    put_token_logprobs(s, from, to, w);
    json_put_array(w, "top_logprobs");
    for (size_t i = from; i < to; i++) {
        if (isnan(logprob_at(s, i))) json_put_null(w, NULL);
        else put_map(s, i, w);
    }
    json_put_close(w, ']');
    json_put_array(w, "text_offset");
    for (size_t i = from; i < to; i++) {
        json_put_int(w, NULL, s->characters);
        s->characters += characters_in(bytes_of(s, s->previous.ids[i], s->ids.ids[i]));
    }
    json_put_close(w, ']');
    json_put_close(w, '}');
}

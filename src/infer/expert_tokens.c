/* expert_tokens.c - ranks the tokens of every expert, and finds places where it took them. */
#include "infer/expert_tokens.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/utf8.h"

enum {
    SHOWN_MOST = 8,      /* tokens of an expert */
    ALL_SHOWN = 1 << 14, /* tokens of all experts together, about */
    CONTEXTS = 2,        /* places of a token */
    TIMES_LEAST = 2,     /* fewer occurrences say nothing */
    AROUND = 8,          /* most tokens of a context on either side */
    BEFORE_BYTES = 36,
    AFTER_BYTES = 24,
};

/* The kept tokens of all texts, one after another, with the text that each completes */
typedef struct token_places {
    int64_t count;
    int64_t *text_of, *place; /* [count] which text, and the place in it */
    byte_buffer words;        /* what the tokens spell, one after another */
    size_t *begin;            /* [count + 1] in words */
    int64_t *seen;            /* [vocabulary] how often a token occurs */
} token_places;

typedef struct ranked_token {
    int32_t id;
    int64_t count;
    double score;
} ranked_token;

typedef struct ranking {
    const route_census *const *text;
    const tokenizer *tokenizer;
    token_places all;
    int64_t *first; /* [E + 1] in `taken` */
    int64_t *taken; /* [count * K] positions in `all`, expert by expert */
    int64_t *times; /* [vocabulary] for the present expert; zero between two experts */
    int32_t *met;   /* [count] ids that the expert took */
    int shown;
} ranking;

/* ---- all kept tokens ---- */

static cadre_status spell_text(ranking *r, const route_census *c, int64_t index, int64_t *at)
{
    token_stream *stream;
    CADRE_TRY(token_stream_new(r->tokenizer, 0, &stream));
    cadre_status status = CADRE_OK;
    for (int64_t i = 0; i < c->logged && status == CADRE_OK; i++, (*at)++) {
        string_view word;
        r->all.text_of[*at] = index;
        r->all.place[*at] = i;
        r->all.seen[c->ids[i]]++;
        status = token_stream_put(stream, c->ids[i], &word);
        if (status == CADRE_OK) status = byte_buffer_put(&r->all.words, word.data, word.size);
        r->all.begin[*at + 1] = r->all.words.size;
    }
    token_stream_free(stream);
    return status;
}

static cadre_status open_ranking(ranking *r, int texts)
{
    const census_form *f = r->text[0]->form;
    token_places *all = &r->all;
    int32_t vocabulary = tokenizer_size(r->tokenizer);
    if (f->config->vocab > vocabulary) vocabulary = (int32_t)f->config->vocab;
    for (int i = 0; i < texts; i++) all->count += r->text[i]->logged;
    all->text_of = MEM_ARRAY(int64_t, all->count);
    all->place = MEM_ARRAY(int64_t, all->count);
    all->begin = MEM_ARRAY(size_t, all->count + 1);
    all->seen = MEM_ARRAY(int64_t, vocabulary);
    r->first = MEM_ARRAY(int64_t, f->experts + 1);
    r->taken = MEM_ARRAY(int64_t, all->count * f->picks);
    r->times = MEM_ARRAY(int64_t, vocabulary);
    r->met = MEM_ARRAY(int32_t, all->count);
    if (!all->text_of || !all->place || !all->begin || !all->seen || !r->first || !r->taken ||
        !r->times || !r->met)
        return CADRE_ENOMEM;
    int64_t shown = ALL_SHOWN / (f->layers * f->experts), at = 0;
    r->shown = shown < 1 ? 1 : shown > SHOWN_MOST ? SHOWN_MOST : (int)shown;
    for (int i = 0; i < texts; i++) CADRE_TRY(spell_text(r, r->text[i], i, &at));
    return CADRE_OK;
}

static void close_ranking(ranking *r)
{
    mem_free(r->all.text_of);
    mem_free(r->all.place);
    mem_free(r->all.begin);
    mem_free(r->all.seen);
    byte_buffer_free(&r->all.words);
    mem_free(r->first);
    mem_free(r->taken);
    mem_free(r->times);
    mem_free(r->met);
}

/* ---- one layer, one expert ---- */

static const int32_t *picks_at(const ranking *r, int64_t at, int64_t s)
{
    return route_census_picks(r->text[r->all.text_of[at]], r->all.place[at], s);
}

/* Fills taken[first[e] .. first[e + 1]] with the places where layer s gave expert e a token, in
 * order. */
static void sort_by_expert(ranking *r, int64_t s, int64_t experts)
{
    int64_t picks = r->text[0]->form->picks;
    for (int64_t e = 0; e <= experts; e++) r->first[e] = 0;
    for (int64_t at = 0; at < r->all.count; at++)
        for (int64_t k = 0; k < picks; k++) {
            int32_t e = picks_at(r, at, s)[k];
            if (e >= 0) r->first[e + 1]++;
        }
    for (int64_t e = 0; e < experts; e++) r->first[e + 1] += r->first[e];
    for (int64_t at = 0; at < r->all.count; at++)
        for (int64_t k = 0; k < picks; k++) {
            int32_t e = picks_at(r, at, s)[k];
            if (e >= 0) r->taken[r->first[e]++] = at;
        }
    for (int64_t e = experts; e > 0; e--) r->first[e] = r->first[e - 1];
    r->first[0] = 0;
}

static int32_t id_at(const ranking *r, int64_t at)
{
    return r->text[r->all.text_of[at]]->ids[r->all.place[at]];
}

/* Puts a token among the best; returns how many there are. Equals stay in their order. */
static int rank_token(ranked_token *best, int count, int room, ranked_token token)
{
    if (count == room && token.score <= best[count - 1].score) return count;
    int at = count < room ? count++ : count - 1;
    for (; at > 0 && best[at - 1].score < token.score; at--) best[at] = best[at - 1];
    best[at] = token;
    return count;
}

static int rank_tokens(ranking *r, int64_t e, ranked_token *best)
{
    int64_t begin = r->first[e], end = r->first[e + 1], met = 0;
    double share = (double)(end - begin) / (double)r->all.count;
    int count = 0;
    for (int64_t i = begin; i < end; i++) {
        int32_t id = id_at(r, r->taken[i]);
        if (!r->times[id]++) r->met[met++] = id;
    }
    for (int64_t i = 0; i < met; i++) {
        int32_t id = r->met[i];
        double times = (double)r->times[id], chance = (double)r->all.seen[id] * share;
        ranked_token token = { id, r->times[id], times * log(times / chance) };
        if (token.count >= TIMES_LEAST && token.score > 0)
            count = rank_token(best, count, r->shown, token);
        r->times[id] = 0;
    }
    return count;
}

/* ---- writing ---- */

/* Writes the words of `begin` to `end` (positions): at most so many bytes of their end or
 * beginning, in whole characters. */
static void put_words(
    json_writer *w, const ranking *r, int64_t begin, int64_t end, size_t most, bool keep_end)
{
    const char *words = r->all.words.data ? r->all.words.data : "";
    size_t from = r->all.begin[begin], to = r->all.begin[end];
    while (to - from > most && keep_end) from += utf8_length(words[from]);
    while (to - from > most && !keep_end)
        for (to--; to > from && utf8_continues(words[to]);) to--;
    json_put_bytes(w, NULL, words + from, to - from);
}

static void put_context(json_writer *w, const ranking *r, int64_t at)
{
    int64_t begin = at, end = at + 1, text = r->all.text_of[at];
    while (begin > 0 && at - begin < AROUND && r->all.text_of[begin - 1] == text) begin--;
    while (end < r->all.count && end - at <= AROUND && r->all.text_of[end] == text) end++;
    json_put_array(w, NULL);
    put_words(w, r, begin, at, BEFORE_BYTES, true);
    put_words(w, r, at, at + 1, SIZE_MAX, true);
    put_words(w, r, at + 1, end, AFTER_BYTES, false);
    json_put_close(w, ']');
}

/* Writes places that are spread over all that there are. */
static void put_contexts(json_writer *w, const ranking *r, int64_t e, const ranked_token *token)
{
    int64_t met = 0, wanted = 0;
    json_put_array(w, "contexts");
    for (int64_t i = r->first[e]; i < r->first[e + 1] && wanted < CONTEXTS; i++) {
        if (id_at(r, r->taken[i]) != token->id || met++ != wanted * token->count / CONTEXTS)
            continue;
        put_context(w, r, r->taken[i]);
        wanted++;
    }
    json_put_close(w, ']');
}

/* Writes a token; one that is part of a character is shown as its bytes. */
static cadre_status put_token_text(json_writer *w, const ranking *r, int32_t id)
{
    byte_buffer text = { 0 }, hex = { 0 };
    cadre_status status = tokenizer_decode(r->tokenizer, &id, 1, 0, &text);
    bool whole = utf8_valid(text.data ? text.data : "", text.size);
    for (size_t i = 0; i < text.size && !whole && status == CADRE_OK; i++) {
        char byte[8];
        int size = snprintf(byte, sizeof byte, "<%02X>", (unsigned)(unsigned char)text.data[i]);
        status = byte_buffer_put(&hex, byte, (size_t)size);
    }
    const byte_buffer *shown = whole ? &text : &hex;
    if (status == CADRE_OK) json_put_bytes(w, "text", shown->data ? shown->data : "", shown->size);
    byte_buffer_free(&text);
    byte_buffer_free(&hex);
    return status;
}

static cadre_status put_expert(json_writer *w, ranking *r, int64_t e)
{
    ranked_token best[SHOWN_MOST];
    int count = rank_tokens(r, e, best);
    cadre_status status = CADRE_OK;
    json_put_array(w, NULL);
    for (int i = 0; i < count && status == CADRE_OK; i++) {
        json_put_object(w, NULL);
        status = put_token_text(w, r, best[i].id);
        json_put_int(w, "count", best[i].count);
        json_put_int(w, "of", r->all.seen[best[i].id]);
        put_contexts(w, r, e, &best[i]);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
    return status;
}

static cadre_status put_layers(json_writer *w, ranking *r)
{
    const model_config *c = r->text[0]->form->config;
    cadre_status status = CADRE_OK;
    for (int64_t l = 0, s = 0; l < c->layers && status == CADRE_OK; l++) {
        if (!c->layer[l].sparse) continue;
        if (cadre_interrupted()) return cadre_fail(CADRE_EINTERRUPTED, NULL, "stopped on request");
        sort_by_expert(r, s++, c->layer[l].moe.experts);
        json_put_array(w, NULL);
        for (int64_t e = 0; e < c->layer[l].moe.experts && status == CADRE_OK; e++)
            status = put_expert(w, r, e);
        json_put_close(w, ']');
    }
    return status;
}

cadre_status expert_tokens_write(
    const route_census *const *text, int texts, const tokenizer *t, const char *key, json_writer *w)
{
    ranking r = { .text = text, .tokenizer = t };
    cadre_status status = open_ranking(&r, texts);
    json_put_array(w, key);
    if (status == CADRE_OK) status = put_layers(w, &r);
    json_put_close(w, ']');
    close_ranking(&r);
    return status;
}

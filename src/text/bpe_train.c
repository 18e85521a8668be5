/* bpe_train.c - counts pairs and merges the most frequent one, incrementally.
 *
 * Texts are split into words, and equal words are counted once. Every pair of neighbouring symbols
 * has a count and a list of the words that it was seen in. A heap orders pairs by count. A count in
 * the heap may be out of date: it is corrected when it reaches the top, and pairs whose count rose
 * are pushed again. One merge then costs time for the words that contain the pair, not for the
 * whole text. */
#include "text/bpe_train.h"

#include <stdbool.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "text/bpe_train_write.h"
#include "text/byte_level.h"
#include "text/pattern.h"
#include "text/table.h"

enum {
    /* Longer words are counted in parts, so that the cost of a pair stays small for any text. */
    WORD_BYTES = 128,
    LOOK_UP = 4096,            /* words, or uses of a pair, between two questions whether to stop */
    LOOK_UP_SYMBOLS = 1 << 20, /* the same for the symbols of one word */
    MIN_COUNT = 2,             /* a pair that occurs once teaches nothing */
    NO_USE = -1,
};

typedef struct pair_stats {
    uint32_t left, right;
    int64_t count;
    int64_t last_use;  /* newest of its uses; NO_USE: none */
    int32_t raised_in; /* the merge in which its count last rose */
    bool merged;       /* its rule has been written */
} pair_stats;

typedef struct pair_use { /* one word that a pair was seen in; newest first */
    uint32_t word;
    int64_t older;
} pair_use;

typedef struct candidate {
    int64_t count;
    uint32_t pair;
} candidate;

typedef struct word_span {
    size_t begin; /* in symbols */
    uint32_t length;
    int64_t count;
} word_span;

typedef struct trainer {
    string_set words;
    word_span *spans; /* [words.count] */
    size_t span_capacity;
    uint32_t *symbols;
    string_set pieces; /* the bytes of each symbol; 0..255 are the single bytes */
    number_map pair_places;
    pair_stats *pairs;
    size_t pair_count, pair_capacity;
    pair_use *uses;
    size_t use_count, use_capacity;
    candidate *heap;
    size_t heap_count, heap_capacity;
    bpe_merge *merges;
    size_t merge_count, merge_capacity;
    uint32_t *raised; /* pairs whose count rose in this merge */
    size_t raised_count, raised_capacity;
    int32_t step;
} trainer;

/* ---- words ---- */

static cadre_status count_word(trainer *t, const char *data, size_t size)
{
    while (size > 0) {
        size_t part = size < WORD_BYTES ? size : WORD_BYTES;
        uint32_t place;
        bool was_there;
        CADRE_TRY(string_set_add(&t->words, data, part, &place, &was_there));
        CADRE_TRY(buffer_grow(
            (void **)&t->spans, t->words.count - 1, &t->span_capacity, 1, sizeof *t->spans));
        if (!was_there) t->spans[place] = (word_span){ 0 };
        t->spans[place].count++;
        data += part;
        size -= part;
    }
    return CADRE_OK;
}

static cadre_status count_valid(
    trainer *t, pattern_scan *scan, const pattern *words, string_view text)
{
    size_t begin, end;
    bool found;
    pattern_scan_start(scan, words, text.data, text.size);
    for (int64_t i = 0;; i++) {
        if (i % LOOK_UP == 0) CADRE_TRY(interrupt_check(NULL));
        CADRE_TRY(pattern_scan_next(scan, &found, &begin, &end));
        if (!found) return CADRE_OK;
        CADRE_TRY(count_word(t, text.data + begin, end - begin));
    }
}

/* The pattern reads characters, so malformed bytes separate the pieces of text that it sees. */
static cadre_status count_words(
    trainer *t, pattern_scan *scan, const pattern *words, string_view text)
{
    while (text.size > 0) {
        size_t valid = utf8_valid_prefix(text.data, text.size);
        CADRE_TRY(count_valid(t, scan, words, (string_view){ text.data, valid }));
        if (valid < text.size) valid++;
        text = (string_view){ text.data + valid, text.size - valid };
    }
    return CADRE_OK;
}

static cadre_status count_texts(trainer *t, const string_view *texts, int count)
{
    pattern *words = NULL;
    pattern_scan *scan = NULL;
    cadre_status status = pattern_new(
        BYTE_LEVEL_PATTERN, strlen(BYTE_LEVEL_PATTERN), NULL, "the training pattern", &words);
    if (status == CADRE_OK) status = pattern_scan_new(&scan);
    for (int i = 0; i < count && status == CADRE_OK; i++)
        status = count_words(t, scan, words, texts[i]);
    pattern_scan_free(scan);
    pattern_free(words);
    return status;
}

/* ---- the heap: most frequent first, then older left symbol, then older right symbol ---- */

static bool comes_before(const trainer *t, candidate a, candidate b)
{
    if (a.count != b.count) return a.count > b.count;
    const pair_stats *p = &t->pairs[a.pair], *q = &t->pairs[b.pair];
    return p->left != q->left ? p->left < q->left : p->right < q->right;
}

static cadre_status heap_push(trainer *t, uint32_t pair)
{
    candidate c = { t->pairs[pair].count, pair };
    if (c.count < MIN_COUNT) return CADRE_OK;
    CADRE_TRY(buffer_grow((void **)&t->heap, t->heap_count, &t->heap_capacity, 1, sizeof *t->heap));
    size_t at = t->heap_count++;
    for (; at > 0 && comes_before(t, c, t->heap[(at - 1) / 2]); at = (at - 1) / 2)
        t->heap[at] = t->heap[(at - 1) / 2];
    t->heap[at] = c;
    return CADRE_OK;
}

static candidate heap_pop(trainer *t)
{
    candidate top = t->heap[0], last = t->heap[--t->heap_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < t->heap_count; at = child) {
        if (child + 1 < t->heap_count && comes_before(t, t->heap[child + 1], t->heap[child]))
            child++;
        if (!comes_before(t, t->heap[child], last)) break;
        t->heap[at] = t->heap[child];
    }
    t->heap[at] = last;
    return top;
}

/* Finds the pair to merge next. *found is false if no pair is frequent enough. */
static cadre_status next_pair(trainer *t, uint32_t *pair, bool *found)
{
    *found = false;
    while (t->heap_count > 0 && !*found) {
        candidate top = heap_pop(t);
        if (top.count == t->pairs[top.pair].count) {
            *pair = top.pair;
            *found = true;
        } else if (top.count > t->pairs[top.pair].count) {
            CADRE_TRY(heap_push(t, top.pair));
        } /* otherwise a newer candidate of this pair is in the heap */
    }
    return CADRE_OK;
}

/* ---- pairs ---- */

static cadre_status pair_at(trainer *t, uint32_t left, uint32_t right, pair_stats **pair)
{
    uint64_t key = (uint64_t)left << 32 | right;
    uint64_t *place = number_map_find(&t->pair_places, key);
    if (!place) {
        CADRE_TRY(
            buffer_grow((void **)&t->pairs, t->pair_count, &t->pair_capacity, 1, sizeof *t->pairs));
        CADRE_TRY(number_map_set(&t->pair_places, key, t->pair_count));
        t->pairs[t->pair_count++] =
            (pair_stats){ .left = left, .right = right, .last_use = NO_USE };
        *pair = &t->pairs[t->pair_count - 1];
    } else {
        *pair = &t->pairs[*place];
    }
    return CADRE_OK;
}

static cadre_status pair_seen(trainer *t, uint32_t left, uint32_t right, uint32_t word)
{
    pair_stats *pair;
    CADRE_TRY(pair_at(t, left, right, &pair));
    pair->count += t->spans[word].count;
    if (pair->raised_in != t->step) {
        CADRE_TRY(buffer_grow(
            (void **)&t->raised, t->raised_count, &t->raised_capacity, 1, sizeof *t->raised));
        t->raised[t->raised_count++] = (uint32_t)(pair - t->pairs);
        pair->raised_in = t->step;
    }
    if (pair->last_use != NO_USE && t->uses[pair->last_use].word == word) return CADRE_OK;
    CADRE_TRY(buffer_grow((void **)&t->uses, t->use_count, &t->use_capacity, 1, sizeof *t->uses));
    t->uses[t->use_count] = (pair_use){ word, pair->last_use };
    pair->last_use = (int64_t)t->use_count++;
    return CADRE_OK;
}

static cadre_status pair_gone(trainer *t, uint32_t left, uint32_t right, uint32_t word)
{
    pair_stats *pair;
    CADRE_TRY(pair_at(t, left, right, &pair));
    pair->count -= t->spans[word].count;
    return CADRE_OK;
}

static cadre_status push_raised(trainer *t)
{
    for (size_t i = 0; i < t->raised_count; i++) CADRE_TRY(heap_push(t, t->raised[i]));
    t->raised_count = 0;
    t->step++;
    return CADRE_OK;
}

/* Lays out one word as its bytes and counts every pair of neighbours. */
static cadre_status lay_out_word(trainer *t, uint32_t w, size_t begin)
{
    string_view word = string_set_at(&t->words, w);
    uint32_t *s = t->symbols + begin;
    t->spans[w].begin = begin;
    t->spans[w].length = (uint32_t)word.size;
    for (size_t i = 0; i < word.size; i++) {
        if (i % LOOK_UP_SYMBOLS == 0) CADRE_TRY(interrupt_check(NULL));
        s[i] = (unsigned char)word.data[i];
        if (i > 0) CADRE_TRY(pair_seen(t, s[i - 1], s[i], w));
    }
    return CADRE_OK;
}

static cadre_status lay_out(trainer *t)
{
    uint32_t place;
    bool was_there;
    for (int byte = 0; byte < 256; byte++)
        CADRE_TRY(string_set_add(&t->pieces, &(char){ (char)byte }, 1, &place, &was_there));
    t->symbols = MEM_ARRAY(uint32_t, t->words.used);
    if (!t->symbols) return CADRE_ENOMEM;
    t->step = 1;
    size_t at = 0;
    for (uint32_t w = 0; w < t->words.count; w++) {
        CADRE_TRY(lay_out_word(t, w, at));
        at += t->spans[w].length;
    }
    return push_raised(t);
}

/* ---- merging ---- */

/* Replaces left, right by `made` in one word, from left to right, and updates the counts of the
 * pairs with the neighbours. */
static cadre_status merge_in_word(
    trainer *t, uint32_t word, uint32_t left, uint32_t right, uint32_t made)
{
    uint32_t *s = t->symbols + t->spans[word].begin;
    uint32_t length = t->spans[word].length, kept = 0;
    for (uint32_t i = 0; i < length; i++) {
        if (i % LOOK_UP_SYMBOLS == LOOK_UP_SYMBOLS - 1) CADRE_TRY(interrupt_check(NULL));
        if (i + 1 == length || s[i] != left || s[i + 1] != right) {
            s[kept++] = s[i];
            continue;
        }
        if (kept > 0) {
            CADRE_TRY(pair_gone(t, s[kept - 1], left, word));
            CADRE_TRY(pair_seen(t, s[kept - 1], made, word));
        }
        if (i + 2 < length) {
            CADRE_TRY(pair_gone(t, right, s[i + 2], word));
            CADRE_TRY(pair_seen(t, made, s[i + 2], word));
        }
        s[kept++] = made;
        i++;
    }
    t->spans[word].length = kept;
    return CADRE_OK;
}

/* Finds the symbol for left + right: a new one, unless another merge has already made the same
 * bytes. */
static cadre_status join_pieces(trainer *t, uint32_t left, uint32_t right, uint32_t *made)
{
    byte_buffer joined = { 0 };
    string_view a = string_set_at(&t->pieces, left), b = string_set_at(&t->pieces, right);
    bool was_there;
    cadre_status status = byte_buffer_put(&joined, a.data, a.size);
    if (status == CADRE_OK) status = byte_buffer_put(&joined, b.data, b.size);
    if (status == CADRE_OK)
        status = string_set_add(&t->pieces, joined.data, joined.size, made, &was_there);
    byte_buffer_free(&joined);
    return status;
}

static cadre_status merge_pair(trainer *t, uint32_t place)
{
    pair_stats pair = t->pairs[place];
    uint32_t made;
    CADRE_TRY(join_pieces(t, pair.left, pair.right, &made));
    if (!pair.merged) {
        CADRE_TRY(buffer_grow(
            (void **)&t->merges, t->merge_count, &t->merge_capacity, 1, sizeof *t->merges));
        t->merges[t->merge_count++] = (bpe_merge){ pair.left, pair.right };
    }
    t->pairs[place].merged = true;
    t->pairs[place].last_use = NO_USE;
    int64_t i = 0;
    for (int64_t use = pair.last_use; use != NO_USE; use = t->uses[use].older) {
        if (i++ % LOOK_UP == 0) CADRE_TRY(interrupt_check(NULL));
        CADRE_TRY(merge_in_word(t, t->uses[use].word, pair.left, pair.right, made));
    }
    t->pairs[place].count = 0;
    return push_raised(t);
}

static cadre_status learn(trainer *t, size_t pieces)
{
    bool found = true;
    while (t->pieces.count < pieces) {
        uint32_t pair;
        CADRE_TRY(next_pair(t, &pair, &found));
        if (!found) break;
        CADRE_TRY(merge_pair(t, pair));
    }
    return CADRE_OK;
}

static void trainer_free(trainer *t)
{
    string_set_free(&t->words);
    string_set_free(&t->pieces);
    number_map_free(&t->pair_places);
    mem_free(t->spans);
    mem_free(t->symbols);
    mem_free(t->pairs);
    mem_free(t->uses);
    mem_free(t->heap);
    mem_free(t->merges);
    mem_free(t->raised);
}

cadre_status bpe_train(
    const string_view *texts, int count, const bpe_train_options *options, byte_buffer *json)
{
    if (options->vocabulary < BPE_TRAIN_MIN || options->vocabulary > BPE_TRAIN_MAX)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "vocabulary: expected a size of %d to %d, found %d", BPE_TRAIN_MIN, BPE_TRAIN_MAX,
            options->vocabulary);
    if (options->special_count < 0 || options->special_count > options->vocabulary - 256)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "special tokens: expected 0 to %d of them, found %d", options->vocabulary - 256,
            options->special_count);
    trainer t = { 0 };
    cadre_status status = count_texts(&t, texts, count);
    if (status == CADRE_OK) status = lay_out(&t);
    if (status == CADRE_OK)
        status = learn(&t, (size_t)(options->vocabulary - options->special_count));
    if (status == CADRE_OK)
        status = bpe_train_write(&t.pieces, t.merges, t.merge_count, options, json);
    trainer_free(&t);
    return status;
}

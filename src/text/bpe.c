/* bpe.c - merges with a heap over a linked list of symbols. */
#include "text/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/utf8.h"

enum { NONE = -1, RULE_BYTES_MAX = 1024 };

/* ---- what may be merged ---- */

static uint64_t pair_key(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

cadre_status bpe_add_merge(bpe *b, string_view left, string_view right, bool *known)
{
    b->joined.size = 0;
    CADRE_TRY(byte_buffer_put(&b->joined, left.data, left.size));
    CADRE_TRY(byte_buffer_put(&b->joined, right.data, right.size));
    int32_t l = vocabulary_id(b->vocabulary, left.data, left.size),
            r = vocabulary_id(b->vocabulary, right.data, right.size);
    int32_t made = vocabulary_id(b->vocabulary, b->joined.data, b->joined.size);
    *known = l >= 0 && r >= 0 && made >= 0;
    if (!*known) return CADRE_OK;
    return number_map_set(
        &b->merges, pair_key(l, r), (uint64_t)b->merge_count++ << 32 | (uint32_t)made);
}

typedef struct scored_id {
    float score;
    int32_t id;
} scored_id;

static int by_falling_score(const void *a, const void *b)
{
    const scored_id *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

cadre_status bpe_rank_by_score(bpe *b, const float *scores)
{
    size_t count = (size_t)b->vocabulary->size;
    scored_id *sorted = MEM_ARRAY(scored_id, count);
    b->ranks = MEM_ARRAY(uint32_t, count);
    if (!sorted || !b->ranks) {
        mem_free(sorted);
        return CADRE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) sorted[i] = (scored_id){ scores[i], (int32_t)i };
    qsort(sorted, count, sizeof *sorted, by_falling_score);
    uint32_t rank = 0;
    /* Equal scores get equal ranks, so that the leftmost pair comes first. */
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && sorted[i].score != sorted[i - 1].score) rank++;
        b->ranks[sorted[i].id] = rank;
    }
    mem_free(sorted);
    return CADRE_OK;
}

static int by_rank(const void *a, const void *b)
{
    const bpe_rule *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return x->left != y->left ? (x->left > y->left) - (x->left < y->left)
                              : (x->right > y->right) - (x->right < y->right);
}

/* Adds a rule for every way to split a piece into two others. A file may hold anything, and a huge
 * piece would take for ever, so long pieces are refused. */
static cadre_status add_rules_for(
    const bpe *b, int32_t made, bpe_rule **rules, size_t *count, size_t *room)
{
    string_view piece = vocabulary_piece(b->vocabulary, made);
    if (piece.size > RULE_BYTES_MAX)
        return cadre_fail(CADRE_EUNSUPPORTED, NULL,
            "a list of merges: expected pieces of at most %d bytes, found one of %zu (id %d)",
            RULE_BYTES_MAX, piece.size, made);
    for (size_t cut = 1; cut < piece.size; cut++) {
        if (utf8_continues(piece.data[cut])) continue;
        int32_t left = vocabulary_id(b->vocabulary, piece.data, cut);
        int32_t right =
            left < 0 ? -1 : vocabulary_id(b->vocabulary, piece.data + cut, piece.size - cut);
        if (right < 0) continue;
        CADRE_TRY(buffer_grow((void **)rules, *count, room, 1, sizeof **rules));
        (*rules)[(*count)++] = (bpe_rule){ b->ranks[made], left, right, made };
    }
    return CADRE_OK;
}

cadre_status bpe_rules(const bpe *b, bpe_rule **rules, size_t *count)
{
    bpe_rule *list = NULL;
    size_t used = 0, room = 0;
    cadre_status status = buffer_grow((void **)&list, 0, &room, b->merges.count + 1, sizeof *list);
    for (size_t i = 0; i < b->merges.capacity && status == CADRE_OK; i++) {
        uint64_t key = b->merges.slots[i].key_plus_one - 1, value = b->merges.slots[i].value;
        if (b->merges.slots[i].key_plus_one)
            list[used++] = (bpe_rule){ (uint32_t)(value >> 32), (int32_t)(key >> 32),
                (int32_t)(uint32_t)key, (int32_t)(uint32_t)value };
    }
    for (int32_t id = 0; b->ranks && id < b->vocabulary->size && status == CADRE_OK; id++)
        status = add_rules_for(b, id, &list, &used, &room);
    if (status != CADRE_OK) {
        mem_free(list);
        return status;
    }
    qsort(list, used, sizeof *list, by_rank);
    *rules = list;
    *count = used;
    return CADRE_OK;
}

void bpe_free(bpe *b)
{
    number_map_free(&b->merges);
    byte_buffer_free(&b->joined);
    mem_free(b->ranks);
}

/* The candidate made of symbol `left` and its right neighbour, if they can be merged. */
static bool find_candidate(
    const bpe *b, const bpe_scratch *s, const char *word, int32_t left, bpe_candidate *c)
{
    const bpe_symbol *l = &s->symbols[left], *r = &s->symbols[l->next];
    if (b->ranks) {
        size_t length = (size_t)l->length + r->length;
        int32_t id = length <= b->vocabulary->longest
                         ? vocabulary_id(b->vocabulary, word + l->begin, length)
                         : -1;
        if (id < 0) return false;
        *c = (bpe_candidate){ b->ranks[id], left, id };
        return true;
    }
    const uint64_t *rule = number_map_find(&b->merges, pair_key(l->id, r->id));
    if (!rule) return false;
    *c = (bpe_candidate){ (uint32_t)(*rule >> 32), left, (int32_t)(uint32_t)*rule };
    return true;
}

/* ---- the heap: lowest rank, then leftmost ---- */

static bool comes_before(bpe_candidate a, bpe_candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.left < b.left;
}

static cadre_status heap_push(bpe_scratch *s, bpe_candidate c)
{
    if (s->heap_count == s->heap_capacity)
        CADRE_TRY(
            buffer_grow((void **)&s->heap, s->heap_count, &s->heap_capacity, 1, sizeof *s->heap));
    size_t at = s->heap_count++;
    for (; at > 0 && comes_before(c, s->heap[(at - 1) / 2]); at = (at - 1) / 2)
        s->heap[at] = s->heap[(at - 1) / 2];
    s->heap[at] = c;
    return CADRE_OK;
}

static bpe_candidate heap_pop(bpe_scratch *s)
{
    bpe_candidate top = s->heap[0], last = s->heap[--s->heap_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < s->heap_count; at = child) {
        if (child + 1 < s->heap_count && comes_before(s->heap[child + 1], s->heap[child])) child++;
        if (!comes_before(s->heap[child], last)) break;
        s->heap[at] = s->heap[child];
    }
    s->heap[at] = last;
    return top;
}

/* ---- a word's first symbols: its characters ---- */

static cadre_status add_symbol(bpe_scratch *s, size_t begin, size_t length, int32_t id)
{
    if (s->symbol_count == s->symbol_capacity)
        CADRE_TRY(buffer_grow(
            (void **)&s->symbols, s->symbol_count, &s->symbol_capacity, 1, sizeof *s->symbols));
    int32_t at = (int32_t)s->symbol_count++;
    if (at > 0) s->symbols[at - 1].next = at;
    s->symbols[at] = (bpe_symbol){ (uint32_t)begin, (uint32_t)length, id, at - 1, NONE };
    return CADRE_OK;
}

/* Whether every byte of a character has a piece of its own. */
static bool bytes_are_pieces(const bpe *b, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (b->byte_ids[(unsigned char)bytes[i]] < 0) return false;
    return b->byte_fallback;
}

/* Adds the unknown id for the waiting characters before `end`. */
static cadre_status add_waiting(const bpe *b, bpe_scratch *s, size_t end, size_t *waiting)
{
    size_t length = *waiting;
    *waiting = 0;
    return length ? add_symbol(s, end - length, length, b->unknown) : CADRE_OK;
}

/* Adds a character that is not in the vocabulary. When merging by score it stays as it is, because
 * it may form a piece with a neighbour. */
static cadre_status add_unknown(
    const bpe *b, bpe_scratch *s, string_view word, size_t begin, size_t length, size_t *waiting)
{
    if (b->ranks) return add_symbol(s, begin, length, -1);
    if (bytes_are_pieces(b, word.data + begin, length)) {
        for (size_t i = begin; i < begin + length; i++)
            CADRE_TRY(add_symbol(s, i, 1, b->byte_ids[(unsigned char)word.data[i]]));
        return CADRE_OK;
    }
    if (b->unknown < 0) return CADRE_OK;
    if (!b->fuse_unknown) CADRE_TRY(add_waiting(b, s, begin, waiting));
    *waiting += length;
    return CADRE_OK;
}

/* Asks whether to stop. A word may be as long as a file without a blank, so this happens within
 * it. */
static cadre_status look_up(size_t *steps)
{
    enum { SELDOM = 65536 };
    return ++*steps % SELDOM ? CADRE_OK : interrupt_check(NULL);
}

static cadre_status add_characters(const bpe *b, bpe_scratch *s, string_view word)
{
    size_t steps = 0;
    /* Bytes of unknown characters that still need an id. As in the reference, that id comes after
     * the ids of the bytes that follow. */
    size_t waiting = 0;
    s->symbol_count = 0;
    for (size_t at = 0, length; at < word.size; at += length) {
        CADRE_TRY(look_up(&steps));
        length = utf8_length(word.data[at]);
        int32_t id = vocabulary_id(b->vocabulary, word.data + at, length);
        if (id < 0) {
            CADRE_TRY(add_unknown(b, s, word, at, length, &waiting));
            continue;
        }
        CADRE_TRY(add_waiting(b, s, at, &waiting));
        CADRE_TRY(add_symbol(s, at, length, id));
    }
    return add_waiting(b, s, word.size, &waiting);
}

/* ---- merging ---- */

static cadre_status push_candidate(const bpe *b, bpe_scratch *s, const char *word, int32_t left)
{
    bpe_candidate c;
    if (left == NONE || s->symbols[left].next == NONE || !find_candidate(b, s, word, left, &c))
        return CADRE_OK;
    return heap_push(s, c);
}

static cadre_status merge_all(const bpe *b, bpe_scratch *s, const char *word)
{
    size_t steps = 0;
    s->heap_count = 0;
    for (int32_t i = 0; i + 1 < (int32_t)s->symbol_count; i++) {
        CADRE_TRY(look_up(&steps));
        CADRE_TRY(push_candidate(b, s, word, i));
    }
    while (s->heap_count > 0) {
        CADRE_TRY(look_up(&steps));
        bpe_candidate top = heap_pop(s), now;
        bpe_symbol *left = &s->symbols[top.left];
        /* A candidate is out of date when its symbols have changed since it was pushed. */
        if (left->length == 0 || left->next == NONE ||
            !find_candidate(b, s, word, top.left, &now) || now.id != top.id)
            continue;
        bpe_symbol *right = &s->symbols[left->next];
        s->last_rank = top.rank;
        left->id = top.id;
        left->length += right->length;
        left->next = right->next;
        right->length = 0;
        if (left->next != NONE) s->symbols[left->next].previous = top.left;
        CADRE_TRY(push_candidate(b, s, word, left->previous));
        CADRE_TRY(push_candidate(b, s, word, top.left));
    }
    return CADRE_OK;
}

/* Appends the ids of the symbols. When merging by score, a symbol may be left that is no piece; its
 * bytes, or the unknown id, then stand for it. */
static cadre_status put_ids(const bpe *b, const bpe_scratch *s, string_view word, token_list *ids)
{
    CADRE_TRY(token_list_reserve(ids, s->symbol_count));
    for (int32_t i = s->symbol_count ? 0 : NONE; i != NONE; i = s->symbols[i].next) {
        const bpe_symbol *symbol = &s->symbols[i];
        if (symbol->id >= 0) CADRE_TRY(token_list_put(ids, symbol->id));
        else if (bytes_are_pieces(b, word.data + symbol->begin, symbol->length))
            for (uint32_t k = 0; k < symbol->length; k++)
                CADRE_TRY(
                    token_list_put(ids, b->byte_ids[(unsigned char)word.data[symbol->begin + k]]));
        else if (b->unknown >= 0) CADRE_TRY(token_list_put(ids, b->unknown));
    }
    return CADRE_OK;
}

cadre_status bpe_encode(const bpe *b, bpe_scratch *s, string_view word, token_list *ids)
{
    if (b->ignore_merges) {
        int32_t whole = vocabulary_id(b->vocabulary, word.data, word.size);
        if (whole >= 0) return token_list_put(ids, whole);
    }
    CADRE_TRY(add_characters(b, s, word));
    CADRE_TRY(merge_all(b, s, word.data));
    return put_ids(b, s, word, ids);
}

void bpe_scratch_free(bpe_scratch *s)
{
    mem_free(s->symbols);
    mem_free(s->heap);
    *s = (bpe_scratch){ 0 };
}

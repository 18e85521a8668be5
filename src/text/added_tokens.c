/* added_tokens.c - finds the added tokens in a text. */
#include "text/added_tokens.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "text/char_class.h"

cadre_status added_tokens_add(added_tokens *a, added_token token, const char *spelling, size_t size)
{
    CADRE_TRY(buffer_grow((void **)&a->list, a->count, &a->capacity, 1, sizeof *a->list));
    CADRE_TRY(trie_add(token.normalized ? &a->normal : &a->raw, spelling, size, (int32_t)a->count));
    CADRE_TRY(number_map_set(&a->by_id, (uint64_t)token.id, a->count));
    a->list[a->count++] = token;
    return CADRE_OK;
}

const added_token *added_tokens_find(const added_tokens *a, int32_t id)
{
    const uint64_t *place = id < 0 ? NULL : number_map_find(&a->by_id, (uint64_t)id);
    return place ? &a->list[*place] : NULL;
}

void added_tokens_free(added_tokens *a)
{
    mem_free(a->list);
    trie_free(&a->raw);
    trie_free(&a->normal);
    number_map_free(&a->by_id);
}

bool added_tokens_looks_control(const char *spelling, size_t size)
{
    static const char *const ends[][2] = { { "<|", "|>" }, { "<\xef\xbd\x9c", "\xef\xbd\x9c>" } };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t one = strlen(ends[i][0]);
        if (size > 2 * one && memcmp(spelling, ends[i][0], one) == 0 &&
            memcmp(spelling + size - one, ends[i][1], one) == 0)
            return true;
    }
    return false;
}

/* Returns the token with the longest spelling at the start of the text; NULL if there is none. */
static const added_token *longest_at(
    const added_tokens *a, const trie *spellings, string_view text, size_t *size)
{
    const added_token *longest = NULL;
    uint32_t node = 0;
    for (size_t i = 0; i < text.size && trie_step(spellings, &node, text.data[i]); i++) {
        int32_t place = trie_value(spellings, node);
        if (place < 0) continue;
        longest = &a->list[place];
        *size = i + 1;
    }
    return longest;
}

/* Returns the character that ends at `end`; 0 for malformed bytes, which are no character. */
static uint32_t character_before(string_view text, size_t end, size_t *begin)
{
    uint32_t code;
    for (size_t length = 1; length <= UTF8_MAX && length <= end; length++) {
        *begin = end - length;
        if (utf8_decode(text.data + *begin, length, &code) == length) return code;
    }
    return 0;
}

static uint32_t character_at(string_view text, size_t at, size_t *end)
{
    uint32_t code;
    size_t length = utf8_decode(text.data + at, text.size - at, &code);
    *end = at + length;
    return length ? code : 0;
}

static bool touches_word(string_view text, size_t begin, size_t end)
{
    size_t ignored;
    return char_is_word(character_before(text, begin, &ignored)) ||
           char_is_word(character_at(text, end, &ignored));
}

static size_t spaces_before(string_view text, size_t from, size_t at)
{
    size_t begin;
    while (at > from && char_is_space(character_before(text, at, &begin)) && begin >= from)
        at = begin;
    return at;
}

/* Returns the end of the white space that begins at `at`. `known` is a place up to which it is
 * known that nothing else follows. */
static size_t spaces_after(string_view text, size_t at, size_t known)
{
    size_t end;
    if (at < known) return known;
    while (char_is_space(character_at(text, at, &end))) at = end;
    return at;
}

/* Whether a part of the text touches one that is to be taken literally. */
static bool touches_literal(const added_search *search, size_t begin, size_t end)
{
    size_t low = 0, high = search->literal_count;
    while (low < high) { /* the first part that ends after `begin` */
        size_t middle = low + (high - low) / 2;
        if (search->literal[middle].end <= begin) low = middle + 1;
        else high = middle;
    }
    return low < search->literal_count && search->literal[low].begin < end;
}

bool added_tokens_next(
    const added_tokens *a, const added_search *search, string_view text, added_match *match)
{
    const trie *spellings = search->normal ? &a->normal : &a->raw;
    size_t from = match->end;
    for (size_t at = match->next; spellings->nodes > 0 && at < text.size;) {
        size_t size = 0;
        if (search->stops && at % 65536 == 0 && cadre_interrupted()) return false;
        const added_token *found =
            longest_at(a, spellings, (string_view){ text.data + at, text.size - at }, &size);
        if (!found || (found->control && touches_literal(search, at, at + size)) ||
            (found->single_word && touches_word(text, at, at + size))) {
            at += found ? size : 1;
            continue;
        }
        match->token = found;
        match->begin = !found->lstrip ? at : at > from ? spaces_before(text, from, at) : from;
        match->next = match->end = at += size;
        if (found->rstrip) match->end = match->spaces = spaces_after(text, at, match->spaces);
        /* Earlier matches may have taken all of a token that is white space. */
        if (match->begin < match->end) return true;
    }
    return false;
}

/* table.c - hash tables with open addressing. */
#include "text/table.h"

#include <string.h>

#include <xxhash.h>

#include "base/memory.h"

/* The number of slots that `count` keys fill to at most five eighths; 0: it does not fit an address
 * space. */
static size_t slots_for(size_t count)
{
    size_t slots = 16;
    while (slots / 8 * 5 < count) {
        if (slots > SIZE_MAX / 64) return 0;
        slots *= 2;
    }
    return slots;
}

/* ---- numbers to numbers ---- */

static size_t number_slot(const number_map *m, uint64_t key)
{
    uint64_t mixed = (key ^ key >> 32) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(mixed ^ mixed >> 29) & (m->capacity - 1);
    while (m->slots[at].key_plus_one != 0 && m->slots[at].key_plus_one != key + 1)
        at = (at + 1) & (m->capacity - 1);
    return at;
}

cadre_status number_map_reserve(number_map *m, size_t count)
{
    size_t capacity = slots_for(count);
    if (capacity <= m->capacity && capacity) return CADRE_OK;
    number_map larger = { MEM_ARRAY(number_map_slot, capacity ? capacity : SIZE_MAX), m->count,
        capacity };
    if (!larger.slots) return CADRE_ENOMEM;
    for (size_t i = 0; i < m->capacity; i++)
        if (m->slots[i].key_plus_one)
            larger.slots[number_slot(&larger, m->slots[i].key_plus_one - 1)] = m->slots[i];
    mem_free(m->slots);
    *m = larger;
    return CADRE_OK;
}

uint64_t *number_map_find(const number_map *m, uint64_t key)
{
    if (m->count == 0) return NULL;
    number_map_slot *slot = &m->slots[number_slot(m, key)];
    return slot->key_plus_one ? &slot->value : NULL;
}

cadre_status number_map_set(number_map *m, uint64_t key, uint64_t value)
{
    CADRE_TRY(number_map_reserve(m, m->count + 1));
    number_map_slot *slot = &m->slots[number_slot(m, key)];
    if (slot->key_plus_one == 0) m->count++;
    *slot = (number_map_slot){ key + 1, value };
    return CADRE_OK;
}

void number_map_free(number_map *m)
{
    mem_free(m->slots);
    *m = (number_map){ 0 };
}

/* ---- strings to their place in a list ---- */

/* The slot that holds the string, or the empty one where it belongs. */
static size_t string_slot(const string_set *s, const char *data, size_t size, uint64_t hash)
{
    size_t mask = s->capacity - 1;
    size_t at = (size_t)hash & mask;
    for (; s->slots[at] != 0; at = (at + 1) & mask) {
        if (s->slots[at] >> 32 != hash >> 32) continue;
        string_view other = string_set_at(s, (uint32_t)s->slots[at] - 1);
        if (other.size == size && memcmp(other.data, data, size) == 0) break;
    }
    return at;
}

static cadre_status reserve_slots(string_set *s, size_t count)
{
    size_t capacity = slots_for(count);
    if (capacity <= s->capacity && capacity) return CADRE_OK;
    uint64_t *slots = MEM_ARRAY(uint64_t, capacity ? capacity : SIZE_MAX);
    if (!slots) return CADRE_ENOMEM;
    mem_free(s->slots);
    s->slots = slots;
    s->capacity = capacity;
    for (uint32_t i = 0; i < s->count; i++) {
        string_view v = string_set_at(s, i);
        uint64_t hash = XXH3_64bits(v.data, v.size);
        s->slots[string_slot(s, v.data, v.size, hash)] = (hash >> 32 << 32) | (i + 1);
    }
    return CADRE_OK;
}

cadre_status string_set_reserve(string_set *s, size_t count, size_t bytes)
{
    CADRE_TRY(reserve_slots(s, count));
    if (count > s->count)
        CADRE_TRY(buffer_grow(
            (void **)&s->ends, s->count, &s->list_capacity, count - s->count, sizeof *s->ends));
    return bytes > s->used ? buffer_grow((void **)&s->bytes, s->used, &s->room, bytes - s->used, 1)
                           : CADRE_OK;
}

cadre_status string_set_add(
    string_set *s, const char *data, size_t size, uint32_t *place, bool *was_there)
{
    if (size > UINT32_MAX - s->used || s->count >= UINT32_MAX - 1)
        return cadre_fail(
            CADRE_ENOMEM, NULL, "out of memory: a table of strings holds 4 GB at most");
    CADRE_TRY(string_set_reserve(s, s->count + 1, s->used + size));
    uint64_t hash = XXH3_64bits(data, size);
    size_t slot = string_slot(s, data, size, hash);
    *was_there = s->slots[slot] != 0;
    if (!*was_there) {
        if (size) memcpy(s->bytes + s->used, data, size);
        s->used += size;
        s->ends[s->count++] = (uint32_t)s->used;
        s->slots[slot] = (hash >> 32 << 32) | s->count;
    }
    *place = (uint32_t)s->slots[slot] - 1;
    return CADRE_OK;
}

bool string_set_find(const string_set *s, const char *data, size_t size, uint32_t *place)
{
    if (s->count == 0) return false;
    size_t slot = string_slot(s, data, size, XXH3_64bits(data, size));
    if (s->slots[slot] == 0) return false;
    *place = (uint32_t)s->slots[slot] - 1;
    return true;
}

void string_set_free(string_set *s)
{
    mem_free(s->bytes);
    mem_free(s->ends);
    mem_free(s->slots);
    *s = (string_set){ 0 };
}

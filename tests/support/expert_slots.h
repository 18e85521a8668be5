/* expert_slots.h - a source of experts with few slots and a bad memory: what it evicts is poisoned,
 * what it does not hold has no address, and it takes experts in another order than they are listed
 * in. */
#ifndef CADRE_TESTS_EXPERT_SLOTS_H
#define CADRE_TESTS_EXPERT_SLOTS_H

#include "moe/expert_source.h"

enum { EXPERT_PARTS = 6 }; /* gate, up, down, and their block scales if they have any */

typedef struct expert_slot {
    int64_t layer;
    int32_t expert; /* -1: empty */
    bool used;      /* by a wave */
    uint8_t *bytes;
} expert_slot;

typedef struct expert_slots expert_slots;

/* One part of an expert into memory, `bytes` of them. */
typedef cadre_status (*expert_reader)(
    void *arg, const expert_wave *w, int32_t expert, int part, void *to, size_t bytes);

struct expert_slots {
    expert_source source;
    expert_reader read; /* at first expert_slots_copy */
    void *arg;
    expert_slot *slot;
    int32_t slots, most; /* the waves' longest list */
    size_t room;         /* bytes of a slot */
    bool joined;         /* up is put right behind gate, where that makes one matrix */
    const void **table;  /* [EXPERT_PARTS, most] */
    expert_weights view;
    int64_t waves, reads, evictions, prefetches;
    int64_t fails_at; /* the acquisition that fails, counted from 1; 0: none does */
};

/* Slots of `room` bytes, for layers of at most `most` experts. */
void expert_slots_open(expert_slots *s, int32_t slots, int32_t most, size_t room);
/* What an expert of this layer takes of a slot. */
size_t expert_slots_room(const expert_slots *s, const expert_weights *w);
/* What the opened views say. */
cadre_status expert_slots_copy(
    void *arg, const expert_wave *w, int32_t expert, int part, void *to, size_t bytes);
/* The test fails where something is still acquired. */
void expert_slots_close(expert_slots *s);

#endif

/* replay.c - draws picks, or reads them. */
#include "support/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "format/json_lines.h"
#include "support/succeeds.h"

static void allocate(
    replay_picks *r, int32_t layers, int32_t experts, int64_t visits, int64_t picks)
{
    *r = (replay_picks){ .layers = layers,
        .experts = experts,
        .first = MEM_ARRAY(int32_t, layers + 1),
        .layer = MEM_ARRAY(int32_t, visits),
        .picks = MEM_ARRAY(int32_t, picks),
        .start = MEM_ARRAY(int64_t, visits + 1) };
    assert_true(r->first && r->layer && r->picks && r->start);
    for (int32_t l = 0; l <= layers; l++) r->first[l] = l * experts;
    r->replay = (replay){ { layers, r->first }, 0, r->layer, r->start, r->picks, NULL };
}

static void put(replay_picks *r, int32_t layer, const int32_t *ids, int32_t count)
{
    int64_t v = r->replay.visits++;
    r->layer[v] = layer;
    for (int32_t k = 0; k < count; k++) r->picks[r->start[v] + k] = r->first[layer] + ids[k];
    r->start[v + 1] = r->start[v] + count;
}

enum { SUBJECT = 40, SUBJECTS = 5, MOST_PICKS = 64 };

/* Expert e of a layer has a weight of its own in each subject; picks are drawn by weight, without
 * repeats. */
static void draw(
    random_key key, int64_t token, int32_t layer, int32_t experts, int32_t count, int32_t *ids)
{
    uint64_t subject = random_bits(key, (uint64_t)(token / SUBJECT)) % SUBJECTS;
    random_key likes = random_key_of(subject, "likes", 0, (uint64_t)layer),
               noise = random_key_of(2, "noise", (uint64_t)token, (uint64_t)layer);
    double score[256];
    for (int32_t e = 0; e < experts; e++)
        score[e] = random_uniform(likes, (uint64_t)e) + 0.8 * random_uniform(noise, (uint64_t)e);
    for (int32_t k = 0; k < count; k++) {
        ids[k] = 0;
        for (int32_t e = 1; e < experts; e++)
            if (score[e] > score[ids[k]]) ids[k] = e;
        score[ids[k]] = -1;
    }
}

void replay_make(int64_t tokens, int32_t layers, int32_t experts, int32_t topk, replay_picks *r)
{
    random_key key = random_key_of(1, "subjects", 0, 0);
    int32_t ids[MOST_PICKS];
    allocate(r, layers, experts, tokens * layers, tokens * layers * topk);
    for (int64_t t = 0; t < tokens; t++)
        for (int32_t l = 0; l < layers; l++) {
            draw(key, t, l, experts, topk, ids);
            put(r, l, ids, topk);
        }
}

static void read_token(const json_document *d, replay_picks *r)
{
    json_node root = json_root(d), layers;
    succeeds(json_get_array(&root, "layers", &layers));
    for (int32_t l = 0; l < r->layers; l++) {
        json_node list = json_item(&layers, (size_t)l);
        int32_t ids[MOST_PICKS], count = (int32_t)json_count(&list);
        assert_true(count <= MOST_PICKS);
        for (int32_t k = 0; k < count; k++) {
            json_node item = json_item(&list, (size_t)k);
            int64_t id;
            succeeds(json_as_int(&item, 0, r->experts - 1, &id));
            ids[k] = (int32_t)id;
        }
        put(r, l, ids, count);
    }
}

bool replay_open_recording(const char *name, replay_picks *r)
{
    enum { LAYERS = 16, EXPERTS = 64, PICKS = 8, TOKENS = 1000 };
    const char *folder = getenv("CADRE_TRACES");
    char *path = folder ? file_join(folder, name) : NULL;
    json_lines lines;
    json_document *d;
    if (!path || !file_exists(path)) return false;
    allocate(r, LAYERS, EXPERTS, TOKENS * LAYERS, TOKENS * LAYERS * PICKS);
    succeeds(lines_open(path, &lines));
    for (int64_t t = 0; t < TOKENS; t++) {
        succeeds(lines_next(&lines, &d));
        if (!d) break;
        read_token(d, r);
        json_close(d);
    }
    lines_close(&lines);
    mem_free(path);
    return true;
}

void replay_close(replay_picks *r)
{
    mem_free(r->first);
    mem_free(r->layer);
    mem_free(r->picks);
    mem_free(r->start);
}

double replay_policy(const replay_picks *r, const policy_row *row, int32_t slots)
{
    int64_t hits;
    succeeds(replay_hits(&r->replay, row, slots, &hits));
    return (double)hits / (double)r->start[r->replay.visits];
}

double replay_best(const replay_picks *r, int32_t slots) { return replay_policy(r, NULL, slots); }

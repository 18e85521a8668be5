/* constraint.c - a schema's grammar beside a model's vocabulary, for any number of texts. */
#include "infer/constraint.h"

#include <stdatomic.h>

#include "base/guard.h"
#include "base/memory.h"
#include "format/quote.h"

struct cadre_constraint {
    atomic_int holders;
    cadre_model *model; /* borrowed */
    char *name;
    network network;
    lock lock; /* of what follows */
    token_masks masks;
};

/* ---- opening and closing ---- */

static cadre_status open_masks(cadre_constraint *c, node_id root)
{
    const token_trie *tokens;
    CADRE_TRY(network_measure(&c->network));
    if (c->network.nodes[root].depth == NETWORK_NEVER)
        return cadre_fail(CADRE_EARGUMENT, c->name,
            "expected a schema for which something is valid, found one for which nothing is, or "
            "nothing of at most %d levels",
            NETWORK_DEPTH);
    CADRE_TRY(model_token_trie(c->model, &tokens));
    return token_masks_open(&c->masks, tokens, c->model->config.vocab, &c->network, root);
}

static cadre_status open_all(cadre_constraint *c, const answer_form *form)
{
    answer_form own = *form;
    node_id root;
    own.name = c->name;
    CADRE_TRY(network_open(&c->network, c->name));
    CADRE_TRY(answer_make(&c->network, &own, &root));
    return open_masks(c, root);
}

cadre_status constraint_of_answer(
    cadre_model *model, const answer_form *form, cadre_constraint **constraint)
{
    cadre_constraint *c = MEM_ARRAY(cadre_constraint, 1);
    if (!c) return CADRE_ENOMEM;
    c->model = model;
    atomic_init(&c->holders, 1);
    lock_open(&c->lock);
    c->name = mem_strdup(form->name ? form->name : "the schema");
    cadre_status status = c->name ? open_all(c, form) : CADRE_ENOMEM;
    if (status == CADRE_OK) *constraint = c;
    else cadre_constraint_free(c);
    return status;
}

cadre_status cadre_constraint_json(cadre_model *model, const char *name, const char *schema,
    size_t size, cadre_constraint **constraint)
{
    const answer_form form = {
        .name = name, .json = true, .schema = schema, .size = size, .only = -1
    };
    return constraint_of_answer(model, &form, constraint);
}

void cadre_constraint_free(cadre_constraint *c)
{
    if (!c || atomic_fetch_sub(&c->holders, 1) > 1) return;
    token_masks_close(&c->masks);
    network_free(&c->network);
    lock_close(&c->lock);
    mem_free(c->name);
    mem_free(c);
}

cadre_status constraint_check(const cadre_constraint *c, const cadre_model *model)
{
    if (!c || c->model == model) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "cadre_sampling.constraint: expected one that was made for this model, found another's");
}

/* ---- a text ---- */

static void put(uint64_t *mask, int64_t id) { mask[id >> 6] |= 1ull << (id & 63); }

static bool has(const uint64_t *mask, int64_t id) { return mask[id >> 6] >> (id & 63) & 1; }

static void put_end(constraint_text *t, int64_t id)
{
    if (id < 0 || id >= t->constraint->model->config.vocab) return;
    put(t->ends, id);
    t->can_end = true;
}

/* Collects the tokens that end a text: the model's, and those of the request. */
static void put_ends(constraint_text *t, const int32_t *ends, int64_t count)
{
    const model_config *config = &t->constraint->model->config;
    put_end(t, config->eos);
    for (int i = 0; i < config->other_eos_count; i++) put_end(t, config->other_eos[i]);
    for (int64_t i = 0; i < count; i++) put_end(t, ends[i]);
}

cadre_status constraint_begin(
    cadre_constraint *c, const int32_t *ends, int64_t count, constraint_text *t)
{
    *t = (constraint_text){ 0 };
    if (!c) return CADRE_OK;
    atomic_fetch_add(&c->holders, 1);
    *t = (constraint_text){ .constraint = c,
        .mask = MEM_ARRAY(uint64_t, c->masks.words),
        .ends = MEM_ARRAY(uint64_t, c->masks.words),
        .forgotten = UINT64_MAX };
    if (!t->mask || !t->ends) {
        constraint_end(t);
        return CADRE_ENOMEM;
    }
    put_ends(t, ends, count);
    return CADRE_OK;
}

void constraint_end(constraint_text *t)
{
    if (t->constraint) cadre_constraint_free(t->constraint);
    byte_buffer_free(&t->text);
    mem_free(t->mask);
    mem_free(t->ends);
    *t = (constraint_text){ 0 };
}

/* Finds the text's state; the caller holds the lock. */
static cadre_status find_state(constraint_text *t)
{
    token_masks *m = &t->constraint->masks;
    if (t->forgotten == m->forgotten) return CADRE_OK;
    state_id state = m->pushdown.start;
    for (size_t i = 0; i < t->text.size && state; i++)
        state = pushdown_step(&m->pushdown, state, (uint8_t)t->text.data[i]);
    t->state = state;
    t->forgotten = m->forgotten;
    return m->pushdown.status;
}

static cadre_status find_mask(constraint_text *t)
{
    token_masks *m = &t->constraint->masks;
    const uint64_t *mask;
    CADRE_TRY(token_masks_make_room(m));
    CADRE_TRY(find_state(t));
    CADRE_TRY(token_masks_of(m, t->state, &mask));
    bool whole = m->pushdown.states[t->state].ends;
    for (size_t i = 0; i < m->words; i++)
        t->mask[i] = (mask[i] & ~t->ends[i]) | (whole ? t->ends[i] : 0);
    return CADRE_OK;
}

static cadre_status refuse_to_continue(const constraint_text *t)
{
    size_t shown = t->text.size < 24 ? t->text.size : 24;
    return cadre_fail(CADRE_EUNSUPPORTED, t->constraint->name,
        "expected a token of the vocabulary that goes on as the schema wants after \"%s\", found "
        "none",
        quote_bytes(t->text.data + t->text.size - shown, shown).text);
}

cadre_status constraint_find(constraint_text *t)
{
    uint64_t any = 0;
    CADRE_TRY(byte_buffer_reserve(&t->text, TOKEN_TRIE_DEPTH));
    lock_take(&t->constraint->lock);
    cadre_status status = find_mask(t);
    lock_give(&t->constraint->lock);
    CADRE_TRY(status);
    for (size_t i = 0; i < t->constraint->masks.words; i++) any |= t->mask[i];
    return any ? CADRE_OK : refuse_to_continue(t);
}

static cadre_status step(constraint_text *t, string_view bytes)
{
    token_masks *m = &t->constraint->masks;
    CADRE_TRY(find_state(t));
    for (size_t i = 0; i < bytes.size && t->state; i++)
        t->state = pushdown_step(&m->pushdown, t->state, (uint8_t)bytes.data[i]);
    return m->pushdown.status;
}

/* Whether nothing can come after what has come. */
static bool is_over(const constraint_text *t)
{
    const pushdown_state *s = &t->constraint->masks.pushdown.states[t->state];
    return s->ends && !s->count;
}

cadre_status constraint_take(constraint_text *t, int32_t token, bool *whole)
{
    *whole = has(t->ends, token);
    if (*whole) return CADRE_OK;
    string_view bytes = token_trie_bytes(t->constraint->masks.trie, token);
    lock_take(&t->constraint->lock);
    cadre_status status = step(t, bytes);
    if (status == CADRE_OK) *whole = !t->can_end && is_over(t);
    lock_give(&t->constraint->lock);
    CADRE_TRY(status);
    return byte_buffer_put(&t->text, bytes.data, bytes.size);
}

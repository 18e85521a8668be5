/* gguf_forms_test.c - GGUF files whose tensors lie as other programs have laid them out: the same
 * bits as from our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cadre.h"
#include "format/gguf.h"
#include "support/logits.h"
#include "support/oracle.h"
#include "support/scratch.h"
#include "support/succeeds.h"

static cadre_context *context;

static int begin(void **state)
{
    (void)state;
    return cadre_context_new(1, NULL, &context);
}

static int end(void **state)
{
    (void)state;
    cadre_context_free(context);
    return 0;
}

/* ---- a file of other tensors ---- */

enum { PIECES = 64 };

typedef struct piece {
    const uint8_t *data;
    size_t size;
} piece;

typedef struct laid_out { /* a tensor of the new file, put together of pieces of the old one's */
    gguf_tensor shape;
    piece pieces[PIECES];
    int count;
} laid_out;

typedef struct layout {
    const gguf *file;
    laid_out *tensors;
    size_t count;
} layout;

static laid_out *add(layout *l, const gguf_tensor *like, const char *name)
{
    laid_out *t = &l->tensors[l->count++];
    *t = (laid_out){ .shape = *like };
    snprintf(t->shape.name, sizeof t->shape.name, "%s", name);
    return t;
}

static void add_piece(laid_out *t, const uint8_t *data, size_t size)
{
    t->pieces[t->count++] = (piece){ data, size };
}

static gguf_tensor beside(const layout *l, const gguf_tensor *t, const char *from, const char *to)
{
    char name[2 * GGUF_NAME];
    gguf_tensor found;
    int before = (int)(strstr(t->name, from) - t->name);
    snprintf(name, sizeof name, "%.*s%s%s", before, t->name, to, t->name + before + strlen(from));
    succeeds(gguf_tensor_get(l->file, name, &found));
    return found;
}

/* Each returns whether it took the tensor. */
typedef bool (*rule)(layout *l, const gguf_tensor *t);

static bool join_qkv(layout *l, const gguf_tensor *t)
{
    char name[GGUF_NAME];
    if (strstr(t->name, ".attn_k.") || strstr(t->name, ".attn_v.")) return true;
    if (!strstr(t->name, ".attn_q.")) return false;
    gguf_tensor k = beside(l, t, "attn_q", "attn_k"), v = beside(l, t, "attn_q", "attn_v");
    snprintf(name, sizeof name, "%.*s.attn_qkv.%s", (int)(strstr(t->name, ".attn_q.") - t->name),
        t->name, strrchr(t->name, '.') + 1);
    laid_out *made = add(l, t, name);
    made->shape.extent[t->rank - 1] += k.extent[t->rank - 1] + v.extent[t->rank - 1];
    add_piece(made, t->data, t->size);
    add_piece(made, k.data, k.size);
    add_piece(made, v.data, v.size);
    return true;
}

static bool join_gate_up(layout *l, const gguf_tensor *t)
{
    char name[GGUF_NAME];
    if (strstr(t->name, ".ffn_up_exps.")) return true;
    if (!strstr(t->name, ".ffn_gate_exps.")) return false;
    gguf_tensor up = beside(l, t, "ffn_gate", "ffn_up");
    snprintf(name, sizeof name, "%.*s.ffn_gate_up_exps.weight",
        (int)(strchr(t->name + 4, '.') - t->name), t->name);
    laid_out *made = add(l, t, name);
    made->shape.extent[1] *= 2;
    size_t share = t->size / (size_t)t->extent[2];
    for (size_t e = 0; e < (size_t)t->extent[2]; e++) {
        add_piece(made, t->data + e * share, share);
        add_piece(made, up.data + e * share, share);
    }
    return true;
}

static bool part_experts(layout *l, const gguf_tensor *t)
{
    char name[2 * GGUF_NAME];
    const char *at = strstr(t->name, "_exps.weight");
    size_t share = t->size / (size_t)t->extent[2];
    if (!at) return false;
    for (int64_t e = 0; e < t->extent[2]; e++) {
        snprintf(name, sizeof name, "%.*s.%d.weight", (int)(at - t->name), t->name, (int)e);
        laid_out *made = add(l, t, name);
        made->shape.rank = 2;
        add_piece(made, t->data + (size_t)e * share, share);
    }
    return true;
}

/* Programs that want keys and values whole find them beside the two parts. */
static bool add_kv_b(layout *l, const gguf_tensor *t)
{
    char name[GGUF_NAME];
    if (!strstr(t->name, "attn_k_b.")) return false;
    add_piece(add(l, t, t->name), t->data, t->size);
    snprintf(name, sizeof name, "%.*sattn_kv_b.weight",
        (int)(strstr(t->name, "attn_k_b") - t->name), t->name);
    add_piece(add(l, t, name), t->data, t->size);
    return true;
}

static bool as_it_is(layout *l, const gguf_tensor *t)
{
    (void)l, (void)t;
    return false;
}

static void write_keys(gguf_writer *w, const gguf *file, const char *without)
{
    char key[256];
    for (size_t i = 0; i < gguf_key_count(file); i++) {
        gguf_string name = gguf_key_at(file, i);
        snprintf(key, sizeof key, "%.*s", (int)name.size, name.data);
        if (strcmp(key, "cadre.config") != 0 && (!without || strcmp(key, without) != 0))
            succeeds(gguf_writer_copy(w, file, key));
    }
}

/* Keys instead of the one that is left out. */
typedef void (*more_keys)(gguf_writer *w, const gguf *file);

static void list_kv_heads(gguf_writer *w, const gguf *file)
{
    int64_t count, lists[16];
    succeeds(gguf_get_int(file, "qwen3moe.attention.head_count_kv", 0, 100, &count));
    for (int i = 0; i < 3; i++) lists[i] = count;
    succeeds(gguf_writer_ints(w, "qwen3moe.attention.head_count_kv", GGUF_I32, lists, 3));
}

static void count_predicting_layer(gguf_writer *w, const gguf *file)
{
    int64_t count;
    succeeds(gguf_get_int(file, "deepseek2.block_count", 0, 100, &count));
    succeeds(gguf_writer_int(w, "deepseek2.block_count", GGUF_U32, count + 1));
    succeeds(gguf_writer_int(w, "deepseek2.nextn_predict_layers", GGUF_U32, 1));
}

static bool add_predicting_layer(layout *l, const gguf_tensor *t)
{
    if (strcmp(t->name, "output_norm.weight") != 0) return false;
    add_piece(add(l, t, t->name), t->data, t->size);
    add_piece(add(l, t, "blk.3.nextn.enorm.weight"), t->data, t->size);
    return true;
}

static void lay_out(
    const char *from, const char *to, rule take, const char *without, more_keys more)
{
    gguf *file;
    gguf_writer *w;
    succeeds(gguf_open(from, &file));
    succeeds(gguf_writer_open(to, &w));
    write_keys(w, file, without);
    if (more) more(w, file);
    layout l = { .file = file,
        .tensors = calloc(gguf_tensor_count(file) * PIECES, sizeof(laid_out)) };
    for (size_t i = 0; i < gguf_tensor_count(file); i++) {
        gguf_tensor t = gguf_tensor_at(file, i);
        if (!take(&l, &t)) add_piece(add(&l, &t, t.name), t.data, t.size);
    }
    for (size_t i = 0; i < l.count; i++) {
        const gguf_tensor *t = &l.tensors[i].shape;
        succeeds(gguf_writer_declare(w, t->name, t->type, t->rank, t->extent));
    }
    for (size_t i = 0; i < l.count; i++)
        for (int k = 0; k < l.tensors[i].count; k++)
            succeeds(gguf_writer_put(w, l.tensors[i].pieces[k].data, l.tensors[i].pieces[k].size));
    succeeds(gguf_writer_commit(w));
    free(l.tensors);
    gguf_close(file);
}

/* ---- the same bits ---- */

typedef struct form_case {
    const char *name, *model;
    rule take;
    const char *without; /* a key that is left out */
    const char *dtype;
    more_keys more;
} form_case;

static void same_bits(void **state)
{
    const form_case *c = *state;
    char name[128], ours[4096], other[4096];
    snprintf(name, sizeof name, "models/%s", c->model);
    const char *folder = oracle_path(name);
    snprintf(ours, sizeof ours, "%s", scratch_file("ours.gguf"));
    snprintf(other, sizeof other, "%s", scratch_file("other.gguf"));
    succeeds(cadre_convert(context, folder, ours, c->dtype ? c->dtype : "f32", NULL, NULL));
    lay_out(ours, other, c->take, c->without, c->more);
    assert_true(same_logits(context, ours, other));
    remove(ours);
    remove(other);
}

int main(void)
{
    static const form_case cases[] = {
        { "queries, keys and values in one", "qwen3_moe", join_qkv, NULL, NULL, NULL },
        { "the same, rows in pairs", "mixtral", join_qkv, NULL, NULL, NULL },
        { "the same with biases", "qwen2_moe", join_qkv, NULL, NULL, NULL },
        { "the same of blocks", "qwen3_moe", join_qkv, NULL, "q8_0", NULL },
        { "gates beside their inputs", "olmoe", join_gate_up, NULL, NULL, NULL },
        { "one tensor an expert", "mixtral", part_experts, NULL, NULL, NULL },
        { "keys and values whole, too", "deepseek_v3", add_kv_b, NULL, NULL, NULL },
        { "scores that are not named", "deepseek_v3", as_it_is, "deepseek2.expert_gating_func",
            NULL, NULL },
        { "a number for each layer", "qwen3_moe", as_it_is, "qwen3moe.attention.head_count_kv",
            NULL, list_kv_heads },
        { "a layer that predicts", "deepseek_v3", add_predicting_layer, "deepseek2.block_count",
            NULL, count_predicting_layer },
        { "the same of softmax", "deepseek_v2_lite", as_it_is, "deepseek2.expert_gating_func", NULL,
            NULL },
    };
    enum { CASES = sizeof cases / sizeof *cases };
    struct CMUnitTest tests[CASES];
    for (size_t i = 0; i < CASES; i++)
        tests[i] = (struct CMUnitTest){ .name = cases[i].name,
            .test_func = same_bits,
            .initial_state = (void *)(uintptr_t)&cases[i] };
    return _cmocka_run_group_tests("forms of GGUF", tests, CASES, begin, end);
}

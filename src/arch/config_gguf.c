/* config_gguf.c - reads GGUF metadata into a model_config and writes them, by the tables of the
 * architectures. */
#include "arch/config_gguf.h"

#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"
#include "arch/config_json.h"
#include "arch/config_keys_gguf.h"
#include "arch/gguf_layers.h"
#include "arch/gguf_unread.h"
#include "base/memory.h"
#include "format/quote.h"
#include "text/gguf_ends.h"

enum { QUANTIZATION_VERSION = 2 }; /* the version of ggml's block layouts */

static const config_key shared_keys[] = {
    KEY_INT_OF("block_count", layers, KEY_REQUIRED, 0),
    KEY_INT_OF("context_length", context, 0, 2048),
    KEY_INT_OF("embedding_length", width, KEY_REQUIRED, 0),
    KEY_REAL_OF("attention.layer_norm_rms_epsilon", norm_eps, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_count", experts, 0, 0),
    KEY_INT_OF("expert_used_count", topk, 0, 0),
    KEY_REAL_OF("rope.freq_base", rope.theta, 0, 10000),
    { 0 },
};

static const config_key yarn_keys[] = {
    KEY_REAL_OF("rope.scaling.original_context_length", rope.original_context, KEY_UNWRITTEN, 0),
    KEY_REAL_OF("rope.scaling.yarn_beta_fast", rope.beta_fast, KEY_ZERO_UNSAID, 32),
    KEY_REAL_OF("rope.scaling.yarn_beta_slow", rope.beta_slow, KEY_ZERO_UNSAID, 1),
    { 0 },
};

static const config_key head_keys[] = {
    /* Keys of grouped-query attention */
    KEY_INT_OF("attention.key_length", head_dim, 0, 0),
    KEY_INT_OF("attention.value_length", value_dim, 0, 0),
    { 0 },
};

/* Keys of every family: the RoPE scaling, and what multiplies queries and keys */
static const config_key scaling_keys[] = {
    /* The older name, which counts if the next is absent */
    KEY_REAL_OF("rope.scale_linear", rope.factor, KEY_UNWRITTEN | KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF(
        "rope.scaling.attn_factor", rope.attention_factor, KEY_UNWRITTEN | KEY_ZERO_UNSAID, 1),
    { 0 },
};

static const config_key factor_keys[] = {
    KEY_REAL_OF("rope.scaling.factor", rope.factor, KEY_ZERO_UNSAID, 1), { 0 }
};

static cadre_status read_text(
    const gguf *f, const model_config *c, const char *key, gguf_string *value)
{
    char *name = mem_printf("%s.%s", c->arch->gguf.name, key);
    cadre_status status = name ? gguf_opt_string(f, name, value) : CADRE_ENOMEM;
    mem_free(name);
    return status;
}

static bool has_own(const gguf *f, const model_config *c, const char *key)
{
    char name[96];
    snprintf(name, sizeof name, "%s.%s", c->arch->gguf.name, key);
    return gguf_has(f, name);
}

/* Refuses a factor that belongs to no type that is read here, unless it is 1, or below 0, which
 * says nothing. */
static cadre_status refuse_factor(const gguf *f, const model_config *c, const char *key)
{
    double value = 1;
    char name[96];
    snprintf(name, sizeof name, "%s.%s", c->arch->gguf.name, key);
    CADRE_TRY(gguf_opt_real(f, name, -1e30, 1e30, &value));
    if (value == 1 || value <= 0) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
        "%s: expected 1, the only value that is implemented, found %.9g", name, value);
}

/* YaRN's magnitude is the file's factor times the formula's own. */
static cadre_status read_yarn(const gguf *f, model_config *c)
{
    double factor = c->rope.factor, magnitude = c->rope.attention_factor;
    CADRE_TRY(refuse_factor(f, c, "rope.scaling.yarn_ext_factor"));
    CADRE_TRY(refuse_factor(f, c, "rope.scaling.yarn_attn_factor"));
    c->rope.scaling = ROPE_YARN;
    CADRE_TRY(config_keys_read_gguf(f, yarn_keys, c));
    if (c->rope.original_context == 0) c->rope.original_context = (double)c->context;
    c->rope.attention_factor = magnitude == 1 ? 0 : magnitude * rope_magnitude(factor, 1);
    return CADRE_OK;
}

/* A factor without a type is linear. A factor of 0, or none, means that RoPE is not scaled. */
static cadre_status read_positions(const gguf *f, model_config *c)
{
    const config_key rotated[] = { KEY_INT_OF("rope.dimension_count", rope.width, 0, 0), { 0 } };
    gguf_string type = { "linear", 6 };
    CADRE_TRY(config_keys_read_gguf(f, rotated, c));
    CADRE_TRY(read_text(f, c, "rope.scaling.type", &type));
    CADRE_TRY(config_keys_read_gguf(f, scaling_keys, c));
    if (has_own(f, c, "rope.scaling.factor")) CADRE_TRY(config_keys_read_gguf(f, factor_keys, c));
    c->rope.truncate = true;
    if (gguf_string_is(type, "yarn")) return read_yarn(f, c);
    CADRE_TRY(refuse_factor(f, c, "rope.scaling.attn_factor"));
    c->rope.attention_factor = 0;
    if (gguf_string_is(type, "linear")) {
        if (c->rope.factor != 1) c->rope.scaling = ROPE_LINEAR;
        return CADRE_OK;
    }
    if (gguf_string_is(type, "none")) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
        "%s.rope.scaling.type: expected none, linear or yarn, found \"%.*s\"", c->arch->gguf.name,
        (int)type.size, type.data);
}

/* Whether the divisors are ones, and then numbers that leave nothing of a frequency. */
static bool is_proportional(const gguf_tensor *t, model_config *c)
{
    int64_t ones = 0, i = 0;
    float value;
    for (; i < t->elements; i++) {
        memcpy(&value, t->data + i * (int64_t)sizeof value, sizeof value);
        if (value == 1 && ones == i) ones++;
        else if (value != (float)ROPE_NO_FREQUENCY) return false;
    }
    if (ones == 0 || ones == i) return false;
    c->rope.scaling = ROPE_PROPORTIONAL;
    c->rope.rotated = (double)ones / (double)t->elements;
    return true;
}

/* RoPE scaling whose formula the metadata do not give: each frequency has its own divisor. */
static cadre_status read_divisors(const gguf *f, model_config *c)
{
    gguf_tensor t;
    if (!c->arch->gguf.divisors || !gguf_tensor_find(f, GGUF_DIVISORS, &t)) return CADRE_OK;
    if (t.type != number_f32.gguf || t.elements != c->rope.width / 2 ||
        c->rope.scaling != ROPE_PLAIN)
        return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
            GGUF_DIVISORS ": expected %lld F32 elements and no other scaling of "
                          "positions, found %lld of type %d",
            (long long)c->rope.width / 2, (long long)t.elements, t.type);
    if (is_proportional(&t, c)) return CADRE_OK;
    double *divisors = MEM_ARRAY(double, t.elements);
    if (!divisors) return CADRE_ENOMEM;
    for (int64_t i = 0; i < t.elements; i++) {
        float value;
        memcpy(&value, t.data + i * (int64_t)sizeof value, sizeof value);
        divisors[i] = value;
    }
    c->rope.attention_factor = 1;
    return model_config_list_divisors(c, divisors, t.elements, gguf_path(f));
}

static bool has_tensor(const gguf *f, const char *name)
{
    gguf_tensor t;
    return gguf_tensor_find(f, name, &t);
}

/* Reads what tensors say: the size of the vocabulary, and whether there are a head and biases. */
static cadre_status read_embedding(const gguf *f, model_config *c)
{
    gguf_tensor embedding;
    CADRE_TRY(gguf_tensor_get(f, "token_embd.weight", &embedding));
    c->vocab = embedding.extent[1];
    c->tie = !has_tensor(f, "output.weight");
    return CADRE_OK;
}

static cadre_status read_tokens(const gguf *f, model_config *c)
{
    int32_t bos = -1, pad = -1;
    token_list ends = { 0 };
    CADRE_TRY(gguf_special_id(f, "tokenizer.ggml.bos_token_id", c->vocab, &bos));
    c->bos = bos;
    CADRE_TRY(gguf_special_id(f, "tokenizer.ggml.padding_token_id", c->vocab, &pad));
    c->pad = pad;
    c->eos = -1;
    cadre_status status = gguf_ends(f, c->vocab, &ends);
    for (size_t i = 0; i < ends.count && status == CADRE_OK; i++)
        status = model_config_add_eos(c, ends.ids[i], gguf_path(f));
    token_list_free(&ends);
    return status;
}

/* Checks the gating function. 1 is softmax, and 3 softmax of the chosen logits, which equals
 * renormalising; 2 is a sigmoid, which is another kind of router. */
static cadre_status check_gating(const gguf *f, const architecture *arch, bool renormalises)
{
    int64_t gating = arch->gguf.gating;
    char *name = mem_printf("%s.expert_gating_func", arch->gguf.name);
    cadre_status status = name ? gguf_opt_int(f, name, 0, 4, &gating) : CADRE_ENOMEM;
    mem_free(name);
    CADRE_TRY(status);
    if (gating == 0) return CADRE_OK; /* not said: it is the family's */
    if (gating < (renormalises ? 4 : 3) && (gating == 2) == (arch->gguf.gating == 2))
        return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
        "%s.expert_gating_func: expected %d, found %lld", arch->gguf.name, arch->gguf.gating,
        (long long)gating);
}

static cadre_status read_router(const gguf *f, model_config *c)
{
    const architecture *arch = c->arch;
    bool renorm = arch->gguf.renorm;
    char *name = mem_printf("%s.expert_weights_norm", arch->gguf.name);
    cadre_status status = name ? gguf_opt_bool(f, name, &renorm) : CADRE_ENOMEM;
    mem_free(name);
    CADRE_TRY(status);
    c->router = router_by_name(renorm && arch->base.renorm ? arch->base.renorm : arch->base.router);
    const bool renormalises = router_renormalises(c->router, &c->route);
    if (renorm && !renormalises)
        return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
            "%s.expert_weights_norm: expected false, found true", arch->gguf.name);
    return check_gating(f, arch, renormalises);
}

static bool has_groups(const architecture *arch)
{
    for (const config_key *k = arch->gguf.keys; k && k->name; k++)
        if (k->field == offsetof(model_config, groups)) return true;
    return false;
}

/* Reads routing within groups of experts, which any file may ask for. A family whose routers have
 * no groups refuses it. */
static cadre_status read_groups(const gguf *f, model_config *c)
{
    const config_key keys[] = { KEY_INT_OF("expert_group_count", groups, 0, 0),
        KEY_INT_OF("expert_group_used_count", groups_used, 0, 0), { 0 } };
    CADRE_TRY(config_keys_read_gguf(f, keys, c));
    if (c->groups <= 1) {
        c->groups = c->groups_used = 1;
        return CADRE_OK;
    }
    if (c->groups_used < 1 || c->groups_used > c->groups)
        return cadre_fail(CADRE_EFORMAT, gguf_path(f),
            "%s.expert_group_used_count: expected 1 to the %lld groups, found %lld",
            c->arch->gguf.name, (long long)c->groups, (long long)c->groups_used);
    if (c->groups_used == c->groups || has_groups(c->arch)) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
        "%s.expert_group_count: expected no groups of experts in a model of this family, found "
        "%lld, of which %lld "
        "are used",
        c->arch->gguf.name, (long long)c->groups, (long long)c->groups_used);
}

/* Sets the part of a head that is rotated, if it is not all of it. */
static void fit_rotary_share(model_config *c, int64_t rotated)
{
    int64_t head = c->head_dim ? c->head_dim : c->heads ? c->width / c->heads : 0;
    if (rotated && !c->latent && head) c->rotary_share = (double)rotated / (double)head;
}

/* Leaves out layers that predict further tokens, which the number of blocks includes after the
 * others. Where they are in the file, they have tensors of their own. */
static cadre_status leave_predicting(const gguf *f, model_config *c)
{
    char name[96], norm[64], own[64];
    snprintf(name, sizeof name, "%s.nextn_predict_layers", c->arch->gguf.name);
    CADRE_TRY(gguf_opt_int(f, name, 0, c->layers, &c->predicting));
    c->layers -= c->predicting;
    snprintf(norm, sizeof norm, "blk.%lld.attn_norm.weight", (long long)c->layers);
    snprintf(own, sizeof own, "blk.%lld.nextn.eh_proj.weight", (long long)c->layers);
    if (!c->predicting || !has_tensor(f, norm) || has_tensor(f, own)) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, gguf_path(f),
        "%s: expected 0, as the file has no %s, found %lld", name, own, (long long)c->predicting);
}

static cadre_status read_all(const gguf *f, model_config *c)
{
    const architecture *arch = c->arch;
    CADRE_TRY(config_keys_read_gguf(f, shared_keys, c));
    CADRE_TRY(leave_predicting(f, c));
    CADRE_TRY(gguf_layers_read(f, c));
    CADRE_TRY(read_embedding(f, c));
    CADRE_TRY(read_tokens(f, c));
    c->groups = c->groups_used = 1;
    c->route_scale = 1;
    c->sparse_step = 1;
    c->init_range = 0.02;
    c->qk_norm = arch->base.qk_norm;
    c->latent = arch->base.latent;
    c->window_period = arch->base.window_period;
    if (arch->base.fix) arch->base.fix(c);
    c->qkv_bias = has_tensor(f, c->latent ? "blk.0.attn_kv_a_mqa.bias" : "blk.0.attn_q.bias") ||
                  has_tensor(f, "blk.0.attn_qkv.bias");
    c->out_bias = has_tensor(f, "blk.0.attn_output.bias");
    c->ffn_bias = has_tensor(f, "blk.0.ffn_down.bias");
    if (!c->latent) CADRE_TRY(config_keys_read_gguf(f, head_keys, c));
    CADRE_TRY(config_keys_read_gguf(f, arch->gguf.keys, c));
    CADRE_TRY(read_groups(f, c));
    CADRE_TRY(read_positions(f, c));
    CADRE_TRY(read_router(f, c));
    fit_rotary_share(c, c->rope.width);
    CADRE_TRY(model_config_set_form(c, arch->base.expert_form, gguf_path(f)));
    if (arch->gguf.read) CADRE_TRY(arch->gguf.read(f, c));
    CADRE_TRY(model_config_derive(c, gguf_path(f)));
    CADRE_TRY(gguf_layers_set(f, c));
    if (arch->gguf.read_layers) CADRE_TRY(arch->gguf.read_layers(f, c));
    model_config_fill_layers(c);
    CADRE_TRY(read_divisors(f, c));
    return gguf_unread_refuse(f, c, NULL);
}

static cadre_status refuse_architecture(const gguf *f)
{
    gguf_string name;
    char known[1024];
    CADRE_TRY(gguf_get_string(f, "general.architecture", &name));
    cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
        "general.architecture: expected a family that is implemented, found \"%.*s\"",
        (int)name.size, name.data);
    cadre_fail_advice("implemented are %s", architecture_names(true, known, sizeof known));
    return CADRE_EUNSUPPORTED;
}

/* Refuses a GGUF that belongs to a model but is not one. */
static cadre_status check_kind(const gguf *f)
{
    gguf_string kind = { "model", 5 }, name = { "", 0 };
    if (gguf_type_of(f, "general.type") == GGUF_STRING)
        CADRE_TRY(gguf_get_string(f, "general.type", &kind));
    if (gguf_type_of(f, "general.architecture") == GGUF_STRING)
        CADRE_TRY(gguf_get_string(f, "general.architecture", &name));
    bool projector = gguf_string_is(kind, "mmproj") || gguf_string_is(name, "clip");
    if (!projector && gguf_string_is(kind, "model")) return CADRE_OK;
    if (projector)
        return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
            "expected a language model, found the projector "
            "of a multimodal one (mmproj), which makes tokens of images");
    if (gguf_string_is(kind, "adapter"))
        return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
            "expected a model, found an adapter (LoRA), which changes one");
    return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
        "general.type: expected \"model\", found \"%s\"", quote_bytes(kind.data, kind.size).text);
}

/* ---- writing ---- */

static void put_scaling(gguf_writer *w, const model_config *c, const char *kind)
{
    char name[64];
    snprintf(name, sizeof name, "%s.rope.scaling.type", c->arch->gguf.name);
    gguf_writer_string(w, name, kind, strlen(kind));
}

static void put_positions(gguf_writer *w, const model_config *c)
{
    const config_key rotated[] = { KEY_INT_OF("rope.dimension_count", rope.width, 0, 0), { 0 } };
    if (!c->latent)
        config_keys_write_gguf(rotated, c, w); /* otherwise the family has its own keys */
    if (c->rope.scaling == ROPE_LINEAR) {
        put_scaling(w, c, "linear");
        config_keys_write_gguf(factor_keys, c, w);
    } else if (c->rope.scaling == ROPE_YARN) {
        char name[64];
        put_scaling(w, c, "yarn");
        config_keys_write_gguf(factor_keys, c, w);
        config_keys_write_gguf(yarn_keys, c, w);
        snprintf(name, sizeof name, "%s.rope.scaling.original_context_length", c->arch->gguf.name);
        /* This is read as a float, but other programs expect an integer. */
        gguf_writer_int(w, name, GGUF_U32, (int64_t)c->rope.original_context);
        double more =
            c->latent ? 1 : rope_attention_factor(&c->rope) / rope_magnitude(c->rope.factor, 1);
        snprintf(name, sizeof name, "%s.rope.scaling.attn_factor", c->arch->gguf.name);
        if (more != 1) gguf_writer_real(w, name, more);
    }
}

static void put_router(gguf_writer *w, const model_config *c)
{
    char name[64];
    if (c->arch->gguf.gating) {
        snprintf(name, sizeof name, "%s.expert_gating_func", c->arch->gguf.name);
        gguf_writer_int(w, name, GGUF_U32, c->arch->gguf.gating);
    }
    if (!c->arch->gguf.gating && !c->arch->base.renorm) return;
    snprintf(name, sizeof name, "%s.expert_weights_norm", c->arch->gguf.name);
    gguf_writer_bool(w, name, c->router->traits & ROUTER_RENORMALISES);
}

static void put_sizes(gguf_writer *w, const model_config *c)
{
    char name[64];
    snprintf(name, sizeof name, "%s.vocab_size", c->arch->gguf.name);
    gguf_writer_int(w, name, GGUF_U32, c->vocab);
    model_config copy = *c;
    if (c->latent) copy.kv_heads = 1; /* one compressed key serves all heads */
    config_keys_write_gguf(shared_keys, &copy, w);
    gguf_layers_put_heads(w, &copy);
    if (c->full_head_dim) copy.head_dim = copy.value_dim = c->full_head_dim;
    if (!c->latent) config_keys_write_gguf(head_keys, &copy, w);
}

/* The family's own keys, "ARCHITECTURE.KEY" */
static void put_keys(gguf_writer *w, const model_config *c)
{
    const architecture *arch = c->arch;
    model_config sizes = *c;
    /* There is no limit then, and other programs refuse the key. */
    if (c->groups_used == c->groups) sizes.groups = sizes.groups_used = 0;
    put_sizes(w, c);
    config_keys_write_gguf(arch->gguf.keys, &sizes, w);
    put_positions(w, c);
    put_router(w, c);
    gguf_layers_put_windows(w, c);
    if (arch->gguf.write) arch->gguf.write(c, w);
}

cadre_status config_gguf_write(
    gguf_writer *w, const model_config *c, const char *name, int file_type, bool quantised)
{
    const char *arch = c->arch->gguf.name;
    json_writer text = json_writer_new(0);
    gguf_writer_string(w, "general.architecture", arch, strlen(arch));
    gguf_writer_string(w, "general.type", "model", 5);
    gguf_writer_string(w, "general.name", name, strlen(name));
    if (file_type >= 0) gguf_writer_int(w, "general.file_type", GGUF_U32, file_type);
    if (quantised)
        gguf_writer_int(w, "general.quantization_version", GGUF_U32, QUANTIZATION_VERSION);
    put_keys(w, c);
    cadre_status status = model_config_text(c, &number_f32, &text);
    if (status == CADRE_OK)
        status = gguf_writer_string(w, GGUF_CONFIG_KEY, text.text.data, text.text.size);
    json_writer_free(&text);
    return status;
}

/* ---- a file that was converted here ---- */

/* Every standard key of the file has the value that it was written with. What another program
 * changed there since would be another model elsewhere than here. */
static cadre_status compare_keys(const gguf *f, const gguf *written)
{
    for (size_t i = 0; i < gguf_key_count(written); i++) {
        gguf_string key = gguf_key_at(written, i);
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)key.size, key.data);
        if (!gguf_has(f, name)) continue;
        cadre_status status = gguf_check_as(f, written, name, ", as " GGUF_CONFIG_KEY " says");
        if (status == CADRE_OK) continue;
        cadre_fail_advice(
            "the key was changed after the file was written; without the key " GGUF_CONFIG_KEY
            " the other keys count");
        return status;
    }
    return CADRE_OK;
}

static cadre_status check_keys(const gguf *f, const model_config *c)
{
    gguf_writer *w;
    gguf *written = NULL;
    byte_buffer bytes = { 0 };
    CADRE_TRY(gguf_writer_open_header(gguf_path(f), &w));
    put_keys(w, c);
    cadre_status status = gguf_writer_header(w, &bytes);
    if (status == CADRE_OK) status = gguf_parse(gguf_path(f), bytes.data, bytes.size, &written);
    if (status == CADRE_OK) status = compare_keys(f, written);
    if (status == CADRE_OK) status = gguf_unread_refuse(f, c, written);
    gguf_close(written);
    byte_buffer_free(&bytes);
    gguf_writer_discard(w);
    return status;
}

/* Reads what the standard keys cannot say, which a converted file holds as the text of its
 * config.json. */
static cadre_status read_own(const gguf *f, model_config *config)
{
    gguf_string text;
    model_config c;
    CADRE_TRY(gguf_get_string(f, GGUF_CONFIG_KEY, &text));
    CADRE_TRY(model_config_parse(gguf_path(f), text.data, text.size, &c));
    cadre_status status = c.arch->gguf.name ? check_keys(f, &c) : CADRE_OK;
    if (status == CADRE_OK) *config = c;
    else model_config_free(&c);
    return status;
}

cadre_status model_config_read_gguf(const gguf *f, model_config *config)
{
    if (gguf_has(f, GGUF_CONFIG_KEY)) return read_own(f, config);
    CADRE_TRY(check_kind(f));
    model_config c = { .arch = architecture_by_gguf(f) };
    cadre_status status = c.arch ? read_all(f, &c) : refuse_architecture(f);
    if (status == CADRE_OK) status = model_config_check(&c, gguf_path(f));
    if (status != CADRE_OK) {
        model_config_free(&c);
        return status == CADRE_EARGUMENT ? CADRE_EFORMAT : status;
    }
    *config = c;
    return CADRE_OK;
}

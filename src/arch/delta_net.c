/* delta_net.c - keys of gated delta nets that a table cannot hold. */
#include "arch/delta_net.h"

#include <stdio.h>
#include <string.h>

const layer_type delta_net_types[] = { { "linear_attention", "gated-delta" }, { 0 } };

void delta_net_fix(model_config *c)
{
    c->gating = GATE_IN_QUERIES;
    c->shared_gated = true;
}

const char *delta_net_refuses(const model_config *c)
{
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].mixer.row != &mixer_grouped && c->layer[l].mixer.row != &mixer_gated_delta)
            return "its layers are attention or gated delta nets";
    if (c->gating != GATE_IN_QUERIES || c->qk_norm != QK_NORM_HEAD)
        return "its attention has norms of each head and gates among the queries";
    return !c->shared_width || c->shared_gated ? NULL : "its shared expert has a gate";
}

/* 0 would stand for a size that was not given. */
static cadre_status check_given(const model_config *c, const char *where)
{
    const struct {
        const char *key;
        int64_t value;
    } sizes[] = { { "linear_num_key_heads", c->delta_key_heads },
        { "linear_num_value_heads", c->delta_heads }, { "linear_key_head_dim", c->delta_key_dim },
        { "linear_value_head_dim", c->delta_value_dim }, { "linear_conv_kernel_dim", c->conv },
        { "full_attention_interval", c->attention_period } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].value < 1)
            return cadre_fail(CADRE_EFORMAT, where, "%s: expected at least 1, found %lld",
                sizes[i].key, (long long)sizes[i].value);
    return CADRE_OK;
}

cadre_status delta_net_read(const json_node *root, model_config *c)
{
    return check_given(c, root->file);
}

/* Programs that do not read the list of layers take the period. */
void delta_net_write(const model_config *c, json_writer *w)
{
    int64_t period = model_config_attention_period(c);
    if (period) json_put_int(w, "full_attention_interval", period);
}

/* ---- GGUF ---- */

static const char *own_key(const model_config *c, const char *key, char name[96])
{
    snprintf(name, 96, "%s.%s", c->arch->gguf.name, key);
    return name;
}

cadre_status delta_net_read_gguf(const gguf *f, model_config *c)
{
    char name[96];
    int64_t inner = 0;
    CADRE_TRY(gguf_get_int(f, own_key(c, "ssm.inner_size", name), 1, 1 << 24, &inner));
    if (c->delta_heads < 1 || inner % c->delta_heads)
        return cadre_fail(CADRE_EFORMAT, gguf_path(f),
            "%s: expected a multiple of the %lld heads (ssm.time_step_rank), found %lld", name,
            (long long)c->delta_heads, (long long)inner);
    c->delta_value_dim = inner / c->delta_heads;
    return check_given(c, gguf_path(f));
}

/* The shares of frequencies that belong to time, height and width: for text they are one. */
static void put_sections(const model_config *c, gguf_writer *w)
{
    char name[96];
    int64_t pairs = c->rope.width / 2, time = (pairs + 2) / 3, height = (pairs - time + 1) / 2;
    const int64_t sections[] = { time, height, pairs - time - height, 0 };
    gguf_writer_ints(w, own_key(c, "rope.dimension_sections", name), GGUF_I32, sections, 4);
}

void delta_net_write_gguf(const model_config *c, gguf_writer *w)
{
    char name[96];
    int64_t heads = c->delta_heads ? c->delta_heads : c->heads;
    const mixer_config *m = NULL;
    for (int64_t l = 0; !m && l < c->layers; l++)
        if (c->layer[l].mixer.row == &mixer_gated_delta) m = &c->layer[l].mixer;
    gguf_writer_int(w, own_key(c, "ssm.inner_size", name), GGUF_U32,
        m ? m->heads * m->value_dim : heads * c->delta_value_dim);
    if (strcmp(c->arch->gguf.name, "qwen3next") != 0) put_sections(c, w);
}

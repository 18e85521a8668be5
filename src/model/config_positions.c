/* config_positions.c - the parts of config.json whose keys depend on values: rotary positions, plain or stretched, and which
 * layers have a sliding window. */
#include <string.h>

#include "model/architecture.h"

static const config_key plain_keys[] = { { 0 } };

static const config_key linear_keys[] = { KEY_REAL_OF("factor", rope.factor, KEY_REQUIRED, 0), { 0 } };

static const config_key llama3_keys[] = {
    KEY_REAL_OF("factor", rope.factor, KEY_REQUIRED, 0),
    KEY_REAL_OF("original_max_position_embeddings", rope.original_context, KEY_REQUIRED, 0),
    KEY_REAL_OF("low_freq_factor", rope.low_freq_factor, KEY_REQUIRED, 0),
    KEY_REAL_OF("high_freq_factor", rope.high_freq_factor, KEY_REQUIRED, 0),
    { 0 },
};

static const config_key yarn_keys[] = {
    KEY_REAL_OF("factor", rope.factor, KEY_REQUIRED, 0),
    KEY_REAL_OF("original_max_position_embeddings", rope.original_context, KEY_UNUSUAL, 0),
    KEY_REAL_OF("beta_fast", rope.beta_fast, 0, 32),
    KEY_REAL_OF("beta_slow", rope.beta_slow, 0, 1),
    KEY_BOOL_OF("truncate", rope.truncate, KEY_UNUSUAL, 1),
    KEY_REAL_OF("attention_factor", rope.attention_factor, KEY_UNUSUAL, 0),
    KEY_REAL_OF("mscale", rope.mscale, KEY_UNUSUAL, 0),
    KEY_REAL_OF("mscale_all_dim", rope.mscale_all_dim, KEY_UNUSUAL, 0),
    { 0 },
};

static const struct {
    const char *name;
    rope_scaling scaling;
    const config_key *keys;
} kinds[] = {
    { "default", ROPE_PLAIN, plain_keys },
    { "linear", ROPE_LINEAR, linear_keys },
    { "llama3", ROPE_LLAMA3, llama3_keys },
    { "yarn", ROPE_YARN, yarn_keys },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Published files have rope_theta beside rope_scaling, transformers 5 has all in rope_parameters. */
cadre_status config_positions_read(const json_node *root, model_config *c)
{
    static const char *const homes[] = { "rope_scaling", "rope_parameters" };
    c->rope = (rope_options){ .theta = c->arch->rope_theta > 0 ? c->arch->rope_theta : 10000 };
    CADRE_TRY(json_opt_real(root, "rope_theta", 1, 1e12, &c->rope.theta));
    for (int i = 0; i < 2; i++) {
        json_node home;
        CADRE_TRY(json_opt_object(root, homes[i], &home));
        if (!home.value) continue;
        const char *type = "default";
        int kind = 0;
        CADRE_TRY(json_opt_string(&home, "type", &type));
        CADRE_TRY(json_opt_string(&home, "rope_type", &type));
        while (kind < KINDS && strcmp(kinds[kind].name, type) != 0) kind++;
        if (kind == KINDS)
            return cadre_fail(CADRE_EUNSUPPORTED, root->file,
                              "%s.rope_type: expected default, linear, llama3 or yarn, found \"%s\"", homes[i], type);
        c->rope.scaling = kinds[kind].scaling;
        CADRE_TRY(config_keys_read(&home, kinds[kind].keys, c));
        CADRE_TRY(json_opt_real(&home, "rope_theta", 1, 1e12, &c->rope.theta));
        CADRE_TRY(json_opt_real(&home, "partial_rotary_factor", 0, 1, &c->rotary_share));
    }
    if (c->rope.scaling == ROPE_YARN && !(c->rope.original_context > 0)) c->rope.original_context = (double)c->context;
    return CADRE_OK;
}

cadre_status config_windows_read(const json_node *root, model_config *c)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "layer_types", &list));
    if (!list.value) return CADRE_OK;
    if ((int64_t)json_count(&list) != c->layers)
        return json_refuse(&list, "one item for each of the %lld layers", (long long)c->layers);
    for (int64_t l = 0; l < c->layers; l++) {
        json_node item = json_item(&list, (size_t)l);
        const char *type;
        CADRE_TRY(json_as_string(&item, &type, NULL));
        bool sliding = !strcmp(type, "sliding_attention");
        if ((!sliding && strcmp(type, "full_attention") != 0) || (sliding && !c->window)) {
            json_refuse(&item, c->window ? "full_attention or sliding_attention"
                                         : "full_attention, for the model has no sliding_window");
            return CADRE_EUNSUPPORTED;
        }
        c->layer[l].window = sliding ? c->window : 0;
    }
    return CADRE_OK;
}

static void write_windows(const model_config *c, json_writer *w)
{
    bool differ = false;
    for (int64_t l = 1; l < c->layers; l++) differ |= c->layer[l].window != c->layer[0].window;
    if (!differ) return;
    json_put_array(w, "layer_types");
    for (int64_t l = 0; l < c->layers; l++) json_put_string(w, NULL, c->layer[l].window ? "sliding_attention" : "full_attention");
    json_put_close(w, ']');
}

void config_positions_write(const model_config *c, json_writer *w)
{
    json_put_real(w, "rope_theta", c->rope.theta);
    for (int i = 1; i < KINDS; i++) {
        if (kinds[i].scaling != c->rope.scaling) continue;
        json_put_object(w, "rope_scaling");
        json_put_string(w, "type", kinds[i].name);
        json_put_string(w, "rope_type", kinds[i].name);
        config_keys_write(kinds[i].keys, c, w);
        json_put_close(w, '}');
    }
    write_windows(c, w);
}

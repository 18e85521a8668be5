/* cadre.c - cadre's own layout, for decoders that no published layout can describe. The file names
 * every choice, and gives what differs between layers as one item for each layer.
 * docs/cadre-format.md describes the keys. */
#include <string.h>

#include "arch/architecture.h"
#include "arch/cadre_attention.h"
#include "arch/config_keys_gguf.h"
#include "arch/token_types.h"

static const config_key keys[] = {
    KEY_INT_OF("head_dim", head_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("n_shared_experts", shared_experts, 0, 0),
    KEY_INT_OF("shared_expert_intermediate_size", shared_width, 0, 0),
    KEY_BOOL_OF("shared_expert_gated", shared_gated, 0, 0),
    KEY_INT_OF("n_group", groups, 0, 1),
    KEY_INT_OF("topk_group", groups_used, 0, 1),
    KEY_REAL_OF("routed_scaling_factor", route_scale, 0, 1),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0),
    KEY_BOOL_OF("expert_output_sigmoid", expert_sigmoid, KEY_UNUSUAL, 0),
    KEY_REAL_OF("expert_input_scale", input_scale, KEY_UNUSUAL, 1),
    KEY_INT_OF("conv_kernel", conv, KEY_UNUSUAL, 0),
    KEY_BOOL_OF("conv_bias", conv_bias, KEY_UNUSUAL, 0),
    KEY_INT_OF("delta_heads", delta_heads, KEY_UNUSUAL, 0),
    KEY_INT_OF("delta_key_heads", delta_key_heads, KEY_UNUSUAL, 0),
    KEY_INT_OF("delta_key_dim", delta_key_dim, KEY_UNUSUAL, 0),
    KEY_INT_OF("delta_value_dim", delta_value_dim, KEY_UNUSUAL, 0),
    KEY_REAL_OF("decay_bound", decay_bound, KEY_UNUSUAL, 0),
    KEY_BOOL_OF("direct_decay", direct_decay, KEY_UNUSUAL, 0),
    KEY_INT_OF("state_heads", state_heads, KEY_UNUSUAL, 0),
    KEY_INT_OF("state_head_dim", state_head_dim, KEY_UNUSUAL, 0),
    KEY_INT_OF("state_size", state_dim, KEY_UNUSUAL, 0),
    KEY_INT_OF("state_groups", state_groups, KEY_UNUSUAL, 0),
    KEY_BOOL_OF("latent_attention", latent, 0, 0),
    KEY_INT_OF("q_lora_rank", q_lora, 0, 0),
    KEY_INT_OF("kv_lora_rank", kv_lora, 0, 0),
    KEY_INT_OF("qk_nope_head_dim", nope_dim, 0, 0),
    KEY_INT_OF("qk_rope_head_dim", rope_dim, 0, 0),
    KEY_INT_OF("v_head_dim", value_dim, 0, 0),
    KEY_REAL_OF("swiglu_limit", expert_limit, KEY_UNUSUAL, 0),
    KEY_BOOL_OF("attention_gate_softplus", gate_softplus, KEY_UNUSUAL, 0),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_out_bias", out_bias, KEY_UNUSUAL, 0),
    KEY_BOOL_OF("mlp_bias", ffn_bias, KEY_UNUSUAL, 0),
    KEY_BOOL_OF("expert_bias", expert_bias, KEY_UNUSUAL, 0),
    KEY_BOOL_OF("router_bias", router_bias, KEY_UNUSUAL, 0),
    { 0 },
};

static cadre_status read_words(const json_node *root, model_config *config)
{
    const char *name, *form;
    CADRE_TRY(json_get_string(root, "router", &name));
    CADRE_TRY(json_get_string(root, "expert_form", &form));
    config->router = router_by_name(name);
    if (!config->router)
        return cadre_fail(CADRE_EUNSUPPORTED, root->file,
            "router: expected the name of a router, found \"%s\"", name);
    return model_config_set_form(config, form, root->file);
}

/* Reads "mixers": one item for each layer, "attention" or the name of another mixer; absent: all
 * attend. */
static cadre_status read_mixers(const json_node *root, model_config *config)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "mixers", &list));
    if (!list.value) return CADRE_OK;
    if ((int64_t)json_count(&list) != config->layers)
        return json_refuse(
            &list, "one item for each of the %lld layers", (long long)config->layers);
    for (int64_t l = 0; l < config->layers; l++) {
        json_node item = json_item(&list, (size_t)l);
        const char *name;
        size_t size;
        CADRE_TRY(json_as_string(&item, &name, &size));
        CADRE_TRY(model_config_set_mixer(config, l, name, root->file));
    }
    return CADRE_OK;
}

static void write_mixers(const model_config *config, json_writer *w)
{
    bool attend = true;
    for (int64_t l = 0; l < config->layers; l++)
        attend &= !strcmp(layer_mixer_name(&config->layer[l]), "attention");
    if (attend) return;
    json_put_array(w, "mixers");
    for (int64_t l = 0; l < config->layers; l++)
        json_put_string(w, NULL, layer_mixer_name(&config->layer[l]));
    json_put_close(w, ']');
}

/* Reads what a sparse layer may have in addition. A key that is absent means that it has none. */
static cadre_status read_parts(const json_node *item, moe_config *moe)
{
    int64_t constants = 0, copies = 0, zeros = 0;
    CADRE_TRY(json_opt_int(item, "shared_expert_intermediate_size", 0, 1 << 20, &moe->shared));
    CADRE_TRY(json_opt_int(item, "latent_width", 0, 1 << 20, &moe->latent));
    CADRE_TRY(json_opt_int(item, "residual_width", 0, 1 << 20, &moe->residual));
    CADRE_TRY(json_opt_int(item, "constant_experts", 0, CONFIG_MAX_EXPERTS, &constants));
    CADRE_TRY(json_opt_int(item, "copy_experts", 0, CONFIG_MAX_EXPERTS, &copies));
    CADRE_TRY(json_opt_int(item, "zero_experts", 0, CONFIG_MAX_EXPERTS, &zeros));
    moe->constants = (int32_t)constants;
    moe->copies = (int32_t)copies;
    moe->zeros = (int32_t)zeros;
    return CADRE_OK;
}

/* Whether a layer's own capacity factor changes what it computes outside of training. */
static bool has_capacity(const moe_config *moe)
{
    return moe->dispatch.in_eval || moe->router->traits & ROUTER_OWN_CAPACITY;
}

static void write_parts(const model_config *c, const moe_config *moe, json_writer *w)
{
    if (moe->shared != c->shared_width)
        json_put_int(w, "shared_expert_intermediate_size", moe->shared);
    if (moe->latent) json_put_int(w, "latent_width", moe->latent);
    if (moe->residual) json_put_int(w, "residual_width", moe->residual);
    if (moe->constants) json_put_int(w, "constant_experts", moe->constants);
    if (moe->copies) json_put_int(w, "copy_experts", moe->copies);
    if (moe->zeros) json_put_int(w, "zero_experts", moe->zeros);
}

/* ---- routing ---- */

/* The row of an option, whose words the keys take too */
static const cadre_option *row_of(const char *option)
{
    cadre_option_table table = cadre_routing_options();
    for (int i = 0; i < table.count; i++)
        if (!strcmp(table.rows[i].name, option)) return &table.rows[i];
    return NULL;
}

/* Sets *value to the place of the key's word in the option's list; leaves it if the key is
 * absent. */
static cadre_status read_word(
    const json_node *home, const char *key, const char *option, int *value)
{
    const cadre_option *row = row_of(option);
    const char *word = NULL, *known;
    CADRE_TRY(json_opt_string(home, key, &word));
    if (!word) return CADRE_OK;
    for (int i = 0; (known = cadre_option_choice(row, i)); i++)
        if (!strcmp(word, known)) {
            *value = i;
            return CADRE_OK;
        }
    json_node found = json_member(home, key);
    return json_refuse(&found, "a word that --%s of `cadre help train` takes", option);
}

static cadre_status read_real(
    const json_node *home, const char *key, double low, double high, real *value)
{
    double number = (double)*value;
    CADRE_TRY(json_opt_real(home, key, low, high, &number));
    *value = (real)number;
    return CADRE_OK;
}

/* Reads "capacity", a limit outside of training: null, or {"factor" or "slots", "overflow",
 * "priority"}. *given: the key is there. */
static cadre_status read_capacity(const json_node *root, dispatch_options *c, bool *given)
{
    json_node home;
    int overflow = OVERFLOW_DROP, priority = PRIORITY_CHOICE;
    json_node found = json_member(root, "capacity");
    json_kind kind = json_kind_of(&found);
    *given = kind != JSON_KIND_ABSENT;
    if (kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL) return CADRE_OK;
    CADRE_TRY(json_opt_object(root, "capacity", &home));
    *c = (dispatch_options){ .in_eval = true };
    CADRE_TRY(json_opt_int(&home, "slots", 0, INT32_MAX, &c->slots));
    CADRE_TRY(read_real(&home, "factor", 0, 65536, &c->factor));
    CADRE_TRY(read_word(&home, "overflow", "overflow", &overflow));
    CADRE_TRY(read_word(&home, "priority", "priority", &priority));
    c->overflow = (dispatch_overflow)overflow;
    c->priority = (dispatch_priority)priority;
    if (c->slots > 0 || c->factor > 0) return CADRE_OK;
    return json_refuse(&home, "a factor or slots of more than 0");
}

/* Reads "router_grid", as in [3, 4]. */
static cadre_status read_grid(const json_node *root, router_options *o)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "router_grid", &list));
    if (!list.value) return CADRE_OK;
    if (json_count(&list) > ROUTER_MAX_GRID)
        return json_refuse(&list, "at most %d sizes", ROUTER_MAX_GRID);
    o->dimensions = (int32_t)json_count(&list);
    for (int32_t i = 0; i < o->dimensions; i++) {
        int64_t size;
        json_node item = json_item(&list, (size_t)i);
        CADRE_TRY(json_as_int(&item, 1, ROUTER_MAX_EXPERTS, &size));
        o->grid[i] = (int32_t)size;
    }
    return CADRE_OK;
}

static void write_grid(const router_options *o, json_writer *w)
{
    json_put_array(w, "router_grid");
    for (int32_t i = 0; i < o->dimensions; i++) json_put_int(w, NULL, o->grid[i]);
    json_put_close(w, ']');
}

/* What a router understands, which the model's keys say or those of a layer. */
#define CHOICE_KEYS                                                                                \
    "group_score", "group_mask", "renormalise", "renormalise_survivors", "residual_logits",        \
        "zero_weight_dropped", "router_score"
#define NUMBER_KEYS                                                                                \
    "router_norm_eps", "router_top_p", "router_capacity", "sparsemixer_epsilon", "router_grid",    \
        "router_projector", "router_slots"

static cadre_status read_numbers(const json_node *home, router_options *o)
{
    int64_t projector = o->projector, slots = o->slots;
    CADRE_TRY(read_real(home, "router_norm_eps", 0, 1, &o->norm_eps));
    CADRE_TRY(read_real(home, "router_top_p", 0, 1, &o->top_p));
    CADRE_TRY(read_real(home, "router_capacity", 0, 65536, &o->capacity));
    CADRE_TRY(read_real(home, "sparsemixer_epsilon", 0, 10, &o->mask_epsilon));
    CADRE_TRY(read_grid(home, o));
    CADRE_TRY(json_opt_int(home, "router_projector", 1, 65536, &projector));
    CADRE_TRY(json_opt_int(home, "router_slots", 1, 4096, &slots));
    o->projector = (int32_t)projector, o->slots = (int32_t)slots;
    return CADRE_OK;
}

static cadre_status read_choices(const json_node *home, router_options *o)
{
    int group = (int)o->group_score, mask = (int)o->group_mask, function = (int)o->score;
    CADRE_TRY(read_word(home, "group_score", "group-score", &group));
    CADRE_TRY(read_word(home, "group_mask", "group-mask", &mask));
    CADRE_TRY(json_opt_bool(home, "renormalise", &o->renormalise));
    CADRE_TRY(json_opt_bool(home, "renormalise_survivors", &o->renormalise_kept));
    CADRE_TRY(json_opt_bool(home, "residual_logits", &o->residual));
    CADRE_TRY(json_opt_bool(home, "zero_weight_dropped", &o->drop_last));
    CADRE_TRY(read_word(home, "router_score", "score", &function));
    o->group_score = (group_score)group;
    o->group_mask = (group_mask)mask;
    o->score = (score_function)function;
    return read_numbers(home, o);
}

static cadre_status read_routing(const json_node *root, model_config *config)
{
    bool limited;
    router_defaults(config->router, 1, &config->route);
    config->own_route = true;
    CADRE_TRY(read_choices(root, &config->route));
    return read_capacity(root, &config->capacity, &limited);
}

/* Writes the shortest decimal that reads back as the same number. */
static void write_real(json_writer *w, const char *key, real value)
{
    double decimal = gguf_decimal((double)value);
    json_put_real(w, key, (real)decimal == value ? decimal : (double)value);
}

static bool limits(const dispatch_options *c) { return c->in_eval && c->overflow != OVERFLOW_NONE; }

static void write_capacity(const dispatch_options *c, json_writer *w)
{
    json_put_object(w, "capacity");
    if (c->slots > 0) json_put_int(w, "slots", c->slots);
    else write_real(w, "factor", c->factor);
    json_put_string(w, "overflow", cadre_option_choice(row_of("overflow"), (int)c->overflow));
    json_put_string(w, "priority", cadre_option_choice(row_of("priority"), (int)c->priority));
    json_put_close(w, '}');
}

static bool same_grid(const router_options *a, const router_options *b)
{
    return a->dimensions == b->dimensions &&
           !memcmp(a->grid, b->grid, (size_t)a->dimensions * sizeof *a->grid);
}

/* Writes the numbers that this router understands; of a layer those that differ from the model's
 * (NULL: all). */
static void write_numbers(
    const router *r, const router_options *o, const router_options *model, json_writer *w)
{
    const struct {
        const char *option, *key;
        real value, usual;
    } numbers[] = {
        { "norm-eps", "router_norm_eps", o->norm_eps, model ? model->norm_eps : 0 },
        { "top-p", "router_top_p", o->top_p, model ? model->top_p : 0 },
        { NULL, "router_capacity", o->capacity, model ? model->capacity : 0 },
        { "sparsemixer-epsilon", "sparsemixer_epsilon", o->mask_epsilon,
            model ? model->mask_epsilon : 0 },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const char *option = numbers[i].option;
        bool read = option ? router_understands(r, option) : r->traits & ROUTER_OWN_CAPACITY;
        if (read && (!model || numbers[i].value != numbers[i].usual))
            write_real(w, numbers[i].key, numbers[i].value);
    }
    if (router_understands(r, "grid") && (!model || !same_grid(o, model))) write_grid(o, w);
    if (router_understands(r, "projector") && (!model || o->projector != model->projector))
        json_put_int(w, "router_projector", o->projector);
    if (router_understands(r, "slots") && (!model || o->slots != model->slots))
        json_put_int(w, "router_slots", o->slots);
}

static void write_word(json_writer *w, const char *key, const char *option, int value)
{
    json_put_string(w, key, cadre_option_choice(row_of(option), value));
}

/* Whether the picks of any layer are limited to groups. */
static bool any_groups(const model_config *c)
{
    bool any = c->groups_used < c->groups;
    for (int64_t l = 0; l < c->layers; l++)
        any |=
            c->layer[l].sparse && c->layer[l].moe.route.groups_used < c->layer[l].moe.route.groups;
    return any;
}

/* Writes all options that this router understands, even usual values, so that a reader need not
 * know what is usual. */
static void write_routing(const model_config *config, json_writer *w)
{
    router_options o = config->route;
    const router *r = config->router;
    if (!config->own_route) router_defaults(r, 1, &o);
    if (router_understands(r, "groups") && any_groups(config)) {
        write_word(w, "group_score", "group-score", (int)o.group_score);
        write_word(w, "group_mask", "group-mask", (int)o.group_mask);
    }
    if (router_understands(r, "renormalise")) json_put_bool(w, "renormalise", o.renormalise);
    if (router_understands(r, "survivors"))
        json_put_bool(w, "renormalise_survivors", o.renormalise_kept);
    write_numbers(r, &o, NULL, w);
    if (r->scores) write_word(w, "router_score", "score", (int)o.score);
    if (o.residual) json_put_bool(w, "residual_logits", true);
    if (o.drop_last) json_put_bool(w, "zero_weight_dropped", true);
    if (limits(&config->capacity)) write_capacity(&config->capacity, w);
}

/* ---- layers ---- */

static const router *router_of(const model_config *config, const layer_config *layer)
{
    return layer->router ? layer->router : config->router;
}

/* What a layer's router has if the layer says nothing */
static void start_from_model(
    const model_config *config, const layer_config *layer, router_options *o)
{
    router_defaults(router_of(config, layer), 1, o);
    model_config_route(config, router_of(config, layer), o);
}

/* Reads what a layer's router has in place of the model's. */
static cadre_status read_own_route(
    const model_config *config, const json_node *item, layer_config *layer)
{
    static const char *const keys_of_layer[] = { "n_group", "topk_group", "routed_scaling_factor",
        CHOICE_KEYS, NUMBER_KEYS };
    json_node own;
    router_options *o = &layer->route;
    layer->own_route = layer->router != NULL;
    for (size_t i = 0; i < sizeof keys_of_layer / sizeof *keys_of_layer; i++) {
        own = json_member(item, keys_of_layer[i]);
        layer->own_route |= json_kind_of(&own) != JSON_KIND_ABSENT;
    }
    if (!layer->own_route) return CADRE_OK;
    start_from_model(config, layer, o);
    int64_t groups = o->groups, used = o->groups_used;
    CADRE_TRY(json_opt_int(item, "n_group", 1, CONFIG_MAX_EXPERTS, &groups));
    CADRE_TRY(json_opt_int(item, "topk_group", 1, CONFIG_MAX_EXPERTS, &used));
    CADRE_TRY(read_real(item, "routed_scaling_factor", 0, 1e6, &o->scale));
    o->groups = (int32_t)groups, o->groups_used = (int32_t)used;
    return read_choices(item, o);
}

/* Writes those choices of a layer's router that differ from the model's. */
static void write_choices(const model_config *config, const layer_config *layer,
    const router_options *model, json_writer *w)
{
    const router *r = router_of(config, layer);
    const router_options *o = &layer->route;
    if (router_understands(r, "groups") && o->group_score != model->group_score)
        write_word(w, "group_score", "group-score", (int)o->group_score);
    if (router_understands(r, "groups") && o->group_mask != model->group_mask)
        write_word(w, "group_mask", "group-mask", (int)o->group_mask);
    if (router_understands(r, "renormalise") && o->renormalise != model->renormalise)
        json_put_bool(w, "renormalise", o->renormalise);
    if (router_understands(r, "survivors") && o->renormalise_kept != model->renormalise_kept)
        json_put_bool(w, "renormalise_survivors", o->renormalise_kept);
    if (r->scores && o->score != model->score)
        write_word(w, "router_score", "score", (int)o->score);
    if (o->residual != model->residual) json_put_bool(w, "residual_logits", o->residual);
    if (layer->moe.zeros && o->drop_last != model->drop_last)
        json_put_bool(w, "zero_weight_dropped", o->drop_last);
}

/* Writes what differs from the model's. */
static void write_own_route(const model_config *config, const layer_config *layer, json_writer *w)
{
    router_options model;
    const router_options *o = &layer->route;
    if (!layer->own_route) return;
    start_from_model(config, layer, &model);
    if (o->groups != model.groups) json_put_int(w, "n_group", o->groups);
    if (o->groups_used != model.groups_used) json_put_int(w, "topk_group", o->groups_used);
    if (o->scale != model.scale) write_real(w, "routed_scaling_factor", o->scale);
    write_choices(config, layer, &model, w);
    write_numbers(router_of(config, layer), o, &model, w);
}

/* Reads "router" and "expert_form" of a layer, which has the model's if it does not say them. */
static cadre_status read_own_words(model_config *config, const json_node *item, int64_t l)
{
    const char *name = NULL, *form = NULL;
    CADRE_TRY(json_opt_string(item, "router", &name));
    CADRE_TRY(json_opt_string(item, "expert_form", &form));
    if (name) CADRE_TRY(model_config_set_layer_router(config, l, name, item->file));
    return form ? model_config_set_layer_form(config, l, form, item->file) : CADRE_OK;
}

static cadre_status read_sparse_layer(
    const model_config *config, const json_node *item, layer_config *layer)
{
    int64_t experts, topk;
    CADRE_TRY(read_parts(item, &layer->moe));
    CADRE_TRY(read_capacity(item, &layer->capacity, &layer->own_capacity));
    CADRE_TRY(json_opt_real(item, "capacity_factor", 0, 65536, &layer->capacity_factor));
    CADRE_TRY(json_opt_int(item, "capacity_slots", 0, INT32_MAX, &layer->capacity_slots));
    CADRE_TRY(json_opt_real(item, "expert_input_scale", 0, 1000, &layer->input_scale));
    CADRE_TRY(read_own_route(config, item, layer));
    CADRE_TRY(json_get_int(item, "experts", 1, CONFIG_MAX_EXPERTS, &experts));
    CADRE_TRY(json_get_int(item, "topk", 1, experts, &topk));
    CADRE_TRY(json_get_int(item, "expert_width", 1, 1 << 20, &layer->moe.hidden));
    layer->moe.experts = (int32_t)experts;
    layer->moe.route.topk = (int32_t)topk;
    return CADRE_OK;
}

/* Reads "sparse_layers": one item for each layer: null (dense, intermediate_size wide),
 * {"dense_width"} (another width; 0: no feed-forward), or {"experts", "topk", "expert_width"}. */
static cadre_status read_layers(const json_node *root, model_config *config)
{
    json_node list;
    CADRE_TRY(json_get_array(root, "sparse_layers", &list));
    if ((int64_t)json_count(&list) != config->layers)
        return json_refuse(
            &list, "one item for each of the %lld layers", (long long)config->layers);
    for (int64_t l = 0; l < config->layers; l++) {
        json_node item = json_item(&list, (size_t)l);
        layer_config *layer = &config->layer[l];
        layer->sparse = false;
        if (json_kind_of(&item) == JSON_KIND_NULL) continue;
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(read_own_words(config, &item, l));
        json_node width = json_member(&item, "dense_width");
        layer->sparse = json_kind_of(&width) == JSON_KIND_ABSENT;
        CADRE_TRY(layer->sparse ? read_sparse_layer(config, &item, layer)
                                : json_as_int(&width, 0, 1 << 20, &layer->dense_width));
    }
    return CADRE_OK;
}

static cadre_status read_own(const json_node *root, model_config *config)
{
    CADRE_TRY(read_words(root, config));
    CADRE_TRY(cadre_attention_read(root, config));
    CADRE_TRY(read_routing(root, config));
    CADRE_TRY(token_types_read(root, config));
    CADRE_TRY(read_layers(root, config));
    CADRE_TRY(read_mixers(root, config));
    model_config_summarise(config);
    return CADRE_OK;
}

static void write_sparse_layer(
    const model_config *config, const layer_config *layer, json_writer *w)
{
    json_put_object(w, NULL);
    json_put_int(w, "experts", layer->moe.experts);
    json_put_int(w, "topk", layer->moe.route.topk);
    json_put_int(w, "expert_width", layer->moe.hidden);
    if (layer->router) json_put_string(w, "router", layer->router->name);
    if (layer->form) json_put_string(w, "expert_form", layer->form);
    write_parts(config, &layer->moe, w);
    if (layer->own_capacity && limits(&layer->capacity)) write_capacity(&layer->capacity, w);
    else if (layer->own_capacity) json_put_null(w, "capacity");
    if (layer->capacity_factor > 0 && has_capacity(&layer->moe))
        write_real(w, "capacity_factor", (real)layer->capacity_factor);
    if (layer->capacity_slots > 0 && layer->moe.dispatch.in_eval)
        json_put_int(w, "capacity_slots", layer->capacity_slots);
    if (layer->input_scale > 0) write_real(w, "expert_input_scale", (real)layer->input_scale);
    write_own_route(config, layer, w);
    json_put_close(w, '}');
}

static void write_dense_layer(const model_config *config, const layer_config *layer, json_writer *w)
{
    if (layer->dense_width == config->dense_width && !layer->form) {
        json_put_null(w, NULL);
        return;
    }
    json_put_object(w, NULL);
    json_put_int(w, "dense_width", layer->dense_width);
    if (layer->form) json_put_string(w, "expert_form", layer->form);
    json_put_close(w, '}');
}

static void write_own(const model_config *config, json_writer *w)
{
    json_put_string(w, "router", config->router->name);
    json_put_string(w, "expert_form", config->expert_form);
    cadre_attention_write(config, w);
    write_routing(config, w);
    token_types_write(config, w);
    json_put_array(w, "sparse_layers");
    for (int64_t l = 0; l < config->layers; l++) {
        const layer_config *layer = &config->layer[l];
        if (layer->sparse) write_sparse_layer(config, layer, w);
        else write_dense_layer(config, layer, w);
    }
    json_put_close(w, ']');
    write_mixers(config, w);
}

const architecture architecture_cadre = {
    .model_type = "cadre",
    .words = "cadre's own layout: any router and expert form, layers may differ",
    .hf.keys = keys,
    .gguf.name = "cadre",
    .hf.read = read_own,
    .hf.write = write_own,
};

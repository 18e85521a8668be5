/* recipe_config.c - the model that a recipe and its options describe: sizes that follow from other
 * ones, and the layout of its files. */
#include "arch/recipe.h"

#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"
#include "arch/config_fit.h"
#include "arch/recipe_layers.h"
#include "arch/recipe_stacks.h"
#include "arch/token_types.h"
#include "base/memory.h"

static int64_t at_least(int64_t value, int64_t least) { return value < least ? least : value; }
static int64_t even(int64_t value) { return at_least(value - value % 2, 2); }

/* Heads of width 32 or a little more, if the width divides into heads of an even width. */
static int64_t usual_heads(const model_config *c)
{
    int64_t heads = at_least(c->width / 32, 1);
    if (c->latent) return heads;
    while (heads > 1 && (c->width % heads || c->width / heads % 2)) heads--;
    return heads;
}

/* As published: as many heads of keys as attention has, of the same width, and twice as many of
 * values. */
static void delta_sizes(const recipe *r, model_config *c)
{
    int64_t head = c->head_dim ? c->head_dim : c->width / at_least(c->heads, 1);
    int64_t rotated = (int64_t)((double)head * r->rotary_share);
    if (!r->attention_period) return;
    c->attention_period = r->attention_period < c->layers ? r->attention_period : c->layers;
    if (r->rotary_share <= 0) return;
    c->gating = GATE_IN_QUERIES;
    c->rotary_share = rotated > 0 && rotated % 2 == 0 ? r->rotary_share : 1;
    c->delta_key_heads = c->heads;
    c->delta_heads = 2 * c->heads;
    c->delta_key_dim = c->delta_value_dim = head;
    c->conv = 4;
}

static void attention_sizes(const recipe *r, const cadre_options *o, model_config *c)
{
    c->latent = r->latent;
    c->heads = options_int_or(o, "heads", usual_heads(c));
    c->kv_heads = options_int_or(
        o, "kv-heads", r->few_kv_heads && c->heads % 4 == 0 ? c->heads / 4 : c->heads);
    int64_t share = even(c->width / c->heads);
    c->qk_norm = r->qk_norm;
    if (!c->latent) {
        c->head_dim = options_int_or(o, "head-dim", 0);
        return;
    }
    c->nope_dim = options_int_or(o, "head-dim", share);
    c->rope_dim = options_int_or(o, "qk-rope-head-dim", even(share / 2));
    c->value_dim = options_int_or(o, "v-head-dim", share);
    c->q_lora = options_int_or(o, "q-lora-rank", at_least(c->width * 3 / 8, 8));
    c->kv_lora = options_int_or(o, "kv-lora-rank", at_least(c->width / 4, 8));
}

/* The largest number of a list: a model with experts in any layer has some. */
static int64_t most_experts(const cadre_options *o)
{
    int64_t most = 0;
    for (int i = 0; i < cadre_options_count(o, "experts"); i++)
        most = at_least(cadre_options_int(o, "experts", i), most);
    return most;
}

static void sparse_sizes(
    const recipe *r, const cadre_options *o, model_config *c, char *notes, size_t room)
{
    c->experts = r->dense ? 0 : most_experts(o);
    c->topk = cadre_options_int(o, "topk", 0);
    c->expert_width = cadre_options_count(o, "expert-width")
                          ? cadre_options_int(o, "expert-width", 0)
                          : at_least((int64_t)((double)c->width * r->expert_width), 1);
    c->dense_width = options_int_or(o, "dense-width", (int64_t)((double)c->width * r->dense_width));
    c->shared_experts = cadre_options_int(o, "shared-experts", 0);
    c->shared_gated = r->shared_gated;
    c->sparse_step = r->sparse_step;
    c->dense_layers = cadre_options_int(o, "dense-layers", 0);
    if (c->dense_layers >= c->layers && !r->dense) {
        recipe_note(notes, room,
            "dense-layers: %lld of %lld layers would leave no sparse one; %lld it is\n",
            (long long)c->dense_layers, (long long)c->layers, (long long)(c->layers - 1));
        c->dense_layers = c->layers - 1;
    }
    if (c->sparse_step > c->layers) {
        recipe_note(
            notes, room, "every second layer is sparse in this recipe; with one layer, it is\n");
        c->sparse_step = 1;
    }
    c->expert_sigmoid = r->expert_sigmoid;
    c->route_scale = r->route_scale > 0 ? r->route_scale : 1;
}

/* Why the recipe's groups, which were not asked for, are impossible here; NULL: they are
 * possible. */
static const char *groups_refusal(const recipe *r, const model_config *c, int64_t used)
{
    if (!router_understands(c->router, "groups")) return "the router does not select by groups";
    for (int64_t l = 0; l < c->layers; l++) {
        const layer_config *layer = &c->layer[l];
        if (!layer->sparse || (layer->router && !router_understands(layer->router, "groups")))
            continue;
        if (layer->moe.experts % r->groups || layer->moe.experts / r->groups < 4)
            return "not every group would hold four experts";
        if (layer->moe.route.topk > layer->moe.experts / r->groups * used)
            return "they hold too few experts for the picks";
    }
    return NULL;
}

static void choose_groups(
    const recipe *r, const cadre_options *o, model_config *c, char *notes, size_t room)
{
    bool lists = cadre_options_count(o, "groups") > 1; /* the layers' own are read later */
    c->groups = lists ? 1 : options_int_or(o, "groups", 1);
    c->groups_used = lists ? 1 : options_int_or(o, "groups-used", at_least(c->groups / 2, 1));
    if (cadre_options_count(o, "groups") || !r->groups) return;
    int64_t used = options_int_or(o, "groups-used", r->groups_used);
    const char *why = groups_refusal(r, c, used);
    if (!why) c->groups = r->groups, c->groups_used = used;
    else
        recipe_note(notes, room,
            "groups: none of the recipe's %lld (%s); any expert may be chosen\n",
            (long long)r->groups, why);
}

static void end_with_mixer(layer_config *layer) { layer->sparse = false, layer->dense_width = 0; }

/* Why files of the recipe's published family cannot hold this model; *why NULL: they can. */
static cadre_status published_layout_refusal(
    const model_config *c, char *text, size_t room, const char **why)
{
    const char *lost = NULL;
    *why = architecture_refusal(c->arch, c);
    if (*why) return CADRE_OK;
    CADRE_TRY(architecture_loses(c->arch, c, &lost));
    snprintf(text, room, "they have no key for %s", lost ? lost : "");
    *why = lost ? text : NULL;
    return CADRE_OK;
}

static cadre_status choose_layout(const recipe *r, model_config *c, char *notes, size_t room)
{
    char text[128];
    const char *why, *lost = NULL;
    c->arch = architecture_by_type(r->model_type);
    CADRE_TRY(published_layout_refusal(c, text, sizeof text, &why));
    if (why) {
        recipe_note(notes, room,
            "\"model_type\": \"cadre\" in config.json, for files of %s cannot say this (%s)\n",
            r->model_type, why);
        c->arch = architecture_by_type("cadre");
    } else if (!c->arch->hf.class_name)
        recipe_note(notes, room,
            "\"model_type\": \"cadre\" in config.json: the %s recipe has no published decoder "
            "layout\n",
            r->name);
    if (why) CADRE_TRY(architecture_loses(c->arch, c, &lost));
    if (!lost) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, NULL,
        "--%s: expected what a model's files can hold, found what they cannot", lost);
}

static cadre_status refuse_experts(const recipe *r, const cadre_options *o)
{
    static const char *const names[] = { "experts", "topk", "expert-width", "shared-experts",
        "latent-width", "residual-width", "router" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cadre_options_given(o, names[i]))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--%s: expected no value, for every layer of the recipe %s is dense, found one",
                names[i], r->name);
    return CADRE_OK;
}

static cadre_status make_layers(
    const recipe *r, const cadre_options *o, model_config *c, char *notes, size_t room)
{
    CADRE_TRY(model_config_derive(c, "options"));
    if (r->last_mixes && c->layers > 1) end_with_mixer(&c->layer[c->layers - 1]);
    return recipe_layers(o, c, notes, room);
}

static cadre_status fill(
    const recipe *r, const cadre_options *o, model_config *c, char *notes, size_t room)
{
    if (r->dense) CADRE_TRY(refuse_experts(r, o));
    c->layers = cadre_options_int(o, "layers", 0);
    c->width = cadre_options_int(o, "width", 0);
    c->context = cadre_options_int(o, "context", 0);
    c->tie = options_flag_or(o, "tie", false);
    c->norm_eps = r->norm_eps;
    c->rope.theta = r->rope_theta;
    c->init_range = r->init_scale;
    c->aux_loss = options_most(o, "aux-loss"); /* layers may have less */
    c->bos = c->pad = -1;
    const char *router_name = cadre_options_text(o, "router", 0);
    c->router = router_by_name(router_name);
    if (!c->router)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--router: expected the name of a router, found \"%s\"", router_name);
    CADRE_TRY(model_config_set_form(c, cadre_options_text(o, "expert-form", 0), "options"));
    CADRE_TRY(token_types_read_options(o, c));
    attention_sizes(r, o, c);
    delta_sizes(r, c);
    if (cadre_options_has(o, "expert-form", "gpt-oss")) c->expert_limit = 7; /* as published */
    sparse_sizes(r, o, c, notes, room);
    if (r->encoder) CADRE_TRY(recipe_stacks(o, c, notes, room));
    else CADRE_TRY(make_layers(r, o, c, notes, room));
    choose_groups(r, o, c, notes, room);
    model_config_fill_layers(c);
    CADRE_TRY(model_config_check(c, "options"));
    CADRE_TRY(model_config_read_routing(c, o));
    return r->encoder ? recipe_stacks_check(r, c) : choose_layout(r, c, notes, room);
}

cadre_status recipe_config(const recipe *r, const cadre_options *options, int64_t vocab,
    model_config *config, char **notes)
{
    enum { ROOM = 1024 };
    char text[ROOM] = "";
    model_config c = { .vocab = vocab, .eos = vocab > 0 ? 0 : -1 };
    cadre_status status = fill(r, options, &c, text, ROOM);
    char *copy = status == CADRE_OK ? mem_strdup(text) : NULL;
    if (status == CADRE_OK && !copy) status = CADRE_ENOMEM;
    if (status != CADRE_OK) {
        model_config_free(&c);
        return status;
    }
    *config = c;
    *notes = copy;
    return CADRE_OK;
}

/* config_positions.c - reads and writes the parts of config.json whose keys depend on values:
 * rotary positions, with or without RoPE scaling, and which layers have a sliding window. */
#include "arch/config_positions.h"

#include <string.h>

#include "arch/architecture.h"
#include "base/memory.h"

static const config_key plain_keys[] = { { 0 } };

static const config_key linear_keys[] = { KEY_REAL_OF("factor", rope.factor, KEY_REQUIRED, 0),
    { 0 } };

static const config_key llama3_keys[] = {
    KEY_REAL_OF("factor", rope.factor, KEY_REQUIRED, 0),
    KEY_REAL_OF("original_max_position_embeddings", rope.original_context, KEY_REQUIRED, 0),
    KEY_REAL_OF("low_freq_factor", rope.low_freq_factor, KEY_REQUIRED, 0),
    KEY_REAL_OF("high_freq_factor", rope.high_freq_factor, KEY_REQUIRED, 0),
    { 0 },
};

static const config_key yarn_keys[] = {
    KEY_REAL_OF("factor", rope.factor, 0, 0), /* absent: see fit_factor */
    KEY_REAL_OF("original_max_position_embeddings", rope.original_context, KEY_UNUSUAL, 0),
    KEY_REAL_OF("beta_fast", rope.beta_fast, 0, 32),
    KEY_REAL_OF("beta_slow", rope.beta_slow, 0, 1),
    KEY_BOOL_OF("truncate", rope.truncate, KEY_UNUSUAL, 1),
    KEY_REAL_OF("attention_factor", rope.attention_factor, KEY_UNUSUAL, 0),
    KEY_REAL_OF("mscale", rope.mscale, KEY_UNUSUAL, 0),
    KEY_REAL_OF("mscale_all_dim", rope.mscale_all_dim, KEY_UNUSUAL, 0),
    { 0 },
};

static const config_key listed_keys[] = {
    KEY_REAL_OF("attention_factor", rope.attention_factor, KEY_REQUIRED, 0), { 0 }
};

static const config_key proportional_keys[] = {
    KEY_REAL_OF("partial_rotary_factor", rope.rotated, 0, 1),
    KEY_MUST_BE("factor", "1.0"),
    { 0 },
};

static const struct {
    const char *name;
    rope_scaling scaling;
    const config_key *keys;
} kinds[] = {
    { "default", ROPE_PLAIN, plain_keys },
    { "linear", ROPE_LINEAR, linear_keys },
    { "dynamic", ROPE_DYNAMIC, linear_keys },
    { "llama3", ROPE_LLAMA3, llama3_keys },
    { "yarn", ROPE_YARN, yarn_keys },
    { "longrope", ROPE_LISTED, listed_keys },
    { "su", ROPE_LISTED, listed_keys }, /* its older name */
    { "proportional", ROPE_PROPORTIONAL, proportional_keys },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static cadre_status read_share(const json_node *home, const model_config *c, double *value)
{
    double share = *value;
    CADRE_TRY(json_opt_real(home, "partial_rotary_factor", 0, 1, &share));
    if (share != 1 && c->arch->base.rotary_share == 0) {
        json_node found = json_member(home, "partial_rotary_factor");
        json_refuse(&found, "1, the only value that is implemented for this family");
        return CADRE_EUNSUPPORTED;
    }
    *value = share;
    return CADRE_OK;
}

/* Reads two lists, for short and for long texts. They must be equal, because otherwise the one that
 * counts would change within a text. */
static cadre_status read_divisors(const json_node *home, model_config *c)
{
    json_node lists[2];
    CADRE_TRY(json_get_array(home, "short_factor", &lists[0]));
    CADRE_TRY(json_get_array(home, "long_factor", &lists[1]));
    size_t count = json_count(&lists[0]);
    if (json_count(&lists[1]) != count)
        return json_refuse(&lists[1], "the %zu of short_factor", count);
    double *divisors = MEM_ARRAY(double, count);
    cadre_status status = divisors ? CADRE_OK : CADRE_ENOMEM;
    for (size_t i = 0; i < count && status == CADRE_OK; i++) {
        json_node first = json_item(&lists[0], i), second = json_item(&lists[1], i);
        double also = 0;
        status = json_as_real(&first, 1e-6, 1e9, &divisors[i]);
        if (status == CADRE_OK) status = json_as_real(&second, 1e-6, 1e9, &also);
        if (status == CADRE_OK && also != divisors[i]) {
            json_refuse(&second, "%g, as in short_factor: lists that differ are not implemented",
                divisors[i]);
            status = CADRE_EUNSUPPORTED;
        }
    }
    if (status == CADRE_OK)
        return model_config_list_divisors(c, divisors, (int64_t)count, home->file);
    mem_free(divisors);
    return status;
}

/* Refuses a factor without a type, which means different things to different programs, and an
 * object of objects, one for each kind of layers. */
static cadre_status check_untyped(const json_node *home, const char *name)
{
    double factor = 1;
    CADRE_TRY(json_opt_real(home, "factor", -1e30, 1e30, &factor));
    if (factor != 1)
        return cadre_fail(CADRE_EUNSUPPORTED, home->file,
            "%s.rope_type: expected a type beside a factor of %g, found none", name, factor);
    for (json_node m = { 0 }; json_next(home, &m);)
        if (json_kind_of(&m) == JSON_KIND_OBJECT) {
            json_refuse(&m, "no object of its own, for one kind of layers is not implemented");
            return CADRE_EUNSUPPORTED;
        }
    return CADRE_OK;
}

/* YaRN without a factor scales the original context to the model's context. */
static void fit_factor(model_config *c)
{
    bool yarn = c->rope.scaling == ROPE_YARN && c->rope.factor == 0 && c->rope.original_context > 0;
    if (yarn) c->rope.factor = (double)c->context / c->rope.original_context;
}

static cadre_status read_scaling(const json_node *home, const char *name, model_config *c)
{
    const char *type = NULL;
    int kind = 0;
    CADRE_TRY(json_opt_string(home, "type", &type));
    CADRE_TRY(json_opt_string(home, "rope_type", &type));
    if (!type) CADRE_TRY(check_untyped(home, name));
    if (!type) type = kinds[0].name;
    while (kind < KINDS && strcmp(kinds[kind].name, type) != 0) kind++;
    if (kind == KINDS)
        return cadre_fail(CADRE_EUNSUPPORTED, home->file,
            "%s.rope_type: expected default, linear, dynamic, llama3, yarn, longrope or "
            "proportional, found \"%s\"",
            name, type);
    c->rope = (rope_options){ .theta = c->rope.theta, .scaling = kinds[kind].scaling };
    CADRE_TRY(config_keys_read(home, kinds[kind].keys, c));
    fit_factor(c);
    if (c->rope.scaling == ROPE_LISTED) CADRE_TRY(read_divisors(home, c));
    return json_opt_real(home, "rope_theta", 1, 1e12, &c->rope.theta);
}

/* Sets the context that scaling starts from, where the file does not say it. */
static void set_context(model_config *c)
{
    bool known = c->rope.scaling == ROPE_YARN ? c->rope.original_context > 0
                                              : c->rope.scaling != ROPE_DYNAMIC;
    if (!known) c->rope.original_context = (double)c->context;
}

/* An object for each kind of layers: those that see everything, and those that have a window. */
static cadre_status read_kinds(const json_node *home, const char *name, model_config *c)
{
    json_node full, sliding;
    const rope_options before = c->rope;
    CADRE_TRY(json_opt_object(home, "full_attention", &full));
    CADRE_TRY(json_opt_object(home, "sliding_attention", &sliding));
    if (sliding.value) {
        CADRE_TRY(read_scaling(&sliding, name, c));
        set_context(c);
        c->own_window_rope = true;
        c->window_rope = c->rope;
        if (c->rope.scaling == ROPE_LISTED || c->rope.scaling == ROPE_DYNAMIC ||
            c->rope.scaling == ROPE_PROPORTIONAL) {
            json_refuse(&sliding, "default, linear, llama3 or yarn for layers with a window");
            return CADRE_EUNSUPPORTED;
        }
        CADRE_TRY(read_share(&sliding, c, &c->window_rotary_share));
    }
    c->rope = before;
    CADRE_TRY(full.value ? read_scaling(&full, name, c) : read_scaling(home, name, c));
    bool share = full.value && c->rope.scaling != ROPE_PROPORTIONAL;
    return share ? read_share(&full, c, &c->rotary_share) : CADRE_OK;
}

/* What the family's files mean that do not say how positions are rotated */
static cadre_status read_usual_kinds(model_config *c)
{
    const char *text = c->arch->hf.usual_ropes;
    json_document *document;
    CADRE_TRY(json_parse("rope_parameters", text, strlen(text), &document));
    json_node root = json_root(document);
    cadre_status status = read_kinds(&root, "rope_parameters", c);
    json_close(document);
    return status;
}

/* Published files have rope_theta beside rope_scaling; transformers 5 has everything in
 * rope_parameters. */
cadre_status config_positions_read(const json_node *root, model_config *c)
{
    static const char *const homes[] = { "rope_scaling", "rope_parameters" };
    if (c->arch->base.rope) c->rope = *c->arch->base.rope;
    c->rope.theta = c->arch->base.rope_theta > 0 ? c->arch->base.rope_theta : 10000;
    c->rotary_share = c->arch->base.rotary_share > 0 ? c->arch->base.rotary_share : 1;
    CADRE_TRY(json_opt_real(root, "rope_theta", 1, 1e12, &c->rope.theta));
    c->window_rotary_share = c->rotary_share;
    CADRE_TRY(read_share(root, c, &c->rotary_share));
    bool found = false;
    for (int i = 0; i < 2; i++) {
        json_node home;
        CADRE_TRY(json_opt_object(root, homes[i], &home));
        if (!home.value) continue;
        found = true;
        if (c->arch->hf.kinds_of_rope) CADRE_TRY(read_kinds(&home, homes[i], c));
        else CADRE_TRY(read_scaling(&home, homes[i], c));
        CADRE_TRY(read_share(&home, c, &c->rotary_share));
    }
    if (!found && c->arch->hf.usual_ropes && !json_has(root, "rope_theta"))
        CADRE_TRY(read_usual_kinds(c));
    set_context(c);
    return CADRE_OK;
}

/* For families whose files say whether there are windows */
static cadre_status read_used_windows(const json_node *root, model_config *c)
{
    bool used = false;
    int64_t window = 4096, most = 28; /* transformers' defaults */
    CADRE_TRY(json_opt_bool(root, "use_sliding_window", &used));
    CADRE_TRY(json_opt_int(root, "sliding_window", 0, INT32_MAX, &window));
    CADRE_TRY(json_opt_int(root, "max_window_layers", 0, INT32_MAX, &most));
    c->window = used && json_has(root, "sliding_window") ? window : 0;
    for (int64_t l = 0; l < c->layers; l++)
        c->layer[l].mixer.window = c->arch->hf.windowed(l, most) ? c->window : 0;
    return CADRE_OK;
}

/* The mixer of a type of recurrent layers; NULL: it is none. */
static const char *recurrent_of(const architecture *arch, const char *type)
{
    const layer_type *const lists[] = { arch->hf.types, arch->hf.read_types };
    for (int i = 0; i < 2; i++)
        for (const layer_type *t = lists[i]; t && t->name; t++)
            if (!strcmp(t->name, type)) return t->mixer;
    return NULL;
}

static const char *type_of(const architecture *arch, const mixer_config *m)
{
    for (const layer_type *t = arch->hf.types; t && t->name; t++)
        if (!strcmp(t->mixer, m->row->name)) return t->name;
    return m->window ? "sliding_attention" : "full_attention";
}

cadre_status config_windows_read(const json_node *root, model_config *c)
{
    json_node list;
    if (c->arch->hf.windowed) CADRE_TRY(read_used_windows(root, c));
    CADRE_TRY(json_opt_array(root, "layer_types", &list));
    if (!list.value && c->attention_period && c->arch->hf.types)
        return model_config_attend_by_period(c, c->arch->hf.types->mixer, root->file);
    for (int64_t l = 0; !list.value && c->arch->hf.windows_listed && l < c->layers; l++)
        c->layer[l].mixer.window = 0;
    if (!list.value) return CADRE_OK;
    if ((int64_t)json_count(&list) != c->layers)
        return json_refuse(&list, "one item for each of the %lld layers", (long long)c->layers);
    for (int64_t l = 0; l < c->layers; l++) {
        json_node item = json_item(&list, (size_t)l);
        const char *type;
        CADRE_TRY(json_as_string(&item, &type, NULL));
        const char *recurrent = recurrent_of(c->arch, type);
        if (recurrent) {
            CADRE_TRY(model_config_set_mixer(c, l, recurrent, root->file));
            continue;
        }
        bool sliding = !strcmp(type, "sliding_attention");
        if ((!sliding && strcmp(type, "full_attention") != 0) || (sliding && !c->window)) {
            json_refuse(&item, c->window ? "full_attention or sliding_attention"
                                         : "full_attention, for the model has no sliding_window");
            return CADRE_EUNSUPPORTED;
        }
        c->layer[l].mixer.window = sliding ? c->window : 0;
    }
    return CADRE_OK;
}

static void write_windows(const model_config *c, json_writer *w)
{
    bool listed = c->arch->base.window_period || c->arch->hf.types || c->arch->hf.kinds_of_rope;
    for (int64_t l = 0; l < c->layers; l++) listed |= c->layer[l].mixer.window != c->window;
    if (c->arch->hf.windowed) {
        json_put_bool(w, "use_sliding_window", c->window > 0);
        if (c->window) json_put_int(w, "sliding_window", c->window);
        else json_put_null(w, "sliding_window");
        json_put_int(w, "max_window_layers", c->layers);
    }
    if (!listed && !(c->arch->hf.windowed && c->window)) return;
    json_put_array(w, "layer_types");
    for (int64_t l = 0; l < c->layers; l++)
        json_put_string(w, NULL, type_of(c->arch, &c->layer[l].mixer));
    json_put_close(w, ']');
}

static void write_divisors(const model_config *c, json_writer *w)
{
    static const char *const names[] = { "short_factor", "long_factor" };
    json_put_int(w, "original_max_position_embeddings", c->context);
    for (int i = 0; i < 2; i++) {
        json_put_array(w, names[i]);
        for (int64_t k = 0; k < c->rope.divisors; k++) json_put_real(w, NULL, c->rope.divisor[k]);
        json_put_close(w, ']');
    }
}

static void write_scaling(const model_config *c, int kind, json_writer *w)
{
    json_put_string(w, "type", kinds[kind].name);
    json_put_string(w, "rope_type", kinds[kind].name);
    config_keys_write(kinds[kind].keys, c, w);
    if (c->rope.scaling == ROPE_LISTED) write_divisors(c, w);
}

static void write_kinds(const model_config *c, json_writer *w)
{
    static const char *const names[] = { "full_attention", "sliding_attention" };
    model_config copy = *c;
    json_put_object(w, "rope_parameters");
    for (int i = 0; i < 2; i++) {
        int kind = 0;
        copy.rope = i ? c->window_rope : c->rope;
        while (kinds[kind].scaling != copy.rope.scaling) kind++;
        json_put_object(w, names[i]);
        json_put_real(w, "rope_theta", copy.rope.theta);
        if (c->arch->base.rotary_share != 0)
            json_put_real(w, "partial_rotary_factor", i ? c->window_rotary_share : c->rotary_share);
        write_scaling(&copy, kind, w);
        json_put_close(w, '}');
    }
    json_put_close(w, '}');
    write_windows(c, w);
}

void config_positions_write(const model_config *c, json_writer *w)
{
    if (c->arch->hf.kinds_of_rope && c->own_window_rope) {
        write_kinds(c, w);
        return;
    }
    json_put_real(w, "rope_theta", c->rope.theta);
    if (c->arch->base.rotary_share != 0) json_put_real(w, "partial_rotary_factor", c->rotary_share);
    for (int i = 0; i < KINDS; i++) {
        if (kinds[i].scaling != c->rope.scaling || (i == 0 && !c->arch->base.rope)) continue;
        if (i && kinds[i - 1].scaling == kinds[i].scaling)
            continue; /* another name of the same type */
        json_put_object(w, "rope_scaling");
        write_scaling(c, i, w);
        json_put_close(w, '}');
    }
    write_windows(c, w);
}

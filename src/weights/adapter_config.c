/* adapter_config.c - reads and writes adapter_config.json. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/json.h"
#include "format/json_writer.h"
#include "op/low_rank.h"
#include "weights/adapter_file.h"
#include "weights/adapter_names.h"

/* ---- reading ---- */

/* Keys that make an adapter something other than pairs beside matrices, or give pairs different
 * ranks and scales. Each must be absent, null, false or empty. */
static const char *const others[] = { "use_dora", "use_rslora", "use_qalora", "use_bdlora",
    "fan_in_fan_out", "lora_bias", "modules_to_save", "rank_pattern", "alpha_pattern",
    "layers_to_transform", "layers_pattern", "layer_replication", "exclude_modules",
    "trainable_token_indices", "alora_invocation_tokens", "corda_config", "eva_config",
    "arrow_config", "loftq_config", "monteclora_config", "velora_config" };
enum { OTHERS = sizeof others / sizeof *others };

static bool says_nothing(const json_node *value)
{
    bool flag = true;
    switch (json_kind_of(value)) {
    case JSON_KIND_ABSENT:
    case JSON_KIND_NULL: return true;
    case JSON_KIND_BOOL: return json_as_bool(value, &flag) == CADRE_OK && !flag;
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT: return json_count(value) == 0;
    default: return false;
    }
}

static cadre_status check_others(const json_node *root)
{
    for (int i = 0; i < OTHERS; i++) {
        json_node value = json_member(root, others[i]);
        if (!says_nothing(&value))
            return json_refuse(&value, "nothing, false or null: adapters with it are not run");
    }
    return CADRE_OK;
}

static cadre_status must_say(
    const json_node *root, const char *key, const char *wanted, bool required)
{
    const char *found = required ? NULL : wanted;
    CADRE_TRY(required ? json_get_string(root, key, &found) : json_opt_string(root, key, &found));
    json_node value = json_member(root, key);
    return strcmp(found, wanted) ? json_refuse(&value, "\"%s\"", wanted) : CADRE_OK;
}

/* Refuses initialisations that change the model too, such as "pissa". */
static cadre_status check_start(const json_node *root)
{
    static const char *const known[] = { "gaussian", "orthogonal", "eva" };
    json_node value = json_member(root, "init_lora_weights");
    const char *text;
    if (json_kind_of(&value) != JSON_KIND_STRING) return CADRE_OK;
    CADRE_TRY(json_as_string(&value, &text, NULL));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(text, known[i])) return CADRE_OK;
    return json_refuse(&value, "true, false, gaussian, orthogonal or eva");
}

/* ---- targets ---- */

typedef struct module_target {
    unsigned target;
    param_role role[3]; /* the roles of its modules */
} module_target;

static const module_target modules[] = {
    { ADAPT_Q, { ROLE_Q, ROLE_Q, ROLE_Q } },
    { ADAPT_K, { ROLE_K, ROLE_K, ROLE_K } },
    { ADAPT_V, { ROLE_V, ROLE_V, ROLE_V } },
    { ADAPT_O, { ROLE_O, ROLE_O, ROLE_O } },
    { ADAPT_GATE, { ROLE_EXPERT_GATE, ROLE_SHARED_GATE, ROLE_GATE } },
    { ADAPT_UP, { ROLE_EXPERT_UP, ROLE_SHARED_UP, ROLE_UP } },
    { ADAPT_DOWN, { ROLE_EXPERT_DOWN, ROLE_SHARED_DOWN, ROLE_DOWN } },
};
enum { MODULES = sizeof modules / sizeof *modules };

/* Whether a model of this family has a module of the role with this last name */
static bool is_module(const model_config *c, param_role role, const char *name)
{
    static const adapter none = { 0 };
    const adapter_pair pair = { .role = role };
    char module[ADAPTER_NAME];
    return adapter_module_name(c, &none, &pair, module) == CADRE_OK &&
           !strcmp(adapter_leaf_name(module), name);
}

static cadre_status add_module(const json_node *item, const model_config *c, unsigned *targets)
{
    const char *name;
    CADRE_TRY(json_as_string(item, &name, NULL));
    for (int i = 0; i < MODULES; i++)
        for (int k = 0; k < 3; k++)
            if (is_module(c, modules[i].role[k], name)) {
                *targets |= modules[i].target;
                return CADRE_OK;
            }
    return json_refuse(
        item, "the name of a projection of attention or of a feed-forward of this model");
}

static cadre_status add_parameter(const json_node *item, const model_config *c, unsigned *targets)
{
    const char *name;
    char experts[ADAPTER_NAME];
    adapter_experts_ending(c, experts);
    size_t length = strlen(experts);
    CADRE_TRY(json_as_string(item, &name, NULL));
    bool is_of = !strncmp(name, experts, length);
    if (is_of && !strcmp(name + length, ".gate_up_proj")) *targets |= ADAPT_GATE_UP;
    else if (is_of && !strcmp(name + length, ".down_proj")) *targets |= ADAPT_FUSED_DOWN;
    else return json_refuse(item, "%s.gate_up_proj or %s.down_proj", experts, experts);
    return CADRE_OK;
}

static cadre_status read_targets(const json_node *root, const model_config *c, unsigned *targets)
{
    json_node list, parameters;
    *targets = 0;
    CADRE_TRY(json_opt_array(root, "target_modules", &list));
    CADRE_TRY(json_opt_array(root, "target_parameters", &parameters));
    for (size_t i = 0; i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        CADRE_TRY(add_module(&item, c, targets));
    }
    for (size_t i = 0; i < json_count(&parameters); i++) {
        json_node item = json_item(&parameters, i);
        CADRE_TRY(add_parameter(&item, c, targets));
    }
    unsigned fused = ADAPT_GATE_UP | ADAPT_FUSED_DOWN, own = ADAPT_GATE | ADAPT_UP | ADAPT_DOWN;
    if (!*targets) return json_refuse(root, "target_modules or target_parameters");
    if (*targets & fused && *targets & own)
        return json_refuse(&parameters, "experts among target_modules or here, not both");
    return CADRE_OK;
}

static cadre_status read_all(const json_node *root, const model_config *c, adapter_spec *spec)
{
    CADRE_TRY(json_as_object(root));
    CADRE_TRY(must_say(root, "peft_type", "LORA", true));
    CADRE_TRY(must_say(root, "bias", "none", false));
    CADRE_TRY(check_others(root));
    CADRE_TRY(check_start(root));
    CADRE_TRY(json_get_int(root, "r", 1, LOW_RANK_MOST, &spec->rank));
    CADRE_TRY(json_get_real(root, "lora_alpha", 1e-6, 1e6, &spec->alpha));
    return read_targets(root, c, &spec->targets);
}

cadre_status adapter_read_config(const char *folder, const model_config *config, adapter_spec *spec)
{
    enum { LIMIT = 1 << 20 };
    json_document *document;
    char *path = file_join(folder, ADAPTER_CONFIG);
    if (!path) return CADRE_ENOMEM;
    cadre_status status = json_open(path, LIMIT, &document);
    if (status == CADRE_OK) {
        json_node root = json_root(document);
        status = read_all(&root, config, spec);
        json_close(document);
    }
    mem_free(path);
    return status;
}

/* ---- writing ---- */

/* Writes the last name of every kind of module once, in the order of the pairs. */
static cadre_status put_modules(const adapter *a, const model_config *config, json_writer *w)
{
    enum { MOST = 16 };
    char name[MOST][ADAPTER_NAME], module[ADAPTER_NAME];
    int count = 0;
    json_put_array(w, "target_modules");
    for (int64_t i = 0; i < a->count; i++) {
        if (a->pair[i].fused || a->pair[i].expert > 0) continue;
        CADRE_TRY(adapter_module_name(config, a, &a->pair[i], module));
        const char *leaf = adapter_leaf_name(module);
        int k = 0;
        while (k < count && strcmp(name[k], leaf) != 0) k++;
        if (k < count || count == MOST) continue;
        strcpy(name[count++], leaf);
        json_put_string(w, NULL, leaf);
    }
    json_put_close(w, ']');
    return CADRE_OK;
}

static void put_parameter(const model_config *config, const char *name, json_writer *w)
{
    char text[ADAPTER_NAME];
    adapter_experts_ending(config, text);
    strcat(text, name);
    json_put_string(w, NULL, text);
}

static void put_parameters(const adapter *a, const model_config *config, json_writer *w)
{
    unsigned targets = a->spec.targets;
    if (!(targets & (ADAPT_GATE_UP | ADAPT_FUSED_DOWN))) {
        json_put_null(w, "target_parameters");
        return;
    }
    json_put_array(w, "target_parameters");
    if (targets & ADAPT_GATE_UP) put_parameter(config, ".gate_up_proj", w);
    if (targets & ADAPT_FUSED_DOWN) put_parameter(config, ".down_proj", w);
    json_put_close(w, ']');
}

static void put_scale(const adapter_spec *spec, json_writer *w)
{
    json_put_int(w, "r", spec->rank);
    if (spec->alpha == floor(spec->alpha)) json_put_int(w, "lora_alpha", (int64_t)spec->alpha);
    else json_put_real(w, "lora_alpha", spec->alpha);
    json_put_real(w, "lora_dropout", 0);
}

cadre_status adapter_write_config(
    const adapter *a, const model_config *config, const char *base, const char *folder)
{
    char *path = file_join(folder, ADAPTER_CONFIG);
    if (!path) return CADRE_ENOMEM;
    json_writer w = json_writer_new(2);
    json_put_object(&w, NULL);
    json_put_string(&w, "peft_type", "LORA");
    json_put_string(&w, "task_type", "CAUSAL_LM");
    json_put_string(&w, "base_model_name_or_path", base);
    put_scale(&a->spec, &w);
    cadre_status status = put_modules(a, config, &w);
    put_parameters(a, config, &w);
    json_put_string(&w, "bias", "none");
    static const char *const flags[] = { "fan_in_fan_out", "use_rslora", "use_dora" };
    for (int i = 0; i < 3; i++) json_put_bool(&w, flags[i], false);
    json_put_bool(&w, "init_lora_weights", true);
    json_put_bool(&w, "inference_mode", true);
    json_put_null(&w, "modules_to_save");
    static const char *const patterns[] = { "rank_pattern", "alpha_pattern" };
    for (int i = 0; i < 2; i++) {
        json_put_object(&w, patterns[i]);
        json_put_close(&w, '}');
    }
    json_put_close(&w, '}');
    if (status == CADRE_OK) status = json_writer_save(&w, path);
    else json_writer_free(&w);
    mem_free(path);
    return status;
}

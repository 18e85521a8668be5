/* token_types.c - reads which ids are of which type, from options and from config.json, and checks
 * it. */
#include "arch/token_types.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "moe/settings.h"

int32_t token_type_of(const model_config *c, int32_t id)
{
    int32_t other = 0;
    for (int32_t i = 0; i < c->types.count; i++) {
        const typed_ids *ids = &c->type_ids[i];
        if (!ids->count) other = i;
        else if (id >= ids->first && id - ids->first < ids->count) return i;
    }
    return other;
}

const int32_t *token_types_of(
    const model_config *c, const int32_t *ids, int64_t count, int32_t *types)
{
    for (int64_t i = 0; i < count; i++) types[i] = token_type_of(c, ids[i]);
    return types;
}

/* ---- options ---- */

/* Reads the next "NAME=A-B" of the list; returns false if it is none. */
static bool take_range(const char **at, char *name, size_t room, typed_ids *ids)
{
    char *end;
    size_t size = strcspn(*at, "=,");
    if (size == 0 || size >= room || (*at)[size] != '=') return false;
    snprintf(name, room, "%.*s", (int)size, *at);
    *at += size + 1;
    if (**at < '0' || **at > '9') return false;
    long first = strtol(*at, &end, 10);
    if (*end != '-' || end[1] < '0' || end[1] > '9') return false;
    long last = strtol(end + 1, &end, 10);
    if ((*end && *end != ',') || first > last || last >= CONFIG_MAX_VOCAB) return false;
    *ids = (typed_ids){ (int32_t)first, (int32_t)(last - first + 1) };
    *at = end + (*end == ',');
    return true;
}

static cadre_status bad_ids(const char *text)
{
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--type-ids: expected TYPE=FIRST-LAST between commas, at most %d types, found '%s'",
        ROUTER_MAX_TYPES - 1, text);
}

/* Returns the type's index, and adds the type where no banks name the types; -1: it does not
 * exist. */
static int type_for(model_config *c, const char *name, bool banks)
{
    int type = token_type_by_name(&c->types, name);
    if (type >= 0 || banks || c->types.count == ROUTER_MAX_TYPES) return type;
    snprintf(c->types.name[c->types.count], ROUTER_TYPE_NAME, "%s", name);
    return c->types.count++;
}

static cadre_status read_ids(const char *text, bool banks, model_config *c)
{
    char name[ROUTER_TYPE_NAME];
    typed_ids ids;
    for (const char *at = text; *at;) {
        if (!take_range(&at, name, sizeof name, &ids)) return bad_ids(text);
        int type = type_for(c, name, banks);
        if (type < 0 && banks)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--type-ids: expected types that --banks names, found '%s'", name);
        if (type < 0 || c->type_ids[type].count) return bad_ids(text);
        c->type_ids[type] = ids;
    }
    return CADRE_OK;
}

static cadre_status read_bank_widths(const cadre_options *o, model_config *c, bool banks)
{
    enum { WIDEST = 1 << 20 };
    char name[ROUTER_TYPE_NAME];
    const char *text = options_text_or(o, "bank-width", ""), *at = text;
    while (*at) {
        size_t size = strcspn(at, "=");
        char *end = NULL;
        bool fits = at[size] && size < sizeof name;
        if (fits) snprintf(name, sizeof name, "%.*s", (int)size, at);
        int type = fits && banks ? token_type_by_name(&c->types, name) : -1;
        int64_t width = type >= 0 ? strtoll(at + size + 1, &end, 10) : 0;
        if (type < 0 || end == at + size + 1 || (*end && *end != ',') || width < 1 ||
            width > WIDEST)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--bank-width: expected TYPE=WIDTH between commas, of types that --banks names, "
                "found '%s'",
                text);
        c->bank_width[type] = width;
        at = *end ? end + 1 : end;
    }
    return CADRE_OK;
}

cadre_status token_types_read_options(const cadre_options *o, model_config *c)
{
    moe_config banks = { 0 };
    const char *text = options_text_or(o, "type-ids", "");
    CADRE_TRY(settings_read_banks(o, &banks));
    c->types = banks.types;
    CADRE_TRY(read_bank_widths(o, c, banks.route.banks > 0));
    if (banks.route.banks && !*text)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--banks: expected tokens of several types, found no word of which are which: images "
            "in --data, or --type-ids, say it");
    if (!*text) return CADRE_OK;
    if (!banks.route.banks) c->types = (token_types){ .count = 1, .name = { "text" } };
    return read_ids(text, banks.route.banks > 0, c);
}

cadre_status token_types_agree(const model_config *c, const moe_config *m)
{
    bool same = m->types.count == c->types.count;
    for (int32_t i = 0; same && i < c->types.count; i++)
        same = !strcmp(m->types.name[i], c->types.name[i]);
    if (same) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--types: expected the types that the model's tokens have, %s, found others",
        c->types.count ? "as --type-ids or images say them" : "which are none");
}

/* ---- checks ---- */

static bool overlap(const typed_ids *a, const typed_ids *b)
{
    return a->count && b->count && a->first < b->first + b->count && b->first < a->first + a->count;
}

static cadre_status check_type(const model_config *c, int32_t i, const char *where)
{
    const typed_ids *ids = &c->type_ids[i];
    const char *name = c->types.name[i];
    if (ids->first < 0 || ids->count < 0 || ids->first > c->vocab - ids->count)
        return cadre_fail(CADRE_EARGUMENT, where,
            "ids of type %s: expected ids of the vocabulary of %lld, found %d to %lld", name,
            (long long)c->vocab, ids->first, (long long)ids->first + ids->count - 1);
    for (int32_t j = 0; j < i; j++) {
        if (!strcmp(name, c->types.name[j]))
            return cadre_fail(
                CADRE_EARGUMENT, where, "types: expected different names, found %s twice", name);
        if (overlap(ids, &c->type_ids[j]) || (!ids->count && !c->type_ids[j].count))
            return cadre_fail(CADRE_EARGUMENT, where,
                "types %s and %s: expected ids of their own, found some that are of both",
                c->types.name[j], name);
    }
    return CADRE_OK;
}

static cadre_status check_images(const model_config *c, const char *where)
{
    const image_tokens *p = &c->images;
    if (!p->side) return CADRE_OK;
    if (p->side < 0 || p->side > 1024 || p->patch < 1 || p->patch > 64 || p->side % p->patch)
        return cadre_fail(CADRE_EARGUMENT, where,
            "pictures: expected at most 1024 pixels a side, a multiple of the patch's at most 64, "
            "found %d and %d",
            p->side, p->patch);
    if (p->codes < 1 || p->first < 0 || p->codes > c->vocab - 2 - p->first)
        return cadre_fail(CADRE_EARGUMENT, where,
            "pictures: expected ids of the vocabulary of %lld, found %d codes from %d on",
            (long long)c->vocab, p->codes, p->first);
    return CADRE_OK;
}

cadre_status token_types_check(const model_config *c, const char *where)
{
    bool rest = c->types.count == 0;
    for (int32_t i = 0; i < c->types.count; i++) {
        CADRE_TRY(check_type(c, i, where));
        rest |= c->type_ids[i].count == 0;
    }
    if (!rest)
        return cadre_fail(CADRE_EARGUMENT, where,
            "types: expected one without ids of its own, which has all others, found none");
    return check_images(c, where);
}

static bool same_images(const image_tokens *a, const image_tokens *b)
{
    return a->side == b->side &&
           (!a->side || (a->patch == b->patch && a->codes == b->codes && a->first == b->first));
}

const char *token_types_difference(const model_config *a, const model_config *b)
{
    bool same = a->types.count == b->types.count;
    for (int32_t i = 0; same && i < a->types.count; i++)
        same = !strcmp(a->types.name[i], b->types.name[i]) &&
               a->type_ids[i].count == b->type_ids[i].count &&
               (!a->type_ids[i].count || a->type_ids[i].first == b->type_ids[i].first);
    if (!same) return "type-ids";
    for (int32_t i = 0; i < a->types.count; i++)
        if (a->bank_width[i] != b->bank_width[i]) return "bank-width";
    return same_images(&a->images, &b->images) ? NULL : "pictures";
}

/* ---- config.json ---- */

/* {"name", "first", "count", "experts"}: without first and count, the type has all ids of no other
 * type; experts are given for every type or for none */
static cadre_status read_type(const json_node *item, model_config *c)
{
    const char *name;
    int64_t first = 0, count = 0, experts = 0;
    int32_t i = c->types.count;
    CADRE_TRY(json_as_object(item));
    CADRE_TRY(json_get_string(item, "name", &name));
    if (!*name || strlen(name) >= ROUTER_TYPE_NAME)
        return json_refuse(item, "a name of 1 to %d bytes", ROUTER_TYPE_NAME - 1);
    CADRE_TRY(json_opt_int(item, "count", 1, CONFIG_MAX_VOCAB, &count));
    if (count) CADRE_TRY(json_get_int(item, "first", 0, CONFIG_MAX_VOCAB, &first));
    CADRE_TRY(json_opt_int(item, "experts", 1, CONFIG_MAX_EXPERTS, &experts));
    if (experts) CADRE_TRY(json_opt_int(item, "expert_width", 1, 1 << 20, &c->bank_width[i]));
    if (i && (experts > 0) != (c->route.banks > 0))
        return json_refuse(item, "experts of every type, or of none");
    snprintf(c->types.name[i], ROUTER_TYPE_NAME, "%s", name);
    c->type_ids[i] = (typed_ids){ (int32_t)first, (int32_t)count };
    c->types.count++;
    if (experts) c->route.bank_experts[c->route.banks++] = (int32_t)experts;
    return CADRE_OK;
}

static cadre_status read_images(const json_node *root, image_tokens *p)
{
    json_node home;
    int64_t side, patch, codes, first;
    CADRE_TRY(json_opt_object(root, "pictures", &home));
    if (!home.value) return CADRE_OK;
    CADRE_TRY(json_get_int(&home, "side", 1, 1024, &side));
    CADRE_TRY(json_get_int(&home, "patch", 1, 64, &patch));
    CADRE_TRY(json_get_int(&home, "codes", 1, CONFIG_MAX_VOCAB, &codes));
    CADRE_TRY(json_get_int(&home, "first", 0, CONFIG_MAX_VOCAB, &first));
    *p = (image_tokens){ (int32_t)side, (int32_t)patch, (int32_t)codes, (int32_t)first };
    return CADRE_OK;
}

cadre_status token_types_read(const json_node *root, model_config *c)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "token_types", &list));
    if (list.value && json_count(&list) > ROUTER_MAX_TYPES)
        return json_refuse(&list, "at most %d types", ROUTER_MAX_TYPES);
    for (size_t i = 0; list.value && i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        CADRE_TRY(read_type(&item, c));
    }
    return read_images(root, &c->images);
}

void token_types_write(const model_config *c, json_writer *w)
{
    const image_tokens *p = &c->images;
    if (!c->types.count) return;
    json_put_array(w, "token_types");
    for (int32_t i = 0; i < c->types.count; i++) {
        json_put_object(w, NULL);
        json_put_string(w, "name", c->types.name[i]);
        if (c->type_ids[i].count) {
            json_put_int(w, "first", c->type_ids[i].first);
            json_put_int(w, "count", c->type_ids[i].count);
        }
        if (c->route.banks) json_put_int(w, "experts", c->route.bank_experts[i]);
        if (c->bank_width[i]) json_put_int(w, "expert_width", c->bank_width[i]);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
    if (!p->side) return;
    json_put_object(w, "pictures");
    json_put_int(w, "side", p->side);
    json_put_int(w, "patch", p->patch);
    json_put_int(w, "codes", p->codes);
    json_put_int(w, "first", p->first);
    json_put_close(w, '}');
}

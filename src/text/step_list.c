/* step_list.c - finds the row of each step. */
#include "text/step_list.h"

#include <string.h>

#include "base/buffer.h"
#include "format/quote.h"

typedef struct reading {
    const char *key;
    const step_row *rows;
    int row_count, room;
    void *list;
} reading;

static bool is_among(const char *name, const char *names)
{
    size_t length = strlen(name);
    for (const char *at = names; *at; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if (word == length && memcmp(at, name, length) == 0) return true;
        at += word;
    }
    return false;
}

cadre_status step_list_check_members(const json_node *object, const char *members)
{
    json_node member = { 0 };
    CADRE_TRY(json_as_object(object));
    while (json_next(object, &member))
        if (!is_among(member.key, members))
            return cadre_fail(CADRE_EUNSUPPORTED, object->file,
                "%s: the member \"%s\" is not supported", object->key ? object->key : "a step",
                quote_text(member.key).text);
    return CADRE_OK;
}

static cadre_status refuse_type(const reading *r, const json_node *step, const char *type)
{
    byte_buffer known = { 0 };
    for (int i = 0; i < r->row_count; i++)
        byte_buffer_format(&known, "%s%s", i ? ", " : "", r->rows[i].type);
    cadre_status status =
        cadre_fail(CADRE_EUNSUPPORTED, step->file, "%s: \"%s\" is not supported (supported: %s)",
            r->key, quote_text(type).text, known.data ? known.data : "");
    byte_buffer_free(&known);
    return status;
}

static cadre_status read_step(reading *r, const json_node *step)
{
    const char *type;
    CADRE_TRY(json_as_object(step));
    CADRE_TRY(json_get_string(step, "type", &type));
    if (strcmp(type, "Sequence") == 0) {
        json_node list;
        CADRE_TRY(json_get_array(step, r->key, &list));
        for (size_t i = 0; i < json_count(&list); i++) {
            json_node item = json_item(&list, i);
            CADRE_TRY(read_step(r, &item));
        }
        return CADRE_OK;
    }
    for (int i = 0; i < r->row_count; i++) {
        if (strcmp(type, r->rows[i].type) != 0) continue;
        json_node member = { 0 };
        while (json_next(step, &member))
            if (strcmp(member.key, "type") != 0 && !is_among(member.key, r->rows[i].members))
                return cadre_fail(CADRE_EUNSUPPORTED, step->file,
                    "%s: the member \"%s\" of %s is not supported", r->key,
                    quote_text(member.key).text, type);
        if (r->room-- == 0) return json_refuse(step, "fewer steps");
        return r->rows[i].read(r->list, step);
    }
    return refuse_type(r, step, type);
}

cadre_status step_list_read(const json_node *node, const char *key, const step_row *rows,
    int row_count, int room, void *list)
{
    reading r = { key, rows, row_count, room, list };
    json_kind kind = json_kind_of(node);
    return kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL ? CADRE_OK : read_step(&r, node);
}

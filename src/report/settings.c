/* settings.c - every option of the run, as it was given. */
#include "report/settings.h"

#include "report/figure.h"
#include "report/html.h"
#include "report/sections.h"

enum { OPTIONS_MOST = 512, VALUE_BYTES = 300, ITEMS_MOST = 64 };

static void put_value(byte_buffer *page, const json_node *value)
{
    const char *text = "";
    double number = 0;
    bool flag = false;
    switch (json_kind_of(value)) {
    case JSON_KIND_STRING:
        if (json_as_string(value, &text, NULL) == CADRE_OK) html_cut(page, text, VALUE_BYTES);
        break;
    case JSON_KIND_BOOL:
        if (json_as_bool(value, &flag) == CADRE_OK) byte_buffer_text(page, flag ? "yes" : "no");
        break;
    case JSON_KIND_NUMBER:
        if (json_as_real(value, -1e300, 1e300, &number) == CADRE_OK)
            byte_buffer_format(page, "%.10g", number);
        break;
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT: byte_buffer_text(page, "…"); break;
    case JSON_KIND_ABSENT: break;
    default: byte_buffer_text(page, "–");
    }
}

void setting_value(byte_buffer *page, const json_node *value)
{
    if (json_kind_of(value) != JSON_KIND_ARRAY) {
        put_value(page, value);
        return;
    }
    for (size_t i = 0; i < json_count(value) && i < ITEMS_MOST; i++) {
        json_node item = json_item(value, i);
        if (i) byte_buffer_text(page, ", ");
        put_value(page, &item);
    }
}

void section_options(byte_buffer *page, const training_run *r)
{
    if (!json_count(&r->options)) return;
    html_section(page, "options", "Options");
    byte_buffer_text(page, "<dl class=\"options\">\n");
    json_node option = { 0 };
    for (int i = 0; i < OPTIONS_MOST && json_next(&r->options, &option); i++) {
        byte_buffer_text(page, "<div><dt>");
        html_cut(page, option.key, 60);
        byte_buffer_text(page, "</dt><dd>");
        setting_value(page, &option);
        byte_buffer_text(page, "</dd></div>\n");
    }
    byte_buffer_text(page, "</dl>\n");
    html_section_end(page);
}

/* chat_told.c - lists of functions: as JSON, as XML, as DeepSeek's headings, as types. */
#include "text/chat_told.h"

#include <string.h>

#include "text/deepseek_marks.h"
#include "text/gemma_text.h"
#include "text/python_text.h"
#include "text/typescript.h"

static cadre_status put_deepseek(chat_script *s, const chat_tools *tools)
{
    CADRE_TRY(script_words(s, "\n\n## Tools\nYou have access to the following tools:\n"));
    for (int i = 0; i < tools->count; i++) {
        const chat_tool *t = &tools->tools[i];
        CADRE_TRY(script_words(s, "\n### "));
        CADRE_TRY(script_said_text(s, t->name));
        CADRE_TRY(script_words(s, "\nDescription: "));
        CADRE_TRY(script_said_text(s, t->description));
        CADRE_TRY(script_words(s, "\n\nParameters: "));
        CADRE_TRY(
            t->parameters.value ? script_said_json(s, &t->parameters) : script_words(s, "{}"));
        CADRE_TRY(script_words(s, "\n"));
    }
    return script_words(s,
        "\nIMPORTANT: ALWAYS adhere to this exact format for tool use:\n" TOOL "calls" UNDERLINE
        "begin" BAR ">" TOOL "call" UNDERLINE "begin" BAR ">tool_call_name" TOOL "sep" BAR
        ">tool_call_arguments" TOOL "call" UNDERLINE "end" BAR ">{{additional_tool_calls}}" TOOL
        "calls" UNDERLINE "end" BAR ">\n\nWhere:\n\n- `tool_call_name` must be an exact match to "
        "one of the available tools\n- `tool_call_arguments` must be valid JSON that strictly "
        "follows the tool's Parameters Schema\n- For multiple tool calls, chain them directly "
        "without separators or spaces\n");
}

static cadre_status put_harmony(chat_script *s, const chat_tools *tools)
{
    CADRE_TRY(script_words(s, "# Tools\n\n## functions\n\nnamespace functions {\n\n"));
    for (int i = 0; i < tools->count; i++) {
        byte_buffer type = { 0 };
        cadre_status status = typescript_of(&tools->tools[i], &type);
        if (status == CADRE_OK) status = script_said(s, (string_view){ type.data, type.size });
        byte_buffer_free(&type);
        CADRE_TRY(status);
    }
    return script_words(s, "} // namespace functions");
}

/* ---- XML ---- */

/* "<name>value</name>" in a line: lists and objects as JSON, anything else as Python has it. */
static cadre_status put_element(chat_script *s, const char *name, const json_node *value)
{
    json_kind kind = json_kind_of(value);
    byte_buffer text = { 0 };
    CADRE_TRY(script_words(s, "\n<"));
    CADRE_TRY(script_said_text(s, name));
    CADRE_TRY(script_words(s, ">"));
    if (kind == JSON_KIND_ARRAY || kind == JSON_KIND_OBJECT) {
        CADRE_TRY(script_said_json(s, value));
    } else {
        cadre_status status = python_put(&text, value);
        if (status == CADRE_OK) status = script_said(s, (string_view){ text.data, text.size });
        byte_buffer_free(&text);
        CADRE_TRY(status);
    }
    CADRE_TRY(script_words(s, "</"));
    CADRE_TRY(script_said_text(s, name));
    return script_words(s, ">");
}

static bool is_among(const char *const *words, const char *word)
{
    for (; *words; words++)
        if (strcmp(*words, word) == 0) return true;
    return false;
}

static cadre_status put_others(chat_script *s, const json_node *object, const char *const *handled)
{
    for (json_node m = { 0 }; json_kind_of(object) == JSON_KIND_OBJECT && json_next(object, &m);)
        if (!is_among(handled, m.key)) CADRE_TRY(put_element(s, m.key, &m));
    return CADRE_OK;
}

static cadre_status put_description(chat_script *s, const json_node *of)
{
    json_node said = json_member(of, "description");
    string_view text;
    if (json_kind_of(&said) != JSON_KIND_STRING) return CADRE_OK;
    CADRE_TRY(json_as_string(&said, &text.data, &text.size));
    CADRE_TRY(script_words(s, "\n<description>"));
    CADRE_TRY(script_said(s, script_trimmed(text)));
    return script_words(s, "</description>");
}

static cadre_status put_parameter(chat_script *s, const json_node *schema)
{
    static const char *const handled[] = { "name", "type", "description", "enum", NULL };
    json_node type = json_member(schema, "type"), values = json_member(schema, "enum");
    CADRE_TRY(script_words(s, "\n<parameter>\n<name>"));
    CADRE_TRY(script_said_text(s, schema->key));
    CADRE_TRY(script_words(s, "</name>"));
    if (type.value) {
        byte_buffer text = { 0 };
        cadre_status status = python_put(&text, &type);
        if (status == CADRE_OK) status = script_words(s, "\n<type>");
        if (status == CADRE_OK) status = script_said(s, (string_view){ text.data, text.size });
        byte_buffer_free(&text);
        CADRE_TRY(status);
        CADRE_TRY(script_words(s, "</type>"));
    }
    CADRE_TRY(put_description(s, schema));
    if (values.value) CADRE_TRY(put_element(s, "enum", &values));
    CADRE_TRY(put_others(s, schema, handled));
    return script_words(s, "\n</parameter>");
}

/* Required names stand last. */
static cadre_status put_parameters(chat_script *s, const json_node *schema)
{
    static const char *const handled[] = { "type", "properties", "required", NULL };
    json_node properties = json_member(schema, "properties"),
              required = json_member(schema, "required");
    json_node m = { 0 };
    CADRE_TRY(script_words(s, "\n<parameters>"));
    while (json_kind_of(&properties) == JSON_KIND_OBJECT && json_next(&properties, &m))
        CADRE_TRY(put_parameter(s, &m));
    CADRE_TRY(put_others(s, schema, handled));
    if (required.value) CADRE_TRY(put_element(s, "required", &required));
    return script_words(s, "\n</parameters>");
}

static cadre_status put_xml(chat_script *s, const chat_tool *tool)
{
    static const char *const handled[] = { "type", "name", "description", "parameters", NULL };
    CADRE_TRY(script_words(s, "\n<function>\n<name>"));
    CADRE_TRY(script_said_text(s, tool->name));
    CADRE_TRY(script_words(s, "</name>"));
    CADRE_TRY(put_description(s, &tool->function));
    CADRE_TRY(put_parameters(s, &tool->parameters));
    CADRE_TRY(put_others(s, &tool->function, handled));
    return script_words(s, "\n</function>");
}

/* ---- all ---- */

static cadre_status put_item(chat_script *s, const chat_tool_style *style, const chat_tool *tool)
{
    switch (style->told.item) {
    case TOLD_JSON: return script_said_json(s, &tool->whole);
    case TOLD_XML: return put_xml(s, tool);
    case TOLD_GEMMA: return gemma_put_declaration(s, tool);
    }
    return CADRE_OK;
}

cadre_status chat_told_put(chat_script *s, const chat_tool_style *style, const chat_tools *tools)
{
    const chat_told *t = &style->told;
    if (style->kind == CHAT_TOOLS_DEEPSEEK) return put_deepseek(s, tools);
    if (style->kind == CHAT_TOOLS_HARMONY) return put_harmony(s, tools);
    CADRE_TRY(script_words(s, t->begin));
    for (int i = 0; i < tools->count; i++) {
        CADRE_TRY(script_words(s, i ? t->between : NULL));
        CADRE_TRY(script_words(s, t->before));
        CADRE_TRY(put_item(s, style, &tools->tools[i]));
        CADRE_TRY(script_words(s, t->after));
    }
    return script_words(s, s->c->thinks && t->end_thinking ? t->end_thinking : t->end);
}

/* chat_tools.c - THE LIST of ways to call functions, and a request's list of them. */
#include "text/chat_tools.h"

#include <string.h>

#include "base/memory.h"

#define BAR "\xef\xbd\x9c"       /* DeepSeek's wide bar, ... */
#define UNDERLINE "\xe2\x96\x81" /* ... and its blank */
#define TOOL "<" BAR "tool" UNDERLINE

static const chat_tool_style rows[] = {
    { .name = "hermes",
        .kind = CHAT_TOOLS_HERMES,
        .templates = " qwen3 qwen3-thinking qwen2.5 chatml ",
        .sign = "<tool_call>",
        .mark = "<tool_call>",
        .begin = "<tool_call>\n{\"name\": \"",
        .named = "\", \"arguments\": ",
        .given = "}\n</tool_call>",
        .between = "\n<tool_call>\n{\"name\": \"",
        .end = "" },
    { .name = "glm4.5",
        .kind = CHAT_TOOLS_GLM,
        .templates = " glm4.5 ",
        .sign = "<arg_key>",
        .mark = "<tool_call>",
        .begin = "<tool_call>",
        .named = "\n",
        .given = "</tool_call>",
        .between = "\n<tool_call>",
        .end = "",
        .pairs = true },
    { .name = "deepseek-v3.1",
        .kind = CHAT_TOOLS_DEEPSEEK,
        .templates = " deepseek-v3.1 ",
        .sign = TOOL "sep" BAR ">",
        .mark = TOOL "calls" UNDERLINE "begin" BAR ">",
        .begin = TOOL "calls" UNDERLINE "begin" BAR ">" TOOL "call" UNDERLINE "begin" BAR ">",
        .named = TOOL "sep" BAR ">",
        .given = TOOL "call" UNDERLINE "end" BAR ">",
        .between = TOOL "call" UNDERLINE "begin" BAR ">",
        .end = TOOL "calls" UNDERLINE "end" BAR ">" },
    { .name = "mistral-v3",
        .kind = CHAT_TOOLS_MISTRAL,
        .templates = " mistral-v3 ",
        .sign = "[TOOL_CALLS]",
        .mark = "[TOOL_CALLS]",
        .begin = "[TOOL_CALLS] [{\"name\": \"",
        .named = "\", \"arguments\": ",
        .given = "}",
        .between = ", {\"name\": \"",
        .end = "]" },
    { .name = "mistral-v3-tekken",
        .kind = CHAT_TOOLS_MISTRAL,
        .templates = " mistral-v3-tekken ",
        .sign = "[TOOL_CALLS]",
        .mark = "[TOOL_CALLS]",
        .begin = "[TOOL_CALLS][{\"name\": \"",
        .named = "\", \"arguments\": ",
        .given = "}",
        .between = ", {\"name\": \"",
        .end = "]" },
    { .name = "gpt-oss",
        .kind = CHAT_TOOLS_HARMONY,
        .templates = " gpt-oss ",
        .sign = "functions.",
        .mark = "<|channel|>",
        .begin = "<|channel|>commentary to=functions.",
        .named = " <|constrain|>json<|message|>",
        .given = "",
        .between = "",
        .end = "",
        .one = true },
};

static bool has_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at++)
        if (at[-1] == ' ' && at[size] == ' ') return true;
    return false;
}

static bool contains(string_view text, const char *sign)
{
    size_t size = strlen(sign);
    for (size_t at = 0; at + size <= text.size; at++)
        if (memcmp(text.data + at, sign, size) == 0) return true;
    return false;
}

const chat_tool_style *chat_tool_style_of(const chat_template *c, string_view program)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (has_word(rows[i].templates, chat_template_name(c)) &&
            (program.size == 0 || contains(program, rows[i].sign)))
            return &rows[i];
    return NULL;
}

/* ---- a request's list ---- */

static bool is_name(const char *name)
{
    size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.");
    return size > 0 && size <= CHAT_TOOL_NAME && !name[size];
}

static cadre_status read_tool(chat_tools *tools, size_t index)
{
    chat_tool *t = &tools->tools[index];
    const char *type = "function";
    t->description = "";
    t->whole = json_item(&tools->list, index);
    CADRE_TRY(json_as_object(&t->whole));
    CADRE_TRY(json_opt_string(&t->whole, "type", &type));
    json_node said = json_member(&t->whole, "type");
    if (strcmp(type, "function") != 0) return json_refuse(&said, "\"function\"");
    CADRE_TRY(json_get_object(&t->whole, "function", &t->function));
    t->function.parent = &t->whole;
    CADRE_TRY(json_get_string(&t->function, "name", &t->name));
    json_node name = json_member(&t->function, "name");
    if (!is_name(t->name))
        return json_refuse(&name, "1 to %d letters, digits, _, - and .", CHAT_TOOL_NAME);
    if (chat_tools_find(tools, t->name) >= 0)
        return json_refuse(&name, "a name that no other function has");
    CADRE_TRY(json_opt_string(&t->function, "description", &t->description));
    CADRE_TRY(json_opt_object(&t->function, "parameters", &t->parameters));
    tools->count++;
    return CADRE_OK;
}

cadre_status chat_tools_read(const json_node *list, chat_tools *tools)
{
    *tools = (chat_tools){ .list = *list };
    CADRE_TRY(json_as_array(list));
    size_t count = json_count(list);
    if (count < 1 || count > CHAT_TOOLS_MAX)
        return json_refuse(list, "1 to %d functions", CHAT_TOOLS_MAX);
    tools->tools = MEM_ARRAY(chat_tool, count);
    if (!tools->tools) return CADRE_ENOMEM;
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < count && status == CADRE_OK; i++) status = read_tool(tools, i);
    if (status != CADRE_OK) chat_tools_free(tools);
    return status;
}

void chat_tools_free(chat_tools *tools)
{
    mem_free(tools->tools);
    *tools = (chat_tools){ 0 };
}

int chat_tools_find(const chat_tools *tools, const char *name)
{
    for (int i = 0; i < tools->count; i++)
        if (strcmp(tools->tools[i].name, name) == 0) return i;
    return -1;
}

bool chat_schema_is(const json_node *schema, const char *type)
{
    const char *found;
    if (json_kind_of(schema) != JSON_KIND_OBJECT) return false;
    json_node said = json_member(schema, "type");
    return json_kind_of(&said) == JSON_KIND_STRING &&
           json_as_string(&said, &found, NULL) == CADRE_OK && strcmp(found, type) == 0;
}

bool chat_tool_takes_text(const chat_tool *tool, const char *parameter)
{
    json_node properties = { 0 }, schema = { 0 };
    if (json_kind_of(&tool->parameters) == JSON_KIND_OBJECT)
        properties = json_member(&tool->parameters, "properties");
    if (json_kind_of(&properties) == JSON_KIND_OBJECT) schema = json_member(&properties, parameter);
    return chat_schema_is(&schema, "string");
}

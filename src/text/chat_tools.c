/* chat_tools.c - a request's list of functions. */
#include "text/chat_tools.h"

#include <string.h>

#include "base/memory.h"

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

/* api_messages.c - reads the conversation in the body of /v1/chat/completions. */
#include "base/memory.h"
#include "serve/api_request.h"

/* ---- contents of messages ---- */

static cadre_status add_part(const json_node *part, byte_buffer *text)
{
    const char *type, *piece;
    size_t size;
    CADRE_TRY(json_as_object(part));
    CADRE_TRY(json_get_string(part, "type", &type));
    json_node given = json_member(part, "type"), body = json_member(part, "text");
    if (strcmp(type, "text") != 0) return json_refuse(&given, "\"text\"");
    CADRE_TRY(json_as_string(&body, &piece, &size));
    if (text->size) CADRE_TRY(byte_buffer_put(text, "\n", 1));
    return byte_buffer_put(text, piece, size);
}

static cadre_status read_parts(const json_node *list, byte_buffer *text)
{
    if (!json_count(list)) return json_refuse(list, "at least one part");
    for (size_t i = 0; i < json_count(list); i++) {
        json_node part = json_item(list, i);
        CADRE_TRY(add_part(&part, text));
    }
    return CADRE_OK;
}

static cadre_status read_content(const json_node *message, byte_buffer *text)
{
    json_node content = json_member(message, "content");
    const char *whole;
    size_t size;
    CADRE_TRY(byte_buffer_reserve(text, 0)); /* an empty text has an address too */
    switch (json_kind_of(&content)) {
    case JSON_KIND_STRING:
        CADRE_TRY(json_as_string(&content, &whole, &size));
        return byte_buffer_put(text, whole, size);
    case JSON_KIND_ARRAY: return read_parts(&content, text);
    default: return json_refuse(&content, "a text, or a list of parts");
    }
}

/* ---- messages ---- */

static cadre_status read_role(const json_node *message, chat_role *role)
{
    const char *name;
    CADRE_TRY(json_get_string(message, "role", &name));
    json_node given = json_member(message, "role");
    if (strcmp(name, "system") == 0 || strcmp(name, "developer") == 0) *role = CHAT_SYSTEM;
    else if (strcmp(name, "user") == 0) *role = CHAT_USER;
    else if (strcmp(name, "assistant") == 0) *role = CHAT_ASSISTANT;
    else return json_refuse(&given, "system, developer, user, assistant or tool");
    return CADRE_OK;
}

/* Reads the role. A message of role tool is the result of a function call; its turn counts as the
 * user's. */
static cadre_status read_turn_role(const json_node *message, chat_turn *turn)
{
    const char *name;
    CADRE_TRY(json_get_string(message, "role", &name));
    turn->result = strcmp(name, "tool") == 0;
    if (turn->result) return turn->role = CHAT_USER, CADRE_OK;
    return read_role(message, &turn->role);
}

/* Reads the content, which may be missing in a message that has calls. */
static cadre_status read_turn_content(
    const json_node *message, const chat_turn *turn, byte_buffer *text)
{
    if (turn->call_count && !json_has(message, "content")) return byte_buffer_reserve(text, 0);
    return read_content(message, text);
}

/* Reads the assistant's thought, under the name that this server gives it or under another common
 * name. */
static cadre_status read_thought(const json_node *message, chat_turn *turn)
{
    json_node thought = json_member(message, "reasoning_content");
    if (turn->role != CHAT_ASSISTANT || turn->result) return CADRE_OK;
    if (!json_has(message, "reasoning_content")) thought = json_member(message, "reasoning");
    if (!thought.value || json_kind_of(&thought) == JSON_KIND_NULL) return CADRE_OK;
    return json_as_string(&thought, &turn->thought.data, &turn->thought.size);
}

static cadre_status read_message(const json_node *node, api_request *r)
{
    int64_t index = r->message_count;
    chat_message *m = &r->messages[index];
    chat_turn *turn = &r->tool_use->turns[index];
    byte_buffer text = { 0 };
    CADRE_TRY(json_as_object(node));
    CADRE_TRY(read_turn_role(node, turn));
    CADRE_TRY(api_tool_use_read_calls(r->tool_use, node, index, turn));
    CADRE_TRY(read_thought(node, turn));
    json_node role = json_member(node, "role");
    if (turn->role == CHAT_SYSTEM && index)
        return json_refuse(&role, "a system message only at the beginning");
    cadre_status status = read_turn_content(node, turn, &text);
    if (status != CADRE_OK) {
        byte_buffer_free(&text);
        return status;
    }
    r->texts[index] = text;
    m->role = turn->role, m->text = text.data, m->size = text.size, m->thought = turn->thought;
    turn->text = (string_view){ text.data, text.size };
    r->message_count++;
    return CADRE_OK;
}

static cadre_status read_list(const json_node *root, api_request *r)
{
    json_node list;
    CADRE_TRY(json_get_array(root, "messages", &list));
    size_t count = json_count(&list);
    if (!count || count > API_MESSAGES) return json_refuse(&list, "1 to %d messages", API_MESSAGES);
    r->messages = MEM_ARRAY(chat_message, count);
    r->texts = MEM_ARRAY(byte_buffer, count);
    r->tool_use->turns = MEM_ARRAY(chat_turn, count);
    r->tool_use->calls = MEM_ARRAY(chat_call *, count);
    r->tool_use->turn_count = (int64_t)count;
    if (!r->messages || !r->texts || !r->tool_use->turns || !r->tool_use->calls)
        return CADRE_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        json_node item = json_item(&list, i);
        CADRE_TRY(read_message(&item, r));
    }
    return CADRE_OK;
}

/* ---- where the answer begins ---- */

/* If the last message is the assistant's, the answer continues it, unless the request asks for a
 * new message. */
static cadre_status read_continuation(const json_node *root, api_request *r)
{
    const chat_turn *last = &r->tool_use->turns[r->message_count - 1];
    bool ends_with_answer = last->role == CHAT_ASSISTANT && !last->result && !last->call_count;
    bool begins_new = !ends_with_answer, continues = ends_with_answer;
    CADRE_TRY(json_opt_bool(root, "add_generation_prompt", &begins_new));
    if (ends_with_answer && json_has(root, "add_generation_prompt")) continues = !begins_new;
    CADRE_TRY(json_opt_bool(root, "continue_final_message", &continues));
    json_node continued = json_member(root, "continue_final_message"),
              begun = json_member(root, "add_generation_prompt");
    if (continues && !ends_with_answer)
        return json_refuse(&continued, "false where the last message is not the assistant's");
    if (continues && begins_new)
        return json_refuse(&continued, "only one of this and add_generation_prompt");
    if (!continues && json_has(root, "add_generation_prompt") && !begins_new)
        return json_refuse(&begun, "true where no message is continued");
    r->continues = continues;
    return CADRE_OK;
}

/* ---- thinking ---- */

static cadre_status read_effort(const json_node *node, api_request *r)
{
    static const struct {
        const char *word, *how;
    } words[] = { { "none", "off" }, { "minimal", "low" }, { "low", "low" }, { "medium", "medium" },
        { "high", "high" }, { "xhigh", "high" } };
    const char *word;
    CADRE_TRY(json_as_string(node, &word, NULL));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word) == 0) {
            r->thinking = words[i].how, r->thinking_field = "reasoning_effort";
            return CADRE_OK;
        }
    return json_refuse(node, "none, minimal, low, medium or high");
}

static void set_thinking(api_request *r, bool on, const char *field)
{
    r->thinking = on ? "on" : "off", r->thinking_field = field;
}

static cadre_status read_argument(const json_node *m, api_request *r)
{
    bool on;
    if (strcmp(m->key, "reasoning_effort") == 0) return read_effort(m, r);
    if (strcmp(m->key, "enable_thinking") != 0 && strcmp(m->key, "thinking") != 0)
        return json_refuse(m, "enable_thinking, thinking or reasoning_effort alone");
    CADRE_TRY(json_as_bool(m, &on));
    set_thinking(r, on, "chat_template_kwargs");
    return CADRE_OK;
}

/* Reads "enable_thinking": true, and "thinking": {"type": "enabled"}, with which other services
 * turn the thoughts of Qwen, GLM and DeepSeek on and off. */
static cadre_status read_switches(const json_node *root, api_request *r)
{
    json_node object, m = { 0 };
    const char *word;
    bool on = false;
    CADRE_TRY(json_opt_bool(root, "enable_thinking", &on));
    if (json_has(root, "enable_thinking")) set_thinking(r, on, "enable_thinking");
    CADRE_TRY(json_opt_object(root, "thinking", &object));
    while (object.value && json_next(&object, &m)) {
        if (strcmp(m.key, "type") != 0) return json_refuse(&m, "only type");
        CADRE_TRY(json_as_string(&m, &word, NULL));
        on = strcmp(word, "enabled") == 0;
        if (!on && strcmp(word, "disabled") != 0) return json_refuse(&m, "enabled or disabled");
        set_thinking(r, on, "thinking");
    }
    return CADRE_OK;
}

static cadre_status read_thinking(const json_node *root, api_request *r)
{
    json_node arguments, effort = json_member(root, "reasoning_effort"), m = { 0 };
    CADRE_TRY(read_switches(root, r));
    if (json_has(root, "reasoning_effort")) CADRE_TRY(read_effort(&effort, r));
    CADRE_TRY(json_opt_object(root, "chat_template_kwargs", &arguments));
    while (arguments.value && json_next(&arguments, &m)) CADRE_TRY(read_argument(&m, r));
    return CADRE_OK;
}

cadre_status api_read_messages(const json_node *root, api_request *r)
{
    CADRE_TRY(read_list(root, r));
    CADRE_TRY(read_continuation(root, r));
    return read_thinking(root, r);
}

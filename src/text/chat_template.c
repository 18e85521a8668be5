/* chat_template.c - finding a chat template: by its name, or by signs in a model's own. */
#include "text/chat_template.h"

#include <string.h>

const char *chat_template_name(const chat_template *c) { return c->name; }

const chat_template *chat_template_find(const char *name)
{
    const chat_template *c;
    for (int i = 0; (c = chat_template_at(i)); i++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

bool chat_template_think(const chat_template *c, const char *how, chat_template *thinking)
{
    const chat_thinking *w = c->ways;
    while (w && w->how && strcmp(w->how, how) != 0) w++;
    if (!w || !w->how) return false;
    chat_template made = *chat_template_find(c->name);
    if (w->begin) made.begin = w->begin;
    if (w->answer) made.answer = w->answer;
    if (w->mode) made.mode = w->mode;
    if (w->memory) made.memory = w->memory;
    if (w->system_before) made.frames[CHAT_SYSTEM].before = w->system_before;
    if (w->system_before && !made.system) made.system = "";
    made.thinks = w->thinks;
    made.way = w;
    *thinking = made;
    return true;
}

/* Whether the sign stands at the start of the text. */
static bool begins_with(string_view text, const char *sign)
{
    for (size_t at = 0; *sign; sign++, at++) {
        if (at == text.size) return false;
        bool escaped = *sign == '\n' && text.size - at > 1 && text.data[at] == '\\' &&
                       text.data[at + 1] == 'n';
        if (escaped) at++;
        else if (text.data[at] != *sign && !(*sign == '\'' && text.data[at] == '"')) return false;
    }
    return true;
}

bool chat_template_has(string_view program, const char *sign)
{
    for (size_t at = 0; at < program.size; at++)
        if (begins_with((string_view){ program.data + at, program.size - at }, sign)) return true;
    return false;
}

static bool is_of(const chat_template *c, string_view program)
{
    for (int i = 0; i < SIGNS_MAX && c->signs[i]; i++)
        if (!chat_template_has(program, c->signs[i])) return false;
    for (int i = 0; i < DENIALS_MAX && c->denials[i]; i++)
        if (chat_template_has(program, c->denials[i])) return false;
    return true;
}

const chat_template *chat_template_recognise(string_view program)
{
    const chat_template *c;
    for (int i = 0; program.size && (c = chat_template_at(i)); i++)
        if (is_of(c, program)) return c;
    return NULL;
}

/* answer_calls.c - calls put together from what a reader of calls finds. */
#include "serve/answer_calls.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/random.h"

void answer_calls_open(
    const chat_tool_style *style, const chat_tools *tools, uint64_t names, answer_calls *c)
{
    *c = (answer_calls){ .names = names };
    if (style) call_reader_open(style, tools, &c->reader);
}

void answer_calls_close(answer_calls *c)
{
    for (size_t i = 0; i < c->count; i++) {
        byte_buffer_free(&c->list[i].name);
        byte_buffer_free(&c->list[i].arguments);
    }
    mem_free(c->list);
    byte_buffer_free(&c->text);
    call_reader_close(&c->reader);
    *c = (answer_calls){ 0 };
}

/* Nine letters and digits, which is what Mistral's templates take. */
static void name_call(answer_calls *c, answer_call *call)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    random_key key = random_key_of(c->names, "call", (uint64_t)c->count, 0);
    for (uint64_t i = 0; i < 9; i++) call->id[i] = letters[random_bits(key, i) % 36];
}

static cadre_status begin_call(answer_calls *c, string_view name)
{
    void *list = c->list;
    CADRE_TRY(buffer_grow(&list, c->count, &c->room, 1, sizeof *c->list));
    c->list = list;
    answer_call *call = &c->list[c->count++];
    *call = (answer_call){ .told = 0 };
    name_call(c, call);
    return byte_buffer_put(&call->name, name.data, name.size);
}

static cadre_status hear(void *arg, call_event event, string_view text)
{
    answer_calls *c = arg;
    switch (event) {
    case CALL_TEXT: return byte_buffer_put(&c->text, text.data, text.size);
    case CALL_NAME: return begin_call(c, text);
    case CALL_ARGUMENTS:
        return byte_buffer_put(&c->list[c->count - 1].arguments, text.data, text.size);
    case CALL_END: break;
    }
    return CADRE_OK;
}

cadre_status answer_calls_put(answer_calls *c, string_view text)
{
    return call_reader_put(&c->reader, text, hear, c);
}

cadre_status answer_calls_end(answer_calls *c) { return call_reader_end(&c->reader, hear, c); }

/* ---- telling ---- */

static bool is_news(const answer_call *call)
{
    return !call->begun || call->told < call->arguments.size;
}

bool answer_calls_has_news(const answer_calls *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (is_news(&c->list[i])) return true;
    return false;
}

static void put_head(const answer_call *call, json_writer *w)
{
    json_put_string(w, "id", call->id);
    json_put_string(w, "type", "function");
}

void answer_calls_put_all(const answer_calls *c, json_writer *w)
{
    json_put_array(w, "tool_calls");
    for (size_t i = 0; i < c->count; i++) {
        const answer_call *call = &c->list[i];
        json_put_object(w, NULL);
        put_head(call, w);
        json_put_object(w, "function");
        json_put_bytes(w, "name", call->name.size ? call->name.data : "", call->name.size);
        json_put_bytes(
            w, "arguments", call->arguments.size ? call->arguments.data : "", call->arguments.size);
        json_put_close(w, '}');
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

void answer_calls_put_news(answer_calls *c, json_writer *w)
{
    json_put_array(w, "tool_calls");
    for (size_t i = 0; i < c->count; i++) {
        answer_call *call = &c->list[i];
        if (!is_news(call)) continue;
        json_put_object(w, NULL);
        json_put_int(w, "index", (int64_t)i);
        if (!call->begun) put_head(call, w);
        json_put_object(w, "function");
        if (!call->begun) json_put_bytes(w, "name", call->name.data, call->name.size);
        json_put_bytes(w, "arguments",
            call->arguments.size ? call->arguments.data + call->told : "",
            call->arguments.size - call->told);
        json_put_close(w, '}');
        json_put_close(w, '}');
        call->begun = true;
        call->told = call->arguments.size;
    }
    json_put_close(w, ']');
}

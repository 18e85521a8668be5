/* answer_calls.c - puts calls together from the events of a call reader. */
#include "serve/answer_calls.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/random.h"

void answer_calls_open(
    const chat_tool_style *style, const chat_tools *tools, uint64_t id_seed, answer_calls *c)
{
    *c = (answer_calls){ .id_seed = id_seed };
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

/* Makes an id of nine letters and digits, the form that Mistral's templates require. */
static void assign_id(answer_calls *c, answer_call *call)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    random_key key = random_key_of(c->id_seed, "call", (uint64_t)c->count, 0);
    for (uint64_t i = 0; i < 9; i++) call->id[i] = letters[random_bits(key, i) % 36];
}

static cadre_status begin_call(answer_calls *c, string_view name)
{
    void *list = c->list;
    CADRE_TRY(buffer_grow(&list, c->count, &c->room, 1, sizeof *c->list));
    c->list = list;
    answer_call *call = &c->list[c->count++];
    *call = (answer_call){ .sent = 0 };
    assign_id(c, call);
    return byte_buffer_put(&call->name, name.data, name.size);
}

static cadre_status take_event(void *arg, call_event event, string_view text)
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
    return call_reader_put(&c->reader, text, take_event, c);
}

cadre_status answer_calls_end(answer_calls *c)
{
    return call_reader_end(&c->reader, take_event, c);
}

/* ---- writing ---- */

static bool is_unsent(const answer_call *call)
{
    return !call->name_sent || call->sent < call->arguments.size;
}

bool answer_calls_has_delta(const answer_calls *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (is_unsent(&c->list[i])) return true;
    return false;
}

static void put_id(const answer_call *call, json_writer *w)
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
        put_id(call, w);
        json_put_object(w, "function");
        json_put_bytes(w, "name", call->name.size ? call->name.data : "", call->name.size);
        json_put_bytes(
            w, "arguments", call->arguments.size ? call->arguments.data : "", call->arguments.size);
        json_put_close(w, '}');
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

void answer_calls_put_delta(answer_calls *c, json_writer *w)
{
    json_put_array(w, "tool_calls");
    for (size_t i = 0; i < c->count; i++) {
        answer_call *call = &c->list[i];
        if (!is_unsent(call)) continue;
        json_put_object(w, NULL);
        json_put_int(w, "index", (int64_t)i);
        if (!call->name_sent) put_id(call, w);
        json_put_object(w, "function");
        if (!call->name_sent) json_put_bytes(w, "name", call->name.data, call->name.size);
        json_put_bytes(w, "arguments",
            call->arguments.size ? call->arguments.data + call->sent : "",
            call->arguments.size - call->sent);
        json_put_close(w, '}');
        json_put_close(w, '}');
        call->name_sent = true;
        call->sent = call->arguments.size;
    }
    json_put_close(w, ']');
}

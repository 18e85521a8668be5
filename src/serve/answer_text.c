/* answer_text.c - the steps for each id: decoding by a token stream, the parts that a template
 * marks, function calls, stop texts. */
#include "serve/answer_text.h"

#include "text/chat_template.h"

cadre_status answer_text_open(const tokenizer *t, const chat_template *template, bool continues,
    const char *const *stops, int stop_count, answer_text *out)
{
    answer_text a = { .template = template };
    if (template)
        a.reader = continues ? chat_reader_continue(template, t) : chat_reader_begin(template, t);
    cadre_status status = token_stream_new(t, CADRE_SKIP_SPECIAL, &a.stream);
    if (status == CADRE_OK && stop_count) status = cadre_stop_new(stops, stop_count, &a.stop);
    if (status == CADRE_OK) *out = a;
    else answer_text_close(&a);
    return status;
}

void answer_text_close(answer_text *a)
{
    token_stream_free(a->stream);
    cadre_stop_free(a->stop);
    answer_calls_close(&a->calls);
    byte_buffer_free(&a->content);
    byte_buffer_free(&a->thoughts);
    byte_buffer_free(&a->unmarked);
    *a = (answer_text){ 0 };
}

/* Removes the empty lines with which templates separate the answer from a thought. */
static string_view without_leading_lines(const answer_text *a, string_view text)
{
    while (a->thought && !a->has_content && text.size && *text.data == '\n')
        text = (string_view){ text.data + 1, text.size - 1 };
    return text;
}

static cadre_status add_content(answer_text *a, string_view text)
{
    text = without_leading_lines(a, text);
    if (!text.size) return CADRE_OK;
    a->has_content = true;
    if (a->stop)
        CADRE_TRY(
            cadre_stop_take(a->stop, text.data, text.size, &text.data, &text.size, &a->stopped));
    return byte_buffer_put(&a->content, text.data, text.size);
}

void answer_text_find_calls(
    answer_text *a, const chat_tool_style *style, const chat_tools *tools, uint64_t id_seed)
{
    answer_calls_open(style, tools, id_seed, &a->calls);
}

/* Adds the text outside calls to the content. */
static cadre_status add_text_outside_calls(answer_text *a)
{
    string_view text = { a->calls.text.data, a->calls.text.size };
    a->calls.text.size = 0;
    return text.size ? add_content(a, text) : CADRE_OK;
}

static cadre_status add_part(answer_text *a, string_view text)
{
    switch (a->part) {
    case CHAT_ANSWER: return add_content(a, text);
    case CHAT_THOUGHT:
        a->thought = true;
        return byte_buffer_put(&a->thoughts, text.data, text.size);
    case CHAT_UNMARKED: return byte_buffer_put(&a->unmarked, text.data, text.size);
    case CHAT_MARKUP: break;
    }
    return CADRE_OK;
}

/* Searches for calls: in all tokens if the template writes calls in a channel of their own,
 * otherwise only in the content. */
static cadre_status search_calls(answer_text *a, int32_t id, string_view text)
{
    bool headed = a->template->headed, inside = call_reader_inside(&a->calls.reader);
    size_t calls = a->calls.count;
    if (!headed && a->part != CHAT_ANSWER) return add_part(a, text);
    bool control = tokenizer_is_special(a->reader.t, id);
    CADRE_TRY(answer_calls_put(&a->calls, control ? tokenizer_piece(a->reader.t, id) : text));
    if (!headed) return add_text_outside_calls(a);
    a->calls.text.size = 0;
    inside |= call_reader_inside(&a->calls.reader) || a->calls.count > calls;
    return inside ? CADRE_OK : add_part(a, text);
}

cadre_status answer_text_put(answer_text *a, int32_t id)
{
    string_view text;
    if (a->stopped) return CADRE_OK;
    if (a->template) a->part = chat_reader_take(&a->reader, id);
    CADRE_TRY(token_stream_put(a->stream, id, &text));
    return a->calls.reader.style ? search_calls(a, id, text) : add_part(a, text);
}

static cadre_status end_calls(answer_text *a)
{
    if (!a->calls.reader.style) return CADRE_OK;
    CADRE_TRY(answer_calls_end(&a->calls));
    if (a->template->headed) a->calls.text.size = 0;
    return add_text_outside_calls(a);
}

/* If an answer has no mark at all, its text is the content. */
static cadre_status add_unmarked(answer_text *a)
{
    if (!a->template || a->reader.part != CHAT_UNMARKED || a->has_content) return CADRE_OK;
    return add_content(a, (string_view){ a->unmarked.data, a->unmarked.size });
}

cadre_status answer_text_end(answer_text *a)
{
    string_view text;
    if (a->stopped) return CADRE_OK;
    CADRE_TRY(token_stream_end(a->stream, &text));
    CADRE_TRY(add_part(a, text));
    CADRE_TRY(end_calls(a));
    CADRE_TRY(add_unmarked(a));
    if (!a->stop || a->stopped) return CADRE_OK;
    cadre_stop_rest(a->stop, &text.data, &text.size);
    return byte_buffer_put(&a->content, text.data, text.size);
}

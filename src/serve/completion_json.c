/* completion_json.c - writes JSON objects with their members in OpenAI's order. */
#include "serve/completion_json.h"

static void put_head(const completion *x, bool chunk, json_writer *w)
{
    const char *kind = !x->request.chat ? "text_completion"
                       : chunk          ? "chat.completion.chunk"
                                        : "chat.completion";
    json_put_object(w, NULL);
    json_put_string(w, "id", x->id);
    json_put_string(w, "object", kind);
    json_put_int(w, "created", x->created);
    json_put_string(w, "model", x->all->model_name);
}

/* Writes the usage. A prompt counts once, however many choices it has. */
static void put_usage(const completion *x, json_writer *w)
{
    int64_t prompt = 0, cached = 0, written = 0, thoughts = 0;
    for (int64_t p = 0; p < x->prompt_count; p++) {
        prompt += (int64_t)x->prompts[p].count;
        cached += x->choices[p * x->request.n].cached_tokens;
    }
    for (int64_t i = 0; i < x->count; i++) {
        written += (int64_t)x->choices[i].ids.count;
        thoughts += x->choices[i].thought_tokens;
    }
    json_put_object(w, "usage");
    json_put_int(w, "prompt_tokens", prompt);
    json_put_int(w, "completion_tokens", written);
    json_put_int(w, "total_tokens", prompt + written);
    json_put_object(w, "prompt_tokens_details");
    json_put_int(w, "cached_tokens", cached);
    json_put_close(w, '}');
    json_put_object(w, "completion_tokens_details");
    json_put_int(w, "reasoning_tokens", thoughts);
    json_put_close(w, '}');
    json_put_close(w, '}');
}

/* ---- members of a choice ---- */

/* Writes a buffer's text and empties the buffer. */
static void put_buffer(json_writer *w, const char *key, byte_buffer *buffer)
{
    json_put_bytes(w, key, buffer->size ? buffer->data : "", buffer->size);
    buffer->size = 0;
}

static void put_finish(const choice *c, json_writer *w)
{
    if (c->finish) json_put_string(w, "finish_reason", c->finish);
    else json_put_null(w, "finish_reason");
}

static void put_prompt_ids(const completion *x, const choice *c, json_writer *w)
{
    const token_list *ids = &x->prompts[c->index / x->request.n];
    json_put_array(w, "prompt_token_ids");
    for (size_t i = 0; i < ids->count; i++) json_put_int(w, NULL, ids->ids[i]);
    json_put_close(w, ']');
}

/* Writes the members that the request asked for beside the text. */
static void put_extras(const completion *x, choice *c, bool first, json_writer *w)
{
    choice_put_logprobs(c, x->request.chat, w);
    choice_put_routes(c, w);
    if (!x->request.token_ids) return;
    if (first) put_prompt_ids(x, c, w);
    choice_put_ids(c, w);
}

static void put_message(choice *c, json_writer *w)
{
    json_put_object(w, "message");
    json_put_string(w, "role", "assistant");
    if (c->text.thoughts.size) put_buffer(w, "reasoning_content", &c->text.thoughts);
    if (c->text.calls.count && !c->text.content.size) json_put_null(w, "content");
    else put_buffer(w, "content", &c->text.content);
    json_put_null(w, "refusal");
    if (c->text.calls.count) answer_calls_put_all(&c->text.calls, w);
    json_put_close(w, '}');
}

/* Adds the prompt, with which an echo begins. */
static cadre_status put_prompt(const completion *x, int64_t prompt, byte_buffer *text)
{
    const token_list *ids = &x->prompts[prompt];
    string_view given = x->request.prompts[prompt].text;
    if (given.data) return byte_buffer_put(text, given.data, given.size);
    return token_stream_all(x->all->tokenizer, ids->ids, ids->count, CADRE_SKIP_SPECIAL, text);
}

/* Writes the text, after the prompt if that is to be echoed and has not been sent. */
static void put_text(completion *x, choice *c, json_writer *w)
{
    byte_buffer text = { 0 };
    if (x->request.echo && !c->begun) put_prompt(x, c->index / x->request.n, &text);
    byte_buffer_put(&text, c->text.content.data, c->text.content.size);
    c->text.content.size = 0;
    put_buffer(w, "text", &text);
    byte_buffer_free(&text);
}

/* ---- whole ---- */

static void put_choice(completion *x, choice *c, json_writer *w)
{
    json_put_object(w, NULL);
    json_put_int(w, "index", c->index);
    if (x->request.chat) put_message(c, w);
    else put_text(x, c, w);
    put_extras(x, c, true, w);
    put_finish(c, w);
    json_put_close(w, '}');
}

void completion_put_whole(completion *x, json_writer *w)
{
    put_head(x, false, w);
    json_put_array(w, "choices");
    for (int64_t i = 0; i < x->count; i++) put_choice(x, &x->choices[i], w);
    json_put_close(w, ']');
    put_usage(x, w);
    json_put_close(w, '}');
}

/* ---- chunks ---- */

static void put_delta(choice *c, json_writer *w)
{
    json_put_object(w, "delta");
    if (c->text.thoughts.size) put_buffer(w, "reasoning_content", &c->text.thoughts);
    if (c->text.content.size) put_buffer(w, "content", &c->text.content);
    if (answer_calls_has_delta(&c->text.calls)) answer_calls_put_delta(&c->text.calls, w);
    json_put_close(w, '}');
}

static void open_choice(const completion *x, const choice *c, json_writer *w)
{
    put_head(x, true, w);
    json_put_array(w, "choices");
    json_put_object(w, NULL);
    json_put_int(w, "index", c->index);
}

static void close_choice(json_writer *w)
{
    json_put_close(w, '}');
    json_put_close(w, ']');
    json_put_close(w, '}');
}

void completion_put_role(completion *x, choice *c, json_writer *w)
{
    open_choice(x, c, w);
    json_put_object(w, "delta");
    json_put_string(w, "role", "assistant");
    json_put_string(w, "content", "");
    json_put_close(w, '}');
    json_put_null(w, "logprobs");
    json_put_null(w, "finish_reason");
    close_choice(w);
    c->begun = true;
}

void completion_put_chunk(completion *x, choice *c, bool last, json_writer *w)
{
    bool first = !x->request.token_ids || c->ids_sent == 0;
    open_choice(x, c, w);
    if (x->request.chat) put_delta(c, w);
    else put_text(x, c, w);
    c->begun = true;
    put_extras(x, c, first, w);
    if (last) put_finish(c, w);
    else json_put_null(w, "finish_reason");
    close_choice(w);
}

void completion_put_usage_chunk(completion *x, json_writer *w)
{
    put_head(x, true, w);
    json_put_array(w, "choices");
    json_put_close(w, ']');
    put_usage(x, w);
    json_put_close(w, '}');
}

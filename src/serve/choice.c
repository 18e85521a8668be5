/* choice.c - takes a batcher's news into a choice, and writes members of its JSON object. */
#include "serve/choice.h"

#include <math.h>

void choice_close(choice *c)
{
    answer_text_close(&c->text);
    token_list_free(&c->ids);
    logprob_list_close(&c->logprobs);
    byte_buffer_free(&c->routes.experts);
}

/* ---- taking news ---- */

/* Adds a token's logprob. In a chat, only tokens of the content have one. */
static cadre_status take_logprob(choice *c, int32_t id, const cadre_request_news *news, int64_t i)
{
    const cadre_logprob *best = news->top ? news->top + i * c->logprobs.top : NULL;
    if (!c->wants_logprobs || (c->text.template && !answer_text_is_content(&c->text)))
        return CADRE_OK;
    return logprob_list_add(&c->logprobs, c->previous_id, id, news->logprobs[i], best);
}

static cadre_status take_id(choice *c, const cadre_request_news *news, int64_t i)
{
    int32_t id = news->ids[i];
    CADRE_TRY(token_list_put(&c->ids, id));
    bool last = news->state == CADRE_REQUEST_ENDED && i + 1 == news->id_count;
    if (last && c->ended_by_token) return CADRE_OK;
    CADRE_TRY(answer_text_put(&c->text, id));
    CADRE_TRY(take_logprob(c, id, news, i));
    c->thought_tokens += c->text.template && c->text.part == CHAT_THOUGHT;
    c->previous_id = id;
    return CADRE_OK;
}

static cadre_status take_routes(choice *c, const cadre_request_news *news)
{
    choice_routes *r = &c->routes;
    r->layers = news->route_layers, r->picks = news->route_picks;
    size_t cell = (size_t)(r->layers * r->picks) * sizeof(int16_t);
    int64_t fresh = news->route_tokens - r->tokens;
    const char *from = (const char *)news->routes + (size_t)r->tokens * cell;
    r->tokens = news->route_tokens;
    return byte_buffer_put(&r->experts, from, (size_t)fresh * cell);
}

static cadre_status finish(choice *c, const char *why)
{
    CADRE_TRY(answer_text_end(&c->text));
    bool called = c->text.calls.count && strcmp(why, "stop") == 0;
    c->finish = called ? "tool_calls" : why;
    return CADRE_OK;
}

cadre_status choice_take(choice *c, const cadre_request_news *news)
{
    c->state = news->state;
    c->cached_tokens = news->cached_tokens;
    if (c->wants_routes && news->routes) CADRE_TRY(take_routes(c, news));
    for (int64_t i = 0; i < news->id_count && !c->text.stopped; i++) CADRE_TRY(take_id(c, news, i));
    if (c->text.stopped) {
        int64_t read = news->prompt_tokens + (int64_t)c->ids.count - 1;
        if (c->routes.tokens > read) c->routes.tokens = read;
        return finish(c, "stop");
    }
    if (news->state == CADRE_REQUEST_LIMIT) return finish(c, "length");
    return cadre_request_has_ended(news->state) ? finish(c, "stop") : CADRE_OK;
}

cadre_status choice_take_prompt(
    choice *c, const int32_t *ids, int64_t count, const cadre_request_news *news)
{
    static const cadre_logprob none[32];
    for (int64_t i = 0; i < count; i++) {
        bool first = i == 0 || !news->prompt_logprobs;
        CADRE_TRY(logprob_list_add(&c->logprobs, i ? ids[i - 1] : -1, ids[i],
            first ? NAN : news->prompt_logprobs[i],
            first || !c->logprobs.top ? none : news->prompt_top + i * c->logprobs.top));
    }
    return CADRE_OK;
}

/* ---- writing ---- */

void choice_put_logprobs(choice *c, bool chat, json_writer *w)
{
    size_t from = c->logprobs_sent, to = logprob_list_count(&c->logprobs);
    if (!c->wants_logprobs || from == to) {
        json_put_null(w, "logprobs");
        return;
    }
    c->logprobs_sent = to;
    if (chat) logprob_list_put_chat(&c->logprobs, from, to, w);
    else logprob_list_put_text(&c->logprobs, from, to, w);
}

static int expert_at(const choice_routes *r, int64_t i)
{
    int16_t expert;
    memcpy(&expert, r->experts.data + (size_t)i * sizeof expert, sizeof expert);
    return expert;
}

static void put_token_routes(const choice_routes *r, int64_t t, json_writer *w)
{
    json_put_array(w, NULL);
    for (int64_t s = 0; s < r->layers; s++) {
        int64_t first = (t * r->layers + s) * r->picks;
        json_put_array(w, NULL);
        for (int64_t k = 0; k < r->picks && expert_at(r, first + k) >= 0; k++)
            json_put_int(w, NULL, expert_at(r, first + k));
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
}

void choice_put_routes(choice *c, json_writer *w)
{
    if (!c->wants_routes) return;
    json_put_array(w, "routes");
    for (; c->routes_sent < c->routes.tokens; c->routes_sent++)
        put_token_routes(&c->routes, c->routes_sent, w);
    json_put_close(w, ']');
}

void choice_put_ids(choice *c, json_writer *w)
{
    json_put_array(w, "token_ids");
    for (; c->ids_sent < c->ids.count; c->ids_sent++)
        json_put_int(w, NULL, c->ids.ids[c->ids_sent]);
    json_put_close(w, ']');
}

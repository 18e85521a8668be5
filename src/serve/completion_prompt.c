/* completion_prompt.c - encodes texts and conversations by the model's vocabulary, and checks their
 * lengths against its context. */
#include "serve/completion_prompt.h"

#include "base/memory.h"

static cadre_status refuse(
    completion *x, int status, const char *code, const char *field, const char *sentence)
{
    x->error = api_error_new(status, code, field, "%s", sentence);
    return CADRE_EARGUMENT;
}

static cadre_status check_length(completion *x, const token_list *ids)
{
    const char *field = x->request.chat ? "messages" : "prompt";
    if (!ids->count) return refuse(x, 400, NULL, field, "expected at least one token, found none");
    if ((int64_t)ids->count < x->all->context) return CADRE_OK;
    x->error = api_error_new(400, "context_length_exceeded", field,
        "This model's maximum context length is %lld tokens. However, your %s resulted in %zu "
        "tokens. Please reduce the length of the %s.",
        (long long)x->all->context, field, ids->count, field);
    return CADRE_EARGUMENT;
}

/* Chooses the template's way of thinking. If the template lacks the requested way, a measure such
 * as "low" falls back to "on". If it lacks that too, the request is ignored; but "off" is refused
 * for a model that always thinks. */
static cadre_status choose_thinking(completion *x)
{
    const chat_template *t = x->all->template;
    const char *how = x->request.thinking;
    x->template = t;
    if (!how) return CADRE_OK;
    bool off = strcmp(how, "off") == 0;
    if (chat_template_think(t, how, &x->thinking) ||
        (!off && chat_template_think(t, "on", &x->thinking))) {
        x->template = &x->thinking;
        return CADRE_OK;
    }
    if (!off || (!t->ways && !t->thinks)) return CADRE_OK;
    return refuse(x, 400, NULL, x->request.thinking_field, "this model always thinks");
}

/* Whether the model may think before it answers, in the chosen way of thinking. */
static bool may_think(const completion *x)
{
    const chat_template *t = x->template;
    const char *how = x->request.thinking ? x->request.thinking : t->ways ? t->ways->how : "off";
    return t->thinks || t->headed || (t->ways && strcmp(how, "off") != 0);
}

/* ---- functions ---- */

static cadre_status find_style(completion *x)
{
    const completions *all = x->all;
    const api_tool_use *a = x->request.tool_use;
    const char *field = a->tools.count ? "tools" : "messages";
    if (!a->tools.count && !a->called) return CADRE_OK;
    x->style = chat_tool_style_of(x->template, tokenizer_chat_program(all->tokenizer));
    if (!x->style)
        return refuse(x, 400, NULL, field,
            "the chat template of this model has no known way to call functions");
    if (x->request.continues)
        return refuse(
            x, 400, NULL, "messages", "a message cannot be continued in a request with functions");
    return CADRE_OK;
}

static cadre_status encode_turns(completion *x)
{
    const api_tool_use *a = x->request.tool_use;
    return chat_calls_encode(x->template, x->style, x->all->tokenizer, a->turns,
        (int)x->request.message_count, a->tools.count ? &a->tools : NULL, x->prompts);
}

static cadre_status encode_chat(completion *x)
{
    const completions *all = x->all;
    const api_request *r = &x->request;
    if (!all->template) return refuse(x, 400, NULL, "messages", all->no_template);
    CADRE_TRY(choose_thinking(x));
    x->may_think = may_think(x);
    CADRE_TRY(find_style(x));
    x->continues = r->continues;
    if (x->style) return encode_turns(x);
    return (r->continues ? chat_encode_on : chat_encode)(
        x->template, all->tokenizer, r->messages, (int)r->message_count, x->prompts);
}

static cadre_status encode_prompt(completion *x, const api_prompt *p, token_list *ids)
{
    if (p->text.data)
        return tokenizer_encode(x->all->tokenizer, p->text.data, p->text.size,
            CADRE_ADD_SPECIAL | CADRE_PARSE_SPECIAL, ids);
    CADRE_TRY(token_list_reserve(ids, (size_t)p->count));
    for (int64_t i = 0; i < p->count; i++) CADRE_TRY(token_list_put(ids, p->ids[i]));
    return CADRE_OK;
}

cadre_status completion_encode(completion *x)
{
    const api_request *r = &x->request;
    x->prompt_count = r->chat ? 1 : r->prompt_count;
    x->prompts = MEM_ARRAY(token_list, x->prompt_count);
    if (!x->prompts) return CADRE_ENOMEM;
    for (int64_t i = 0; i < x->prompt_count; i++) {
        CADRE_TRY(r->chat ? encode_chat(x) : encode_prompt(x, &r->prompts[i], &x->prompts[i]));
        CADRE_TRY(check_length(x, &x->prompts[i]));
    }
    return CADRE_OK;
}

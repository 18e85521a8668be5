/* completion_submit.c - makes the choices with their seeds and constraints, and submits them. */
#include "serve/completion_submit.h"

#include "base/memory.h"
#include "base/random.h"
#include "infer/constraint.h"

/* The first choice of a prompt draws from the seed itself, choice k from a seed derived from it and
 * k. */
static uint64_t seed_of(const completion *x, int64_t k)
{
    uint64_t seed = x->request.sampling.seed;
    if (!x->request.seeded) seed = x->all->salt + x->number * 0x9e3779b97f4a7c15u;
    if (!k) return seed;
    random_key key = random_key_of(seed, "choice", (uint64_t)k, 0);
    return (uint64_t)key.k0 << 32 | key.k1;
}

static cadre_status open_choice(completion *x, int64_t i)
{
    choice *c = &x->choices[i];
    const api_request *r = &x->request;
    const token_list *ids = &x->prompts[i / r->n];
    c->index = i;
    c->previous_id = ids->ids[ids->count - 1];
    c->wants_logprobs = r->logprobs, c->wants_routes = r->routes;
    if (r->logprobs) CADRE_TRY(logprob_list_open(x->all->tokenizer, r->top, &c->logprobs));
    CADRE_TRY(answer_text_open(x->all->tokenizer, r->chat ? x->template : NULL, x->continues,
        r->stops, r->stop_count, &c->text));
    if (r->tool_use->tools.count)
        answer_text_find_calls(&c->text, x->style, &r->tool_use->tools,
            x->all->salt ^ (x->number << 16) ^ (uint64_t)i);
    return CADRE_OK;
}

/* Submits a choice. Further choices of a prompt wait until the first one has read the prompt, which
 * is then shared. */
static cadre_status submit(completion *x, int64_t i)
{
    choice *c = &x->choices[i];
    const completions *all = x->all;
    const api_request *r = &x->request;
    const token_list *ids = &x->prompts[i / r->n];
    int64_t k = i % r->n;
    cadre_sampling sampling = r->sampling;
    sampling.seed = seed_of(x, k);
    sampling.constraint = x->constraint;
    const cadre_request asked = { .size = sizeof asked,
        .tokens = ids->ids,
        .count = (int64_t)ids->count,
        .limit = r->limit < 0 ? INT64_MAX : r->limit,
        .sampling = &sampling,
        .ends = r->chat ? all->chat_ends : NULL,
        .end_count = r->chat ? all->chat_end_count : 0,
        .logprobs = r->logprobs,
        .top = r->logprobs ? r->top : 0,
        .prompt_logprobs = r->logprobs && r->echo,
        .routes = r->routes,
        .after = k ? x->choices[i - k].request : 0,
        .load = true };
    return cadre_batcher_submit(all->engine->batcher, &asked, &c->request);
}

/* Constrains an answer that may call functions, including the thoughts and the marks of its
 * template. */
static cadre_status constrain_calls(completion *x)
{
    const api_tool_use *a = x->request.tool_use;
    const answer_form form = { .name = API_DOCUMENT ": tools",
        .tokenizer = x->all->tokenizer,
        .template = x->template,
        .style = x->style,
        .tools = &a->tools,
        .required = a->required,
        .only = a->only,
        .once = a->once };
    return constraint_of_answer(x->all->engine->model, &form, &x->constraint);
}

/* Constrains an answer to JSON, after the thoughts of its template in a chat. */
static cadre_status constrain_json(completion *x)
{
    const api_request *r = &x->request;
    const answer_form form = { .name = "the schema",
        .tokenizer = x->all->tokenizer,
        .template = x->may_think ? x->template : NULL,
        .continues = x->continues,
        .json = true,
        .schema = r->schema.size ? r->schema.data : NULL,
        .size = r->schema.size,
        .only = -1 };
    return constraint_of_answer(x->all->engine->model, &form, &x->constraint);
}

bool completion_is_constrained(const completion *x)
{
    return x->request.structured || x->request.tool_use->tools.count;
}

/* A schema that cannot be compiled is an error in the request, whatever the reason. */
cadre_status completion_constrain(completion *x)
{
    if (x->request.tool_use->tools.count) return constrain_calls(x);
    cadre_status status = constrain_json(x);
    if (status != CADRE_OK && status != CADRE_ENOMEM)
        x->error = api_error_new(400, NULL, "response_format", "%s", cadre_last_error());
    return status;
}

cadre_status completion_submit(completion *x)
{
    int64_t count = x->prompt_count * x->request.n;
    x->choices = MEM_ARRAY(choice, count);
    if (!x->choices) return CADRE_ENOMEM;
    x->count = count;
    for (int64_t i = 0; i < count; i++) CADRE_TRY(open_choice(x, i));
    for (int64_t i = 0; i < count; i++) CADRE_TRY(submit(x, i));
    return CADRE_OK;
}

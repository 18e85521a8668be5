/* conversation.c - a conversation with a model: its messages, the session that has read them, and
 * the next answer.
 *
 * Every answer is asked for with the whole conversation in its template; the session computes only
 * what is new in it, or what comes after its last snapshot if layers are recurrent. Thoughts are
 * reported and then forgotten, unless the template keeps those of past answers. When room becomes
 * scarce, the oldest turns are dropped. */
#include "cadre/conversation.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/sized.h"
#include "base/buffer.h"
#include "format/quote.h"
#include "infer/session_public.h"
#include "model/model.h"
#include "text/chat_template.h"

typedef struct said {
    chat_role role;
    char *text; /* owned */
    size_t size;
    byte_buffer thought; /* before it, where the template keeps it */
} said;

struct cadre_chat {
    const cadre_model *model;      /* borrowed */
    const tokenizer *tokenizer;    /* borrowed */
    const chat_template *template; /* a row of the list, or `thinking` */
    chat_template thinking;
    int64_t capacity;
    cadre_session *session;
    said *messages; /* [count], with room for `room` */
    size_t count, room;
    cadre_chat_account account; /* of the last answer */
};

static cadre_status open_chat(cadre_chat *c, cadre_model *model, const char *name)
{
    CADRE_TRY(cadre_model_tokenizer(model, &c->tokenizer));
    if (!name) CADRE_TRY(cadre_chat_recognise(c->tokenizer, &name));
    CADRE_TRY(chat_template_named(name, &c->template));
    return session_new_cached(model, c->capacity, &c->session);
}

cadre_status cadre_chat_new(
    cadre_model *model, const char *name, int64_t capacity, cadre_chat **chat)
{
    cadre_chat *c = MEM_ARRAY(cadre_chat, 1);
    if (!c) return CADRE_ENOMEM;
    *c = (cadre_chat){ .model = model, .capacity = capacity };
    cadre_status status = open_chat(c, model, name);
    if (status == CADRE_OK) *chat = c;
    else cadre_chat_free(c);
    return status;
}

/* Forgets messages begin .. end - 1. */
static void forget(cadre_chat *c, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        mem_free(c->messages[i].text);
        byte_buffer_free(&c->messages[i].thought);
    }
    if (end < c->count)
        memmove(c->messages + begin, c->messages + end, (c->count - end) * sizeof *c->messages);
    c->count -= end - begin;
}

void cadre_chat_free(cadre_chat *c)
{
    if (!c) return;
    forget(c, 0, c->count);
    mem_free(c->messages);
    cadre_session_free(c->session);
    mem_free(c);
}

/* Where the turns begin: after the system message, if there is one. */
static size_t first_turn(const cadre_chat *c)
{
    return c->count && c->messages[0].role == CHAT_SYSTEM;
}

void cadre_chat_clear(cadre_chat *c) { forget(c, first_turn(c), c->count); }

const char *cadre_chat_template_of(const cadre_chat *c) { return chat_template_name(c->template); }

const char *cadre_chat_thinking(const cadre_chat *c)
{
    const chat_template *t = c->template;
    return t->way ? t->way->how : t->ways ? t->ways->how : NULL;
}

static void advise_ways(const chat_template *t)
{
    byte_buffer words = { 0 };
    for (const chat_thinking *w = t->ways; w && w->how; w++)
        byte_buffer_format(&words, "%s%s", w == t->ways ? "" : ", ", w->how);
    if (words.size && words.status == CADRE_OK) cadre_fail_advice("It knows: %s", words.data);
    byte_buffer_free(&words);
}

cadre_status cadre_chat_think(cadre_chat *c, const char *how)
{
    const char *name = chat_template_name(c->template);
    if (chat_template_think(c->template, how, &c->thinking)) {
        c->template = &c->thinking;
        return CADRE_OK;
    }
    if (c->template->ways)
        cadre_fail(CADRE_EARGUMENT, NULL,
            "the chat template %s: expected a way of thinking that it knows, found \"%s\"", name,
            quote_text(how).text);
    else
        cadre_fail(CADRE_EARGUMENT, NULL,
            "the chat template %s leaves no choice of thinking, found \"%s\"", name,
            quote_text(how).text);
    advise_ways(c->template);
    return CADRE_EARGUMENT;
}

static cadre_status add(cadre_chat *c, chat_role role, const char *text, size_t size)
{
    void *messages = c->messages;
    CADRE_TRY(buffer_grow(&messages, c->count, &c->room, 1, sizeof *c->messages));
    c->messages = messages;
    char *copy = mem_alloc(size + 1, 1);
    if (!copy) return CADRE_ENOMEM;
    if (size) memcpy(copy, text, size);
    c->messages[c->count++] = (said){ .role = role, .text = copy, .size = size };
    return CADRE_OK;
}

cadre_status cadre_chat_add(cadre_chat *c, const char *role, const char *text, size_t size)
{
    chat_role found;
    CADRE_TRY(chat_role_named(role, &found));
    return add(c, found, text, size);
}

/* ---- room ---- */

/* The turn after the one that begins at `first`, which a user begins; `count`: there is none. */
static size_t next_turn(const cadre_chat *c, size_t first)
{
    size_t next = first + 1;
    while (next < c->count && c->messages[next].role != CHAT_USER) next++;
    return next < c->count ? next : c->count;
}

static chat_message message_of(const said *s)
{
    return (chat_message){ .role = s->role,
        .text = s->text,
        .size = s->size,
        .thought = { s->thought.data, s->thought.size } };
}

/* The ids of the conversation without the turns before message `first` */
static cadre_status encode_from(const cadre_chat *c, size_t first, token_list *ids)
{
    size_t system = first_turn(c), count = 0;
    chat_message *list = MEM_ARRAY(chat_message, c->count + 1);
    if (!list) return CADRE_ENOMEM;
    for (size_t i = 0; i < c->count; i++)
        if (i < system || i >= first) list[count++] = message_of(&c->messages[i]);
    ids->count = 0;
    cadre_status status = chat_encode(c->template, c->tokenizer, list, (int)count, ids);
    mem_free(list);
    return status;
}

/* The room that an answer should find: as many tokens as it may have, or a quarter of all. */
static int64_t room_wanted(const cadre_chat *c, int64_t limit)
{
    int64_t quarter = c->capacity / 4 > 1 ? c->capacity / 4 : 1;
    return limit > 0 && limit < quarter ? limit : quarter;
}

static cadre_status refuse_too_long(cadre_chat *c, size_t count)
{
    size_t last = c->count;
    while (last > first_turn(c) && c->messages[last - 1].role != CHAT_ASSISTANT) last--;
    forget(c, last, c->count);
    cadre_fail(CADRE_ENOMEM, NULL,
        "the message: expected fewer than %lld tokens of conversation with it alone, found %zu",
        (long long)c->capacity, count);
    cadre_fail_advice("--context N sets how many there may be; what was said before is kept");
    return CADRE_ENOMEM;
}

/* The conversation's ids, without the oldest turns if they leave too little room for an answer */
static cadre_status encode(cadre_chat *c, int64_t limit, token_list *ids)
{
    size_t begin = first_turn(c), first = begin;
    CADRE_TRY(encode_from(c, first, ids));
    while (c->capacity - (int64_t)ids->count < room_wanted(c, limit) &&
           next_turn(c, first) < c->count) {
        first = next_turn(c, first);
        CADRE_TRY(encode_from(c, first, ids));
    }
    if ((int64_t)ids->count >= c->capacity) return refuse_too_long(c, ids->count);
    c->account.let_go = (int64_t)(first - begin);
    forget(c, begin, first);
    return CADRE_OK;
}

/* ---- an answer ---- */

typedef struct answer {
    const cadre_chat *chat;
    chat_reader reader;
    chat_part part;    /* of the last token */
    byte_buffer text;  /* the answer itself, so far */
    byte_buffer other; /* thoughts, or text without a mark, so far */
    bool thought;      /* there was a thought ... */
    bool unclosed;     /* ... which is the answer */
    bool ended, stopped;
    int64_t tokens;
    double first, last; /* when the first and the last token came, in seconds */
    cadre_chat_listener listener;
    void *arg;
} answer;

/* Templates separate answers from thoughts by empty lines, which belong to neither. */
static string_view without_lines(const answer *a, const char *text, size_t size)
{
    bool begins = a->part == CHAT_ANSWER && a->thought && !a->text.size;
    for (; begins && size && *text == '\n'; size--) text++;
    return (string_view){ text, size };
}

/* Reports text of the part a->part. Returns false if the listener stops. */
static bool tell(answer *a, const char *text, size_t size)
{
    string_view words = without_lines(a, text, size);
    bool answers = a->part == CHAT_ANSWER;
    byte_buffer_put(answers ? &a->text : &a->other, words.data, words.size);
    if (a->part == CHAT_THOUGHT) a->thought = true;
    if (!words.size || a->part == CHAT_UNMARKED) return true;
    a->stopped = !a->listener(a->arg, !answers, words.data, words.size);
    return !a->stopped;
}

static void count_token(answer *a)
{
    a->last = clock_seconds();
    if (!a->tokens++) a->first = a->last;
}

static bool ends(const cadre_chat *c, int32_t id)
{
    return chat_ends(c->template, c->tokenizer, id) || model_config_ends(&c->model->config, id);
}

static bool take(void *arg, int32_t id, const char *text, size_t size)
{
    answer *a = arg;
    if (id >= 0) {
        count_token(a);
        a->ended = ends(a->chat, id);
        if (a->ended) return false;
        a->part = chat_reader_take(&a->reader, id);
    }
    return a->part == CHAT_MARKUP || tell(a, text, size);
}

/* If nothing is marked as the answer, it is the text without a mark, or the thought in which the
 * model ended its turn. */
static void find_answer(answer *a)
{
    bool unmarked = a->reader.part == CHAT_UNMARKED,
         unclosed = a->ended && chat_reader_unclosed(&a->reader);
    if (a->text.size || a->other.status != CADRE_OK || !(unmarked || unclosed)) return;
    a->part = CHAT_ANSWER;
    a->unclosed = unclosed;
    tell(a, a->other.data, a->other.size);
}

static cadre_chat_end end_of(const answer *a, cadre_status status, bool full)
{
    if (a->ended) return CADRE_CHAT_ENDED;
    if (a->stopped || status != CADRE_OK) return CADRE_CHAT_STOPPED;
    return full ? CADRE_CHAT_FULL : CADRE_CHAT_LIMIT;
}

static void account(cadre_chat *c, const answer *a, cadre_chat_end end, size_t prompt)
{
    double seconds = a->last - a->first;
    c->account.end = end;
    c->account.answered = a->text.size > 0;
    c->account.unclosed = a->unclosed;
    c->account.prompt_tokens = (int64_t)prompt;
    c->account.tokens = a->tokens;
    c->account.tokens_per_second =
        a->tokens > 1 && seconds > 0 ? (double)(a->tokens - 1) / seconds : 0;
}

/* Moves the last answer's thought to it, if the template has thoughts of all answers. */
static void keep_thought(cadre_chat *c, answer *a)
{
    const chat_memory *m = c->template->memory;
    if (!m || m->keep != KEEP_ALL || !a->thought || a->unclosed) return;
    c->messages[c->count - 1].thought = a->other;
    a->other = (byte_buffer){ 0 };
}

/* Generates the answer to a conversation with these ids, and keeps it. */
static cadre_status answer_to(
    cadre_chat *c, const token_list *ids, int64_t limit, const cadre_sampling *sampling, answer *a)
{
    int64_t room = c->capacity - (int64_t)ids->count,
            most = limit > 0 && limit < room ? limit : room;
    cadre_status status =
        cadre_session_generate(c->session, ids->ids, (int64_t)ids->count, most, sampling, take, a);
    if (status != CADRE_OK && status != CADRE_EINTERRUPTED) return status;
    find_answer(a);
    account(c, a, end_of(a, status, most == room), ids->count);
    CADRE_TRY(a->text.status);
    CADRE_TRY(a->other.status);
    CADRE_TRY(add(c, CHAT_ASSISTANT, a->text.data, a->text.size));
    keep_thought(c, a);
    return status;
}

cadre_status cadre_chat_answer(cadre_chat *c, int64_t limit, const cadre_sampling *sampling,
    cadre_chat_listener listener, void *arg)
{
    answer a = { .chat = c,
        .reader = chat_reader_begin(c->template, c->tokenizer),
        .listener = listener,
        .arg = arg };
    token_list ids = { 0 };
    c->account = (cadre_chat_account){ 0 };
    cadre_status status = encode(c, limit, &ids);
    if (status == CADRE_OK) status = answer_to(c, &ids, limit, sampling, &a);
    token_list_free(&ids);
    byte_buffer_free(&a.text);
    byte_buffer_free(&a.other);
    return status;
}

cadre_status cadre_chat_account_get(const cadre_chat *c, cadre_chat_account *account)
{
    CADRE_TRY(sized_check(
        "cadre_chat_account", account, SIZE_UP_TO(cadre_chat_account, tokens_per_second)));
    sized_write(&c->account, sizeof c->account, account);
    return CADRE_OK;
}

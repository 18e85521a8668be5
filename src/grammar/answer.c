/* answer.c - thoughts, text, JSON and calls in one grammar. */
#include "grammar/answer.h"

#include <string.h>

#include "format/json_copy.h"
#include "grammar/chars.h"
#include "grammar/schema.h"
#include "text/gemma_text.h"

typedef struct making {
    network *n;
    const answer_form *f;
    json_text text;
    node_id characters; /* any text: leads on to itself and to what follows, see any_text */
} making;

/* ---- words of a template ---- */

/* The control token that begins here; its size, 0: none does. */
static size_t control_at(const making *m, const char *text)
{
    char open = *text, close = open == '<' ? '>' : ']';
    const char *end = open == '<' || open == '[' ? strchr(text, close) : NULL;
    size_t size = end ? (size_t)(end - text) + 1 : 0;
    int32_t id = size ? tokenizer_id(m->f->tokenizer, text, size) : -1;
    return id >= 0 && tokenizer_is_special(m->f->tokenizer, id) ? size : 0;
}

/* As the trie of tokens has them. */
static void spell(making *m, const char *words, byte_buffer *spelt)
{
    for (const char *at = words; *at;) {
        size_t control = control_at(m, at);
        if (control) byte_buffer_fill(spelt, (char)TOKEN_TRIE_CONTROL, 1);
        byte_buffer_put(spelt, at, control ? control : 1);
        at += control ? control : 1;
    }
    if (spelt->status != CADRE_OK && m->n->status == CADRE_OK) m->n->status = spelt->status;
}

static node_id put_words(making *m, const char *words, node_id next)
{
    byte_buffer spelt = { 0 };
    spell(m, words, &spelt);
    if (spelt.status == CADRE_OK) next = network_text(m->n, spelt.data, spelt.size, next);
    byte_buffer_free(&spelt);
    return next;
}

/* ---- any text ---- */

/* Text in which `mark` leads to `found`; before it the text may be over where `over` leads
 * somewhere. */
static node_id text_until(making *m, const char *mark, node_id found, node_id over)
{
    chars c = { 0 };
    bool control = mark && control_at(m, mark) > 0;
    const char *looked_for = control || !mark ? "" : mark;
    cadre_status status = chars_before(looked_for, m->f->name, &c);
    node_id place = network_place(m->n);
    if (control) over = network_either(m->n, over, put_words(m, mark, found));
    if (status == CADRE_OK) network_join(m->n, place, chars_as_text(&c, m->n, found, over));
    else if (m->n->status == CADRE_OK) m->n->status = status;
    chars_free(&c);
    return place;
}

/* ---- calls ---- */

static cadre_status copy_of(const json_node *value, json_writer *w)
{
    *w = json_writer_new(0);
    json_put_copy(w, NULL, value);
    return json_writer_status(w);
}

/* How arguments are written, with its marks spelt. */
typedef struct arguments_form {
    schema_form form;
    byte_buffer begin, named, given, quote;
} arguments_form;

static bool is_gemma(const making *m) { return m->f->style->kind == CHAT_TOOLS_GEMMA; }

static const char *text_of(const byte_buffer *b) { return b->data ? b->data : ""; }

static cadre_status open_form(making *m, arguments_form *a)
{
    const chat_pairs *p = m->f->style->pairs;
    *a = (arguments_form){ .form.pairs = p != NULL, .form.quoted = p && p->quoted };
    spell(m, p ? p->begin : "", &a->begin);
    spell(m, p ? p->named : "", &a->named);
    spell(m, p ? p->given : "", &a->given);
    if (is_gemma(m)) spell(m, GEMMA_QUOTE, &a->quote);
    a->form.begin = text_of(&a->begin), a->form.named = text_of(&a->named);
    a->form.given = text_of(&a->given), a->form.between = p ? p->between : "";
    a->form.quote = is_gemma(m) ? text_of(&a->quote) : NULL;
    return m->n->status;
}

static void close_form(arguments_form *a)
{
    byte_buffer_free(&a->begin);
    byte_buffer_free(&a->named);
    byte_buffer_free(&a->given);
    byte_buffer_free(&a->quote);
}

/* The arguments of a function; a schema of nothing is any object. */
static cadre_status arguments_of(making *m, int tool, const schema_form *form, node_id *piece)
{
    static const char any[] = "{\"type\": \"object\"}";
    const json_node *schema = &m->f->tools->tools[tool].parameters;
    bool said = schema->value && json_count(schema);
    json_writer w = json_writer_new(0);
    cadre_status status = said ? copy_of(schema, &w) : CADRE_OK;
    string_view text =
        said ? (string_view){ w.text.data, w.text.size } : (string_view){ any, sizeof any - 1 };
    if (status == CADRE_OK) status = schema_read_as(m->n, form, m->f->name, text, piece);
    json_writer_free(&w);
    return status;
}

/* The number behind a name, of one or two digits: "name:0". */
static node_id put_number(making *m, node_id next)
{
    node_id more = network_place(m->n);
    network_edge digit = { '0', '9', more };
    network_join_split(m->n, more,
        (node_id[]){ next, network_bytes(m->n, &(network_edge){ '0', '9', next }, 1, false) }, 2);
    return network_byte(m->n, ':', network_bytes(m->n, &digit, 1, false));
}

/* Gemma's marks have the braces that its object has too. */
static cadre_status put_call(making *m, int tool, node_id after, node_id *piece)
{
    const chat_tool_style *s = m->f->style;
    const char *name = m->f->tools->tools[tool].name;
    arguments_form form;
    node_id arguments;
    cadre_status status = open_form(m, &form);
    if (status == CADRE_OK) status = arguments_of(m, tool, &form.form, &arguments);
    close_form(&form);
    CADRE_TRY(status);
    node_id given = put_words(m, s->given + is_gemma(m), after);
    node_id called = network_call(m->n, arguments, given);
    if (!is_gemma(m)) called = put_words(m, s->named, called);
    if (s->numbered) called = put_number(m, called);
    *piece = network_text(m->n, name, strlen(name), called);
    return CADRE_OK;
}

/* A function's name and what follows, up to the end of the last call. */
static cadre_status put_calls(making *m, node_id *piece)
{
    const chat_tool_style *s = m->f->style;
    node_id list[CHAT_TOOLS_MAX], again = network_place(m->n);
    node_id end = put_words(m, s->end, NETWORK_END);
    bool more = !s->one && !m->f->once;
    size_t count = 0;
    node_id after =
        network_either(m->n, end, more ? put_words(m, s->between, again) : (node_id)NETWORK_DEAD);
    for (int i = 0; i < m->f->tools->count; i++)
        if (m->f->only < 0 || m->f->only == i) CADRE_TRY(put_call(m, i, after, &list[count++]));
    network_join_split(m->n, again, list, count);
    *piece = again;
    return CADRE_OK;
}

/* ---- the answer behind the thoughts ---- */

static cadre_status put_json(making *m, node_id *piece)
{
    node_id value = m->text.object;
    if (m->f->schema) CADRE_TRY(schema_read(m->n, m->f->name, m->f->schema, m->f->size, &value));
    *piece = json_text_lead(m->n, network_call(m->n, value, NETWORK_END));
    return CADRE_OK;
}

static cadre_status put_body(making *m, node_id *piece)
{
    const chat_tool_style *s = m->f->style;
    if (m->f->json) return put_json(m, piece);
    if (!s) {
        *piece = text_until(m, NULL, NETWORK_DEAD, NETWORK_END);
        return CADRE_OK;
    }
    node_id calls;
    CADRE_TRY(put_calls(m, &calls));
    calls = put_words(m, s->begin + strlen(s->mark), calls);
    *piece =
        m->f->required ? put_words(m, s->mark, calls) : text_until(m, s->mark, calls, NETWORK_END);
    return CADRE_OK;
}

/* The mark that opens thoughts, or the one that closes them; NULL: the template has none. */
static const char *mark_of(const chat_template *c, bool opens)
{
    for (const chat_mark *mark = c->marks; mark && mark->piece; mark++)
        if (opens ? mark->kind == CHAT_MARK_THOUGHT || mark->kind == CHAT_MARK_TITLED
                  : mark->kind == CHAT_MARK_ANSWER)
            return mark->piece;
    return NULL;
}

/* A thought up to its mark; where the template does not open one the model may. */
static node_id put_thoughts(making *m, node_id body)
{
    const chat_template *c = m->f->template;
    const char *open = c ? mark_of(c, true) : NULL, *close = c ? mark_of(c, false) : NULL;
    if (!open || !close || m->f->continues) return body;
    node_id behind = json_text_lead(m->n, body);
    node_id thought = text_until(m, close, behind, NETWORK_DEAD);
    if (c->thinks) return thought;
    return network_either(m->n, body, json_text_lead(m->n, put_words(m, open, thought)));
}

/* ---- channels ---- */

/* A message that is not the last: on a channel, up to its end and the next one's head. */
static node_id put_aside(making *m, const char *channel, node_id next)
{
    node_id end = put_words(m, "<|end|><|start|>assistant", next);
    return put_words(m, channel, text_until(m, NULL, NETWORK_DEAD, end));
}

static cadre_status put_channels(making *m, node_id *piece)
{
    answer_form final = *m->f;
    making inner = *m;
    node_id head = network_place(m->n), body, calls = NETWORK_DEAD;
    bool text = m->f->json || !m->f->required;
    final.style = NULL;
    inner.f = &final;
    CADRE_TRY(put_body(&inner, &body));
    if (!m->f->json && m->f->style) {
        CADRE_TRY(put_calls(m, &calls));
        calls = put_words(m, m->f->style->begin, calls);
    }
    if (m->f->continues) return *piece = body, CADRE_OK;
    node_id said = text ? put_words(m, "<|channel|>final<|message|>", body) : (node_id)NETWORK_DEAD;
    node_id list[] = { said, calls, put_aside(m, "<|channel|>analysis<|message|>", head),
        put_aside(m, "<|channel|>commentary<|message|>", head) };
    network_join_split(m->n, head, list, sizeof list / sizeof *list);
    *piece = head;
    return CADRE_OK;
}

cadre_status answer_make(network *n, const answer_form *f, node_id *root)
{
    making m = { .n = n, .f = f };
    json_text_make(n, &m.text);
    if (f->template && f->template->headed) return put_channels(&m, root);
    node_id body;
    CADRE_TRY(put_body(&m, &body));
    *root = put_thoughts(&m, body);
    return n->status;
}

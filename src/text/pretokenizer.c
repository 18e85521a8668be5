/* pretokenizer.c - THE LIST of pre-tokenizers, and how pieces pass through them. */
#include "text/pretokenizer.h"

#include <string.h>

#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/char_class.h"
#include "text/normalizer.h"
#include "text/step_list.h"

/* What \w means in "Whitespace", whose regex engine differs from the others'; see char_is_word. */
#define REGEX_WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}"

struct pretokenizer_run {
    const pretokenizer *steps;
    pretokenizer_scratch *scratch;
    word_sink sink;
    void *arg;
};

static cadre_status hand_on(pretokenizer_run *r, int step, string_view piece, bool first)
{
    if (piece.size == 0) return CADRE_OK;
    if (step == r->steps->count) return r->sink(r->arg, piece);
    return r->steps->steps[step].run(r, step, piece, first);
}

/* ---- splitting ---- */

typedef struct cutting {
    pretokenizer_run *run;
    int step;
    string_view piece;
    bool first;
    bool pending, pending_match; /* there is a part that the next one may join */
    size_t begin, end;           /* of that part */
} cutting;

static cadre_status flush(cutting *c)
{
    bool pending = c->pending;
    c->pending = false;
    if (!pending) return CADRE_OK;
    return hand_on(c->run, c->step + 1,
        (string_view){ c->piece.data + c->begin, c->end - c->begin }, c->first && c->begin == 0);
}

/* Whether a part joins the previous one. */
static bool joins(cutting *c, split_behavior behavior, bool match)
{
    if (!c->pending) return false;
    switch (behavior) {
    case SPLIT_CONTIGUOUS: return match == c->pending_match;
    case SPLIT_MERGED_WITH_PREVIOUS: return match && !c->pending_match;
    case SPLIT_MERGED_WITH_NEXT: return !match && c->pending_match;
    default: return false;
    }
}

/* Takes the next part of the piece. Parts come in order and without gaps. */
static cadre_status take_part(cutting *c, size_t begin, size_t end, bool match)
{
    const pretokenizer_step *s = &c->run->steps->steps[c->step];
    if (s->invert) match = !match;
    if (joins(c, s->behavior, match)) {
        c->end = end;
        c->pending_match = match;
        return CADRE_OK;
    }
    CADRE_TRY(flush(c));
    if (match && s->behavior == SPLIT_REMOVED) return CADRE_OK;
    c->pending = true;
    c->pending_match = match;
    c->begin = begin;
    c->end = end;
    return CADRE_OK;
}

static cadre_status cut_by_pattern(cutting *c, const pattern *p)
{
    pattern_scan **scan = &c->run->scratch->scans[c->step];
    size_t done = 0, begin, end;
    bool found;
    if (!*scan) CADRE_TRY(pattern_scan_new(scan));
    pattern_scan_start(*scan, p, c->piece.data, c->piece.size);
    for (;;) {
        CADRE_TRY(pattern_scan_next(*scan, &found, &begin, &end));
        if (!found) break;
        if (begin > done) CADRE_TRY(take_part(c, done, begin, false));
        CADRE_TRY(take_part(c, begin, end, true));
        done = end;
    }
    return done < c->piece.size ? take_part(c, done, c->piece.size, false) : CADRE_OK;
}

static cadre_status cut_by_kind(cutting *c, bool (*is)(uint32_t code))
{
    size_t done = 0;
    uint32_t code;
    for (size_t at = 0, length; at < c->piece.size; at += length) {
        length = utf8_decode(c->piece.data + at, c->piece.size - at, &code);
        if (!is(code)) continue;
        if (at > done) CADRE_TRY(take_part(c, done, at, false));
        CADRE_TRY(take_part(c, at, at + length, true));
        done = at + length;
    }
    return done < c->piece.size ? take_part(c, done, c->piece.size, false) : CADRE_OK;
}

static cadre_status run_split(pretokenizer_run *r, int step, string_view piece, bool first)
{
    const pretokenizer_step *s = &r->steps->steps[step];
    cutting c = { .run = r, .step = step, .piece = piece, .first = first };
    CADRE_TRY(s->pattern ? cut_by_pattern(&c, s->pattern) : cut_by_kind(&c, s->is));
    return flush(&c);
}

/* ---- rewriting ---- */

static byte_buffer *fresh_buffer(pretokenizer_run *r, int step)
{
    byte_buffer *out = &r->scratch->rewritten[step];
    out->size = 0;
    return out;
}

static cadre_status run_visible(pretokenizer_run *r, int step, string_view piece, bool first)
{
    byte_buffer *out = fresh_buffer(r, step);
    CADRE_TRY(byte_level_put(out, piece.data, piece.size));
    return hand_on(r, step + 1, (string_view){ out->data, out->size }, first);
}

static cadre_status run_prefix_space(pretokenizer_run *r, int step, string_view piece, bool first)
{
    if (piece.data[0] == ' ') return hand_on(r, step + 1, piece, first);
    byte_buffer *out = fresh_buffer(r, step);
    CADRE_TRY(byte_buffer_put(out, " ", 1));
    CADRE_TRY(byte_buffer_put(out, piece.data, piece.size));
    return hand_on(r, step + 1, (string_view){ out->data, out->size }, first);
}

static bool begins_with(string_view text, const byte_buffer *with)
{
    return text.size >= with->size && memcmp(text.data, with->data, with->size) == 0;
}

static cadre_status run_metaspace(pretokenizer_run *r, int step, string_view piece, bool first)
{
    const pretokenizer_step *s = &r->steps->steps[step];
    byte_buffer *out = fresh_buffer(r, step);
    bool wanted = s->prepend == PREPEND_ALWAYS || (s->prepend == PREPEND_FIRST && first);
    if (wanted && piece.data[0] != ' ' && !begins_with(piece, &s->replacement))
        CADRE_TRY(byte_buffer_put(out, s->replacement.data, s->replacement.size));
    for (size_t at = 0, end; at < piece.size; at = end) {
        for (end = at; end < piece.size && piece.data[end] != ' ';) end++;
        CADRE_TRY(byte_buffer_put(out, piece.data + at, end - at));
        if (end < piece.size) {
            CADRE_TRY(byte_buffer_put(out, s->replacement.data, s->replacement.size));
            end++;
        }
    }
    return hand_on(r, step + 1, (string_view){ out->data, out->size }, first);
}

/* ---- each kind: is read from its JSON object ---- */

/* Adds a step with its run function. Returns NULL, with the last error set, if the list is full (a
 * kind may take several steps). */
static pretokenizer_step *new_step(
    pretokenizer *p, cadre_status (*run)(pretokenizer_run *, int, string_view, bool))
{
    if (p->count == PRETOKENIZER_STEPS_MAX) {
        cadre_fail(CADRE_EUNSUPPORTED, NULL, "pretokenizers: more than %d steps are not supported",
            PRETOKENIZER_STEPS_MAX);
        return NULL;
    }
    pretokenizer_step *step = &p->steps[p->count++];
    step->run = run;
    return step;
}

static cadre_status read_behavior(const json_node *node, split_behavior *behavior)
{
    static const char *const names[] = {
        [SPLIT_ISOLATED] = "Isolated",
        [SPLIT_REMOVED] = "Removed",
        [SPLIT_CONTIGUOUS] = "Contiguous",
        [SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
        [SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
    };
    json_node member = json_member(node, "behavior");
    const char *name;
    CADRE_TRY(json_as_string(&member, &name, NULL));
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *behavior = (split_behavior)i;
        return CADRE_OK;
    }
    return json_refuse(
        &member, "Isolated, Removed, Contiguous, MergedWithPrevious or MergedWithNext");
}

static cadre_status read_split(void *list, const json_node *node)
{
    pretokenizer_step *step = new_step(list, run_split);
    if (!step) return CADRE_EUNSUPPORTED;
    CADRE_TRY(read_behavior(node, &step->behavior));
    CADRE_TRY(json_opt_bool(node, "invert", &step->invert));
    return normalizer_read_pattern(node, &step->pattern);
}

static cadre_status add_kind(pretokenizer *p, bool (*is)(uint32_t code), split_behavior behavior)
{
    pretokenizer_step *step = new_step(p, run_split);
    if (!step) return CADRE_EUNSUPPORTED;
    step->is = is;
    step->behavior = behavior;
    return CADRE_OK;
}

static cadre_status read_digits(void *list, const json_node *node)
{
    bool individual = false;
    CADRE_TRY(json_opt_bool(node, "individual_digits", &individual));
    return add_kind(list, char_is_numeric, individual ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS);
}

static cadre_status read_punctuation(void *list, const json_node *node)
{
    split_behavior behavior = SPLIT_ISOLATED;
    if (json_has(node, "behavior")) CADRE_TRY(read_behavior(node, &behavior));
    return add_kind(list, char_is_punctuation, behavior);
}

static cadre_status read_whitespace_split(void *list, const json_node *node)
{
    (void)node;
    return add_kind(list, char_is_space, SPLIT_REMOVED);
}

static cadre_status read_whitespace(void *list, const json_node *node)
{
    static const char words[] = "[" REGEX_WORD "]+|[^" REGEX_WORD "\\s]+";
    pretokenizer_step *step = new_step(list, run_split);
    if (!step) return CADRE_EUNSUPPORTED;
    step->behavior = SPLIT_REMOVED;
    step->invert = true;
    return pattern_new(words, strlen(words), node->file, "Whitespace", &step->pattern);
}

static cadre_status read_delimiter(void *list, const json_node *node)
{
    const char *delimiter;
    pretokenizer_step *step = new_step(list, run_split);
    if (!step) return CADRE_EUNSUPPORTED;
    step->behavior = SPLIT_REMOVED;
    CADRE_TRY(json_get_string(node, "delimiter", &delimiter));
    return pattern_new_literal(
        delimiter, strlen(delimiter), node->file, "CharDelimiterSplit", &step->pattern);
}

static cadre_status read_byte_level(void *list, const json_node *node)
{
    pretokenizer *p = list;
    bool prefix = true, split = true;
    CADRE_TRY(json_opt_bool(node, "add_prefix_space", &prefix));
    CADRE_TRY(json_opt_bool(node, "use_regex", &split));
    if (p->byte_level) return json_refuse(node, "ByteLevel once");
    if (prefix && !new_step(p, run_prefix_space)) return CADRE_EUNSUPPORTED;
    if (split) {
        pretokenizer_step *step = new_step(p, run_split);
        if (!step) return CADRE_EUNSUPPORTED;
        CADRE_TRY(pattern_new(BYTE_LEVEL_PATTERN, strlen(BYTE_LEVEL_PATTERN), node->file,
            "ByteLevel", &step->pattern));
    }
    p->byte_level = true;
    return new_step(p, run_visible) ? CADRE_OK : CADRE_EUNSUPPORTED;
}

static cadre_status read_prepend_scheme(const json_node *node, prepend_scheme *scheme)
{
    json_node member = json_member(node, "prepend_scheme");
    const char *name = "always";
    bool prefix = true;
    /* Older files have this in its place. */
    CADRE_TRY(json_opt_bool(node, "add_prefix_space", &prefix));
    if (!prefix) name = "never";
    CADRE_TRY(json_opt_string(node, "prepend_scheme", &name));
    if (strcmp(name, "never") == 0) *scheme = PREPEND_NEVER;
    else if (!prefix) return json_refuse(&member, "never, as add_prefix_space is false");
    else if (strcmp(name, "always") == 0) *scheme = PREPEND_ALWAYS;
    else if (strcmp(name, "first") == 0) *scheme = PREPEND_FIRST;
    else return json_refuse(&member, "always, first or never");
    return CADRE_OK;
}

static cadre_status read_metaspace(void *list, const json_node *node)
{
    pretokenizer_step *step = new_step(list, run_metaspace);
    const char *replacement;
    bool split = true;
    uint32_t code;
    if (!step) return CADRE_EUNSUPPORTED;
    json_node member = json_member(node, "replacement");
    CADRE_TRY(json_as_string(&member, &replacement, NULL));
    size_t size = strlen(replacement);
    if (size == 0 || utf8_decode(replacement, size, &code) != size)
        return json_refuse(&member, "one character");
    CADRE_TRY(byte_buffer_put(&step->replacement, replacement, size));
    CADRE_TRY(read_prepend_scheme(node, &step->prepend));
    CADRE_TRY(json_opt_bool(node, "split", &split));
    if (!split) return CADRE_OK;
    if (!(step = new_step(list, run_split))) return CADRE_EUNSUPPORTED;
    step->behavior = SPLIT_MERGED_WITH_NEXT;
    return pattern_new_literal(replacement, size, node->file, "Metaspace", &step->pattern);
}

static const step_row rows[] = {
    { "ByteLevel", "add_prefix_space trim_offsets use_regex", read_byte_level },
    { "CharDelimiterSplit", "delimiter", read_delimiter },
    { "Digits", "individual_digits", read_digits },
    { "Metaspace", "replacement prepend_scheme add_prefix_space split str_rep", read_metaspace },
    { "Punctuation", "behavior", read_punctuation },
    { "Split", "pattern behavior invert", read_split },
    { "Whitespace", "", read_whitespace },
    { "WhitespaceSplit", "", read_whitespace_split },
};

cadre_status pretokenizer_read(pretokenizer *p, const json_node *node)
{
    return step_list_read(
        node, "pretokenizers", rows, sizeof rows / sizeof *rows, PRETOKENIZER_STEPS_MAX, p);
}

bool pretokenizer_same(const pretokenizer *a, const pretokenizer *b)
{
    for (int i = 0; i < a->count && i < b->count; i++) {
        const pretokenizer_step *x = &a->steps[i], *y = &b->steps[i];
        if (x->run != y->run || x->is != y->is || x->behavior != y->behavior ||
            x->invert != y->invert || x->prepend != y->prepend ||
            !pattern_same(x->pattern, y->pattern) ||
            !byte_buffer_same(&x->replacement, &y->replacement))
            return false;
    }
    return a->count == b->count;
}

void pretokenizer_free(pretokenizer *p)
{
    for (int i = 0; i < p->count; i++) {
        pattern_free(p->steps[i].pattern);
        byte_buffer_free(&p->steps[i].replacement);
    }
}

/* ---- the list ---- */

cadre_status pretokenizer_apply(const pretokenizer *p, pretokenizer_scratch *s, string_view text,
    bool first, word_sink sink, void *arg)
{
    pretokenizer_run run = { p, s, sink, arg };
    return hand_on(&run, 0, text, first);
}

void pretokenizer_scratch_free(pretokenizer_scratch *s)
{
    for (int i = 0; i < PRETOKENIZER_STEPS_MAX; i++) {
        pattern_scan_free(s->scans[i]);
        byte_buffer_free(&s->rewritten[i]);
    }
}

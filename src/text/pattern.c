/* pattern.c - compiles patterns, and scans texts under limits. */
#include "text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/utf8.h"

enum {
    LASTING = 1 << 20, /* bytes of text; matching in longer ones may take long */
    LIMIT_FIRST = 256, /* steps that an attempt at each place may take */
    /* Steps that a whole scan may take beyond these, for each byte and each bit of the length's
     * logarithm */
    STEPS_PER_BYTE = 64,
    STEPS_FLOOR = 1 << 20,
    HEAP_KIB = 256 * 1024, /* of the matcher's backtracking memory */
};

struct pattern {
    pcre2_code *code;
    char *where; /* for errors */
    byte_buffer text;
};

struct pattern_scan {
    const pattern *pattern;
    pcre2_match_data *match;
    pcre2_match_context *context;
    const char *text;
    size_t size, at;    /* where the next match may begin */
    size_t last_end;    /* of the previous match; SIZE_MAX: there is none */
    uint64_t allowance; /* steps left beyond LIMIT_FIRST for each match */
    uint32_t limit;     /* the limit that is set in the context */
};

static cadre_status compile_failed(
    pattern *p, const char *path, const char *where, int error, size_t offset)
{
    char message[160] = "out of memory";
    pattern_free(p);
    if (error) pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof message);
    return cadre_fail(error ? CADRE_EFORMAT : CADRE_ENOMEM, path,
        "%s: expected a regular expression, found an error near character %zu: %s", where, offset,
        message);
}

/* Takes ownership of the text in any case. */
static cadre_status compile(byte_buffer text, const char *path, const char *where, pattern **p)
{
    pattern *made = mem_alloc(1, sizeof *made);
    if (!made) {
        byte_buffer_free(&text);
        return CADRE_ENOMEM;
    }
    made->text = text;
    made->where = mem_printf("%s%s%s", path ? path : "", path ? ": " : "", where);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    int error = 0;
    PCRE2_SIZE offset = 0;
    if (context && made->where) {
        pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        made->code = pcre2_compile((PCRE2_SPTR)(text.size ? text.data : ""), text.size,
            PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &offset,
            context);
    }
    pcre2_compile_context_free(context);
    if (!made->code) return compile_failed(made, path, where, error, offset);
    *p = made;
    return CADRE_OK;
}

cadre_status pattern_new(
    const char *regex, size_t size, const char *path, const char *where, pattern **p)
{
    byte_buffer translated = { 0 };
    cadre_status status = pattern_translate(regex, size, path, where, &translated);
    if (status == CADRE_OK) return compile(translated, path, where, p);
    byte_buffer_free(&translated);
    return status;
}

cadre_status pattern_new_literal(
    const char *text, size_t size, const char *path, const char *where, pattern **p)
{
    byte_buffer escaped = { 0 };
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < size && status == CADRE_OK; i++) {
        if (text[i] && strchr("\\^$.[|()?*+{}", text[i]))
            status = byte_buffer_put(&escaped, "\\", 1);
        if (status == CADRE_OK) status = byte_buffer_put(&escaped, &text[i], 1);
    }
    if (status == CADRE_OK) return compile(escaped, path, where, p);
    byte_buffer_free(&escaped);
    return status;
}

bool pattern_same(const pattern *a, const pattern *b)
{
    if (!a || !b) return a == b;
    return byte_buffer_same(&a->text, &b->text);
}

void pattern_free(pattern *p)
{
    if (!p) return;
    pcre2_code_free(p->code);
    byte_buffer_free(&p->text);
    mem_free(p->where);
    mem_free(p);
}

/* ---- scanning ---- */

cadre_status pattern_scan_new(pattern_scan **s)
{
    pattern_scan *made = mem_alloc(1, sizeof *made);
    if (!made) return CADRE_ENOMEM;
    made->match = pcre2_match_data_create(1, NULL);
    made->context = pcre2_match_context_create(NULL);
    if (!made->match || !made->context) {
        pattern_scan_free(made);
        return cadre_fail(CADRE_ENOMEM, NULL, "out of memory: no room to match a pattern");
    }
    pcre2_set_heap_limit(made->context, HEAP_KIB);
    *s = made;
    return CADRE_OK;
}

void pattern_scan_free(pattern_scan *s)
{
    if (!s) return;
    pcre2_match_data_free(s->match);
    pcre2_match_context_free(s->context);
    mem_free(s);
}

static void set_limit(pattern_scan *s, uint32_t limit)
{
    s->limit = limit;
    pcre2_set_match_limit(s->context, limit);
}

void pattern_scan_start(pattern_scan *s, const pattern *p, const char *text, size_t size)
{
    uint64_t bits = 1;
    for (size_t n = size; n > 1; n /= 2) bits++;
    s->pattern = p;
    s->text = size ? text : "";
    s->size = size;
    s->at = 0;
    s->last_end = SIZE_MAX;
    s->allowance = STEPS_FLOOR + STEPS_PER_BYTE * bits * (uint64_t)size;
    set_limit(s, LIMIT_FIRST);
}

static void step_one_character(pattern_scan *s)
{
    s->at = s->at < s->size ? s->at + utf8_length(s->text[s->at]) : SIZE_MAX;
}

/* Doubles the step limit of this attempt while the allowance lasts. */
static bool raise_limit(pattern_scan *s)
{
    if (s->allowance < s->limit || s->limit > UINT32_MAX / 2) return false;
    s->allowance -= s->limit;
    set_limit(s, s->limit * 2);
    return true;
}

static int match_at(pattern_scan *s, uint32_t options)
{
    bool lasting = s->size - s->at > LASTING;
    if (lasting) interrupt_unheard_begin();
    int code = pcre2_match(s->pattern->code, (PCRE2_SPTR)s->text, s->size, s->at,
        options | PCRE2_NO_UTF_CHECK, s->match, s->context);
    if (lasting) interrupt_unheard_end();
    return code;
}

/* PCRE2 starts counting steps again at every place where a match may begin, so a raised limit is
 * used for one place only. */
static int match_place_by_place(pattern_scan *s)
{
    for (; s->at <= s->size; step_one_character(s)) {
        int code = match_at(s, PCRE2_ANCHORED);
        while (code == PCRE2_ERROR_MATCHLIMIT && raise_limit(s)) code = match_at(s, PCRE2_ANCHORED);
        if (s->limit != LIMIT_FIRST) set_limit(s, LIMIT_FIRST);
        if (code != PCRE2_ERROR_NOMATCH) return code;
    }
    return PCRE2_ERROR_NOMATCH;
}

static cadre_status match_failed(const pattern_scan *s, int code)
{
    if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_HEAPLIMIT ||
        code == PCRE2_ERROR_DEPTHLIMIT)
        return cadre_fail(CADRE_EUNSUPPORTED, s->pattern->where,
            "the pattern needs more steps or memory than %zu bytes of text may cost, near byte %zu",
            s->size, s->at);
    return cadre_fail(
        CADRE_ENOMEM, s->pattern->where, "the pattern could not be matched (error %d)", code);
}

cadre_status pattern_scan_next(pattern_scan *s, bool *found, size_t *begin, size_t *end)
{
    while (s->at <= s->size) {
        int code = match_at(s, 0);
        if (code == PCRE2_ERROR_MATCHLIMIT) code = match_place_by_place(s);
        if (code == PCRE2_ERROR_NOMATCH) break;
        if (code < 0) return match_failed(s, code);
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->match);
        size_t from = at[0], to = at[1];
        /* Only \K in a lookahead could do this, and such patterns were refused. */
        if (to < from) return match_failed(s, PCRE2_ERROR_INTERNAL);
        s->at = to;
        if (from == to) {
            step_one_character(s);
            if (from == s->last_end) continue;
        }
        s->last_end = to;
        *found = true;
        *begin = from;
        *end = to;
        return CADRE_OK;
    }
    s->at = SIZE_MAX;
    *found = false;
    return CADRE_OK;
}

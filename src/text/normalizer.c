/* normalizer.c - THE LIST of normalizers, which run one after another. */
#include "text/normalizer.h"

#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"
#include "text/char_class.h"
#include "text/step_list.h"

enum {
    GROWTH_MAX = 32,
    GROWTH_FREE = 1 << 20
}; /* bounds of how much longer a step may make a text */

/* ---- each kind: rewrites a text ---- */

static cadre_status run_form(
    const normalizer_step *step, pattern_scan *scan, string_view in, byte_buffer *out)
{
    (void)scan;
    return unicode_form_put(step->form, in, out);
}

static cadre_status run_charsmap(
    const normalizer_step *step, pattern_scan *scan, string_view in, byte_buffer *out)
{
    (void)scan;
    return charsmap_put(&step->map, in, out);
}

static cadre_status run_replace(
    const normalizer_step *step, pattern_scan *scan, string_view in, byte_buffer *out)
{
    return normalizer_replace(
        step->pattern, scan, in, (string_view){ step->content.data, step->content.size }, out);
}

static cadre_status run_prepend(
    const normalizer_step *step, pattern_scan *scan, string_view in, byte_buffer *out)
{
    (void)scan;
    if (in.size > 0) CADRE_TRY(byte_buffer_put(out, step->content.data, step->content.size));
    return byte_buffer_put(out, in.data, in.size);
}

static cadre_status run_strip(
    const normalizer_step *step, pattern_scan *scan, string_view in, byte_buffer *out)
{
    (void)scan;
    uint32_t code;
    size_t begin = 0, end = in.size;
    for (size_t length; step->left && begin < end; begin += length) {
        length = utf8_decode(in.data + begin, end - begin, &code);
        if (!char_is_space(code)) break;
    }
    while (step->right && end > begin) {
        size_t last = end - 1;
        while (utf8_continues(in.data[last])) last--;
        utf8_decode(in.data + last, end - last, &code);
        if (!char_is_space(code)) break;
        end = last;
    }
    return byte_buffer_put(out, in.data + begin, end - begin);
}

/* Writes what `map` makes of each character. map returns the number of code points. */
static cadre_status put_mapped(
    string_view in, byte_buffer *out, int (*map)(uint32_t code, uint32_t made[2]))
{
    uint32_t code, made[2];
    for (size_t at = 0; at < in.size;) {
        at += utf8_decode(in.data + at, in.size - at, &code);
        int count = map(code, made);
        CADRE_TRY(byte_buffer_reserve(out, 2 * UTF8_MAX));
        for (int i = 0; i < count; i++) out->size += utf8_encode(made[i], out->data + out->size);
    }
    return CADRE_OK;
}

static int lower_of(uint32_t code, uint32_t made[2])
{
    made[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
    /* The only character whose lower case has two code points is i with a dot above. */
    if (code != 0x130) return 1;
    made[0] = 'i';
    made[1] = 0x307;
    return 2;
}

static int without_mark(uint32_t code, uint32_t made[2])
{
    made[0] = code;
    return char_is_mark(code) ? 0 : 1;
}

static cadre_status run_lowercase(
    const normalizer_step *step, pattern_scan *scan, string_view in, byte_buffer *out)
{
    (void)step, (void)scan;
    return put_mapped(in, out, lower_of);
}

static cadre_status run_strip_accents(
    const normalizer_step *step, pattern_scan *scan, string_view in, byte_buffer *out)
{
    (void)step, (void)scan;
    return put_mapped(in, out, without_mark);
}

/* ---- each kind: is read from its JSON object ---- */

static normalizer_step *new_step(void *list, normalizer_run run)
{
    normalizer *n = list;
    normalizer_step *step = &n->steps[n->count++];
    step->run = run;
    return step;
}

static cadre_status read_form(void *list, const json_node *node)
{
    static const char *const names[] = { [UNICODE_NFC] = "NFC",
        [UNICODE_NFD] = "NFD",
        [UNICODE_NFKC] = "NFKC",
        [UNICODE_NFKD] = "NFKD" };
    const char *type;
    int form = UNICODE_NFC;
    CADRE_TRY(json_get_string(node, "type", &type));
    while (strcmp(type, names[form]) != 0) form++; /* the row was found by one of these names */
    new_step(list, run_form)->form = (unicode_form)form;
    return CADRE_OK;
}

static cadre_status read_content(const json_node *node, const char *key, byte_buffer *content)
{
    const char *text;
    CADRE_TRY(json_get_string(node, key, &text));
    return byte_buffer_put(content, text, strlen(text));
}

static cadre_status read_replace(void *list, const json_node *node)
{
    normalizer_step *step = new_step(list, run_replace);
    CADRE_TRY(read_content(node, "content", &step->content));
    return normalizer_read_pattern(node, &step->pattern);
}

static cadre_status read_prepend(void *list, const json_node *node)
{
    return read_content(node, "prepend", &new_step(list, run_prepend)->content);
}

static cadre_status read_precompiled(void *list, const json_node *node)
{
    normalizer_step *step = new_step(list, run_charsmap);
    const char *text;
    CADRE_TRY(json_get_string(node, "precompiled_charsmap", &text));
    return charsmap_read(text, strlen(text), node->file, &step->map);
}

static cadre_status read_strip(void *list, const json_node *node)
{
    normalizer_step *step = new_step(list, run_strip);
    CADRE_TRY(json_get_bool(node, "strip_left", &step->left));
    return json_get_bool(node, "strip_right", &step->right);
}

static cadre_status read_lowercase(void *list, const json_node *node)
{
    (void)node;
    new_step(list, run_lowercase);
    return CADRE_OK;
}

static cadre_status read_strip_accents(void *list, const json_node *node)
{
    (void)node;
    new_step(list, run_strip_accents);
    return CADRE_OK;
}

static const step_row rows[] = {
    { "NFC", "", read_form },
    { "NFD", "", read_form },
    { "NFKC", "", read_form },
    { "NFKD", "", read_form },
    { "Lowercase", "", read_lowercase },
    { "Precompiled", "precompiled_charsmap", read_precompiled },
    { "Prepend", "prepend", read_prepend },
    { "Replace", "pattern content", read_replace },
    { "Strip", "strip_left strip_right", read_strip },
    { "StripAccents", "", read_strip_accents },
};

cadre_status normalizer_read(normalizer *n, const json_node *node)
{
    return step_list_read(
        node, "normalizers", rows, sizeof rows / sizeof *rows, NORMALIZER_STEPS_MAX, n);
}

void normalizer_free(normalizer *n)
{
    for (int i = 0; i < n->count; i++) {
        pattern_free(n->steps[i].pattern);
        byte_buffer_free(&n->steps[i].content);
        charsmap_free(&n->steps[i].map);
    }
}

bool normalizer_same(const normalizer *a, const normalizer *b)
{
    for (int i = 0; i < a->count && i < b->count; i++) {
        const normalizer_step *x = &a->steps[i], *y = &b->steps[i];
        if (x->run != y->run || x->form != y->form || x->left != y->left || x->right != y->right ||
            !pattern_same(x->pattern, y->pattern) || !byte_buffer_same(&x->content, &y->content) ||
            !byte_buffer_same(&x->map.blob, &y->map.blob))
            return false;
    }
    return a->count == b->count;
}

const charsmap *normalizer_first_map(const normalizer *n)
{
    return n->count && n->steps[0].run == run_charsmap ? &n->steps[0].map : NULL;
}

/* ---- patterns and replacements, which decoders have too ---- */

cadre_status normalizer_read_pattern(const json_node *step, pattern **p)
{
    json_node object;
    const char *text;
    CADRE_TRY(json_get_object(step, "pattern", &object));
    bool regex = json_has(&object, "Regex");
    CADRE_TRY(json_get_string(&object, regex ? "Regex" : "String", &text));
    return (regex ? pattern_new : pattern_new_literal)(
        text, strlen(text), step->file, "pattern", p);
}

cadre_status normalizer_replace(
    const pattern *p, pattern_scan *scan, string_view text, string_view content, byte_buffer *out)
{
    size_t copied = 0, begin, end;
    bool found;
    if (text.size == 0) return CADRE_OK; /* as in the reference: an empty pattern never matches */
    pattern_scan_start(scan, p, text.data, text.size);
    for (;;) {
        CADRE_TRY(pattern_scan_next(scan, &found, &begin, &end));
        if (!found) return byte_buffer_put(out, text.data + copied, text.size - copied);
        CADRE_TRY(byte_buffer_put(out, text.data + copied, begin - copied));
        CADRE_TRY(byte_buffer_put(out, content.data, content.size));
        copied = end;
    }
}

/* ---- the list ---- */

cadre_status normalizer_apply(const normalizer *n, normalizer_scratch *s, pattern_scan *scan,
    string_view text, string_view *normal)
{
    for (int i = 0; i < n->count; i++) {
        byte_buffer *out = &s->buffers[i % 2];
        out->size = 0;
        out->limit = GROWTH_FREE + GROWTH_MAX * text.size;
        CADRE_TRY(n->steps[i].run(&n->steps[i], scan, text, out));
        text = (string_view){ out->data, out->size };
    }
    *normal = text;
    return CADRE_OK;
}

void normalizer_scratch_free(normalizer_scratch *s)
{
    byte_buffer_free(&s->buffers[0]);
    byte_buffer_free(&s->buffers[1]);
}

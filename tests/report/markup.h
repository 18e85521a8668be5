/* markup.h - a strict reader of pages: every element closed in order, every attribute quoted, ids
 * unique, text escaped. */
#ifndef CADRE_TESTS_REPORT_MARKUP_H
#define CADRE_TESTS_REPORT_MARKUP_H

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MARKUP_DEPTH = 64, MARKUP_NAME = 24, MARKUP_IDS = 512 };

typedef struct markup {
    const char *at;
    char open[MARKUP_DEPTH][MARKUP_NAME];
    int depth, ids;
    char id[MARKUP_IDS][40];
    char complaint[160]; /* "" while all is well */
} markup;

static bool markup_wrong(markup *m, const char *what)
{
    if (!*m->complaint) snprintf(m->complaint, sizeof m->complaint, "%s at: %.100s", what, m->at);
    return false;
}

static bool markup_name(markup *m, char *name)
{
    size_t size = strspn(m->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    if (!size || size >= MARKUP_NAME) return markup_wrong(m, "no name");
    memcpy(name, m->at, size);
    name[size] = 0;
    m->at += size;
    return true;
}

static bool markup_id(markup *m, const char *value, size_t size)
{
    char *id = m->id[m->ids % MARKUP_IDS];
    snprintf(id, sizeof m->id[0], "%.*s", (int)size, value);
    for (int i = 0; i < m->ids; i++)
        if (!strcmp(m->id[i], id)) return markup_wrong(m, "id used twice");
    m->ids++;
    return m->ids < MARKUP_IDS || markup_wrong(m, "too many ids");
}

/* Attributes up to ">" or "/>"; *closed tells which. */
static bool markup_attributes(markup *m, bool *closed)
{
    for (;;) {
        m->at += strspn(m->at, " \n");
        *closed = *m->at == '/';
        if (*closed) m->at++;
        if (*m->at == '>') return m->at++, true;
        char name[MARKUP_NAME];
        if (*closed || !markup_name(m, name)) return markup_wrong(m, "broken tag");
        if (*m->at != '=') continue;
        if (m->at[1] != '"') return markup_wrong(m, "attribute without quotes");
        const char *value = m->at + 2, *end = strchr(value, '"');
        if (!end || memchr(value, '<', (size_t)(end - value)))
            return markup_wrong(m, "broken attribute");
        if (!strcmp(name, "id") && !markup_id(m, value, (size_t)(end - value))) return false;
        if (!strncmp(name, "on", 2) || !strcmp(name, "src"))
            return markup_wrong(m, "attribute that acts");
        m->at = end + 1;
    }
}

static bool markup_end_tag(markup *m)
{
    char name[MARKUP_NAME];
    m->at += 2;
    if (!markup_name(m, name) || *m->at != '>') return markup_wrong(m, "broken end tag");
    if (!m->depth || strcmp(m->open[m->depth - 1], name))
        return markup_wrong(m, "end tag of another element");
    m->depth--;
    m->at++;
    return true;
}

static bool markup_tag(markup *m)
{
    char name[MARKUP_NAME], end[MARKUP_NAME + 4];
    bool closed;
    m->at++;
    if (!markup_name(m, name) || !markup_attributes(m, &closed)) return false;
    if (closed || !strcmp(name, "meta") || !strcmp(name, "br")) return true;
    if (m->depth == MARKUP_DEPTH) return markup_wrong(m, "too deep");
    strcpy(m->open[m->depth++], name);
    if (strcmp(name, "script") && strcmp(name, "style")) return true;
    snprintf(end, sizeof end, "</%s>", name); /* raw text up to its end */
    m->at = strstr(m->at, end);
    return m->at || (m->at = "", markup_wrong(m, "no end of raw text"));
}

static bool markup_text(markup *m)
{
    size_t size = strcspn(m->at, "<");
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)m->at[i];
        bool control = c == 0x7F || (c < 0x20 && c != '\n' && c != '\t');
        if (control || c == '>' || c == '"' || c == '\'') return markup_wrong(m, "raw character");
    }
    m->at += size;
    return true;
}

/* Whether `page` is whole; the complaint is in m otherwise. */
static bool markup_check(markup *m, const char *page)
{
    static const char doctype[] = "<!DOCTYPE html>\n";
    *m = (markup){ .at = page };
    if (strncmp(page, doctype, sizeof doctype - 1)) return markup_wrong(m, "no doctype");
    m->at += sizeof doctype - 1;
    while (*m->at)
        if (!(*m->at != '<' ? markup_text(m) : m->at[1] == '/' ? markup_end_tag(m) : markup_tag(m)))
            return false;
    return !m->depth || markup_wrong(m, "elements left open");
}

#endif

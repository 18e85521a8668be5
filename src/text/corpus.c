/* corpus.c - reading domains, cutting off their validation part, tokenising. */
#define _GNU_SOURCE
#include "text/corpus.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"

enum { DEPTH_MAX = 32 };            /* of folders in folders */
static const size_t text_max = (size_t)1 << 30; /* bytes of a domain: what one call of the tokenizer takes */

/* ---- reading ---- */

static cadre_status append_file(corpus_domain *d, const char *path)
{
    char *text;
    size_t size;
    CADRE_TRY(file_read(path, text_max - d->size, &text, &size));
    if (d->size == 0) {
        mem_free(d->text);
        d->text = text;
        d->size = size;
        return CADRE_OK;
    }
    char *both = mem_resize(d->text, d->size, d->size + size + 1, 1);
    if (both) {
        memcpy(both + d->size, text, size);
        d->text = both;
        d->size += size;
    }
    mem_free(text);
    return both ? CADRE_OK : CADRE_ENOMEM;
}

/* A file, or every file below a folder in order. */
static cadre_status append_path(corpus_domain *d, const char *path, int depth)
{
    char **names;
    int count;
    if (!file_is_folder(path)) return append_file(d, path);
    if (depth == DEPTH_MAX) return cadre_fail(CADRE_EIO, path, "expected folders at most %d deep", DEPTH_MAX);
    CADRE_TRY(file_list(path, &names, &count));
    cadre_status status = CADRE_OK;
    for (int i = 0; i < count && status == CADRE_OK; i++) {
        if (names[i][0] == '.') continue;
        char *member = file_join(path, names[i]);
        status = member ? append_path(d, member, depth + 1) : CADRE_ENOMEM;
        mem_free(member);
    }
    file_list_free(names, count);
    return status;
}

/* The last path component without slashes and without its extension. */
static char *name_of(const char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') size--;
    size_t begin = size;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    const char *dot = memrchr(path + begin, '.', size - begin);
    if (dot && dot > path + begin && !file_is_folder(path)) size = (size_t)(dot - path);
    return mem_printf("%.*s", (int)(size - begin), path + begin);
}

/* Where the last 5 % begin: after the last line end before that point, if there is one in the 5 % before it, else between
 * characters. */
static size_t cut_of(const char *text, size_t size)
{
    size_t cut = size - size / 20, earliest = cut - size / 20;
    for (size_t at = cut; at > earliest; at--)
        if (text[at - 1] == '\n') return at;
    while (cut > 0 && cut < size && utf8_continues(text[cut])) cut--;
    return cut;
}

static cadre_status add_domain(corpus *c, const char *path)
{
    corpus_domain *d = &c->domains[c->count++];
    d->path = mem_strdup(path);
    d->name = name_of(path);
    if (!d->path || !d->name) return CADRE_ENOMEM;
    for (int i = 0; i + 1 < c->count; i++)
        if (strcmp(c->domains[i].name, d->name) == 0)
            return cadre_fail(CADRE_EARGUMENT, path, "expected domains with different names, found \"%s\" twice (also %s)",
                              d->name,
                              c->domains[i].path);
    CADRE_TRY(append_path(d, path, 0));
    if (d->size == 0) return cadre_fail(CADRE_EFORMAT, path, "expected text, found none: the domain \"%s\" is empty", d->name);
    d->training_size = cut_of(d->text, d->size);
    return CADRE_OK;
}

static cadre_status add_entries(corpus *c, const char *folder, char **names, int count)
{
    for (int i = 0; i < count; i++) {
        if (names[i][0] == '.') continue;
        char *path = file_join(folder, names[i]);
        cadre_status status = path ? add_domain(c, path) : CADRE_ENOMEM;
        mem_free(path);
        CADRE_TRY(status);
    }
    return c->count ? CADRE_OK : cadre_fail(CADRE_EIO, folder, "expected a folder with texts, found an empty one");
}

static cadre_status read_domains(corpus *c, const char *const *paths, int count)
{
    char **names = NULL;
    int entries = count;
    bool one_folder = count == 1 && file_is_folder(paths[0]);
    if (one_folder) CADRE_TRY(file_list(paths[0], &names, &entries));
    c->domains = MEM_ARRAY(corpus_domain, entries);
    cadre_status status = c->domains ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK && one_folder) status = add_entries(c, paths[0], names, entries);
    for (int i = 0; i < count && status == CADRE_OK && !one_folder; i++) status = add_domain(c, paths[i]);
    if (one_folder) file_list_free(names, entries);
    return status;
}

cadre_status corpus_read(const char *const *paths, int count, corpus **c)
{
    if (count < 1) return cadre_fail(CADRE_EARGUMENT, NULL, "expected at least one file or folder with texts");
    corpus *made = MEM_ARRAY(corpus, 1);
    if (!made) return CADRE_ENOMEM;
    cadre_status status = read_domains(made, paths, count);
    if (status == CADRE_OK) *c = made;
    else corpus_free(made);
    return status;
}

void corpus_free(corpus *c)
{
    if (!c) return;
    for (int i = 0; i < c->count; i++) {
        corpus_domain *d = &c->domains[i];
        mem_free(d->name);
        mem_free(d->path);
        mem_free(d->text);
        token_list_free(&d->training);
        token_list_free(&d->validation);
    }
    mem_free(c->domains);
    mem_free(c);
}

hash128 corpus_hash(const corpus_domain *d) { return hash_bytes(d->text, d->size); }

/* ---- tokenising ---- */

cadre_status corpus_tokenise(corpus *c, const tokenizer *t, int64_t context)
{
    for (int i = 0; i < c->count; i++) {
        corpus_domain *d = &c->domains[i];
        d->training.count = d->validation.count = 0;
        CADRE_TRY(tokenizer_encode(t, d->text, d->training_size, 0, &d->training));
        CADRE_TRY(tokenizer_encode(t, d->text + d->training_size, d->size - d->training_size, 0, &d->validation));
        if ((int64_t)d->training.count < context + 1)
            return cadre_fail(CADRE_EFORMAT, d->path,
                              "expected at least %lld tokens to train on (one context and its last target), found %zu",
                              (long long)context + 1, d->training.count);
    }
    return CADRE_OK;
}

/* ---- a passage ---- */

/* A paragraph of prose begins with a letter after an empty line, and its first line is long. */
static bool begins_prose(const char *text, size_t size, size_t at)
{
    enum { LONG = 60 }; /* bytes */
    unsigned char first = (unsigned char)text[at];
    bool letter = (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z') || first >= 0xC3;
    return at >= 2 && text[at - 1] == '\n' && text[at - 2] == '\n' && letter && size - at >= LONG &&
           !memchr(text + at, '\n', LONG);
}

size_t corpus_passage(const char *text, size_t size)
{
    size_t middle = size / 2;
    for (size_t at = middle; at < size; at++)
        if (begins_prose(text, size, at)) return at;
    while (middle < size && utf8_continues(text[middle])) middle++;
    return middle;
}

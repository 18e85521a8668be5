/* corpus.c - reads domains, splits off their validation part, tokenises. */
#define _GNU_SOURCE
#include "text/corpus.h"

#include <limits.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "format/json.h"
#include "format/image_file.h"
#include "image/square.h"
#include "text/image_text.h"
#include "text/plain_text.h"

enum { DEPTH_MAX = 32 }; /* of folders in folders */
/* Bytes of a domain that one call of the tokenizer takes */
static const size_t text_max = (size_t)1 << 30;

/* ---- reading ---- */

static cadre_status append_text(corpus_domain *d, const char *text, size_t size)
{
    if (size > text_max - d->size)
        return cadre_fail(
            CADRE_EFORMAT, d->path, "expected a domain of at most %zu bytes, found more", text_max);
    CADRE_TRY(buffer_grow((void **)&d->text, d->size, &d->text_capacity, size + 1, 1));
    memcpy(d->text + d->size, text, size);
    d->size += size;
    d->text[d->size] = 0;
    return CADRE_OK;
}

/* Ends the document that was appended last. */
static cadre_status end_document(corpus_domain *d)
{
    if (d->size == (d->documents ? d->ends[d->documents - 1] : 0)) return CADRE_OK;
    CADRE_TRY(buffer_grow((void **)&d->ends, d->documents, &d->ends_capacity, 1, sizeof *d->ends));
    d->ends[d->documents++] = d->size;
    return CADRE_OK;
}

/* ---- lines of {"text": "..."} ---- */

/* Reads the text of a line. Where there is none, the whole line counts as read, or is refused if
 * `must` is true. */
static cadre_status line_text(
    const char *name, const char *line, size_t size, bool must, byte_buffer *text, bool *found)
{
    json_document *document;
    const char *value;
    size_t length;
    *found = false;
    cadre_status status = json_parse(name, line, size, &document);
    if (status != CADRE_OK) return must ? status : CADRE_OK;
    json_node root = json_root(document), member = json_member(&root, "text");
    *found = json_kind_of(&member) == JSON_KIND_STRING &&
             json_as_string(&member, &value, &length) == CADRE_OK;
    if (*found) status = byte_buffer_put(text, value, length);
    else if (must)
        status = cadre_fail(CADRE_EFORMAT, name, "expected an object with a \"text\", found none");
    json_close(document);
    return status;
}

static bool is_blank(const char *line, size_t size)
{
    while (size > 0 && strchr(" \t\r", line[size - 1])) size--;
    return size == 0;
}

static cadre_status append_line(
    corpus_domain *d, const char *path, int64_t number, const char *line, size_t size, bool *found)
{
    byte_buffer text = { 0 };
    char *name = mem_printf("%s: line %lld", path, (long long)number);
    cadre_status status =
        name ? line_text(name, line, size, number > 1, &text, found) : CADRE_ENOMEM;
    if (status == CADRE_OK && *found)
        status = append_text(d, text.data ? text.data : "", text.size);
    if (status == CADRE_OK && *found) status = end_document(d);
    byte_buffer_free(&text);
    mem_free(name);
    return status;
}

/* *lines: the first line is an object with a text, and therefore all lines must be. */
static cadre_status append_lines(
    corpus_domain *d, const char *path, const char *text, size_t size, bool *lines)
{
    int64_t number = 0;
    *lines = false;
    for (size_t at = 0, length; at < size; at += length + 1) {
        const char *end = memchr(text + at, '\n', size - at);
        length = end ? (size_t)(end - text) - at : size - at;
        if (is_blank(text + at, length)) continue;
        if (number % 4096 == 0) CADRE_TRY(interrupt_check(path));
        CADRE_TRY(append_line(d, path, ++number, text + at, length, lines));
        if (!*lines) return CADRE_OK;
    }
    return CADRE_OK;
}

/* ---- files ---- */

static bool holds_lines(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && !strcmp(dot, ".jsonl");
}

/* Takes the file's text. The first text of a domain, which is usually its only one, is not
 * copied. */
static cadre_status take_text(corpus_domain *d, const char *path, char **text, size_t size)
{
    bool lines = holds_lines(path);
    CADRE_TRY(plain_text_check(path, *text, size));
    if (lines) CADRE_TRY(append_lines(d, path, *text, size, &lines));
    if (lines) return CADRE_OK;
    if (d->size) CADRE_TRY(append_text(d, *text, size));
    else {
        char *empty = d->text;
        d->text = *text;
        d->size = size;
        d->text_capacity = size + 1;
        *text = empty;
    }
    return CADRE_OK;
}

/* ---- images ---- */

static cadre_status make_square(const char *path, int32_t side, uint8_t **square)
{
    image p;
    CADRE_TRY(image_read(path, &p));
    *square = MEM_ARRAY(uint8_t, (int64_t)side * side * 3);
    if (*square) image_square(&p, side, *square);
    image_free(&p);
    return *square ? CADRE_OK : CADRE_ENOMEM;
}

/* Room for its text, in which there are no codes yet. */
static cadre_status append_blank(const corpus *c, corpus_domain *d)
{
    char blanks[64];
    memset(blanks, ' ', sizeof blanks);
    for (size_t left = c->image_size, n; left; left -= n) {
        n = left < sizeof blanks ? left : sizeof blanks;
        CADRE_TRY(append_text(d, blanks, n));
    }
    return CADRE_OK;
}

static cadre_status append_image(const corpus *c, corpus_domain *d, const char *path)
{
    if (!c->images.side)
        return cadre_fail(CADRE_EUNSUPPORTED, path,
            "expected text, found an image, for which this model has no tokens");
    CADRE_TRY(buffer_grow(
        (void **)&d->images, d->image_count, &d->images_capacity, 1, sizeof *d->images));
    corpus_image *p = &d->images[d->image_count];
    *p = (corpus_image){ .at = d->size };
    CADRE_TRY(make_square(path, c->images.side, &p->square));
    d->image_count++;
    return append_blank(c, d);
}

/* ---- paths ---- */

static cadre_status append_file(const corpus *c, corpus_domain *d, const char *path)
{
    char *text;
    size_t size;
    CADRE_TRY(interrupt_check(path));
    if (image_named(path)) return append_image(c, d, path);
    CADRE_TRY(file_read(path, text_max - d->size, &text, &size));
    cadre_status status = take_text(d, path, &text, size);
    mem_free(text);
    return status;
}

static size_t base_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot > name ? (size_t)(dot - name) : strlen(name);
}

/* How many of the names are one document: neighbours of one base, images and texts among them. */
static int group_of(char *const *names, int count)
{
    size_t base = base_of(names[0]);
    int n = 0;
    bool has_image = false, has_text = false;
    for (; n < count && base_of(names[n]) == base && !memcmp(names[n], names[0], base) &&
           !holds_lines(names[n]);
         n++)
        *(image_named(names[n]) ? &has_image : &has_text) = true;
    return has_image && has_text ? n : 1;
}

static cadre_status append_member(
    const corpus *c, corpus_domain *d, const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    cadre_status status = path ? append_file(c, d, path) : CADRE_ENOMEM;
    mem_free(path);
    return status;
}

/* The files of one document. */
typedef struct document_files {
    const char *folder;
    char *const *names; /* [count] */
    int count;
} document_files;

static cadre_status append_group(const corpus *c, corpus_domain *d, const document_files *f)
{
    image_order order = c->images.order;
    bool odd = hash_bytes(f->names[0], base_of(f->names[0])).low & 1;
    bool first = order == IMAGE_EITHER ? odd : order == IMAGE_FIRST;
    for (int turn = 0; turn < 2; turn++, first = !first)
        for (int i = 0; i < f->count; i++)
            if (image_named(f->names[i]) == first)
                CADRE_TRY(append_member(c, d, f->folder, f->names[i]));
    return end_document(d);
}

/* Appends a file, or all files below a folder in order. */
static cadre_status append_path(const corpus *c, corpus_domain *d, const char *path, int depth)
{
    char **names;
    int count;
    if (!file_is_folder(path)) {
        CADRE_TRY(append_file(c, d, path));
        return end_document(d);
    }
    if (depth == DEPTH_MAX)
        return cadre_fail(CADRE_EIO, path, "expected folders at most %d deep", DEPTH_MAX);
    CADRE_TRY(file_list(path, &names, &count));
    cadre_status status = CADRE_OK;
    for (int i = 0, n = 1; i < count && status == CADRE_OK; i += n) {
        n = 1;
        if (names[i][0] == '.') continue;
        n = group_of(names + i, count - i);
        char *member = n == 1 ? file_join(path, names[i]) : NULL;
        const document_files files = { path, names + i, n };
        if (n > 1) status = append_group(c, d, &files);
        else status = member ? append_path(c, d, member, depth + 1) : CADRE_ENOMEM;
        mem_free(member);
    }
    file_list_free(names, count);
    return status;
}

/* The last component of a path, without slashes and extension. */
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

size_t corpus_document_end(const corpus_domain *d, size_t at)
{
    size_t low = 0, high = d->documents - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->ends[middle] > at) high = middle;
        else low = middle + 1;
    }
    return d->ends[low];
}

size_t corpus_piece_end(
    const corpus *c, const corpus_domain *d, size_t at, size_t end, bool *is_image)
{
    size_t low = 0, high = d->image_count, stop = corpus_document_end(d, at);
    while (low < high) { /* the first image that ends behind `at` */
        size_t middle = low + (high - low) / 2;
        if (d->images[middle].at + c->image_size > at) high = middle;
        else low = middle + 1;
    }
    *is_image = low < d->image_count && d->images[low].at <= at;
    if (*is_image) stop = d->images[low].at + c->image_size;
    else if (low < d->image_count && d->images[low].at < stop) stop = d->images[low].at;
    return stop < end ? stop : end;
}

/* The byte where the last 5 % begin: between two documents, if one ends in the 5 % before that
 * point; otherwise after the last line that ends there; otherwise between two characters. */
static size_t cut_of(const corpus_domain *d)
{
    const char *text = d->text;
    size_t size = d->size, cut = size - size / 20, earliest = cut - size / 20;
    for (size_t i = d->documents; i-- > 0 && d->ends[i] > earliest;)
        if (d->ends[i] <= cut && d->ends[i] < size) return d->ends[i];
    for (size_t at = cut; at > earliest; at--)
        if (text[at - 1] == '\n') return at;
    while (cut > 0 && cut < size && utf8_continues(text[cut])) cut--;
    return cut;
}

/* No image is cut. */
static size_t cut_between_images(const corpus *c, const corpus_domain *d)
{
    size_t cut = cut_of(d);
    for (size_t i = 0; i < d->image_count; i++)
        if (d->images[i].at < cut && cut < d->images[i].at + c->image_size)
            return d->images[i].at > 0 ? d->images[i].at : c->image_size;
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
            return cadre_fail(CADRE_EARGUMENT, path,
                "expected domains with different names, found \"%s\" twice (also %s)", d->name,
                c->domains[i].path);
    CADRE_TRY(append_path(c, d, path, 0));
    if (d->size == 0)
        return cadre_fail(
            CADRE_EFORMAT, path, "expected text, found none: the domain \"%s\" is empty", d->name);
    d->training_size = cut_between_images(c, d);
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
    return c->count
               ? CADRE_OK
               : cadre_fail(CADRE_EIO, folder, "expected a folder with texts, found an empty one");
}

/* Images right inside: a folder of these is one domain, not one an image. */
static bool holds_images(const corpus *c, const char *folder)
{
    char **names;
    int count;
    bool found = false;
    if (!c->images.side || file_list(folder, &names, &count) != CADRE_OK) return false;
    for (int i = 0; i < count; i++) found |= names[i][0] != '.' && image_named(names[i]);
    file_list_free(names, count);
    return found;
}

static cadre_status read_domains(corpus *c, const char *const *paths, int count)
{
    char **names = NULL;
    int entries = count;
    bool one_folder = count == 1 && file_is_folder(paths[0]) && !holds_images(c, paths[0]);
    if (one_folder) CADRE_TRY(file_list(paths[0], &names, &entries));
    c->domains = MEM_ARRAY(corpus_domain, entries);
    cadre_status status = c->domains ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK && one_folder) status = add_entries(c, paths[0], names, entries);
    for (int i = 0; i < count && status == CADRE_OK && !one_folder; i++)
        status = add_domain(c, paths[i]);
    if (one_folder) file_list_free(names, entries);
    return status;
}

cadre_status corpus_read(
    const char *const *paths, int count, const image_reading *images, corpus **c)
{
    if (count < 1)
        return cadre_fail(CADRE_EARGUMENT, NULL, "expected at least one file or folder with texts");
    corpus *made = MEM_ARRAY(corpus, 1);
    if (!made) return CADRE_ENOMEM;
    if (images) made->images = *images;
    made->image_size = image_text_size(made->images.patches);
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
        mem_free(d->ends);
        for (size_t k = 0; k < d->image_count; k++) mem_free(d->images[k].square);
        mem_free(d->images);
        token_list_free(&d->training);
        token_list_free(&d->validation);
    }
    mem_free(c->domains);
    mem_free(c);
}

hash128 corpus_hash(const corpus_domain *d)
{
    hash128 text = hash_bytes(d->text, d->size),
            ends = hash_bytes(d->ends, d->documents * sizeof *d->ends);
    return d->documents == 1 ? text : (hash128){ text.high ^ ends.high, text.low ^ ends.low };
}

/* ---- parts of documents ---- */

cadre_status corpus_training_texts(const corpus *c, string_view **texts, int *count)
{
    size_t most = 0, n = 0;
    for (int i = 0; i < c->count; i++) most += c->domains[i].documents + c->domains[i].image_count;
    if (most > INT_MAX)
        return cadre_fail(
            CADRE_EUNSUPPORTED, NULL, "expected at most %d documents, found %zu", INT_MAX, most);
    string_view *list = MEM_ARRAY(string_view, most);
    if (!list) return CADRE_ENOMEM;
    for (int i = 0; i < c->count; i++) {
        const corpus_domain *d = &c->domains[i];
        for (size_t at = 0, end; at < d->training_size; at = end) {
            bool is_image;
            end = corpus_piece_end(c, d, at, d->training_size, &is_image);
            if (!is_image) list[n++] = (string_view){ d->text + at, end - at };
        }
    }
    *texts = list;
    *count = (int)n;
    return CADRE_OK;
}

typedef struct text_part {
    const corpus *corpus;
    const corpus_domain *domain;
    size_t begin, end;
} text_part;

static cadre_status tokenise_part(
    const text_part *part, const tokenizer *t, int32_t end_of_text, token_list *ids)
{
    const corpus_domain *d = part->domain;
    ids->count = 0;
    for (size_t at = part->begin, stop; at < part->end; at = stop) {
        bool is_image;
        size_t whole = corpus_document_end(d, at);
        stop = corpus_piece_end(part->corpus, d, at, part->end, &is_image);
        CADRE_TRY(interrupt_check(d->path));
        CADRE_TRY(
            tokenizer_encode(t, d->text + at, stop - at, is_image ? CADRE_PARSE_SPECIAL : 0, ids));
        if (stop == whole && end_of_text >= 0) CADRE_TRY(token_list_put(ids, end_of_text));
    }
    return CADRE_OK;
}

static cadre_status refuse_length(
    const corpus_domain *d, int64_t context, size_t found, const char *unit)
{
    return cadre_fail(CADRE_EFORMAT, d->path,
        "expected at least %lld tokens to train on (one context and its last target), found %zu%s",
        (long long)context + 1, found, unit);
}

cadre_status corpus_check_length(const corpus *c, int64_t context)
{
    for (int i = 0; i < c->count; i++) {
        const corpus_domain *d = &c->domains[i];
        /* At most one token for each byte, and one for the end of each document */
        size_t most = d->training_size + d->documents;
        if (most < (size_t)context + 1)
            return refuse_length(d, context, d->training_size, " bytes");
    }
    return CADRE_OK;
}

cadre_status corpus_tokenise(corpus *c, const tokenizer *t, int32_t end, int64_t context)
{
    for (int i = 0; i < c->count; i++) {
        corpus_domain *d = &c->domains[i];
        const text_part training = { c, d, 0, d->training_size },
                        validation = { c, d, d->training_size, d->size };
        CADRE_TRY(tokenise_part(&training, t, end, &d->training));
        CADRE_TRY(tokenise_part(&validation, t, end, &d->validation));
        if ((int64_t)d->training.count < context + 1)
            return refuse_length(d, context, d->training.count, "");
    }
    return CADRE_OK;
}

/* ---- a passage ---- */

/* Whether a paragraph of prose begins here: with a letter after an empty line, and with a long
 * first line. */
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

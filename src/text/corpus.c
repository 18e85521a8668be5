/* corpus.c - reads domains, and splits off their validation part. */
#define _GNU_SOURCE
#include "text/corpus.h"

#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "format/image_file.h"
#include "format/unpacked_file.h"
#include "image/square.h"
#include "text/corpus_lines.h"
#include "text/image_text.h"
#include "text/plain_text.h"

enum { DEPTH_MAX = 32 }; /* of folders in folders */
enum { HELD_OUT_MOST = 1 << 20 };

/* ---- files ---- */

static bool holds_json(const char *path)
{
    return corpus_lines_named(path) || unpacked_is_called(path, ".json") ||
           unpacked_is_called(path, ".ndjson");
}

/* The file's first bytes, by which it is judged, in pieces until there are enough or no more */
static cadre_status read_head(unpacked_file *f, byte_buffer *head)
{
    const char *data;
    size_t size = 1;
    while (size && head->size < PLAIN_TEXT_HEAD) {
        CADRE_TRY(unpacked_next(f, &data, &size));
        CADRE_TRY(byte_buffer_put(head, data, size));
    }
    return CADRE_OK;
}

static cadre_status put_piece(corpus_domain *d, corpus_lines *lines, const char *data, size_t size)
{
    CADRE_TRY(interrupt_check(lines->path));
    return lines->domain ? corpus_lines_put(lines, data, size) : domain_append(d, data, size);
}

/* lines->domain NULL: it is one text. */
static cadre_status put_file(
    corpus_domain *d, unpacked_file *f, corpus_lines *lines, byte_buffer *head)
{
    const char *data;
    size_t size = 1;
    CADRE_TRY(read_head(f, head));
    if (head->size) CADRE_TRY(plain_text_check(lines->path, head->data, head->size));
    if (corpus_lines_named(lines->path) && corpus_lines_begin(head->data, head->size))
        lines->domain = d;
    CADRE_TRY(put_piece(d, lines, head->data ? head->data : "", head->size));
    byte_buffer_free(head);
    while (size) {
        CADRE_TRY(unpacked_next(f, &data, &size));
        CADRE_TRY(put_piece(d, lines, data, size));
    }
    return lines->domain ? corpus_lines_end(lines) : CADRE_OK;
}

static cadre_status append_text_file(corpus_domain *d, const char *path)
{
    unpacked_file *f;
    corpus_lines lines = { .path = path };
    byte_buffer head = { 0 };
    CADRE_TRY(unpacked_open(path, &f));
    cadre_status status = put_file(d, f, &lines, &head);
    d->decompressed += unpacked_is_packed(f);
    d->json += holds_json(path) && !lines.domain;
    byte_buffer_free(&head);
    corpus_lines_free(&lines);
    unpacked_close(f);
    return status;
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
        CADRE_TRY(domain_append(d, blanks, n));
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
    CADRE_TRY(interrupt_check(path));
    return image_named(path) ? append_image(c, d, path) : append_text_file(d, path);
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
           !corpus_lines_named(names[n]);
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
    return domain_end_document(d);
}

/* Appends a file, or all files below a folder in order. */
static cadre_status append_path(const corpus *c, corpus_domain *d, const char *path, int depth)
{
    char **names;
    int count;
    if (!file_is_folder(path)) {
        CADRE_TRY(append_file(c, d, path));
        return domain_end_document(d);
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

/* The last component of a path, without slashes, extension and that of a compressed file. */
static char *name_of(const char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') size--;
    size_t begin = size;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    bool folder = file_is_folder(path);
    if (!folder) size = begin + unpacked_name(path + begin);
    const char *dot = memrchr(path + begin, '.', size - begin);
    if (dot && dot > path + begin && !folder) size = (size_t)(dot - path);
    return mem_printf("%.*s", (int)(size - begin), path + begin);
}

size_t corpus_document_at(const corpus_domain *d, size_t at)
{
    size_t low = 0, high = d->documents - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->document[middle].end > at) high = middle;
        else low = middle + 1;
    }
    return low;
}

size_t corpus_document_end(const corpus_domain *d, size_t at)
{
    return d->document[corpus_document_at(d, at)].end;
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

/* The byte where the last 5 % begin, of a large domain HELD_OUT_MOST: between two documents, if one
 * ends in as much before that point, or conversations would be cut; otherwise after the last line
 * that ends there; otherwise between two characters. */
static size_t cut_of(const corpus_domain *d)
{
    const char *text = d->text;
    size_t size = d->size, part = size / 20 < HELD_OUT_MOST ? size / 20 : HELD_OUT_MOST,
           cut = size - part, earliest = d->part_count ? 0 : cut - part;
    for (size_t i = d->documents; i-- > 0 && d->document[i].end > earliest;)
        if (d->document[i].end <= cut && d->document[i].end < size) return d->document[i].end;
    if (d->part_count) return d->document[0].end;
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
    return CADRE_OK;
}

cadre_status corpus_read_domain(corpus *c, int i)
{
    corpus_domain *d = &c->domains[i];
    if (d->text) return CADRE_OK;
    CADRE_TRY(append_path(c, d, d->path, 0));
    if (d->size == 0)
        return cadre_fail(CADRE_EFORMAT, d->path,
            "expected text, found none: the domain \"%s\" is empty", d->name);
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

static cadre_status list_domains(corpus *c, const char *const *paths, int count)
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

cadre_status corpus_list(
    const char *const *paths, int count, const image_reading *images, corpus **c)
{
    if (count < 1)
        return cadre_fail(CADRE_EARGUMENT, NULL, "expected at least one file or folder with texts");
    corpus *made = MEM_ARRAY(corpus, 1);
    if (!made) return CADRE_ENOMEM;
    if (images) made->images = *images;
    made->image_size = image_text_size(made->images.patches);
    cadre_status status = list_domains(made, paths, count);
    if (status == CADRE_OK) *c = made;
    else corpus_free(made);
    return status;
}

cadre_status corpus_read(
    const char *const *paths, int count, const image_reading *images, corpus **c)
{
    corpus *made;
    CADRE_TRY(corpus_list(paths, count, images, &made));
    cadre_status status = CADRE_OK;
    for (int i = 0; i < made->count && status == CADRE_OK; i++)
        status = corpus_read_domain(made, i);
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
        domain_drop_text(d);
        for (size_t k = 0; k < d->image_count; k++) mem_free(d->images[k].square);
        mem_free(d->images);
        token_list_free(&d->training);
        token_list_free(&d->validation);
        token_store_close(d->store);
        held_text_free(&d->held_out);
    }
    mem_free(c->domains);
    mem_free(c);
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

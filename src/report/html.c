/* html.c - escapes text, and writes the few elements that all sections share. */
#include "report/html.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static const char *entity_of(unsigned char byte)
{
    switch (byte) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default:
        return byte == 0x7F || (byte < 0x20 && byte != '\n' && byte != '\t') ? REPLACEMENT : NULL;
    }
}

/* Bytes of the character at the start; 0: not UTF-8, or a control character beyond ASCII. */
static size_t wide_character(const char *text, size_t size)
{
    uint32_t code;
    size_t step = utf8_decode(text, size, &code);
    return step && utf8proc_category((utf8proc_int32_t)code) != UTF8PROC_CATEGORY_CC ? step : 0;
}

void html_bytes(byte_buffer *page, const char *text, size_t size)
{
    while (size) {
        unsigned char byte = (unsigned char)*text;
        const char *entity = byte < 0x80 ? entity_of(byte) : NULL;
        size_t step = byte < 0x80 ? 1 : wide_character(text, size);
        if (!step) entity = REPLACEMENT;
        if (entity) byte_buffer_text(page, entity);
        else byte_buffer_put(page, text, step);
        step = step ? step : 1;
        text += step;
        size -= step;
    }
}

void html_cut(byte_buffer *page, const char *text, size_t most)
{
    size_t size = strlen(text);
    bool cut = size > most;
    if (cut) size = most;
    while (cut && size && utf8_continues(text[size])) size--;
    html_bytes(page, text, size);
    if (cut) byte_buffer_text(page, "…");
}

void html_command(byte_buffer *page, const char *text, size_t most)
{
    const char *end = text + strlen(text);
    while (text < end && most) {
        size_t word = strcspn(text, " "), size = word < most ? word : most;
        while (size < word && size && utf8_continues(text[size])) size--;
        byte_buffer_text(page, "<span>");
        html_bytes(page, text, size);
        byte_buffer_text(page, "</span>");
        text += size;
        most -= size < word ? most : size;
        for (; *text == ' ' && most; text++, most--) byte_buffer_text(page, " ");
    }
    if (text < end) byte_buffer_text(page, "…");
}

/* Whether a name is two or three letters, perhaps with a hyphen and two to four letters or
 * digits. */
static bool is_language(const char *name)
{
    size_t letters = 0, rest = 0;
    while (letters < 4 && isalpha((unsigned char)name[letters])) letters++;
    if (letters < 2 || letters > 3) return false;
    if (!name[letters]) return true;
    if (name[letters] != '-') return false;
    const char *region = name + letters + 1;
    while (rest < 5 && isalnum((unsigned char)region[rest])) rest++;
    return rest >= 2 && rest <= 4 && !region[rest];
}

void html_language(byte_buffer *page, const char *name)
{
    if (is_language(name)) byte_buffer_format(page, " lang=\"%s\"", name);
}

void html_percent(byte_buffer *page, double share)
{
    int tenths = (int)(share * 1000 + 0.5);
    byte_buffer_format(page, "%d.%d%%", tenths / 10, tenths % 10);
}

void html_section(byte_buffer *page, const char *id, const char *title)
{
    byte_buffer_format(page, "<section id=\"%s\"><h2>%s</h2>\n", id, title);
}

void html_section_end(byte_buffer *page) { byte_buffer_text(page, "</section>\n"); }

void html_picture(byte_buffer *page, const char *style, const char *name, int64_t number)
{
    byte_buffer_format(page, "<figure class=\"picture %s\" data-name=\"%s", style, name);
    if (number >= 0) byte_buffer_format(page, "-layer-%lld", (long long)number);
    byte_buffer_text(page, "\">");
}

void html_picture_end(byte_buffer *page) { byte_buffer_text(page, "</figure>\n"); }

void html_too_many(byte_buffer *page)
{
    byte_buffer_text(page, "<p class=\"small\">The numbers are too many for a page; they stand in "
                           "the run’s files.</p>\n");
}

void html_table(byte_buffer *page, const char *id, const char *title)
{
    byte_buffer_format(
        page, "<details><summary>%s</summary><div class=\"wide\"><table class=\"numbers\"", title);
    if (id) byte_buffer_format(page, " id=\"%s\"", id);
    byte_buffer_text(page, ">\n");
}

void html_table_end(byte_buffer *page) { byte_buffer_text(page, "</table></div></details>\n"); }

/* html.h - the pieces of a page. Text that comes from a file is written with html_bytes or
 * html_cut, which escape it; everything else in the page is the program's own. */
#ifndef CADRE_REPORT_HTML_H
#define CADRE_REPORT_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Writes text, escaped for content and for quoted attributes. Control characters and bytes that are
 * not UTF-8 become U+FFFD. */
void html_bytes(byte_buffer *page, const char *text, size_t size);
/* Does the same with at most so many bytes of it, and writes an ellipsis where there are more. */
void html_cut(byte_buffer *page, const char *text, size_t most);

/* Does the same for a command: lines end between words, not within one that fits on a line. */
void html_command(byte_buffer *page, const char *text, size_t most);

/* Writes " lang=..." when a name reads as a language code (de, zh-cn), so that the browser takes
 * the right glyphs; else nothing. */
void html_language(byte_buffer *page, const char *name);

/* Writes a share 0..1 as "12.3%", for style attributes, in any locale. */
void html_percent(byte_buffer *page, double share);

/* Opens <section id><h2>title</h2>; html_section_end closes it. */
void html_section(byte_buffer *page, const char *id, const char *title);
void html_section_end(byte_buffer *page);

/* Opens <figure class="picture ..." data-name="NAME">, which the page's script offers as SVG and
 * CSV under that name. With a number of 0 or more the name is NAME-layer-NUMBER. The numbers of a
 * picture are a table in it. */
void html_picture(byte_buffer *page, const char *style, const char *name, int64_t number);
void html_picture_end(byte_buffer *page);

/* The tables under one kind of picture have at most so many cells. Where there are more, the tables
 * are left out, and html_too_many says so on the page. */
enum { HTML_CELLS = 20000 };
void html_too_many(byte_buffer *page);

/* Opens a table that the reader can fold out: <details><summary>title</summary><div><table id>.
 * Where `id` is NULL the table has none. */
void html_table(byte_buffer *page, const char *id, const char *title);
void html_table_end(byte_buffer *page);

#endif

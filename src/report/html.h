/* html.h - text on its way into a page. Whatever comes from a file goes through html_bytes or
 * html_cut; everything else that is written into the page is our own. */
#ifndef CADRE_REPORT_HTML_H
#define CADRE_REPORT_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Escaped for content and for quoted attributes; control characters and bytes that are not UTF-8
 * become U+FFFD. */
void html_bytes(byte_buffer *page, const char *text, size_t size);
/* At most so many bytes of it, then an ellipsis */
void html_cut(byte_buffer *page, const char *text, size_t most);

/* The same of a command: a line ends between its words, not within one that fits on a line. */
void html_command(byte_buffer *page, const char *text, size_t most);

/* " lang=..." when a name reads as a language code (de, zh-cn), so that the browser takes the right
 * glyphs; else nothing. */
void html_language(byte_buffer *page, const char *name);

/* A share 0..1 as "12.3%", for style attributes, whatever the locale. */
void html_percent(byte_buffer *page, double share);

/* <section id><h2>title</h2>; html_section_end closes it. */
void html_section(byte_buffer *page, const char *id, const char *title);
void html_section_end(byte_buffer *page);

/* <figure class="picture ..." data-name="NAME">: what the page's script offers as SVG and CSV under
 * that name. With a number of 0 or more the name is NAME-layer-NUMBER. The numbers of a picture are
 * a table in it. */
void html_picture(byte_buffer *page, const char *style, const char *name, int64_t number);
void html_picture_end(byte_buffer *page);

enum {
    HTML_CELLS = 20000
}; /* of the tables under one kind of picture; with more they are left out, ... */
void html_too_many(byte_buffer *page); /* ... and the page says so */

/* A table behind a disclosure: <details><summary>title</summary><div><table id>; id NULL: none. */
void html_table(byte_buffer *page, const char *id, const char *title);
void html_table_end(byte_buffer *page);

#endif

/* plain_text.h - checks that bytes that were given as text are text. */
#ifndef CADRE_TEXT_PLAIN_TEXT_H
#define CADRE_TEXT_PLAIN_TEXT_H

#include <stddef.h>

#include "base/status.h"

/* As many of a text's first bytes say what there is to be known. */
enum { PLAIN_TEXT_HEAD = 1 << 20 };

/* Refuses, by name and with the command that makes text of it, what is compressed, another kind of
 * document, a pointer to a file that was not fetched, UTF-16, or mostly no UTF-8. A few bytes that
 * are no UTF-8 are accepted. path NULL: it is not known. */
cadre_status plain_text_check(const char *path, const char *data, size_t size);

#endif

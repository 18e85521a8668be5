/* plain_text.h - checks that bytes which were given as a text are one. */
#ifndef CADRE_TEXT_PLAIN_TEXT_H
#define CADRE_TEXT_PLAIN_TEXT_H

#include <stddef.h>

#include "base/status.h"

/* Refuses by name, with the command that makes text of it, what is compressed, another kind of
 * document, a pointer to a file that was not fetched, UTF-16, or mostly no UTF-8. Bytes that are no
 * UTF-8 here and there are fine. path NULL: not known. */
cadre_status plain_text_check(const char *path, const char *data, size_t size);

#endif

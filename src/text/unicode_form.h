/* unicode_form.h - Unicode normal forms, on utf8proc's tables. */
#ifndef CADRE_TEXT_UNICODE_FORM_H
#define CADRE_TEXT_UNICODE_FORM_H

#include "base/buffer.h"

typedef enum unicode_form { UNICODE_NFC, UNICODE_NFD, UNICODE_NFKC, UNICODE_NFKD } unicode_form;

/* Appends the normal form of well-formed text, in linear time for any sequence of marks. */
cadre_status unicode_form_put(unicode_form form, string_view text, byte_buffer *out);

#endif

/* char_class.h - the classes of characters that tokenizers use, from utf8proc's tables. */
#ifndef CADRE_TEXT_CHAR_CLASS_H
#define CADRE_TEXT_CHAR_CLASS_H

#include <stdbool.h>
#include <stdint.h>

bool char_is_space(uint32_t code);       /* White_Space */
bool char_is_word(uint32_t code);        /* \w: Alphabetic, marks, decimal digits, connectors */
bool char_is_numeric(uint32_t code);     /* Nd, Nl, No */
bool char_is_punctuation(uint32_t code); /* P*, and all of ASCII's */
bool char_is_mark(uint32_t code);        /* Mn, Mc, Me */

#endif

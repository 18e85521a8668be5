/* token_word.h - a token of a text to train on, in 32 bits: its id, and two marks.
 *
 * A document begins with a marked token. A silent token is read and never predicted: what a user
 * says where the answers alone are learnt. */
#ifndef CADRE_TEXT_TOKEN_WORD_H
#define CADRE_TEXT_TOKEN_WORD_H

#include <stdbool.h>
#include <stdint.h>

enum { TOKEN_BEGINS = 1 << 29, TOKEN_SILENT = 1 << 30, TOKEN_ID = TOKEN_BEGINS - 1 };

static inline int32_t token_word_id(int32_t word) { return word & TOKEN_ID; }
static inline bool token_word_begins(int32_t word) { return word & TOKEN_BEGINS; }
static inline bool token_word_silent(int32_t word) { return word & TOKEN_SILENT; }

#endif

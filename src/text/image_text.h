/* image_text.h - an image in a text: the pieces of a learnt vocabulary that stand for its begin,
 * its codes row by row, and its end:
 *
 *     <|image|><|image:0007|><|image:0211|> ... <|/image|>
 *
 * Held-out texts and prompts hold images so; a tokenizer that is told to recognise control tokens
 * makes their ids. */
#ifndef CADRE_TEXT_IMAGE_TEXT_H
#define CADRE_TEXT_IMAGE_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum {
    IMAGE_CODES = 4096, /* the most that have a name */
    IMAGE_PIECE = 16,   /* bytes of a piece at most, the NUL included */
};

extern const char image_begin_piece[], image_end_piece[];

/* piece[IMAGE_PIECE] of a code */
void image_code_piece(int32_t code, char *piece);

/* Bytes of the text of an image of so many patches, and that text, without a NUL. */
size_t image_text_size(int32_t patches);
void image_text_write(const int32_t *codes, int32_t patches, char *text);

#endif

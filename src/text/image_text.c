/* image_text.c - the pieces of images. */
#include "text/image_text.h"

#include <stdio.h>
#include <string.h>

const char image_begin_piece[] = "<|image|>", image_end_piece[] = "<|/image|>";
enum {
    BEGIN = sizeof image_begin_piece - 1,
    END = sizeof image_end_piece - 1,
    CODE = sizeof "<|image:0000|>" - 1
};

void image_code_piece(int32_t code, char *piece)
{
    snprintf(piece, IMAGE_PIECE, "<|image:%04u|>", (unsigned)code % IMAGE_CODES);
}

size_t image_text_size(int32_t patches) { return BEGIN + (size_t)patches * CODE + END; }

void image_text_write(const int32_t *codes, int32_t patches, char *text)
{
    char piece[IMAGE_PIECE];
    memcpy(text, image_begin_piece, BEGIN);
    text += BEGIN;
    for (int32_t i = 0; i < patches; i++, text += CODE) {
        image_code_piece(codes[i], piece);
        memcpy(text, piece, CODE);
    }
    memcpy(text, image_end_piece, END);
}

/* picture_text.c - the pieces of pictures. */
#include "text/picture_text.h"

#include <stdio.h>
#include <string.h>

const char picture_begin_piece[] = "<|image|>", picture_end_piece[] = "<|/image|>";
enum {
    BEGIN = sizeof picture_begin_piece - 1,
    END = sizeof picture_end_piece - 1,
    CODE = sizeof "<|image:0000|>" - 1
};

void picture_code_piece(int32_t code, char *piece)
{
    snprintf(piece, PICTURE_PIECE, "<|image:%04u|>", (unsigned)code % PICTURE_CODES);
}

size_t picture_text_size(int32_t patches) { return BEGIN + (size_t)patches * CODE + END; }

void picture_text_write(const int32_t *codes, int32_t patches, char *text)
{
    char piece[PICTURE_PIECE];
    memcpy(text, picture_begin_piece, BEGIN);
    text += BEGIN;
    for (int32_t i = 0; i < patches; i++, text += CODE) {
        picture_code_piece(codes[i], piece);
        memcpy(text, piece, CODE);
    }
    memcpy(text, picture_end_piece, END);
}

/* corpus_images.h - the images of a corpus: what a code book is learnt from, and their texts
 * once there is one. */
#ifndef CADRE_TEXT_CORPUS_IMAGES_H
#define CADRE_TEXT_CORPUS_IMAGES_H

#include "image/code_book.h"
#include "text/corpus.h"

/* The squares of images that are trained on: [count], borrowed but for the list; mem_free. */
cadre_status corpus_training_squares(const corpus *c, const uint8_t ***squares, int64_t *count);

/* Writes every image's codes where its text stands, and lets go of its square. */
cadre_status corpus_write_images(corpus *c, compute *on, const code_book *book);

#endif

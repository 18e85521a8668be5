/* corpus_images.c - squares listed, and replaced by their codes. */
#include "text/corpus_images.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "text/image_text.h"

cadre_status corpus_training_squares(const corpus *c, const uint8_t ***squares, int64_t *count)
{
    size_t all = 0;
    int64_t n = 0;
    for (int i = 0; i < c->count; i++) all += c->domains[i].image_count;
    const uint8_t **list = MEM_ARRAY(const uint8_t *, all);
    if (!list) return CADRE_ENOMEM;
    for (int i = 0; i < c->count; i++) {
        const corpus_domain *d = &c->domains[i];
        for (size_t k = 0; k < d->image_count; k++)
            if (d->images[k].at < d->training_size) list[n++] = d->images[k].square;
    }
    *squares = list;
    *count = n;
    return CADRE_OK;
}

static cadre_status write_domain(
    corpus_domain *d, compute *on, const code_book *book, int32_t *codes)
{
    for (size_t i = 0; i < d->image_count; i++) {
        corpus_image *p = &d->images[i];
        CADRE_TRY(interrupt_check(d->path));
        CADRE_TRY(code_book_encode(on, book, p->square, codes));
        image_text_write(codes, code_book_patches(book), d->text + p->at);
        mem_free(p->square);
        p->square = NULL;
    }
    return CADRE_OK;
}

cadre_status corpus_write_images(corpus *c, compute *on, const code_book *book)
{
    int32_t *codes = MEM_ARRAY(int32_t, code_book_patches(book));
    cadre_status status = codes ? CADRE_OK : CADRE_ENOMEM;
    for (int i = 0; i < c->count && status == CADRE_OK; i++)
        status = write_domain(&c->domains[i], on, book, codes);
    mem_free(codes);
    return status;
}

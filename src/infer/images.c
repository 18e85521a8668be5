/* images.c - the images of an opened model: from a file to token ids, and from ids to a file. */
#include "infer/images.h"

#include "cadre/image.h"
#include "arch/token_types.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sized.h"
#include "image/code_book.h"
#include "image/square.h"
#include "kernel/context.h"

static code_book book_of(const cadre_model *m)
{
    const image_tokens *p = &m->config.images;
    return (code_book){
        .side = p->side, .patch = p->patch, .codes = p->codes, .code = m->weights.image_codes.data
    };
}

static cadre_status check(const cadre_model *m)
{
    if (m->config.images.side) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, m->path,
        "expected a model that was trained on images, found one without a code book");
}

cadre_status cadre_model_image_form(const cadre_model *m, cadre_image_form *form)
{
    const image_tokens *p = &m->config.images;
    cadre_image_form made = { 0 };
    CADRE_TRY(sized_check("cadre_image_form", form, SIZE_UP_TO(cadre_image_form, patches)));
    if (p->side)
        made = (cadre_image_form){ .side = p->side,
            .patch = p->patch,
            .codes = p->codes,
            .begin = image_begin(p),
            .end = image_end(p),
            .first_code = image_code(p, 0),
            .patches = image_patches(p) };
    sized_write(&made, sizeof made, form);
    return CADRE_OK;
}

/* ---- from a file to ids ---- */

static cadre_status encode(const cadre_model *m, const char *path, uint8_t *square, int32_t *ids)
{
    image read;
    const image_tokens *p = &m->config.images;
    const code_book book = book_of(m);
    int32_t n = code_book_patches(&book);
    CADRE_TRY(image_read(path, &read));
    image_square(&read, p->side, square);
    image_free(&read);
    CADRE_TRY(code_book_encode(m->context->compute, &book, square, ids + 1));
    for (int32_t i = 1; i <= n; i++) ids[i] = image_code(p, ids[i]);
    ids[0] = image_begin(p);
    ids[n + 1] = image_end(p);
    return CADRE_OK;
}

static uint8_t *new_square(const cadre_model *m)
{
    int64_t side = m->config.images.side;
    return MEM_ARRAY(uint8_t, side * side * 3);
}

static cadre_status encode_file(const cadre_model *m, const char *path, int32_t *ids)
{
    CADRE_TRY(check(m));
    uint8_t *square = new_square(m);
    cadre_status status = square ? encode(m, path, square, ids) : CADRE_ENOMEM;
    mem_free(square);
    return status;
}

cadre_status cadre_image_encode(cadre_model *m, const char *path, int32_t *ids)
{
    CADRE_TRY(context_enter(m->context));
    return context_leave(m->context, encode_file(m, path, ids));
}

bool cadre_image_named(const char *path) { return image_named(path); }

/* ---- from ids to a file ---- */

/* Turns ids into codes; an id that is missing or not a code becomes -1. */
static void codes_of(const cadre_model *m, const int32_t *ids, int64_t count, int32_t *codes)
{
    const image_tokens *p = &m->config.images;
    for (int32_t i = 0; i < image_patches(p); i++) {
        bool code = i < count && ids[i] >= image_code(p, 0) && ids[i] < image_code(p, p->codes);
        codes[i] = code ? ids[i] - image_code(p, 0) : -1;
    }
}

cadre_status image_png_of_ids(
    const cadre_model *m, const int32_t *ids, int64_t count, byte_buffer *png)
{
    const code_book book = book_of(m);
    uint8_t *square = new_square(m);
    int32_t *codes = MEM_ARRAY(int32_t, code_book_patches(&book));
    cadre_status status = square && codes ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) {
        codes_of(m, ids, count, codes);
        code_book_decode(&book, codes, square);
        status = image_put_png(png, square, book.side, book.side);
    }
    mem_free(square);
    mem_free(codes);
    return status;
}

cadre_status cadre_image_write(
    const cadre_model *m, const int32_t *ids, int64_t count, const char *path)
{
    byte_buffer png = { 0 };
    CADRE_TRY(check(m));
    cadre_status status = image_png_of_ids(m, ids, count, &png);
    if (status == CADRE_OK) status = file_write(path, png.data, png.size);
    byte_buffer_free(&png);
    return status;
}

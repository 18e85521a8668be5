/* run_images.c - images in --data: it counts them, decides which tokens they become, and learns the
 * code book, which is a parameter of the model. */
#include <string.h>

#include "arch/token_types.h"
#include "base/memory.h"
#include "text/corpus_images.h"
#include "text/image_text.h"
#include "train/run.h"
#include "weights/config_file.h"
#include "weights/files.h"

/* Counts images and bytes in --data. */
static cadre_status survey(train_run *r)
{
    int count = cadre_options_count(r->options, "data");
    const char **paths = MEM_ARRAY(const char *, count);
    if (!paths) return CADRE_ENOMEM;
    for (int i = 0; i < count; i++) paths[i] = cadre_options_text(r->options, "data", i);
    r->data_images = corpus_survey(paths, count, &r->data_bytes);
    mem_free(paths);
    return CADRE_OK;
}

static cadre_status supply_sizes(cadre_options *o)
{
    CADRE_TRY(options_supply(o, "image-size", "64"));
    CADRE_TRY(options_supply(o, "image-patch", "8"));
    return options_supply(o, "image-codes", "512");
}

/* Reads the options of images. Their ids come after that of the end of a text: one that begins an
 * image, one that ends it, and the codes. */
static cadre_status take_options(train_run *r)
{
    CADRE_TRY(supply_sizes(r->options));
    const image_tokens p = { .side = (int32_t)cadre_options_int(r->options, "image-size", 0),
        .patch = (int32_t)cadre_options_int(r->options, "image-patch", 0),
        .codes = (int32_t)cadre_options_int(r->options, "image-codes", 0),
        .first = 1 };
    char text[48];
    if (p.side % p.patch)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--image-size: expected a multiple of the %d pixels of --image-patch, found %d",
            p.patch, p.side);
    if (cadre_options_given(r->options, "type-ids"))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--type-ids: the images in --data say which tokens are theirs; expected no value, "
            "found one");
    if (r->recipe->encoder)
        return cadre_fail(CADRE_EUNSUPPORTED, NULL,
            "--data: expected text for a model with an encoder, found images");
    snprintf(text, sizeof text, "image=%d-%d", p.first, p.first + p.codes + 1);
    r->images = p;
    return options_supply(r->options, "type-ids", text);
}

cadre_status train_images_check_early(train_run *r)
{
    r->images = r->config.images; /* of --from */
    CADRE_TRY(survey(r));
    return r->data_images && !r->from ? take_options(r) : CADRE_OK;
}

/* If the texts have more bytes than this, they and their tokens are on the disk. */
enum { LARGE_TEXTS = 128 << 20 };

/* Counts the texts, ids of four bytes for about every three bytes of text, the pixels of images,
 * and the texts of their codes. */
int64_t train_data_memory(const train_run *r)
{
    const image_tokens *p = &r->images;
    int64_t image =
        p->side ? 3 * p->side * p->side + 2 * (int64_t)image_text_size(image_patches(p)) : 0;
    int64_t texts = r->data_bytes > LARGE_TEXTS && !r->data_images ? LARGE_TEXTS : r->data_bytes;
    return texts + texts * 4 / 3 + r->data_images * image;
}

static const char *const orders[IMAGE_ORDERS] = {
    [IMAGE_EITHER] = "either",
    [IMAGE_FIRST] = "first",
    [IMAGE_LAST] = "last",
};

image_reading train_images_reading(const train_run *r)
{
    const char *word = options_text_or(r->options, "image-order", "either");
    image_reading how = { .side = r->images.side };
    if (how.side) how.patches = image_patches(&r->images);
    for (int i = 0; i < IMAGE_ORDERS; i++)
        if (!strcmp(word, orders[i])) how.order = (image_order)i;
    return how;
}

/* ---- the code book ---- */

static code_book book_of(const train_run *r)
{
    const image_tokens *p = &r->images;
    return (
        code_book){ .side = p->side, .patch = p->patch, .codes = p->codes, .code = r->image_codes };
}

static cadre_status learn(train_run *r)
{
    const uint8_t **squares;
    int64_t count;
    const code_book book = book_of(r);
    CADRE_TRY(corpus_training_squares(r->corpus, &squares, &count));
    cadre_status status = CADRE_OK;
    if (!count)
        status = cadre_fail(CADRE_EFORMAT, NULL,
            "--data: expected an image to train on, found those alone that are held out");
    else
        train_note(r, "%lld images: learning a code book of %d patches of %d by %d pixels",
            (long long)count, book.codes, book.patch, book.patch);
    if (status == CADRE_OK)
        status = code_book_learn(r->context->compute, &book, squares, count,
            (uint64_t)cadre_options_int(r->options, "seed", 0), r->image_codes);
    mem_free(squares);
    return status;
}

/* Loads the code book of the model that the run starts from or resumes. */
static cadre_status load(train_run *r, const char *model)
{
    model_config config;
    CADRE_TRY(model_config_of(model, &config));
    const image_tokens *a = &config.images, *b = &r->images;
    bool same = a->side == b->side && a->patch == b->patch && a->codes == b->codes;
    cadre_status status =
        same ? model_read_image_codes(model, &config, r->image_codes)
             : cadre_fail(CADRE_EMISMATCH, model,
                   "images: expected the code book that the run there was started with, found "
                   "other options or none");
    model_config_free(&config);
    return status;
}

cadre_status train_images_read(train_run *r)
{
    const code_book book = book_of(r);
    if (!book.side) return CADRE_OK;
    r->image_codes = MEM_ARRAY(real, book.codes * code_book_elements(&book));
    if (!r->image_codes) return CADRE_ENOMEM;
    CADRE_TRY(r->from ? load(r, r->from) : r->resumed ? load(r, r->out) : learn(r));
    const code_book made = book_of(r);
    return corpus_write_images(r->corpus, r->context->compute, &made);
}

void train_images_fill(const train_run *r, const param_table *table, real *values)
{
    for (int64_t i = 0; r->image_codes && i < table->count; i++) {
        const param *p = &table->rows[i];
        if (p->role == ROLE_IMAGE_CODES)
            memcpy(
                values + p->offset, r->image_codes, (size_t)(p->rows * p->cols) * sizeof *values);
    }
}

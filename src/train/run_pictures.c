/* run_pictures.c - pictures in --data: whether there are any, what tokens they become, and the code
 * book, which is learnt with the vocabulary and kept with the model. */
#include <string.h>

#include "arch/token_types.h"
#include "base/memory.h"
#include "text/corpus_pictures.h"
#include "text/picture_text.h"
#include "train/run.h"
#include "weights/config_file.h"
#include "weights/files.h"

static const char **data_paths(const train_run *r, int *count)
{
    *count = cadre_options_count(r->options, "data");
    const char **paths = MEM_ARRAY(const char *, *count);
    for (int i = 0; paths && i < *count; i++) paths[i] = cadre_options_text(r->options, "data", i);
    return paths;
}

static int64_t survey(const train_run *r, int64_t *bytes)
{
    int count;
    const char **paths = data_paths(r, &count);
    int64_t pictures = paths ? corpus_survey(paths, count, bytes) : 0;
    mem_free(paths);
    return pictures;
}

static cadre_status supply_sizes(cadre_options *o)
{
    CADRE_TRY(options_supply(o, "image-size", "64"));
    CADRE_TRY(options_supply(o, "image-patch", "8"));
    return options_supply(o, "image-codes", "512");
}

/* Behind the end of a text, the begin and the end of a picture and its codes. */
static cadre_status take_options(train_run *r)
{
    CADRE_TRY(supply_sizes(r->options));
    const picture_tokens p = { .side = (int32_t)cadre_options_int(r->options, "image-size", 0),
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
    r->pictures = p;
    return options_supply(r->options, "type-ids", text);
}

cadre_status train_pictures_foresee(train_run *r)
{
    int64_t bytes;
    r->pictures = r->config.pictures; /* of --from */
    if (!cadre_options_count(r->options, "data") || !survey(r, &bytes) || r->from) return CADRE_OK;
    return take_options(r);
}

/* Texts, and ids of four bytes for every three or so bytes of text; squares until they are codes,
 * and their texts. */
int64_t train_data_bytes(const train_run *r, int64_t *text_bytes)
{
    const picture_tokens *p = &r->pictures;
    int64_t pictures = survey(r, text_bytes);
    if (!p->side) pictures = 0;
    else pictures *= 3 * p->side * p->side + 2 * (int64_t)picture_text_size(picture_patches(p));
    return *text_bytes + *text_bytes * 4 / 3 + pictures;
}

static const char *const orders[] = {
    [PICTURE_EITHER] = "either",
    [PICTURE_FIRST] = "first",
    [PICTURE_LAST] = "last",
};

picture_reading train_pictures_reading(const train_run *r)
{
    const char *word = options_text_or(r->options, "image-order", "either");
    picture_reading how = { .side = r->pictures.side };
    if (how.side) how.patches = picture_patches(&r->pictures);
    while (how.order < PICTURE_LAST && strcmp(word, orders[how.order]) != 0) how.order++;
    return how;
}

/* ---- the code book ---- */

static code_book book_of(const train_run *r)
{
    const picture_tokens *p = &r->pictures;
    return (code_book){
        .side = p->side, .patch = p->patch, .codes = p->codes, .code = r->picture_codes
    };
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
            (uint64_t)cadre_options_int(r->options, "seed", 0), r->picture_codes);
    mem_free(squares);
    return status;
}

/* Of the model that the run goes on from. */
static cadre_status load(train_run *r, const char *model)
{
    model_config config;
    CADRE_TRY(model_config_of(model, &config));
    const picture_tokens *a = &config.pictures, *b = &r->pictures;
    bool same = a->side == b->side && a->patch == b->patch && a->codes == b->codes;
    cadre_status status =
        same ? model_read_picture_codes(model, &config, r->picture_codes)
             : cadre_fail(CADRE_EMISMATCH, model,
                   "images: expected the code book that the run there was started with, found "
                   "other options or none");
    model_config_free(&config);
    return status;
}

cadre_status train_pictures_read(train_run *r)
{
    const code_book book = book_of(r);
    if (!book.side) return CADRE_OK;
    r->picture_codes = MEM_ARRAY(real, book.codes * code_book_numbers(&book));
    if (!r->picture_codes) return CADRE_ENOMEM;
    CADRE_TRY(r->from ? load(r, r->from) : r->resumed ? load(r, r->out) : learn(r));
    const code_book made = book_of(r);
    return corpus_write_pictures(r->corpus, r->context->compute, &made);
}

void train_pictures_fill(const train_run *r, const param_table *table, real *values)
{
    for (int64_t i = 0; r->picture_codes && i < table->count; i++) {
        const param *p = &table->rows[i];
        if (p->role == ROLE_PICTURE_CODES)
            memcpy(
                values + p->offset, r->picture_codes, (size_t)(p->rows * p->cols) * sizeof *values);
    }
}

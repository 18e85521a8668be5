/* corpus_images_test.c - images among texts: documents, orders, what is held out, and their
 * texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "kernel/context.h"
#include "support/scratch.h"
#include "support/succeeds.h"
#include "text/corpus_images.h"
#include "text/image_text.h"

enum { SIDE = 4, PATCH = 2, PATCHES = 4, CODES = 2 };

static void put(const char *name, const char *text)
{
    succeeds(file_write(scratch_file(name), text, strlen(text)));
}

/* An image of one grey. */
static void put_image(const char *name, char grey)
{
    char text[16];
    snprintf(text, sizeof text, "P2 1 1 255\n%d", grey);
    put(name, text);
}

static corpus *read_with(image_order order)
{
    corpus *c = NULL;
    const char *const paths[] = { scratch_folder() };
    const image_reading how = { SIDE, PATCHES, order };
    succeeds(corpus_read(paths, 1, &how, &c));
    return c;
}

static int set_up(void **state)
{
    (void)state;
    put_image("a.ppm", 0);
    put("a.txt", "first\n");
    put_image("b.pgm", 100);
    put("c.txt", "words alone\n");
    return 0;
}

/* The folder holds images, so it is one domain; a.ppm and a.txt are one document. */
static void a_folder_of_images_is_one_domain(void **state)
{
    (void)state;
    corpus *c = read_with(IMAGE_LAST);
    size_t image = image_text_size(PATCHES);
    assert_int_equal(c->count, 1);
    const corpus_domain *d = &c->domains[0];
    assert_int_equal(d->documents, 3);
    assert_int_equal(d->image_count, 2);
    assert_int_equal(d->images[0].at, strlen("first\n"));
    assert_int_equal(d->document[0].end, strlen("first\n") + image);
    assert_int_equal(d->document[1].end, strlen("first\n") + 2 * image);
    assert_memory_equal(d->text, "first\n ", 7);
    assert_memory_equal(d->text + d->size - 12, "words alone\n", 12);
    corpus_free(c);
}

static void each_order_is_as_it_says(void **state)
{
    (void)state;
    corpus *c = read_with(IMAGE_FIRST);
    assert_int_equal(c->domains[0].images[0].at, 0);
    assert_int_equal(c->domains[0].documents, 3);
    corpus_free(c);
    c = read_with(IMAGE_EITHER);
    assert_int_equal(c->domains[0].documents, 3);
    corpus_free(c);
}

static void pieces_are_texts_and_whole_images(void **state)
{
    (void)state;
    corpus *c = read_with(IMAGE_LAST);
    const corpus_domain *d = &c->domains[0];
    size_t size = image_text_size(PATCHES), begin = strlen("first\n");
    bool is_image;
    assert_int_equal(corpus_piece_end(c, d, 0, d->size, &is_image), begin);
    assert_false(is_image);
    assert_int_equal(corpus_piece_end(c, d, begin, d->size, &is_image), begin + size);
    assert_true(is_image);
    assert_int_equal(corpus_piece_end(c, d, begin + size, d->size, &is_image), begin + 2 * size);
    assert_true(is_image);
    assert_int_equal(corpus_piece_end(c, d, begin + 2 * size, d->size, &is_image), d->size);
    assert_false(is_image);
    corpus_free(c);
}

static void no_image_is_cut(void **state)
{
    (void)state;
    corpus *c = read_with(IMAGE_LAST);
    const corpus_domain *d = &c->domains[0];
    for (size_t i = 0; i < d->image_count; i++)
        assert_false(d->images[i].at < d->training_size &&
                     d->training_size < d->images[i].at + c->image_size);
    string_view *texts;
    int count;
    succeeds(corpus_training_texts(c, SIZE_MAX, &texts, &count));
    for (int i = 0; i < count; i++) assert_null(memchr(texts[i].data, '<', texts[i].size));
    mem_free(texts);
    corpus_free(c);
}

static void codes_are_written_where_images_stand(void **state)
{
    (void)state;
    corpus *c = read_with(IMAGE_LAST);
    const corpus_domain *d = &c->domains[0];
    real code[CODES * 3 * PATCH * PATCH] = { 0 };
    for (int i = 0; i < 3 * PATCH * PATCH; i++) code[3 * PATCH * PATCH + i] = (real)0.4;
    const code_book book = { SIDE, PATCH, CODES, code };
    compute *on;
    succeeds(compute_new(1, NULL, &on));
    succeeds(corpus_write_images(c, on, &book));
    static const char dark[] = "<|image|><|image:0000|><|image:0000|><|image:0000|><|image:0000|>"
                               "<|/image|>";
    static const char grey[] = "<|image|><|image:0001|><|image:0001|><|image:0001|><|image:0001|>"
                               "<|/image|>";
    assert_int_equal(c->image_size, strlen(dark));
    assert_memory_equal(d->text + d->images[0].at, dark, strlen(dark));
    assert_memory_equal(d->text + d->images[1].at, grey, strlen(grey));
    assert_null(d->images[0].square);
    compute_free(on);
    corpus_free(c);
}

static void where_there_is_no_form_a_image_is_refused(void **state)
{
    (void)state;
    corpus *c = NULL;
    const char *const paths[] = { scratch_file("b.pgm") };
    int64_t bytes;
    refuses(corpus_read(paths, 1, NULL, &c), CADRE_EUNSUPPORTED, "found an image");
    assert_null(c);
    assert_int_equal(corpus_survey(paths, 1, &bytes), 1);
    assert_int_equal(bytes, strlen("P2 1 1 255\n100"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_of_images_is_one_domain),
        cmocka_unit_test(each_order_is_as_it_says),
        cmocka_unit_test(pieces_are_texts_and_whole_images),
        cmocka_unit_test(no_image_is_cut),
        cmocka_unit_test(codes_are_written_where_images_stand),
        cmocka_unit_test(where_there_is_no_form_a_image_is_refused),
    };
    return cmocka_run_group_tests_name("text/corpus_images", tests, set_up, NULL);
}

/* image_file_test.c - PNM and PNG as they should be, and as they should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/image_file.h"
#include "support/scratch.h"

static void parse(const char *text, size_t size, image *p)
{
    if (image_parse("p", text, size, p) != CADRE_OK) fail_msg("%s", cadre_last_error());
}

static void check(const char *text, size_t size, int width, int height, const char *rgb)
{
    image p;
    parse(text, size, &p);
    assert_int_equal(p.width, width);
    assert_int_equal(p.height, height);
    assert_memory_equal(p.rgb, rgb, (size_t)(width * height * 3));
    image_free(&p);
}
#define CHECK(text, width, height, rgb) check(text, sizeof text - 1, width, height, rgb)

static void all_six_kinds_are_read(void **state)
{
    (void)state;
    CHECK("P1\n2 1\n0 1\n", 2, 1, "\xff\xff\xff\0\0\0");
    CHECK("P1 1 2 # digits may touch\n01", 1, 2, "\xff\xff\xff\0\0\0");
    /* Two rows of 9 pixels in two bytes each; what fills the second is not read. */
    CHECK("P4 9 2\n\x7f\xff\xff\x7f", 9, 2,
        "\xff\xff\xff"
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "\xff\xff\xff");
    CHECK("P2 # grey\n2 1 # in words\n9\n0 9\n", 2, 1, "\0\0\0\xff\xff\xff");
    CHECK("P3\n1 2\n255 1 2 3\t4\r\n5 # last\n6", 1, 2, "\1\2\3\4\5\6");
    CHECK("P5 2 1 255\n\x10\x20", 2, 1, "\x10\x10\x10\x20\x20\x20");
    CHECK("P6\n1 1\n255\n\1\2\3", 1, 1, "\1\2\3");
    CHECK("P6 1 1 65535\n\xff\xff\x80\0\0\0", 1, 1, "\xff\x80\0");
}

typedef struct wrong {
    const char *text;
    size_t size;
    const char *words; /* of the refusal */
} wrong;
#define WRONG(text_, words_)                                                                       \
    {                                                                                              \
        text_, sizeof text_ - 1, words_                                                            \
    }

static void what_is_no_image_is_refused(void **state)
{
    (void)state;
    static const wrong cases[] = {
        WRONG("", "neither's first bytes"),
        WRONG("GIF89a", "neither's first bytes"),
        WRONG("P7 8 1\n\xff", "begins with P1 to P6"),
        WRONG("P4 9 1\n\xff", "expected 2 bytes of samples for 9 by 1 pixels, found 1"),
        WRONG("P4 9 1\n\xff\0\0", "expected 2 bytes"),
        WRONG("P1 4 1\n0 1", "expected at least 4 bytes"),
        WRONG("P1 2 1\n0 2", "a sample of 0 or 1 for each pixel"),
        WRONG("P1 2 1\n0 #", "a sample of 0 or 1 for each pixel"),
        WRONG("P1 2 1\n0 1 1", "nothing behind the last sample"),
        WRONG("P6", "white space behind its kind"),
        WRONG("P61 1 255\n\1\2\3", "white space behind its kind"),
        WRONG("P6 1", "height: expected a number"),
        WRONG("P6 -1 1 255\n", "width: expected a number"),
        WRONG("P6 99999999999999999999 1 255\n", "a larger one"),
        WRONG("P6 0 1 255\n", "at least 1, found 0"),
        WRONG("P6 1 1 0\n", "at least 1, found 0"),
        WRONG("P6 1 1 65536\n", "largest sample: expected a number up to 65535"),
        WRONG("P6 16384 16384 255\n", "at most 16777216 pixels"),
        WRONG("P6 16385 1 255\n", "a number up to 16384"),
        WRONG("P6 1 1 255", "white space behind its header"),
        WRONG("P6 1 1 255\n\1\2", "expected 3 bytes of samples for 1 by 1 pixels, found 2"),
        WRONG("P6 1 1 255\n\1\2\3\4", "expected 3 bytes"),
        WRONG("P6 4000 4000 255\n\1\2\3\4", "expected 48000000 bytes"),
        WRONG("P3 4000 2000 255\n1 2 3", "expected at least 47999999 bytes"),
        WRONG("P5 1 1 7\n\x8", "samples up to 7, found 8"),
        WRONG("P2 1 1 7\n8", "a larger one"),
        WRONG("P2 2 1 7\n1x2", "white space between samples"),
        WRONG("P2 2 1 7\n1 x", "found none"),
        WRONG("P2 1 1 7\n1 1", "nothing behind the last sample"),
        WRONG("\x89PNG\r\n\x1a\n", "found a PNG with: "),
        WRONG("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x8\2\0\0\0 damaged", "a PNG with: "),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image p = { 0 };
        if (image_parse("p", cases[i].text, cases[i].size, &p) == CADRE_OK)
            fail_msg("case %zu is read", i);
        if (!strstr(cadre_last_error(), cases[i].words) || strncmp(cadre_last_error(), "p: ", 3))
            fail_msg("case %zu: %s", i, cadre_last_error());
        assert_null(p.rgb);
    }
}

enum { WIDTH = 13, HEIGHT = 7 };

/* A PNG of pixels that follow from their places. */
static char *written_png(uint8_t *rgb, size_t *size)
{
    char *data;
    const char *path = scratch_file("p.png");
    for (int i = 0; i < WIDTH * HEIGHT * 3; i++) rgb[i] = (uint8_t)(i * 7);
    assert_int_equal(image_write_png(path, rgb, WIDTH, HEIGHT), CADRE_OK);
    assert_int_equal(file_read(path, 1 << 20, &data, size), CADRE_OK);
    return data;
}

static void a_png_comes_back(void **state)
{
    (void)state;
    uint8_t rgb[WIDTH * HEIGHT * 3];
    size_t size;
    char *data = written_png(rgb, &size);
    check(data, size, WIDTH, HEIGHT, (const char *)rgb);
    mem_free(data);
}

/* Every byte changed, and every length: a sentence, or an image of some sizes. */
static void damaged_pngs_do_no_harm(void **state)
{
    (void)state;
    uint8_t rgb[WIDTH * HEIGHT * 3];
    size_t size, refused = 0;
    char *data = written_png(rgb, &size);
    for (size_t i = 0; i < 2 * size; i++) {
        image p = { 0 };
        size_t at = i % size, length = i < size ? size : at;
        data[at] = (char)(data[at] ^ 0x55);
        if (image_parse("p", data, length, &p) != CADRE_OK) {
            assert_int_equal(strncmp(cadre_last_error(), "p: ", 3), 0);
            refused++;
        } else assert_true(p.width > 0 && p.height > 0 && p.rgb);
        image_free(&p);
        data[at] = (char)(data[at] ^ 0x55);
    }
    assert_true(refused > size);
    mem_free(data);
}

/* A grey PNG of two pixels, black and transparent, 9 and not. */
static void what_is_transparent_lies_on_white(void **state)
{
    (void)state;
    static const uint8_t png[] = { 137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0,
        0, 0, 2, 0, 0, 0, 1, 8, 4, 0, 0, 0, 94, 43, 183, 1, 0, 0, 0, 13, 73, 68, 65, 84, 120, 156,
        99, 96, 96, 224, 252, 15, 0, 1, 22, 1, 9, 158, 239, 173, 56, 0, 0, 0, 0, 73, 69, 78, 68,
        174, 66, 96, 130 };
    static const char rgb[] = { -1, -1, -1, 9, 9, 9 };
    check((const char *)png, sizeof png, 2, 1, rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_six_kinds_are_read),
        cmocka_unit_test(what_is_no_image_is_refused),
        cmocka_unit_test(a_png_comes_back),
        cmocka_unit_test(damaged_pngs_do_no_harm),
        cmocka_unit_test(what_is_transparent_lies_on_white),
    };
    return cmocka_run_group_tests_name("format/image_file", tests, NULL, NULL);
}

/* foreign_test.c - what lies in a model's place and is none is named, whichever file it should have
 * been; a header that only begins like it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "format/foreign.h"
#include "format/gguf.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "support/scratch.h"
#include "support/succeeds.h"
#include "text/tokenizer.h"

#define POINTER "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4976698672\n"

static const struct {
    const char *bytes;
    size_t size;
    const char *name;
} kinds[] = {
#define KIND(bytes, name)                                                                          \
    {                                                                                              \
        bytes, sizeof bytes - 1, name                                                              \
    }
    KIND(POINTER, "found a Git LFS pointer"),
    KIND("\n <!DOCTYPE html><html><head>", "found a web page"),
    KIND("<HTML><body>404", "found a web page"),
    KIND("<?xml version=\"1.0\"?><Error>", "XML"),
    KIND("PK\003\004\0\0\010\010\0\0archive/data.pkl", "ZIP archive"),
    KIND("\x80\002\x8a\nl\xfc\x9c\x46\xf9\x20\x6a\xa8P\x19.", "a pickle"),
    KIND("\037\213\010\0\0\0\0\0\0\003\x4b\x4c\x4a", "gzip"),
    KIND("\x28\xb5\x2f\xfd\x24\x03\x19\0\0abc", "zstd"),
    KIND("tjgg\003\0\0\0\0\175\0\0\0\020\0\0", "GGML"),
};

static void named(const char *path, cadre_status status, const char *name)
{
    assert_int_equal(status, CADRE_EFORMAT);
    if (!strstr(cadre_last_error(), name))
        fail_msg("\"%s\" does not name %s", cadre_last_error(), name);
    assert_int_equal(strncmp(cadre_last_error(), path, strlen(path)), 0);
    assert_non_null(strchr(cadre_last_error(), '\n')); /* what to do about it */
}

static void each_is_named_in_every_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        safetensors *weights;
        gguf *file;
        json_document *document;
        tokenizer *t;
        const char *path = scratch_file("x.bin"),
                   *index = scratch_file("model.safetensors.index.json");
        succeeds(file_write(path, kinds[i].bytes, kinds[i].size));
        succeeds(file_write(index, kinds[i].bytes, kinds[i].size));
        named(path, safetensors_open(path, &weights), kinds[i].name);
        named(path, gguf_open(path, &file), kinds[i].name);
        named(path, json_open(path, 1 << 20, &document), kinds[i].name);
        named(path, tokenizer_open_json(path, &t), kinds[i].name);
        named(index, safetensors_open(index, &weights), kinds[i].name);
    }
}

/* The length of a header may have the bytes that a pickle begins with. */
static void a_header_that_begins_like_one_is_read(void **state)
{
    (void)state;
    enum { LENGTH = 0x0280 };
    char file[8 + LENGTH] = "\x80\002";
    safetensors *weights;
    memset(file + 8, ' ', LENGTH);
    memcpy(file + 8, "{}", 2);
    const char *path = scratch_file("x.safetensors");
    succeeds(file_write(path, file, sizeof file));
    succeeds(safetensors_open(path, &weights));
    safetensors_close(weights);
    assert_int_equal(foreign_check("x", "GGUF", 4, "a file"), CADRE_OK);
    assert_int_equal(foreign_check("x", "", 0, "a file"), CADRE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_named_in_every_place),
        cmocka_unit_test(a_header_that_begins_like_one_is_read),
    };
    return cmocka_run_group_tests_name("files that are something else", tests, NULL, NULL);
}

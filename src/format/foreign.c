/* foreign.c - THE LIST of first bytes by which other files are recognised. */
#include "format/foreign.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define DOWNLOAD "Download the file again, by its own address."
#define PICKLE                                                                                     \
    "A pickle is a program, which cadre does not run: have its author's tools save it as "         \
    "safetensors."
#define UNPACK "Unpack it first."
#define OLDER "llama.cpp's tools of that time convert it to GGUF."

static const struct {
    const char *begin;
    size_t size;
    bool text; /* case is ignored, and so is white space at the start */
    const char *words, *advice;
} kinds[] = {
#define BEGINS(bytes) bytes, sizeof bytes - 1
    { BEGINS("version https://git-lfs"), true,
        "a Git LFS pointer: the file that it stands for has not been downloaded",
        "`git lfs pull` in its folder fetches it." },
    { BEGINS("version https://hawser"), true,
        "a Git LFS pointer: the file that it stands for has not been downloaded",
        "`git lfs pull` in its folder fetches it." },
    { BEGINS("<!doctype"), true, "a web page", DOWNLOAD },
    { BEGINS("<html"), true, "a web page", DOWNLOAD },
    { BEGINS("<?xml"), true, "an XML document, such as a server's refusal", DOWNLOAD },
    { BEGINS("PK\003\004"), false, "a ZIP archive, such as a pickle of PyTorch", PICKLE },
    { BEGINS("\x80\002"), false, "a pickle of Python", PICKLE },
    { BEGINS("\x80\003"), false, "a pickle of Python", PICKLE },
    { BEGINS("\x80\004"), false, "a pickle of Python", PICKLE },
    { BEGINS("\037\213"), false, "compressed data (gzip)", UNPACK },
    { BEGINS("\x28\xb5\x2f\xfd"), false, "compressed data (zstd)", UNPACK },
    { BEGINS("\xfd"
             "7zXZ"),
        false, "compressed data (xz)", UNPACK },
    { BEGINS("BZh"), false, "compressed data (bzip2)", UNPACK },
    { BEGINS("lmgg"), false, "a file of GGML, which was before GGUF", OLDER },
    { BEGINS("fmgg"), false, "a file of GGML, which was before GGUF", OLDER },
    { BEGINS("tjgg"), false, "a file of GGML, which was before GGUF", OLDER },
    { BEGINS("algg"), false, "an adapter of GGML, which was before GGUF", OLDER },
#undef BEGINS
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool begins(const char *data, size_t size, int kind)
{
    bool text = kinds[kind].text;
    for (; text && size && strchr(" \t\r\n", *data) && *data; size--) data++;
    if (size < kinds[kind].size) return false;
    return text ? !strncasecmp(data, kinds[kind].begin, kinds[kind].size)
                : !memcmp(data, kinds[kind].begin, kinds[kind].size);
}

cadre_status foreign_check(const char *path, const void *data, size_t size, const char *wanted)
{
    for (int i = 0; i < KINDS; i++) {
        if (!size || !begins(data, size, i)) continue;
        cadre_fail(CADRE_EFORMAT, path, "expected %s, found %s", wanted, kinds[i].words);
        cadre_fail_advice("%s", kinds[i].advice);
        return CADRE_EFORMAT;
    }
    return CADRE_OK;
}

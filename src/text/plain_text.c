/* plain_text.c - recognises bytes that are no text although they were given as one: by how they
 * begin, or by how many of them could not be text. */
#include "text/plain_text.h"

#include <stdbool.h>
#include <string.h>

#include "cadre/text.h"
#include "base/buffer.h"
#include "base/utf8.h"
#include "format/unpacked_file.h"

static const size_t MOST_BYTES = (size_t)1 << 31;

typedef struct kind {
    const char *bytes; /* [size] at offset `at` */
    size_t size, at;
    const char *name;
    const char *command; /* makes a text of FILE, which %s replaces; NULL: unknown */
} kind;

#define AT(offset, bytes) bytes, sizeof(bytes) - 1, offset
#define BEGINS(bytes) AT(0, bytes)

static const kind kinds[] = {
    { BEGINS("\x1f\x8b"), "a file compressed by gzip", "gzip -dc FILE > FILE.txt" },
    { BEGINS("\x28\xb5\x2f\xfd"), "a file compressed by zstd", "zstd -dc FILE > FILE.txt" },
    { BEGINS("\xfd"
             "7zXZ\0"),
        "a file compressed by xz", "xz -dc FILE > FILE.txt" },
    { BEGINS("\x5d\0\0\x80\0"), "a file compressed by lzma", "xz -dc FILE > FILE.txt" },
    { BEGINS("BZh91AY&SY"), "a file compressed by bzip2", "bzip2 -dc FILE > FILE.txt" },
    { BEGINS("\x04\x22\x4d\x18"), "a file compressed by lz4", "lz4 -dc FILE > FILE.txt" },
    { BEGINS("LZIP\1"), "a file compressed by lzip", "lzip -dc FILE > FILE.txt" },
    { BEGINS("\x1f\x9d"), "a file compressed by compress", "gzip -dc FILE > FILE.txt" },
    { BEGINS("PK\3\4"), "a zip archive, or a document in one", "unzip FILE -d FILE.texts" },
    { BEGINS("PK\5\6"), "an empty zip archive", NULL },
    { BEGINS("7z\xbc\xaf\x27\x1c"), "a 7z archive", "7z x FILE" },
    { BEGINS("Rar!\x1a\7"), "a rar archive", "unrar x FILE" },
    { AT(257, "ustar"), "a tar archive", "tar -xf FILE" },
    { BEGINS("PAR1\x15"), "a Parquet table",
        "python3 -c 'import sys, pandas; print(*pandas.read_parquet(sys.argv[1])[\"text\"], "
        "sep=\"\\n\")' FILE > FILE.txt" },
    { BEGINS("ARROW1"), "an Arrow table",
        "python3 -c 'import sys, pandas; print(*pandas.read_feather(sys.argv[1])[\"text\"], "
        "sep=\"\\n\")' FILE > FILE.txt" },
    { BEGINS("Obj\1"), "an Avro table", NULL },
    { BEGINS("\x89HDF\r\n\x1a\n"), "an HDF5 file", NULL },
    { BEGINS("SQLite format 3\0"), "an SQLite database", NULL },
    { BEGINS("\x93NUMPY"), "a NumPy array", NULL },
    { BEGINS("%PDF-"), "a PDF", "pdftotext FILE FILE.txt" },
    { BEGINS("%!PS"), "a PostScript document", "ps2ascii FILE FILE.txt" },
    { BEGINS("{\\rtf1"), "a rich text document", "unrtf --text FILE > FILE.txt" },
    { BEGINS("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "a document of an office program",
        "soffice --headless --convert-to txt FILE" },
    { BEGINS("version https://git-lfs.github.com/spec/"),
        "a pointer of Git LFS to a file that was not fetched", "git lfs pull" },
    { BEGINS("\xff\xfe\0\0"), "text in UTF-32", "iconv -f UTF-32 -t UTF-8 FILE > FILE.txt" },
    { BEGINS("\0\0\xfe\xff"), "text in UTF-32", "iconv -f UTF-32 -t UTF-8 FILE > FILE.txt" },
    { BEGINS("\xff\xfe"), "text in UTF-16", "iconv -f UTF-16 -t UTF-8 FILE > FILE.txt" },
    { BEGINS("\xfe\xff"), "text in UTF-16", "iconv -f UTF-16 -t UTF-8 FILE > FILE.txt" },
    { BEGINS("\x7f"
             "ELF"),
        "a program", NULL },
    { BEGINS("GGUF\3\0\0\0"), "a model in GGUF", NULL },
    { BEGINS("GGUF\2\0\0\0"), "a model in GGUF", NULL },
    { AT(8, "{\"__metadata__\""), "a safetensors file", NULL },
    { BEGINS("\x89PNG\r\n\x1a\n"), "an image", NULL },
    { BEGINS("\xff\xd8\xff"), "an image", NULL },
    { BEGINS("GIF87a"), "an image", NULL },
    { BEGINS("GIF89a"), "an image", NULL },
};

static const kind *kind_of(const char *data, size_t size)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k = &kinds[i];
        if (size >= k->at + k->size && !memcmp(data + k->at, k->bytes, k->size)) return k;
    }
    return NULL;
}

/* Adds the command as advice, with the file's name in place of the word FILE. */
static void advise(const char *path, const char *command)
{
    char text[400];
    size_t used = 0;
    const char *name = path ? path : "FILE";
    for (const char *at = command; *at && used + 1 < sizeof text;) {
        bool word = !strncmp(at, "FILE", 4);
        size_t size = word ? strlen(name) : 1;
        if (size > sizeof text - 1 - used) break;
        memcpy(text + used, word ? name : at, size);
        used += size;
        at += word ? 4 : 1;
    }
    text[used] = 0;
    cadre_fail_advice("%s", text);
}

/* ---- bytes that no text has ---- */

/* One such byte among this many is too much. */
enum { LEAST = 512, LOOKED_AT = PLAIN_TEXT_HEAD, NULS = 100, MALFORMED = 8 };

/* Counts bytes that are no UTF-8, and NULs. */
static void count(const char *data, size_t size, size_t *malformed, size_t *nuls)
{
    for (size_t at = 0; at < size;) {
        size_t valid = utf8_valid_prefix(data + at, size - at);
        for (const char *c = data + at; (c = memchr(c, 0, (size_t)(data + at + valid - c))); c++)
            (*nuls)++;
        at += valid;
        if (at < size) (*malformed)++, at++;
    }
}

cadre_status plain_text_check(const char *path, const char *data, size_t size)
{
    const kind *k = kind_of(data, size);
    size_t looked = size < LOOKED_AT ? size : LOOKED_AT, malformed = 0, nuls = 0;
    if (k) {
        cadre_status status =
            cadre_fail(CADRE_EFORMAT, path, "expected text in UTF-8, found %s", k->name);
        if (k->command) advise(path, k->command);
        return status;
    }
    if (size < LEAST) return CADRE_OK;
    count(data, looked, &malformed, &nuls);
    if (nuls > looked / NULS)
        return cadre_fail(CADRE_EFORMAT, path,
            "expected text in UTF-8, found zero bytes: %zu of the first %zu", nuls, looked);
    if (malformed <= looked / MALFORMED) return CADRE_OK;
    cadre_status status = cadre_fail(CADRE_EFORMAT, path,
        "expected text in UTF-8, found %zu of the first %zu bytes to be none", malformed, looked);
    advise(path, "where it is text in another encoding, such as CP1251: iconv -f CP1251 -t UTF-8 "
                 "FILE > FILE.txt");
    return status;
}

cadre_status cadre_text_check(const char *name, const char *text, size_t size)
{
    return plain_text_check(name, text, size);
}

static cadre_status read_all(unpacked_file *f, const char *path, byte_buffer *all)
{
    const char *data;
    size_t size;
    for (;;) {
        CADRE_TRY(unpacked_next(f, &data, &size));
        if (!size) return byte_buffer_put(all, "", 1);
        if (size > MOST_BYTES - all->size)
            return cadre_fail(
                CADRE_EUNSUPPORTED, path, "expected at most 2 GiB of text, found more");
        CADRE_TRY(byte_buffer_put(all, data, size));
    }
}

cadre_status cadre_text_read(const char *path, char **text, size_t *size)
{
    unpacked_file *f;
    byte_buffer all = { 0 };
    CADRE_TRY(unpacked_open(path, &f));
    cadre_status status = read_all(f, path, &all);
    unpacked_close(f);
    if (status == CADRE_OK) status = plain_text_check(path, all.data, all.size - 1);
    if (status != CADRE_OK) {
        byte_buffer_free(&all);
        return status;
    }
    *text = all.data;
    *size = all.size - 1;
    return CADRE_OK;
}

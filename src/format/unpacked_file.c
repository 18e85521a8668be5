/* unpacked_file.c - a piece of the file at a time goes through a decompressor, or through none.
 *
 * zlib knows where a member of gzip ends, and is told to begin again if another one follows; zstd
 * goes from frame to frame itself. Either must have come to an end when the file does. */
#include "format/unpacked_file.h"

#include <string.h>
#include <zlib.h>
#ifdef CADRE_ZSTD
    #include <zstd.h>
#endif

#include "base/file_reader.h"
#include "base/memory.h"

/* A program that links the archive of cadre and reads nothing compressed needs neither library. */
#pragma weak inflate
#pragma weak inflateEnd
#pragma weak inflateInit2_
#pragma weak inflateReset
#ifdef CADRE_ZSTD
    #pragma weak ZSTD_createDStream
    #pragma weak ZSTD_decompressStream
    #pragma weak ZSTD_freeDStream
    #pragma weak ZSTD_getErrorName
    #pragma weak ZSTD_isError
#endif

enum { PIECE = 1 << 18 }; /* bytes of either side at once */

typedef enum packing { PLAIN, GZIP, ZSTD } packing;

struct unpacked_file {
    file_reader reader;
    packing packing;
    char in[PIECE], out[PIECE];
    size_t at, count; /* of `in`: what is still to be taken */
    bool ended;       /* the file has no more bytes */
    bool inside;      /* a member or frame has begun and not ended */
    bool begun;       /* `zip` is to be ended */
    z_stream zip;
#ifdef CADRE_ZSTD
    ZSTD_DStream *zstd;
#endif
};

/* ---- names ---- */

static bool ends_with(const char *name, size_t size, const char *end)
{
    size_t length = strlen(end);
    return size > length && !memcmp(name + size - length, end, length);
}

size_t unpacked_name(const char *name)
{
    size_t size = strlen(name);
    if (ends_with(name, size, ".gz")) return size - 3;
    return ends_with(name, size, ".zst") ? size - 4 : size;
}

bool unpacked_is_called(const char *path, const char *end)
{
    return ends_with(path, unpacked_name(path), end);
}

/* ---- the file ---- */

/* More bytes in `in`, if there are any. */
static cadre_status fill(unpacked_file *f)
{
    f->at = 0;
    CADRE_TRY(file_reader_next(&f->reader, f->in, sizeof f->in, &f->count));
    f->ended = f->count == 0;
    return CADRE_OK;
}

static packing packing_of(const char *data, size_t size)
{
    if (size >= 2 && !memcmp(data, "\x1f\x8b", 2)) return GZIP;
    if (size >= 4 && !memcmp(data, "\x28\xb5\x2f\xfd", 4)) return ZSTD;
    return PLAIN;
}

static cadre_status refuse_end(const unpacked_file *f, const char *what)
{
    return cadre_fail(CADRE_EFORMAT, f->reader.path,
        "expected a whole file compressed by %s, found that it ends too early", what);
}

/* ---- gzip ---- */

static cadre_status begin_gzip(unpacked_file *f)
{
    enum { GZIP_WINDOW = 16 + MAX_WBITS };
    if (!inflateInit2_)
        return cadre_fail(CADRE_EUNSUPPORTED, f->reader.path,
            "gzip: expected a program that is linked with -lz, found one without");
    if (inflateInit2(&f->zip, GZIP_WINDOW) != Z_OK) return CADRE_ENOMEM;
    f->begun = true;
    return CADRE_OK;
}

/* What follows a member: another one, or zeros up to the end, with which tapes are filled. */
static cadre_status after_member(unpacked_file *f)
{
    f->inside = false;
    while (!f->ended) {
        while (f->at < f->count && !f->in[f->at]) f->at++;
        if (f->at < f->count) break;
        CADRE_TRY(fill(f));
    }
    return !f->ended && inflateReset(&f->zip) != Z_OK ? CADRE_ENOMEM : CADRE_OK;
}

static cadre_status inflate_piece(unpacked_file *f, size_t *made)
{
    f->zip.next_in = (Bytef *)f->in + f->at;
    f->zip.avail_in = (uInt)(f->count - f->at);
    f->zip.next_out = (Bytef *)f->out;
    f->zip.avail_out = sizeof f->out;
    f->inside = true;
    int result = inflate(&f->zip, Z_NO_FLUSH);
    f->at = f->count - f->zip.avail_in;
    *made = sizeof f->out - f->zip.avail_out;
    if (result == Z_STREAM_END) return after_member(f);
    if (result == Z_OK || result == Z_BUF_ERROR) return CADRE_OK;
    if (result == Z_MEM_ERROR) return CADRE_ENOMEM;
    return cadre_fail(CADRE_EFORMAT, f->reader.path,
        "expected a whole file compressed by gzip, found damage: %s",
        f->zip.msg ? f->zip.msg : "another format's dictionary");
}

/* ---- zstd ---- */

#ifdef CADRE_ZSTD
static cadre_status begin_zstd(unpacked_file *f)
{
    if (!ZSTD_createDStream)
        return cadre_fail(CADRE_EUNSUPPORTED, f->reader.path,
            "zstd: expected a program that is linked with -lzstd, found one without");
    f->zstd = ZSTD_createDStream();
    return f->zstd ? CADRE_OK : CADRE_ENOMEM;
}

static cadre_status expand_piece(unpacked_file *f, size_t *made)
{
    ZSTD_inBuffer in = { f->in + f->at, f->count - f->at, 0 };
    ZSTD_outBuffer out = { f->out, sizeof f->out, 0 };
    size_t left = ZSTD_decompressStream(f->zstd, &out, &in);
    if (ZSTD_isError(left))
        return cadre_fail(CADRE_EFORMAT, f->reader.path,
            "expected a whole file compressed by zstd, found damage: %s", ZSTD_getErrorName(left));
    f->at += in.pos;
    /* Between frames it asks for the next one's first bytes. */
    if (in.size || out.pos) f->inside = left != 0;
    *made = out.pos;
    return CADRE_OK;
}

static void end_zstd(unpacked_file *f)
{
    if (f->zstd) ZSTD_freeDStream(f->zstd);
}
#else
static cadre_status begin_zstd(unpacked_file *f)
{
    return cadre_fail(CADRE_EUNSUPPORTED, f->reader.path,
        "zstd: expected a program that was built with libzstd, found one without");
}

static cadre_status expand_piece(unpacked_file *f, size_t *made)
{
    *made = 0;
    return begin_zstd(f);
}

static void end_zstd(unpacked_file *f) { (void)f; }
#endif

/* ---- all of it ---- */

static cadre_status begin(unpacked_file *f, const char *path)
{
    CADRE_TRY(file_reader_open(path, &f->reader));
    CADRE_TRY(fill(f));
    f->packing = packing_of(f->in, f->count);
    if (f->packing == GZIP) return begin_gzip(f);
    return f->packing == ZSTD ? begin_zstd(f) : CADRE_OK;
}

cadre_status unpacked_open(const char *path, unpacked_file **f)
{
    unpacked_file *made = MEM_ARRAY(unpacked_file, 1);
    if (!made) return CADRE_ENOMEM;
    made->reader.handle = -1;
    cadre_status status = begin(made, path);
    if (status == CADRE_OK) *f = made;
    else unpacked_close(made);
    return status;
}

bool unpacked_is_packed(const unpacked_file *f) { return f->packing != PLAIN; }

void unpacked_close(unpacked_file *f)
{
    if (!f) return;
    if (f->begun) inflateEnd(&f->zip);
    end_zstd(f);
    file_reader_close(&f->reader);
    mem_free(f);
}

static cadre_status plain_piece(unpacked_file *f, const char **data, size_t *size)
{
    if (f->at == f->count) CADRE_TRY(fill(f));
    *data = f->in + f->at;
    *size = f->count - f->at;
    f->at = f->count;
    return CADRE_OK;
}

cadre_status unpacked_next(unpacked_file *f, const char **data, size_t *size)
{
    if (f->packing == PLAIN) return plain_piece(f, data, size);
    *data = f->out;
    *size = 0;
    while (*size == 0) {
        /* What a decompressor still holds may come without more input. */
        cadre_status status = f->packing == GZIP ? inflate_piece(f, size) : expand_piece(f, size);
        CADRE_TRY(status);
        if (*size > 0 || f->at < f->count) continue;
        if (!f->ended) CADRE_TRY(fill(f));
        if (!f->ended) continue;
        if (f->inside) return refuse_end(f, f->packing == GZIP ? "gzip" : "zstd");
        return CADRE_OK;
    }
    return CADRE_OK;
}

/* event_log.c - writes events as TFRecord records of protocol buffers:
 *
 *     record    length (8 bytes), its checksum, the Event message, its checksum
 *     Event     1: wall time (double)  2: step (varint)  3: version (text)  5: Summary
 *     Summary   1: Value, once for each scalar
 *     Value     1: tag (text)  2: value (float) */
#include "train/event_log.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"

struct event_log {
    FILE *file;
    char *path;
};

uint32_t event_log_checksum(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

/* ---- messages ---- */

enum { VARINT = 0, EIGHT_BYTES = 1, SIZED = 2, FOUR_BYTES = 5 };

/* If it fails, the error stays in the buffer, where write_record finds it. */
static void put_bytes(byte_buffer *b, const void *data, size_t size)
{
    (void)byte_buffer_put(b, data, size);
}

static void put_varint(byte_buffer *b, uint64_t x)
{
    for (; x >= 128; x >>= 7) byte_buffer_fill(b, (char)(x | 128), 1);
    byte_buffer_fill(b, (char)x, 1);
}

static void put_key(byte_buffer *b, int field, int type)
{
    put_varint(b, (uint64_t)(field << 3 | type));
}

static void put_sized(byte_buffer *b, int field, const void *data, size_t size)
{
    put_key(b, field, SIZED);
    put_varint(b, size);
    put_bytes(b, data, size);
}

static void put_value(byte_buffer *summary, const event_scalar *s)
{
    byte_buffer value = { 0 };
    float number = (float)s->value;
    put_sized(&value, 1, s->tag, strlen(s->tag));
    put_key(&value, 2, FOUR_BYTES);
    put_bytes(&value, &number, sizeof number);
    put_sized(summary, 1, value.data, value.size);
    if (value.status != CADRE_OK) summary->status = value.status;
    byte_buffer_free(&value);
}

static void put_time(byte_buffer *event, double seconds)
{
    put_key(event, 1, EIGHT_BYTES);
    put_bytes(event, &seconds, sizeof seconds);
}

/* ---- records ---- */

static cadre_status write_record(event_log *log, const byte_buffer *event)
{
    uint64_t length = event->size;
    CADRE_TRY(event->status);
    uint32_t of_length = event_log_checksum(&length, sizeof length),
             of_event = event_log_checksum(event->data, event->size);
    FILE *f = log->file;
    bool written = fwrite(&length, sizeof length, 1, f) == 1 &&
                   fwrite(&of_length, sizeof of_length, 1, f) == 1 &&
                   fwrite(event->data, 1, event->size, f) == event->size &&
                   fwrite(&of_event, sizeof of_event, 1, f) == 1 && fflush(f) == 0;
    return written ? CADRE_OK : cadre_fail_errno(CADRE_EIO, log->path, "could not be written");
}

static cadre_status begin(event_log *log)
{
    static const char version[] = "brain.Event:2";
    byte_buffer event = { 0 };
    put_time(&event, 0);
    put_sized(&event, 3, version, sizeof version - 1);
    cadre_status status = write_record(log, &event);
    byte_buffer_free(&event);
    return status;
}

cadre_status event_log_put(
    event_log *log, double seconds, int64_t step, const event_scalar *scalars, int count)
{
    byte_buffer event = { 0 }, summary = { 0 };
    for (int i = 0; i < count; i++) put_value(&summary, &scalars[i]);
    put_time(&event, seconds);
    put_key(&event, 2, VARINT);
    put_varint(&event, (uint64_t)step);
    put_sized(&event, 5, summary.data, summary.size);
    cadre_status status = summary.status;
    if (status == CADRE_OK) status = write_record(log, &event);
    byte_buffer_free(&event);
    byte_buffer_free(&summary);
    return status;
}

/* ---- the file ---- */

static char *new_path(const char *folder)
{
    for (int i = 1;; i++) {
        char *path = mem_printf("%s/events.out.tfevents.%010d.cadre", folder, i);
        if (!path || !file_exists(path)) return path;
        mem_free(path);
    }
}

cadre_status event_log_open(const char *folder, event_log **out)
{
    CADRE_TRY(file_make_folder(folder));
    event_log *log = MEM_ARRAY(event_log, 1);
    if (!log) return CADRE_ENOMEM;
    log->path = new_path(folder);
    log->file = log->path ? fopen(log->path, "we") : NULL;
    cadre_status status =
        log->file   ? begin(log)
        : log->path ? cadre_fail_errno(CADRE_EIO, log->path, "could not be opened for writing")
                    : CADRE_ENOMEM;
    if (status == CADRE_OK) *out = log;
    else event_log_close(log);
    return status;
}

cadre_status event_log_close(event_log *log)
{
    cadre_status status = CADRE_OK;
    if (!log) return CADRE_OK;
    if (log->file && fclose(log->file))
        status = cadre_fail_errno(CADRE_EIO, log->path, "could not be written");
    mem_free(log->path);
    mem_free(log);
    return status;
}

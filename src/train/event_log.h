/* event_log.h - a run's scalars as a file of events for TensorBoard: a TFRecord file, each of whose
 * records holds an Event message (protocol buffers) with the scalars of a step. */
#ifndef CADRE_TRAIN_EVENT_LOG_H
#define CADRE_TRAIN_EVENT_LOG_H

#include <stdint.h>

#include "base/status.h"

typedef struct event_log event_log;

/* Makes the folder if needed, and in it a new file events.out.tfevents.NUMBER.cadre. A resumed run
 * adds a file to those that are there. */
cadre_status event_log_open(const char *folder, event_log **log);
cadre_status event_log_close(event_log *log); /* NULL is fine */

typedef struct event_scalar {
    const char *tag; /* at most 100 bytes */
    double value;
} event_scalar;

/* Writes the scalars of a step, and flushes the file. seconds: the time since 1970 */
cadre_status event_log_put(
    event_log *log, double seconds, int64_t step, const event_scalar *scalars, int count);

/* The CRC-32C of some bytes, masked as in TFRecord */
uint32_t event_log_checksum(const void *data, size_t size);

#endif

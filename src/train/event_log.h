/* event_log.h - a run's numbers as a file of events that TensorBoard draws: records with checksums
 * (TFRecord), of which each holds an Event message (protocol buffers): the scalars of a step. */
#ifndef CADRE_TRAIN_EVENT_LOG_H
#define CADRE_TRAIN_EVENT_LOG_H

#include <stdint.h>

#include "base/status.h"

typedef struct event_log event_log;

/* Makes the folder, and in it a new file events.out.tfevents.NUMBER.cadre, after those that are
 * there: a resumed run adds one. */
cadre_status event_log_open(const char *folder, event_log **log);
cadre_status event_log_close(event_log *log); /* NULL is fine */

typedef struct event_scalar {
    const char *tag; /* at most 100 bytes */
    double value;
} event_scalar;

/* The scalars of a step, which can be seen at once. seconds: since 1970 */
cadre_status event_log_put(
    event_log *log, double seconds, int64_t step, const event_scalar *scalars, int count);

/* CRC-32C of some bytes, as records mask it */
uint32_t event_log_checksum(const void *data, size_t size);

#endif

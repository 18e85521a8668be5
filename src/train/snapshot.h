/* snapshot.h - checkpoints that stay: folders beside a run's current one, from which a run can be
 * resumed, and which are models like any other.
 *
 * A snapshot's files are links to those of the run's folder, which are never changed in place, so
 * that it takes no time; where a file system has no links, they are copies. */
#ifndef CADRE_TRAIN_SNAPSHOT_H
#define CADRE_TRAIN_SNAPSHOT_H

#include "base/status.h"

/* Makes folder/name of what lies in the folder now, in place of what was called so. */
cadre_status snapshot_take(const char *folder, const char *name);

/* Makes folder/checkpoint-STEP, and removes all but the last `keep` of these. */
cadre_status snapshot_keep(const char *folder, int64_t step, int64_t keep);

/* Removes what a run that was killed had begun to make. */
cadre_status snapshot_sweep(const char *folder);

#endif

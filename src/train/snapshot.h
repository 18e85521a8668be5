/* snapshot.h - checkpoints that are kept: folders in a run's folder, from which a run can be
 * resumed and which are models like any other.
 *
 * A snapshot's files are hard links to those of the run's folder, which are never changed in place,
 * so that making one takes no time. If the file system has no links, they are copies. */
#ifndef CADRE_TRAIN_SNAPSHOT_H
#define CADRE_TRAIN_SNAPSHOT_H

#include "base/status.h"

/* Makes the snapshot folder/name of the files that are in the folder now, and replaces an older one
 * of that name. */
cadre_status snapshot_take(const char *folder, const char *name);

/* Makes the snapshot folder/checkpoint-STEP, and removes all but the last `keep` of these. */
cadre_status snapshot_keep(const char *folder, int64_t step, int64_t keep);

/* Removes the incomplete snapshots that a run left when it was killed. */
cadre_status snapshot_sweep(const char *folder);

#endif

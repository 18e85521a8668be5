/* expected_hits.h - how many picks will find their expert in memory, before anything was run. */
#ifndef CADRE_STORE_EXPECTED_HITS_H
#define CADRE_STORE_EXPECTED_HITS_H

/* share: of all experts, that slots hold */
double expected_hit_rate(double share);

#endif

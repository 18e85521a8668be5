/* expected_hits.h - an estimate, before a model runs, of the share of picks whose expert is in
 * memory. */
#ifndef CADRE_STORE_EXPECTED_HITS_H
#define CADRE_STORE_EXPECTED_HITS_H

/* share: slots / experts */
double expected_hit_rate(double share);

#endif

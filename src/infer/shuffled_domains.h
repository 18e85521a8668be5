/* shuffled_domains.h - how much domain and expert would seem to share if the domains were assigned
 * by chance.
 *
 * Counts of few tokens always look as if experts knew domains a little, and the tokens of one
 * passage resemble each other. Therefore the domains are shuffled over whole segments of text,
 * many times, and the mutual information is measured each time. */
#ifndef CADRE_INFER_SHUFFLED_DOMAINS_H
#define CADRE_INFER_SHUFFLED_DOMAINS_H

#include "infer/route_census.h"

enum { SHUFFLED_ROUNDS = 40 };

typedef struct shuffled_bits {
    double mean, deviation; /* of the mutual information in bits, over the rounds */
} shuffled_bits;

/* Sets bits[S] from the texts of `domains` domains. */
cadre_status shuffled_domains(const route_census *const *domain, int domains, shuffled_bits *bits);

#endif

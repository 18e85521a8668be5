/* irls.h - the softmax regression that fits given shares best: Newton's method, which for a softmax
 * is iteratively reweighted least squares (Jordan & Jacobs 1994). */
#ifndef CADRE_MIXTURE_IRLS_H
#define CADRE_MIXTURE_IRLS_H

#include <stdint.h>

#include "base/status.h"

typedef struct irls {
    int64_t rows, width, classes; /* N, D, K */
    const double *input;          /* [N, D] */
    const double *share;          /* [N, K], not negative; rows may have any sum */
} irls;

/* The number of doubles that irls_fit works in. */
int64_t irls_room(int64_t width, int64_t classes);

/* Goes from w [K, D] to the maximum of Q, the sum over n and k of share_nk log softmax(w
 * input_n)_k. Shifting all rows of w changes nothing; each step is the one of least norm, so w
 * keeps the sum of its rows. Q never falls, except by rounding. If shares are separable there is no
 * maximum, and the fit stops after a hundred steps. Returns CADRE_EINTERRUPTED if a stop was
 * requested. */
cadre_status irls_fit(const irls *f, double *room, double *w);

#endif

/* em.h - expectation-maximisation (Jordan & Jacobs 1994). */
#ifndef CADRE_MIXTURE_EM_H
#define CADRE_MIXTURE_EM_H

#include "mixture/fit.h"

/* Computes posteriors and likelihood at the current parameters. */
void em_expect(fit *f);

/* Computes new parameters, all from these posteriors; the likelihood does not fall. Experts are
 * solved by weighted least squares, classes and gates by irls_fit. Returns CADRE_EINTERRUPTED if a
 * stop was requested. */
cadre_status em_maximise(fit *f);

/* Computes those of the experts only. */
cadre_status em_fit_experts(fit *f);

#endif

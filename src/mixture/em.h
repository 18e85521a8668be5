/* em.h - expectation-maximisation (Jordan & Jacobs 1994). */
#ifndef CADRE_MIXTURE_EM_H
#define CADRE_MIXTURE_EM_H

#include "mixture/fit.h"

/* Posteriors and likelihood at the parameters as they are. */
void em_expect(fit *f);

/* New parameters, all from these posteriors; the likelihood does not fall. Experts are solved by
 * weighted least squares, classes and gates by irls_fit. CADRE_EINTERRUPTED: asked to stop. */
cadre_status em_maximise(fit *f);

/* Of these the experts alone. */
cadre_status em_fit_experts(fit *f);

#endif

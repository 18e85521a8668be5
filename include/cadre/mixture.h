/* mixture.h - mixtures of local experts on tables.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_MIXTURE_PUBLIC_H
#define CADRE_MIXTURE_PUBLIC_H

#include "cadre/context.h"
#include "cadre/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A soft mixture of experts (Jacobs et al. 1991, Jordan & Jacobs 1994) on a table of numbers in a
 * CSV file. For each row a gate says how much the answer of each of E experts counts, the experts
 * are linear or small networks, and all of them answer: y = sum of p_i(x) o_i(x). It computes in
 * double precision and in one thread. It does not change once it is fitted or open, so any number
 * of threads may use one. */
typedef struct cadre_mixture cadre_mixture;

/* Columns, experts, method, files */
CADRE_API cadre_option_table cadre_mixture_options(void);

/* The state of a fit, before the first iteration and after each */
typedef struct cadre_mixture_progress {
    size_t size;                   /* filled in */
    int64_t iteration, iterations; /* done, and in all */
    /* It is that of all rows, constants included; under --method em it never falls. */
    double log_likelihood;
    double loss; /* the loss of gradient descent, a mean over rows; NaN: the method has none */
} cadre_mixture_progress;

/* NULL: not wanted. */
typedef void (*cadre_mixture_listener)(void *arg, const cadre_mixture_progress *p);

/* Fits a mixture to the table `data` as the options say, which are the tables of run and mixture in
 * one object. Writes it to the folder --out, and its course to the file --trace, if these are
 * given. CADRE_EEXISTS: there is a mixture in that folder. CADRE_EFORMAT: this is not a table to
 * which such a mixture can be fitted; the error says where. */
CADRE_API cadre_status cadre_mixture_fit(const char *data, const cadre_options *options,
    cadre_mixture_listener listener, void *arg, cadre_mixture **mixture);
CADRE_API void cadre_mixture_free(cadre_mixture *mixture);

/* Opens a folder that cadre_mixture_fit wrote. cadre_mixture_free frees it. */
CADRE_API cadre_status cadre_mixture_open(const char *folder, cadre_mixture **mixture);

typedef struct cadre_mixture_info {
    size_t size;             /* sizeof(cadre_mixture_info) */
    const char *method;      /* as --method takes it; static */
    bool classify;           /* the one target is a class */
    int64_t inputs, targets; /* columns of the table */
    int64_t outputs;         /* numbers of a prediction: one for each target, or for each class */
    int64_t experts, groups; /* groups 0: there is no hierarchy */
    int64_t hidden;          /* units of an expert's hidden layer; 0: experts are linear */
    int64_t parameters, rows, iterations;
    double log_likelihood; /* after the last iteration */
} cadre_mixture_info;

/* Describes a mixture. */
CADRE_API cadre_status cadre_mixture_info_get(
    const cadre_mixture *mixture, cadre_mixture_info *info);

/* The name of the i-th column: inputs first, then targets; NULL: there are no more. Borrowed */
CADRE_API const char *cadre_mixture_column(const cadre_mixture *mixture, int64_t i);

/* The share of the rows that an expert answered for at the end of the fit: the mean of its gate.
 * The shares of all experts sum to 1. */
CADRE_API double cadre_mixture_share(const cadre_mixture *mixture, int64_t expert);

/* What a mixture predicts for a row; borrowed for the call */
typedef struct cadre_mixture_prediction {
    size_t size;         /* filled in */
    int64_t row;         /* from 0 */
    const double *input; /* [inputs] as they stand in the table */
    /* [outputs] the targets, or the probability of each class */
    const double *output;
    int64_t best; /* the most probable class; -1: the targets are no classes */
    /* [experts] p_i, which sum to 1; with a gate for each task, those of the first target */
    const double *gate;
} cadre_mixture_prediction;

typedef void (*cadre_mixture_answer)(void *arg, const cadre_mixture_prediction *p);

/* Predicts each row of a table that has the columns of the mixture's inputs, by name, in any order,
 * perhaps among others. The whole table is read and checked before the first answer. */
CADRE_API cadre_status cadre_mixture_predict(
    const cadre_mixture *mixture, const char *data, cadre_mixture_answer answer, void *arg);

#ifdef __cplusplus
}
#endif
#endif

/* mixture_view.h - a mixture of local experts as its page shows it: the names of its columns, and
 * the memory in which pictures are computed. */
#ifndef CADRE_REPORT_MIXTURE_VIEW_H
#define CADRE_REPORT_MIXTURE_VIEW_H

#include "base/buffer.h"
#include "mixture/model.h"

enum {
    POINTS = 161,      /* of a curve */
    MOST_CHARTS = 6,   /* of each kind */
    MOST_EXPERTS = 24, /* drawn; the table has all of them */
};

typedef struct mixture_view {
    byte_buffer *page;
    const cadre_mixture *m;
    const mixture_shape *s;
    mixture_row row;
    double *at;     /* [inputs] the others' values */
    double *middle; /* [inputs] */
    double *gate;   /* [POINTS, gates * E] along an input */
    double *output; /* [POINTS, E * O] */
    double *answer; /* [POINTS, O] */
    double x[POINTS], y[POINTS];
} mixture_view;

/* Makes the arrays for page, m and s, which are set; false: there is no memory. Close it in any
 * case. */
bool mixture_view_open(mixture_view *v);
void mixture_view_close(mixture_view *v);

void mixture_put_expert(byte_buffer *page, const mixture_shape *s, int64_t expert);
const char *mixture_input_name(const mixture_view *v, int64_t j);
const char *mixture_target_name(const mixture_view *v, int64_t j);
/* An attribute's text, escaped; the caller frees it. Running out of memory stays in the page's
 * status. */
char *mixture_escaped(byte_buffer *page, const char *text);
static inline const char *or_empty(const char *text) { return text ? text : ""; }

int64_t mixture_drawn_experts(const mixture_view *v);
/* The experts' colours; what: in words, what is drawn of each. */
void mixture_legend(const mixture_view *v, const char *what);

/* Sections of the page; each is left out where the mixture is not of its kind. */
void mixture_section_gates(mixture_view *v);
void mixture_section_map(mixture_view *v);
void mixture_section_answers(mixture_view *v);

#endif

/* irls.c - Newton's steps. Each is halved while Q falls, and they end when they are too small to
 * matter.
 *
 * The Hessian of -Q is H = sum_n s_n (diag(p) - p p^T) (x) x x^T, where s_n is the sum of a row's
 * shares. It is singular in the directions in which all rows of w shift alike, and the gradient has
 * no part there. Adding c (1 1^T / K) (x) I, which acts in those directions only, makes it definite
 * and leaves the step of least norm unchanged. */
#include "mixture/irls.h"

#include <math.h>
#include <string.h>

#include "base/interrupt.h"
#include "mixture/row.h"

enum { MOST_STEPS = 100, MOST_DAMPINGS = 12 };
static const double converged = 1e-10;
static const double rounding = 1e-12; /* of |Q|; a loss this small does not count as a fall */
static const double definite = 1e-13; /* of its diagonal, which a pivot must keep */

typedef struct newton {
    const irls *f;
    int64_t n;        /* K * D */
    double *log_p;    /* [K] of a row */
    double *gradient; /* [K, D] of Q */
    double *step;     /* [K, D] */
    double *trial;    /* [K, D] */
    double *hessian;  /* [n, n], lower triangle */
    double *factor;   /* [n, n] */
} newton;

int64_t irls_room(int64_t width, int64_t classes)
{
    int64_t n = width * classes;
    return classes + 3 * n + 2 * n * n;
}

static newton newton_in(const irls *f, double *room)
{
    int64_t n = f->width * f->classes;
    newton s = { .f = f, .n = n, .log_p = room };
    s.gradient = s.log_p + f->classes;
    s.step = s.gradient + n;
    s.trial = s.step + n;
    s.hessian = s.trial + n;
    s.factor = s.hessian + n * n;
    return s;
}

/* Computes Q at w. */
static double value_at(const newton *s, const double *w)
{
    const irls *f = s->f;
    double sum = 0;
    for (int64_t r = 0; r < f->rows; r++) {
        const double *share = f->share + r * f->classes;
        log_softmax_of(w, f->input + r * f->width, f->classes, f->width, s->log_p);
        for (int64_t k = 0; k < f->classes; k++)
            if (share[k] > 0) sum += share[k] * s->log_p[k];
    }
    return sum;
}

/* Adds factor x x^T to block (k, j) of the Hessian. */
static void add_outer(newton *s, int64_t k, int64_t j, double factor, const double *x)
{
    int64_t d = s->f->width;
    for (int64_t a = 0; a < d; a++) {
        double *row = s->hessian + (k * d + a) * s->n + j * d;
        for (int64_t b = 0; b < d; b++) row[b] += factor * x[a] * x[b];
    }
}

static void add_row(newton *s, const double *w, int64_t r)
{
    const irls *f = s->f;
    const double *x = f->input + r * f->width, *share = f->share + r * f->classes;
    double whole = 0;
    for (int64_t k = 0; k < f->classes; k++) whole += share[k];
    if (!(whole > 0)) return;
    log_softmax_of(w, x, f->classes, f->width, s->log_p);
    for (int64_t k = 0; k < f->classes; k++) {
        double p = exp(s->log_p[k]);
        for (int64_t a = 0; a < f->width; a++)
            s->gradient[k * f->width + a] += (share[k] - whole * p) * x[a];
        for (int64_t j = 0; j <= k; j++)
            add_outer(s, k, j, whole * p * ((j == k) - exp(s->log_p[j])), x);
    }
}

static void derivatives_at(newton *s, const double *w)
{
    memset(s->gradient, 0, (size_t)s->n * sizeof *s->gradient);
    memset(s->hessian, 0, (size_t)(s->n * s->n) * sizeof *s->hessian);
    for (int64_t r = 0; r < s->f->rows; r++) add_row(s, w, r);
}

/* ---- the step ---- */

static double mean_of_diagonal(const newton *s)
{
    double sum = 0;
    for (int64_t i = 0; i < s->n; i++) sum += s->hessian[i * s->n + i];
    return sum / (double)s->n;
}

/* Computes the lower triangle of L with L L^T = H + shift term + damping I. Returns false if that
 * is not definite. */
static bool factorise(newton *s, double shift, double damping)
{
    int64_t d = s->f->width, n = s->n;
    double *l = s->factor;
    memcpy(l, s->hessian, (size_t)(n * n) * sizeof *l);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i % d; j <= i; j += d) l[i * n + j] += shift / (double)s->f->classes;
    for (int64_t i = 0; i < n; i++) {
        double diagonal = l[i * n + i] += damping;
        for (int64_t j = 0; j <= i; j++) {
            double sum = l[i * n + j];
            for (int64_t k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
            if (j < i) l[i * n + j] = sum / l[j * n + j];
            else if (sum > definite * diagonal) l[i * n + i] = sqrt(sum);
            else return false;
        }
    }
    return true;
}

static void substitute(newton *s)
{
    int64_t n = s->n;
    const double *l = s->factor;
    for (int64_t i = 0; i < n; i++) {
        double sum = s->gradient[i];
        for (int64_t j = 0; j < i; j++) sum -= l[i * n + j] * s->step[j];
        s->step[i] = sum / l[i * n + i];
    }
    for (int64_t i = n - 1; i >= 0; i--) {
        double sum = s->step[i];
        for (int64_t j = i + 1; j < n; j++) sum -= l[j * n + i] * s->step[j];
        s->step[i] = sum / l[i * n + i];
    }
}

/* Takes a step. It is damped only where inputs depend on each other or shares are nearly 0 or 1.
 * Returns false if Q is flat. */
static bool take_step(newton *s)
{
    double shift = mean_of_diagonal(s), damping = 0;
    if (!(shift > 0)) return false;
    for (int i = 0; i < MOST_DAMPINGS; i++) {
        if (factorise(s, shift, damping)) {
            substitute(s);
            return true;
        }
        damping = damping > 0 ? damping * 10 : shift * 1e-10;
    }
    return false;
}

static double largest(const newton *s)
{
    double most = 0;
    for (int64_t i = 0; i < s->n; i++) most = fmax(most, fabs(s->step[i]));
    return most;
}

/* Moves w along the step, which is halved while Q falls. Returns how far its largest element
 * went. */
static double move(newton *s, double *w, double *q)
{
    double length = largest(s), scale = 1, bound = *q - rounding * fabs(*q);
    if (!isfinite(length)) return 0;
    for (; scale * length >= converged * 0.5; scale *= 0.5) {
        for (int64_t i = 0; i < s->n; i++) s->trial[i] = w[i] + scale * s->step[i];
        double moved = value_at(s, s->trial);
        if (!(moved >= bound)) continue;
        memcpy(w, s->trial, (size_t)s->n * sizeof *w);
        *q = moved;
        return scale * length;
    }
    return 0;
}

cadre_status irls_fit(const irls *f, double *room, double *w)
{
    newton s = newton_in(f, room);
    double q = value_at(&s, w);
    for (int i = 0; i < MOST_STEPS; i++) {
        CADRE_TRY(interrupt_check(NULL));
        derivatives_at(&s, w);
        if (!take_step(&s) || move(&s, w, &q) < converged) break;
    }
    return CADRE_OK;
}

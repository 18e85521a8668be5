/* descent_test.c - gradients of every loss, form and gate against central differences, to 1e-6;
 * always in double, as the room computes. */
#include "mixture/descent.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "support/succeeds.h"

enum { ROWS = 13, INPUTS = 3, OUTPUTS = 4, EXPERTS = 6 };

static double input[ROWS * (INPUTS + 1)], target[ROWS * OUTPUTS];

static double loss_at(fit *f, int64_t i, double value)
{
    double kept = f->parameters[i];
    f->parameters[i] = value;
    descent_expect(f);
    f->parameters[i] = kept;
    return f->loss;
}

/* Five points: the error is of the order of step^4. */
static double difference(fit *f, int64_t i)
{
    double x = f->parameters[i], h = 1e-4;
    double near = loss_at(f, i, x + h) - loss_at(f, i, x - h);
    double far = loss_at(f, i, x + 2 * h) - loss_at(f, i, x - 2 * h);
    return (8 * near - far) / (12 * h);
}

static void check(const char *what, enum mixture_method method, mixture_shape s)
{
    mixture_layout l;
    s.inputs = INPUTS, s.outputs = OUTPUTS, s.experts = EXPERTS;
    succeeds(mixture_layout_of(&s, &l));
    fit f = { .method = method,
        .shape = &s,
        .layout = &l,
        .rows = ROWS,
        .input = input,
        .target = target,
        .parameters = MEM_ARRAY(double, l.count),
        .gradient = MEM_ARRAY(double, l.count) };
    double *analytic = MEM_ARRAY(double, l.count), most = 0;
    succeeds(mixture_row_open(&s, &f.row));
    for (int64_t i = 0; i < l.count; i++)
        f.parameters[i] =
            0.7 * random_normal(random_key_of(7, what, (uint64_t)method, 0), (uint64_t)i);
    descent_expect(&f);
    for (int64_t i = 0; i < l.count; i++) {
        analytic[i] = f.gradient[i];
        most = fmax(most, fabs(analytic[i]));
    }
    assert_true(most > 1e-3);
    for (int64_t i = 0; i < l.count; i++) {
        double expected = difference(&f, i);
        if (!(fabs(expected - analytic[i]) <= 1e-6 * most))
            fail_msg("%s, method %d: gradient %lld is %.12g, differences say %.12g", what,
                (int)method, (long long)i, analytic[i], expected);
    }
    mixture_row_close(&f.row);
    mem_free(f.parameters);
    mem_free(f.gradient);
    mem_free(analytic);
}

static void fill(bool classes)
{
    random_key key = random_key_of(3, "descent test", classes, 0);
    uint64_t at = 0;
    for (int n = 0; n < ROWS; n++) {
        for (int j = 0; j < INPUTS; j++) input[n * (INPUTS + 1) + j] = random_normal(key, at++);
        input[n * (INPUTS + 1) + INPUTS] = 1;
    }
    for (int n = 0; n < ROWS * OUTPUTS; n++)
        target[n] = classes ? (double)(n % OUTPUTS) : random_normal(key, at++);
}

static void gradients_of_numbers_are_right(void **state)
{
    (void)state;
    fill(false);
    for (int method = METHOD_GRADIENT; method <= METHOD_COMPETITIVE; method++) {
        check("linear", (enum mixture_method)method, (mixture_shape){ 0 });
        check("networks", (enum mixture_method)method, (mixture_shape){ .hidden = 3 });
        check("hierarchy", (enum mixture_method)method, (mixture_shape){ .groups = 2 });
        check("networks in a hierarchy", (enum mixture_method)method,
            (mixture_shape){ .groups = 3, .hidden = 2 });
    }
    check("a gate a task", METHOD_COOPERATIVE, (mixture_shape){ .task_gates = true });
    check("networks, a gate a task", METHOD_COOPERATIVE,
        (mixture_shape){ .task_gates = true, .hidden = 3 });
}

static void gradients_of_classes_are_right(void **state)
{
    (void)state;
    fill(true);
    const enum mixture_method methods[] = { METHOD_GRADIENT, METHOD_COMPETITIVE };
    for (int i = 0; i < 2; i++) {
        check("linear classes", methods[i], (mixture_shape){ .classify = true });
        check("networks of classes", methods[i], (mixture_shape){ .classify = true, .hidden = 3 });
        check("classes in a hierarchy", methods[i],
            (mixture_shape){ .classify = true, .groups = 3, .hidden = 2 });
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_numbers_are_right),
        cmocka_unit_test(gradients_of_classes_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

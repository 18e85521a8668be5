/* rows_activation.h - part of rows_template.h: THE LIST of activations, forward beside backward.
 *
 * Each is a pair of functions of vectors, which an entry of the list applies to all elements of a
 * row. */

FORCE_INLINE vec relu(vec g, vec u, vec limit)
{
    (void)u, (void)limit;
    return select(g > splat(0), g, select(g != g, g, splat(0)));
}

FORCE_INLINE void relu_backward(vec g, vec u, vec limit, vec dh, vec *dg, vec *du)
{
    (void)u, (void)limit, (void)du;
    *dg = select(g > splat(0), dh, splat(0));
}

/* relu(g)^2 */
FORCE_INLINE vec relu2(vec g, vec u, vec limit)
{
    vec r = relu(g, u, limit);
    return r * r;
}

FORCE_INLINE void relu2_backward(vec g, vec u, vec limit, vec dh, vec *dg, vec *du)
{
    (void)du;
    vec r = relu(g, u, limit);
    *dg = dh * (r + r);
}

/* Phi(g) = (1 + erf(g / sqrt 2)) / 2, the normal distribution */
FORCE_INLINE vec normal_cdf(vec g)
{
    return splat(REAL_C(0.5)) * (splat(1) + vec_erf(g * splat(REAL_C(0.70710678118654752))));
}

FORCE_INLINE vec gelu(vec g, vec u, vec limit)
{
    (void)u, (void)limit;
    return g * normal_cdf(g);
}

FORCE_INLINE vec gelu_derivative(vec g) /* Phi(g) + g phi(g) */
{
    vec density = splat(REAL_C(0.39894228040143268)) * vec_exp(splat(REAL_C(-0.5)) * g * g);
    return normal_cdf(g) + g * density;
}

FORCE_INLINE void gelu_backward(vec g, vec u, vec limit, vec dh, vec *dg, vec *du)
{
    (void)u, (void)limit, (void)du;
    *dg = dh * gelu_derivative(g);
}

/* tanh(sqrt(2/pi) (g + 0.044715 g^3)) */
FORCE_INLINE vec gelu_angle(vec g)
{
    return vec_tanh(splat(REAL_C(0.79788456080286536)) * (g + splat(REAL_C(0.044715)) * g * g * g));
}

FORCE_INLINE vec gelu_tanh(vec g, vec u, vec limit)
{
    (void)u, (void)limit;
    return splat(REAL_C(0.5)) * g * (splat(1) + gelu_angle(g));
}

FORCE_INLINE vec gelu_tanh_derivative(vec g, vec t)
{
    vec inner = splat(REAL_C(0.79788456080286536)) * (splat(1) + splat(REAL_C(0.134145)) * g * g);
    return splat(REAL_C(0.5)) * (splat(1) + t + g * (splat(1) - t * t) * inner);
}

FORCE_INLINE void gelu_tanh_backward(vec g, vec u, vec limit, vec dh, vec *dg, vec *du)
{
    (void)u, (void)limit, (void)du;
    *dg = dh * gelu_tanh_derivative(g, gelu_angle(g));
}

FORCE_INLINE vec silu(vec g, vec u, vec limit)
{
    (void)u, (void)limit;
    return g * vec_sigmoid(g);
}

FORCE_INLINE void silu_backward(vec g, vec u, vec limit, vec dh, vec *dg, vec *du)
{
    (void)u, (void)limit, (void)du;
    vec s = vec_sigmoid(g);
    *dg = dh * (s + g * s * (splat(1) - s));
}

FORCE_INLINE vec geglu(vec g, vec u, vec limit) { return gelu_tanh(g, u, limit) * u; }

FORCE_INLINE void geglu_backward(vec g, vec u, vec limit, vec dh, vec *dg, vec *du)
{
    (void)limit;
    vec t = gelu_angle(g);
    *dg = dh * u * gelu_tanh_derivative(g, t);
    *du = dh * (splat(REAL_C(0.5)) * g * (splat(1) + t));
}

FORCE_INLINE vec geglu_erf(vec g, vec u, vec limit) { return gelu(g, u, limit) * u; }

FORCE_INLINE void geglu_erf_backward(vec g, vec u, vec limit, vec dh, vec *dg, vec *du)
{
    *dg = dh * u * gelu_derivative(g);
    *du = dh * gelu(g, u, limit);
}

FORCE_INLINE vec swiglu(vec g, vec u, vec limit) { return silu(g, u, limit) * u; }

FORCE_INLINE void swiglu_backward(vec g, vec u, vec limit, vec dh, vec *dg, vec *du)
{
    (void)limit;
    vec s = vec_sigmoid(g), h = g * s;
    *dg = dh * u * (s + h * (splat(1) - s));
    *du = dh * h;
}

/* (up + 1) gate sigmoid(1.702 gate), with gate = min(g, limit) and up = u clamped to -limit..limit.
 * NaN passes the clamps. */
FORCE_INLINE vec gptoss(vec g, vec u, vec limit)
{
    vec gate = select(g > limit, limit, g),
        up = select(u > limit, limit, select(u < -limit, -limit, u));
    return (up + splat(1)) * (gate * vec_sigmoid(splat(REAL_C(1.702)) * gate));
}

FORCE_INLINE void gptoss_backward(vec g, vec u, vec limit, vec dh, vec *dg, vec *du)
{
    vec alpha = splat(REAL_C(1.702));
    vec gate = select(g > limit, limit, g),
        up = select(u > limit, limit, select(u < -limit, -limit, u));
    vec s = vec_sigmoid(alpha * gate);
    *dg = select(
        g > limit, splat(0), dh * (up + splat(1)) * s * (splat(1) + alpha * gate * (splat(1) - s)));
    *du = select((u > limit) | (u < -limit), splat(0), dh * gate * s);
}

#define ACTIVATION_ONE(name)                                                                       \
    static void name##_rows(int64_t n, const real *g, const real *u, real limit, real *out)        \
    {                                                                                              \
        (void)u;                                                                                   \
        map_two(name, n, g, g, limit, out);                                                        \
    }                                                                                              \
    static void name##_rows_backward(                                                              \
        int64_t n, const real *g, const real *u, real limit, const real *dh, real *dg, real *du)   \
    {                                                                                              \
        (void)u, (void)du;                                                                         \
        map_backward(name##_backward, n, g, g, limit, dh, dg, NULL);                               \
    }

#define ACTIVATION_TWO(name)                                                                       \
    static void name##_rows(int64_t n, const real *g, const real *u, real limit, real *out)        \
    {                                                                                              \
        map_two(name, n, g, u, limit, out);                                                        \
    }                                                                                              \
    static void name##_rows_backward(                                                              \
        int64_t n, const real *g, const real *u, real limit, const real *dh, real *dg, real *du)   \
    {                                                                                              \
        map_backward(name##_backward, n, g, u, limit, dh, dg, du);                                 \
    }

/* dg[i], du[i] = f(g[i], u[i], limit, dh[i]); du NULL: the activation has one input */
FORCE_INLINE void map_backward(void (*f)(vec, vec, vec, vec, vec *, vec *), int64_t n,
    const real *g, const real *u, real limit, const real *dh, real *dg, real *du)
{
    vec a, b, bound = splat(limit);
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        f(load(g + i), load(u + i), bound, load(dh + i), &a, &b);
        store(dg + i, a);
        if (du) store(du + i, b);
    }
    if (i == n) return;
    f(load_partial(g + i, n - i, 0), load_partial(u + i, n - i, 0), bound,
        load_partial(dh + i, n - i, 0), &a, &b);
    store_partial(dg + i, n - i, a);
    if (du) store_partial(du + i, n - i, b);
}

ACTIVATION_ONE(relu)
ACTIVATION_ONE(relu2)
ACTIVATION_ONE(gelu)
ACTIVATION_ONE(gelu_tanh)
ACTIVATION_ONE(silu)
ACTIVATION_TWO(geglu)
ACTIVATION_TWO(geglu_erf)
ACTIVATION_TWO(swiglu)
ACTIVATION_TWO(gptoss)

#define ACTIVATION_NAMED(text, name, inputs)                                                       \
    {                                                                                              \
        text, inputs, name##_rows, name##_rows_backward                                            \
    }
#define ACTIVATION(name, inputs) ACTIVATION_NAMED(#name, name, inputs)

static const row_activation activation_list[] = {
    ACTIVATION(relu, 1),
    ACTIVATION(relu2, 1),
    ACTIVATION(gelu, 1),
    ACTIVATION(gelu_tanh, 1),
    ACTIVATION(silu, 1),
    ACTIVATION(geglu, 2),
    ACTIVATION(geglu_erf, 2),
    ACTIVATION(swiglu, 2),
    ACTIVATION_NAMED("gpt-oss", gptoss, 2),
};

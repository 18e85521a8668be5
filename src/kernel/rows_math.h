/* rows_math.h - part of rows_template.h: exp, log, tanh, sigmoid and erf of vectors.
 *
 * In float they are polynomials after the usual range reductions. The coefficients are minimax fits
 * of our own, and there is no fused multiply-add, so that every variant gives the same bits. In
 * double, which only gradient checks use, they call the C library lane by lane. */
#if REAL_IS_DOUBLE

    #define LANEWISE(name, call)                                                                   \
        FORCE_INLINE vec name(vec x)                                                               \
        {                                                                                          \
            for (int i = 0; i < WIDTH; i++) x[i] = call(x[i]);                                     \
            return x;                                                                              \
        }
LANEWISE(vec_exp, exp)
LANEWISE(vec_log, log)
LANEWISE(vec_tanh, tanh)
LANEWISE(vec_erf, erf)
    #undef LANEWISE

#else

/* Bits as unsigned integers, whose arithmetic wraps */
typedef uint32_t vec_count __attribute__((vector_size(VECTOR_BYTES)));

FORCE_INLINE vec_count splat_count(uint32_t x) { return x - (vec_count){ 0 }; }

/* e^x = 2^n e^r with n = round(x / ln 2) and r = x - n ln 2. Adding 1.5 * 2^23 rounds, and leaves n
 * in the low bits. ln 2 is split in two, so that n times its upper part is exact. The product with
 * 2^n is an addition to the exponent, which is right for normal results. */
FORCE_INLINE vec vec_exp(vec x)
{
    vec magic = splat(12582912.0f), shifted = x * splat(1.44269504f) + magic, n = shifted - magic;
    vec r = (x - n * splat(0.693359375f)) - n * splat(-2.12194440e-4f);
    vec p = splat(0.00138145604f);
    p = p * r + splat(0.0083687352f);
    p = p * r + splat(0.041668389f);
    p = p * r + splat(0.166665211f);
    p = p * r + splat(0.49999994f);
    vec y = p * (r * r) + r + splat(1.0f);
    y = (vec)((vec_count)y + (((vec_count)shifted - (vec_count)magic) << 23));
    y = (vec)((vec_bits)y & ~(x < splat(-87.3365448f)));
    return select(x > splat(88.7228394f), splat(INFINITY), y);
}

/* log(2^e (1+f)) = e ln 2 + f - f^2/2 + f^3 P(f), sqrt(1/2) <= 1+f < sqrt(2) */
FORCE_INLINE vec vec_log(vec x)
{
    vec_count half = (vec_count)splat(0.707106781f), bits = (vec_count)x - half;
    vec_bits exponent = (vec_bits)bits >> 23;
    vec e = __builtin_convertvector(exponent, vec);
    vec f = (vec)((bits & splat_count(0x007fffff)) + half) - splat(1.0f);
    vec p = splat(-0.0763227642f);
    p = p * f + splat(0.127608582f);
    p = p * f + splat(-0.131606355f);
    p = p * f + splat(0.142018825f);
    p = p * f + splat(-0.166233271f);
    p = p * f + splat(0.200012207f);
    p = p * f + splat(-0.250008225f);
    p = p * f + splat(0.333333313f);
    vec square = f * f;
    vec y = (p * f * square + e * splat(-2.12194440e-4f)) - square * splat(0.5f);
    y = y + f + e * splat(0.693359375f);
    y = select(x < splat(1.17549435e-38f), select(x < splat(0), splat(NAN), splat(-INFINITY)), y);
    return select((x == splat(INFINITY)) | (x != x), x, y);
}

/* x + x^3 P(x^2) near 0, else 1 - 2 / (e^2|x| + 1) */
FORCE_INLINE vec vec_tanh(vec x)
{
    vec size = vec_fabs(x), z = x * x;
    vec p = splat(-0.00589515828f);
    p = p * z + splat(0.020795971f);
    p = p * z + splat(-0.0537838303f);
    p = p * z + splat(0.133319244f);
    p = p * z + splat(-0.333332986f);
    vec far = splat(1.0f) - splat(2.0f) / (vec_exp(size + size) + splat(1.0f));
    return select(size < splat(0.6f), p * z * x + x, copy_sign(far, x));
}

/* x P(x^2) up to 1, else 1 - e^(-x^2) Q(1 / (|x| + 1)) */
FORCE_INLINE vec vec_erf(vec x)
{
    vec size = vec_fabs(x), z = x * x;
    vec p = splat(7.85386146e-05f);
    p = p * z + splat(-0.000801019371f);
    p = p * z + splat(0.00518832775f);
    p = p * z + splat(-0.0268538129f);
    p = p * z + splat(0.112835854f);
    p = p * z + splat(-0.37612626f);
    p = p * z + splat(1.12837911f);
    vec t = splat(1.0f) / (size + splat(1.0f));
    vec q = splat(0.431703478f);
    q = q * t + splat(-0.956038296f);
    q = q * t + splat(0.39737156f);
    q = q * t + splat(0.582699835f);
    q = q * t + splat(0.555232286f);
    q = q * t + splat(0.000882683438f);
    vec far = splat(1.0f) - vec_exp(-z) * q;
    return select(size < splat(1.0f), p * x, copy_sign(far, x));
}

#endif

FORCE_INLINE vec vec_sigmoid(vec x) { return splat(1) / (splat(1) + vec_exp(-x)); }

/* max(x, 0) + log(1 + e) with e = exp(-|x|). Where 1 + e is rounded to w, e / (w - 1) is how much
 * log w misses, so that small e keep all their digits. */
FORCE_INLINE vec vec_softplus(vec x)
{
    vec e = vec_exp(-vec_fabs(x)), w = splat(1) + e, kept = w - splat(1);
    vec above = select(kept > splat(0), vec_log(w) * (e / kept), e);
    return select(x > splat(0), x + above, select(x != x, x, above));
}

FORCE_INLINE real exp_of(real x) { return vec_exp(splat(x))[0]; }
FORCE_INLINE real log_of(real x) { return vec_log(splat(x))[0]; }

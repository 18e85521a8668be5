/* sparse_layer.c - a sparse layer in a program of your own, with the installed library alone.
 *
 *     cc -o sparse_layer sparse_layer.c $(pkg-config --cflags --libs cadre) -lm
 *
 * Tokens are of four kinds, and each kind needs another answer. A layer of 8 experts, of which each
 * token uses 2, learns to give it: forward, loss, backward, a step of Adam, over and over. Then the
 * program prints which experts took which kind, and how evenly they were used. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cadre.h>

enum {
    WIDTH = 32,
    HIDDEN = 64,
    EXPERTS = 8,
    TOPK = 2,
    TOKENS = 256,
    STEPS = 300,
    SHOW = 60,
    KINDS = 4
};

static void check(cadre_status status)
{
    if (status == CADRE_OK) return;
    fprintf(stderr, "sparse_layer: %s\n", cadre_last_error());
    exit(1);
}

static cadre_moe *new_layer(cadre_context *context)
{
    cadre_moe_shape shape = { .size = sizeof shape,
        .width = WIDTH,
        .hidden = HIDDEN,
        .experts = EXPERTS,
        .topk = TOPK,
        .router = "softmax-renorm",
        .form = "swiglu",
        .tokens = TOKENS };
    cadre_option_table table = cadre_routing_options();
    cadre_options *options;
    cadre_moe *moe;
    check(cadre_options_new(&table, 1, &options));
    check(cadre_options_set(options, "aux-loss", "0.01")); /* keeps the experts evenly used */
    check(cadre_options_set(options, "z-loss", "0.001"));
    check(cadre_moe_new(context, &shape, options, 1, &moe));
    cadre_options_free(options);
    return moe;
}

/* Adam, for every parameter that has a gradient. moments [2, the parameters' sizes] begin as
 * zeros. */
static void descend(cadre_moe *moe, int step, float *moments)
{
    const float rate = 0.003f, b1 = 0.9f, b2 = 0.99f;
    for (int64_t i = 0; i < cadre_moe_parameters(moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(moe, i);
        for (int64_t j = 0; p.gradient && j < p.rows * p.cols; j++, moments += 2) {
            moments[0] = b1 * moments[0] + (1 - b1) * p.gradient[j];
            moments[1] = b2 * moments[1] + (1 - b2) * p.gradient[j] * p.gradient[j];
            float m = moments[0] / (1 - powf(b1, (float)step + 1)),
                  v = moments[1] / (1 - powf(b2, (float)step + 1));
            p.values[j] -= rate * m / (sqrtf(v) + 1e-8f);
        }
    }
}

static float *new_moments(const cadre_moe *moe)
{
    size_t count = 0;
    for (int64_t i = 0; i < cadre_moe_parameters(moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(moe, i);
        count += (size_t)(p.rows * p.cols);
    }
    return calloc(2 * count, sizeof(float));
}

/* A uniform number in -1.7 .. 1.7, which has deviation 1; the same on every machine. */
static float number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)((double)(*state >> 8) / (1 << 24) * 3.46 - 1.73);
}

/* Token t is of kind t % KINDS: the kind's centre plus some noise. `wanted` is the token rotated by
 * as many places as its kind says. */
static void make_tokens(uint32_t *state, float *x, float *wanted)
{
    uint32_t centre = 7;
    static float centres[KINDS * WIDTH];
    for (int i = 0; i < KINDS * WIDTH; i++) centres[i] = number(&centre);
    for (int t = 0; t < TOKENS; t++)
        for (int i = 0; i < WIDTH; i++)
            x[t * WIDTH + i] = centres[t % KINDS * WIDTH + i] + 0.5f * number(state);
    for (int t = 0; t < TOKENS; t++)
        for (int i = 0; i < WIDTH; i++)
            wanted[t * WIDTH + i] = x[t * WIDTH + (i + 1 + t % KINDS) % WIDTH];
}

/* dy = the derivative by y of the mean of (y - wanted)^2, which is returned. */
static double squared_error(const float *y, const float *wanted, float *dy)
{
    double sum = 0;
    for (int i = 0; i < TOKENS * WIDTH; i++) {
        float error = y[i] - wanted[i];
        sum += (double)error * error;
        dy[i] = 2 * error / (TOKENS * WIDTH);
    }
    return sum / (TOKENS * WIDTH);
}

/* Prints a row for each kind of token and a column for each expert; the numbers say how many of 64
 * picks. */
static void print_routes(const cadre_moe *moe)
{
    int table[KINDS][EXPERTS] = { { 0 } };
    cadre_moe_routes r = cadre_moe_routes_get(moe);
    for (int64_t t = 0; t < r.tokens; t++)
        for (int64_t i = r.start[t]; i < r.start[t + 1]; i++) table[t % KINDS][r.expert[i]]++;
    printf("\nwho took which kind of token:\n          ");
    for (int e = 0; e < EXPERTS; e++) printf(" expert %d", e);
    for (int k = 0; k < KINDS; k++) {
        printf("\n  kind %d  ", k);
        for (int e = 0; e < EXPERTS; e++) printf("%9d", table[k][e]);
    }
    putchar('\n');
}

static void print_balance(const cadre_moe *moe)
{
    const int64_t *count;
    cadre_moe_metrics m = cadre_moe_metrics_get(moe, &count);
    printf("\nload of each expert in the last step, of %d picks:\n", TOKENS * TOPK);
    for (int e = 0; e < EXPERTS; e++) {
        printf("  expert %d %4lld ", e, (long long)count[e]);
        for (int64_t i = 0; i < count[e]; i += 4) putchar('#');
        putchar('\n');
    }
    printf("MaxVio %.2f, dead experts %d, effective experts %.1f of %d, entropy of a token's "
           "scores %.2f nats\n",
        m.max_vio, (int)m.dead, m.effective_experts, EXPERTS, m.token_entropy);
}

int main(void)
{
    static float x[TOKENS * WIDTH], y[TOKENS * WIDTH], wanted[TOKENS * WIDTH], dy[TOKENS * WIDTH],
        dx[TOKENS * WIDTH];
    cadre_moe_batch batch = { .tokens = TOKENS, .train = true };
    cadre_context *context;
    uint32_t state = 1;
    check(cadre_context_new(0, NULL, &context));
    cadre_moe *moe = new_layer(context);
    float *moments = new_moments(moe);

    for (int step = 0; moments && step < STEPS; step++) {
        double balance, z;
        make_tokens(&state, x, wanted);
        cadre_moe_step_begin(moe, (uint64_t)step, 1, TOKENS);
        check(cadre_moe_forward(moe, &batch, x, y));
        double loss = squared_error(y, wanted, dy);
        check(cadre_moe_backward(moe, dy, dx)); /* dx is what a layer below would go on with */
        check(cadre_moe_step_end(moe));
        cadre_moe_losses(moe, &balance, &z);
        descend(moe, step, moments);
        if (step % SHOW == 0 || step == STEPS - 1)
            printf(
                "step %3d  error %.4f  balance loss %.4f  z loss %.4f\n", step, loss, balance, z);
    }
    print_routes(moe);
    print_balance(moe);
    free(moments);
    cadre_moe_free(moe);
    cadre_context_free(context);
    return 0;
}

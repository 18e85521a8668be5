/* balance_square.c - E sum P^2: mean scores alone, whatever is picked. Its least value is 1. */
static double square_value(const balance_set *s, double scale, balance_gradient *d)
{
    double value = 0;
    for (int32_t e = 0; e < s->experts; e++) {
        value += s->experts * s->probability[e] * s->probability[e];
        d->probability[e] += scale * 2 * s->experts * s->probability[e];
    }
    return value;
}

/* stats_test.c - counters, quantiles, and the text that Prometheus reads. */
#include "serve/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const paths[STATS_PATHS + 1] = { "/a", [STATS_PATHS] = "other" };

static void quantiles_lie_in_their_buckets(void **state)
{
    stats m;
    (void)state;
    stats_open(&m);
    assert_true(stats_quantile(&m.inter_token, 0.5) == 0);
    for (int i = 0; i < 99; i++) stats_observe(&m.inter_token, 0.008);
    stats_observe(&m.inter_token, 1.5);
    double half = stats_quantile(&m.inter_token, 0.5);
    assert_true(half > 0.005 && half <= 0.01);
    double last = stats_quantile(&m.inter_token, 0.999);
    assert_true(last > 1 && last <= 2);
    stats_observe(&m.inter_token, 100); /* above the last bound */
    assert_true(stats_quantile(&m.inter_token, 1) == 2);
    assert_int_equal(m.inter_token.observations, 101);
}

static void a_minute_forgets(void **state)
{
    stats m;
    histogram_minute kept = { 0 };
    (void)state;
    stats_open(&m);
    for (int t = 0; t < 200; t++) {
        for (int i = 0; i < (t < 100 ? 10 : 1); i++) stats_observe(&m.first_token, t < 100 ? 9 : 1);
        stats_keep(&kept, &m.first_token, t);
        histogram h = stats_of_minute(&kept, &m.first_token);
        assert_true(h.observations <= 610 && h.observations >= (t < 55 ? t : 55));
        assert_true(t < 165 || (h.observations <= 61 && stats_quantile(&h, 1) <= 1));
        assert_true(t >= 100 || stats_quantile(&h, 0.5) > 5);
    }
    histogram h = stats_of_minute(&kept, &m.first_token);
    assert_true(h.sum == (double)h.observations);
}

static void has(const byte_buffer *text, const char *line)
{
    if (!strstr(text->data, line)) fail_msg("no line %s in\n%s", line, text->data);
}

/* Every sample belongs to the family announced before it, and every family is announced once. */
static void is_in_order(const byte_buffer *text)
{
    char family[80] = "", seen[4096] = "";
    for (const char *at = text->data; *at; at = strchr(at, '\n') + 1) {
        char name[80];
        if (sscanf(at, "# HELP %79s", name) == 1) {
            strcpy(family, name);
            strcat(name, "\n");
            assert_null(strstr(seen, name));
            strcat(seen, name);
        } else if (*at != '#') assert_int_equal(strncmp(at, family, strlen(family)), 0);
    }
    assert_int_equal(text->data[text->size - 1], '\n');
}

static void text_is_what_prometheus_reads(void **state)
{
    stats m;
    byte_buffer text = { 0 };
    const double ratio[] = { 1.5, 2 };
    const int64_t dead[] = { 0, 3 }, layer[] = { 1, 2 };
    const stats_now now = { .running = 2,
        .layers = 2,
        .max_ratio = ratio,
        .dead = dead,
        .layer = layer,
        .store = { .slots = 4, .experts = 16, .picks = 10, .hits = 7, .reading = 1.5 },
        .ranks = 2,
        .rank = { { 5, 7, 320, 448, 0.25 }, { 7, 5, 448, 320, 1.5 } } };
    (void)state;
    stats_open(&m);
    stats_count_request(&m, 0, 200);
    stats_count_request(&m, 0, 200);
    stats_count_request(&m, -1, 404);
    stats_count_request(&m, 99, 404);
    stats_observe(&m.first_token, 0.07);
    stats_observe(&m.first_token, 1000);
    m.generated_tokens = 5;
    stats_put(&m, &now, paths, &text);
    has(&text, "\ncadre_requests_running 2\n");
    has(&text, "\ncadre_requests_total{path=\"/a\",status=\"200\"} 2\n");
    has(&text, "\ncadre_requests_total{path=\"other\",status=\"404\"} 2\n");
    has(&text, "\n# TYPE cadre_generated_tokens_total counter\ncadre_generated_tokens_total 5\n");
    has(&text, "\ncadre_time_to_first_token_seconds_bucket{le=\"0.05\"} 0\n");
    has(&text, "\ncadre_time_to_first_token_seconds_bucket{le=\"0.1\"} 1\n");
    has(&text, "\ncadre_time_to_first_token_seconds_bucket{le=\"60\"} 1\n");
    has(&text, "\ncadre_time_to_first_token_seconds_bucket{le=\"+Inf\"} 2\n");
    has(&text, "\ncadre_time_to_first_token_seconds_count 2\n");
    has(&text, "\ncadre_expert_load_max_ratio{layer=\"1\"} 1.5\n");
    has(&text, "\ncadre_store_slots 4\n");
    has(&text, "\ncadre_store_experts 16\n");
    has(&text, "\n# TYPE cadre_store_picks_total counter\ncadre_store_picks_total 10\n");
    has(&text, "\ncadre_store_hits_total 7\n");
    has(&text, "\ncadre_store_read_bytes_total 0\n");
    has(&text, "\ncadre_store_reading_seconds_total 1.5\n");
    has(&text, "\ncadre_expert_dead{layer=\"2\"} 3\n");
    has(&text, "\ncadre_rank_rows_sent_total{rank=\"0\"} 5\n"
               "cadre_rank_rows_sent_total{rank=\"1\"} 7\n");
    has(&text, "\ncadre_rank_rows_received_total{rank=\"1\"} 5\n");
    has(&text, "\ncadre_rank_received_bytes_total{rank=\"0\"} 448\n");
    has(&text, "\ncadre_rank_waiting_seconds_total{rank=\"1\"} 1.5\n");
    is_in_order(&text);
    byte_buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_lie_in_their_buckets),
        cmocka_unit_test(a_minute_forgets),
        cmocka_unit_test(text_is_what_prometheus_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* dashboard_test.c - the dashboard in contrib/ uses only metrics that /metrics has. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/json.h"
#include "serve/stats.h"
#include "support/succeeds.h"

static const char FILE_NAME[] = "contrib/grafana/cadre.json";

static char *read_all(size_t *size)
{
    FILE *file = fopen(FILE_NAME, "rb");
    char *text = calloc(1, 1 << 20);
    assert_non_null(file);
    assert_non_null(text);
    *size = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

static byte_buffer metrics(void)
{
    static const char *const paths[STATS_PATHS + 1] = { "/" };
    static const double ratio[] = { 1 };
    static const int64_t dead[] = { 0 }, layer[] = { 0 };
    const stats_now now = { .layers = 1, .max_ratio = ratio, .dead = dead, .layer = layer };
    byte_buffer text = { 0 };
    stats m;
    stats_open(&m);
    stats_put(&m, &now, paths, &text);
    succeeds(text.status);
    return text;
}

/* Removes the ending that a histogram's samples add to the name of their family. */
static void strip_ending(char *name)
{
    static const char ending[] = "_bucket";
    size_t size = strlen(name), end = sizeof ending - 1;
    if (size > end && strcmp(name + size - end, ending) == 0) name[size - end] = 0;
}

static void every_metric_of_the_dashboard_is_printed(void **state)
{
    size_t size;
    char *text = read_all(&size), name[96], line[128];
    byte_buffer printed = metrics();
    int found = 0;
    (void)state;
    for (const char *at = text; (at = strstr(at, "cadre_")); found++) {
        size_t length = 0;
        while (
            length + 1 < sizeof name && (isalnum((unsigned char)at[length]) || at[length] == '_'))
            length++;
        memcpy(name, at, length);
        name[length] = 0;
        strip_ending(name);
        snprintf(line, sizeof line, "# TYPE %s ", name);
        if (!strstr(printed.data, line)) fail_msg("/metrics has no %s", name);
        at += length;
    }
    assert_true(found > 20);
    byte_buffer_free(&printed);
    free(text);
}

static void the_dashboard_is_json_with_a_panel_for_each_place(void **state)
{
    size_t size;
    char *text = read_all(&size);
    json_document *d = NULL;
    json_node panels, target;
    (void)state;
    succeeds(json_parse(FILE_NAME, text, size, &d));
    json_node root = json_root(d);
    succeeds(json_get_array(&root, "panels", &panels));
    assert_true(json_count(&panels) > 8);
    for (size_t i = 0; i < json_count(&panels); i++) {
        json_node panel = json_item(&panels, i);
        succeeds(json_get_array(&panel, "targets", &target));
        assert_true(json_count(&target) > 0);
    }
    json_close(d);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_of_the_dashboard_is_printed),
        cmocka_unit_test(the_dashboard_is_json_with_a_panel_for_each_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* access_test.c - hosts, origins and keys that are accepted, and similar ones that are not. */
#include "serve/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static string_view text(const char *t) { return (string_view){ t, t ? strlen(t) : 0 }; }

static const access_rules plain = { .host = "127.0.0.1", .port = 8080 };

static void hosts(void **state)
{
    (void)state;
    static const char *const known[] = { "127.0.0.1", "127.0.0.1:8080", "localhost",
        "LocalHost:8080", "[::1]", "[::1]:8080", NULL };
    static const char *const strange[] = { "", "evil.example", "127.0.0.1:80",
        "127.0.0.1:", "127.0.0.1.evil.example", "localhost.evil.com:8080", "evil@127.0.0.1",
        "127.0.0.1 ", "[::1", "[::1]x", "[::1]:", "127.0.0.2", "0.0.0.0", "localhos",
        "localhost:8080:8080", "1" };
    for (int i = 0; i < 7; i++) assert_true(access_host_is_known(&plain, text(known[i])));
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        assert_false(access_host_is_known(&plain, text(strange[i])));
    access_rules named = { .host = "10.0.0.5", .port = 8080 };
    assert_true(access_host_is_known(&named, text("10.0.0.5:8080")));
    assert_false(access_host_is_known(&named, text("10.0.0.6:8080")));
    named.host = "0.0.0.0"; /* such a server requires a key */
    assert_true(access_host_is_known(&named, text("server.example")));
    assert_true(access_is_loopback("127.8.8.8") && access_is_loopback("::1"));
    assert_false(access_is_loopback("0.0.0.0") || access_is_loopback("::"));
    /* a name, which may stand for any address */
    assert_false(access_is_loopback("127.evil.example") || access_is_loopback("127.0.0"));
}

static void origins(void **state)
{
    (void)state;
    access_rules open = plain;
    string_view host = text("127.0.0.1:8080");
    assert_true(access_origin_is_known(&plain, text(NULL), host));
    assert_true(access_origin_is_known(&plain, text("http://127.0.0.1:8080"), host));
    static const char *const strange[] = { "", "null", "http://127.0.0.1", "https://127.0.0.1:8080",
        "http://127.0.0.1:80800", "http://evil.example", "http://127.0.0.1:8080.evil" };
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        assert_false(access_origin_is_known(&plain, text(strange[i]), host));
    assert_false(access_origin_may_read(&plain, text("http://127.0.0.1:8080")));
    open.cors = "https://app.example";
    assert_true(access_origin_is_known(&open, text("https://app.example"), host));
    assert_true(access_origin_may_read(&open, text("https://app.example")));
    assert_false(access_origin_may_read(&open, text("https://app.example.evil")));
    assert_false(access_origin_may_read(&open, text(NULL)));
}

static void keys(void **state)
{
    (void)state;
    access_rules asks = plain;
    assert_true(access_key_is_right(&asks, text(NULL)));
    asks.key = "sk-right";
    assert_true(access_key_is_right(&asks, text("Bearer sk-right")));
    assert_true(access_key_is_right(&asks, text("bearer sk-right")));
    static const char *const wrong[] = { NULL, "", "Bearer", "Bearer ", "Bearer  sk-right",
        "Bearer sk-righ", "Bearer sk-right2", "Bearer sk-rightsk-right", "Bearer xk-right",
        "sk-right", "Basic sk-right", "BearerXsk-right" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(access_key_is_right(&asks, text(wrong[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),
        cmocka_unit_test(origins),
        cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* access.c - compares a request's Host, Origin and Authorization fields with the rules. */
#include "serve/access.h"

#include <arpa/inet.h>
#include <stdio.h>

bool access_is_loopback(const char *host)
{
    struct in_addr address;
    bool numeric = inet_pton(AF_INET, host, &address) == 1;
    return (numeric && !strncmp(host, "127.", 4)) || !strcmp(host, "localhost") ||
           !strcmp(host, "::1");
}

/* Splits "NAME", "NAME:PORT" or "[IPV6]:PORT"; false: the field is malformed. */
static bool split_host(string_view field, string_view *name, string_view *port)
{
    const char *end = field.data + field.size, *at = field.data;
    *port = (string_view){ "", 0 };
    if (field.size && *at == '[') {
        const char *close = memchr(at, ']', field.size);
        if (!close) return false;
        *name = (string_view){ at + 1, (size_t)(close - at - 1) };
        at = close + 1;
    } else {
        const char *colon = field.size ? memchr(at, ':', field.size) : NULL;
        *name = (string_view){ at, (size_t)((colon ? colon : end) - at) };
        at += name->size;
    }
    if (at == end) return true;
    *port = (string_view){ at + 1, (size_t)(end - at - 1) };
    return *at == ':' && port->size > 0;
}

static bool is_port(string_view text, int port)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%d", port);
    return string_view_is(text, digits);
}

/* Compares host names, which are case-insensitive. */
static bool same_name(string_view found, const char *wanted)
{
    char lower[64];
    size_t size = strlen(wanted);
    if (size >= sizeof lower) return string_view_is(found, wanted);
    for (size_t i = 0; i <= size; i++)
        lower[i] = (char)(wanted[i] >= 'A' && wanted[i] <= 'Z' ? wanted[i] + 'a' - 'A' : wanted[i]);
    return http_is_word(found, lower);
}

/* A server that listens on every address can have any name. It requires a key instead. */
static bool listens_everywhere(const char *host)
{
    return !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
}

bool access_host_is_known(const access_rules *rules, string_view field)
{
    static const char *const loopback[] = { "localhost", "127.0.0.1", "::1" };
    string_view name, port;
    if (!field.data) return true;
    if (!split_host(field, &name, &port)) return false;
    if (port.size && !is_port(port, rules->port)) return false;
    for (int i = 0; i < 3; i++)
        if (same_name(name, loopback[i])) return true;
    return listens_everywhere(rules->host) || same_name(name, rules->host);
}

bool access_origin_may_read(const access_rules *rules, string_view origin)
{
    return rules->cors && origin.data && string_view_is(origin, rules->cors);
}

bool access_origin_is_known(const access_rules *rules, string_view origin, string_view host)
{
    static const char scheme[] = "http://";
    const size_t begin = sizeof scheme - 1;
    if (!origin.data || access_origin_may_read(rules, origin)) return true;
    return host.data && origin.size == begin + host.size && !memcmp(origin.data, scheme, begin) &&
           !memcmp(origin.data + begin, host.data, host.size);
}

bool access_key_is_right(const access_rules *rules, string_view given)
{
    static const char scheme[] = "bearer ";
    const size_t begin = sizeof scheme - 1;
    if (!rules->key) return true;
    if (given.size < begin) return false;
    if (!http_is_word((string_view){ given.data, begin }, scheme)) return false;
    size_t size = given.size - begin, length = strlen(rules->key);
    unsigned different = size != length;
    for (size_t i = 0; i < size; i++)
        different |= (unsigned)(given.data[begin + i] ^ (length ? rules->key[i % length] : 1));
    return !different;
}

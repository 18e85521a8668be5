/* cmd_serve.c - `cadre serve`: a model for many clients. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/input.h"
#include "cli/opened.h"
#include "cli/progress.h"

static const cadre_option rows[] = {
    { .name = "host",
        .kind = CADRE_OPTION_TEXT,
        .value = "ADDRESS",
        .fallback = "127.0.0.1",
        .subject = "Server",
        .help =
            "listen on this address; one that other machines can reach needs --api-key-file, too" },
    { .name = "port",
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = 65535,
        .fallback = "8080",
        .subject = "Server",
        .help = "listen on this port; 0: choose one that is free" },
    { .name = "alias",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME",
        .subject = "Server",
        .help = "name by which clients call the model (default: that of its file or folder)" },
    { .name = "streams",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1024,
        .fallback = "8",
        .subject = "Server",
        .help = "texts that are written together, each of up to --context tokens" },
    { .name = "queue",
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = 1 << 16,
        .fallback = "64",
        .subject = "Server",
        .help = "texts that may wait; further requests are refused at once" },
    { .name = "context",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 24,
        .subject = "Server",
        .help = "most tokens of a text, including its prompt (default: the model's own context)" },
    { .name = "template",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME",
        .subject = "Server",
        .help = "template that frames messages of chats, as 'cadre chat --template' (default: "
                "recognised by the model's own template)" },
    { .name = "api-key-file",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Access",
        .help = "refuse clients that do not give the key in this file" },
    { .name = "cors",
        .kind = CADRE_OPTION_TEXT,
        .value = "ORIGIN",
        .subject = "Access",
        .help = "let web pages of this origin, for example https://app.example, read answers" },
    { .name = "timeout",
        .kind = CADRE_OPTION_REAL,
        .min = 0.1,
        .max = 86400,
        .fallback = "60",
        .value = "SECONDS",
        .subject = "Access",
        .help = "seconds that a request may take to arrive, and an answer to be read" },
    { .name = "body-limit",
        .kind = CADRE_OPTION_TEXT,
        .value = "SIZE",
        .fallback = "8M",
        .subject = "Access",
        .help = "most bytes of a request, for example 64K or 8M" },
    { .name = "placement-every",
        .kind = CADRE_OPTION_REAL,
        .min = 0,
        .max = 1e9,
        .fallback = "0",
        .value = "SECONDS",
        .subject = "Running",
        .help = "with --placement balanced or replicated: seconds after which experts are placed "
                "anew, by how much each was used since, while requests go on; 0: never" },
};

static cadre_server *running; /* for the signals that end it */

/* A second one ends at once. */
static void stop_running(int signal_number)
{
    static volatile sig_atomic_t asked;
    if (asked) _exit(EXIT_INTERRUPTED);
    asked = signal_number;
    cadre_interrupt(); /* a model that is being opened */
    cadre_server_stop(running);
}

static void listen_to_signals(void)
{
    struct sigaction action = { .sa_handler = stop_running, .sa_flags = SA_RESTART };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static void tell_address(void *arg, const char *url)
{
    (void)arg;
    fprintf(stderr, "listening on %s\n", url);
}

static void tell_line(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

/* "64K", "8M", "1G" or bytes; -1: none of these. */
static int64_t read_size(const char *text)
{
    static const char units[] = "KMG";
    char *end;
    long long size = strtoll(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (end == text || size < 1 || size > 1 << 30 || (*end && (!unit || end[1]))) return -1;
    return size << (unit ? 10 * (unit - units + 1) : 0);
}

/* The key without white space at its end. NULL: an error was printed. */
static char *read_key(const char *path)
{
    char *text;
    size_t size;
    if (!input_file(path, &text, &size)) return NULL;
    while (size && strchr(" \t\r\n", text[size - 1])) size--;
    char *key = malloc(size + 1);
    if (key) {
        memcpy(key, text, size);
        key[size] = 0;
    }
    free(text);
    if (!key) complain_world("out of memory");
    return key;
}

/* `warming` is drawn on while experts are read. */
static cadre_server_options options_of(
    const invocation *call, const char *key, int64_t body_limit, opened_warming *warming)
{
    const cadre_options *o = call->options;
    int64_t queue = cadre_options_int(o, "queue", 0);
    return (cadre_server_options){ .size = sizeof(cadre_server_options),
        .host = cadre_options_text(o, "host", 0),
        .port = (int)cadre_options_int(o, "port", 0),
        .alias = cadre_options_text(o, "alias", 0),
        .streams = cadre_options_int(o, "streams", 0),
        .queue = queue ? queue : -1,
        .context = cadre_options_count(o, "context") ? cadre_options_int(o, "context", 0) : 0,
        .key = key,
        .origin = cadre_options_text(o, "cors", 0),
        .timeout = cadre_options_real(o, "timeout"),
        .body_limit = body_limit,
        .template_name = cadre_options_text(o, "template", 0),
        .repack = cadre_options_flag(o, "repack"),
        .cache = cadre_options_text(o, "cache", 0),
        .memory = cadre_options_count(o, "memory") ? cadre_options_int(o, "memory", 0) : 0,
        .adapter = opened_adapter(o),
        .warm = opened_warmth_of(o).warm,
        .warm_by = opened_warmth_of(o).by,
        .warming = opened_draw_warming,
        .listening = tell_address,
        .place_every = cadre_options_real(o, "placement-every"),
        .arg = warming,
        .log = call->quiet ? NULL : tell_line };
}

/* Another rank than 0 has no clients: it opens the model as the server does. */
static int follow_server(const invocation *call, opened *o)
{
    cadre_status status = opened_model(call, call->operands[0], o);
    if (status == CADRE_OK) status = opened_follow(o);
    opened_end(o);
    return status == CADRE_OK ? EXIT_DONE : complain_status(status);
}

static int serve(const invocation *call, const cadre_server_options *options)
{
    opened o;
    cadre_status status = opened_begin(call, NULL, &o);
    if (status == CADRE_OK && cadre_context_rank(o.context) > 0) return follow_server(call, &o);
    if (status == CADRE_OK)
        status = cadre_server_new(o.context, call->operands[0], options, &running);
    if (status == CADRE_OK) {
        listen_to_signals();
        status = cadre_server_run(running);
    }
    int exit_code = status == CADRE_OK ? EXIT_DONE : complain_status(status);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    cadre_server_free(running);
    running = NULL;
    opened_end(&o);
    return exit_code;
}

static int run_serve(const invocation *call)
{
    const char *key_file = cadre_options_text(call->options, "api-key-file", 0);
    const char *size = cadre_options_text(call->options, "body-limit", 0);
    int64_t body_limit = read_size(size);
    char *key = NULL;
    if (cadre_options_real(call->options, "placement-every") > 0 &&
        !strcmp(cadre_options_text(call->options, "placement", 0), "even"))
        return complain_usage("--placement balanced or replicated",
            "serve: --placement-every: expected a placement that follows use, found even");
    if (body_limit < 0)
        return complain_usage(
            "as 64K or 8M", "serve: --body-limit: expected a size, found '%s'", size);
    if (key_file && !(key = read_key(key_file))) return EXIT_WORLD;
    opened_warming warming = { call, progress_begin(call) };
    cadre_server_options options = options_of(call, key, body_limit, &warming);
    int exit_code = serve(call, &options);
    free(key);
    return exit_code;
}

const command command_serve = {
    .name = "serve",
    .summary = "serve a model to clients of OpenAI's interface",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .description = "The server answers completions and chats, whole and streamed, on "
                   "http://127.0.0.1:8080, and its page / shows what every expert does. When it "
                   "can answer, it prints 'listening on' and its address on stderr, and from then "
                   "on a line for each request, with nothing of what was asked or answered.\n\n"
                   "All texts are written together, pass by pass, and none depends on the others. "
                   "After SIGTERM, the server finishes what it has begun and accepts nothing new.",
    .own = ROWS(rows),
    .tables = { opened_options, opened_warm_options, cadre_ranks_options },
    .examples = LINES("a model that is on disk", "cadre serve runs/first --port 8080",
        "for others than this machine, who know the key",
        "cadre serve runs/first --host 0.0.0.0 --api-key-file key.txt"),
    .spreads = true,
    .seedless = "a request names its own, or gets another each time",
    .run = run_serve,
};

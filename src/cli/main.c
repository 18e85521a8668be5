/* main.c - the program: finds the command, parses its arguments, runs it, and checks that stdout
 * was written. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/help.h"
#include "cli/mapped.h"
#include "cli/progress.h"
#include "cli/ranks.h"

static void exit_now(int signal_number)
{
    (void)signal_number;
    cadre_abandon_files();
    _exit(EXIT_INTERRUPTED);
}

/* Runs some time after a request to stop, and then again and again: if the current call cannot hear
 * the request, the process ends. */
static void on_alarm(int signal_number)
{
    static const char told[] = "cadre: stopped on request\n";
    if (!cadre_interrupted()) setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
    if (!cadre_interrupt_unheard()) return;
    ssize_t written = write(STDERR_FILENO, told, sizeof told - 1);
    (void)written;
    exit_now(signal_number);
}

static void ring_from_now_on(void)
{
    const struct timeval first = { .tv_usec = 600000 }, then = { .tv_usec = 100000 };
    setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = first, .it_interval = then }, NULL);
}

static volatile sig_atomic_t asked_by; /* the last signal that asked to stop */

/* A second Ctrl-C or SIGTERM ends the program at once. SIGHUP does not count as a second request,
 * and none counts after it: a closed terminal is reported twice, by the system and by the shell,
 * and the end of a session comes as SIGTERM and SIGHUP together. */
static void ask_to_stop(int signal_number)
{
    if (cadre_interrupted() && signal_number != SIGHUP && asked_by != SIGHUP)
        exit_now(signal_number);
    asked_by = signal_number;
    cadre_interrupt();
    ring_from_now_on();
}

/* SIGHUP says that the terminal was closed. Under nohup it is ignored, and stays ignored. */
static void on_interruption(void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, before;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm, .sa_flags = SA_RESTART }, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}

static int print_version(void)
{
    printf("cadre %s\n", cadre_version());
    return EXIT_DONE;
}

static int unknown_command(const char *name)
{
    const char *names[64];
    int n = 0;
    for (; commands[n] && n < 64; n++) names[n] = commands[n]->name;
    const char *meant = cadre_nearest(name, names, n);
    char advice[128] = "'cadre --help' lists the commands";
    if (meant) snprintf(advice, sizeof advice, "did you mean 'cadre %s'?", meant);
    return complain_usage(advice, "no command is called '%s'", name);
}

static void note_idle_seed(const invocation *call)
{
    const command *c = call->command;
    const char *why = c->seedless_if ? c->seedless_if(call) : c->seedless;
    if (why && cadre_options_given(call->options, "seed") && !ranks_silent())
        progress_note(call, "--seed has no effect: %s", why);
}

static int run_parsed(const invocation *call)
{
    if (call->command->stops) on_interruption(ask_to_stop);
    int exit_code = ranks_agree(call);
    note_idle_seed(call);
    return exit_code == EXIT_DONE ? call->command->run(call) : exit_code;
}

static int run_command(const command *c, int argc, char **argv)
{
    invocation call;
    int exit_code = ranks_join(c);
    if (exit_code != EXIT_DONE) return exit_code;
    switch (arguments_parse(c, argc - 2, argv + 2, &call, &exit_code)) {
    case ARGUMENTS_RUN:
        call.words = (const char *const *)argv;
        exit_code = run_parsed(&call);
        break;
    case ARGUMENTS_HELP: help_command(stdout, c); break;
    case ARGUMENTS_VERSION: print_version(); break;
    case ARGUMENTS_WRONG: break;
    }
    arguments_free(&call);
    return exit_code;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2)
        return complain_usage(
            "'cadre --help' lists the commands", "expected a command, found nothing");
    if (!strcmp(argv[1], "--version")) return print_version();
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        help_overview(stdout);
        return EXIT_DONE;
    }
    const command *c = command_find(argv[1]);
    return c ? run_command(c, argc, argv) : unknown_command(argv[1]);
}

/* A server has a descriptor for each connection, and a run one for each domain of its data whose
 * tokens lie in a file. */
static void raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    rlim_t most = files.rlim_max < 65536 ? files.rlim_max : 65536;
    if (files.rlim_cur >= most) return;
    files.rlim_cur = most;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    on_interruption(exit_now);
    ranks_begin();
    mapped_files_may_shrink();
    raise_file_limit();
    signal(
        SIGXFSZ, SIG_IGN); /* exceeding the size limit of files is then an error like a full disk */
    int exit_code = dispatch(argc, argv);
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit_code == EXIT_DONE)
        exit_code = complain_world(
            "stdout: could not be written%s%s", errno ? ": " : "", errno ? strerror(errno) : "");
    return ranks_finish(exit_code);
}

/* One request after the other to a CGI program: from its start to its reply.
 *
 *     cgi [-n RUNS] [-b BODY] [-e TEXT]... [-o FILE] PROGRAM NAME=VALUE...
 *
 * Each run starts PROGRAM with posix_spawn, as a web server would: exactly the NAME=VALUE pairs as its environment, the
 * body on its standard input, its reply on its standard output. A run's time goes from before the start until the reply
 * is there, as long as its Content-Length says. The next run begins when the process has been waited for. An error is an
 * exit code that is not 0, or a reply without one of the texts of -e. The last reply is written to the file of -o.
 * Prints what pace.c prints: replies, errors, p50, p99 and slowest in milliseconds, then 1, the processes at once; and
 * the p50 until the process had ended. The first reply that was wrong goes to standard error.
 *
 * In a CGI environment (REQUEST_METHOD) it is itself the least that a C program can be: it answers with a fixed object.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { reply_bytes = 1 << 20, most_texts = 8 };

static const char null_reply[] = "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n{}\n";

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* The pipes' own ends are closed in the child, but the two that are its input and output. */
static pid_t start(const char *program, char **environment, int input, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    char *arguments[] = {(char *)program, NULL};
    pid_t pid;
    errno = posix_spawn(&pid, program, &actions, NULL, arguments, environment);
    if (errno != 0) fail(program);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static int is_whole(const char *reply, size_t size) {
    const char *end = strstr(reply, "\r\n\r\n"), *field = strcasestr(reply, "\r\nContent-Length:");
    return end != NULL && field != NULL && field < end && size >= (end + 4 - reply) + strtoul(field + 17, NULL, 10);
}

/* Returns the exit code. The reply, ended by a NUL, is in `reply`, the moment when it was whole in `*replied`. */
static int ask(const char *program, char **environment, const char *body, char *reply, double *replied) {
    int in[2], out[2], status;
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0) fail("pipe2");
    pid_t pid = start(program, environment, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    size_t length = strlen(body); /* a pipe takes 64 KiB at once */
    if (length > 0 && write(in[1], body, length) != (ssize_t)length && errno != EPIPE) fail("write");
    close(in[1]);
    size_t size = 0;
    *replied = 0;
    for (;;) {
        ssize_t count = read(out[0], reply + size, reply_bytes - 1 - size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        size += count;
        reply[size] = 0;
        if (*replied == 0 && is_whole(reply, size)) *replied = now();
    }
    reply[size] = 0;
    if (*replied == 0) *replied = now();
    close(out[0]);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) fail("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The nearest rank, as in pace.c. */
static double percentile(const double *times, int count, int percent) {
    return times[(count * percent + 99) / 100 - 1];
}

static void usage(void) {
    fprintf(stderr, "usage: cgi [-n RUNS] [-b BODY] [-e TEXT]... [-o FILE] PROGRAM NAME=VALUE...\n");
    exit(2);
}

int main(int count, char **arguments) {
    if (getenv("REQUEST_METHOD") != NULL)
        return write(1, null_reply, sizeof null_reply - 1) == (ssize_t)sizeof null_reply - 1 ? 0 : 1;

    const char *body = "", *file = NULL, *texts[most_texts];
    int runs = 1, expected = 0, errors = 0;
    /* "+": what follows PROGRAM is not for us */
    for (int option; (option = getopt(count, arguments, "+n:b:e:o:")) != -1;) {
        if (option == 'n' && atoi(optarg) > 0) runs = atoi(optarg);
        else if (option == 'b' && strlen(optarg) <= 65536) body = optarg;
        else if (option == 'e' && expected < most_texts) texts[expected++] = optarg;
        else if (option == 'o') file = optarg;
        else usage();
    }
    if (optind >= count) usage();
    signal(SIGPIPE, SIG_IGN);
    const char *program = arguments[optind];
    char **environment = arguments + optind + 1;
    double *times = calloc(runs, sizeof *times), *ends = calloc(runs, sizeof *ends);
    char *reply = malloc(reply_bytes);
    if (times == NULL || ends == NULL || reply == NULL) fail("malloc");

    for (int run = 0; run < runs; run++) {
        double begin = now(), replied;
        int code = ask(program, environment, body, reply, &replied);
        times[run] = replied - begin;
        ends[run] = now() - begin;
        int wrong = code != 0;
        for (int i = 0; i < expected; i++) wrong |= strstr(reply, texts[i]) == NULL;
        if (wrong && errors++ == 0) fprintf(stderr, "exit code %d: %s\n", code, reply);
    }
    if (file != NULL) {
        FILE *kept = fopen(file, "we");
        if (kept == NULL || fputs(reply, kept) < 0 || fclose(kept) != 0) fail(file);
    }
    qsort(times, runs, sizeof *times, compare);
    qsort(ends, runs, sizeof *ends, compare);
    printf("%d %d %.3f %.3f %.3f 1 %.3f\n", runs, errors, percentile(times, runs, 50), percentile(times, runs, 99),
           times[runs - 1], percentile(ends, runs, 50));
    return 0;
}

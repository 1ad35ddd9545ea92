/* Times starts: from the start of a program to its first answered request, as FastCGI on its unix socket.
 *
 *     start COUNT SOCKET PROGRAM ARGUMENTS...
 *
 * For each start: nobody listens on SOCKET; the program is started; as soon as the socket is there, GET /health is sent
 * to it, and waits in its queue until somebody takes it; the clock stops at the end of a reply with status 200. The
 * program is then ended with SIGTERM and waited for. It has this program's environment. Prints the milliseconds of each
 * start, one a line. Ends with 1 when a start took more than 10 s, answered anything else, or did not end with 0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6, PATIENCE = 10000 };

extern char **environ;
static volatile pid_t child;

static void fail(const char *what) {
    fprintf(stderr, "start: %s: %s\n", what, strerror(errno));
    if (child > 0) kill(child, SIGTERM);
    exit(1);
}

/* The program does not outlive this one. */
static void stop(int number) {
    if (child > 0) kill(child, SIGTERM);
    _exit(128 + number);
}

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static size_t add_record(unsigned char *to, int type, const void *content, size_t length) {
    const unsigned char head[8] = {1, (unsigned char)type, 0, 1, (unsigned char)(length >> 8), (unsigned char)length};
    memcpy(to, head, 8);
    memcpy(to + 8, content, length);
    return 8 + length;
}

static size_t add_parameter(unsigned char *to, const char *name, const char *value) {
    size_t length = strlen(name), size = strlen(value);
    to[0] = (unsigned char)length;
    to[1] = (unsigned char)size;
    memcpy(to + 2, name, length);
    memcpy(to + 2 + length, value, size);
    return 2 + length + size;
}

/* A connection to the socket, as soon as somebody listens. What happens in its folder wakes us; between the appearance
 * of the socket and its first listening nothing does, so that moment is polled. */
static int dial(const char *path, int watch, double deadline) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) fail("the socket's path is too long");
    strcpy(address.sun_path, path);
    for (;;) {
        int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (descriptor < 0) fail("socket");
        if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
        int reason = errno;
        close(descriptor);
        if (milliseconds() > deadline || waitpid(child, NULL, WNOHANG) != 0) fail("nobody listens");
        if (reason != ENOENT) continue;
        char events[4096];
        struct pollfd folder = {.fd = watch, .events = POLLIN};
        if (poll(&folder, 1, 100) > 0 && read(watch, events, sizeof events) < 0) fail("inotify");
    }
}

static void ask(int descriptor) {
    const unsigned char begin[8] = {0, 1};
    unsigned char parameters[512], request[1024];
    size_t length = 0, size = 0;
    length += add_parameter(parameters + length, "REQUEST_METHOD", "GET");
    length += add_parameter(parameters + length, "REQUEST_URI", "/health");
    length += add_parameter(parameters + length, "QUERY_STRING", "");
    length += add_parameter(parameters + length, "REMOTE_ADDR", "127.0.0.1");
    length += add_parameter(parameters + length, "SERVER_PROTOCOL", "HTTP/1.1");
    length += add_parameter(parameters + length, "HTTP_USER_AGENT", "parley-start/1");
    size += add_record(request + size, BEGIN, begin, sizeof begin);
    size += add_record(request + size, PARAMS, parameters, length);
    size += add_record(request + size, PARAMS, "", 0);
    size += add_record(request + size, STDIN, "", 0);
    if (send(descriptor, request, size, MSG_NOSIGNAL) != (ssize_t)size) fail("send");
}

/* Reads until the end of the request. */
static void expect_answer(int descriptor) {
    unsigned char input[16384];
    char output[16384] = "";
    size_t length = 0, written = 0;
    struct timeval patience = {.tv_sec = PATIENCE / 1000};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (;;) {
        ssize_t count = recv(descriptor, input + length, sizeof input - length, 0);
        if (count <= 0) fail("no whole reply");
        length += (size_t)count;
        while (length >= 8) {
            size_t content = (size_t)(input[4] << 8 | input[5]), whole = 8 + content + input[6];
            if (length < whole) break;
            if (input[1] == STDOUT && written + content < sizeof output) {
                memcpy(output + written, input + 8, content);
                written += content;
            }
            if (input[1] == END) {
                if (!strstr(output, "Status: 200")) {
                    fprintf(stderr, "%s\n", output);
                    fail("not a 200");
                }
                return;
            }
            length -= whole;
            memmove(input, input + whole, length);
        }
    }
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: start COUNT SOCKET PROGRAM ARGUMENTS...\n");
        return 2;
    }
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    int watch = inotify_init1(IN_CLOEXEC);
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", arguments[2]);
    if (watch < 0 || inotify_add_watch(watch, dirname(folder), IN_CREATE | IN_MOVED_TO) < 0) fail("inotify");
    for (int i = atoi(arguments[1]); i > 0; i--) {
        double begin = milliseconds();
        errno = posix_spawn((pid_t *)&child, arguments[3], NULL, NULL, arguments + 3, environ);
        if (errno != 0) fail(arguments[3]);
        int descriptor = dial(arguments[2], watch, begin + PATIENCE), status;
        ask(descriptor);
        expect_answer(descriptor);
        printf("%.2f\n", milliseconds() - begin);
        fflush(stdout);
        close(descriptor);
        kill(child, SIGTERM);
        if (waitpid(child, &status, 0) != child || status != 0) fail("it did not end with 0");
    }
    return 0;
}

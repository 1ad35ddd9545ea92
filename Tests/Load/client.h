/* What the programs that send requests share: the clock, connections with TLS or without, tokens, percentiles. */
#ifndef CLIENT_H
#define CLIENT_H
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SECOND = 1000000000 };

/* A socket on 127.0.0.1, and TLS over it, or NULL. */
struct link {
    int descriptor;
    SSL *tls;
};

static inline void fail(const char *what) {
    perror(what);
    exit(1);
}

/* CLOCK_MONOTONIC in nanoseconds. */
static inline int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * (int64_t)SECOND + time.tv_nsec;
}

/* Connects; what comes then does not block. */
static inline struct link dial(int port, SSL_CTX *context) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct link link = {.descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int yes = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (link.descriptor < 0) fail("socket");
    setsockopt(link.descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(link.descriptor, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    if (fcntl(link.descriptor, F_SETFL, O_NONBLOCK) < 0) fail("O_NONBLOCK");
    if (context && (!(link.tls = SSL_new(context)) || !SSL_set_fd(link.tls, link.descriptor))) fail("SSL_new");
    return link;
}

/* The next step of a handshake: 1 it is done, 0 not yet, -1 there will be none. */
static inline int shake_hands(struct link link) {
    int state = link.tls ? SSL_connect(link.tls) : 1;
    if (state == 1) return 1;
    return SSL_get_error(link.tls, state) == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* Sends all of it at once: it is far smaller than an empty socket buffer. */
static inline bool put(struct link link, const void *text, size_t length) {
    if (!link.tls) return send(link.descriptor, text, length, MSG_NOSIGNAL) == (ssize_t)length;
    return SSL_write(link.tls, text, (int)length) == (int)length;
}

/* Bytes that have arrived; 0 when there are none now, -1 when there will be none. */
static inline ssize_t get(struct link link, void *text, size_t room) {
    ssize_t count = link.tls ? SSL_read(link.tls, text, (int)room) : recv(link.descriptor, text, room, 0);
    if (count > 0) return count;
    bool later = link.tls ? SSL_get_error(link.tls, (int)count) == SSL_ERROR_WANT_READ : count < 0 && errno == EAGAIN;
    return later ? 0 : -1;
}

/* The words of a file, each a token or a value. */
struct words {
    char **list;
    long count;
};

static inline struct words read_words(const char *name) {
    struct words words = {0};
    FILE *file = fopen(name, "r");
    if (!file) fail(name);
    for (char word[2048]; fscanf(file, "%2047s", word) == 1; words.count++) {
        words.list = realloc(words.list, (size_t)(words.count + 1) * sizeof *words.list);
        if (!words.list || !(words.list[words.count] = strdup(word))) fail(name);
    }
    fclose(file);
    return words;
}

static int by_size(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static inline void sort(int64_t *times, size_t count) {
    qsort(times, count, sizeof *times, by_size);
}

/* In milliseconds: the smallest of these sorted times that `share` of them does not exceed. */
static inline double percentile(const int64_t *times, long count, double share) {
    if (count == 0) return 0;
    long rank = (long)(share * (double)count + 0.999999);
    return (double)times[rank < 1 ? 0 : rank - 1] / 1e6;
}
#endif

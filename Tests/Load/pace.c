/* Sends requests at a fixed pace, or all at once, whether or not the earlier ones are answered.
 *
 *     pace [-psw] [-a FILE] [-v FILE] [-o FILE] [-e TEXT]... -c CONNECTIONS -n REQUESTS [-r RATE]
 *         PORT METHOD PATH [BODY]
 *
 *     -p  plain HTTP, not TLS
 *     -s  each connection sends its next request when it has the reply to the last: a request is due when it is sent
 *     -w  say `ready` when all connections are, and wait for SIGUSR1
 *     -a  a bearer token a line; the requests take them in turn
 *     -v  a value a line; the requests take them in turn
 *     -o  the body of each reply is written to this file, as a line
 *     -e  what a reply must contain, its head counted in; a reply without it is an error, and the first is shown
 *     -r  requests a second; without it, and without -s, all are due at once
 *
 * A `#` in PATH and BODY becomes the request's value, or without values its number. Every connection is open, with its
 * handshake done and one reply read (to GET /; with -p the model's /count), before the clock starts. A request's time
 * runs from the moment when it was due, not from when it was sent: what waits because all connections are taken, or
 * because this program was late, waits in the figures too. An open connection that closes, and a reply that is not
 * there 60 s after the latest request was sent, are errors. Prints one line: replies, errors, p50, p99 and the maximum
 * in ms, the most that were in flight at once.
 */
#define _GNU_SOURCE
#include "client.h"
#include <getopt.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

enum { PATIENCE = 60 };

struct connection {
    struct link link;
    bool greeted, asked, is_lost;
    int64_t due; /* of its latest request */
    struct connection *next_idle;
    size_t length, room;
    char *input;
};

static const char *method, *path, *body, *expected[8];
static struct words tokens, values;
static FILE *kept;
static int expected_count, port, epoll;
static bool plain, in_step;
static double rate;
static long requests, sent, replies, bad, lost, lost_idle, in_flight, most;
static struct connection *first_idle, *last_idle;
static int64_t start, latest_due, *times;

static void show(const char *what, const char *detail, const char *reply) {
    fprintf(stderr, "pace: %s %s: %s %s\n%.1500s\n", method, path, what, detail, reply);
}

/* What has arrived: 1 a whole reply, 0 a part of one, -1 the connection is of no more use. */
static int receive(struct connection *connection) {
    for (;;) {
        if (connection->room - connection->length < 2048) {
            connection->room = connection->room ? 2 * connection->room : 8192;
            connection->input = realloc(connection->input, connection->room);
            if (!connection->input) fail("pace: realloc");
        }
        char *input = connection->input;
        ssize_t count = get(connection->link, input + connection->length, connection->room - 1 - connection->length);
        if (count <= 0) return (int)count;
        connection->length += (size_t)count;
        input[connection->length] = 0;
        char *end = strstr(input, "\r\n\r\n");
        if (!end) continue;
        char *field = strcasestr(input, "\r\nContent-Length:");
        if (!field || field > end) return -1;
        size_t whole = (size_t)(end + 4 - input) + strtoul(field + 17, NULL, 10);
        if (connection->length == whole) return 1;
        if (connection->length > whole) return -1;
    }
}

static void rest(struct connection *connection) {
    connection->length = 0;
    connection->next_idle = NULL;
    if (first_idle) last_idle->next_idle = connection;
    else first_idle = connection;
    last_idle = connection;
}

static void lose(struct connection *connection, const char *why) {
    if (lost++ == 0) show(why, "", connection->input);
    if (connection->asked) in_flight--;
    else lost_idle++;
    connection->is_lost = true;
    close(connection->link.descriptor);
    ERR_clear_error();
}

static void give_up(const char *what, const char *reply) {
    fprintf(stderr, "pace: %s\n%.300s\n", what, reply);
    exit(1);
}

static void open_one(struct connection *connection, SSL_CTX *context) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    connection->link = dial(port, context);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->link.descriptor, &event) < 0) fail("pace: epoll_ctl");
}

/* Brings a new connection on by a step: handshake, first request, first reply. True when it is open. */
static bool settle(struct connection *connection) {
    if (!connection->greeted) {
        int state = shake_hands(connection->link);
        if (state < 0) give_up("no TLS handshake", "");
        if (state == 0) return false;
        char greeting[64];
        int length = sprintf(greeting, "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", plain ? "count" : "");
        connection->greeted = put(connection->link, greeting, (size_t)length);
    }
    int state = receive(connection);
    if (state == 0) return false;
    /* A redirect or a page. */
    if (state < 0 || (strncmp(connection->input, "HTTP/1.1 2", 10) && strncmp(connection->input, "HTTP/1.1 3", 10)))
        give_up("a new connection does not answer", connection->input);
    rest(connection);
    return true;
}

/* Opens all, few at a time: nginx gives each ten seconds until its first request. */
static void open_all(struct connection *all, long count, SSL_CTX *context) {
    struct epoll_event events[64];
    for (long dialled = 0, open = 0; open < count;) {
        for (; dialled < count && dialled - open < 64; dialled++) {
            open_one(&all[dialled], context);
            open += settle(&all[dialled]);
        }
        if (open == count) return;
        int ready = epoll_wait(epoll, events, 64, PATIENCE * 1000);
        if (ready == 0 || (ready < 0 && errno != EINTR)) give_up("the connections do not open", "");
        for (int i = 0; i < ready; i++) open += settle(events[i].data.ptr);
    }
}

/* `text` with the request's number, or its value, in place of each `#`; its length. */
static size_t fill_in(char *into, size_t room, const char *text, long number) {
    size_t size = 0;
    for (; *text && size < room - 64; text++) {
        if (*text != '#') into[size++] = *text;
        else if (values.count) size += (size_t)sprintf(into + size, "%.60s", values.list[number % values.count]);
        else size += (size_t)sprintf(into + size, "%ld", number);
    }
    into[size] = 0;
    return size;
}

static void ask(struct connection *connection, long number) {
    char text[4096], content[2048], target[256];
    size_t size = fill_in(content, sizeof content, body, number);
    fill_in(target, sizeof target, path, number);
    int length = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: parley-pace/1\r\n"
        "%s%s%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%.*s", method, target,
        tokens.count ? "Authorization: Bearer " : "", tokens.count ? tokens.list[number % tokens.count] : "",
        tokens.count ? "\r\n" : "", size, (int)size, content);
    connection->asked = true;
    if (++in_flight > most) most = in_flight;
    if ((size_t)length >= sizeof text || !put(connection->link, text, (size_t)length))
        lose(connection, "a request could not be sent");
}

static void take(struct connection *connection) {
    int state = receive(connection);
    if (state == 0) return;
    if (state < 0) return lose(connection, "a connection was closed, or what came is no reply");
    if (!connection->asked) return lose(connection, "a reply that nothing asked for");
    in_flight--;
    connection->asked = false;
    times[replies++] = now() - connection->due;
    if (kept) fprintf(kept, "%s\n", strstr(connection->input, "\r\n\r\n") + 4);
    int met = 0;
    while (met < expected_count && strstr(connection->input, expected[met])) met++;
    if (met < expected_count && bad++ == 0) show("a reply without", expected[met], connection->input);
    rest(connection);
}

/* Sends what is due as far as connections are free, and sets the clock for what is not due yet. */
static void keep_pace(int clock) {
    while (sent < requests && first_idle) {
        int64_t due = in_step ? now() : start + (rate > 0 ? (int64_t)((double)sent * (SECOND / rate)) : 0);
        if (due > now()) {
            struct itimerspec at = {.it_value = {.tv_sec = due / SECOND, .tv_nsec = due % SECOND}};
            if (timerfd_settime(clock, TFD_TIMER_ABSTIME, &at, NULL) < 0) fail("pace: timerfd_settime");
            return;
        }
        struct connection *connection = first_idle;
        first_idle = connection->next_idle;
        if (connection->is_lost) continue;
        connection->due = latest_due = due;
        ask(connection, sent++);
    }
}

static void run(void) {
    struct epoll_event events[256], tick = {.events = EPOLLIN, .data.ptr = NULL};
    uint64_t ticks;
    int clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (clock < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, clock, &tick) < 0) fail("pace: timerfd_create");
    start = latest_due = now() + SECOND / 100;
    for (keep_pace(clock); sent < requests || in_flight > 0; keep_pace(clock)) {
        if (now() > latest_due + (int64_t)PATIENCE * SECOND) break;
        int ready = epoll_wait(epoll, events, 256, 1000);
        if (ready < 0 && errno != EINTR) fail("pace: epoll_wait");
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) take(events[i].data.ptr);
            else if (read(clock, &ticks, sizeof ticks) < 0 && errno != EAGAIN) fail("pace: read");
        }
    }
}

int main(int count, char **arguments) {
    long connections = 0;
    bool waits = false;
    sigset_t signals;
    for (int option; (option = getopt(count, arguments, "pswa:v:o:e:c:n:r:")) != -1;) {
        if (option == 'p') plain = true;
        else if (option == 's') in_step = true;
        else if (option == 'w') waits = true;
        else if (option == 'a') tokens = read_words(optarg);
        else if (option == 'v') values = read_words(optarg);
        else if (option == 'o' && (kept = fopen(optarg, "we"))) continue;
        else if (option == 'e' && expected_count < 8) expected[expected_count++] = optarg;
        else if (option == 'c') connections = atol(optarg);
        else if (option == 'n') requests = atol(optarg);
        else if (option == 'r') rate = atof(optarg);
        else give_up("usage: see the top of pace.c", "");
    }
    if (count - optind < 3 || connections < 1 || requests < 1) give_up("usage: see the top of pace.c", "");
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    port = atoi(arguments[optind]);
    method = arguments[optind + 1];
    path = arguments[optind + 2];
    body = count - optind > 3 ? arguments[optind + 3] : "";
    SSL_CTX *context = plain ? NULL : SSL_CTX_new(TLS_client_method());
    struct connection *all = calloc((size_t)connections, sizeof *all);
    times = calloc((size_t)requests, sizeof *times);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if ((!plain && !context) || !all || !times || epoll < 0) fail("pace");
    if (context) SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    open_all(all, connections, context);
    if (waits) {
        puts("ready");
        fflush(stdout);
        sigwaitinfo(&signals, NULL);
    }
    run();
    sort(times, (size_t)replies);
    printf("%ld %ld %.3f %.3f %.3f %ld\n", replies, bad + lost_idle + requests - replies,
        percentile(times, replies, 0.5), percentile(times, replies, 0.99), percentile(times, replies, 1), most);
    return 0;
}

/* The model: a provider that streams one fixed answer, or one word, in OpenAI's format, as late as it is asked to.
 *
 *     model
 *
 * Listens on a port of 127.0.0.1 that the system chooses, which it writes to standard output, and speaks HTTP/1.1, kept
 * alive. POST /v1/chat/completions is answered at once, or, when its body has `answer after 2000 ms`, so long after its
 * last byte. When it has `answer with run-17`, that word of letters, digits and hyphens is the answer. When it has
 * `answer in 200 pieces, one every 50 ms`, the head goes out at once and the first piece 50 ms later; a piece is `@`,
 * the microseconds of CLOCK_MONOTONIC when it was written, and a space: whoever reads it knows how late it is.
 *
 * One thread holds thousands of calls: all with one delay fall due in the order in which they came, or were continued,
 * so a queue for each delay is the whole timer. GET /count says how many were asked since the start, wait or are being
 * streamed now, and did at most at once, and how many ms a piece was written after it was due at most, since the
 * count before: `asked 5200 waiting 0 most 5000 late 3`.
 *
 * It refuses, by closing the connection: a request above 16 KiB, one without a Content-Length, one sent before the last
 * was answered, any other path, and more than eight different delays. A caller who does not read loses it too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENT(members) \
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\"," members "}\n\n"
static const char answer_head[] =
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\","
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"";
#define PIECE_TAIL "\"},\"finish_reason\":null}]}\n\n"
#define ANSWER_END \
    EVENT("\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]") \
    EVENT("\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}") \
    "data: [DONE]\n\n"
static const char answer_tail[] = PIECE_TAIL ANSWER_END;

static const char piece_head[] =
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\","
    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"";
static const char stream_head[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
static const char stream_end[] = ANSWER_END;

struct connection {
    int descriptor; /* -1: the caller has hung up, and the queue still holds it */
    bool waiting;
    long pieces; /* that are still to be sent */
    int64_t due; /* in milliseconds */
    struct connection *next;
    size_t length;
    char input[16384];
};

struct queue {
    long delay;
    struct connection *first, *last;
};

static struct queue queues[8];
static int queue_count, epoll;
static long asked, waiting, most, late;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int64_t microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int64_t milliseconds(void) {
    return microseconds() / 1000;
}

static void hang_up(struct connection *connection) {
    close(connection->descriptor);
    connection->descriptor = -1;
    if (connection->waiting) waiting--;
    else free(connection);
}

static bool send_all(struct connection *connection, const char *text, size_t length) {
    return send(connection->descriptor, text, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void reply(struct connection *connection, const char *type, const char *body, size_t size) {
    char text[2048];
    int length = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%.*s",
        type, size, (int)size, body);
    connection->length = 0;
    if (!send_all(connection, text, (size_t)length)) hang_up(connection);
}

/* The fixed answer, or the word that the question asks for. */
static void answer(struct connection *connection) {
    char text[1536];
    const char *word = "An instant answer.", *wish = strstr(connection->input, "answer with ");
    int length = (int)strlen(word);
    if (wish) {
        word = wish + 12;
        length = (int)strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    }
    int size = snprintf(text, sizeof text, "%s%.*s%s", answer_head, length < 200 ? length : 200, word, answer_tail);
    reply(connection, "text/event-stream", text, (size_t)size);
}

static struct queue *queue_of(long delay) {
    for (int i = 0; i < queue_count; i++)
        if (queues[i].delay == delay) return &queues[i];
    if (queue_count == 8) return NULL;
    queues[queue_count].delay = delay;
    return &queues[queue_count++];
}

static void enqueue(struct queue *queue, struct connection *connection, int64_t due) {
    connection->waiting = true;
    connection->due = due;
    connection->next = NULL;
    if (queue->first) queue->last->next = connection;
    else queue->first = connection;
    queue->last = connection;
    if (++waiting > most) most = waiting;
}

/* The next piece of a stream in one write, and with the last one its end. */
static bool send_piece(struct connection *connection) {
    char piece[512], text[2048];
    bool is_last = --connection->pieces == 0;
    int size = snprintf(piece, sizeof piece, "%s@%lld %s", piece_head, (long long)microseconds(), PIECE_TAIL);
    int whole = size + (is_last ? (int)sizeof stream_end - 1 : 0);
    int length = snprintf(text, sizeof text, "%x\r\n%s%s\r\n%s", whole, piece, is_last ? stream_end : "",
        is_last ? "0\r\n\r\n" : "");
    return send_all(connection, text, (size_t)length);
}

/* Answers what a whole request asks, now or later. */
static void serve(struct connection *connection) {
    char body[128];
    if (strncmp(connection->input, "GET /count ", 11) == 0) {
        int length = snprintf(body, sizeof body, "asked %ld waiting %ld most %ld late %ld\n", asked, waiting, most,
            late);
        late = 0;
        return reply(connection, "text/plain", body, (size_t)length);
    }
    if (strncmp(connection->input, "POST /v1/chat/completions ", 26) != 0) return hang_up(connection);
    char *wish = strstr(connection->input, "answer after "), *stream = strstr(connection->input, "answer in ");
    long delay = wish ? strtol(wish + 13, NULL, 10) : 0;
    asked++;
    connection->pieces = 0;
    if (stream && sscanf(stream, "answer in %ld pieces, one every %ld ms", &connection->pieces, &delay) != 2)
        return hang_up(connection);
    if (delay <= 0) return answer(connection);
    struct queue *queue = queue_of(delay);
    if (!queue) return hang_up(connection);
    connection->length = 0;
    enqueue(queue, connection, milliseconds() + delay + 1); /* never early: milliseconds() cuts off */
    if (connection->pieces > 0 && !send_all(connection, stream_head, sizeof stream_head - 1)) hang_up(connection);
}

static void take(struct connection *connection) {
    ssize_t count = recv(connection->descriptor, connection->input + connection->length,
        sizeof connection->input - 1 - connection->length, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0 || connection->waiting) return hang_up(connection);
    connection->length += (size_t)count;
    connection->input[connection->length] = 0;
    char *body = strstr(connection->input, "\r\n\r\n");
    size_t size = 0;
    if (body) {
        body += 4;
        char *field = strcasestr(connection->input, "\r\nContent-Length:");
        if (field && field < body) size = strtoul(field + 17, NULL, 10);
        else if (connection->input[0] != 'G') return hang_up(connection);
    }
    size_t here = body ? connection->length - (size_t)(body - connection->input) : 0;
    if (body && here == size) serve(connection);
    else if (here > size || connection->length == sizeof connection->input - 1) hang_up(connection);
}

/* The answer of a call that is due, or its next piece; the piece after that is due one delay after this one was. */
static void go_on(struct queue *queue, struct connection *connection, int64_t now) {
    if (connection->pieces == 0) return answer(connection);
    if (now - connection->due > late) late = now - connection->due;
    if (!send_piece(connection)) hang_up(connection);
    else if (connection->pieces > 0) enqueue(queue, connection, connection->due + queue->delay);
}

/* Answers what is due; the milliseconds until the next is, or -1. */
static int answer_due(void) {
    int64_t now = milliseconds(), next = -1;
    for (struct queue *queue = queues; queue < queues + queue_count; queue++) {
        while (queue->first && queue->first->due <= now) {
            struct connection *connection = queue->first;
            queue->first = connection->next;
            connection->waiting = false;
            if (connection->descriptor < 0) {
                free(connection);
                continue;
            }
            waiting--;
            go_on(queue, connection, now);
        }
        if (queue->first && (next < 0 || queue->first->due - now < next)) next = queue->first->due - now;
    }
    return (int)next;
}

static void welcome(int listener) {
    int descriptor, yes = 1;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection) fail("calloc");
        connection->descriptor = descriptor;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0) fail("epoll_ctl");
    }
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) fail("accept4");
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) fail("socket");
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (listen(listener, 4096) < 0) fail("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &size) < 0) fail("getsockname");
    printf("%d\n", ntohs(address.sin_port));
    if (fflush(stdout)) fail("standard output");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) fail("epoll_create1");
    struct epoll_event events[256], incoming = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &incoming) < 0) fail("epoll_ctl");
    for (;;) {
        int ready = epoll_wait(epoll, events, 256, answer_due());
        if (ready < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) take(events[i].data.ptr);
            else welcome(listener);
        }
    }
}

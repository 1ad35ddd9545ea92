/* The model: a provider that streams one fixed answer, or one word, in OpenAI's format, as late as it is asked to.
 *
 *     model
 *
 * Listens on a port of 127.0.0.1 that the system chooses, which it writes to standard output, and speaks HTTP/1.1, kept alive. POST /v1/chat/completions is answered at once, or, when its
 * body has `answer after 2000 ms`, so long after its last byte. When it has `answer with run-17`, that word of letters,
 * digits and hyphens is the answer. One thread holds thousands of waiting calls: all with one delay fall due in the
 * order in which they came, so a queue for each delay is the whole timer. GET /count says how many were asked since the
 * start, wait now, and waited at most at once: `asked 5200 waiting 0 most 5000`.
 *
 * It refuses, by closing the connection: a request above 16 KiB, one without a Content-Length, one sent before the last
 * was answered, any other path, and more than eight different delays.
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
static const char answer_tail[] =
    "\"},\"finish_reason\":null}]}\n\n"
    EVENT("\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]")
    EVENT("\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}")
    "data: [DONE]\n\n";

struct connection {
    int descriptor; /* -1: the caller has hung up, and the queue still holds it */
    bool waiting;
    int64_t due;
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
static long asked, waiting, most;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void hang_up(struct connection *connection) {
    close(connection->descriptor);
    connection->descriptor = -1;
    if (connection->waiting) waiting--;
    else free(connection);
}

static void reply(struct connection *connection, const char *type, const char *body, size_t size) {
    char text[2048];
    int length = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%.*s",
        type, size, (int)size, body);
    connection->length = 0;
    if (send(connection->descriptor, text, (size_t)length, MSG_NOSIGNAL) != length) hang_up(connection);
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

/* Answers what a whole request asks, now or later. */
static void serve(struct connection *connection) {
    char body[96];
    if (strncmp(connection->input, "GET /count ", 11) == 0) {
        int length = snprintf(body, sizeof body, "asked %ld waiting %ld most %ld\n", asked, waiting, most);
        return reply(connection, "text/plain", body, (size_t)length);
    }
    if (strncmp(connection->input, "POST /v1/chat/completions ", 26) != 0) return hang_up(connection);
    char *wish = strstr(connection->input, "answer after ");
    long delay = wish ? strtol(wish + 13, NULL, 10) : 0;
    asked++;
    if (delay <= 0) return answer(connection);
    struct queue *queue = queue_of(delay);
    if (!queue) return hang_up(connection);
    connection->waiting = true;
    connection->due = milliseconds() + delay + 1; /* never early: milliseconds() cuts off */
    connection->next = NULL;
    if (queue->first) queue->last->next = connection;
    else queue->first = connection;
    queue->last = connection;
    if (++waiting > most) most = waiting;
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
            answer(connection);
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

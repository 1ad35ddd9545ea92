/* Follows many streams at once, over HTTP/1.1 or HTTP/2, and measures how late each piece of text is that the model
 * marked with its time (see model.c).
 *
 *     streams [-2] [-w] [-a FILE] [-m STREAMS] [-j STREAMS] -n STREAMS -r RATE -x PIECES -e LINE PORT PATH BODY
 *
 *     -2  HTTP/2, with -m streams on each connection; else HTTP/1.1 and one on each
 *     -w  say `ready` when all connections are open and wait for SIGUSR1; say `all` when all streams are asked for
 *     -a  a bearer token a line; the streams take them in turn
 *     -j  so many streams in a row have the same number: the first asks, the others join it
 *     -r  streams a second that are asked for
 *     -x  the pieces that each stream must have, once each and in order
 *     -e  the line after which a stream has no more text
 *
 * A `#` in BODY becomes the stream's number. A piece's lateness is the time from when the model wrote it until it was
 * read here; one that is older than its stream's request is not late, and counts only as a piece. A stream is an error
 * that is not a 200, ends too early, has an `event: error` or other pieces, or is not over when nothing at all has come
 * for 20 s.
 *
 * Prints a line each for those who ask, those who joined in the worker in which the first one asked, and those who
 * joined in another, as the ids of their messages tell: streams, errors, pieces that were measured, p50 and p99 of the
 * first of each stream, p50, p99 and maximum of all, in ms, events that had pieces, and the most streams in one worker.
 */
#define _GNU_SOURCE
#include "http2.h"
#include "marks.h"
#include <getopt.h>
#include <signal.h>
#include <sys/epoll.h>

enum { PATIENCE = 20 };
enum state { HANDSHAKE, GREETING, READY, HEAD, SIZE, CHUNK, CHUNK_END, LAST };

struct connection {
    struct link link;
    enum state state;
    struct stream *streams;
    size_t left; /* of a chunk */
    size_t length;
    char *input; /* frames */
};

static const char *path, *body;
static struct words tokens;
static long sent, shared = 1;
static int epoll;
static bool is_http2;

static void lose(struct connection *connection, const char *problem) {
    for (long i = 0; i < shared && connection->streams + i < all + sent; i++) over(&connection->streams[i], problem);
    close(connection->link.descriptor);
    connection->link.descriptor = -1;
}

/* A line of a head; true when it is whole, in the stream's own. */
static bool finish_line(struct stream *stream, char letter) {
    if (letter != '\n') {
        if (letter != '\r' && stream->length < sizeof stream->line - 1) stream->line[stream->length++] = letter;
        return false;
    }
    stream->line[stream->length] = 0;
    stream->length = 0;
    return true;
}

/* HTTP/1.1: a head, and a body in chunks, which may begin and end within a line of text. */
static void decode(struct connection *connection, const char *text, size_t size) {
    struct stream *stream = connection->streams;
    for (; size > 0; text++, size--) {
        switch (connection->state) {
        case HEAD:
            if (!finish_line(stream, *text)) break;
            if (!strncmp(stream->line, "HTTP/", 5) && !strstr(stream->line, " 200 ")) return lose(connection, "no 200");
            if (stream->line[0] == 0) connection->state = SIZE;
            break;
        case SIZE:
            if (*text == '\n') connection->state = connection->left > 0 ? CHUNK : LAST;
            else if (*text != '\r') connection->left = connection->left * 16 +
                (size_t)(*text >= 'a' ? *text - 'a' + 10 : *text - '0');
            break;
        case CHUNK: {
            size_t part = size < connection->left ? size : connection->left;
            take_text(stream, text, part);
            connection->left -= part;
            text += part - 1;
            size -= part - 1;
            if (connection->left == 0) connection->state = CHUNK_END;
            break;
        }
        case CHUNK_END:
            if (*text == '\n') connection->state = SIZE;
            break;
        default:
            if (*text == '\n') return over(stream, stream->has_text_ended ? NULL : "a stream without its end");
        }
    }
}

static void take_frame(struct connection *connection, int type, int flags, uint32_t number, char *frame, size_t size) {
    char reply[9];
    struct stream *stream = &connection->streams[((long)number - 3) / 2];
    if (type == SETTINGS && !(flags & ACK)) put(connection->link, reply, put_frame(reply, 0, SETTINGS, ACK, 0));
    if (type == PING && !(flags & ACK)) {
        put_frame(frame - 9, size, PING, ACK, 0);
        put(connection->link, frame - 9, 9 + size);
    }
    if (type == GOAWAY) return lose(connection, "GOAWAY");
    if (number == 1 && (flags & END_STREAM) && connection->state == GREETING) connection->state = READY;
    if (number < 3) return;
    if (type == RESET) return over(stream, "a stream that was reset");
    if (type == HEADERS && size > 0 && (unsigned char)frame[0] != 0x88) over(stream, "no 200");
    if (type == DATA) take_text(stream, frame, size);
    if ((type == DATA || type == HEADERS) && (flags & END_STREAM))
        over(stream, stream->has_text_ended ? NULL : "a stream without its end");
}

static void take_frames(struct connection *connection) {
    size_t start = 0;
    while (connection->link.descriptor >= 0 && connection->length - start >= 9) {
        unsigned char *head = (unsigned char *)connection->input + start;
        size_t size = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        uint32_t number = (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
        if (connection->length - start < 9 + size) break;
        take_frame(connection, head[3], head[4], number & 0x7fffffff, (char *)head + 9, size);
        start += 9 + size;
    }
    connection->length -= start;
    memmove(connection->input, connection->input + start, connection->length);
}

static void greet(struct connection *connection) {
    char text[8192];
    size_t size = 0;
    int state = shake_hands(connection->link);
    if (state < 0) fail("streams: a TLS handshake");
    if (state == 0) return;
    if (is_http2) {
        size = put_preface(text);
        size += put_request(text + size, 1, "/", NULL, NULL);
    } else size = (size_t)sprintf(text, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    if (!put(connection->link, text, size)) fail("streams: a new connection");
    connection->state = GREETING;
}

/* Reads all that is there. */
static void receive(struct connection *connection) {
    static char buffer[32768];
    if (connection->link.descriptor < 0) return;
    if (connection->state == HANDSHAKE) greet(connection);
    while (connection->state != HANDSHAKE && connection->link.descriptor >= 0) {
        char *into = is_http2 ? connection->input + connection->length : buffer;
        ssize_t size = get(connection->link, into, is_http2 ? 65536 - connection->length : sizeof buffer);
        if (size == 0) return;
        if (size < 0) return lose(connection, "a connection that closed");
        arrival = now() / 1000;
        connection->length += (size_t)size;
        if (is_http2) take_frames(connection);
        else if (connection->state == GREETING) {
            if (size >= 4 && !memcmp(buffer + size - 4, "\r\n\r\n", 4)) connection->state = READY;
        } else decode(connection, buffer, (size_t)size);
    }
}

static void ask(struct connection *connections) {
    struct stream *stream = &all[sent];
    struct connection *connection = &connections[sent / shared];
    const char *token = tokens.count ? tokens.list[sent % tokens.count] : "none";
    char text[8192], content[2048];
    size_t size = 0;
    for (const char *from = body; *from && size < sizeof content - 24; from++) {
        if (*from == '#') size += (size_t)sprintf(content + size, "%ld", sent / joined);
        else content[size++] = *from;
    }
    content[size] = 0;
    stream->asked = now() / 1000;
    if (is_http2) size = put_request(text, (uint32_t)(3 + 2 * (sent % shared)), path, token, content);
    else {
        size = (size_t)snprintf(text, sizeof text,
            "POST %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: parley-streams/1\r\nAuthorization: Bearer %s\r\n"
            "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", path, token, size, content);
        connection->state = HEAD;
    }
    sent++;
    open_streams++;
    if (connection->link.descriptor < 0 || !put(connection->link, text, size))
        over(stream, "a request that was not sent");
}

static struct connection *open_all(int port) {
    struct epoll_event events[64];
    long needed = (count + shared - 1) / shared;
    struct connection *connections = calloc((size_t)needed, sizeof *connections);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!connections || !context) fail("streams");
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    if (is_http2) SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2", 3);
    for (long dialled = 0, ready = 0; ready < needed;) {
        for (; dialled < needed && dialled - ready < 64; dialled++) {
            struct connection *connection = &connections[dialled];
            struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
            connection->streams = &all[dialled * shared];
            connection->input = is_http2 ? malloc(65536) : NULL;
            connection->link = dial(port, context);
            if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->link.descriptor, &event) < 0) fail("streams: epoll_ctl");
            receive(connection);
            ready += connection->state == READY;
        }
        if (ready == needed) break;
        int some = epoll_wait(epoll, events, 64, PATIENCE * 1000);
        if (some <= 0 && errno != EINTR) fail("streams: the connections do not open");
        for (int i = 0; i < some; i++) {
            struct connection *connection = events[i].data.ptr;
            bool was_ready = connection->state == READY;
            receive(connection);
            ready += connection->state == READY && !was_ready;
        }
    }
    return connections;
}

/* Asks for all streams at their time, and reads until the last one is over. */
static void run(struct connection *connections, double rate, bool says_all) {
    int64_t start = now(), quiet = start;
    while (sent < count || open_streams > 0) {
        struct epoll_event events[256];
        while (sent < count && start + (int64_t)((double)sent * (SECOND / rate)) <= now()) {
            ask(connections);
            if (sent == count && says_all) {
                puts("all");
                fflush(stdout);
            }
        }
        int ready = epoll_wait(epoll, events, 256, sent < count ? 1 : 1000);
        if (ready < 0 && errno != EINTR) fail("streams: epoll_wait");
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
        if (ready > 0) quiet = now();
        else if (now() - quiet > PATIENCE * (int64_t)SECOND) break;
    }
}

int main(int argument_count, char **arguments) {
    double rate = 0;
    bool waits = false;
    sigset_t signals;
    for (int option; (option = getopt(argument_count, arguments, "2wa:m:j:n:r:x:e:")) != -1;) {
        if (option == '2') is_http2 = true;
        else if (option == 'w') waits = true;
        else if (option == 'a') tokens = read_words(optarg);
        else if (option == 'm') shared = atol(optarg);
        else if (option == 'j') joined = atol(optarg);
        else if (option == 'n') count = atol(optarg);
        else if (option == 'r') rate = atof(optarg);
        else if (option == 'x') pieces = atol(optarg);
        else if (option == 'e') last_line = optarg;
        else return 2;
    }
    if (argument_count - optind != 3 || count < 1 || pieces < 1 || rate <= 0 || !last_line || shared < 1 || joined < 1)
        return fprintf(stderr, "usage: see the top of streams.c\n"), 2;
    path = arguments[optind + 1];
    body = arguments[optind + 2];
    if (!is_http2) shared = 1;
    all = calloc((size_t)count, sizeof *all);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!all || epoll < 0) fail("streams");
    for (long i = 0; i < count; i++)
        if (!(all[i].late = calloc((size_t)pieces, sizeof *all[i].late))) fail("streams: calloc");
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    struct connection *connections = open_all(atoi(arguments[optind]));
    if (waits) {
        puts("ready");
        fflush(stdout);
        sigwaitinfo(&signals, NULL);
    }
    run(connections, rate, waits);
    print_group("asked", 0);
    print_group("same", 1);
    print_group("other", 2);
    return 0;
}

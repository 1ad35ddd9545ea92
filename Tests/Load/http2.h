/* As much of HTTP/2 as it takes to ask an nginx and to read the bodies of its replies: no window ever fills, and of a
 * head only the status is looked at. */
#ifndef HTTP2_H
#define HTTP2_H
#include "client.h"

enum { DATA = 0, HEADERS = 1, RESET = 3, SETTINGS = 4, PING = 6, GOAWAY = 7 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

static inline size_t put_frame(char *into, size_t size, int type, int flags, uint32_t stream) {
    const unsigned char head[9] = {(unsigned char)(size >> 16), (unsigned char)(size >> 8), (unsigned char)size,
        (unsigned char)type, (unsigned char)flags, (unsigned char)(stream >> 24), (unsigned char)(stream >> 16),
        (unsigned char)(stream >> 8), (unsigned char)stream};
    memcpy(into, head, sizeof head);
    return sizeof head;
}

/* A string of HPACK, not in Huffman's code; its length is below 16,511. */
static inline size_t put_string(char *into, const char *text) {
    size_t length = strlen(text), size = 0;
    if (length < 127) into[size++] = (char)length;
    else {
        into[size++] = 127;
        into[size++] = (char)((length - 127) % 128 | 128);
        into[size++] = (char)((length - 127) / 128);
    }
    memcpy(into + size, text, length);
    return size + length;
}

/* A field that goes into no table. The name is of the static table if `index` is not 0. */
static inline size_t put_field(char *into, int index, const char *name, const char *value) {
    size_t size = 0;
    into[size++] = (char)index;
    if (index == 0) size += put_string(into + size, name);
    return size + put_string(into + size, value);
}

/* What a connection begins with: no pushes, and windows that hold all that will ever come. */
static inline size_t put_preface(char *into) {
    static const char preface[] =
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        "\0\0\x0c\x04\0\0\0\0\0" "\0\x02\0\0\0\0" "\0\x04\x7f\xff\xff\xff"
        "\0\0\x04\x08\0\0\0\0\0" "\x7f\xff\0\0";
    memcpy(into, preface, sizeof preface - 1);
    return sizeof preface - 1;
}

/* A request: HEAD without a body, POST with one; `token` may be NULL. There is room for all of it. */
static inline size_t put_request(char *into, uint32_t stream, const char *path, const char *token, const char *body) {
    char fields[4096], bearer[2100];
    size_t size = 0, length = body ? strlen(body) : 0;
    size += put_field(fields + size, 2, "", body ? "POST" : "HEAD");
    fields[size++] = (char)0x87; /* :scheme https */
    size += put_field(fields + size, 4, "", path);
    size += put_field(fields + size, 1, "", "localhost");
    size += put_field(fields + size, 0, "user-agent", "parley-streams/1");
    if (body) size += put_field(fields + size, 0, "content-type", "application/json");
    if (token) {
        snprintf(bearer, sizeof bearer, "Bearer %s", token);
        size += put_field(fields + size, 0, "authorization", bearer);
    }
    size_t whole = put_frame(into, size, HEADERS, END_HEADERS | (body ? 0 : END_STREAM), stream);
    memcpy(into + whole, fields, size);
    whole += size;
    if (!body) return whole;
    whole += put_frame(into + whole, length, DATA, END_STREAM, stream);
    memcpy(into + whole, body, length);
    return whole + length;
}
#endif

/* A stream as its reader sees it: lines of events, in them pieces of text that the model marked with their times (see
 * model.c), and what comes of it in the end. */
#ifndef MARKS_H
#define MARKS_H
#include "client.h"

enum { WORKERS = 1024 };

struct stream {
    int64_t asked, newest; /* in microseconds, as the marks are */
    long pieces, events, measured, worker; /* an event has one piece or more */
    bool has_text_ended, is_over, is_bad;
    int32_t *late; /* microseconds */
    size_t length;
    char line[16384]; /* what is longer is cut */
};

static const char *last_line;
static struct stream *all;
static long count, open_streams, pieces, joined = 1;
static int64_t arrival; /* of what is being read, in microseconds */

/* Without a problem it has ended well. */
static void over(struct stream *stream, const char *problem) {
    static bool is_shown;
    if (stream->is_over) return;
    if (!problem && stream->pieces != pieces) problem = "a stream with too few pieces, or too many";
    stream->is_over = true;
    stream->is_bad = problem != NULL;
    open_streams--;
    if (problem && !is_shown) {
        is_shown = true;
        fprintf(stderr, "streams: %s; stream %ld, %ld pieces\n%.300s\n", problem, stream - all, stream->pieces,
            stream->line);
    }
}

static void take_line(struct stream *stream) {
    const char *line = stream->line;
    if (!strcmp(line, last_line)) stream->has_text_ended = true;
    else if (!strncmp(line, "event: error", 12)) over(stream, "an error event");
    if (!strncmp(line, "data: {\"id\":\"msg_", 17)) stream->worker = (long)(strtoull(line + 17, NULL, 16) % WORKERS);
    if (stream->has_text_ended || strncmp(line, "data: ", 6) || !strchr(line, '@')) return;
    stream->events++;
    for (const char *mark = line; (mark = strchr(mark, '@')); mark++) {
        int64_t written = strtoll(mark + 1, NULL, 10);
        if (written < stream->newest || stream->pieces++ >= pieces) return over(stream, "pieces out of order");
        stream->newest = written;
        if (written > stream->asked) stream->late[stream->measured++] = (int32_t)(arrival - written);
    }
}

/* What has arrived of the body, from anywhere in a line to anywhere in another. */
static void take_text(struct stream *stream, const char *text, size_t size) {
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t part = end ? (size_t)(end - text) : size, room = sizeof stream->line - 1 - stream->length;
        memcpy(stream->line + stream->length, text, part < room ? part : room);
        stream->length += part < room ? part : room;
        if (!end) return;
        stream->line[stream->length] = 0;
        take_line(stream);
        stream->length = 0;
        text += part + 1;
        size -= part + 1;
    }
}

/* Of those who asked (0), who joined in the same worker (1), or in another (2). */
static void print_group(const char *name, int group) {
    long streams = 0, errors = 0, total = 0, firsts = 0, events = 0, workers[WORKERS] = {0}, most = 0;
    int64_t *times = calloc((size_t)(count * pieces), sizeof *times), *first = calloc((size_t)count, sizeof *first);
    if (!times || !first) fail("streams: calloc");
    for (long i = 0; i < count; i++) {
        struct stream *stream = &all[i], *asker = &all[i - i % joined];
        if ((i % joined == 0 ? 0 : stream->worker == asker->worker ? 1 : 2) != group) continue;
        streams++;
        events += stream->events;
        errors += stream->is_bad || !stream->is_over;
        if (++workers[stream->worker] > most) most = workers[stream->worker];
        if (stream->measured > 0) first[firsts++] = stream->late[0] * (int64_t)1000;
        for (long piece = 0; piece < stream->measured; piece++) times[total++] = stream->late[piece] * (int64_t)1000;
    }
    sort(times, (size_t)total);
    sort(first, (size_t)firsts);
    printf("%s %ld %ld %ld %.3f %.3f %.3f %.3f %.3f %ld %ld\n", name, streams, errors, total,
        percentile(first, firsts, 0.5), percentile(first, firsts, 0.99), percentile(times, total, 0.5),
        percentile(times, total, 0.99), percentile(times, total, 1), events, most);
}
#endif

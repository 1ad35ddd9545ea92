/* Asks questions that are all different, and keeps a record of what was acknowledged.
 *
 *     record -a FILE -o RECORD [-c CONNECTIONS] [-r RATE] [-d] PORT NAME
 *
 *     -a  a bearer token a line; the questions take them in turn
 *     -o  the record, one line for each question that was answered or failed, whole lines only
 *     -c  connections, each with one question at a time; 16
 *     -r  questions a second, all together; without it each connection asks as soon as it has its answer
 *     -d  asks the model to take 0, 10, 50 or 200 ms, in turn, so that questions wait in the service
 *
 * Runs until SIGTERM, then waits for what is under way. NAME makes the questions new. Every question asks the model for
 * a word of its own, so that an answer which belongs to another question shows.
 *
 * The fields of a line are divided by tabs: `ok`, `failed` or `wrong`; milliseconds since 1970 at its end; milliseconds
 * that it took; the token's number, from 0; the HTTP status; the question; then of `ok` the message's id and its answer.
 * `failed` is a status other than 200 with the one error object. `wrong` is everything else: a broken connection, a
 * reply that is not JSON, an error without its five fields, a 200 with another answer than the one asked for; what came
 * follows. Prints one line: questions, ok, failed, wrong.
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATIENCE = 75 }; /* s: longer than the service may take for one question */

struct caller {
    CURL *handle;
    long number;
    int64_t began;
    size_t length;
    char question[256], body[512], reply[16384];
};

static char tokens[256][2048];
static struct curl_slist *headers[256];
static int token_count;
static const char *name;
static bool delays;
static long asked, counts[3];
static FILE *record;
static CURLM *multi;
static volatile sig_atomic_t stopping;

static void fail(const char *what) {
    fprintf(stderr, "record: %s\n", what);
    exit(1);
}

static int64_t milliseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void stop(int number) {
    (void)number;
    stopping = 1;
}

static size_t keep(char *data, size_t size, size_t count, void *context) {
    struct caller *caller = context;
    size_t length = size * count;
    if (length > sizeof caller->reply - 1 - caller->length) return 0;
    memcpy(caller->reply + caller->length, data, length);
    caller->length += length;
    return length;
}

static void read_tokens(const char *path) {
    FILE *file = fopen(path, "r");
    char header[2100];
    if (!file) fail(path);
    while (token_count < 256 && fscanf(file, "%2047s", tokens[token_count]) == 1) {
        snprintf(header, sizeof header, "Authorization: Bearer %s", tokens[token_count]);
        headers[token_count] = curl_slist_append(NULL, header);
        headers[token_count] = curl_slist_append(headers[token_count], "Content-Type: application/json");
        token_count++;
    }
    fclose(file);
    if (token_count == 0) fail("no token");
}

static CURL *new_handle(struct caller *caller, const char *port) {
    char url[64];
    CURL *handle = curl_easy_init();
    if (!handle) fail("curl_easy_init");
    snprintf(url, sizeof url, "https://127.0.0.1:%s/chat", port);
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "parley-record/1");
    curl_easy_setopt(handle, CURLOPT_TIMEOUT, (long)PATIENCE);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, caller);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, caller);
    return handle;
}

static void ask(struct caller *caller) {
    static const int waits[] = {0, 10, 50, 200};
    char wait[40] = "";
    caller->number = asked++;
    caller->length = 0;
    caller->began = milliseconds(CLOCK_MONOTONIC);
    int milliseconds = delays ? waits[caller->number % 4] : 0;
    if (milliseconds > 0) snprintf(wait, sizeof wait, " and answer after %d ms", milliseconds);
    snprintf(caller->question, sizeof caller->question, "Please answer with %s-%ld%s", name, caller->number, wait);
    snprintf(caller->body, sizeof caller->body, "{\"message\":\"%s\"}", caller->question);
    curl_easy_setopt(caller->handle, CURLOPT_HTTPHEADER, headers[caller->number % token_count]);
    curl_easy_setopt(caller->handle, CURLOPT_POSTFIELDS, caller->body);
    if (curl_multi_add_handle(multi, caller->handle) != CURLM_OK) fail("curl_multi_add_handle");
}

/* The one error object: five fields, and the status that the reply has. */
static bool is_error(json_t *reply, long status) {
    return json_is_string(json_object_get(reply, "error")) && json_is_string(json_object_get(reply, "message"))
        && json_is_array(json_object_get(reply, "details")) && json_is_string(json_object_get(reply, "request_id"))
        && json_integer_value(json_object_get(reply, "status_code")) == status;
}

static bool is_answer(struct caller *caller, json_t *reply) {
    char wanted[128];
    const char *answer = json_string_value(json_object_get(reply, "response"));
    snprintf(wanted, sizeof wanted, "%s-%ld", name, caller->number);
    return json_is_string(json_object_get(reply, "message_id")) && answer && strcmp(answer, wanted) == 0;
}

static void note(struct caller *caller, CURLcode result) {
    static const char *const words[] = {"ok", "failed", "wrong"};
    long status = 0;
    curl_easy_getinfo(caller->handle, CURLINFO_RESPONSE_CODE, &status);
    caller->reply[caller->length] = 0;
    json_t *reply = json_loads(caller->reply, 0, NULL);
    int kind = result != CURLE_OK ? 2
        : status == 200 ? (is_answer(caller, reply) ? 0 : 2)
                        : (is_error(reply, status) ? 1 : 2);
    counts[kind]++;
    fprintf(record, "%s\t%lld\t%lld\t%ld\t%ld\t%s", words[kind], (long long)milliseconds(CLOCK_REALTIME),
        (long long)(milliseconds(CLOCK_MONOTONIC) - caller->began), caller->number % token_count, status,
        caller->question);
    if (kind == 0)
        fprintf(record, "\t%s\t%s\n", json_string_value(json_object_get(reply, "message_id")),
            json_string_value(json_object_get(reply, "response")));
    else {
        for (char *at = caller->reply; *at; at++)
            if ((unsigned char)*at < ' ') *at = ' ';
        fprintf(record, "\t%s\t%.600s\n", curl_easy_strerror(result), caller->reply);
    }
    json_decref(reply);
}

/* Asks what is due as far as callers are free; the milliseconds until the next is due, at most a second. */
static int ask_due(struct caller **idle, long *idle_count, double rate, int64_t start) {
    while (!stopping && *idle_count > 0) {
        int64_t wait = rate > 0 ? start + (int64_t)((double)asked * (1000 / rate)) - milliseconds(CLOCK_MONOTONIC) : 0;
        if (wait > 0) return wait < 1000 ? (int)wait : 1000;
        ask(idle[--*idle_count]);
    }
    return 1000;
}

static void run(struct caller **idle, long count, double rate) {
    long idle_count = count;
    int64_t start = milliseconds(CLOCK_MONOTONIC);
    while (!stopping || idle_count < count) {
        int running, left, wait = ask_due(idle, &idle_count, rate, start);
        if (curl_multi_perform(multi, &running) != CURLM_OK) fail("curl_multi_perform");
        bool some = false;
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            struct caller *caller;
            CURL *handle = message->easy_handle;
            CURLcode result = message->data.result;
            curl_easy_getinfo(handle, CURLINFO_PRIVATE, &caller);
            curl_multi_remove_handle(multi, handle);
            note(caller, result);
            idle[idle_count++] = caller;
            some = true;
        }
        if (!some && curl_multi_poll(multi, NULL, 0, wait, NULL) != CURLM_OK) fail("curl_multi_poll");
    }
}

int main(int count, char **arguments) {
    long connections = 16;
    double rate = 0;
    const char *token_file = NULL, *record_file = NULL;
    for (int option; (option = getopt(count, arguments, "a:o:c:r:d")) != -1;) {
        if (option == 'a') token_file = optarg;
        else if (option == 'o') record_file = optarg;
        else if (option == 'c') connections = atol(optarg);
        else if (option == 'r') rate = atof(optarg);
        else if (option == 'd') delays = true;
        else return 2;
    }
    if (count - optind != 2 || !token_file || !record_file || connections < 1) fail("usage: see the top of record.c");
    name = arguments[optind + 1];
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    record = fopen(record_file, "w");
    struct caller *all = calloc((size_t)connections, sizeof *all);
    struct caller **idle = calloc((size_t)connections, sizeof *idle);
    if (!multi || !record || !all || !idle) fail("cannot start");
    setvbuf(record, NULL, _IOLBF, 32768);
    read_tokens(token_file);
    for (long i = 0; i < connections; i++) {
        all[i].handle = new_handle(&all[i], arguments[optind]);
        idle[i] = &all[i];
    }
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
    run(idle, connections, rate);
    fclose(record);
    printf("%ld %ld %ld %ld\n", asked, counts[0], counts[1], counts[2]);
    return 0;
}

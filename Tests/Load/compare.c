/* Compares a record with the history of its sessions.
 *
 *     compare TOKENS RECORD PORT
 *
 * Reads the record that record.c wrote, then GET /chat/history of every token, page by page. Every acknowledged question
 * must be there exactly once, in its own session, with its message's id and its answer. A question that failed may be
 * there once, because a service may die between the commit and the reply. Prints one line:
 *
 *     acknowledged missing doubled changed unacknowledged foreign
 *
 * changed: another id, answer or session than was acknowledged. unacknowledged: a failed question that is there.
 * foreign: one that the record does not have. What is wrong is shown on standard error, up to ten lines. Ends with 1
 * when the history cannot be read.
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct page {
    char *text;
    size_t length;
};

static json_t *known; /* by question: acknowledged, session, id, answer, times seen */
static long acknowledged, missing, doubled, changed, unacknowledged, foreign, shown;

static void fail(const char *what, const char *detail) {
    fprintf(stderr, "compare: %s %s\n", what, detail);
    exit(1);
}

static void show(const char *what, const char *question, const char *detail) {
    if (shown++ < 10) fprintf(stderr, "compare: %s: %s %s\n", what, question, detail);
}

static size_t keep(char *data, size_t size, size_t count, void *context) {
    struct page *page = context;
    char *text = realloc(page->text, page->length + size * count + 1);
    if (!text) return 0;
    memcpy(text + page->length, data, size * count);
    page->text = text;
    page->length += size * count;
    text[page->length] = 0;
    return size * count;
}

static void read_record(const char *path) {
    FILE *file = fopen(path, "r");
    char *line = NULL, *fields[8];
    size_t size = 0;
    if (!file) fail("cannot open", path);
    while (getline(&line, &size, file) > 0) {
        int count = 0;
        char *rest = line;
        rest[strcspn(rest, "\n")] = 0;
        while (count < 8 && rest) fields[count++] = strsep(&rest, "\t");
        if (count < 8) fail("a line without eight fields:", line);
        bool is_ok = strcmp(fields[0], "ok") == 0;
        acknowledged += is_ok;
        if (json_object_get(known, fields[5])) fail("a question that was asked twice:", fields[5]);
        json_object_set_new(known, fields[5], json_pack("{s:b,s:i,s:s?,s:s?,s:i}", "ok", is_ok, "session",
            atoi(fields[3]), "id", is_ok ? fields[6] : NULL, "answer", is_ok ? fields[7] : NULL, "seen", 0));
    }
    free(line);
    fclose(file);
}

static bool is_same(json_t *left, const char *key, json_t *right, const char *other) {
    return json_equal(json_object_get(left, key), json_object_get(right, other));
}

static void look_at(json_t *exchange, int session) {
    const char *question = json_string_value(json_object_get(exchange, "message"));
    if (!question) fail("an exchange without a question", "");
    json_t *own = json_object_get(known, question);
    if (!own) {
        foreign++;
        return show("not asked", question, "");
    }
    int seen = (int)json_integer_value(json_object_get(own, "seen"));
    json_object_set_new(own, "seen", json_integer(seen + 1));
    if (seen > 0) {
        doubled++;
        return show("there twice", question, "");
    }
    if (!json_is_true(json_object_get(own, "ok"))) unacknowledged++;
    else if (json_integer_value(json_object_get(own, "session")) != session || !is_same(own, "id", exchange, "id")
        || !is_same(own, "answer", exchange, "response")) {
        changed++;
        show("changed", question, json_string_value(json_object_get(exchange, "response")));
    }
}

/* The page before the message `before`, or the newest. */
static json_t *fetch(CURL *handle, const char *port, const char *before) {
    char url[256];
    struct page page = {0};
    long status = 0;
    snprintf(url, sizeof url, "https://127.0.0.1:%s/chat/history?limit=100%s%s", port, before ? "&before=" : "",
        before ? before : "");
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &page);
    CURLcode result = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK || status != 200)
        fail("the history cannot be read:", page.text ? page.text : curl_easy_strerror(result));
    json_t *reply = json_loads(page.text, 0, NULL);
    if (!json_is_array(json_object_get(reply, "messages"))) fail("not a page of history:", page.text);
    free(page.text);
    return reply;
}

static void read_history(CURL *handle, const char *port, int session) {
    char before[64] = "";
    bool more = true;
    while (more) {
        json_t *page = fetch(handle, port, *before ? before : NULL), *exchange;
        json_t *messages = json_object_get(page, "messages");
        size_t index;
        json_array_foreach(messages, index, exchange) look_at(exchange, session);
        more = json_is_true(json_object_get(page, "has_more"));
        const char *first = json_string_value(json_object_get(json_array_get(messages, 0), "id"));
        if (more && (!first || strcmp(first, before) == 0)) fail("a history without an end", before);
        if (first) snprintf(before, sizeof before, "%s", first);
        json_decref(page);
    }
}

static void read_histories(const char *path, const char *port) {
    char token[2048], header[2100];
    FILE *file = fopen(path, "r");
    CURL *handle = curl_easy_init();
    if (!file || !handle) fail("cannot open", path);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "parley-compare/1");
    curl_easy_setopt(handle, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, keep);
    for (int session = 0; fscanf(file, "%2047s", token) == 1; session++) {
        snprintf(header, sizeof header, "Authorization: Bearer %s", token);
        struct curl_slist *headers = curl_slist_append(NULL, header);
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
        read_history(handle, port, session);
        curl_slist_free_all(headers);
    }
    curl_easy_cleanup(handle);
    fclose(file);
}

int main(int count, char **arguments) {
    if (count != 4) fail("usage: see the top of compare.c", "");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    known = json_object();
    read_record(arguments[2]);
    read_histories(arguments[1], arguments[3]);
    const char *question;
    json_t *own;
    json_object_foreach(known, question, own) {
        if (!json_is_true(json_object_get(own, "ok")) || json_integer_value(json_object_get(own, "seen")) > 0) continue;
        missing++;
        show("missing", question, json_string_value(json_object_get(own, "id")));
    }
    printf("%ld %ld %ld %ld %ld %ld\n", acknowledged, missing, doubled, changed, unacknowledged, foreign);
    return 0;
}

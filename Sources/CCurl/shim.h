/* libcurl for Swift: curl.h as it is, and a typed function for each of libcurl's that the program calls.
 *
 * The program is not linked with libcurl: ccurl_load loads it before the first transfer, and every other function here
 * calls through what that found. libcurl brings thirty libraries along, which would take 10 of the 27 ms of a CGI
 * process that answers from the cache, and as much of each subcommand.
 *
 * curl_easy_setopt, curl_easy_getinfo and curl_multi_setopt take their value as a variadic argument, and Swift imports
 * no variadic C function. Each wrapper of theirs fixes one argument type, which the compiler then checks at each call.
 */
#ifndef CCURL_SHIM_H
#define CCURL_SHIM_H

/* curl_multi_socket_all is deprecated for what it costs, and has no substitute for what it is needed for. */
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>
#include <string.h>

/* The functions that are called, without their `curl_`. */
#define CCURL_FUNCTIONS(each) \
    each(global_init) \
    each(easy_init) each(easy_cleanup) each(easy_pause) each(easy_perform) each(easy_setopt) \
    each(easy_getinfo) each(easy_strerror) \
    each(multi_init) each(multi_cleanup) each(multi_add_handle) each(multi_remove_handle) each(multi_info_read) \
    each(multi_socket_action) each(multi_socket_all) each(multi_setopt) \
    each(share_init) each(share_cleanup) each(share_setopt) \
    each(slist_append) each(slist_free_all)

#define CCURL_POINTER(name) __typeof__(curl_##name) *name;
extern struct ccurl_functions { CCURL_FUNCTIONS(CCURL_POINTER) } ccurl;
#undef CCURL_POINTER

/* Loads and starts libcurl, once a process, whichever threads ask for it. It reads files: not on a thread that others
 * wait for. Call it again after a failure, but nothing else here before it has succeeded.
 *
 * Returns NULL, or why libcurl cannot be used, which the next call of any function of dlfcn.h overwrites. */
const char *ccurl_load(void);

static inline CURL *ccurl_easy_init(void) { return ccurl.easy_init(); }
static inline void ccurl_easy_cleanup(CURL *easy) { ccurl.easy_cleanup(easy); }
static inline CURLcode ccurl_easy_pause(CURL *easy, int directions) { return ccurl.easy_pause(easy, directions); }
/* Blocks until the transfer is over. */
static inline CURLcode ccurl_easy_perform(CURL *easy) { return ccurl.easy_perform(easy); }
static inline const char *ccurl_easy_strerror(CURLcode code) { return ccurl.easy_strerror(code); }

static inline CURLM *ccurl_multi_init(void) { return ccurl.multi_init(); }
static inline CURLMcode ccurl_multi_cleanup(CURLM *multi) { return ccurl.multi_cleanup(multi); }
static inline CURLMcode ccurl_multi_add_handle(CURLM *multi, CURL *easy) { return ccurl.multi_add_handle(multi, easy); }
static inline CURLMcode ccurl_multi_remove_handle(CURLM *multi, CURL *easy) {
    return ccurl.multi_remove_handle(multi, easy);
}
static inline CURLMsg *ccurl_multi_info_read(CURLM *multi, int *left) { return ccurl.multi_info_read(multi, left); }
static inline CURLMcode ccurl_multi_socket_action(CURLM *multi, curl_socket_t socket, int events, int *running) {
    return ccurl.multi_socket_action(multi, socket, events, running);
}
/* Has libcurl look at every transfer. */
static inline CURLMcode ccurl_multi_socket_all(CURLM *multi, int *running) {
    return ccurl.multi_socket_all(multi, running);
}

static inline CURLSH *ccurl_share_init(void) { return ccurl.share_init(); }
static inline CURLSHcode ccurl_share_cleanup(CURLSH *share) { return ccurl.share_cleanup(share); }

static inline struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text) {
    return ccurl.slist_append(list, text);
}
static inline void ccurl_slist_free_all(struct curl_slist *list) { ccurl.slist_free_all(list); }

/* Numbers and switches: libcurl reads a long, which Swift's Int32 constants are not. */
static inline CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value) {
    return ccurl.easy_setopt(easy, option, value);
}

/* Sizes above 2 GiB have their own type. */
static inline CURLcode ccurl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return ccurl.easy_setopt(easy, option, value);
}

/* Strings, which libcurl copies during the call. */
static inline CURLcode ccurl_set_string(CURL *easy, CURLoption option, const char *value) {
    return ccurl.easy_setopt(easy, option, value);
}

/* Objects, which libcurl does not copy: they have to outlive the transfer. */
static inline CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return ccurl.easy_setopt(easy, option, value);
}

/* The shape of both the body's and the header's callback, and of the one that gives what is sent. */
typedef size_t (*ccurl_receiver)(char *bytes, size_t size, size_t count, void *context);

/* A function pointer must not travel as void *, so callbacks have a wrapper of their own. */
static inline CURLcode ccurl_set_receiver(CURL *easy, CURLoption option, ccurl_receiver value) {
    return ccurl.easy_setopt(easy, option, value);
}

/* The pointer that CURLOPT_PRIVATE stored. */
static inline CURLcode ccurl_get_pointer(CURL *easy, CURLINFO info, void **value) {
    return ccurl.easy_getinfo(easy, info, value);
}

static inline CURLcode ccurl_get_long(CURL *easy, CURLINFO info, long *value) {
    return ccurl.easy_getinfo(easy, info, value);
}

/* TLS 1.1 and older; the header's own sum is a macro that Swift does not see. */
static const long ccurl_outdated_tls = CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_1;

/* When the other side's certificate ends, in libcurl's words, which last until the handle is cleaned up; NULL when it is
 * not known: only where CURLOPT_CERTINFO asked for it, of the transfer that made the connection. */
static inline const char *ccurl_certificate_end(CURL *easy) {
    struct curl_certinfo *found = NULL;
    if (ccurl.easy_getinfo(easy, CURLINFO_CERTINFO, &found) != CURLE_OK || !found || found->num_of_certs < 1) return NULL;
    static const char name[] = "Expire date:";
    for (struct curl_slist *line = found->certinfo[0]; line; line = line->next)
        if (strncmp(line->data, name, sizeof name - 1) == 0) return line->data + sizeof name - 1;
    return NULL;
}

/* Numbers of the multi handle. */
static inline CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return ccurl.multi_setopt(multi, option, value);
}

/* What the multi handle tells its event loop: which sockets to watch, and when to call it without any event. */
static inline CURLMcode ccurl_multi_set_socket_callback(CURLM *multi, curl_socket_callback value, void *context) {
    CURLMcode code = ccurl.multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, value);
    return code ? code : ccurl.multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
}

static inline CURLMcode ccurl_multi_set_timer_callback(CURLM *multi, curl_multi_timer_callback value, void *context) {
    CURLMcode code = ccurl.multi_setopt(multi, CURLMOPT_TIMERFUNCTION, value);
    return code ? code : ccurl.multi_setopt(multi, CURLMOPT_TIMERDATA, context);
}

/* One more kind of thing that the easy handles of a share handle have in common. */
static inline CURLSHcode ccurl_share(CURLSH *share, curl_lock_data kind) {
    return ccurl.share_setopt(share, CURLSHOPT_SHARE, kind);
}

#endif

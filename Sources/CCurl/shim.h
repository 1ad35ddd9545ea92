/* libcurl for Swift: curl.h as it is, and a typed function for each variadic call.
 *
 * curl_easy_setopt, curl_easy_getinfo and curl_multi_setopt take their value as a variadic argument, and Swift imports
 * no variadic C function. Each wrapper below fixes one argument type, which the compiler then checks at each call.
 */
#ifndef CCURL_SHIM_H
#define CCURL_SHIM_H

#include <curl/curl.h>

/* Numbers and switches: libcurl reads a long, which Swift's Int32 constants are not. */
static inline CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

/* Sizes above 2 GiB have their own type. */
static inline CURLcode ccurl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

/* Strings, which libcurl copies during the call. */
static inline CURLcode ccurl_set_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

/* Objects, which libcurl does not copy: they have to outlive the transfer. */
static inline CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

/* The shape of both the body's and the header's callback. */
typedef size_t (*ccurl_receiver)(char *bytes, size_t size, size_t count, void *context);

/* A function pointer must not travel as void *, so callbacks have a wrapper of their own. */
static inline CURLcode ccurl_set_receiver(CURL *easy, CURLoption option, ccurl_receiver value) {
    return curl_easy_setopt(easy, option, value);
}

/* The pointer that CURLOPT_PRIVATE stored. */
static inline CURLcode ccurl_get_pointer(CURL *easy, CURLINFO info, void **value) {
    return curl_easy_getinfo(easy, info, value);
}

/* Numbers of the multi handle. */
static inline CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/* What the multi handle tells its event loop: which sockets to watch, and when to call it without any event. */
static inline CURLMcode ccurl_multi_set_socket_callback(CURLM *multi, curl_socket_callback value, void *context) {
    CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, value);
    return code ? code : curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
}

static inline CURLMcode ccurl_multi_set_timer_callback(CURLM *multi, curl_multi_timer_callback value, void *context) {
    CURLMcode code = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, value);
    return code ? code : curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
}

/* Has libcurl look at every transfer. The function is deprecated for what it costs. */
static inline CURLMcode ccurl_multi_socket_all(CURLM *multi, int *running) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    return curl_multi_socket_all(multi, running);
#pragma GCC diagnostic pop
}

/* One more kind of thing that the easy handles of a share handle have in common. */
static inline CURLSHcode ccurl_share(CURLSH *share, curl_lock_data kind) {
    return curl_share_setopt(share, CURLSHOPT_SHARE, kind);
}

/* CURL_GLOBAL_ALL is an expression of casts that Swift does not import. */
static inline CURLcode ccurl_global_init(void) {
    return curl_global_init(CURL_GLOBAL_ALL);
}

#endif

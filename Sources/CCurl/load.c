/* Loads libcurl and finds its functions; shim.h says why. */
#include "shim.h"

#include <dlfcn.h>
#include <pthread.h>

struct ccurl_functions ccurl;

static const char *load(void) {
    struct ccurl_functions found;
    void *library = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL) return dlerror();
#define CCURL_FIND(name) \
    if ((found.name = dlsym(library, "curl_" #name)) == NULL) return dlerror();
    CCURL_FUNCTIONS(CCURL_FIND)
    CURLcode code = found.global_init(CURL_GLOBAL_ALL);
    if (code != CURLE_OK) return found.easy_strerror(code);
    ccurl = found;
    return NULL;
}

const char *ccurl_load(void) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static int is_loaded;
    pthread_mutex_lock(&mutex);
    const char *fault = is_loaded ? NULL : load();
    is_loaded = fault == NULL;
    pthread_mutex_unlock(&mutex);
    return fault;
}

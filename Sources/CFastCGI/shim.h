#ifndef PARLEY_CFASTCGI_SHIM_H
#define PARLEY_CFASTCGI_SHIM_H

#include <fcgiapp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

// glibc declares accept4 only under _GNU_SOURCE, which Swift's importer does not set.
extern int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags);

// accept4 with the one set of flags that is used; SOCK_CLOEXEC is an enum in Swift, which does not convert.
static inline int cfastcgi_accept(int listener) {
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

// Makes libfcgi parse a connection that we accepted, instead of accepting one. With keepConnection set,
// FCGX_Accept_r believes that the descriptor is an idle connection and reads from it; with listen_sock -1 it cannot
// go on to another one; detached spares the closing of a bad connection its linger of up to 2 s. These fields are
// "don't use" in fcgiapp.h, so they are touched here and nowhere else. Returns 0, or less with the descriptor closed.
static inline int cfastcgi_read(FCGX_Request *request, int descriptor) {
    FCGX_InitRequest(request, -1, 0);
    request->ipcFd = descriptor;
    request->keepConnection = 1;
    request->detached = 1;
    return FCGX_Accept_r(request);
}

// Frees what is of no use once the request has been read, as its answer may be seconds away: the input reader of
// 8 KiB, the parameters, and the error writer, which sends nothing when it is closed unused. FCGX_Free knows how to free
// parameters, and does not mind what is NULL: it gets them in a request that has nothing else.
static inline void cfastcgi_keep_output(FCGX_Request *request) {
    FCGX_Request rest;
    FCGX_FClose(request->err);
    FCGX_InitRequest(&rest, -1, 0);
    rest.in = request->in;
    rest.err = request->err;
    rest.paramsPtr = request->paramsPtr;
    request->in = NULL;
    request->err = NULL;
    request->paramsPtr = NULL;
    request->envp = NULL;
    FCGX_Free(&rest, 0);
}

// Finishes without linger, and closes even if the peer asked to keep the connection. The output must be closed: without
// an input, FCGX_Finish_r leaves that out.
static inline void cfastcgi_finish(FCGX_Request *request) {
    request->keepConnection = 0;
    FCGX_Detach(request);
    FCGX_Finish_r(request);
}

#endif

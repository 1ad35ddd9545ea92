#ifndef PARLEY_CFASTCGI_SHIM_H
#define PARLEY_CFASTCGI_SHIM_H

#include <fcgiapp.h>

// Makes libfcgi parse a descriptor that holds a whole request, instead of accepting a connection. With keepConnection set,
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

// Whether the peer asked to keep the connection open.
static inline int cfastcgi_keeps(const FCGX_Request *request) {
    return request->keepConnection;
}

// Frees all that libfcgi has of the request and leaves the descriptor open. Nothing has been written, and nothing is.
static inline void cfastcgi_free(FCGX_Request *request) {
    FCGX_Free(request, 0);
}

#endif

/* Linux's own calls that Swift's Glibc module leaves out: epoll, eventfd, and what glibc shows under _GNU_SOURCE only,
 * which Swift's importer does not define.
 */
#ifndef PARLEY_CLINUX_SHIM_H
#define PARLEY_CLINUX_SHIM_H

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

extern int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags);
extern int memfd_create(const char *name, unsigned int flags);

/* accept4 with the one set of flags that is used; they are enumerators in Swift, which do not convert. */
static inline int clinux_accept(int listener) {
    return accept4(listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* An unnamed file in memory. */
static inline int clinux_memory_file(void) {
    return memfd_create("parley", 1 /* MFD_CLOEXEC */);
}

#endif

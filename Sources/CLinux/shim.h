/* Linux's own calls that Swift's Glibc module leaves out: epoll, eventfd, and what glibc shows under _GNU_SOURCE only,
 * which Swift's importer does not define; and the look at `stdout`, a variable that Swift 6 lets nobody name.
 */
#ifndef PARLEY_CLINUX_SHIM_H
#define PARLEY_CLINUX_SHIM_H

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

/* A stream socket at a name that is no file (unix(7), abstract): it listens there, or is connected to who does. */
static inline int clinux_abstract_socket(const char *name, int listens) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path + 1, name, length);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -1;
    const struct sockaddr *peer = (const struct sockaddr *)&address;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    int failed = listens ? bind(descriptor, peer, size) || listen(descriptor, 1024) : connect(descriptor, peer, size);
    if (!failed) return descriptor;
    int code = errno;
    close(descriptor);
    errno = code;
    return -1;
}

/* Writes what is still in standard output's buffer. Returns 0, or the errno of what could not be written, now or before. */
static inline int clinux_flush_output(void) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    return errno ? errno : EIO;
}

/* Whether the other end of a unix socket is a process of the same user, who may see all that this one has. */
static inline int clinux_is_own_peer(int descriptor) {
    struct { pid_t process; uid_t user; gid_t group; } peer = {0, (uid_t)-1, 0};
    socklen_t size = sizeof peer;
    return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.user == geteuid();
}

#endif

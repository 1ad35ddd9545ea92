/* The null responder: what nginx and libfcgi can carry when the application does nothing.
 *
 *     null SOCKET [PROCESSES]
 *
 * Answers every request with one fixed JSON body, of the size of a health reply. It takes the fastest way libfcgi
 * has: its own accept, FCGX_Accept_r on that descriptor, and FCGX_Detach before FCGX_Finish_r, which skips libfcgi's
 * linger of up to two seconds on close. One request at a time in each process, and no request body is read: it
 * stands for no real service. Ends on SIGTERM or SIGINT, its processes with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char reply[] =
    "Content-Type: application/json\r\n"
    "Content-Length: 91\r\n"
    "\r\n"
    "{\"status\":\"ok\",\"version\":\"null\",\"components\":{\"database\":\"ok\",\"cache\":\"ok\",\"models\":\"ok\"}}\n";

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int listen_on(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "null: the socket path is longer than %zu bytes\n", sizeof address.sun_path - 1);
        exit(1);
    }
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) fail("socket");
    unlink(path);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (chmod(path, 0660) < 0) fail("chmod");
    if (listen(listener, 4096) < 0) fail("listen");
    return listener;
}

static void answer(int listener) {
    FCGX_Request request;
    if (FCGX_Init() != 0) fail("FCGX_Init");
    signal(SIGTERM, SIG_DFL); /* FCGX_Init took it */
    FCGX_InitRequest(&request, -1, 0);
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            fail("accept4");
        }
        request.ipcFd = connection;
        request.keepConnection = 1;
        request.listen_sock = -1;
        if (FCGX_Accept_r(&request) != 0) continue;
        FCGX_PutStr(reply, sizeof reply - 1, request.out);
        FCGX_Detach(&request);
        FCGX_Finish_r(&request);
    }
}

int main(int count, char **arguments) {
    if (count < 2) {
        fprintf(stderr, "usage: null SOCKET [PROCESSES]\n");
        return 2;
    }
    int processes = count > 2 ? atoi(arguments[2]) : 2;
    int listener = listen_on(arguments[1]);
    for (int i = 0; i < processes; i++) {
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            answer(listener);
        }
    }
    while (wait(NULL) > 0 || errno == EINTR) continue;
    return 0;
}

/* A system that takes nothing more into sets of descriptors while files are there: no set while "no-sets" is in
 * the directory FULL_SETS, and no socket of a backend while "no-sockets" is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static int is_there(const char *name)
{
    const char *dir = getenv("FULL_SETS");
    char path[512];

    snprintf(path, sizeof path, "%s/%s", dir ? dir : "", name);
    return dir && !access(path, F_OK);
}

static int is_set(int fd)
{
    char path[64], kind[64] = "";

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return readlink(path, kind, sizeof kind - 1) > 0 && strstr(kind, "[eventpoll]");
}

static int is_backend(uint64_t name)
{
    return name > 0 && name < 1 << 20 && name % 2 == 0;
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    static int (*next)(int, int, int, struct epoll_event *);

    if (!next) {
        *(void **)&next = dlsym(RTLD_NEXT, "epoll_ctl");
    }
    /* The module's sockets of backends have even numbers; httpd's names are addresses. */
    if (op == EPOLL_CTL_ADD
        && ((is_there("no-sets") && is_set(fd)) || (is_backend(event->data.u64) && is_there("no-sockets")))) {
        errno = ENOSPC;
        return -1;
    }
    return next(epfd, op, fd, event);
}

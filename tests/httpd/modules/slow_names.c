/* A slow name server: names that begin with "slow" take six seconds and are this machine. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    if (!next) {
        *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    }
    if (node && !strncmp(node, "slow", 4)) {
        sleep(6);
        node = "127.0.0.1";
    }
    return next(node, service, hints, found);
}

/* Preloaded into a server: a resolver that never answers for hosts below "hangs.example". */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int Resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    Resolver *next = (Resolver *) dlsym(RTLD_NEXT, "getaddrinfo");

    if (node && strstr(node, "hangs.example"))
        for (;;)
            pause();
    return next(node, service, hints, result);
}

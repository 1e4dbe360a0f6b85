#ifndef BROKEN_OFF_H
#define BROKEN_OFF_H

#include <httpd.h>

/* Registers the output filter that keeps a proper end from a broken response. */
void register_broken_end(void);

/* Puts that filter in place, once for a request. Returns its context: whether the response is broken. */
int *guard_end(request_rec *r);

#endif

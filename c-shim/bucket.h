/* A bucket of a type of our own at the end of a brigade. */
#ifndef BUCKET_H
#define BUCKET_H

#include <apr_buckets.h>

static inline void append_bucket(apr_bucket_brigade *bb, const apr_bucket_type_t *type, void *data,
                                 apr_off_t start, apr_size_t len)
{
    apr_bucket *e = apr_bucket_alloc(sizeof(*e), bb->bucket_alloc);

    APR_BUCKET_INIT(e);
    e->free = apr_bucket_free;
    e->list = bb->bucket_alloc;
    e->type = type;
    e->data = data;
    e->start = start;
    e->length = len;
    APR_BRIGADE_INSERT_TAIL(bb, e);
}

#endif

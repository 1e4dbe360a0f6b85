/* How a response ends that cannot be completed. */
#include "mod_jk_shim.h"
#include "broken_off.h"
#include "bucket.h"

/* A bucket that cannot be read. */
static apr_status_t broken_read(apr_bucket *e, const char **bytes, apr_size_t *len,
                                apr_read_type_e block)
{
    (void)e;
    (void)block;
    *bytes = NULL;
    *len = 0;
    return APR_EGENERAL;
}

static const apr_bucket_type_t broken_type = {
    "JK_BROKEN", 5, APR_BUCKET_DATA, apr_bucket_destroy_noop, broken_read,
    apr_bucket_setaside_noop, apr_bucket_split_notimpl, apr_bucket_copy_notimpl
};

/* mod_http2 2.0 and later reset a stream for an error bucket. They are known by the name of the filter
 * that hands a response over, as they can be loaded into an older httpd. */
static int has_old_http2(const request_rec *r)
{
    const ap_filter_t *f;

    for (f = r->connection->output_filters; f; f = f->next) {
        if (!strcasecmp(f->frec->name, "H2_C2_NET_OUT")) {
            return 0;
        }
    }
    return r->connection->master != NULL;
}

/* mod_http2 before 2.0 ignores an error bucket once the headers are out, and ends the stream as if the
 * response were complete. It does reset the stream when it cannot read a bucket, and marks the stream's
 * connection as aborted. Where it does not even do that, the client's connection is ended: worse for its
 * other streams, but a truncated response never looks complete. */
static void break_off_old_http2(request_rec *r, apr_bucket_brigade *bb)
{
    append_bucket(bb, &broken_type, NULL, 0, 1);
    /* A filter of the content would read the bucket as well, and then make a proper end. */
    r->output_filters = r->proto_output_filters;
    ap_pass_brigade(r->output_filters, bb);
    apr_brigade_cleanup(bb);
    if (!r->connection->aborted) {
        apr_socket_t *socket = ap_get_conn_socket(r->connection->master);

        if (socket) {
            apr_socket_shutdown(socket, APR_SHUTDOWN_READWRITE);
        }
    }
}

/* A body without a length and without chunks ends with the connection: of HTTP/1.0, which many proxies
 * speak to their backends. That it was cut can only be told by a reset, and over TLS by the missing
 * close_notify. httpd does both with a connection that it takes for aborted. */
static void reset_if_unframed(request_rec *r, apr_bucket_brigade *bb)
{
    struct linger hard = { 1, 0 };
    conn_rec *c = r->connection;
    apr_socket_t *socket = ap_get_conn_socket(c);
    apr_os_sock_t fd;

    if (c->master || c->aborted || !r->sent_bodyct || r->header_only || r->chunked
        || apr_table_get(r->headers_out, "Content-Length")
        || !socket || apr_os_sock_get(&fd, socket) != APR_SUCCESS) {
        return;
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(bb->bucket_alloc));
    ap_pass_brigade(c->output_filters, bb);
    apr_brigade_cleanup(bb);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    c->aborted = 1;
}

/* The output filter that keeps a proper end from a broken response. Filters of the content may build their
 * brigades from data alone (mod_sed), or hold everything back until the end (mod_security), so that the
 * error bucket is lost or out of its place; and httpd ends the chunks properly if it refuses the rest of
 * the client's body in the middle of a response. The filter's context is whether an error was seen. */
static apr_status_t broken_end(ap_filter_t *f, apr_bucket_brigade *bb)
{
    int *is_broken = f->ctx;
    int was_begun = f->r->sent_bodyct;
    int is_end = 0;
    apr_status_t rv;
    apr_bucket *e;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb) && !is_end; e = APR_BUCKET_NEXT(e)) {
        if (AP_BUCKET_IS_ERROR(e)) {
            *is_broken = 1;
        } else if (APR_BUCKET_IS_EOS(e) && *is_broken) {
            APR_BUCKET_INSERT_BEFORE(e, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, f->r->pool,
                                                               bb->bucket_alloc));
            is_end = 1;
        }
    }
    if (!is_end) {
        return ap_pass_brigade(f->next, bb);
    }
    ap_remove_output_filter(f);
    rv = ap_pass_brigade(f->next, bb);
    /* Where the head had not been made, httpd has made a page instead, which is whole. */
    if (was_begun || rv != AP_FILTER_ERROR) {
        f->c->keepalive = AP_CONN_CLOSE;
        apr_brigade_cleanup(bb);
        reset_if_unframed(f->r, bb);
    }
    return rv;
}

static ap_filter_rec_t *broken_end_handle;

/* Behind all filters of the content, before httpd's own that make the head and the chunks. */
void register_broken_end(void)
{
    broken_end_handle = ap_register_output_filter("JK_BROKEN_END", broken_end, NULL, AP_FTYPE_PROTOCOL - 1);
}

int *guard_end(request_rec *r)
{
    ap_filter_t *f;
    int *is_broken;

    for (f = r->output_filters; f; f = f->next) {
        if (f->frec == broken_end_handle && f->r == r) {
            return f->ctx;
        }
    }
    is_broken = apr_pcalloc(r->pool, sizeof(*is_broken));
    ap_add_output_filter_handle(broken_end_handle, is_broken, r, r->connection);
    return is_broken;
}

void jk_shim_break_off(request_rec *r, apr_bucket_brigade *bb)
{
    request_rec *whole = r;

    apr_brigade_cleanup(bb);
    if (has_old_http2(r)) {
        r->connection->keepalive = AP_CONN_CLOSE;
        break_off_old_http2(r, bb);
        return;
    }
    while (whole->main) {
        whole = whole->main;
    }
    /* mod_cache would keep what came before the end, and serve it as whole. */
    r->no_cache = 1;
    whole->no_cache = 1;
    /* Before the head is made this would take the chunks from the body, whose end then says nothing. */
    if (whole->sent_bodyct) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
    *guard_end(whole) = 1;
    APR_BRIGADE_INSERT_TAIL(bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool,
                                                       bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    ap_pass_brigade(r->output_filters, bb);
    apr_brigade_cleanup(bb);
}

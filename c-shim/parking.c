/* Takes a connection away from its thread and gives it back: what needs httpd's macros, fields of bits, or
 * names that older headers lack. src/httpd/parking.rs says when. */
#include "mod_jk_shim.h"

#if defined(AP_MPMQ_CAN_WAITIO) && AP_MODULE_MAGIC_AT_LEAST(20120211, 137)
#define HAS_WAITIO 1
#endif

int jk_shim_can_park(void)
{
#ifdef HAS_WAITIO
    int is_async = 0, can_wait = 0;

    return ap_mpm_query(AP_MPMQ_IS_ASYNC, &is_async) == APR_SUCCESS && is_async
           && ap_mpm_query(AP_MPMQ_CAN_WAITIO, &can_wait) == APR_SUCCESS && can_wait;
#else
    return 0;
#endif
}

int jk_shim_may_park(const request_rec *r)
{
    const conn_rec *c = r->connection;

    return !c->master && c->cs && !c->clogging_input_filters && !r->main && !r->prev && !r->next;
}

int jk_shim_is_stopping(void)
{
    int state = AP_MPMQ_RUNNING;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

int jk_shim_is_suspended(const conn_rec *c)
{
    return c->cs && c->cs->state == CONN_STATE_SUSPENDED;
}

int jk_shim_is_over(const conn_rec *c)
{
    return c->cs && c->cs->state == CONN_STATE_LINGER;
}

int jk_shim_swap_socket(conn_rec *c, int fd)
{
    apr_socket_t *socket = ap_get_conn_socket(c);
    apr_os_sock_t before;

    if (!socket || apr_os_sock_get(&before, socket) != APR_SUCCESS) {
        return -1;
    }
    /* Only the number changes: time-outs, flags and the cleanup of the pool stay. */
    if (apr_os_sock_put(&socket, &fd, c->pool) != APR_SUCCESS) {
        return -1;
    }
    return before;
}

void jk_shim_park(conn_rec *c)
{
#ifdef HAS_WAITIO
    c->cs->state = CONN_STATE_ASYNC_WAITIO;
    c->cs->sense = CONN_SENSE_WANT_READ;
#else
    (void)c;
#endif
}

void jk_shim_go_on(request_rec *r)
{
    conn_rec *c = r->connection;

    c->cs->state = CONN_STATE_HANDLER;
    ap_update_child_status(c->sbh, SERVER_BUSY_WRITE, r);
#if APR_HAS_THREADS
    if (r->invoke_mtx) {
        apr_thread_mutex_lock(r->invoke_mtx);
    }
#endif
}

void jk_shim_pause(request_rec *r)
{
#if APR_HAS_THREADS
    if (r->invoke_mtx) {
        apr_thread_mutex_unlock(r->invoke_mtx);
    }
#else
    (void)r;
#endif
}

void jk_shim_complete(request_rec *r, int status)
{
    /* httpd begins with this as well: a status that the handler has set is no earlier error. */
    if (ap_is_HTTP_VALID_RESPONSE(status)) {
        r->status = HTTP_OK;
    }
    ap_die(status, r);
    ap_process_request_after_handler(r);
}

int jk_shim_has_input(request_rec *r)
{
    conn_rec *c = r->connection;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, c->bucket_alloc);
    apr_status_t rv = ap_get_brigade(c->input_filters, bb, AP_MODE_SPECULATIVE, APR_NONBLOCK_READ, 1);
    int has_input = rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(bb) && !APR_BUCKET_IS_EOS(APR_BRIGADE_FIRST(bb));

    apr_brigade_destroy(bb);
    return has_input;
}

int jk_shim_is_last(request_rec *r)
{
    const char *words = apr_table_get(r->headers_in, "Connection");

    if (r->proto_num >= HTTP_VERSION(1, 1)) {
        return words && ap_find_token(r->pool, words, "close");
    }
    return !words || !ap_find_token(r->pool, words, "keep-alive");
}

void jk_shim_linger(conn_rec *c)
{
    c->cs->state = CONN_STATE_LINGER;
}

apr_interval_time_t jk_shim_timeout(const conn_rec *c)
{
    return c->base_server->timeout;
}

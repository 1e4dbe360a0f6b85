/* Macro work only: rows of the command table, hook registration, bucket rings, optional functions.
 * Everything that can be written in Rust is written there. */
#include "mod_jk_shim.h"
#include "broken_off.h"
#include "bucket.h"
#include <mod_status.h>

extern module AP_MODULE_DECLARE_DATA jk_module;
APLOG_USE_MODULE(jk);

/* ---- directives ------------------------------------------------------------------------- */

/* httpd checks the number of words; everything else about a directive is decided in Rust. */
static const char *take1(cmd_parms *cmd, void *dir_conf, const char *w1)
{
    (void)dir_conf;
    return mod_jk_directive(cmd, w1, NULL);
}

static const char *take12(cmd_parms *cmd, void *dir_conf, const char *w1, const char *w2)
{
    (void)dir_conf;
    return mod_jk_directive(cmd, w1, w2);
}

#define ONE(name, where, text) AP_INIT_TAKE1(name, take1, NULL, where, text)
#define ONE_OR_TWO(name, where, text) AP_INIT_TAKE12(name, take12, NULL, where, text)
#define RAW(name, where, text) AP_INIT_RAW_ARGS(name, take1, NULL, where, text)

/* The rows are made from src/config/rows/directives.rs when the module is built. */
const command_rec jk_shim_commands[] = {
#include "jk_directives.h"
    { .name = NULL }
};

/* ---- TLS -------------------------------------------------------------------------------- */

APR_DECLARE_OPTIONAL_FN(char *, ssl_var_lookup,
                        (apr_pool_t *, server_rec *, conn_rec *, request_rec *, char *));
APR_DECLARE_OPTIONAL_FN(int, ssl_is_https, (conn_rec *));

/* Looked up once for each configuration: a request that is not TLS needs no more than the answer.
 * mod_ssl may be another one, or none, after a restart. */
static APR_OPTIONAL_FN_TYPE(ssl_var_lookup) *tls_lookup;
static APR_OPTIONAL_FN_TYPE(ssl_is_https) *tls_is_https;

static void find_functions(void)
{
    tls_lookup = APR_RETRIEVE_OPTIONAL_FN(ssl_var_lookup);
    tls_is_https = APR_RETRIEVE_OPTIONAL_FN(ssl_is_https);
}

const char *jk_shim_tls_variable(request_rec *r, const char *name)
{
    const char *value = tls_lookup ? tls_lookup(r->pool, r->server, r->connection, r,
                                                apr_pstrdup(r->pool, name))
                                   : NULL;

    return value && *value ? value : NULL;
}

int jk_shim_is_tls(request_rec *r)
{
    return tls_is_https
           && tls_is_https(r->connection->master ? r->connection->master : r->connection);
}

/* ---- hooks ------------------------------------------------------------------------------ */

static void child_status(server_rec *s, pid_t pid, ap_generation_t generation, int slot,
                         mpm_child_status status)
{
    (void)generation;
    (void)slot;
    /* A child that has lost its slot in the scoreboard goes on serving what it has begun. */
    if (status == MPM_CHILD_EXITED) {
        mod_jk_child_ended(s, pid);
    }
}

static int monitor(apr_pool_t *pool, server_rec *s)
{
    (void)pool;
    mod_jk_monitor(s);
    return DECLINED;
}

static int logs_requests;

/* httpd sorts hooks once more after the directives, and forgets them before it reads them again. */
void jk_shim_log_requests(void)
{
    if (!logs_requests) {
        logs_requests = 1;
        ap_hook_log_transaction(mod_jk_log_transaction, NULL, NULL, APR_HOOK_MIDDLE);
    }
}

void jk_shim_register_hooks(apr_pool_t *pool)
{
    /* Load order must not decide. mod_alias does Redirect and Alias in one hook: a Redirect ends the
     * request there, and what an Alias took is mapped in map_to_storage. */
    static const char *const before_translate[] = { "mod_rewrite.c", "mod_setenvif.c", "mod_alias.c",
                                                     NULL };
    static const char *const after_translate[] = { "mod_userdir.c", NULL };
    static const char *const after_handler[] = { "mod_autoindex.c", "mod_dir.c", NULL };

    (void)pool;
    ap_hook_optional_fn_retrieve(find_functions, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_config(mod_jk_pre_config, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_check_config(mod_jk_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(mod_jk_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(mod_jk_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
    /* Before mod_ssl and all others, which run within it: a parked request comes back here. */
    ap_hook_process_connection(mod_jk_process_connection, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_resume_connection(mod_jk_resume_connection, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_translate_name(mod_jk_translate_name, before_translate, after_translate,
                           APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(mod_jk_map_to_storage, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(mod_jk_handler, NULL, after_handler, APR_HOOK_MIDDLE);
    register_broken_end();
    logs_requests = 0;
    /* Optional: without mod_status it is not called. */
    APR_OPTIONAL_HOOK(ap, status_hook, mod_jk_server_status, NULL, NULL, APR_HOOK_MIDDLE);
}

/* ---- log -------------------------------------------------------------------------------- */

/* Rust cannot call a variadic function with a format the compiler did not check; it sends finished
 * text. The file name is empty, so httpd prints none: the text names its own place. */
void jk_shim_log_server(int level, apr_status_t status, const server_rec *s, const char *text,
                        int len)
{
    ap_log_error(NULL, 0, APLOG_MODULE_INDEX, level, status, s, "%.*s", len, text);
}

void jk_shim_log_request(int level, apr_status_t status, const request_rec *r, const char *text,
                         int len)
{
    ap_log_rerror(NULL, 0, APLOG_MODULE_INDEX, level, status, r, "%.*s", len, text);
}

int jk_shim_log_level(const request_rec *r, const server_rec *s)
{
    return r ? ap_get_request_module_loglevel(r, APLOG_MODULE_INDEX)
             : ap_get_server_module_loglevel(s, APLOG_MODULE_INDEX);
}

/* ---- request body ----------------------------------------------------------------------- */

int jk_shim_body(request_rec *r, enum jk_shim_body *kind, apr_off_t *length)
{
    int refused = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);

    if (refused) {
        return refused;
    }
    *length = r->remaining;
    *kind = r->read_chunked ? JK_SHIM_BODY_UNKNOWN
          : r->remaining > 0 ? JK_SHIM_BODY_KNOWN
          : JK_SHIM_BODY_NONE;
    return OK;
}

int jk_shim_is_body_filtered(const request_rec *r)
{
    static const char *const keeps_length[] = { "buffer", "keep_body", "kept_body", NULL };
    const ap_filter_t *f;
    int at;

    for (f = r->input_filters; f && f->frec->ftype < AP_FTYPE_PROTOCOL; f = f->next) {
        for (at = 0; keeps_length[at] && strcasecmp(f->frec->name, keeps_length[at]); at++) {
        }
        if (!keeps_length[at]) {
            return 1;
        }
    }
    return 0;
}

/* Asks the input filters for more. */
static apr_status_t fetch(request_rec *r, apr_bucket_brigade *bb, apr_size_t len, int block)
{
    int status = r->status;
    apr_status_t rv;

    if (r->expecting_100) {
        /* httpd takes a body for empty if the client waits for 100 and the status, which the
         * backend may have set already, is an error. The backend asks for the body all the same. */
        r->status = HTTP_OK;
    }
    rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES,
                        block ? APR_BLOCK_READ : APR_NONBLOCK_READ, (apr_off_t)len);
    /* A filter that has answered has set a status of its own. */
    if (status != HTTP_OK && r->status == HTTP_OK) {
        r->status = status;
    }
    return rv;
}

apr_status_t jk_shim_read(request_rec *r, apr_bucket_brigade *bb, char *into, apr_size_t *len,
                          int block, int *ended)
{
    apr_size_t room = *len;
    apr_status_t rv = APR_SUCCESS;

    *len = 0;
    *ended = 0;
    if (APR_BRIGADE_EMPTY(bb)) {
        /* httpd ends the response if the body turns out to be malformed or too long. */
        if (block && r->sent_bodyct) {
            guard_end(r);
        }
        rv = fetch(r, bb, room, block);
        if (rv != APR_SUCCESS) {
            apr_brigade_cleanup(bb);
            return rv;
        }
    }
    /* A filter may give more than it was asked for. The rest stays for the next call. */
    while (!APR_BRIGADE_EMPTY(bb)) {
        apr_bucket *e = APR_BRIGADE_FIRST(bb);
        const char *data;
        apr_size_t count;

        if (APR_BUCKET_IS_EOS(e)) {
            *ended = 1;
            break;
        }
        if (!APR_BUCKET_IS_METADATA(e)) {
            rv = apr_bucket_read(e, &data, &count, block ? APR_BLOCK_READ : APR_NONBLOCK_READ);
            if (rv == APR_SUCCESS && count > room - *len) {
                if (*len == room) {
                    break;
                }
                count = room - *len;
                rv = apr_bucket_split(e, count);
            }
            if (rv != APR_SUCCESS) {
                break;
            }
            memcpy(into + *len, data, count);
            *len += count;
        }
        apr_bucket_delete(e);
    }
    /* An error behind data is found again by the next call. */
    return *len > 0 ? APR_SUCCESS : rv;
}

/* Weak, as it came with httpd 2.4.13: an older httpd must be able to load the module in order to be
 * told that it is too old. Nothing is served there. */
#pragma weak ap_map_http_request_error

int jk_shim_read_error(apr_status_t rv, int usual)
{
    return ap_map_http_request_error ? ap_map_http_request_error(rv, usual) : usual;
}

/* ---- response --------------------------------------------------------------------------- */

apr_bucket_brigade *jk_shim_brigade(request_rec *r)
{
    return apr_brigade_create(r->pool, r->connection->bucket_alloc);
}

/* A part of a buffer that Rust has received into; each bucket has a reference to the buffer of its
 * own, in `data`. It is no heap bucket: to one that is not shared, apr_brigade_write and its kin append
 * in place, and behind the part lie packets that are not read yet. So nothing here says how much room
 * there is, and what is read from a bucket is const. */
static apr_status_t body_read(apr_bucket *e, const char **bytes, apr_size_t *len,
                              apr_read_type_e block)
{
    (void)block;
    *bytes = (const char *)e->data + e->start;
    *len = e->length;
    return APR_SUCCESS;
}

static apr_status_t body_split(apr_bucket *e, apr_size_t point)
{
    apr_status_t rv = apr_bucket_simple_split(e, point);

    if (rv == APR_SUCCESS) {
        mod_jk_buffer_share(e->data);
    }
    return rv;
}

static apr_status_t body_copy(apr_bucket *e, apr_bucket **copy)
{
    apr_status_t rv = apr_bucket_simple_copy(e, copy);

    if (rv == APR_SUCCESS) {
        mod_jk_buffer_share(e->data);
    }
    return rv;
}

/* Setting aside is nothing to do: a buffer belongs to the child and lasts as long as its references. */
static const apr_bucket_type_t body_type = {
    "JK_BODY", 5, APR_BUCKET_DATA, mod_jk_buffer_release, body_read, apr_bucket_setaside_noop,
    body_split, body_copy
};

void jk_shim_append(request_rec *r, apr_bucket_brigade *bb, void *base, apr_size_t offset,
                    const struct jk_shim_piece *pieces, apr_size_t count)
{
    apr_size_t at;

    if (r->connection->master) {
        /* mod_http2 gives a response to another thread, and copies for that what is in no heap bucket.
         * Some versions of it then forget the bucket without giving back what it refers to. */
        for (at = 0; at < count; at++) {
            apr_brigade_write(bb, NULL, NULL, (const char *)base + offset + pieces[at].start,
                              pieces[at].len);
        }
        mod_jk_buffer_release(base);
        return;
    }
    for (at = 0; at < count; at++) {
        if (at > 0) {
            mod_jk_buffer_share(base);
        }
        append_bucket(bb, &body_type, base, (apr_off_t)(offset + pieces[at].start), pieces[at].len);
    }
}

apr_status_t jk_shim_pass(request_rec *r, apr_bucket_brigade *bb, int flush, int end)
{
    apr_status_t rv;

    if (flush) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(bb->bucket_alloc));
    }
    if (end) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    }
    rv = ap_pass_brigade(r->output_filters, bb);
    apr_brigade_cleanup(bb);
    return rv;
}

apr_port_t jk_shim_default_port(const request_rec *r)
{
    return ap_default_port(r);
}

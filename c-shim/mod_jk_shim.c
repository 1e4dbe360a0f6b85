/* Macro work only: rows of the command table, hook registration, bucket rings, optional functions.
 * Everything that can be written in Rust is written there. */
#include "mod_jk_shim.h"
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

const command_rec jk_shim_commands[] = {
    ONE("JkWorkersFile", RSRC_CONF, "File with the workers' properties"),
    RAW("JkWorkerProperty", RSRC_CONF, "One line of a workers file"),
    ONE("JkShmFile", RSRC_CONF, "Accepted without effect: the shared memory needs no file"),
    ONE("JkShmSize", RSRC_CONF, "Accepted without effect: the size is computed"),
    ONE("JkMountFile", RSRC_CONF, "File with mount rules"),
    ONE("JkMountFileReload", RSRC_CONF, "Seconds between looks at the mount file"),
    ONE_OR_TWO("JkMount", RSRC_CONF | ACCESS_CONF, "URI pattern and worker"),
    ONE_OR_TWO("JkUnMount", RSRC_CONF | ACCESS_CONF, "URI pattern and worker to exclude"),
    ONE("JkMountCopy", RSRC_CONF, "On, Off or All: whether virtual hosts get the main mounts"),
    ONE("JkAutoAlias", RSRC_CONF, "Directory of web applications to serve static files from"),
    ONE_OR_TWO("JkStripSession", RSRC_CONF, "On or Off, and the path parameter to strip"),
    ONE("JkLogFile", RSRC_CONF, "Log file or |program"),
    ONE("JkLogLevel", RSRC_CONF, "trace, debug, info, warn, error or emerg"),
    ONE("JkLogStampFormat", RSRC_CONF, "strftime format of the time stamp, with %Q or %q"),
    ONE("JkLogFormat", RSRC_CONF, "Text or JSON: the shape of lines in JkLogFile"),
    ONE("JkRequestLogFormat", RSRC_CONF, "Format of the request log lines"),
    ONE("JkWorkerIndicator", RSRC_CONF, "Variable that names the worker"),
    ONE("JkRequestIdIndicator", RSRC_CONF, "Variable that holds the request id"),
    ONE("JkRemoteAddrIndicator", RSRC_CONF, "Variable for the client's address"),
    ONE("JkRemotePortIndicator", RSRC_CONF, "Variable for the client's port"),
    ONE("JkRemoteHostIndicator", RSRC_CONF, "Variable for the client's host name"),
    ONE("JkRemoteUserIndicator", RSRC_CONF, "Variable for the user"),
    ONE("JkAuthTypeIndicator", RSRC_CONF, "Variable for the authentication type"),
    ONE("JkLocalNameIndicator", RSRC_CONF, "Variable for the server's name"),
    ONE("JkLocalAddrIndicator", RSRC_CONF, "Variable for the server's address"),
    ONE("JkLocalPortIndicator", RSRC_CONF, "Variable for the server's port"),
    ONE("JkIgnoreCLIndicator", RSRC_CONF, "Variable that says to ignore Content-Length"),
    ONE("JkHTTPSIndicator", RSRC_CONF, "Variable that says whether TLS is in use"),
    ONE("JkSSLPROTOCOLIndicator", RSRC_CONF, "Variable for the TLS protocol"),
    ONE("JkCERTSIndicator", RSRC_CONF, "Variable for the client certificate"),
    ONE("JkCIPHERIndicator", RSRC_CONF, "Variable for the TLS cipher"),
    ONE("JkSESSIONIndicator", RSRC_CONF, "Variable for the TLS session id"),
    ONE("JkKEYSIZEIndicator", RSRC_CONF, "Variable for the TLS key size"),
    ONE("JkCERTCHAINPrefix", RSRC_CONF, "Prefix of the certificate chain variables"),
    ONE("JkExtractSSL", RSRC_CONF, "On or Off: whether TLS data goes to the backend"),
    RAW("JkOptions", RSRC_CONF, "Options, each with + or -"),
    ONE_OR_TWO("JkEnvVar", RSRC_CONF, "Variable to forward as request attribute, and its default"),
    ONE("JkWatchdogInterval", RSRC_CONF, "Seconds between two rounds of maintenance"),
    ONE("JkStatusLoopback", RSRC_CONF, "On or Off: whether status workers answer this machine only"),
    ONE("JkStrict", RSRC_CONF, "On or Off: whether warnings about the configuration are errors"),
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
    if (status == MPM_CHILD_EXITED || status == MPM_CHILD_LOST_SLOT) {
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
    ap_hook_check_config(mod_jk_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(mod_jk_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(mod_jk_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(mod_jk_translate_name, before_translate, after_translate,
                           APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(mod_jk_map_to_storage, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(mod_jk_handler, NULL, after_handler, APR_HOOK_MIDDLE);
    logs_requests = 0;
    /* Optional: without mod_status nobody calls it. */
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

apr_status_t jk_shim_read(request_rec *r, apr_bucket_brigade *bb, char *into, apr_size_t *len,
                          int block, int *ended)
{
    apr_bucket *e;
    apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES,
                                     block ? APR_BLOCK_READ : APR_NONBLOCK_READ,
                                     (apr_off_t)*len);

    *ended = 0;
    if (rv == APR_SUCCESS) {
        for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
            if (APR_BUCKET_IS_EOS(e)) {
                *ended = 1;
            }
        }
        rv = apr_brigade_flatten(bb, into, len);
    } else {
        *len = 0;
    }
    apr_brigade_cleanup(bb);
    return rv;
}

/* ---- response --------------------------------------------------------------------------- */

apr_bucket_brigade *jk_shim_brigade(request_rec *r)
{
    return apr_brigade_create(r->pool, r->connection->bucket_alloc);
}

int jk_shim_append(apr_bucket_brigade *bb, char *base, apr_size_t whole, apr_size_t offset,
                   const struct jk_shim_piece *pieces, apr_size_t count, void (*done)(void *))
{
    apr_bucket *last = APR_BRIGADE_LAST(bb);
    int is_known = !APR_BRIGADE_EMPTY(bb) && APR_BUCKET_IS_HEAP(last)
                   && ((apr_bucket_heap *)last->data)->base == base;
    apr_size_t at;

    for (at = 0; at < count; at++) {
        apr_bucket *e;

        if (at == 0 && !is_known) {
            /* A heap bucket frees what it was made over: that is the whole buffer. */
            e = apr_bucket_heap_create(base, whole, done, bb->bucket_alloc);
        } else {
            /* Always succeeds for a bucket that is shared, as heap buckets are. */
            apr_bucket_shared_copy(last, &e);
        }
        e->start = (apr_off_t)(offset + pieces[at].start);
        e->length = pieces[at].len;
        APR_BRIGADE_INSERT_TAIL(bb, e);
        last = e;
    }
    return is_known;
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
    return r->connection->aborted ? APR_ECONNABORTED : rv;
}

void jk_shim_break_off(request_rec *r, apr_bucket_brigade *bb)
{
    apr_brigade_cleanup(bb);
    r->connection->keepalive = AP_CONN_CLOSE;
    APR_BRIGADE_INSERT_TAIL(bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool,
                                                       bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    ap_pass_brigade(r->output_filters, bb);
    apr_brigade_cleanup(bb);
}

apr_port_t jk_shim_default_port(const request_rec *r)
{
    return ap_default_port(r);
}

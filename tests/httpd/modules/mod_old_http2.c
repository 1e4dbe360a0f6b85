/* Makes the installed mod_http2 look like one before 2.0 to a module that ends a response: its filter has
 * another name, and error buckets are ignored. With OldHttp2Blind nothing that cannot be read is noticed
 * either. */
#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_filter.h"
#include "apr_strings.h"

static int is_blind;

static apr_status_t ignore(ap_filter_t *f, apr_bucket_brigade *bb)
{
    apr_bucket *e, *next;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = next) {
        next = APR_BUCKET_NEXT(e);
        if (AP_BUCKET_IS_ERROR(e) || (is_blind && !strcmp(e->type->name, "JK_BROKEN"))) {
            apr_bucket_delete(e);
        }
    }
    return ap_pass_brigade(f->next, bb);
}

static int disguise(request_rec *r)
{
    ap_filter_t *f;

    if (!r->connection->master) {
        return DECLINED;
    }
    ap_add_output_filter("OLD_HTTP2", NULL, r, r->connection);
    for (f = r->connection->output_filters; f; f = f->next) {
        if (!strcasecmp(f->frec->name, "H2_C2_NET_OUT")) {
            ap_filter_rec_t *other = apr_pmemdup(r->connection->pool, f->frec, sizeof(*other));

            other->name = "h2_secondary_out";
            f->frec = other;
        }
    }
    return DECLINED;
}

static const char *blind(cmd_parms *cmd, void *conf, int is_on)
{
    (void)cmd;
    (void)conf;
    is_blind = is_on;
    return NULL;
}

static const command_rec commands[] = {
    AP_INIT_FLAG("OldHttp2Blind", blind, NULL, RSRC_CONF, "Whether unreadable buckets are ignored"),
    { NULL }
};

static void hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_register_output_filter("OLD_HTTP2", ignore, NULL, AP_FTYPE_PROTOCOL);
    ap_hook_fixups(disguise, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

AP_DECLARE_MODULE(old_http2) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, hooks
};

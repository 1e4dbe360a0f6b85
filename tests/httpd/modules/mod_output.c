/* Output filters that answer, end the response or fail, at the first brigade or at the second. */
#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "util_filter.h"

static apr_status_t act(ap_filter_t *f, apr_bucket_brigade *bb)
{
    const char *name = f->frec->name;
    int *seen = f->ctx;

    if (!seen) {
        f->ctx = seen = apr_pcalloc(f->r->pool, sizeof(*seen));
    }
    if (++*seen == 1 && strstr(name, "second")) {
        return ap_pass_brigade(f->next, bb);
    }
    if (strstr(name, "fail")) {
        return APR_EGENERAL;
    }
    apr_brigade_cleanup(bb);
    if (*seen > 2) {
        return APR_SUCCESS;
    }
    if (strstr(name, "answer")) {
        APR_BRIGADE_INSERT_TAIL(bb, ap_bucket_error_create(HTTP_FORBIDDEN, NULL, f->r->pool,
                                                           f->c->bucket_alloc));
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(f->c->bucket_alloc));
    return ap_pass_brigade(f->next, bb);
}

static void hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_register_output_filter("ANSWER_FIRST", act, NULL, AP_FTYPE_RESOURCE);
    ap_register_output_filter("END_SECOND", act, NULL, AP_FTYPE_RESOURCE);
    ap_register_output_filter("FAIL_FIRST", act, NULL, AP_FTYPE_RESOURCE);
    ap_register_output_filter("FAIL_SECOND", act, NULL, AP_FTYPE_RESOURCE);
}

AP_DECLARE_MODULE(output) = { STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks };

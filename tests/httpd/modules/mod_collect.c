/* An output filter that hands everything on at the end, as mod_security does to look into bodies. */
#include "httpd.h"
#include "http_config.h"
#include "util_filter.h"

static apr_status_t collect(ap_filter_t *f, apr_bucket_brigade *bb)
{
    apr_bucket_brigade *all = f->ctx;
    int is_end = !APR_BRIGADE_EMPTY(bb) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb));

    /* It saves an error bucket and yet says that it cannot. */
    ap_save_brigade(f, &all, &bb, f->r->pool);
    f->ctx = all;
    if (!is_end) {
        return APR_SUCCESS;
    }
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, all);
}

static void hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_register_output_filter("COLLECT", collect, NULL, AP_FTYPE_RESOURCE);
}

AP_DECLARE_MODULE(collect) = { STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks };

/* Output filters that do what filters may: add text, split, copy, keep for later. */
#include "httpd.h"
#include "http_config.h"
#include "util_filter.h"
#include "apr_buckets.h"
#include "apr_strings.h"

/* Adds a mark behind the body of each brigade, in the usual way. */
static apr_status_t mark(ap_filter_t *f, apr_bucket_brigade *bb)
{
    apr_bucket *e = APR_BRIGADE_LAST(bb);

    apr_table_unset(f->r->headers_out, "Content-Length");
    while (e != APR_BRIGADE_SENTINEL(bb) && APR_BUCKET_IS_METADATA(e)) {
        e = APR_BUCKET_PREV(e);
    }
    if (e != APR_BRIGADE_SENTINEL(bb)) {
        apr_bucket_brigade *rest = apr_brigade_split(bb, APR_BUCKET_NEXT(e));

        apr_brigade_puts(bb, NULL, NULL, "<a mark>");
        APR_BRIGADE_CONCAT(bb, rest);
    }
    return ap_pass_brigade(f->next, bb);
}

/* Splits each part of the body and passes copies of the halves, the first of them as two. */
static apr_status_t cut(ap_filter_t *f, apr_bucket_brigade *bb)
{
    apr_bucket *e, *next, *copy;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = next) {
        next = APR_BUCKET_NEXT(e);
        if (APR_BUCKET_IS_METADATA(e) || e->length == (apr_size_t)-1) {
            continue;
        }
        if (apr_bucket_split(e, e->length + 1) == APR_SUCCESS) {
            return APR_EGENERAL;
        }
        if (e->length > 1 && apr_bucket_split(e, e->length / 2) != APR_SUCCESS) {
            return APR_EGENERAL;
        }
        if (apr_bucket_copy(e, &copy) != APR_SUCCESS) {
            return APR_EGENERAL;
        }
        APR_BUCKET_INSERT_BEFORE(e, copy);
        apr_bucket_delete(e);
        if (copy->length > 2 && apr_bucket_split(copy, 1) != APR_SUCCESS) {
            return APR_EGENERAL;
        }
    }
    return ap_pass_brigade(f->next, bb);
}

/* Keeps everything until the end, longer than the calls that brought it. */
static apr_status_t keep(ap_filter_t *f, apr_bucket_brigade *bb)
{
    apr_bucket_brigade **kept = (apr_bucket_brigade **)&f->ctx;
    int is_end = !APR_BRIGADE_EMPTY(bb) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb));
    apr_status_t rv = ap_save_brigade(f, kept, &bb, f->r->pool);

    if (rv == APR_SUCCESS && is_end) {
        rv = ap_pass_brigade(f->next, *kept);
    }
    return rv;
}

static void hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_register_output_filter("MARK", mark, NULL, AP_FTYPE_RESOURCE);
    ap_register_output_filter("CUT", cut, NULL, AP_FTYPE_RESOURCE);
    ap_register_output_filter("KEEP", keep, NULL, AP_FTYPE_RESOURCE);
}

AP_DECLARE_MODULE(meddle) = { STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks };

/* Changes paths where they lie, after the translation and before others map to storage. */
#include "httpd.h"
#include "http_config.h"
#include "http_request.h"

static int change(request_rec *r)
{
    if (r->uri && !strncmp(r->uri, "/zpp/", 5)) {
        r->uri[1] = 'a';
    }
    return DECLINED;
}

static void hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_map_to_storage(change, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

AP_DECLARE_MODULE(in_place) = { STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks };

/* The one header bindgen reads: httpd's types, what the shim offers to Rust (jk_shim_*) and what
 * Rust offers to the shim (mod_jk_*). README.md says who owns what and on which thread. */
#ifndef MOD_JK_SHIM_H
#define MOD_JK_SHIM_H

#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>
#include <ap_mpm.h>
#include <mpm_common.h>
#include <apr_buckets.h>
#include <apr_hooks.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <util_script.h>
#include <util_time.h>

/* ---- what C offers ---------------------------------------------------------------------- */

extern const command_rec jk_shim_commands[];

void jk_shim_register_hooks(apr_pool_t *pool);

/* Has mod_jk_log_transaction called at the end of requests; only while directives are read. All
 * requests pay for a hook, so there is none without a directive that needs it. */
void jk_shim_log_requests(void);

/* Finished text to httpd's error log; `level` is an APLOG_* number. */
void jk_shim_log_server(int level, apr_status_t status, const server_rec *s, const char *text,
                        int len);
void jk_shim_log_request(int level, apr_status_t status, const request_rec *r, const char *text,
                         int len);
/* LogLevel jk:... of one request, or without one of a server, as an APLOG_* number. */
int jk_shim_log_level(const request_rec *r, const server_rec *s);

/* How httpd frames the body of a request. Returns OK or the HTTP status of httpd's own refusal. */
enum jk_shim_body { JK_SHIM_BODY_NONE, JK_SHIM_BODY_KNOWN, JK_SHIM_BODY_UNKNOWN };
int jk_shim_body(request_rec *r, enum jk_shim_body *kind, apr_off_t *length);

/* Whether input filters of other modules may give more or less than the client's length says: all
 * before httpd's own HTTP filter, but for those of httpd that keep it. */
int jk_shim_is_body_filtered(const request_rec *r);

/* Reads up to *len bytes of the request body. With `block` zero nothing is awaited. Returns APR_SUCCESS
 * or what the filters returned; *len holds what was read, *ended is set at the end of the body. What
 * filters gave beyond *len stays in `bb` and comes with the next call, so that it must be the same. */
apr_status_t jk_shim_read(request_rec *r, apr_bucket_brigade *bb, char *into, apr_size_t *len,
                          int block, int *ended);

apr_bucket_brigade *jk_shim_brigade(request_rec *r);

/* A piece of memory: where it begins and its length. */
struct jk_shim_piece {
    apr_size_t start;
    apr_size_t len;
};

/* Appends `count` pieces, at least one, of base[offset ..], which lies in a buffer of Rust's. Takes over
 * one reference to it. Nothing is copied but for HTTP/2, and nothing can be appended to the pieces. */
void jk_shim_append(request_rec *r, apr_bucket_brigade *bb, void *base, apr_size_t offset,
                    const struct jk_shim_piece *pieces, apr_size_t count);

/* Hands the brigade to the output filters and empties it. Returns what they returned. */
apr_status_t jk_shim_pass(request_rec *r, apr_bucket_brigade *bb, int flush, int end);

/* Ends a response that cannot be completed so that the client sees it: no last chunk, a reset
 * HTTP/2 stream, a closed connection, and a reset one where nothing but its end ends the body. A filter
 * behind those of the content sees to it. mod_http2 before 2.0 (httpd before 2.4.55) ignores the usual sign
 * of it; there a bucket that cannot be read resets the stream, or else the client's connection is ended. */
void jk_shim_break_off(request_rec *r, apr_bucket_brigade *bb);

/* The status for a request body that cannot be read, `usual` where httpd has no better one. */
int jk_shim_read_error(apr_status_t rv, int usual);

/* Text of one TLS variable from mod_ssl, or NULL without mod_ssl or without a value. */
const char *jk_shim_tls_variable(request_rec *r, const char *name);
int jk_shim_is_tls(request_rec *r);

/* The usual port of the request's scheme. */
apr_port_t jk_shim_default_port(const request_rec *r);

/* ---- parking: parking.c ------------------------------------------------------------------ */

/* Whether the MPM can wait for a descriptor on behalf of a connection: event from httpd 2.4.63 on. */
int jk_shim_can_park(void);
/* Whether nothing about the request forbids it. */
int jk_shim_may_park(const request_rec *r);
/* Whether this child was told to end. */
int jk_shim_is_stopping(void);
/* Whether the handler has returned SUSPENDED, and httpd has let go of the request. */
int jk_shim_is_suspended(const conn_rec *c);
/* Whether the MPM is about to close the connection. */
int jk_shim_is_over(const conn_rec *c);
/* Puts another descriptor into the connection's socket. Returns the one before, or -1 and changes nothing. */
int jk_shim_swap_socket(conn_rec *c, int fd);
/* Has the MPM wait for the descriptor in the socket. */
void jk_shim_park(conn_rec *c);
/* Takes a parked request to this thread, and lets go of it. */
void jk_shim_go_on(request_rec *r);
void jk_shim_pause(request_rec *r);
/* Whether the client has sent something that has not been read: the body's rest, or further requests. */
int jk_shim_has_input(request_rec *r);
/* Whether the client has said that this is the last request over its connection. */
int jk_shim_is_last(request_rec *r);
/* Ends a request that was parked, with what its handler would have returned. It may be gone afterwards. */
void jk_shim_complete(request_rec *r, int status);
/* Has the MPM close the connection. */
void jk_shim_linger(conn_rec *c);
/* Timeout of the connection's server, in microseconds: the MPM waits no longer. */
apr_interval_time_t jk_shim_timeout(const conn_rec *c);

/* ---- what Rust offers ------------------------------------------------------------------- */

const char *mod_jk_directive(cmd_parms *cmd, const char *word1, const char *word2);
int mod_jk_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);
int mod_jk_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);
int mod_jk_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);
void mod_jk_child_init(apr_pool_t *pchild, server_rec *s);
void mod_jk_child_ended(server_rec *s, pid_t pid);
void mod_jk_monitor(server_rec *s);
int mod_jk_process_connection(conn_rec *c);
void mod_jk_resume_connection(conn_rec *c, request_rec *r);
int mod_jk_translate_name(request_rec *r);
int mod_jk_map_to_storage(request_rec *r);
int mod_jk_handler(request_rec *r);
int mod_jk_log_transaction(request_rec *r);
int mod_jk_server_status(request_rec *r, int flags);

/* One more reference to a buffer, and one less; from any thread. */
void mod_jk_buffer_share(void *base);
void mod_jk_buffer_release(void *base);

#endif

/* The yardstick: the least that a module of httpd can cost which asks a backend and waits for it.
 * `SetHandler limit` sends a request that is ready but for its URI over a socket of the thread's own
 * and takes what comes until the end of the response, without looking at it. `SetHandler limit-none`
 * asks no backend. Both answer with as many bytes of memory as the URI's last number or the query says. */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int container_port;
static __thread int backend = -1;
static char text[64 * 1024];

static const char *set_port(cmd_parms *cmd, void *conf, const char *word)
{
    (void)cmd;
    (void)conf;
    container_port = atoi(word);
    return NULL;
}

static int connected(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    int on = 1;

    if (backend >= 0) {
        return 1;
    }
    address.sin_port = htons((unsigned short)container_port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    backend = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (backend < 0) {
        return 0;
    }
    setsockopt(backend, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(backend, (struct sockaddr *)&address, sizeof address) == 0;
}

static unsigned char *put(unsigned char *at, const char *string)
{
    size_t len = strlen(string);

    *at++ = (unsigned char)(len >> 8);
    *at++ = (unsigned char)len;
    memcpy(at, string, len + 1);
    return at + len + 1;
}

static int ask(const char *uri, const char *query)
{
    static const unsigned char end[] = { 'A', 'B', 0, 2, 5, 1 };
    unsigned char packet[1024] = { 0x12, 0x34 }, *at = packet + 4;
    char answer[64 * 1024];
    size_t have = 0;

    if (strlen(uri) + (query ? strlen(query) : 0) > 512) {
        return 0;
    }
    *at++ = 2; /* FORWARD_REQUEST */
    *at++ = 2; /* GET */
    at = put(put(put(at, "HTTP/1.1"), uri), "127.0.0.1");
    *at++ = 0xff; /* no host name */
    *at++ = 0xff;
    at = put(at, "localhost");
    memcpy(at, "\0\120\0\0\1\xa0\x0b", 7); /* port 80, no TLS, one header: Host */
    at = put(at + 7, "localhost");
    if (query) {
        *at++ = 5;
        at = put(at, query);
    }
    *at++ = 0xff;
    packet[2] = (unsigned char)((at - packet - 4) >> 8);
    packet[3] = (unsigned char)(at - packet - 4);
    if (send(backend, packet, (size_t)(at - packet), MSG_NOSIGNAL) != at - packet) {
        return 0;
    }
    do {
        /* Only the last bytes matter; what is full begins again. */
        ssize_t got;

        if (have > sizeof answer / 2) {
            memmove(answer, answer + have - sizeof end, sizeof end);
            have = sizeof end;
        }
        got = recv(backend, answer + have, sizeof answer - have, 0);
        if (got <= 0) {
            return 0;
        }
        have += (size_t)got;
    } while (have < sizeof end || memcmp(answer + have - sizeof end, end, sizeof end) != 0);
    return 1;
}

static int answer(request_rec *r)
{
    const char *number = strstr(r->uri, "/b/");
    apr_off_t left = r->args ? atol(r->args) : number ? atol(number + 3) : 128;
    int asks = r->handler && strcmp(r->handler, "limit") == 0;

    if (!asks && (!r->handler || strcmp(r->handler, "limit-none") != 0)) {
        return DECLINED;
    }
    if (asks && (!connected() || !ask(r->uri, r->args))) {
        close(backend);
        backend = -1;
        return HTTP_BAD_GATEWAY;
    }
    ap_set_content_type(r, "text/plain;charset=UTF-8");
    ap_set_content_length(r, left);
    apr_table_setn(r->headers_out, "X-Served-By", "responder");
    while (left > 0) {
        int part = left > (apr_off_t)sizeof text ? (int)sizeof text : (int)left;

        ap_rwrite(text, part, r);
        left -= part;
    }
    return OK;
}

/* No connector looks for a file. */
static int claim(request_rec *r)
{
    return strncmp(r->uri, "/x/", 3) == 0 ? OK : DECLINED;
}

static void hooks(apr_pool_t *pool)
{
    size_t at;

    (void)pool;
    for (at = 0; at < sizeof text; at++) {
        text[at] = (char)('a' + at % 23);
    }
    ap_hook_translate_name(claim, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(claim, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(answer, NULL, NULL, APR_HOOK_MIDDLE);
}

static const command_rec commands[] = {
    AP_INIT_TAKE1("LimitPort", set_port, NULL, RSRC_CONF, "Port of the backend on this machine"),
    { .name = NULL }
};

module AP_MODULE_DECLARE_DATA limit_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, hooks
};

/* The one header bindgen reads: httpd's types, what the shim offers to Rust (jk_shim_*) and what
 * Rust offers to the shim (mod_jk_*). See README.md for who owns what. */
#ifndef MOD_JK_SHIM_H
#define MOD_JK_SHIM_H

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

extern const command_rec jk_shim_commands[];

#endif

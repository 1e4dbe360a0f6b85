//! What an administrator can do about a failed request: what is usually behind it, and the setting or
//! the place to look at.

use std::io::ErrorKind;

use crate::exchange::{EncodeError, FaultKind, ForeignPeer, Oversize};
use crate::net::{NetError, Phase, UnixFault};
use crate::worker::error::{Cause, ClientError};

impl Cause {
    /// Returns it as the last part of a line.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Net(error) => of_network(error),
            Self::Protocol(fault) if matches!(fault.kind, FaultKind::Foreign(_)) => ANOTHER_PORT,
            Self::Protocol(..) => {
                "the application, or a device in between, damaged the response: see the application's log"
            }
            Self::Abandoned => {
                "the cause is an exception after the response had begun, or a header larger than the connector's packetSize: see Tomcat's log"
            }
            Self::ReplyTimeout => {
                "the application is slow and may still be working on the request: find out why, or raise reply_timeout"
            }
            Self::Busy => {
                "more requests are in flight than busy_limit allows: raise it, or add members"
            }
            Self::Overloaded => {
                "the backend has as many requests as it can work on: find out why it is slow, add members, or set queue_size so that short bursts wait"
            }
            Self::QueueTimeout => {
                "the backends answer too slowly for the number of requests: find out why they are slow, add members, or raise busy_limit where it is set and they can take more"
            }
            Self::QueueFull => {
                "more requests wait than queue_size allows: find out why the backends are slow, add members, or raise busy_limit where it is set and they can take more"
            }
            Self::ThreadShare => {
                "requests to it hold as many threads of httpd as they may: find out why its backends are slow, or raise max_threads_share"
            }
            Self::Disabled => "port 0 disables the worker: set port",
            Self::Status { .. } => "see the application's log",
            Self::Client(error) => of_client(*error),
            Self::Encode(failure) => of_encoding(&failure.error),
        }
    }
}

fn of_client(error: ClientError) -> &'static str {
    match error {
        ClientError::Body { status: 408 } => {
            "no action needed; if uploads are often late, raise RequestReadTimeout or Timeout"
        }
        ClientError::Body { .. } | ClientError::Refused | ClientError::Gone => "no action needed",
        ClientError::Replaced => "no action needed if the filter is meant to do that",
        ClientError::Filter(_) => "see httpd's error log for messages of the filter",
    }
}

fn of_encoding(error: &EncodeError) -> &'static str {
    match error {
        EncodeError::DoesNotFit { cause: Oversize::ServerData, .. } => {
            "raise max_packet_size here and packetSize at the connector to the same value, or forward less (JkEnvVar, certificates)"
        }
        EncodeError::DoesNotFit { .. } => {
            "raise max_packet_size here and packetSize at the connector to the same value"
        }
        _ if error.http_status() == 400 => {
            "no action needed: AJP cannot carry what the client sent"
        }
        _ => "correct the value in the configuration of httpd",
    }
}

fn of_network(error: &NetError) -> &'static str {
    if let Some(fault) = error.unix_fault() {
        return of_unix_socket(fault);
    }
    if error.foreign_peer().is_some_and(|peer| peer != ForeignPeer::Unknown) {
        return ANOTHER_PORT;
    }
    let is_forbidden = matches!(error.source.raw_os_error(), Some(libc::EACCES | libc::EPERM));
    match (error.phase, error.source.kind()) {
        (Phase::Acquire, _) => {
            "all connection_pool_size connections are in use: raise the limit, or remove it"
        }
        (Phase::Resolve, _) => {
            "correct the worker's host or the name server; the name is looked up again in the background"
        }
        (Phase::Connect, _) if is_forbidden => {
            "this machine forbids the connection: with SELinux, run setsebool -P httpd_can_network_connect 1"
        }
        (Phase::Connect, ErrorKind::ConnectionRefused) => {
            "no process listens on this port: check that Tomcat is running and has an AJP connector with this address and port"
        }
        (Phase::Connect, ErrorKind::TimedOut) => {
            "a firewall drops the packets, or the machine is down"
        }
        (Phase::Connect, _) if error.is_our_own() => OWN_LIMITS,
        (Phase::Connect, _) => "check the network between httpd and this address",
        (Phase::Cping, ErrorKind::TimedOut) => {
            "the backend accepts connections, so all its threads are busy, or the JVM hangs: take a thread dump"
        }
        (Phase::Cping, _) => "check that this is an AJP connector",
        (Phase::Receive, ErrorKind::UnexpectedEof) => {
            "see Tomcat's log: it closes the connection when it stops, and for a request larger than the connector's packetSize"
        }
        (Phase::Receive, ErrorKind::TimedOut) => {
            "the application is slow, or the JVM hangs: take a thread dump, or raise socket_timeout"
        }
        (Phase::Send, ErrorKind::TimedOut) => "the backend reads nothing: take a thread dump",
        (Phase::Send | Phase::Receive, _) => "see Tomcat's log: it may have stopped or crashed",
    }
}

fn of_unix_socket(fault: UnixFault) -> &'static str {
    match fault {
        UnixFault::Missing => {
            "is Tomcat up, and has its AJP connector this unixDomainSocketPath? With PrivateTmp of systemd each service has another /tmp"
        }
        UnixFault::NoSocket => "the worker's host must name the connector's unixDomainSocketPath",
        UnixFault::Stale => {
            "is Tomcat up? One that was killed leaves the file behind, and cannot start before it is removed"
        }
        UnixFault::NoStream => "that is not the socket of an AJP connector",
        UnixFault::Forbidden => {
            "httpd's user may not write to it: set unixDomainSocketPathPermissions=\"rw-rw-rw-\" at the connector, or \"rw-rw----\" and let both users share the file's group; with SELinux see the audit log"
        }
        UnixFault::ForbiddenDirectory => {
            "httpd's user may not enter a directory of the path: give it the right to search (chmod o+x), or choose another directory"
        }
        UnixFault::QueueFull => {
            "all threads of the connector are busy or the JVM stands still: raise the connector's acceptCount or maxThreads, or take a thread dump"
        }
    }
}

const ANOTHER_PORT: &str = "set the worker's port to that of an AJP connector";
const OWN_LIMITS: &str = "httpd's machine ran out of descriptors, memory or ports: raise the limit";

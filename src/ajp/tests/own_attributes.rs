//! The request attributes that every request carries.

use crate::ajp::tests::request::{HEAD, encode, request};
use crate::ajp::{Attribute, OwnAttribute, RequestEncoder, RequestHead};

#[test]
fn own_attributes_are_request_attributes_of_their_names() {
    type Case = (&'static str, OwnAttribute<'static>, Attribute<'static>);
    let long = &[b'7'; 90];
    let cases: &[Case] = &[
        ("port", OwnAttribute::RemotePort(b"54321"), request(b"AJP_REMOTE_PORT", b"54321")),
        ("empty", OwnAttribute::RemotePort(b""), request(b"AJP_REMOTE_PORT", b"")),
        ("long", OwnAttribute::RemotePort(long), request(b"AJP_REMOTE_PORT", long)),
        ("address", OwnAttribute::LocalAddr(b"::1"), request(b"AJP_LOCAL_ADDR", b"::1")),
        ("activation", OwnAttribute::Activation("DIS"), request(b"JK_LB_ACTIVATION", b"DIS")),
        ("TLS", OwnAttribute::SslProtocol(b"TLSv1.3"), request(b"AJP_SSL_PROTOCOL", b"TLSv1.3")),
    ];
    for (name, own, spelled) in cases {
        // Behind a method that has its own place before them.
        let head = RequestHead { method: b"PURGE", ..HEAD };
        let mut out = Vec::new();
        let mut encoder = RequestEncoder::new(&mut out, 8192, &head);
        encoder.own_attribute(*own);
        encoder.own_attribute(*own);
        let len = encoder.finish().expect("valid");
        let expected = encode(&head, 8192, &[], &[*spelled, *spelled]).expect("valid");
        assert_eq!(out[..len], expected, "case: {name}");
    }
}

#[test]
fn own_attributes_take_their_room_from_the_headers() {
    let value = [b'a'; 600];
    let outcome = |own: OwnAttribute<'_>, limit| {
        let mut out = Vec::new();
        let mut encoder = RequestEncoder::new(&mut out, limit, &HEAD);
        encoder.own_attribute(own);
        encoder.finish().map_err(|error| error.http_status())
    };
    assert_eq!(outcome(OwnAttribute::LocalAddr(&value), 500), Err(431));
    assert_eq!(outcome(OwnAttribute::Activation("ACT"), 70), Err(431));
    assert_eq!(outcome(OwnAttribute::RemotePort(b"8\0"), 500), Err(500));
}

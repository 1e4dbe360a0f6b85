//! An election allocates nothing.

use mod_jk::clock::Millis;
use mod_jk::lb::{Activation, Balancer, BalancerRecord, MemberRecord, Method, Query, hash};

use crate::counting::allocations;
use crate::plain::balancer;

#[test]
fn elections_allocate_nothing() {
    let methods = [
        Method::Busyness,
        Method::Hash,
        Method::LeastTime,
        Method::Next,
        Method::Request,
        Method::Session,
        Method::Traffic,
    ];
    let names = ["n1".to_owned()];
    let overrides = [(&names[..], Activation::Disabled)];
    for method in methods {
        let balancer = balancer(method, &[1, 2, 3]);
        let records: Vec<_> = (0..3).map(|_| MemberRecord::default()).collect();
        let records: Vec<_> = records.iter().collect();
        let own = BalancerRecord::default();
        let before = allocations();
        for ids in [&b""[..], b"X.n1", b"X.gone;Y.n2"] {
            let hash = Some(hash(b"/app"));
            for overrides in [&overrides[..], &[]] {
                let query = Query { session_ids: ids, hash, overrides, ..Query::default() };
                let chosen = balancer.elect(&own, &records, &query, Millis(1)).unwrap();
                Balancer::leave(records[chosen.member]);
            }
        }
        assert_eq!(allocations(), before, "{method:?}");
    }
}

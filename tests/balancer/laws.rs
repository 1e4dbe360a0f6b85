//! What holds for any balancer.

use std::sync::atomic::Ordering::Relaxed;

use mod_jk::clock::Millis;
use mod_jk::lb::{
    Balancer, BalancerRecord, MemberRecord, Method, Query, hash, multiplicities, rescaled,
};
use proptest::prelude::*;

use crate::plain::balancer;

fn elect_all(balancer: &Balancer, count: usize) -> Vec<u64> {
    let records: Vec<_> = balancer.members.iter().map(|_| MemberRecord::default()).collect();
    let records: Vec<_> = records.iter().collect();
    let own = BalancerRecord::default();
    for _ in 0..count {
        let chosen = balancer.elect(&own, &records, &Query::default(), Millis(1)).unwrap();
        Balancer::leave(records[chosen.member]);
    }
    records.iter().map(|record| record.used.load(Relaxed)).collect()
}

proptest! {
    #[test]
    fn multiplicities_weigh_members_by_their_factors(
        factors in prop::collection::vec(1_u32..=40, 1..12)
    ) {
        let weights = multiplicities(&factors);
        let products: Vec<_> =
            factors.iter().zip(&weights).map(|(factor, weight)| u64::from(*factor) * weight).collect();
        // Exact where the least common multiple fits, to a millionth otherwise.
        let most = *products.iter().max().unwrap();
        prop_assert!(products.iter().all(|product| most - product <= most / 1_000_000), "{products:?}");
    }

    #[test]
    fn no_factors_overflow(factors in prop::collection::vec(any::<u32>(), 1..64)) {
        let weights = multiplicities(&factors);
        prop_assert!(weights.iter().all(|weight| (1..=1 << 32).contains(weight)), "{weights:?}");
    }

    #[test]
    fn requests_are_shared_by_the_factors(factors in prop::collection::vec(1_u32..=9, 1..7)) {
        let sum: u32 = factors.iter().sum();
        let used = elect_all(&balancer(Method::Request, &factors), sum as usize * 10);
        // Over whole periods exactly, but for ties that may fall on either side.
        for (used, factor) in used.iter().zip(&factors) {
            prop_assert!(used.abs_diff(u64::from(*factor) * 10) <= 1, "{used:?} of {factors:?}");
        }
    }

    #[test]
    fn other_factors_keep_the_order_of_loads(
        load in 0..u64::MAX / 2, before in 1..1_u64 << 32, after in 1..1_u64 << 32
    ) {
        let scaled = rescaled(load, before, after);
        prop_assert!(scaled <= u64::MAX / 2);
        let requests = u128::from(load) / u128::from(before);
        if scaled < u64::MAX / 2 {
            let kept = u128::from(scaled) / u128::from(after);
            prop_assert!(kept <= requests && requests - kept <= 1, "{requests} became {kept}");
        }
    }

    #[test]
    fn a_value_moves_only_if_its_member_goes(values in prop::collection::vec("[a-z/]{1,20}", 200)) {
        let (records, own): (Vec<_>, _) =
            ((0..5).map(|_| MemberRecord::default()).collect(), BalancerRecord::default());
        let records: Vec<&MemberRecord> = records.iter().collect();
        let balancer = balancer(Method::Hash, &[1; 5]);
        let member_of = |value: &str, tried: &[usize]| {
            let query = Query { hash: Some(hash(value.as_bytes())), tried, ..Query::default() };
            let chosen = balancer.elect(&own, &records, &query, Millis(1)).unwrap().member;
            Balancer::leave(records[chosen]);
            chosen
        };
        for value in &values {
            let before = member_of(value, &[]);
            prop_assert_eq!(before, member_of(value, &[]));
            let after = member_of(value, &[2]);
            prop_assert!(after != 2 && (before == 2 || before == after));
        }
    }
}

#[test]
fn hashed_values_are_spread_by_the_factors() {
    let balancer = balancer(Method::Hash, &[1, 1, 2]);
    let records: Vec<_> = (0..3).map(|_| MemberRecord::default()).collect();
    let records: Vec<_> = records.iter().collect();
    let own = BalancerRecord::default();
    for number in 0..40_000 {
        let hash = Some(hash(format!("/app/page/{number}").as_bytes()));
        let query = Query { hash, ..Query::default() };
        let chosen = balancer.elect(&own, &records, &query, Millis(1)).unwrap();
        Balancer::leave(records[chosen.member]);
    }
    for (record, expected) in records.iter().zip([10_000, 10_000, 20_000]) {
        let used: u64 = record.used.load(Relaxed);
        assert!(used.abs_diff(expected) < expected / 5, "{used} for {expected}");
    }
}

#[test]
fn one_value_of_many_requests_does_not_drown_its_member() {
    let balancer = balancer(Method::Hash, &[1; 4]);
    let records: Vec<_> = (0..4).map(|_| MemberRecord::default()).collect();
    let records: Vec<_> = records.iter().collect();
    let own = BalancerRecord::default();
    let query = Query { hash: Some(hash(b"/popular")), ..Query::default() };
    for _ in 0..100 {
        balancer.elect(&own, &records, &query, Millis(1)).unwrap();
    }
    let busy: Vec<_> = records.iter().map(|record| record.busy.load(Relaxed)).collect();
    assert!(busy.iter().all(|busy| *busy <= 32), "at most a quarter above the average: {busy:?}");
}

//! A balancer of members that differ in name and factor only, for programs that need nothing else of
//! what tests share.
#![allow(dead_code)]

use std::time::Duration;

use mod_jk::lb::{Activation, Balancer, ElectionRules, Member, Method, Policy, multiplicities};

/// What a balancer is made of, to be changed before it is.
pub struct Plain {
    pub members: Vec<Member>,
    pub rules: ElectionRules,
}

/// Makes a balancer of equal settings but for the factors.
pub fn balancer(method: Method, factors: &[u32]) -> Balancer {
    Plain::new(method, factors).build()
}

/// How long a member is out, and what counts as lasting.
pub const POLICY: Policy = Policy {
    recover_time: Duration::from_secs(60),
    error_escalation_time: Duration::from_secs(30),
    max_reply_timeouts: 0,
    alone: None,
};

impl Plain {
    /// Makes members `n0`, `n1` and so on with these factors.
    pub fn new(method: Method, factors: &[u32]) -> Self {
        let members = multiplicities(factors).into_iter().enumerate();
        let members = members.map(|(index, multiplicity)| Member {
            name: format!("n{index}"),
            multiplicity,
            distance: 0,
            route: format!("n{index}"),
            domain: String::new(),
            redirect: String::new(),
            activation: Activation::Active,
        });
        let rules = ElectionRules {
            method,
            sticky_session: true,
            sticky_session_force: false,
            slow_start: Duration::ZERO,
            policy: POLICY,
        };
        Self { members: members.collect(), rules }
    }

    /// Makes the balancer.
    pub fn build(self) -> Balancer {
        Balancer::new(self.members, &self.rules)
    }
}

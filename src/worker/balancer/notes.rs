//! Notes about the members that served a request, for the access log.

use std::ffi::CStr;
use std::sync::atomic::Ordering::Relaxed;

use crate::worker::Downstream;
use crate::worker::balancer::members::Lb;

/// A member's numbers right after an attempt.
#[derive(Clone, Copy, Debug)]
pub struct MemberNumbers {
    member: usize,
    /// Value, accessed, sessions, read, transferred, errors, busy.
    numbers: [u64; 7],
    state: &'static str,
}

impl MemberNumbers {
    /// Reads a member's numbers.
    pub fn of(lb: &Lb, member: usize) -> Self {
        let record = lb.records[member];
        let numbers = [
            lb.balancer.method.load(record, lb.balancer.members[member].multiplicity),
            record.used.load(Relaxed),
            record.sessions.load(Relaxed),
            record.read.load(Relaxed),
            record.transferred.load(Relaxed),
            record.errors.load(Relaxed),
            record.busy.load(Relaxed).into(),
        ];
        Self { member, numbers, state: lb.state(member).code() }
    }

    /// Leaves the notes of the first or of the last member tried.
    pub fn note<D: Downstream>(&self, lb: &Lb, names: &NoteNames, downstream: &mut D) {
        let member = &lb.balancer.members[self.member];
        downstream.note(names.name, &member.name);
        downstream.note(names.activation, lb.activation(self.member).code());
        downstream.note(names.state, self.state);
        for (name, number) in names.numbers.iter().zip(self.numbers) {
            downstream.note(name, &number.to_string());
        }
    }
}

/// Names of one member's notes.
#[derive(Debug)]
pub struct NoteNames {
    name: &'static CStr,
    activation: &'static CStr,
    state: &'static CStr,
    numbers: [&'static CStr; 7],
}

/// Notes about the member that was tried first.
pub const FIRST: NoteNames = NoteNames {
    name: c"JK_LB_FIRST_NAME",
    activation: c"JK_LB_FIRST_ACTIVATION",
    state: c"JK_LB_FIRST_STATE",
    numbers: [
        c"JK_LB_FIRST_VALUE",
        c"JK_LB_FIRST_ACCESSED",
        c"JK_LB_FIRST_SESSIONS",
        c"JK_LB_FIRST_READ",
        c"JK_LB_FIRST_TRANSFERRED",
        c"JK_LB_FIRST_ERRORS",
        c"JK_LB_FIRST_BUSY",
    ],
};

/// Notes about the member that was tried last.
pub const LAST: NoteNames = NoteNames {
    name: c"JK_LB_LAST_NAME",
    activation: c"JK_LB_LAST_ACTIVATION",
    state: c"JK_LB_LAST_STATE",
    numbers: [
        c"JK_LB_LAST_VALUE",
        c"JK_LB_LAST_ACCESSED",
        c"JK_LB_LAST_SESSIONS",
        c"JK_LB_LAST_READ",
        c"JK_LB_LAST_TRANSFERRED",
        c"JK_LB_LAST_ERRORS",
        c"JK_LB_LAST_BUSY",
    ],
};

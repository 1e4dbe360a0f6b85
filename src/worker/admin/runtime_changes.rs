//! Which settings differ from what the configuration says, as they were changed while httpd runs.

use std::sync::atomic::Ordering::Relaxed;

use crate::config::Value;
use crate::config::rows::ACTIVATION;
use crate::status::view::RuntimeChange;
use crate::worker::overrides::overlay;
use crate::worker::workers::Workers;

/// Returns them in the order in which they were made, the activations of members behind the rest.
pub(super) fn runtime_changes(workers: &Workers) -> Vec<RuntimeChange> {
    let text = workers.records.segment.overrides().read().1;
    let mut all = overlay::differing(&workers.config, &text);
    for lb in workers.balancers() {
        for (index, (own, record)) in lb.balancer.members.iter().zip(&lb.records).enumerate() {
            // Most have none of their own.
            if record.activation.load(Relaxed) == 0 || lb.activation(index) == own.activation {
                continue;
            }
            all.push(RuntimeChange {
                balancer: lb.name.clone(),
                worker: lb.members[index].name.clone(),
                property: ACTIVATION,
                old: Value::Activation(own.activation),
                new: Value::Activation(lb.activation(index)),
            });
        }
    }
    all
}

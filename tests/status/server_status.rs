//! What mod_status shows of the workers.

use mod_jk::lb::Activation;
use mod_jk::status::mod_status::{html, html_without_table, lines};

use crate::state;

#[test]
fn names_can_write_neither_markup_nor_lines() {
    let mut snapshot = state::snapshot();
    let member = &mut snapshot.balancers[0].members[0];
    member.ajp.name = "<b>\n&".to_owned();
    member.activation = Activation::Disabled;
    member.last_session_ago = Some(1);
    let count = snapshot.balancers[0].members.len() + snapshot.workers.len();
    let page = html(&snapshot);
    assert!(page.contains("<td>&#60;b&#62;\n&#38;</td>"), "{page}");
    assert!(
        page.contains("<td>DIS</td><td>ERR</td><td><b>out</b></td>"),
        "what is bad stands out: {page}"
    );
    let text = lines(&snapshot);
    assert!(text.starts_with(&format!("JkWorkers: {count}\nJkWorker[0]Balancer: lb\n")), "{text}");
    for line in [
        "JkWorker[0]Name: <b>\\n&",
        "JkWorker[0]Activation: DIS",
        "JkWorker[0]State: ERR",
        "JkWorker[0]Condition: out",
        "JkWorker[0]Busy: 0",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}: {text}");
    }
    assert!(text.lines().all(|line| line.split_once(": ").is_some()), "{text}");
    assert!(text.contains(&format!("JkWorker[{}]Balancer: -\n", count - 1)), "{text}");
    let plain = html_without_table(&snapshot);
    assert!(plain.contains("Name: &lt;b&gt;") && !plain.contains("<b>"), "{plain}");
}

//! `jkctl version`: of jkctl itself, and of the module in a running httpd.

use serde_json::json;

use crate::cli::server::ServerArgs;
use crate::client::Client;
use crate::output::Printer;
use crate::page::text;
use crate::{CommandResult, WELL};

/// Shows both versions. An httpd that cannot be reached is no failure: half of the answer is here.
pub fn run(args: &ServerArgs, output: Printer) -> CommandResult {
    let client = Client::new(args)?;
    let own = env!("CARGO_PKG_VERSION");
    let answer = client.get(&[("cmd", "version")]);
    if output.is_json() {
        let server = answer.as_ref().map(|page| &page["server"]).ok();
        output.json(&json!({
            "jkctl": own,
            "module": server.map(|own| text(own, "jk_version").trim_start_matches("mod_jk/")),
            "httpd": server.map(|own| text(own, "web_server")),
            "url": client.url(),
            "error": answer.as_ref().err(),
        }));
        return Ok(WELL);
    }
    say!("jkctl   {own}");
    match answer {
        Ok(page) => {
            let module =
                text(&page["server"], "jk_version").trim_start_matches("mod_jk/").to_owned();
            say!("module  {module}");
            say!("httpd   {}", text(&page["server"], "web_server"));
            if module != own {
                say!(
                    "the versions differ: install the jkctl of the module's package, as commands may differ"
                );
            }
        }
        Err(why) => say!("module  not reached: {why}"),
    }
    Ok(WELL)
}

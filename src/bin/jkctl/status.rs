//! `jkctl status` and `jkctl metrics`.

use crate::cli::{Format, Server, Status};
use crate::client::Client;
use crate::table::lines;
use crate::{Outcome, WELL};

/// Shows balancers and members once.
pub fn run(args: &Status) -> Outcome {
    let client = Client::new(&args.server)?;
    let target = args.target.as_deref().map(|own| match own.split_once('/') {
        Some((balancer, member)) => (balancer, Some(member)),
        None => (own, None),
    });
    let page = match target {
        None => client.get(&[("cmd", "list")])?,
        Some((worker, None)) => client.get(&[("cmd", "show"), ("w", worker)])?,
        Some((worker, Some(member))) => {
            client.get(&[("cmd", "show"), ("w", worker), ("sw", member)])?
        }
    };
    match args.format {
        Format::Json => say!("{page}"),
        Format::Text => {
            for line in lines(&page, None) {
                say!("{}", line.text);
            }
        }
    }
    Ok(WELL)
}

/// Prints the metrics.
pub fn metrics(args: &Server) -> Outcome {
    say!("{}", Client::new(args)?.text(&[("cmd", "metrics")])?.trim_end());
    Ok(WELL)
}

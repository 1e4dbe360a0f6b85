//! Writes the recorded packets of `tests/vectors` as starting points for the fuzzers, and the workers
//! files of `tests/config`.

use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for target in ["packet", "exchange", "status", "properties", "mapping"] {
        fs::create_dir_all(here.join("corpus").join(target))?;
    }
    let mut count = 0;
    for entry in fs::read_dir(here.join("../vectors"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "txt") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?;
        let packets = backend_packets(&text)?;
        for (index, packet) in packets.iter().enumerate() {
            let file = format!("corpus/packet/{name}-{index}");
            fs::write(here.join(file), packet.get(4..).unwrap_or_default())?;
            count += 1;
        }
        for (settings, suffix) in [([0, 0, 0, 0], "none"), ([2, 0, 11, 1], "known"), ([4, 0, 0, 7], "unknown"), ([8, 0, 0, 3], "probe")] {
            let stream = [&settings[..], &packets.concat()].concat();
            fs::write(here.join(format!("corpus/exchange/{name}-{suffix}")), stream)?;
            count += 1;
        }
    }
    for (index, request) in STATUS.iter().enumerate() {
        fs::write(here.join(format!("corpus/status/{index}")), request)?;
        count += 1;
    }
    for (index, rules) in MAPS.iter().enumerate() {
        fs::write(here.join(format!("corpus/mapping/{index}")), rules)?;
        count += 1;
    }
    count += workers_files(here)?;
    println!("{count} inputs written");
    Ok(())
}

/// Writes each workers file of the planted mistakes and of the sites that people have.
fn workers_files(here: &Path) -> Result<usize, Box<dyn Error>> {
    let mut files: Vec<String> = Vec::new();
    let mistakes = fs::read_to_string(here.join("../config/mistakes.txt"))?;
    for part in mistakes.split("-- workers.properties\n").skip(1) {
        let is_own = |line: &&str| !["==", "--", "=>"].iter().any(|mark| line.starts_with(mark));
        files.push(part.lines().take_while(is_own).collect::<Vec<_>>().join("\n"));
    }
    for site in fs::read_dir(here.join("../config/stock"))? {
        if let Ok(text) = fs::read_to_string(site?.path().join("workers.properties")) {
            files.push(text);
        }
    }
    for (number, text) in files.iter().enumerate() {
        fs::write(here.join(format!("corpus/properties/{number}")), text)?;
    }
    Ok(files.len())
}

/// Returns the packets a recording received, in order.
fn backend_packets(text: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut packets: Vec<Vec<u8>> = Vec::new();
    let mut is_ours = true;
    for line in text.lines() {
        if line.starts_with('<') || line.starts_with('>') {
            is_ours = line.starts_with('>');
            if !is_ours {
                packets.push(Vec::new());
            }
        } else if let (Some(bytes), false, Some(packet)) =
            (line.strip_prefix("    "), is_ours, packets.last_mut())
        {
            for token in bytes.split(' ') {
                let (byte, run) = token.split_once('*').unwrap_or((token, "1"));
                packet.extend(vec![u8::from_str_radix(byte, 16)?; run.parse()?]);
            }
        }
    }
    packets.retain(|packet| !packet.is_empty());
    Ok(packets)
}

/// URIs, an empty line, a mount file.
const MAPS: &[&str] = &[
    "/a/x\n/b\n\n/a/*=w1\n/b=w2\n",
    "/a/b/c.gif\n/x/b/d\n\n/*/b/*.gif=w1\n/?/b/*=w2\n!/a/*=w1\n",
    "/app/x.jsp\n/app\n\n/app|/*=w1;reply_timeout=5\n/*.jsp=w2\n-/app=w3\n!/app/x*=*\n",
    "/a/./b//c;v=1/..\n/ab1cd\n\n/a*c*=w\n/a?1*d=$(HOME)\n*.do=w # a remark\n",
];

/// Requests to the status worker: settings, query, and a body behind a NUL.
const STATUS: &[&str] = &[
    "\u{2}mime=xml&cmd=list&opt=3",
    "\u{2}mime=txt&cmd=show&w=lb&sw=n1&re=5",
    "\u{2}cmd=show&w=solo&q=a%26b",
    "\u{2}cmd=edit&w=lb&sw=n2&from=show",
    "\u{2}cmd=edit&w=lb&att=vwf",
    "\u{2}cmd=update&w=lb&sw=n*&vwf=3&was.vwf=1&vwa=d",
    "\u{2}cmd=update&w=lb&sw=n1&vwn=r%2b1&vwr=&vwc=x&vwd=2&vahst=h&vaprt=80",
    "\u{2}cmd=update&w=lb&vlm=b&vls=0&vlt=9&vlr=1&vlx=0&vll=o&then=show",
    "\u{2}cmd=update&w=lb&att=vart&val0=1&val.n2=5",
    "\u{2}cmd=update&w=solo&set.reply_timeout=5&vamps=9000&varo=7&vacpi=1",
    "\u{2}cmd=reset&w=lb&done=reset",
    "\u{2}cmd=recover&w=lb&sw=n1",
    "\u{0}\0{\"cmd\":\"update\",\"w\":\"lb\",\"sw\":\"n1\",\"set\":{\"lbfactor\":2},\"vwa\":\"s\"}",
    "\u{2}cmd=update\0w=lb&sw=n3&vwf=9x",
    "\u{3}cmd=dump&mime=prop",
    "\u{2}cmd=metrics",
    "\u{2}cmd=version&mime=nothing",
];

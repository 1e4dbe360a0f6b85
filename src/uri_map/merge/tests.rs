//! Whose rules a server has.

use crate::uri_map::merge::*;
use crate::uri_map::{Origin, Rule, RuleSource, UriMap};

fn origin() -> Origin {
    Origin::new("map", 1)
}

fn mounts(source: RuleSource, lines: &[&str]) -> Mounts {
    let mut mounts = Mounts::default();
    for line in lines {
        let (left, right) = line.split_once('=').unwrap();
        let (left, right) = (left.as_bytes(), right.as_bytes());
        let rules = Rule::parse(left, right, source, &origin(), &mut Vec::new());
        mounts.insert(left, origin(), rules);
    }
    mounts
}

fn server(directives: &[&str], file: Option<&[&str]>, copy: Option<MountCopy>) -> ServerMounts {
    ServerMounts {
        directives: mounts(RuleSource::Directive, directives),
        file: file.map(|lines| mounts(RuleSource::MountFile, lines)),
        workers: Mounts::default(),
        copy,
    }
}

#[test]
fn section_6_virtual_hosts() {
    use MountCopy::{All, Off, On};

    const V: &[&str] = &["/v/*=w3"];
    const VF: Option<&[&str]> = Some(&["/vf/*=w4"]);
    const URIS: [&str; 8] = ["/m/a", "/m/no", "/m/x", "/mf/a", "/v/a", "/vf/a", "/m/a%", "/wm"];
    // name, main's JkMountCopy, the virtual host, whose map, workers of URIS. The last URI is
    // mounted by a worker: the original copies this only when the whole map is shared.
    type Case = (&'static str, Option<MountCopy>, ServerMounts, MapOf, [&'static str; 8]);
    let all = Some(All);
    let cases: Vec<Case> = vec![
        ("nothing", None, server(&[], None, None), MapOf::Nothing, ["-"; 8]),
        (
            "On",
            None,
            server(&[], None, Some(On)),
            MapOf::Main,
            ["w1", "-", "w1", "w2", "-", "-", "w1", "w9"],
        ),
        ("Off", None, server(&[], None, Some(Off)), MapOf::Nothing, ["-"; 8]),
        ("own", None, server(V, None, None), MapOf::Own, ["-", "-", "-", "-", "w3", "-", "-", "-"]),
        (
            "own, On",
            None,
            server(V, None, Some(On)),
            MapOf::Own,
            ["w1", "-", "w1", "w2", "w3", "-", "w1", "w9"],
        ),
        (
            "own file, On",
            None,
            server(&[], VF, Some(On)),
            MapOf::Own,
            ["w1", "-", "w1", "-", "-", "w4", "w1", "w9"],
        ),
        (
            "own file",
            None,
            server(&[], VF, None),
            MapOf::Own,
            ["-", "-", "-", "-", "-", "w4", "-", "-"],
        ),
        (
            "same pattern",
            None,
            server(&["/m/*=w5"], None, Some(On)),
            MapOf::Own,
            ["w5", "w5", "w5", "w2", "-", "-", "w5", "w9"],
        ),
        (
            "unmount",
            None,
            server(&["!/m/x=w1"], None, Some(On)),
            MapOf::Own,
            ["w1", "-", "-", "w2", "-", "-", "w1", "w9"],
        ),
        (
            "file outranks",
            None,
            server(&["/mf/*=w6"], None, Some(On)),
            MapOf::Own,
            ["w1", "-", "w1", "w2", "-", "-", "w1", "w9"],
        ),
        (
            "All",
            all,
            server(&[], None, None),
            MapOf::Main,
            ["w1", "-", "w1", "w2", "-", "-", "w1", "w9"],
        ),
        (
            "All, own",
            all,
            server(V, None, None),
            MapOf::Own,
            ["w1", "-", "w1", "w2", "w3", "-", "w1", "w9"],
        ),
        (
            "All, own file",
            all,
            server(&[], VF, None),
            MapOf::Own,
            ["w1", "-", "w1", "-", "-", "w4", "w1", "w9"],
        ),
        ("All, Off", all, server(&[], None, Some(Off)), MapOf::Nothing, ["-"; 8]),
        ("On in main does nothing", Some(On), server(&[], None, None), MapOf::Nothing, ["-"; 8]),
    ];
    for (name, main_copy, vhost, whose, expected) in cases {
        let mut main = server(&["/m/*=w1", "!/m/no=w1"], Some(&["/mf/*=w2"]), main_copy);
        main.workers = mounts(RuleSource::WorkerMount, &["/wm=w9"]);
        assert_eq!(map_of(&main, &vhost), whose, "case: {name}");
        let map = UriMap::build(vhost_rules(&main, &vhost)).0;
        let workers =
            URIS.map(|uri| map.find(uri.as_bytes()).map_or("-", |rule| &*rule.worker).to_owned());
        assert_eq!(workers, expected, "case: {name}");
        if whose == MapOf::Main {
            assert_eq!(vhost_rules(&main, &vhost), main_rules(&main), "case: {name}");
        }
    }
}

#[test]
fn section_3_a_repeated_left_side_keeps_its_position() {
    let mut mounts = mounts(RuleSource::Directive, &["/p/a?=w1", "/p/?b=w2"]);
    let right = Rule::parse(b"/p/a?", b"w3", RuleSource::Directive, &origin(), &mut Vec::new());
    assert_eq!(mounts.insert(b"/p/a?", Origin::new("map", 9), right), Some(origin()));
    let workers: Vec<&str> = mounts.rules().map(|rule| &*rule.worker).collect();
    assert_eq!(workers, ["w3", "w2"]);
}

# Modules of the library in a package of their own, which builds in seconds: the whole library makes
# httpd's bindings each time.

# copy_modules DIR MODULE...: makes the package in DIR, of these modules and what they import. DIR/target
# stays, so that what did not change is not built again.
copy_modules() {
    package=$1
    shift
    copied=""
    while [ $# -gt 0 ]; do
        case " $copied " in *" $1 "*) shift; continue ;; esac
        copied="$copied $1"
        set -- "$@" $(imported_by "$1")
        shift
    done
    mkdir -p "$package"
    rm -rf "$package/src"
    mkdir "$package/src"
    for one in $copied; do
        # A module may have both, a file and a directory of that name.
        [ ! -d "src/$one" ] || cp -Rp "src/$one" "$package/src/"
        [ ! -f "src/$one.rs" ] || cp -p "src/$one.rs" "$package/src/"
        echo "pub mod $one;"
    done > "$package/src/lib.rs"
    # The words for a protocol's faults are the worker's, which knows the log and is not copied.
    case " $copied " in *" ajp "*) cat >> "$package/src/lib.rs" <<'EOF' ;; esac
impl exchange::ExplainFault for ajp::ProtocolError {
    fn explain(self, _: &[u8]) -> exchange::ProtocolFault {
        unreachable!("no worker is here to ask")
    }
}
EOF
    cp Cargo.lock "$package/"
    cat > "$package/Cargo.toml" <<EOF
[package]
name = "mod_jk"
version = "0.0.0"
edition = "2024"
autotests = false
[workspace]
[lib]
path = "src/lib.rs"
[dependencies]
$(dependencies dependencies)
[dev-dependencies]
$(dependencies dev-dependencies)
[profile.dev]
debug = false
EOF
}

# Modules that the files of a module name.
imported_by() {
    { grep -rhoE 'crate::[a-z_]+' "src/$1" "src/$1.rs" 2>/dev/null || true; } | sed 's/crate:://' | sort -u |
        while read -r name; do
            if [ -d "src/$name" ] || [ -f "src/$name.rs" ]; then echo "$name"; fi
        done
}

# A table of Cargo.toml, without what is optional.
dependencies() {
    sed -n "/^\[$1\]/,/^\[/p" Cargo.toml | grep ' = ' | grep -v 'optional = true'
}

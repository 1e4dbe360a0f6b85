# mod_jk: the commands of a build. `make demo`, `make test` and `make lint` install what is missing.

APXS    ?= apxs
CARGO   ?= cargo
STRIP   ?= strip
DESTDIR ?=
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR  ?= $(DATADIR)/man
DOCDIR  ?= $(DATADIR)/doc/mod_jk
# Where httpd keeps its modules; asked when it is needed.
LIBEXECDIR ?= $(shell $(APXS) -q LIBEXECDIR)

# Where cargo puts what it builds.
TARGET  = $(or $(CARGO_TARGET_DIR),target)
BUILT   = $(TARGET)/release

.PHONY: deny sbom supply same-bits docs models mistakes-seeded all install uninstall dist deb rpm demo test test-httpd soak memcheck costs budget bench lint hazards hazards-seeded fuzz clean

# No path of the machine it was built on is in the module or its symbols: two builds in two places give the
# same file. Of two that fit the later one counts.
PLACES = $(CURDIR)=/mod_jk $(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo $(abspath $(TARGET))=/target
REMAP  = $(PLACES:%=--remap-path-prefix=%)

# The module is libmod_jk.so, the operator's tool jkctl, both in target/release; the tool's pages are made
# by itself. THIRD-PARTY has the licences of the crates in both, which go where the programs go.
all:
	RUSTFLAGS="$(REMAP) $(RUSTFLAGS)" CFLAGS="$(PLACES:%=-ffile-prefix-map=%) $(CFLAGS)" $(CARGO) build --release
	CARGO="$(CARGO)" packaging/third-party $(TARGET)/THIRD-PARTY
	$(BUILT)/jkctl man $(TARGET)/man
	for shell in bash fish zsh; do \
	    $(BUILT)/jkctl completion $$shell > $(TARGET)/jkctl.$$shell || exit 1; done

# Calls no compiler: root, who installs, may have none. STRIP=true leaves the symbols in.
install:
	@test -f $(BUILT)/libmod_jk.so && test -f $(TARGET)/jkctl.bash || \
	    { echo "$(BUILT)/libmod_jk.so is not built: run make first, as the user who has Rust" >&2; exit 1; }
	@test -n "$(LIBEXECDIR)" || { echo "$(APXS) -q LIBEXECDIR says nothing: set APXS, or LIBEXECDIR" >&2; exit 1; }
	modules="$(DESTDIR)$(LIBEXECDIR)"; install -d "$$modules"; \
	    install -m 644 $(BUILT)/libmod_jk.so "$$modules/mod_jk.so"; $(STRIP) "$$modules/mod_jk.so"
	install -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(MANDIR)/man1" "$(DESTDIR)$(DATADIR)/bash-completion/completions" \
	    "$(DESTDIR)$(DATADIR)/zsh/site-functions" "$(DESTDIR)$(DATADIR)/fish/vendor_completions.d" \
	    "$(DESTDIR)$(DOCDIR)"
	install -m 755 $(BUILT)/jkctl "$(DESTDIR)$(BINDIR)/jkctl"; $(STRIP) "$(DESTDIR)$(BINDIR)/jkctl"
	install -m 644 $(TARGET)/man/*.1 "$(DESTDIR)$(MANDIR)/man1"
	install -m 644 $(TARGET)/jkctl.bash "$(DESTDIR)$(DATADIR)/bash-completion/completions/jkctl"
	install -m 644 $(TARGET)/jkctl.zsh "$(DESTDIR)$(DATADIR)/zsh/site-functions/_jkctl"
	install -m 644 $(TARGET)/jkctl.fish "$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/jkctl.fish"
	install -m 644 LICENSE NOTICE $(TARGET)/THIRD-PARTY README.md CHANGELOG.md "$(DESTDIR)$(DOCDIR)"
	cp -R docs apache-conf "$(DESTDIR)$(DOCDIR)"

# The module is removed only if it is the one that this build installed.
uninstall:
	file="$(DESTDIR)$(LIBEXECDIR)/mod_jk.so"; \
	    install -m 644 $(BUILT)/libmod_jk.so $(TARGET)/installed.so; $(STRIP) $(TARGET)/installed.so; \
	    if cmp -s $(TARGET)/installed.so "$$file"; then rm "$$file"; \
	    else echo "$$file is not of this build and is left" >&2; fi; rm -f $(TARGET)/installed.so
	rm -f "$(DESTDIR)$(BINDIR)/jkctl" "$(DESTDIR)$(MANDIR)/man1"/jkctl*.1 \
	    "$(DESTDIR)$(DATADIR)/bash-completion/completions/jkctl" \
	    "$(DESTDIR)$(DATADIR)/zsh/site-functions/_jkctl" \
	    "$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/jkctl.fish"
	rm -rf "$(DESTDIR)$(DOCDIR)"

# The sources with all crates, in target/dist: builds without a network.
dist:
	packaging/dist

# Two builds of that tarball, in two places and without a network, and whether their bits are the same.
same-bits:
	.ci/install build
	packaging/same-bits

# The package mod_jk for RHEL and Fedora, in target/rpm.
rpm:
	.ci/install rpm
	packaging/rpm

# The package libapache2-mod-jk, in place of the distribution's; in target/deb.
deb:
	.ci/install deb
	packaging/deb

# CHECK=1 runs unattended and fails if any step does. SOCKETS=1 connects httpd and the Tomcats over
# Unix-domain sockets, SOCKETS=mixed one of the two.
demo:
	.ci/install demo
	$(CARGO) build
	$(CARGO) run --quiet --example demo -- $(if $(CHECK),check) $(if $(filter mixed,$(SOCKETS)),mixed,$(if $(SOCKETS),sockets))

# The development profile: building with it is minutes faster than what optimisation saves.
test:
	.ci/install test
	CARGO="$(CARGO)" tests/run

# The tests of the module inside another httpd than the one that is found by itself: one built from
# its sources with --prefix=PREFIX, or RHEL's with PREFIX=/usr.
test-httpd:
	.ci/install build
	set -e; \
	APXS=$$(tests/installation "$(PREFIX)" apxs); export APXS; \
	MOD_JK_TEST_HTTPD=$$(tests/installation "$(PREFIX)" httpd); export MOD_JK_TEST_HTTPD; \
	MOD_JK_TEST_MODULES=$$(tests/installation "$(PREFIX)" modules); export MOD_JK_TEST_MODULES; \
	CARGO="$(CARGO)" tests/run httpd

# What takes too long for each change, or a quiet machine: the long outages, kills and restarts, 120 stops at
# once, all conversions of configurations, tests of httpd with all their rounds, each page in every look, and
# within what time a member is back.
soak:
	.ci/install test
	$(CARGO) build
	MOD_JK_TEST_ENDURANCE=1 MOD_JK_TEST_STOPS=120 \
	$(CARGO) test --test endurance -- --nocapture --test-threads=1
	MOD_JK_TEST_ENDURANCE=1 $(CARGO) test --test convert
	MOD_JK_TEST_ENDURANCE=1 $(CARGO) test --test httpd -- --test-threads=1 \
	    failover::probing forwarding::client_errors forwarding::early_answers status::browser

lint:
	.ci/install build
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --lib --no-default-features -- -D warnings
	$(CARGO) check --bins --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz
	$(CC) -std=gnu99 -fsyntax-only -Wall -Wextra -Werror $$($(APXS) -q EXTRA_CPPFLAGS) \
	    -I"$$($(APXS) -q INCLUDEDIR)" -I"$$($(APXS) -q APR_INCLUDEDIR)" \
	    -I"$$(dirname "$$(ls -t target/debug/build/mod_jk-*/out/jk_directives.h | head -n 1)")" \
	    c-shim/mod_jk_shim.c c-shim/broken_off.c c-shim/parking.c
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items

# What the module is made of: what dependencies may be, by deny.toml, and the list of them. .ci/run leaves
# it out, as its tools take longer to build than all linters need.
supply: deny sbom

# The list of known vulnerabilities is fetched from github.com; DENY="bans licenses sources" does without.
DENY ?= advisories bans licenses sources
deny:
	"$$(packaging/tool cargo-deny)" check $(DENY)

# CycloneDX, in target/sbom.
sbom:
	packaging/sbom

# The manual as HTML, in target/docs. mdBook takes minutes to build, so .ci/run leaves this out.
docs:
	.ci/install docs
	packaging/docs

# Requests that are parked, in an httpd whose every access to memory valgrind looks at; takes three minutes.
memcheck:
	.ci/install test
	$(CARGO) build
	CARGO="$(CARGO)" tests/memcheck

# What hostile backends and clients send, a line for each row; then the proof that each row fails
# when its check is taken out.
hazards:
	.ci/install test
	$(CARGO) build
	$(CARGO) test --test hazards -- --nocapture --test-threads=1
hazards-seeded: hazards
	tests/hazards/check-seeded

# The proof that each planted mistake in a configuration is found by its check.
mistakes-seeded:
	.ci/install build
	tests/config/check-seeded

# Small changes to the pure modules, and which of them no unit test notices; takes hours. One module or
# file: make mutants MUTANTS=uri_map/normalize.rs
MUTANTS ?= ajp uri_map lb config
mutants:
	tests/mutants/run $(MUTANTS)

# Every order of events among a few threads, for what several processes change at once by rules of
# their own: the text of changed settings, the lease of the leader, the rows of children.
models:
	.ci/install build
	RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom $(CARGO) test --lib model::

# What packets, an election, a page, a scrape, the metrics of a request and its mapping cost in
# instructions, against their limits.
costs:
	.ci/install test
	tests/costs/run

# What a request costs, against tests/bench/budget.tsv.
budget:
	.ci/install test
	tests/bench/run budget

# The same for the peers, then all of them under load side by side; writes docs/performance.md.
BENCH_ROUNDS ?= 5
bench:
	.ci/install bench
	tests/bench/run report $(BENCH_ROUNDS)

# Each target for FUZZ_SECONDS, then the proof that each finds a planted mistake.
FUZZ_SECONDS ?= 60
fuzz:
	.ci/install build
	tests/fuzz/run packet $(FUZZ_SECONDS)
	tests/fuzz/run exchange $(FUZZ_SECONDS)
	tests/fuzz/run status $(FUZZ_SECONDS)
	tests/fuzz/run properties $(FUZZ_SECONDS)
	tests/fuzz/run mapping $(FUZZ_SECONDS)
	tests/fuzz/check-seeded

clean:
	$(CARGO) clean

# mod_jk: the commands of a build. `make demo`, `make test` and `make lint` install what is missing.

APXS    ?= apxs
CARGO   ?= cargo
DESTDIR ?=
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR  ?= $(DATADIR)/man

.PHONY: mistakes-seeded all install demo test costs budget bench lint hazards hazards-seeded fuzz clean

# The module is target/release/libmod_jk.so, the operator's tool target/release/jkctl; its pages are
# made by the tool itself.
all:
	$(CARGO) build --release
	target/release/jkctl man target/man
	for shell in bash fish zsh; do \
	    target/release/jkctl completion $$shell > target/jkctl.$$shell || exit 1; done

# apxs knows where this httpd keeps its modules, and installs under the name of the file it gets.
install: all
	install -m 644 target/release/libmod_jk.so target/mod_jk.so
	install -d "$(DESTDIR)$$($(APXS) -q LIBEXECDIR)"
	$(APXS) -S LIBEXECDIR="$(DESTDIR)$$($(APXS) -q LIBEXECDIR)" -i -n jk target/mod_jk.so
	install -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(MANDIR)/man1" "$(DESTDIR)$(DATADIR)/bash-completion/completions" \
	    "$(DESTDIR)$(DATADIR)/zsh/site-functions" "$(DESTDIR)$(DATADIR)/fish/vendor_completions.d"
	install -m 755 target/release/jkctl "$(DESTDIR)$(BINDIR)/jkctl"
	install -m 644 target/man/*.1 "$(DESTDIR)$(MANDIR)/man1"
	install -m 644 target/jkctl.bash "$(DESTDIR)$(DATADIR)/bash-completion/completions/jkctl"
	install -m 644 target/jkctl.zsh "$(DESTDIR)$(DATADIR)/zsh/site-functions/_jkctl"
	install -m 644 target/jkctl.fish "$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/jkctl.fish"

# CHECK=1 runs unattended and fails if any step does.
demo:
	.ci/install demo
	$(CARGO) build
	$(CARGO) run --quiet --example demo -- $(if $(CHECK),check)

# The development profile: building with it is minutes faster than what optimisation saves.
test:
	.ci/install test
	$(CARGO) build
	$(CARGO) run --quiet --example demo -- check
	$(CARGO) test

lint:
	.ci/install build
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CC) -std=gnu99 -fsyntax-only -Wall -Wextra -Werror $$($(APXS) -q EXTRA_CPPFLAGS) \
	    -I"$$($(APXS) -q INCLUDEDIR)" -I"$$($(APXS) -q APR_INCLUDEDIR)" c-shim/mod_jk_shim.c
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items

# What hostile containers and clients send, a line for each row; then the proof that each row fails
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

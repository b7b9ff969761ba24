# Needs git, make and Python 3.11 or newer; everything else is installed into .venv.
#   make        all checks: lint, types, layers, tests
#   make demo   registers sample_media, scans its AI outputs, pays the people behind them: report, statements, bank file in demo-output
#   make score  recognition on the lineups beside this folder;  make bench  speed;  make bench-large  speed at 50 M postings
#   make docs   brings docs/cli.md and the outputs shown in README.md up to date

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEMO := demo-output

.DEFAULT_GOAL := all
.PHONY: all lint types layers test demo score bench bench-large docs clean

all: lint types layers test

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Byline needs Python 3.11 or newer: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --editable '.[dev]'
	@touch $@

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(INSTALLED)
	$(BIN)/mypy

layers: $(INSTALLED)
	$(BIN)/lint-imports

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist loadfile

demo: $(INSTALLED)
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/byline register --registry $(DEMO)/byline.db --catalog sample_media/works.csv --credits sample_media/credits.csv
	@echo
	@$(BIN)/byline scan --registry $(DEMO)/byline.db --output $(DEMO)/night.jsonl --html $(DEMO)/report.html sample_media/outputs || \
		{ test $$? -eq 1 && test -s $(DEMO)/report.html && echo "(One sample is damaged on purpose, hence exit status 1.)"; }
	@echo
	@BIN=$(BIN) DEMO=$(DEMO) sh sample_media/pay.sh
	@echo
	@echo "What was found, with pictures: $(DEMO)/report.html. Statements: $(DEMO)/statements. For the bank: $(DEMO)/payout.xml."

score: $(INSTALLED)
	$(BIN)/python benchmarks/score.py

bench: $(INSTALLED)
	@set -e; for file in benchmarks/*_speed.py; do echo "== $$file"; $(BIN)/python $$file; done

bench-large: $(INSTALLED)
	$(BIN)/python benchmarks/registry_speed.py --large

docs: $(INSTALLED)
	BYLINE_UPDATE=1 $(BIN)/python -m pytest tests/test_docs.py

clean:
	rm -rf .venv $(DEMO)

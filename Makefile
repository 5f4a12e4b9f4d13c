# Each target sets up what it needs, and says what it installs.
.PHONY: help demo test check bench site setup clean
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: ## watch a spec become a proven commit, and a lie be caught
	@scripts/demo

test: ## run all tests
	@scripts/test

check: ## lint, format, types and import rules
	@scripts/check

bench: ## measure, against baselines of the same run
	@scripts/bench

site: ## the manual as a web site, in build/site
	@scripts/site

setup: ## install what the others need, and the agent CLIs
	@scripts/setup --agents

clean: ## remove what was built in this tree
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build

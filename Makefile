# The one door to the project. `make help` lists what is behind it.

.DEFAULT_GOAL := help
.PHONY: help run watch test check bench chaos gallery db token sdl graphiql wheel clean clean-up setup setup-stack setup-bench

PYTHON := .venv/bin/python
# The shell's own USER is whoever is logged in; only the one on the command line is meant.
TOKEN_USER := $(if $(filter command line,$(origin USER)),$(USER),alice)
# Two processes, which a file of tests is never divided between: much of the time is spent waiting.
PYTEST := $(PYTHON) -m pytest --numprocesses 2 --dist loadfile
# The tests that talk to the database run on a second PostgreSQL as well, where there is one.
SECOND_POSTGRES := $(lastword $(sort $(wildcard /usr/lib/postgresql/*/bin)))

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

run: setup-stack ## set up everything and start the whole product (PORT=9000 for another port)
	@exec $(PYTHON) -m dev

watch: setup-stack ## export one of alice's documents from the running product and watch it happen
	@exec $(PYTHON) -m dev.watch

test: setup ## run every test (TEST_POSTGRES_BIN=<bin folder> for another PostgreSQL)
	@$(PYTHON) -m dev.browser
	@$(PYTHON) -m dev.npm
	$(PYTEST)
ifneq ($(SECOND_POSTGRES),)
ifndef TEST_POSTGRES_BIN
	@echo "Once more on $(SECOND_POSTGRES), what the database decides"
	TEST_POSTGRES_BIN=$(SECOND_POSTGRES) $(PYTEST) tests/integration/database
endif
endif

check: setup ## format, lint, types, import contracts, SDL drift, stray modules
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m ruff check
	$(PYTHON) -m mypy
	$(PYTHON) -m pyright --pythonpath $(PYTHON)
	.venv/bin/lint-imports
	@$(PYTHON) -m resumepair_graphql.schema | diff -u graphql/schema.graphql - \
	  || { echo "graphql/schema.graphql is not what the code says: make sdl" >&2; exit 1; }
	@! find graphql worker renderer -maxdepth 1 -name '*.py' | grep . \
	  || { echo "graphql/, worker/ and renderer/ hold packages, never modules: move these" >&2; exit 1; }
	@echo "all checks passed"

bench: setup-bench ## measure, as ratios inside one run (SECONDS=4 for longer rounds, RENDERS=0 for no memory curve, ROWS=0 for no queue, SUBSCRIBERS=0 for no API, ONLY=api or ONLY=abuse for nothing else)
	@exec $(PYTHON) -m dev.bench

chaos: setup-stack ## put real workers through faults under load and count what was lost (ROUNDS=3 for a short run)
	@exec $(PYTHON) -m dev.chaos

gallery: setup-stack ## print every template with every sample into .local/gallery, with an index page
	@exec $(PYTHON) -m dev.gallery

clean-up: setup-stack ## remove what has expired from the local stack, and make its files and its database agree
	@exec $(PYTHON) -m dev.clean_up

db: setup-stack ## bring the schema of DATABASE_URL's (or the local stack's) database up to date
	@exec $(PYTHON) -m dev.local_database

token: ## print a JWT for the running product (USER=alice|bob|admin)
	@QUIET=1 dev/setup.sh stack
	@exec $(PYTHON) -m dev.tokens $(TOKEN_USER)

sdl: setup ## write graphql/schema.graphql from the code
	@$(PYTHON) -m resumepair_graphql.schema > .venv/schema.graphql
	@mv .venv/schema.graphql graphql/schema.graphql

graphiql: setup ## renew what the GraphiQL page is made of from npm (dev/graphiql/package-lock.json)
	@exec $(PYTHON) -m dev.graphiql_assets

wheel: setup ## build the wheel and start both processes from it in an empty environment
	@exec $(PYTHON) -m dev.wheel_check

clean: setup ## delete what the local stack keeps (database, files, secrets)
	@exec $(PYTHON) -m dev.state

setup:
	@dev/setup.sh

# What runs the product, without what checks and tests it.
setup-stack:
	@dev/setup.sh stack

# With the engines that `make bench` compares with.
setup-bench:
	@dev/setup.sh bench

# `make` alone prints what there is. A target's help is the text after ##, a group's name the text after ##@.
.DEFAULT_GOAL := help
.SUFFIXES:

LOCAL := .venv/bin/python -m carbot_local

##@ The stack on this machine

.PHONY: up
up: ## install what is missing, start everything, load demo data, print the addresses
	@deploy/local/install
	@$(LOCAL) up

.PHONY: down
down: ## stop everything; data stays
	@$(LOCAL) down

.PHONY: status
status: ## show every process and whether it is ready
	@$(LOCAL) status

.PHONY: logs
logs: ## follow the logs of everything, or of one service: make logs S=crm
	@$(LOCAL) logs $(S)

.PHONY: reset
reset: ## stop everything and delete its data, secrets and mails: make reset YES=1 does not ask
	@$(LOCAL) reset $(if $(YES),--yes)

##@ Working on it

RUN := .venv/bin/python -W error -m

.PHONY: install
install: ## install what is missing, without starting anything
	@deploy/local/install

.PHONY: test
test: install ## the whole suite, on servers of its own: make test T=tests/services/crm for a part
	@$(RUN) pytest -n 2 --dist loadfile $(if $(T),$(T),-m 'not alone')
	@$(if $(T),,$(RUN) pytest -m alone)

.PHONY: fuzz
fuzz: install ## send every operation 1 000 requests: make fuzz S=crm for one service, SEED=7 for the same again, N=50 for fewer
	@seed=$(or $(SEED),$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')); echo "make fuzz S=$(S) N=$(N) SEED=$$seed"; \
	CARBOT_FUZZ_EXAMPLES=$(or $(N),1000) $(RUN) pytest -q tests/contract/test_fuzz.py $(if $(S),-k '[$(S)-') --hypothesis-seed=$$seed

.PHONY: check
check: install ## format, lint, types, import rules, migrations
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/basedpyright --level error
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/squawk --config .squawk.toml libs/core/sql/[0-9]*.sql services/*/migrations/*.sql

.PHONY: format
format: install ## format, and mend what can be mended by itself
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --fix --quiet .

.PHONY: snapshots
snapshots: install ## write again what is generated: schema.sql, event schemas and catalogue, OpenAPI snapshots
	@$(RUN) carbot_testing.schema --write
	@$(RUN) carbot_testing.catalogue --write
	@CARBOT_WRITE_SNAPSHOTS=1 $(RUN) pytest -q tests/contract

.PHONY: bench
bench: install ## measure, side by side, on servers of its own
	@.venv/bin/python -m tests.perf

.PHONY: bench-identity
bench-identity: install ## measure what strangers can tell, floods of sign-ins, races of refreshes, rotating keys
	@.venv/bin/python -m tests.perf.identity

.PHONY: bench-overload
bench-overload: install ## ask for three times what can be done, for a minute: what is done, what is refused, how fast
	@.venv/bin/python -m tests.perf.overload

.PHONY: bench-data
bench-data: install ## fill a database with 500 workshops' customers, vehicles, leads and a million messages, and say how long it took
	@.venv/bin/python -m tests.perf.crm --data

.PHONY: bench-crm
bench-crm: install ## ask crm at that volume, then with ten times the organisations
	@.venv/bin/python -m tests.perf.crm

.PHONY: plans
plans: install ## run crm's tests in a full database, and look at the plan of every statement
	@.venv/bin/python -m tests.perf.crm.plans

.PHONY: chaos
chaos: install ## kill, freeze and cut off everything, at length, and compare: make chaos SEED=7 for the same again
	@.venv/bin/python -m tests.chaos.storm $(if $(SEED),--seed $(SEED))
	@.venv/bin/python -m tests.chaos.crash_points
	@.venv/bin/python -m tests.chaos.frozen $(if $(SEED),--seed $(SEED))
	@.venv/bin/python -m tests.chaos.restarts $(if $(SEED),--seed $(SEED))
	@.venv/bin/python -m tests.chaos.read_your_writes
	@.venv/bin/python -m tests.chaos.pool_isolation --requests 1000000 $(if $(SEED),--seed $(SEED))

.PHONY: mutate
mutate: install ## plant faults in the core, one at a time, and count those that no test notices: make mutate S=200 SEED=7
	@nice .venv/bin/python -m tests.mutation $(if $(S),--sample $(S)) $(if $(SEED),--seed $(SEED))

.PHONY: audit
audit: install ## look our dependencies up in the advisory service (needs the internet)
	@uv export --frozen --no-dev --no-emit-workspace --quiet | .venv/bin/pip-audit --strict --requirement /dev/stdin --disable-pip

##@ Help

.PHONY: help
help: ## print this
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

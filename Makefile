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

##@ Help

.PHONY: help
help: ## print this
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

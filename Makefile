GOLANGCI_LINT = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME ?= 30s
DURATION ?= 45s

.DEFAULT_GOAL := help
.PHONY: help build test lint fmt demo simulate mutants bench fuzz clean

help: ## List every target with a sentence.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the one binary, bin/pushledger.
	go build -trimpath -o bin/pushledger ./cmd/pushledger

test: ## Run every test under the race detector.
	go test -race -timeout 9m ./...

lint: ## Check style, the import rules and common mistakes.
	$(GOLANGCI_LINT) run ./...

fmt: ## Format every file as the linter demands.
	$(GOLANGCI_LINT) fmt ./...

demo: build ## Run complete purchases in a throw-away sandbox and audit them.
	./bin/pushledger demo

simulate: ## Play purchases under faults for DURATION (default 45s), or PURCHASES of them, from SEED if given.
	go run ./sagas/simulation/simulate -duration $(DURATION) $(if $(PURCHASES),-purchases $(PURCHASES)) $(if $(SEED),-seed $(SEED))

mutants: ## Plant bugs into the purchase saga; the simulator must find each.
	go run ./sagas/simulation/mutants

bench: build ## Measure the service against the engines it stands on.
	./bin/pushledger bench

fuzz: ## Fuzz every target for FUZZTIME each (default 30s).
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file target; do \
		go test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$(dirname "$$file")" </dev/null || exit 1; \
	done

clean: ## Remove what build and the tests left behind.
	rm -rf bin coverage.out
	find . -name '*.test' -type f -delete

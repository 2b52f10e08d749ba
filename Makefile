GOLANGCI_LINT = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
CYCLONEDX = go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.9.0
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
VERSION ?= 0.1.0+$(shell git describe --always --dirty)
RELEASE = CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -buildid= -X main.version=$(VERSION)'
FUZZTIME ?= 30s
DURATION ?= 45s

.DEFAULT_GOAL := help
.PHONY: help build test lint fmt demo simulate mutants bench fuzz release vuln clean

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

bench: build ## Measure the service against its peers, half an hour; docs/performance.md tells of more.
	./bin/pushledger bench

fuzz: ## Fuzz every target for FUZZTIME each (default 30s).
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file target; do \
		go test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$(dirname "$$file")" </dev/null || exit 1; \
	done

release: ## Build the release twice, compare, and write dist/ with a bill of materials and checksums.
	rm -rf dist
	$(RELEASE) -o dist/pushledger ./cmd/pushledger
	$(RELEASE) -a -o dist/again/pushledger ./cmd/pushledger
	cmp dist/pushledger dist/again/pushledger
	rm -r dist/again
	$(CYCLONEDX) bin -json -std -noserial -version $(VERSION) -output dist/pushledger.cdx.json dist/pushledger
	cp docs/deploy/pushledger.service docs/deploy/Containerfile dist/
	cd dist && sha256sum pushledger pushledger.cdx.json pushledger.service Containerfile > SHA256SUMS

vuln: ## Look for known vulnerabilities in what is called; needs the Go vulnerability database.
	GOBIN=$(CURDIR)/bin go install $(GOVULNCHECK)
	@./bin/govulncheck ./... || { code=$$?; \
		[ $$code -eq 3 ] || echo "vuln: nothing was checked: the vulnerability database did not answer, or the code did not load (see above)" >&2; \
		exit $$code; }

clean: ## Remove what build and the tests left behind.
	rm -rf bin dist coverage.out
	find . -name '*.test' -type f -delete

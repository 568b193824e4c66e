# Scrip: build, test and demo. `make help` lists the targets.
# Building and running need Go and make only; all tests need Node 20.19 too, and
# install the browser that they drive if there is none.

# Tests run what ships: one static binary without C.
CGO_ENABLED ?= 0
export CGO_ENABLED

GO       ?= go

# All commands compile alike, so that vet, tests and programs share one build cache, in
# whatever folder the repository lies.
GOFLAGS  := $(strip $(filter-out -trimpath,$(shell $(GO) env GOFLAGS)) -trimpath)
export GOFLAGS

# How many steps of the tests run beside one another: some wait, some compute.
JOBS     ?= 2
FUZZTIME ?= 10s
SEEDS    ?= 20000
KILLS    ?= 200
FAULTS   ?= 200
MUTATE_SEED ?= 1
SKIP     ?= 0
CENSUS   ?= 2000
RACES    ?= 1000
RATE     ?= 2000
DAMAGES  ?= 500
ATTACK   ?= 500
SKEW     ?= 10m
FROM     := $(or $(FROM),$(shell date +%s)0000)
BENCH    ?= .
COUPONS  ?= 1000000
LINT_VERSION := v2.15.0
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION)

.DEFAULT_GOAL := build
.PHONY: help build demo check test test-tools go-test fmt-check race sim census mutate e2e-kill e2e-race index-lag e2e-damage e2e-attack e2e-clock fuzz bench lab lab-quick comet comet-test release release-same release-smoke web web-check web-e2e web-scale pictures sdk sdk-test lint clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/scrip, one static binary
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/scrip ./cmd/scrip

demo: build ## Run a four-validator network on this machine
	bin/scrip demo

fmt-check:
	@files=$$("$$($(GO) env GOROOT)/bin/gofmt" -l .) || exit 1; \
	if [ -n "$$files" ]; then echo "gofmt -w these files:"; echo "$$files"; exit 1; fi

check: fmt-check ## Before each commit: format, vet, house rules, short tests
	$(GO) vet ./...
	$(GO) test -vet=off -count=1 ./internal/tidy
	$(GO) test -vet=off -short ./...

test: fmt-check ## Everything that must hold; what continuous integration runs
	@echo "Steps run $(JOBS) at a time. Each one's output appears when it has ended."
	@$(MAKE) --no-print-directory -j$(JOBS) --output-sync=target lab test-tools
	@$(MAKE) --no-print-directory -j$(JOBS) --output-sync=target \
	  go-test web-e2e comet-test sdk-test web-check lab-quick release-smoke || \
	  { echo "make test failed: the step is named in a line with ***"; exit 1; }

# What is fetched before the tests, while the programs are compiled.
test-tools: web/node_modules/.package-lock.json sdk/typescript/node_modules/.package-lock.json
	web/e2e/install.sh
	index/install.sh

go-test: build ## Vet and test the module; part of test
	$(GO) vet ./...
	SCRIP_NEED_POSTGRES=1 SCRIP=$(CURDIR)/bin/scrip $(GO) test -vet=off -timeout 10m ./...

race: ## The short tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -short -timeout 20m ./...

sim: ## SEEDS random simulated networks from seed FROM, and which checks of the engines they never reached; SEED=n replays one with its trace
	$(GO) test -count=1 -timeout 0 -v -run '^TestClusterKeepsItsPromises$$' ./pbft/pbfttest \
	  $(if $(SEED),-sim.seed=$(SEED),-sim.from=$(FROM) -sim.count=$(SEEDS))
	$(if $(SEED),,@$(MAKE) --no-print-directory census CENSUS=$(CENSUS) FROM=$(FROM))

census: ## Fail where no test sees a check of the engines refuse; CENSUS=n lists what so many random runs never reach
	$(GO) test -count=1 -timeout 0 -v -run '^TestEveryCheckRefuses$$' ./internal/mutate \
	  $(if $(filter command line,$(origin CENSUS)),-census.seeds=$(CENSUS) -census.from=$(FROM))

mutate: ## Put FAULTS faults of MUTATE_SEED into engines and driver, one at a time, after the first SKIP: do the tests see them?
	$(GO) test -count=1 -timeout 0 -v -run '^TestFaultsAreFound$$' ./internal/mutate \
	  -mutate.count=$(FAULTS) -mutate.seed=$(MUTATE_SEED) -mutate.from=$(SKIP) \
	  $(if $(AREAS),-mutate.areas=$(AREAS)) $(if $(MATCH),-mutate.match='$(MATCH)')

e2e-kill: ## Kill processes of a loaded network KILLS times; E2E_SEED=n repeats the choices
	$(GO) test -count=1 -timeout 0 -v -run '^TestKill$$' ./e2e -e2e.kills=$(KILLS) $(if $(E2E_SEED),-e2e.seed=$(E2E_SEED))

index-lag: ## How old blocks are when their rows can be asked for, at RATE transactions a second
	SCRIP_NEED_POSTGRES=1 $(GO) test -count=1 -timeout 0 -v -run '^TestLag$$' ./index -index.rate=$(RATE)

e2e-race: ## Redeem RACES coupons at two tills at the same moment
	$(GO) test -count=1 -timeout 0 -v -run '^TestRace$$' ./e2e -e2e.races=$(RACES)

e2e-damage: ## Start validators on DAMAGES damaged homes; E2E_SEED=n repeats the choices
	$(GO) test -count=1 -timeout 0 -v -run '^TestDamage$$' ./e2e -e2e.damages=$(DAMAGES) $(if $(E2E_SEED),-e2e.seed=$(E2E_SEED))

e2e-attack: ## One member does its worst: time and memory of the others, idle and attacked, side by side
	$(GO) test -count=1 -timeout 0 -v -run '^TestMemberAttacks$$' ./e2e -e2e.attack=$(ATTACK)

e2e-clock: ## One validator's clock is wrong by SKEW, then by as much the other way: builds scrip with such a clock
	$(GO) test -count=1 -timeout 0 -v -run '^TestClock$$' ./e2e -e2e.skew=$(SKEW)

fuzz: ## Every fuzz target for FUZZTIME each
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

bench: ## Benchmarks matching BENCH
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

# The faces are built into the program from web/dist, which is part of the repository:
# only who changes web/src needs Node.
web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci
	@touch $@

web: web/node_modules/.package-lock.json ## Build the faces into web/dist (needs Node 20)
	cd web && node build.mjs

sdk/typescript/node_modules/.package-lock.json: sdk/typescript/package-lock.json
	cd sdk/typescript && npm ci

sdk: sdk/typescript/node_modules/.package-lock.json ## Build the TypeScript SDK into sdk/typescript/dist (needs Node 20)
	cd sdk/typescript && npm run build

sdk-test: build sdk/typescript/node_modules/.package-lock.json ## The SDK against every golden vector and a network of four
	cd sdk/typescript && npm test

web-check: web/node_modules/.package-lock.json ## Types and tests of the faces, and that web/dist is what the sources give
	cd web && npm run check && node build.mjs --check

web-e2e: build web/node_modules/.package-lock.json ## The faces in a real browser over a real network
	web/e2e/install.sh
	cd web && npm run e2e

web-scale: build web/node_modules/.package-lock.json ## Every page of explorer and console over COUPONS coupons; CROWD=DIR keeps the ledger
	web/e2e/install.sh
	cd web && COUPONS=$(COUPONS) $(if $(CROWD),CROWD=$(abspath $(CROWD))) $(if $(SCALE_MS),SCALE_MS=$(SCALE_MS)) npm run scale

pictures: build web/node_modules/.package-lock.json ## Make the README's pictures anew
	web/e2e/install.sh
	cd web && npm run pictures

# The ledger on CometBFT is a module of its own: ./... does not reach it.
lab: build ## Build bin/scrip-lab; then bin/scrip-lab list
	$(GO) build -buildvcs=auto -ldflags '$(LDFLAGS)' -o bin/scrip-lab ./cmd/scrip-lab

lab-quick: lab ## Simulate the main comparisons and check the thresholds, in less than two minutes
	bin/scrip-lab quick

comet: ## Build bin/scrip-comet, validators on CometBFT
	cd engines/cometbft && $(GO) build -ldflags '$(LDFLAGS)' -o ../../bin/scrip-comet ./cmd/scrip-comet

comet-test: ## The module on CometBFT: the same results on both engines, networks that are killed
	cd engines/cometbft && $(GO) vet ./... && $(GO) test -vet=off -timeout 10m ./...

RELEASE := $(VERSION:v%=%)

release: ## Make a release of all platforms in dist/VERSION; KEY=FILE signs it
	$(GO) run ./cmd/scrip-release make --version '$(RELEASE)' $(if $(MAINTAINER),--maintainer '$(MAINTAINER)') \
	  'dist/$(RELEASE)'
	$(if $(KEY),$(GO) run ./cmd/scrip-release sign --key '$(KEY)' --version '$(RELEASE)' 'dist/$(RELEASE)', \
	  @echo "not signed: KEY=FILE signs it")

release-same: ## Compile a release twice from nothing, in two folders, and compare the bytes; PLATFORM=linux/amd64 for one
	$(GO) run ./cmd/scrip-release same --apart $(PLATFORM:%=--platform %)

release-smoke: ## One platform of a release, made in two folders, is the same; part of test
	$(GO) run ./cmd/scrip-release same --version 0.0.0 --time 1 --platform linux/amd64

# The linter is a tool, not a dependency: it has its own version and stays out of go.mod.
bin/golangci-lint-$(LINT_VERSION):
	@mkdir -p bin
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv bin/golangci-lint $@

lint: ## golangci-lint, if it can be installed
	@if $(MAKE) --no-print-directory bin/golangci-lint-$(LINT_VERSION); then \
	  bin/golangci-lint-$(LINT_VERSION) run ./...; \
	else \
	  echo "lint skipped: golangci-lint $(LINT_VERSION) could not be installed"; \
	fi

clean: ## Remove what was built
	rm -rf bin dist

# Everything here sets up what it needs first; the first time downloads libtensorflow
# and Python TensorFlow (about 600 MB).

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

OUT ?= demo-out
FUZZTIME ?= 30s

# Tools that are built from the Go module proxy, once, into .tools.
GOLANGCI_LINT_VERSION := v2.15.0
NFPM_VERSION := v2.43.0
CYCLONEDX_VERSION := v1.10.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
golangci_lint := .tools/golangci-lint-$(GOLANGCI_LINT_VERSION)
nfpm := .tools/nfpm-$(NFPM_VERSION)
cyclonedx := .tools/cyclonedx-gomod-$(CYCLONEDX_VERSION)

# The cgo packages are built with the flags that scripts/libtensorflow.sh left.
WITH_LIBTENSORFLOW = . .libtensorflow/env &&
# -timeout is per package; the slowest train in Python too. The coverage that is printed is
# held against scripts/coverage.txt.
GO_TEST = go test -timeout 20m -cover

# The packages that reach libtensorflow, in their tests at least, and the others, which build without cgo.
all = $(shell go list ./...)
cgo = $(shell go list -f '{{.ImportPath}}: {{join .Deps " "}} {{join .TestImports " "}} {{join .XTestImports " "}} ' ./... \
  | grep -E ' github.com/(galeone/tensorflow/tensorflow/go|tfkeep/tfkeep/(capi|tf|saver|savedmodel)) ' | cut -d: -f1)
pure = $(filter-out $(cgo),$(all))
scripts = $(shell find scripts examples .ci -name '*.sh' -o -path .ci/run)
python = $${TFKEEP_PYTHON:-$(CURDIR)/.venv/bin/python}

export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: libtensorflow python ## get libtensorflow, Python TensorFlow and the Go modules
	go mod download

.PHONY: libtensorflow
libtensorflow:
	@scripts/libtensorflow.sh

.PHONY: python
python:
	@scripts/python.sh

.PHONY: demo
demo: libtensorflow cli ## train, be killed, resume, freeze, serve: OUT=DIR keeps the files there
	@$(WITH_LIBTENSORFLOW) go build -o bin/digits/ ./examples/digits/...
	@examples/digits/demo.sh "$(OUT)"

.PHONY: demo-tf2
demo-tf2: libtensorflow python ## train a Keras model from Go and hand it back: OUT=DIR keeps the files there
	@$(WITH_LIBTENSORFLOW) go build -o bin/tf2 ./examples/tf2
	@examples/tf2/demo.sh "$(OUT)"

.PHONY: test
test: setup check-generated test-pure test-cgo coverage lint cross race-short test-scripts test-image ## all tests, with Python beside them, and the linters

.PHONY: test-pure
test-pure: python
	@mkdir -p out
	TFKEEP_REQUIRE_ORACLE=1 CGO_ENABLED=0 $(GO_TEST) $(pure) | tee out/test-pure.txt

# Without Python: the tests that ask TensorFlow skip.
.PHONY: test-pure-alone
test-pure-alone: ## the tests of the pure packages, without Python and libtensorflow
	CGO_ENABLED=0 $(GO_TEST) $(pure)

.PHONY: test-cgo
test-cgo: libtensorflow python
	@mkdir -p out
	$(WITH_LIBTENSORFLOW) TFKEEP_REQUIRE_ORACLE=1 $(GO_TEST) $(cgo) | tee out/test-cgo.txt

# What the last test-pure and test-cgo printed.
.PHONY: coverage
coverage:
	@scripts/coverage.sh scripts/coverage.txt out/test-pure.txt out/test-cgo.txt

SOAK ?= 30m

# By hand: a training that saves every second and is killed 100 times, with an evaluator beside it.
.PHONY: soak
soak: libtensorflow ## a training is killed 100 times in SOAK=30m
	$(WITH_LIBTENSORFLOW) TFKEEP_SOAK=$(SOAK) go test -count=1 -v -timeout 0 -run '^TestSoak$$' ./saver/supervisor

.PHONY: test-scripts
test-scripts:
	scripts/test/libtensorflow_test.sh
	scripts/test/image_test.sh
	scripts/test/coverage_test.sh
	scripts/test/release_test.sh

# Where no image can be built it says so, and that is no fault.
.PHONY: test-image
test-image: python
	@scripts/image_test.sh --if-possible

.PHONY: race
race: libtensorflow python ## all Go tests under the race detector
	$(WITH_LIBTENSORFLOW) TFKEEP_REQUIRE_ORACLE=1 go test -timeout 40m -race ./...

# The packages whose own goroutines share data, without their long tests.
.PHONY: race-short
race-short: libtensorflow python
	$(WITH_LIBTENSORFLOW) TFKEEP_REQUIRE_ORACLE=1 go test -timeout 20m -race -short ./checkpoint/... ./internal/parallel ./saver/...

.PHONY: lint
lint: libtensorflow python $(golangci_lint) ## gofmt, golangci-lint, shellcheck, hadolint
	@unformatted=$$(find . -name '*.go' -not -path './.*' -exec gofmt -l {} +); \
	  [[ -z $$unformatted ]] || { echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	$(WITH_LIBTENSORFLOW) $(golangci_lint) run ./...
	@if [[ -x .venv/bin/shellcheck ]]; then .venv/bin/shellcheck -x $(scripts) && echo "shellcheck: $(words $(scripts)) scripts are clean"; \
	  else echo "shellcheck: not in .venv (TFKEEP_PYTHON is used), scripts are not checked"; fi
	@if [[ -x .venv/bin/hadolint ]]; then .venv/bin/hadolint Dockerfile.gpu && echo "hadolint: Dockerfile.gpu is clean"; \
	  else echo "hadolint: not in .venv (TFKEEP_PYTHON is used), Dockerfile.gpu is not checked"; fi

$(golangci_lint):
	scripts/tool.sh github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION) $@

# go vet compiles the tests too.
.PHONY: cross
cross: ## vet the pure packages for other systems and build tfkeep for them
	@for target in linux/arm64 darwin/arm64 windows/amd64; do \
	  echo "vet and build for $$target"; \
	  export CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/}; \
	  go vet $(pure); \
	  go build -o /dev/null ./cmd/tfkeep; \
	done

.PHONY: vuln
vuln: ## known vulnerabilities in what tfkeep reaches; needs vuln.go.dev, or GOVULNDB
	$(WITH_LIBTENSORFLOW) go run $(GOVULNCHECK) ./...

.PHONY: api
api: ## write api/tfkeep.txt, the exported API
	go run ./scripts/apitext api/tfkeep.txt

.PHONY: docs
docs: ## write docs/cli.md from the commands
	CGO_ENABLED=0 go run ./cmd/tfkeep/internal/gendocs -cli docs/cli.md

# A test of gendocs checks docs/cli.md.
.PHONY: check-generated
check-generated:
	go mod tidy -diff
	go run ./scripts/apitext -check api/tfkeep.txt

.PHONY: release
release: $(nfpm) $(cyclonedx) ## dist/: static binaries for six platforms, packages, SBOM, checksums
	NFPM=$(nfpm) CYCLONEDX=$(cyclonedx) scripts/release.sh

$(nfpm):
	scripts/tool.sh github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION) $@

$(cyclonedx):
	scripts/tool.sh github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_VERSION) $@

.PHONY: fuzz
fuzz: libtensorflow ## each fuzz test for FUZZTIME (30s)
	@$(WITH_LIBTENSORFLOW) for package in $(pure) ./tf; do \
	  if [[ $$package == ./tf ]]; then export CGO_ENABLED=1; else export CGO_ENABLED=0; fi; \
	  for name in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); do \
	    echo "$$package $$name"; \
	    go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$package"; \
	  done; \
	done

PART ?= 1/1

.PHONY: faults
faults: libtensorflow python ## kill, EIO and ENOSPC at every system call that saves, exports and commands make: PART=2/3 tries a third
	$(WITH_LIBTENSORFLOW) TFKEEP_REQUIRE_ORACLE=1 TFKEEP_ALL_FAULTS=$(PART) go test -timeout 3h -count 1 -v -run TestFaultsOf ./internal/test/interop | grep -E '^ *--- (FAIL|PASS): [A-Za-z]+/[^/]* |faults$$|^(ok|FAIL)|Error:|Messages:'

.PHONY: bench
bench: libtensorflow python cli ## tfkeep beside Python TensorFlow on the same work: ratios
	$(WITH_LIBTENSORFLOW) go build -o bin/ ./examples/digits/... ./bench/...
	bin/bench -python "$(python)" $(BENCHFLAGS)

.PHONY: bench-compare
bench-compare: libtensorflow ## the Go benchmarks of this checkout beside those of BASE=COMMIT
	@scripts/bench_compare.sh "$(BASE)" "$(or $(BENCH),.)"

.PHONY: growth
growth: libtensorflow ## how time and memory grow with the number of variables: docs/scale.svg
	$(WITH_LIBTENSORFLOW) go build -o bin/ ./bench
	bin/bench -task growth docs/scale.svg 1000 3000 10000

.PHONY: cli
cli: ## bin/tfkeep, the command line: static, without libtensorflow
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/tfkeep ./cmd/tfkeep

.PHONY: run-cli
run-cli: libtensorflow ## bin/tfkeep-run, which runs SavedModels: with libtensorflow
	$(WITH_LIBTENSORFLOW) go build -trimpath -ldflags '-s -w' -o bin/tfkeep-run ./cmd/tfkeep-run

.PHONY: server
server: libtensorflow ## bin/tfkeep-server, a member of a cluster: with libtensorflow
	$(WITH_LIBTENSORFLOW) go build -trimpath -ldflags '-s -w' -o bin/tfkeep-server ./cmd/tfkeep-server

.PHONY: image
image: ## a container image with the digits example; FLAVOUR=gpu has CUDA in it
	@scripts/image.sh

.PHONY: image-test
image-test: python ## build the image and train, be killed and resume in it; FLAVOUR=gpu too
	@scripts/image_test.sh

.PHONY: clean
clean: ## remove what was built, not what was downloaded
	rm -rf bin demo-out out dist

# Everything here sets up what it needs first; the first time downloads libtensorflow
# and Python TensorFlow (about 600 MB).

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

OUT ?= demo-out
FUZZTIME ?= 30s
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.1

# The cgo packages are built with the flags that scripts/libtensorflow.sh left.
WITH_LIBTENSORFLOW = . .libtensorflow/env &&
# -timeout is per package; the slowest train in Python too.
GO_TEST = go test -timeout 20m

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
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

.PHONY: test
test: setup test-pure test-cgo lint test-scripts test-image ## all tests, with Python beside them, and the linters

.PHONY: test-pure
test-pure: python
	TFKEEP_REQUIRE_ORACLE=1 CGO_ENABLED=0 $(GO_TEST) $(pure)

.PHONY: test-cgo
test-cgo: libtensorflow python
	$(WITH_LIBTENSORFLOW) TFKEEP_REQUIRE_ORACLE=1 $(GO_TEST) $(cgo)

.PHONY: test-scripts
test-scripts:
	scripts/test/libtensorflow_test.sh
	scripts/test/image_test.sh

# Where no image can be built it says so, and that is no fault.
.PHONY: test-image
test-image: python
	@scripts/image_test.sh --if-possible

.PHONY: race
race: libtensorflow python ## all Go tests under the race detector
	$(WITH_LIBTENSORFLOW) TFKEEP_REQUIRE_ORACLE=1 $(GO_TEST) -race ./...

.PHONY: lint
lint: libtensorflow python ## gofmt, go vet, staticcheck, shellcheck, hadolint
	@unformatted=$$(find . -name '*.go' -not -path './.*' -exec gofmt -l {} +); \
	  [[ -z $$unformatted ]] || { echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	$(WITH_LIBTENSORFLOW) go vet ./...
	$(WITH_LIBTENSORFLOW) go run $(STATICCHECK) ./...
	@if [[ -x .venv/bin/shellcheck ]]; then .venv/bin/shellcheck -x $(scripts) && echo "shellcheck: $(words $(scripts)) scripts are clean"; \
	  else echo "shellcheck: not in .venv (TFKEEP_PYTHON is used), scripts are not checked"; fi
	@if [[ -x .venv/bin/hadolint ]]; then .venv/bin/hadolint Dockerfile.gpu && echo "hadolint: Dockerfile.gpu is clean"; \
	  else echo "hadolint: not in .venv (TFKEEP_PYTHON is used), Dockerfile.gpu is not checked"; fi

.PHONY: fuzz
fuzz: libtensorflow ## each fuzz test for FUZZTIME (30s)
	@$(WITH_LIBTENSORFLOW) for package in $(pure) ./tf; do \
	  if [[ $$package == ./tf ]]; then export CGO_ENABLED=1; else export CGO_ENABLED=0; fi; \
	  for name in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); do \
	    echo "$$package $$name"; \
	    go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$package"; \
	  done; \
	done

.PHONY: bench
bench: libtensorflow python cli ## tfkeep beside Python TensorFlow on the same work: ratios
	$(WITH_LIBTENSORFLOW) go build -o bin/ ./examples/digits/... ./internal/bench/...
	bin/bench -python "$(python)" $(BENCHFLAGS)

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
	rm -rf bin demo-out out

# `make` alone prints what there is.

# Where `make run` listens and what it keeps everything in.
PORT ?= 8443
RUN_DIR ?= .run
# Seconds that `make bench` loads each case, in how many turns, and which parts of it; all of them if none is named.
BENCH_SECONDS ?= 10
BENCH_TURNS ?= 5
BENCH_PARTS ?=
# Percent of the lines of Sources that the tests must run through.
COVERAGE_FLOOR := 95

# Every bash script, by its first line; in quotes, for names with spaces.
SCRIPTS := $(shell grep -lErs '^\#!/usr/bin/env bash|^\# shellcheck shell=bash' deploy Tests/Clients Tests/Coverage Tests/Deploy Tests/Fuzz Tests/Load Tests/run .ci | sed "s/.*/'&'/")
SWIFT_SOURCES := Package.swift Sources Tests
# What runs on the event loop.
ON_THE_LOOP := $(shell find Sources/API Sources/Chat Sources/Curl Sources/FastCGI Sources/Models Sources/Outbox Sources/Sessions Sources/Storage -name '*.swift' | sed "s/.*/'&'/")

.DEFAULT_GOAL := help
.PHONY: help build run dev hooks test test-sanitizer coverage bench bench-record bench-compare soak test-edge fuzz test-thread test-address sbom deb test-deb test-docker format lint lint-files check clean
.PHONY: run-packages dev-packages test-packages edge-packages bench-packages deb-packages package-test-packages

help:
	@echo 'make run      build, and serve on https://localhost:$(PORT) until Ctrl-C (PORT=8443 RUN_DIR=.run)'
	@echo 'make dev      the same with a debug program, built and reloaded at each change of a source, a page or .env'
	@echo 'make build    the release program, .build/release/parley'
	@echo 'make test     unit tests and end-to-end tests'
	@echo 'make test-sanitizer  100,000 made-up attacks, judged by html5lib, Markdown renderers and nh3'
	@echo 'make coverage all tests, and how many lines of each target they run through'
	@echo 'make bench    what Parley carries, costs and adds to a call, against its targets; a quarter of an hour'
	@echo '              (BENCH_PARTS="throughput added" BENCH_SECONDS=10 BENCH_TURNS=5)'
	@echo 'make bench-compare  whether throughput got worse since the last `make bench-record`; three minutes each'
	@echo 'make soak     ten minutes of faults under load: reloads, kills, a full disk'
	@echo 'make test-edge    slow attacks by slowhttptest, and sslyze; two minutes (ATTACK_SECONDS=25)'
	@echo 'make fuzz     libFuzzer on every decoder (FUZZ_SECONDS=20, of each)'
	@echo 'make test-thread, make test-address  the unit tests under ThreadSanitizer, AddressSanitizer'
	@echo 'make sbom     prints what it is made of, as CycloneDX'
	@echo 'make deb      the Debian package'
	@echo 'make test-deb     installs it in a bare Debian of its own, uses it and removes it; as root'
	@echo 'make test-docker  runs the steps of the Dockerfile in a bare Debian of its own; as root'
	@echo 'make format   format the Swift sources'
	@echo 'make lint     check the format of the Swift sources, and the scripts'
	@echo 'make check    lint and test'
	@echo 'make hooks    lint what is committed, before each commit'
	@echo 'make clean    remove what was built; the data of `make run` stays'
	@echo 'Each installs the Debian packages that it needs and does not find.'

# Warnings are errors in every build: Package.swift says so for this package's own targets.
build: run-packages
	@deploy/build-release

run: export PORT := $(PORT)
run: export RUN_DIR := $(RUN_DIR)
run: build
	@deploy/run

dev: export PORT := $(PORT)
dev: export RUN_DIR := $(RUN_DIR)
dev: dev-packages
	@deploy/dev

# The end-to-end tests run the debug program of the same build, one after the other, and the unit tests beside them.
# The clients from PyPI are fetched while the build goes on, which leaves out what only debuggers read.
test: test-packages
	@Tests/Clients/install .build/clients & \
		swift build --build-tests -debug-info-format none -Xswiftc -use-ld=lld && wait $$!
	@Tests/run

# What other people's parsers say of 100,000 attacks that are made up; `make test` has 1,000.
test-sanitizer: test-packages
	@SANITIZER_CASES=100000 swift test --filter SecondJudgeTests

coverage: test-packages
	@Tests/Coverage/measure $(COVERAGE_FLOOR)

bench bench-record bench-compare: export BENCH_SECONDS := $(BENCH_SECONDS)
bench bench-record bench-compare: export BENCH_TURNS := $(BENCH_TURNS)
bench: bench-packages build
	@Tests/Load/bench $(BENCH_PARTS)

bench-record bench-compare: bench-%: bench-packages build
	@Tests/Load/bench --$*

soak: bench-packages build
	@Tests/Load/soak

test-edge: edge-packages build
	@Tests/Clients/install .build/clients
	@Tests/Edge/attacks

fuzz: test-packages
	@Tests/Fuzz/run

# The unit tests, in a build that looks for races or for errors of memory; without those of time and memory that things take.
test-thread: preloaded := .build-thread/mutex.so
test-thread test-address: test-%: test-packages
	swift build --scratch-path .build-$* --build-tests --sanitize=$* -debug-info-format none -Xswiftc -use-ld=lld
	$(if $(preloaded),clang -shared -fPIC -o $(preloaded) Tests/Sanitizers/mutex.c)
	$(if $(preloaded),LD_PRELOAD=$(CURDIR)/$(preloaded)) .build-$*/debug/parleyPackageTests.xctest \
		--testing-library swift-testing --no-parallel --skip 'EndToEndTests|RuleTests/takesTime|SizeTests|CostsNoMemory'

sbom:
	@deploy/sbom

deb: deb-packages build
	@deploy/make-deb

test-deb: package-test-packages deb
	@Tests/Deploy/package

test-docker: package-test-packages
	@Tests/Deploy/docker

format:
	swift format --in-place --recursive --parallel $(SWIFT_SOURCES)

lint: test-packages lint-files
	@Tests/Clients/install .build/clients
	.build/clients/bin/zizmor --quiet --offline --pedantic .github/workflows

# Git's hook has it look at some files alone.
lint-files:
	$(if $(SWIFT_SOURCES),swift format lint --strict --recursive --parallel $(SWIFT_SOURCES))
	@awk 'FNR == 1 || /^$$/ { traits = "" } { traits = traits $$0 } \
		/^[^\/]*(class|struct) [A-Za-z]*Tests[ :{]/ && traits !~ /timeLimit/ { \
			print FILENAME ":" FNR ": a suite without a time limit"; wrong = 1 } \
		END { exit wrong }' Tests/*/*.swift
	@awk 'FNR == 1 { inside = "" } inside != "" && match($$0, /[^ ]/) && RSTART <= inside { inside = "" } \
		{ rest = inside != "" ? $$0 : "" } \
		match($$0, /[{] \[[a-z][^]]*\][ a-zA-Z0-9_,]* in( |$$)/) && !/Task [{] \[/ { \
			rest = substr($$0, RSTART + RLENGTH); match($$0, /[^ ]/); inside = RSTART } \
		rest ~ /await/ { print FILENAME ":" FNR ": an asynchronous closure with a capture list leaves the event loop"; wrong = 1 } \
		END { exit wrong }' $(ON_THE_LOOP)
	$(if $(SCRIPTS),shellcheck -x $(SCRIPTS))

# Another's hook is not replaced. All work trees of a repository have one hook, which looks at the tree that commits: a link
# to another tree's is as good, while that is there.
hooks:
	@hook=$$(git rev-parse --git-path hooks)/pre-commit; mkdir -p "$$(dirname "$$hook")"; \
		case $$(readlink "$$hook") in */deploy/pre-commit) [ -e "$$hook" ] || rm "$$hook" ;; esac; \
		case $$(readlink "$$hook") in */deploy/pre-commit) ;; *) ln -s "$(CURDIR)/deploy/pre-commit" "$$hook" ;; esac && \
		echo "Before each commit: $$hook"

check: lint test

clean:
	swift package clean
	rm -rf .build-coverage .build-fuzz .build-thread .build-address

run-packages dev-packages test-packages edge-packages bench-packages deb-packages package-test-packages: %-packages:
	@deploy/install-packages $*

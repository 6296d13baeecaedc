# Developer verbs; every one does its own set-up. `make help` lists them.
SHELL := /bin/sh
NODE ?= node
VERSION := $(shell sed -n 's/.*"version": "\(.*\)".*/\1/p' package.json)
TS := $(shell find src -name '*.ts' -o -name 'validate.js' 2>/dev/null)
C := $(wildcard src/adapters/native/*.c src/adapters/native/*.h)

.DEFAULT_GOAL := build
.PHONY: dist help setup-build setup-package setup-demo setup-test build native gen check test sim fuzz hostile mutate interop interop-matrix kernel demo bench bench-mobility package lint types conformance clean

help:
	@echo 'make build    build/mobiked and build/mobikectl, runnable in place'
	@echo 'make demo     a router keeps a session alive while its uplinks die under it'
	@echo 'make check    types, lint, unit, golden and scenario tests (no root, no network)'
	@echo 'make test     everything, real peers included (root: installs what it needs)'
	@echo 'make kernel   the netlink of ESP against a guest kernel (root, User Mode Linux)'
	@echo 'make sim      random worlds of ten simulated minutes with fresh seeds, SEEDS=n; SEED=x plays one again'
	@echo 'make conformance  test/conformance/*.md: every requirement and its tests'
	@echo 'make bench    the figures'
	@echo 'make bench-mobility  what a change of uplink, NAT or hub costs, beside strongSwan'
	@echo 'make fuzz     coverage-guided fuzzing of every parser and of live SAs, FUZZ_SECONDS=n'
	@echo 'make mutate   mutation testing of the IKE codec, engine and key schedule'
	@echo 'make package  build/mobiked_VERSION_x86_64.ipk'

node_modules/.stamp: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

include src/adapters/native/build.mk

build/lib/mobiked.mjs build/lib/mobikectl.mjs &: $(TS) src/main/bundle.mjs package.json node_modules/.stamp
	@mkdir -p build/lib
	$(NODE) src/main/bundle.mjs $(VERSION) build/lib

# Wrappers that exec: one process, and `ps` shows node with the program.
build/mobiked build/mobikectl: build/%: Makefile
	@mkdir -p build
	@printf '#!/bin/sh\nexec "$${NODE:-node}" "$$(dirname "$$(readlink -f "$$0")")/lib/%s.mjs" "$$@"\n' $* > $@
	@chmod 755 $@

# Debian packages: installed when root, named when not.
setup-%:
	@test/setup.sh $*

build/lib/mobiked.node: | setup-build
build/musl/mobiked.node: | setup-package

build: build/lib/mobiked.mjs build/lib/mobiked.node build/mobiked build/mobikectl

# The .ipk with the addon against musl, and the release tarball that the feed recipe builds from.
package: build native-musl
	$(NODE) package/make-ipk.mjs

dist: build
	$(NODE) package/make-dist.mjs

# What is generated from tables: the checks of the configuration. A test fails when it is stale.
gen: node_modules/.stamp
	$(NODE) src/config/gen.mjs

types: node_modules/.stamp
	node_modules/.bin/tsc -p tsconfig.core.json
	node_modules/.bin/tsc -p tsconfig.json

lint: node_modules/.stamp
	node_modules/.bin/eslint .

# Types, lint, unit, golden and scenario tests: no root, no network.
check: build
	@$(MAKE) --no-print-directory -j2 types lint
	$(NODE) test/run.mjs
	$(NODE) test/conformance/run.mjs --judge build/outcomes.json
	@cat build/summary.txt

# The lists of requirements and their tests. A test fails when they are stale.
conformance: node_modules/.stamp
	$(NODE) test/conformance/run.mjs

# Everything. Suites that need root or packages say so when they are skipped.
test: types lint package
	-@test/setup.sh test
	-@test/setup.sh fuzz
	$(NODE) test/run.mjs --all
	$(NODE) test/scenario/worlds.mjs --from 1 --seconds 120 10000
	$(NODE) test/conformance/run.mjs --judge build/outcomes.json
	@cat build/summary.txt

# Random worlds of ten simulated minutes; see test/scenario/worlds.mjs.
sim: node_modules/.stamp
	SEED=$(SEED) $(NODE) test/scenario/worlds.mjs $(or $(SEEDS),100)

# Coverage-guided, FUZZ_SECONDS in all (120); faults are kept in test/fuzz/regressions. FUZZ_SAVE=1 keeps what was found. See test/fuzz/run.mjs.
fuzz: build
	-@test/setup.sh fuzz
	$(NODE) test/fuzz/run.mjs $(FUZZ)

# Mutation testing of codec/ike, crypto and ike: score, survivors, those on lines with an RFC reference. Goes on where it was stopped;
# see test/mutation/run.mjs. MUTATE='--report', MUTATE='src/crypto --seconds 600'.
mutate: node_modules/.stamp
	nice -n 15 $(NODE) test/mutation/run.mjs $(MUTATE)

# A stranger and a member that break every rule once, with the time an honest router then needs.
hostile: node_modules/.stamp
	MEASURED=1 VERBOSE=1 $(NODE) test/run.mjs test/hostile

interop: build
	-@test/setup.sh test
	$(NODE) test/run.mjs test/interop

# What mobiked says to a kernel, said to one: a User Mode Linux guest.
kernel: build
	-@test/setup.sh test
	$(NODE) test/run.mjs test/kernel

# Writes test/interop/MATRIX.md from what all peers do; those in guests come last and write it.
interop-matrix: build
	-@test/setup.sh test
	rm -rf build/interop/native
	MATRIX=write $(NODE) test/run.mjs --concurrency 1 $(sort $(wildcard test/interop/strongswan-*.test.ts)) test/interop/kernel.test.ts

demo: build setup-demo
	@$(NODE) test/demo/run.mjs

bench: build setup-demo
	@$(NODE) test/demo/run.mjs --bench

bench-mobility: build
	-@test/setup.sh test
	@$(NODE) test/demo/run.mjs --mobility

clean:
	rm -rf build

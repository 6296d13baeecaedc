# Developer verbs; every one does its own set-up. `make help` lists them.
SHELL := /bin/sh
NODE ?= node
VERSION := $(shell sed -n 's/.*"version": "\(.*\)".*/\1/p' package.json)
TS := $(shell find src test -name '*.ts' 2>/dev/null)
C := $(wildcard src/adapters/native/*.c src/adapters/native/*.h)

.DEFAULT_GOAL := build
.PHONY: help build native gen check test fuzz interop demo bench package lint types clean

help:
	@echo 'make build    build/mobiked and build/mobikectl, runnable in place'
	@echo 'make demo     a router keeps a session alive while its uplinks die under it'
	@echo 'make check    types, lint, unit, golden and scenario tests (no root, no network)'
	@echo 'make test     everything, real peers included (root: installs what it needs)'
	@echo 'make bench    the figures'
	@echo 'make package  build/mobiked_VERSION_x86_64.ipk'

node_modules/.stamp: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clean:
	rm -rf build

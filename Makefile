.PHONY: help build test run format lint

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'
build: ## build the three programs in release mode
	ops/build
test: ## set everything up and pass the tests
	ops/test
run: ## the main job
	ops/run
format: ## format all Swift sources
	swift format -i -r Sources Tests Package.swift
lint: ## check the format
	swift format lint -r Sources Tests Package.swift

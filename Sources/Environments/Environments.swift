// Environments: see docs/architecture.md, "Code".

// Domain: see docs/architecture.md, "Code".

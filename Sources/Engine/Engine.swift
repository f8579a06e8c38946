// Engine: see docs/architecture.md, "Code".

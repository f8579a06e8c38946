// Transformer: see docs/architecture.md, "Code".

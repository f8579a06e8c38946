// Settings: see docs/architecture.md, "Code".

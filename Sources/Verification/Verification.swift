// Verification: see docs/architecture.md, "Code".

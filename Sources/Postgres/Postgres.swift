// Postgres: see docs/architecture.md, "Code".

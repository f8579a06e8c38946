// PostgresLog: see docs/architecture.md, "Code".

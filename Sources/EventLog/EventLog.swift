// EventLog: see docs/architecture.md, "Code".

// Daemon: see docs/architecture.md, "Code".

// Projections: see docs/architecture.md, "Code".

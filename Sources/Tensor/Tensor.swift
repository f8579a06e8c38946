// Tensor: see docs/architecture.md, "Code".

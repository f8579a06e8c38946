// VerifierProtocol: see docs/architecture.md, "Code".

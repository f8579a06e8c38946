"""The parts of ops/fault-test."""

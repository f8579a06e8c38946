import Domain

/// The code-reasoning environment of Absolute Zero (arXiv 2505.03335 §3): triplets (program, input, output), three kinds
/// of problem, two roles.
///
/// Departures from the published code, each after a defect it has: answers are literals that are parsed and never
/// evaluated; values are compared by their typed canonical text, outside the process that made them; a value that is too
/// large refuses the problem instead of being cut; determinism is checked in two processes with different hash seeds.
package struct CodeReasoning: Environment {
  package init() {}
}

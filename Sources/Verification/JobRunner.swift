import VerifierProtocol

/// Whoever has verifier jobs done: the local pool, or workers on other hosts.
package protocol JobRunner: Sendable {
  /// Replies in the order of the jobs, equal jobs done once.
  /// - Throws: when the verifier failed; never a made-up reply (promise P8).
  func run(_ jobs: [VerifierJob]) async throws -> [VerifierReply]
}

extension VerifierPool: JobRunner {}

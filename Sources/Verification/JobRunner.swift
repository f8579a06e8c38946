import VerifierProtocol

/// Whoever has verifier jobs done: the local pool, or workers on other hosts.
package protocol JobRunner: Sendable {
  /// Replies in the order of the jobs, equal jobs done once.
  /// - Throws: when the verifier failed; never a made-up reply (promise P8).
  func run(_ jobs: [VerifierJob]) async throws -> [VerifierReply]
}

extension VerifierPool: JobRunner {}

extension [VerifierJob] {
  /// The jobs that differ, in the order they first appear, and for each job of this list its index among them. Every
  /// runner begins with it: equal jobs have equal answers and are done once.
  /// - Throws: `VerificationError.invalidJob` for one that no worker may be asked.
  package func distinct() throws(VerificationError) -> (jobs: [VerifierJob], places: [Int]) {
    var indices: [VerifierJob: Int] = [:]
    var jobs: [VerifierJob] = []
    var places: [Int] = []
    places.reserveCapacity(count)
    for job in self {
      if let index = indices[job] {
        places.append(index)
        continue
      }
      if let complaint = job.complaint { throw .invalidJob(reason: complaint) }
      indices[job] = jobs.count
      places.append(jobs.count)
      jobs.append(job)
    }
    return (jobs, places)
  }
}

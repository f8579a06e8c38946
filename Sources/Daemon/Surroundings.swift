import Foundation

/// What a process knows about itself and the world: the only way time, host and ids come into the daemon. Tests give their
/// own.
package struct Surroundings: Sendable {
  package var host: String
  package var process: Int
  package var software: String
  package var numericsProfile: String
  /// Seconds of a monotonic clock; differences only.
  package var now: @Sendable () -> Double
  package var makeID: @Sendable () -> UUID

  package init(
    host: String, process: Int, software: String, numericsProfile: String, now: @escaping @Sendable () -> Double,
    makeID: @escaping @Sendable () -> UUID
  ) {
    self.host = host
    self.process = process
    self.software = software
    self.numericsProfile = numericsProfile
    self.now = now
    self.makeID = makeID
  }

  /// This process on this machine.
  package static func live(numericsProfile: String) -> Surroundings {
    let start = ContinuousClock.now
    return Surroundings(
      host: ProcessInfo.processInfo.hostName, process: Int(ProcessInfo.processInfo.processIdentifier),
      software: "autodidact \(softwareVersion)", numericsProfile: numericsProfile,
      now: {
        let elapsed = (ContinuousClock.now - start).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
      },
      makeID: { UUID() })
  }
}

/// Version of this software, recorded with each start.
package let softwareVersion = "0.1.0"

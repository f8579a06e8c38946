import Engine
import EventLog
import Foundation

/// What `doctor` checks: everything that Autodidact needs of a machine and of a database, one finding each, with a cure
/// where something is missing. Nothing is changed, and no program of a model is run.
package struct Examination: Sendable {
  private let home: Home
  private let databaseOption: String?
  private let environment: [String: String]
  private let host: HostFacts
  private let now: @Sendable () -> Date

  /// - Parameters:
  ///   - databaseOption: what `--database` says; nil looks where the other commands look.
  ///   - host: what the kernel says of itself; tests give a folder of their own.
  ///   - now: this machine's clock, to be compared with the server's.
  package init(
    home: Home, databaseOption: String?, environment: [String: String], host: HostFacts = HostFacts(root: "/"),
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.home = home
    self.databaseOption = databaseOption
    self.environment = environment
    self.host = host
    self.now = now
  }

  /// One thing that was looked at.
  package struct Finding: Hashable, Sendable, Encodable {
    /// `warn`: it works, but not as well or not for ever. `fail`: it does not, or an acknowledged event could be lost.
    package enum Status: String, Hashable, Sendable, Encodable, CaseIterable { case ok, warn, fail }

    package var subject: String
    package var status: Status
    /// What was found.
    package var found: String
    /// How to mend it; nil if there is nothing to mend.
    package var cure: String?

    package init(_ subject: String, _ status: Status, _ found: String, cure: String? = nil) {
      self.subject = subject
      self.status = status
      self.found = found
      self.cure = cure
    }

    /// Good or, with a cure, not.
    init(_ subject: String, isGood: Bool, else status: Status = .fail, _ found: String, cure: String) {
      self.init(subject, isGood ? .ok : status, found, cure: isGood ? nil : cure)
    }
  }

  /// All findings, in an order that does not change: the machine, the database, models, resources, verifier.
  package func findings() async -> [Finding] {
    var findings = [
      Finding("software", .ok, "autodidact \(softwareVersion) at \(home.share.path)"),
      Finding("libraries", .ok, host.libraries.joined(separator: ", ")),
    ]
    findings += HostExamination(host: host, numericsProfile: Engine.numericsProfile, environment: environment)
      .findings()
    findings += StateExamination(home: home).findings()
    var live: [LiveExperiment] = []
    do {
      let url = try DatabaseAddress.find(option: databaseOption, environment: environment, home: home)
      let (found, experiments) = await DatabaseExamination(home: home, url: url, now: now).findings()
      findings += found
      live = experiments
    } catch {
      findings.append(Finding("PostgreSQL", .fail, "\(error)", cure: "ops/postgres start"))
    }
    let models = ModelExamination(home: home, live: live)
    findings += models.findings
    findings += ResourceExamination(home: home, host: host, live: live, parameters: models.parameters).findings()
    findings += await VerifierExamination().findings()
    return findings
  }
}

/// An experiment that may go on, as far as resources are concerned.
struct LiveExperiment: Hashable, Sendable {
  var name: String
  var model: String
  /// SHA-256 of the model file that it began with.
  var modelDigest: String
  var isLoRA: Bool
  /// How many checkpoints are kept.
  var checkpointsKept: Int
  /// Size of its last checkpoint; nil before the first.
  var checkpointBytes: Int64?
  /// Whether a living process holds it.
  var isHeld: Bool
}

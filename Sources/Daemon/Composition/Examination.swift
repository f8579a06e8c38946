import Engine
import EventLog
import Foundation
import Postgres
import Tensor
import Verification
import VerifierProtocol

/// What `doctor` checks: one finding per dependency, with a cure where it is missing.
package struct Examination: Sendable {
  /// One thing that is there or not.
  package struct Finding: Sendable {
    package var subject: String
    package var isGood: Bool
    package var text: String
    package var cure: String?
  }

  private let home: Home
  private let databaseOption: String?
  private let environment: [String: String]

  package init(home: Home, databaseOption: String?, environment: [String: String]) {
    self.home = home
    self.databaseOption = databaseOption
    self.environment = environment
  }

  package func findings() async -> [Finding] {
    var findings = [
      Finding(subject: "software", isGood: true, text: "autodidact \(softwareVersion) at \(home.share.path)"),
      Finding(subject: "numerics", isGood: true, text: Engine.numericsProfile), disk,
    ]
    findings += await databaseFindings()
    findings += models
    findings += await verifierFindings()
    return findings
  }

  private var disk: Finding {
    let values = try? FileManager.default.attributesOfFileSystem(forPath: home.share.path)
    let free = (values?[.systemFreeSize] as? NSNumber)?.int64Value ?? 0
    let isGood = free > 10 << 30
    return Finding(
      subject: "disk", isGood: isGood, text: "\(free >> 30) GiB free",
      cure: isGood ? nil : "a checkpoint of a small model takes 2 GiB; free at least 10 GiB")
  }

  private func databaseFindings() async -> [Finding] {
    do {
      let url = try DatabaseAddress.find(option: databaseOption, environment: environment, home: home)
      let connection = try await Connection.open(ConnectionSettings(url: url, applicationName: "autodidact doctor"))
      let row = try await connection.query(
        "select current_setting('server_version'), current_setting('fsync'), current_setting('data_checksums')"
      ).first
      let (version, fsync, checksums) = (try row?.text(0) ?? "", try row?.text(1) ?? "", try row?.text(2) ?? "")
      await connection.close()
      var findings = [
        Finding(subject: "PostgreSQL", isGood: true, text: "\(version), checksums \(checksums)"),
        Finding(
          subject: "durability", isGood: fsync == "on", text: "fsync \(fsync)",
          cure: fsync == "on" ? nil : "set fsync = on: without it an acknowledged event can be lost"),
      ]
      do {
        let (events, role, stopped) = try await OpenLog.with(url: url, home: home) { open in
          let stopped = try await open.log.consumers().filter { $0.state == .failed }
          return (try await open.log.head().position, open.role, stopped)
        }
        findings.append(Finding(subject: "log", isGood: true, text: "\(events) events"))
        findings += stopped.map { record in
          Finding(
            subject: "consumer", isGood: false, text: "\(record.consumer) stopped at \(record.failure ?? "")",
            cure: "autodidact consumer list; a projection: autodidact projection rebuild NAME --experiment X")
        }
        findings.append(
          Finding(
            subject: "role", isGood: role != nil, text: role.map { "works as \($0)" } ?? "works as the login itself",
            cure: role == nil
              ? "let a superuser run: create role autodidact_writer; create role autodidact_reader; grant both to the login; "
                + "then see docs/operations.md, \"Roles\"" : nil))
      } catch {
        findings.append(Finding(subject: "log", isGood: false, text: "\(error)", cure: "autodidact migrate"))
      }
      return findings
    } catch {
      return [Finding(subject: "PostgreSQL", isGood: false, text: "\(error)", cure: "ops/postgres start")]
    }
  }

  private var models: [Finding] {
    do {
      let catalogue = try ModelCatalogue(home: home)
      let present = catalogue.entries.filter { (try? catalogue.file($0.name)) != nil }.map(\.name)
      return [
        Finding(
          subject: "models", isGood: !present.isEmpty, text: present.isEmpty ? "none" : present.joined(separator: ", "),
          cure: present.isEmpty ? "ops/fetch-model" : nil)
      ]
    } catch {
      return [Finding(subject: "models", isGood: false, text: "\(error)")]
    }
  }

  private func verifierFindings() async -> [Finding] {
    let executable = VerifierConfiguration.executable(beside: Workshop.program)
    do {
      let description = try await withVerifierPool(
        // Whatever is missing is to be shown; no program of a model is run here.
        configuration: VerifierConfiguration(
          executable: executable, workersMax: 1, acceptedMissingLayers: Set(SandboxLayer.allCases))
      ) { try await $0.hello() }
      let python = Finding(
        subject: "verifier", isGood: true,
        text: "Python \(description.pythonVersion), \(description.modules.count) modules, \(description.libraryVersion)"
      )
      return [python]
        + description.layers.map {
          Finding(
            subject: "sandbox \($0.layer.rawValue)", isGood: $0.isOn, text: $0.isOn ? "on" : "off: \($0.detail)",
            cure: $0.isOn
              ? nil : "see docs/sandbox.md, or accept it: verifier.accepted_missing_layers: [\($0.layer.rawValue)]")
        }
    } catch {
      return [
        Finding(
          subject: "verifier", isGood: false, text: "\(error)", cure: "swift build -c release, see docs/sandbox.md")
      ]
    }
  }
}

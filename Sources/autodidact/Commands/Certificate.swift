import ArgumentParser
import Daemon
import EventLog
import Foundation
import Terminal

struct MakeCertificate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certificate",
    abstract: "Write a small file that fixes what an experiment was.",
    discussion: """
      Chain head, roots, and the digests of settings, code, model and weights: a few hundred bytes to keep where nobody can
      change them together with the database. The chain is audited first.

      EXAMPLE
        autodidact certificate first -o first.certificate.json
        autodidact verify --certificate first.certificate.json
        autodidact certificate first -o first.certificate.json --export first.adlog
        autodidact verify --certificate first.certificate.json --export first.adlog
      """)
  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Option(name: .shortAndLong, help: "Where to; standard output if left out.") var output: String?
  @Option(
    help:
      "Also write the experiment to this file, as `export NAME --log FILE` does; it can be checked without a database.")
  var export: String?
  @Flag(help: "Replace the file of --export if it is there.") var force = false
  @Flag(help: "With --output: what was written, as one JSON object. The certificate itself is JSON always.") var json =
    false
  @OptionGroup var database: DatabaseOptions

  func run() async throws {
    let certificate = try await database.withLog(as: .reader) { log in
      let certificate = try await CertificateDesk.make(name, from: log.log)
      if let export {
        _ = try await ExperimentFile.export(
          name, of: log.log, to: export, software: log.surroundings.software, force: force)
      }
      return certificate
    }
    guard let output else { return print(String(decoding: certificate.json, as: UTF8.self), terminator: "") }
    try certificate.json.write(to: URL(fileURLWithPath: output), options: .atomic)
    if json {
      let value: JSONValue = [
        "file": .text(output), "experiment": .text(name), "events": JSONValue(certificate.contents.events),
        "head_hash": .text(certificate.headHash),
      ]
      return print(value.line)
    }
    print("\(output): \(certificate.contents.events) events of \(name), chain head \(certificate.headHash.prefix(16))…")
  }
}

import Crypto
import Domain
import EventLog
import Foundation

/// A small file that fixes what an experiment was, to be kept apart from the database: chain head, roots, and the digests of
/// settings, code, model and weights. `autodidact certificate` writes it; `autodidact verify --certificate` checks it
/// against the database, or without one against an exported file.
package struct Certificate: Hashable, Codable, Sendable {
  /// A sealed segment of the log.
  package struct Segment: Hashable, Codable, Sendable {
    package var number: Int
    package var firstPosition: Int64
    package var lastPosition: Int64
    package var root: String
  }

  /// What the experiment was made of, from its own events.
  package struct Contents: Hashable, Codable, Sendable {
    package var events = 0
    package var lastPosition: Int64 = 0
    package var lastVersion: Int64 = 0
    /// Root of the Merkle tree over its events and generations (`EventLeaf`), in order.
    package var root = ""
    /// sha256 of the body of `ExperimentCreated`: all settings and prompts.
    package var createdDigest = ""
    package var promptsDigest = ""
    package var model = ""
    package var modelDigest = ""
    /// Programs and numerics profiles that ran it, in order of first appearance.
    package var software: [String] = []
    package var numericsProfiles: [String] = []
    /// Of the newest `WeightsUpdated`; 0 and empty without one.
    package var policyVersion = 0
    package var weightsDigest = ""
    package var optimizerDigest = ""
  }

  package static let currentFormat = "autodidact-certificate/1"

  package var format = Certificate.currentFormat
  package var name: String
  package var experiment: ExperimentID
  /// Where the log ended, and the hash of the chain there, which covers everything before.
  package var headPosition: Int64
  package var headHash: String
  package var segments: [Segment]
  package var contents: Contents

  /// JSON for people and programs: sorted keys, one a line.
  package var json: Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    do { return try encoder.encode(self) + Data("\n".utf8) } catch { preconditionFailure("\(error)") }
  }

  /// - Throws: `Unreadable` naming the file.
  package static func read(_ path: String) throws -> Certificate {
    do {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      let certificate = try decoder.decode(Certificate.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
      guard certificate.format == currentFormat else {
        throw Unreadable(
          description: "\(path) has the format \(certificate.format); this program reads \(currentFormat)")
      }
      return certificate
    } catch let error as Unreadable {
      throw error
    } catch {
      throw Unreadable(description: "\(path) is not a certificate: \(error)")
    }
  }

  package struct Unreadable: Error, CustomStringConvertible {
    package let description: String
  }

  /// Fields of two certificates that differ, by name, with both values.
  package func differences(from other: Certificate.Contents) -> [String] {
    func line(_ name: String, _ left: some Equatable, _ right: some Equatable, _ differs: Bool) -> String? {
      differs ? "\(name): the certificate says \(left), found \(right)" : nil
    }
    let (a, b) = (contents, other)
    return [
      line("events", a.events, b.events, a.events != b.events),
      line("last position", a.lastPosition, b.lastPosition, a.lastPosition != b.lastPosition),
      line("settings digest", a.createdDigest, b.createdDigest, a.createdDigest != b.createdDigest),
      line("prompts digest", a.promptsDigest, b.promptsDigest, a.promptsDigest != b.promptsDigest),
      line("model digest", a.modelDigest, b.modelDigest, a.modelDigest != b.modelDigest),
      line("software", a.software, b.software, a.software != b.software),
      line("policy version", a.policyVersion, b.policyVersion, a.policyVersion != b.policyVersion),
      line("weights digest", a.weightsDigest, b.weightsDigest, a.weightsDigest != b.weightsDigest),
      line("optimizer digest", a.optimizerDigest, b.optimizerDigest, a.optimizerDigest != b.optimizerDigest),
      line("root of its events", a.root, b.root, a.root != b.root),
      line("model", a.model, b.model, a.model != b.model),
      line("last version", a.lastVersion, b.lastVersion, a.lastVersion != b.lastVersion),
      line("numerics profiles", a.numericsProfiles, b.numericsProfiles, a.numericsProfiles != b.numericsProfiles),
    ].compactMap(\.self)
  }
}

/// Folds an experiment's own events into what a certificate says of them.
package struct CertificateFold {
  private var tree = MerkleTree()
  private var contents = Certificate.Contents()

  package init() {}

  /// What was taken so far.
  package var result: Certificate.Contents {
    var contents = contents
    contents.root = tree.root.hexadecimal
    return contents
  }

  /// Takes the next event, up to a position beyond which the certificate says nothing.
  package mutating func take(_ event: RecordedEvent, _ generation: GenerationRecord?) throws {
    tree.add(EventLeaf.hash(event, generation))
    contents.events += 1
    contents.lastPosition = event.position.rawValue
    contents.lastVersion = event.version
    switch event.type {
    case "ExperimentCreated", "ExperimentStarted", "WeightsUpdated": try take(try event.event(), event)
    default: break
    }
  }

  private mutating func take(_ event: Event, _ recorded: RecordedEvent) throws {
    switch event {
    case .experimentCreated(let created):
      contents.createdDigest = sha256(recorded.body)
      contents.promptsDigest = created.promptsDigest
      contents.model = created.settings.model.name
      contents.modelDigest = created.settings.model.digest
    case .experimentStarted(let started):
      if !contents.software.contains(started.software) { contents.software.append(started.software) }
      if !contents.numericsProfiles.contains(started.numericsProfile) {
        contents.numericsProfiles.append(started.numericsProfile)
      }
    case .weightsUpdated(let updated):
      contents.policyVersion = updated.toVersion
      contents.weightsDigest = updated.outcome.weightsDigest
      contents.optimizerDigest = updated.outcome.optimizerDigest
    default: break
    }
  }
}

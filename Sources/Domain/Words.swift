import Foundation

/// The words of the field as types (architecture §3): who plays, what kind of problem, and what an attempt is for.

/// A kind of problem in the code-reasoning environment (Absolute Zero §3.2): which part of a triplet (program, input,
/// output) is to be found.
package enum Kind: String, Codable, Sendable, CaseIterable, Comparable {
  /// Given the program and the input, find the output.
  case deduction
  /// Given the program and the output, find an input; any preimage is right.
  case abduction
  /// Given some input–output pairs and a message, write the program; hidden pairs decide.
  case induction

  /// Stable number inside random keys; part of the log's meaning, never renumbered.
  var randomTag: UInt8 {
    switch self {
    case .deduction: 1
    case .abduction: 2
    case .induction: 3
    }
  }

  /// The canonical order of kinds, in which their events are appended.
  package static func < (left: Kind, right: Kind) -> Bool { left.randomTag < right.randomTag }
}

/// A dictionary by kind is a JSON object, whose keys an encoder sorts.
extension Kind: CodingKeyRepresentable {}

/// Who a policy plays.
package enum Role: String, Codable, Sendable, CaseIterable {
  case proposer
  case solver
}

/// What an attempt is for.
package enum Purpose: String, Codable, Sendable, CaseIterable {
  /// A Monte-Carlo estimate of the solve rate, from which learnability follows. Not trained on.
  case probe
  /// Trained on.
  case solve
  /// Held out: never trained on, never counted in difficulty.
  case evaluate
}

/// The number of weight updates behind a policy: 0 is the base model.
package typealias PolicyVersion = Int

/// Which experiment an event belongs to: a UUID, given by whoever creates the experiment, never made here.
package struct ExperimentID: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
  package let rawValue: UUID

  package init(rawValue: UUID) { self.rawValue = rawValue }
  package init(_ rawValue: UUID) { self.rawValue = rawValue }

  package var description: String { rawValue.uuidString.lowercased() }

  package init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(UUID.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

/// A proposal, and the problem it becomes once verified: iteration, kind and slot. Written `12.deduction.3`.
///
/// The name follows from the experiment's own order and not from the log's positions, so that an experiment that was
/// paused or interrupted has the same names as one that was not (promise P2).
package struct ProposalID: Hashable, Comparable, Codable, Sendable, CustomStringConvertible, LosslessStringConvertible {
  package let iteration: Int
  package let kind: Kind
  package let slot: Int

  package init(iteration: Int, kind: Kind, slot: Int) {
    self.iteration = iteration
    self.kind = kind
    self.slot = slot
  }

  package init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let iteration = Int(parts[0]), let kind = Kind(rawValue: String(parts[1])),
      let slot = Int(parts[2]), iteration >= 0, slot >= 0
    else { return nil }
    self.init(iteration: iteration, kind: kind, slot: slot)
  }

  package var description: String { "\(iteration).\(kind.rawValue).\(slot)" }

  package static func < (left: ProposalID, right: ProposalID) -> Bool {
    (left.iteration, left.kind, left.slot) < (right.iteration, right.kind, right.slot)
  }

  package init(from decoder: any Decoder) throws { self = try decodeText(from: decoder) }
  package func encode(to encoder: any Encoder) throws { try encodeText(self, to: encoder) }
}

/// An attempt at a problem: iteration, purpose, kind, slot and sample. Written `12.solve.deduction.3.0`.
///
/// For a probe the slot is that of the proposal and the sample counts to n; for a solve the slot is the place in the
/// solve batch.
package struct AttemptID: Hashable, Comparable, Codable, Sendable, CustomStringConvertible, LosslessStringConvertible {
  package let iteration: Int
  package let purpose: Purpose
  package let kind: Kind
  package let slot: Int
  package let sample: Int

  package init(iteration: Int, purpose: Purpose, kind: Kind, slot: Int, sample: Int) {
    self.iteration = iteration
    self.purpose = purpose
    self.kind = kind
    self.slot = slot
    self.sample = sample
  }

  package init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 5, let iteration = Int(parts[0]), let purpose = Purpose(rawValue: String(parts[1])),
      let kind = Kind(rawValue: String(parts[2])), let slot = Int(parts[3]), let sample = Int(parts[4]),
      iteration >= 0, slot >= 0, sample >= 0
    else { return nil }
    self.init(iteration: iteration, purpose: purpose, kind: kind, slot: slot, sample: sample)
  }

  package var description: String { "\(iteration).\(purpose.rawValue).\(kind.rawValue).\(slot).\(sample)" }

  package static func < (left: AttemptID, right: AttemptID) -> Bool {
    (left.iteration, left.purpose.rawValue, left.kind, left.slot, left.sample)
      < (right.iteration, right.purpose.rawValue, right.kind, right.slot, right.sample)
  }

  package init(from decoder: any Decoder) throws { self = try decodeText(from: decoder) }
  package func encode(to encoder: any Encoder) throws { try encodeText(self, to: encoder) }
}

private func decodeText<T: LosslessStringConvertible>(from decoder: any Decoder) throws -> T {
  let container = try decoder.singleValueContainer()
  let text = try container.decode(String.self)
  guard let value = T(text) else {
    throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(T.self): malformed name '\(text)'")
  }
  return value
}

private func encodeText(_ value: some CustomStringConvertible, to encoder: any Encoder) throws {
  var container = encoder.singleValueContainer()
  try container.encode(value.description)
}

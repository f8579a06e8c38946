import EventLog
import Foundation

/// What `autodidact verify` found: what was checked, and what is wrong first.
package struct VerificationReport: Sendable, Encodable {
  /// One kind of thing that was checked.
  package struct Check: Hashable, Sendable, Encodable {
    /// Such as `events` or `checkpoints`.
    package var subject: String
    /// How many were found whole.
    package var count: Int
    /// What was left out, and why.
    package var note: String?

    package init(_ subject: String, _ count: Int, note: String? = nil) {
      self.subject = subject
      self.count = count
      self.note = note
    }
  }

  /// Where the log ended when the verification began.
  package var headPosition: Int64 = 0
  package var headHash = ""
  package var checks: [Check] = []
  package var damage: Damage?
  /// Seconds it took.
  package var seconds = 0.0

  package var isWhole: Bool { damage == nil }

  enum CodingKeys: String, CodingKey {
    case headPosition = "head_position"
    case headHash = "head_hash"
    case checks, damage, seconds
  }
}

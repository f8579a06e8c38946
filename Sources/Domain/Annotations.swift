/// Somebody tagged the experiment, noted something about it or gave it another priority. Appended by the CLI; not part of the
/// play: digests, replays and comparisons leave it out, and a fork does not inherit it.
package struct ExperimentAnnotated: Hashable, Codable, Sendable {
  /// Who: user and host.
  package var by: String
  package var tagsAdded: [String]?
  package var tagsRemoved: [String]?
  /// The new note; empty takes the old one away, nil leaves it.
  package var note: String?
  /// The new priority; nil leaves it.
  package var priority: Int?

  /// - Parameters:
  ///   - tagsAdded: none is recorded as absent, like every other field without a value.
  ///   - tagsRemoved: as `tagsAdded`.
  package init(
    by: String, tagsAdded: [String] = [], tagsRemoved: [String] = [], note: String? = nil, priority: Int? = nil
  ) {
    self.by = by
    self.tagsAdded = tagsAdded.isEmpty ? nil : tagsAdded
    self.tagsRemoved = tagsRemoved.isEmpty ? nil : tagsRemoved
    self.note = note
    self.priority = priority
  }
}

/// What people said about an experiment: a fold over its own `ExperimentAnnotated` events. Nothing that is computed depends
/// on it, except which of several experiments a daemon takes up first.
package struct Annotations: Hashable, Sendable {
  /// In order of their bytes, none twice.
  package private(set) var tags: [String] = []
  /// Empty: none.
  package private(set) var note = ""
  /// Higher is first; 0 unless somebody said otherwise.
  package private(set) var priority = 0

  package init() {}

  package static let tagsMax = 32
  package static let tagBytesMax = 64
  package static let noteBytesMax = 4096
  package static let priorities = -1000...1000

  /// Takes the next event.
  package mutating func apply(_ annotated: ExperimentAnnotated) {
    var kept = Set(tags)
    kept.subtract(annotated.tagsRemoved ?? [])
    kept.formUnion(annotated.tagsAdded ?? [])
    tags = kept.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    note = annotated.note ?? note
    priority = annotated.priority ?? priority
  }

  /// Why these annotations cannot take an event; nil if they can. The command line asks before it appends.
  package func objection(to annotated: ExperimentAnnotated) -> String? {
    if let objection = Self.objection(to: annotated) { return objection }
    var after = self
    after.apply(annotated)
    return after.tags.count > Self.tagsMax ? "\(after.tags.count) tags; at most \(Self.tagsMax) are allowed" : nil
  }

  /// Why an event is none, whatever came before it; nil if it is one.
  package static func objection(to annotated: ExperimentAnnotated) -> String? {
    let added = annotated.tagsAdded ?? []
    let removed = annotated.tagsRemoved ?? []
    if let bad = (added + removed).first(where: { !isTag($0) }) {
      return
        "'\(bad)' is not a tag; allowed are 1 to \(tagBytesMax) letters, digits, '.', '_', ':', '/' and '-', the first "
        + "a letter or digit"
    }
    if added.count > tagsMax || removed.count > tagsMax { return "more than \(tagsMax) tags at once" }
    if let both = added.first(where: removed.contains) { return "tag '\(both)' is added and removed at once" }
    if let note = annotated.note, note.utf8.count > noteBytesMax {
      return "the note has \(note.utf8.count) bytes; at most \(noteBytesMax) are allowed"
    }
    if let note = annotated.note, note.unicodeScalars.contains(where: isControl) {
      return "the note has a control character"
    }
    if let priority = annotated.priority, !priorities.contains(priority) {
      return "priority is \(priority), allowed is \(priorities.lowerBound) to \(priorities.upperBound)"
    }
    return nil
  }

  private static func isTag(_ tag: String) -> Bool {
    func isWord(_ byte: UInt8) -> Bool { (48...57 ~= byte) || (65...90 ~= byte) || (97...122 ~= byte) }
    guard let first = tag.utf8.first, isWord(first), tag.utf8.count <= tagBytesMax else { return false }
    return tag.utf8.allSatisfy { isWord($0) || "._:/-".utf8.contains($0) }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar != "\n" && (scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value))
  }
}

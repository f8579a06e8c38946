/// What changes experiments on behalf of the API: the composition root gives one that appends to the log as the writer. It
/// is called after host, token, scope, rate, origin and form have been checked.
package protocol ExperimentOperator: Sendable {
  /// Asks an experiment to pause, resume or stop.
  func ask(_ wish: ControlWish, of experiment: String, reason: String) async -> ControlOutcome
  /// Makes an experiment out of another's history.
  func fork(_ experiment: String, _ wish: ForkWish) async -> ControlOutcome
  /// Changes tags, note or priority; what the experiment computes does not depend on them.
  /// - Parameter way: how the wish came, recorded with it: `over HTTP, token laptop`.
  func annotate(_ experiment: String, _ wish: AnnotationWish, way: String) async -> ControlOutcome
}

/// The requests that differ in their word only.
package enum ControlWish: String, Sendable, CaseIterable {
  case pause, resume, stop
}

/// What a fork is to be.
package struct ForkWish: Codable, Hashable, Sendable {
  /// An iteration such as `12`, or `@POSITION`.
  package var at: String
  /// Of the new experiment.
  package var name: String
  /// `key=value` each; none repeats the parent.
  package var set: [String]?

  package init(at: String, name: String, set: [String]? = nil) {
    self.at = at
    self.name = name
    self.set = set
  }
}

/// What is to be said of an experiment; what is nil stays as it is.
package struct AnnotationWish: Codable, Hashable, Sendable {
  package var tagsAdded: [String]?
  package var tagsRemoved: [String]?
  /// Empty takes the note away.
  package var note: String?
  package var priority: Int?

  package init(
    tagsAdded: [String]? = nil, tagsRemoved: [String]? = nil, note: String? = nil, priority: Int? = nil
  ) {
    self.tagsAdded = tagsAdded
    self.tagsRemoved = tagsRemoved
    self.note = note
    self.priority = priority
  }

  enum CodingKeys: String, CodingKey, CaseIterable {
    case tagsAdded = "tags_added"
    case tagsRemoved = "tags_removed"
    case note, priority
  }
}

/// What holds of an experiment's tags, note and priority.
package struct AnnotationsNow: Codable, Hashable, Sendable {
  package var tags: [String]
  /// Empty: none.
  package var note: String
  package var priority: Int

  package init(tags: [String], note: String, priority: Int) {
    self.tags = tags
    self.note = note
    self.priority = priority
  }
}

/// What came of it.
package enum ControlOutcome: Hashable, Sendable {
  /// In the log; obeyed at the next step boundary.
  case requested(position: Int64)
  case forked(name: String, position: Int64)
  /// In the log, unless there is no position: then it was said already.
  case annotated(AnnotationsNow, position: Int64?)
  /// It is so already; nothing was appended.
  case already(String)
  /// It cannot be, in the experiment's present state.
  case refused(String)
  case nameTaken(String)
  /// The wish itself is wrong: a setting that is not one, a name that cannot be one.
  case invalid(String)
  case unknownExperiment
  /// The database is away.
  case unavailable
  /// Something else; the operator has logged it.
  case failed
}

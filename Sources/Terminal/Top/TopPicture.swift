import Domain
import Projections

/// What `top` shows at one moment: values only, no log and no terminal.
package struct TopPicture: Sendable {
  /// One experiment of the list.
  package struct Row: Hashable, Sendable {
    package var name: String
    package var state: String
    package var priority: Int
    package var events: Int64
    package var tags: [String]
    /// `host:process` of who holds it.
    package var heldBy: String?

    package init(name: String, state: String, priority: Int, events: Int64, tags: [String], heldBy: String?) {
      self.name = name
      self.state = state
      self.priority = priority
      self.events = events
      self.tags = tags
      self.heldBy = heldBy
    }
  }

  /// The mean rewards of one iteration.
  package struct Reward: Hashable, Sendable {
    package var iteration: Int
    package var proposer: Double?
    package var solver: Double?

    package init(iteration: Int, proposer: Double?, solver: Double?) {
      self.iteration = iteration
      self.proposer = proposer
      self.solver = solver
    }
  }

  /// A problem and how its probes went.
  package struct Invented: Hashable, Sendable {
    package var id: String
    /// One line of its program, or its message.
    package var text: String
    package var solved: Int
    package var attempts: Int

    package init(id: String, text: String, solved: Int, attempts: Int) {
      self.id = id
      self.text = text
      self.solved = solved
      self.attempts = attempts
    }
  }

  /// The chosen experiment.
  package struct Detail: Sendable {
    package var name: String
    package var state: String
    package var reason: String?
    package var iteration: Int
    package var iterationsMax: Int
    package var policyVersion: Int
    package var nextStep: String?
    /// Of the iteration in work as far as it is recorded, or of the last one.
    package var summary: IterationSummary?
    package var isInWork: Bool
    package var rewards: [Reward]
    /// The newest last.
    package var problems: [Invented]
    /// Conditions of its health that hold.
    package var conditions: [String]
    package var note: String

    package init(
      name: String, state: String, reason: String?, iteration: Int, iterationsMax: Int, policyVersion: Int,
      nextStep: String?, summary: IterationSummary?, isInWork: Bool, rewards: [Reward], problems: [Invented],
      conditions: [String], note: String
    ) {
      self.name = name
      self.state = state
      self.reason = reason
      self.iteration = iteration
      self.iterationsMax = iterationsMax
      self.policyVersion = policyVersion
      self.nextStep = nextStep
      self.summary = summary
      self.isInWork = isInWork
      self.rewards = rewards
      self.problems = problems
      self.conditions = conditions
      self.note = note
    }
  }

  package var position: Int64
  package var rows: [Row]
  package var detail: Detail?
  /// What came of the last key, or why nothing newer is shown.
  package var message: String

  package init(position: Int64, rows: [Row], detail: Detail?, message: String = "") {
    self.position = position
    self.rows = rows
    self.detail = detail
    self.message = message
  }
}

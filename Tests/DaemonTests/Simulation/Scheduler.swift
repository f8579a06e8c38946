import Domain
import EventLog

/// What a simulated process is about to do when it asks for its turn.
enum Call: Int, Sendable {
  case read, append, raise, release, wait, part, watch
}

/// What becomes of a call.
enum Fate: Int, Sendable {
  case proceed
  /// The request never arrives.
  case fail
  /// It is done, the answer is lost.
  case loseReply
  /// The request arrives some turns later; the caller is told that the log cannot be reached.
  case arriveLate
  /// It arrives twice.
  case arriveTwice
  /// The process dies before the request leaves it, or after it was done.
  case dieBefore, dieAfter
  /// A part fails: the policy, the verifier, the learner.
  case breakPart
}

/// Something on its way to the log.
enum Message: Sendable {
  case append(Append)
  /// The server finds out that the session which held this epoch is gone.
  case sessionEnd(ExperimentID, epoch: Int64)
}

/// Lets one process run at a time, from one of its calls to the next, and draws who is next and what becomes of the call:
/// all there is of chance in a simulation. The same seed gives the same history.
actor Scheduler {
  /// What a process gets with its turn.
  struct Turn: Sendable {
    var fate: Fate
    /// To be delivered to the log before anything else.
    var messages: [Message]
    /// For the process's own choices.
    var draw: Int
  }

  private struct Parked {
    let process: Int
    let call: Call
    let continuation: CheckedContinuation<Turn, Never>
  }

  private var draws: RandomStream
  private var parked: [Parked] = []
  private var running: Int
  private var messages: [Message] = []
  /// One chance in so many for each fate; 0 is never. Drawn for each seed, so that some histories know only one fault.
  private let chances: [Fate: Int]
  /// From this turn on nothing fails any more.
  private let calmFrom: Int
  private(set) var turns = 0
  /// Digest of the history: who had the turn, for what, with what fate.
  private(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325
  /// Fates that were dealt out.
  private(set) var dealt: [Fate: Int] = [:]

  /// More turns than any history needs: somebody waits for ever.
  static let turnsMax = 20_000

  init(seed: UInt64, processes: Int) {
    var draws = RandomStream(RandomKey(seed: seed, purpose: .evaluate, iteration: 1))
    let choices = [0, 0, 80, 25]
    let fates: [Fate] = [.fail, .loseReply, .arriveLate, .arriveTwice, .dieBefore, .dieAfter, .breakPart]
    chances = Dictionary(uniqueKeysWithValues: fates.map { ($0, choices[draws.below(choices.count)]) })
    calmFrom = 60 + draws.below(300)
    running = processes
    self.draws = draws
  }

  var isCalm: Bool { turns >= calmFrom }
  var isStuck: Bool { turns > Self.turnsMax }
  var hasMessages: Bool { !messages.isEmpty }

  /// Suspends the process until it is its turn.
  func turn(_ process: Int, _ call: Call) async -> Turn {
    await withCheckedContinuation { continuation in
      parked.append(Parked(process: process, call: call, continuation: continuation))
      running -= 1
      next()
    }
  }

  /// The process is no more.
  func ended() {
    running -= 1
    next()
  }

  func send(_ message: Message) { messages.append(message) }

  private func next() {
    guard running == 0, !parked.isEmpty else { return }
    // The order of arrival at the very beginning is the only one that Swift decides.
    parked.sort { $0.process < $1.process }
    let chosen = parked.remove(at: draws.below(parked.count))
    turns += 1
    running += 1
    let fate = draw(for: chosen.call)
    dealt[fate, default: 0] += 1
    for number in [chosen.process, chosen.call.rawValue, fate.rawValue] {
      trace = (trace ^ UInt64(number)) &* 0x100_0000_01B3
    }
    chosen.continuation.resume(
      returning: Turn(fate: fate, messages: due(), draw: draws.below(1 << 16)))
  }

  private func draw(for call: Call) -> Fate {
    guard !isCalm else { return .proceed }
    let possible: [Fate] =
      switch call {
      case .append: [.fail, .loseReply, .arriveLate, .arriveTwice, .dieBefore, .dieAfter]
      case .raise: [.fail, .loseReply, .dieBefore, .dieAfter]
      case .read: [.fail, .dieBefore]
      case .release: [.fail, .dieBefore]
      case .part: [.breakPart, .dieBefore]
      case .wait, .watch: []
      }
    for fate in possible {
      if let chance = chances[fate], chance > 0, draws.below(chance) == 0 { return fate }
    }
    return .proceed
  }

  /// Messages that arrive now: in any order, each at any turn; all of them once it is calm.
  private func due() -> [Message] {
    var arriving: [Message] = []
    while !messages.isEmpty, isCalm || draws.below(6) == 0 {
      arriving.append(messages.remove(at: draws.below(messages.count)))
    }
    return arriving
  }
}

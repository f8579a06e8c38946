import VerifierProtocol

/// Replies that need not be computed again: the most recently used, within a budget of bytes.
///
/// The key is the whole job (program, inputs, limits, screening), and a cache lives in one pool, whose workers are all
/// of one executable; so equal keys have equal replies. Nothing depends on a hit: the log records every verdict, and a
/// replay begins with an empty cache. What an overloaded host may have caused (a time limit, a memory limit) is not kept.
struct ReplyCache {
  private struct Entry {
    var reply: VerifierReply
    var bytes: Int
    var use: UInt64
  }

  let bytesMax: Int
  private(set) var bytes = 0
  private(set) var hits = 0
  private var entries: [VerifierJob: Entry] = [:]
  /// Which job was used when; drained from the oldest.
  private var uses: [(use: UInt64, job: VerifierJob)] = []
  private var usesStart = 0
  private var clock: UInt64 = 0

  init(bytesMax: Int) { self.bytesMax = bytesMax }

  var count: Int { entries.count }

  /// The reply to an equal job, if it is kept.
  mutating func reply(to job: VerifierJob) -> VerifierReply? {
    guard entries[job] != nil else { return nil }
    hits += 1
    touch(job)
    return entries[job]?.reply
  }

  /// Keeps a reply, and lets the oldest go.
  mutating func keep(_ reply: VerifierReply, to job: VerifierJob) {
    let size = job.cacheBytes + reply.cacheBytes
    guard reply.isReproducible, size <= bytesMax / 16, entries[job] == nil else { return }
    entries[job] = Entry(reply: reply, bytes: size, use: 0)
    bytes += size
    touch(job)
    while bytes > bytesMax { dropOldest() }
  }

  private mutating func touch(_ job: VerifierJob) {
    clock += 1
    entries[job]?.use = clock
    uses.append((clock, job))
    if uses.count - usesStart > 4 * entries.count + 64 {
      uses = uses[usesStart...].filter { entries[$0.job]?.use == $0.use }
      usesStart = 0
    }
  }

  private mutating func dropOldest() {
    let (use, job) = uses[usesStart]
    usesStart += 1
    guard let entry = entries[job], entry.use == use else { return }
    bytes -= entry.bytes
    entries[job] = nil
  }
}

extension VerifierJob {
  /// About what the key takes in memory, twice: it is in two places.
  fileprivate var cacheBytes: Int {
    switch self {
    case .run(let job): 2 * (job.program.utf8.count + job.calls.reduce(0) { $0 + $1.utf8.count } + 512)
    case .literal(let job): 2 * (job.text.utf8.count + 128)
    case .normalise(let job): 2 * (job.program.utf8.count + 128)
    case .inspect(let job): 2 * (job.texts.reduce(128) { $0 + $1.utf8.count })
    }
  }
}

extension VerifierReply {
  fileprivate var cacheBytes: Int {
    switch self {
    case .run(let reply): reply.calls.reduce(128) { $0 + ($1.canonicalInput?.utf8.count ?? 0) + $1.outcome.bytes + 128 }
    case .literal(.text(let text)): text.utf8.count + 128
    case .literal(.malformed(let reason)), .normalise(.malformed(let reason)): reason.utf8.count + 128
    case .normalise(.program(let text, _)): text.utf8.count + 512
    case .inspect(.answer(let texts, let numbers)): texts.reduce(128 + 8 * numbers.count) { $0 + $1.utf8.count }
    case .inspect(.uncomposed(let reason)), .inspect(.malformed(let reason)): reason.utf8.count + 128
    }
  }

  /// Whether a second run would surely say the same.
  fileprivate var isReproducible: Bool {
    guard case .run(let reply) = self else { return true }
    return reply.calls.allSatisfy {
      switch $0.outcome {
      case .timedOut, .outOfMemory, .nondeterministic: false
      default: true
      }
    }
  }
}

extension CallOutcome {
  fileprivate var bytes: Int {
    switch self {
    case .value(let text): text.utf8.count
    case .raised(let type, let message): type.utf8.count + message.utf8.count
    case .unsupportedValue(let text), .forbidden(let text), .malformed(let text), .malformedInput(let text):
      text.utf8.count
    case .timedOut, .outOfMemory, .tooLarge, .nondeterministic: 0
    }
  }
}

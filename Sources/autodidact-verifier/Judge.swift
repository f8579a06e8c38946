import CSandbox
import Glibc
import VerifierProtocol

/// From what happened to a child to what the daemon is told. Pure.
enum Judge {
  /// The outcome of one child that ran a call or read a literal.
  static func reply(to report: ChildReport) throws(WorkerError) -> CallReply {
    switch report.end {
    case .frame(let kind, let payload):
      guard let (outcome, input) = read(kind: kind, payload: payload) else {
        return CallReply(outcome: forged, canonicalInput: nil, usage: report.usage)
      }
      guard let outcome else { throw WorkerError(description: "the sandbox fails: \(input ?? "unknown")") }
      return CallReply(outcome: outcome, canonicalInput: input, usage: report.usage)
    default: return CallReply(outcome: outcome(of: report.end), canonicalInput: nil, usage: report.usage)
    }
  }

  /// Two runs of the same call. A limit reached in either is that limit; a refusal in either is that refusal; any other
  /// difference is nondeterminism.
  static func combine(_ first: CallReply, _ second: CallReply) -> CallReply {
    var combined = first
    combined.usage.wallSeconds += second.usage.wallSeconds
    combined.usage.cpuSeconds += second.usage.cpuSeconds
    combined.usage.memoryPeakBytes = max(first.usage.memoryPeakBytes, second.usage.memoryPeakBytes)
    if first.outcome == second.outcome { return combined }
    switch second.outcome {
    case .timedOut, .outOfMemory, .forbidden: combined.outcome = second.outcome
    default: combined.outcome = .nondeterministic
    }
    return combined
  }

  /// A literal's outcome in the words of `TextReply`.
  static func text(_ outcome: CallOutcome) -> TextReply {
    switch outcome {
    case .value(let text): .text(text)
    case .malformed(let reason), .malformedInput(let reason), .forbidden(let reason): .malformed(reason: reason)
    case .tooLarge: .malformed(reason: "the literal is too large")
    case .timedOut: .malformed(reason: "reading the literal takes too long")
    case .outOfMemory: .malformed(reason: "reading the literal takes too much memory")
    case .unsupportedValue(let type), .raised(let type, _): .malformed(reason: "not a literal: \(type)")
    case .nondeterministic: preconditionFailure("a literal is read once")
    }
  }

  /// The normal form from its child's frame.
  static func normalised(_ report: ChildReport) throws(WorkerError) -> NormaliseReply {
    guard case .frame(ChildFrame.normalised, let payload) = report.end else {
      return .malformed(reason: reason(of: text(try reply(to: report).outcome)))
    }
    var reader = ByteReader(payload[...])
    guard let text = reader.text(), let statements = reader.number(), let functions = reader.number(),
      let nodes = reader.number(), let returnsConstant = reader.number(), let readsParameters = reader.number(),
      let imports = reader.texts()
    else { throw WorkerError(description: "a normal form is unreadable") }
    let shape = ProgramShape(
      statements: Int(statements), functions: Int(functions), nodes: Int(nodes), imports: imports,
      returnsConstant: returnsConstant == 1, readsParameters: readsParameters == 1)
    return .program(text: text, shape: shape)
  }

  /// The answer about syntax trees from its child's frame.
  static func inspected(_ report: ChildReport) throws(WorkerError) -> InspectReply {
    if case .frame(ChildFrame.uncomposed, let payload) = report.end {
      var reader = ByteReader(payload[...])
      guard let reason = reader.text() else { throw WorkerError(description: "a refusal is unreadable") }
      return .uncomposed(reason: reason)
    }
    guard case .frame(ChildFrame.inspected, let payload) = report.end else {
      return .malformed(reason: reason(of: text(try reply(to: report).outcome)))
    }
    var reader = ByteReader(payload[...])
    guard let texts = reader.texts(), let count = reader.number(), count <= 64 else {
      throw WorkerError(description: "an answer about a syntax tree is unreadable")
    }
    var numbers: [Int] = []
    for _ in 0..<count {
      guard let number = reader.number() else {
        throw WorkerError(description: "an answer about a syntax tree has too few numbers")
      }
      numbers.append(Int(Int64(bitPattern: number)))
    }
    return .answer(texts: texts, numbers: numbers)
  }

  private static let forged = CallOutcome.forbidden(reason: "wrote to the result descriptor")

  private static func reason(of reply: TextReply) -> String {
    if case .malformed(let reason) = reply { return reason }
    return "not a program"
  }

  private static func outcome(of end: ChildReport.End) -> CallOutcome {
    switch end {
    case .timedOut: .timedOut
    case .forged: forged
    // A refused call while signals are blocked, as in fork: the kernel kills instead of calling the handler.
    case .signalled(SIGSYS): .forbidden(reason: "a system call is not allowed")
    case .signalled(let number): .forbidden(reason: "crashed: \(String(cString: strsignal(number)))")
    case .exited(SANDBOX_EXIT_CRASHED): .forbidden(reason: "crashed: \(String(cString: strsignal(SIGSEGV)))")
    case .exited(let code): .forbidden(reason: "ended its process with code \(code)")
    case .frame, .lost: preconditionFailure("handled by the callers")
    }
  }

  /// The outcome and canonical input in a frame; a nil outcome means that the sandbox itself failed, with the reason in
  /// place of the input. nil if the payload is not what its kind demands.
  private static func read(kind: UInt8, payload: [UInt8]) -> (CallOutcome?, String?)? {
    var reader = ByteReader(payload[...])
    func outcome(_ make: (String) -> CallOutcome) -> (CallOutcome?, String?)? { reader.text().map { (make($0), nil) } }
    switch kind {
    case ChildFrame.forbidden: return outcome { .forbidden(reason: $0) }
    case ChildFrame.malformed: return outcome { .malformed(reason: $0) }
    case ChildFrame.malformedInput: return outcome { .malformedInput(reason: $0) }
    case ChildFrame.broken: return reader.text().map { (nil, $0) }
    case ChildFrame.clock: return (.forbidden(reason: "reads a clock"), nil)
    case ChildFrame.refusedCall: return (refusedCall(payload), nil)
    case ChildFrame.value, ChildFrame.raised, ChildFrame.outOfMemory, ChildFrame.tooLarge, ChildFrame.unsupported:
      return readAfterInput(kind: kind, from: &reader)
    default: return nil
    }
  }

  private static func readAfterInput(kind: UInt8, from reader: inout ByteReader) -> (CallOutcome?, String?)? {
    guard let input = reader.text() else { return nil }
    switch kind {
    case ChildFrame.value: return reader.text().map { (.value($0), input) }
    case ChildFrame.outOfMemory: return (.outOfMemory, input)
    case ChildFrame.tooLarge: return (.tooLarge, input)
    case ChildFrame.unsupported: return reader.text().map { (.unsupportedValue(type: $0), input) }
    default:
      guard let type = reader.text(), let message = reader.text() else { return nil }
      return (.raised(type: type, message: message), input)
    }
  }

  private static func refusedCall(_ payload: [UInt8]) -> CallOutcome {
    let number = payload.reversed().reduce(0) { $0 << 8 | Int32($1) }
    guard let name = sandbox_syscall_name(number) else {
      return .forbidden(reason: "system call \(number) is not allowed")
    }
    defer { free(name) }
    return .forbidden(reason: "system call '\(String(cString: name))' is not allowed")
  }
}

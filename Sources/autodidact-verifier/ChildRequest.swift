import VerifierProtocol

/// What one child is to do: the unit of isolation.
struct ChildRequest {
  /// The child's errand.
  enum Work {
    case call(program: String, call: String, entry: String, screening: Screening)
    case literal(String)
    case normalise(program: String, entry: String, options: String)
    case inspect(question: String, entry: String, texts: [String])
    /// System calls that must be refused, by their numbers; asked by the zygote itself, at its start.
    case probe([Int32])
  }

  var work: Work
  var limits: VerifierLimits

  /// For the way from worker to zygote.
  var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.number(limits.wallSeconds.bitPattern)
    writer.number(limits.cpuSeconds.bitPattern)
    writer.number(UInt64(limits.memoryBytes))
    writer.number(UInt64(limits.outputBytes))
    writer.number(UInt64(limits.stackBytes))
    switch work {
    case .call(let program, let call, let entry, let screening):
      writer.byte(1)
      for text in [program, call, entry] { writer.text(text) }
      writer.byte(screening.isOn ? 1 : 0)
      writer.texts(screening.bannedModules)
      writer.texts(screening.bannedNames)
    case .literal(let text):
      writer.byte(2)
      writer.text(text)
    case .normalise(let program, let entry, let options):
      writer.byte(3)
      for text in [program, entry, options] { writer.text(text) }
    case .inspect(let question, let entry, let texts):
      writer.byte(4)
      writer.text(question)
      writer.text(entry)
      writer.texts(texts)
    case .probe: preconditionFailure("a probe is the zygote's own and never travels")
    }
    return writer.bytes
  }

  /// nil if the bytes are not a request.
  init?(encoded: [UInt8]) {
    var reader = ByteReader(encoded[...])
    guard let wall = reader.number(), let cpu = reader.number(), let memory = reader.number(),
      let output = reader.number(), let stack = reader.number(), let kind = reader.byte(),
      let work = Self.readWork(kind: kind, from: &reader), reader.isAtEnd
    else { return nil }
    limits = VerifierLimits(
      wallSeconds: Double(bitPattern: wall), cpuSeconds: Double(bitPattern: cpu), memoryBytes: Int(memory),
      outputBytes: Int(output), stackBytes: Int(stack))
    self.work = work
  }

  init(work: Work, limits: VerifierLimits) {
    self.work = work
    self.limits = limits
  }

  private static func readWork(kind: UInt8, from reader: inout ByteReader) -> Work? {
    switch kind {
    case 1:
      guard let program = reader.text(), let call = reader.text(), let entry = reader.text(),
        let isOn = reader.byte(), let modules = reader.texts(), let names = reader.texts()
      else { return nil }
      let screening = Screening(isOn: isOn == 1, bannedModules: modules, bannedNames: names)
      return .call(program: program, call: call, entry: entry, screening: screening)
    case 2:
      guard let text = reader.text() else { return nil }
      return .literal(text)
    case 3:
      guard let program = reader.text(), let entry = reader.text(), let options = reader.text() else { return nil }
      return .normalise(program: program, entry: entry, options: options)
    case 4:
      guard let question = reader.text(), let entry = reader.text(), let texts = reader.texts() else { return nil }
      return .inspect(question: question, entry: entry, texts: texts)
    default: return nil
    }
  }
}

/// What a zygote tells of a child that has ended.
struct ChildReport {
  /// How the child ended.
  enum End: Equatable {
    /// One whole frame with the right nonce: its kind and payload.
    case frame(kind: UInt8, payload: [UInt8])
    /// The wall-clock or the processor limit.
    case timedOut
    /// Bytes on the result descriptor that are not exactly one frame of ours.
    case forged
    /// A signal that neither a limit nor the parent sent.
    case signalled(Int32)
    /// An end without a frame.
    case exited(Int32)
    /// Killed by somebody else (an operator, the kernel short of memory): no fault of the program, and no outcome.
    case lost
  }

  var end: End
  var usage: Usage

  var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.number(usage.wallSeconds.bitPattern)
    writer.number(usage.cpuSeconds.bitPattern)
    writer.number(UInt64(usage.memoryPeakBytes))
    switch end {
    case .frame(let kind, let payload):
      writer.byte(0)
      writer.byte(kind)
      writer.data(payload)
    case .timedOut: writer.byte(1)
    case .forged: writer.byte(2)
    case .signalled(let number):
      writer.byte(3)
      writer.number(UInt64(number))
    case .exited(let code):
      writer.byte(4)
      writer.number(UInt64(code))
    case .lost: writer.byte(5)
    }
    return writer.bytes
  }

  init(end: End, usage: Usage) {
    self.end = end
    self.usage = usage
  }

  init?(encoded: [UInt8]) {
    var reader = ByteReader(encoded[...])
    guard let wall = reader.number(), let cpu = reader.number(), let memory = reader.number(), let kind = reader.byte()
    else { return nil }
    usage = Usage(
      wallSeconds: Double(bitPattern: wall), cpuSeconds: Double(bitPattern: cpu), memoryPeakBytes: Int(memory))
    switch kind {
    case 0:
      guard let frameKind = reader.byte(), let payload = reader.data() else { return nil }
      end = .frame(kind: frameKind, payload: payload)
    case 1: end = .timedOut
    case 2: end = .forged
    case 3:
      guard let number = reader.number() else { return nil }
      end = .signalled(Int32(truncatingIfNeeded: number))
    case 4:
      guard let code = reader.number() else { return nil }
      end = .exited(Int32(truncatingIfNeeded: code))
    case 5: end = .lost
    default: return nil
    }
  }
}

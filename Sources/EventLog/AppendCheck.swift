import FoundationEssentials

/// The checks that need no storage, made by every log before it does anything, so that all of them refuse alike.
package enum AppendCheck {
  /// - Throws: `.tooLarge` or `.invalidEvent`, naming the field and the index of the event.
  package static func check(_ events: [NewEvent], key: String) throws(EventLogError) {
    try require(events.count, "the number of events in an append", LogLimits.eventsPerAppendMax)
    try require(key.utf8.count, "the append key, in bytes,", LogLimits.keyBytesMax)
    guard !events.isEmpty else { throw .invalidEvent("an append of no events") }
    for (index, event) in events.enumerated() { try check(event, index: index) }
  }

  /// - Throws: `.tooLarge` or `.invalidEvent`.
  package static func check(name: String) throws(EventLogError) {
    try require(name.utf8.count, "the experiment's name, in bytes,", LogLimits.nameBytesMax)
    guard !name.isEmpty, !name.utf8.contains(0) else {
      throw .invalidEvent("an experiment's name is neither empty nor contains U+0000")
    }
  }

  private static func check(_ event: NewEvent, index: Int) throws(EventLogError) {
    let what = "event \(index) (\(event.type))"
    try require(event.type.utf8.count, "the type of event \(index), in bytes,", LogLimits.typeBytesMax)
    guard !event.type.isEmpty, event.type.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw .invalidEvent("\(what): a type is printable ASCII without spaces")
    }
    guard (1...Int(Int16.max)).contains(event.schemaVersion) else {
      throw .invalidEvent("\(what): schema version \(event.schemaVersion) is not within 1...\(Int16.max)")
    }
    for number in [event.iteration, event.policyVersion].compactMap(\.self) where Int32(exactly: number) == nil {
      throw .invalidEvent("\(what): \(number) does not fit 32 bits")
    }
    if case .sibling(let sibling) = event.cause, !(0..<index).contains(sibling) {
      throw .invalidEvent("\(what): its cause is event \(sibling) of the same append, which does not precede it")
    }
    try require(event.body.count, "the body of \(what), in bytes,", LogLimits.bodyBytesMax)
    try checkText(event.body, "the body of \(what)")
    if let generation = event.generation { try check(generation, what) }
  }

  private static func check(_ generation: GenerationRecord, _ what: String) throws(EventLogError) {
    try require(generation.tokens.count, "the tokens of \(what)", LogLimits.tokensMax)
    try require(generation.prompt.utf8.count, "the prompt of \(what), in bytes,", LogLimits.textBytesMax)
    try require(generation.completion.utf8.count, "the completion of \(what), in bytes,", LogLimits.textBytesMax)
    try require(generation.sampling.count, "the sampling parameters of \(what), in bytes,", LogLimits.bodyBytesMax)
    try require(generation.randomKey.count, "the random key of \(what), in bytes,", LogLimits.keyBytesMax)
    try require(generation.finish.utf8.count, "the finish of \(what), in bytes,", LogLimits.typeBytesMax)
    guard !generation.finish.utf8.contains(0) else {
      throw .invalidEvent("the finish of \(what) contains U+0000, which PostgreSQL cannot hold")
    }
    try checkText(generation.sampling, "the sampling parameters of \(what)")
  }

  private static func require(_ found: Int, _ field: String, _ max: Int) throws(EventLogError) {
    guard found <= max else { throw .tooLarge(field: field, found: found, max: max) }
  }

  /// SQL can open a JSON text only if it is UTF-8 and escapes no U+0000: `body->>'x'` fails on that, for every reader
  /// of the row, for ever. Whether the rest is JSON is the storage's check.
  private static func checkText(_ bytes: Data, _ what: String) throws(EventLogError) {
    guard bytes.first == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "}") else {
      throw .invalidEvent("\(what) is not a JSON object")
    }
    guard String(validating: bytes, as: UTF8.self) != nil else { throw .invalidEvent("\(what) is not UTF-8") }
    guard !escapesNull(bytes) else { throw .invalidEvent("\(what) contains U+0000, which PostgreSQL cannot hold") }
  }

  private static func escapesNull(_ bytes: Data) -> Bool {
    bytes.withUnsafeBytes { raw in
      let backslash = UInt8(ascii: "\\")
      var index = 0
      while index < raw.count {
        if raw[index] == 0 { return true }
        guard raw[index] == backslash else {
          index += 1
          continue
        }
        let escape = raw[min(index + 1, raw.count)..<min(index + 6, raw.count)]
        if escape.elementsEqual("u0000".utf8) { return true }
        index += 2
      }
      return false
    }
  }
}

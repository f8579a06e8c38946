import CPython
import CSandbox
import VerifierProtocol

/// What a child sends as its one frame: the kind byte and the payload that follows it.
enum ChildFrame {
  static let value: UInt8 = 1  // canonical input, canonical text
  static let raised: UInt8 = 2  // canonical input, type, message
  static let outOfMemory: UInt8 = 3  // canonical input
  static let tooLarge: UInt8 = 4  // canonical input
  static let unsupported: UInt8 = 5  // canonical input, type
  static let forbidden: UInt8 = 6  // reason
  static let malformed: UInt8 = 7  // reason
  static let malformedInput: UInt8 = 8  // reason
  static let normalised: UInt8 = 9  // text, statements, functions, nodes, two flags, imports
  static let inspected: UInt8 = 11  // texts, a count and as many numbers
  static let uncomposed: UInt8 = 12  // reason
  static let broken: UInt8 = 10  // reason: the sandbox could not be entered; no model-written code has run
  static let refusedCall = UInt8(SANDBOX_KIND_REFUSED)  // number of the call
  static let clock = UInt8(SANDBOX_KIND_CLOCK)  // nothing

  static func payload(input: [UInt8], value: [UInt8]) -> ByteWriter {
    var writer = ByteWriter()
    writer.data(input)
    writer.data(value)
    return writer
  }

  static func payload(input: [UInt8]?, texts: [String]) -> ByteWriter {
    var writer = ByteWriter()
    if let input { writer.data(input) }
    for text in texts { writer.text(text) }
    return writer
  }
}

/// The work of one child: enter the sandbox, do one errand, write one frame, end. Nothing here returns.
///
/// Runs in a fork of a zygote. It must not use `Dictionary`, `Set` or anything else that hashes: Swift's hash seed would
/// be drawn from the kernel, which the filter refuses.
struct Child {
  let interpreter: Interpreter
  let limits: VerifierLimits
  /// Kept back so that a result can still be encoded when the program has used up its memory.
  private var ballast: UnsafeMutableRawPointer?
  private var encoder: CanonicalEncoder

  init(interpreter: Interpreter, limits: VerifierLimits) {
    self.interpreter = interpreter
    self.limits = limits
    encoder = CanonicalEncoder(bytesMax: limits.outputBytes)
  }

  /// - Parameters:
  ///   - resultDescriptor: the writing end of this child's pipe.
  ///   - nonce: the bytes its frame begins with.
  ///   - baseBytes: what the warm interpreter has mapped, on top of which the program's memory is counted.
  static func run(
    _ request: ChildRequest, interpreter: Interpreter, resultDescriptor: Int32, nonce: [UInt8], baseBytes: Int
  ) -> Never {
    var child = Child(interpreter: interpreter, limits: request.limits)
    sandbox_set_nonce(nonce)
    let ballastBytes = 4 * request.limits.outputBytes + 1 << 20
    child.ballast = UnsafeMutableRawPointer.allocate(byteCount: ballastBytes, alignment: 16)
    var limits = sandbox_limits(
      address_space_bytes: UInt64(baseBytes + ballastBytes + request.limits.memoryBytes),
      stack_bytes: UInt64(request.limits.stackBytes),
      cpu_microseconds: UInt64(request.limits.cpuSeconds * 1e6))
    var step: UnsafePointer<CChar>?
    let error = sandbox_enter(resultDescriptor, &limits, &step)
    guard error == 0 else {
      finish(ChildFrame.broken, ["\(step.map { String(cString: $0) } ?? "?"): error \(error)"])
    }
    switch request.work {
    case .call(let program, let call, let entry, let screening):
      child.call(program: program, call: call, entry: entry, screening: screening)
    case .literal(let text): child.literal(text)
    case .normalise(let program, let entry, let options):
      child.normalise(program: program, entry: entry, options: options)
    case .inspect(let question, let entry, let texts):
      child.inspect(question: question, entry: entry, texts: texts)
    case .probe(let numbers):
      let refused = sandbox_probe(numbers, numbers.count)
      guard refused == numbers.count else {
        finish(ChildFrame.broken, ["system call \(numbers[refused]) is not refused"])
      }
      finish(ChildFrame.forbidden, [""])
    }
  }

  // MARK: Errands

  private mutating func call(program: String, call: String, entry: String, screening: Screening) -> Never {
    let prepared = prepare(
      interpreter.prepareCall,
      interpreter.arguments(program: program, call: call, entry: entry, screening: screening))
    let positional = python_tuple_item(prepared, 2)!
    let named = python_tuple_item(prepared, 3)!
    let input = canonicalInput(positional: positional, named: named)
    guard let namespace = freshNamespace(),
      PyEval_EvalCode(python_tuple_item(prepared, 1), namespace, namespace) != nil
    else { finishRaised(input: input) }
    guard let function = PyDict_GetItemString(namespace, entry) else {
      finish(ChildFrame.malformed, ["the program removes '\(entry)'"])
    }
    Py_IncRef(function)
    guard let value = PyObject_Call(function, positional, named) else { finishRaised(input: input) }
    finishValue(value, input: input)
  }

  private mutating func literal(_ text: String) -> Never {
    let prepared = prepare(interpreter.prepareLiteral, pythonTuple([text]))
    finishValue(python_tuple_item(prepared, 1)!, input: [])
  }

  private mutating func normalise(program: String, entry: String, options: String) -> Never {
    let prepared = prepare(interpreter.normalise, pythonTuple([program, entry, options]))
    let shape = python_tuple_item(prepared, 2)!
    var writer = ByteWriter()
    guard let text = Self.swiftText(python_tuple_item(prepared, 1)) else { Self.finish(ChildFrame.tooLarge, []) }
    writer.text(text)
    for index in 0..<5 { writer.number(UInt64(PyLong_AsLong(python_tuple_item(shape, index)))) }
    let imports = python_tuple_item(prepared, 3)!
    writer.texts((0..<python_list_count(imports)).compactMap { Self.swiftText(python_list_item(imports, $0)) })
    sandbox_finish(ChildFrame.normalised, writer.bytes, writer.bytes.count)
  }

  private mutating func inspect(question: String, entry: String, texts: [String]) -> Never {
    let prepared = prepare(
      interpreter.inspect, pythonTuple(owned: [pythonText(question), pythonText(entry), pythonTuple(texts)]))
    let (answers, numbers) = (python_tuple_item(prepared, 1)!, python_tuple_item(prepared, 2)!)
    var writer = ByteWriter()
    writer.texts((0..<python_list_count(answers)).compactMap { Self.swiftText(python_list_item(answers, $0)) })
    writer.number(UInt64(python_list_count(numbers)))
    for index in 0..<python_list_count(numbers) {
      writer.number(UInt64(bitPattern: Int64(PyLong_AsLong(python_list_item(numbers, index)))))
    }
    sandbox_finish(ChildFrame.inspected, writer.bytes, writer.bytes.count)
  }

  /// Calls a function of the prelude (takes over `arguments`) and returns its tuple if it begins with `ready`. Any other
  /// answer is this child's result.
  private func prepare(_ function: Object, _ arguments: Object?) -> Object {
    guard let arguments, let answer = PyObject_CallObject(function, arguments) else {
      let raised = Raised.take()
      if raised?.isMemoryError ?? true { Self.finish(ChildFrame.outOfMemory, [""]) }
      Self.finish(ChildFrame.malformed, ["\(raised!.type): \(raised!.message)"])
    }
    let kind = Self.swiftText(python_tuple_item(answer, 0)) ?? ""
    if kind == "ready" { return answer }
    let reason = Self.swiftText(python_tuple_item(answer, 1)) ?? ""
    switch kind {
    case "forbidden": Self.finish(ChildFrame.forbidden, [reason])
    case "uncomposed": Self.finish(ChildFrame.uncomposed, [reason])
    case "input", "literal": Self.finish(ChildFrame.malformedInput, [reason])
    default: Self.finish(ChildFrame.malformed, [reason])
    }
  }

  /// A module of its own for the program, so that dataclasses and typing find its names. `__name__` is not `__main__`:
  /// what stands behind that guard is not part of the problem.
  private func freshNamespace() -> Object? {
    guard let module = PyImport_AddModule("program"), let namespace = PyModule_GetDict(module) else { return nil }
    PyDict_SetItemString(namespace, "__builtins__", PyEval_GetBuiltins())
    return namespace
  }

  // MARK: Results

  /// The arguments as text, `3, 'abc', key=1`, encoded before the program can touch them.
  private mutating func canonicalInput(positional: Object, named: Object) -> [UInt8] {
    var encoder = CanonicalEncoder(bytesMax: limits.outputBytes)
    do throws(EncodingFailure) {
      try encoder.encode(positional: positional, named: named)
    } catch {
      Self.finish(ChildFrame.malformedInput, ["the arguments' text is longer than \(limits.outputBytes) bytes"])
    }
    return encoder.bytes
  }

  private mutating func finishValue(_ value: Object, input: [UInt8]) -> Never {
    PyGC_Disable()
    ballast?.deallocate()
    do throws(EncodingFailure) { try encoder.encode(value) } catch {
      switch error {
      case .tooLarge: Self.finish(ChildFrame.tooLarge, [], input: input)
      case .unsupported(let type): Self.finish(ChildFrame.unsupported, [type], input: input)
      case .outOfMemory: Self.finish(ChildFrame.outOfMemory, [], input: input)
      }
    }
    let writer = ChildFrame.payload(input: input, value: encoder.bytes)
    sandbox_finish(ChildFrame.value, writer.bytes, writer.bytes.count)
  }

  private mutating func finishRaised(input: [UInt8]) -> Never {
    ballast?.deallocate()
    guard let raised = Raised.take(), !raised.isMemoryError else {
      Self.finish(ChildFrame.outOfMemory, [], input: input)
    }
    Self.finish(ChildFrame.raised, [raised.type, raised.message], input: input)
  }

  private func finish(_ kind: UInt8, _ texts: [String]) -> Never { Self.finish(kind, texts) }

  private static func finish(_ kind: UInt8, _ texts: [String], input: [UInt8]? = nil) -> Never {
    let writer = ChildFrame.payload(input: input, texts: texts)
    sandbox_finish(kind, writer.bytes, writer.bytes.count)
  }

  /// The characters of an exact str (borrowed).
  static func swiftText(_ text: Object?) -> String? {
    var count = 0
    guard let text, let start = PyUnicode_AsUTF8AndSize(text, &count) else {
      PyErr_Clear()
      return nil
    }
    return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
  }
}

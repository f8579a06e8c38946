import CPython
import VerifierProtocol
import Glibc

/// Why the interpreter could not be prepared. The worker reports it and ends; nothing has run yet.
struct InterpreterError: Error, CustomStringConvertible {
  var description: String
}

/// The warm interpreter of a zygote: started once, never finalised, forked for every program.
///
/// Isolated configuration: no environment, no site, no user folder, no signal handlers, a fixed hash seed. All modules
/// a program may import are loaded here, because after `SandboxLayers.close` no file exists.
struct Interpreter {
  /// Where Debian's interpreter lives. Set explicitly: another python3 may come first on the path.
  static let home = "/usr"

  /// Entry points of the prelude, owned for the life of the process.
  let prepareCall: Object
  let prepareLiteral: Object
  let normalise: Object
  let inspect: Object
  /// `Prelude.modules` as a Python tuple, owned.
  let modules: Object

  /// Starts the interpreter with a hash seed and loads everything.
  init(hashSeed: UInt32) throws(InterpreterError) {
    PythonArenas.install()
    try Self.start(hashSeed: hashSeed)
    for name in Prelude.modules + Prelude.modulesHidden {
      guard PyImport_ImportModule(name) != nil else { throw Self.pythonError("cannot import \(name)") }
    }
    // Programs may print; it goes nowhere. The streams' descriptors do not exist in a child.
    for stream in ["stdin", "stdout", "stderr"] { PySys_SetObject(stream, python_none()) }
    let namespace = try Self.run(Prelude.source + "\n" + Prelude.treeSource)
    func entry(_ name: String) throws(InterpreterError) -> Object {
      guard let function = PyDict_GetItemString(namespace, name) else { throw Self.pythonError("no \(name)") }
      Py_IncRef(function)
      return function
    }
    prepareCall = try entry("prepare_call")
    prepareLiteral = try entry("prepare_literal")
    normalise = try entry("normalise")
    inspect = try entry("inspect")
    guard let modules = pythonTuple(Prelude.modules) else { throw Self.pythonError("no memory") }
    self.modules = modules
  }

  /// The arguments of `prepareCall`, owned by the caller; nil when out of memory.
  func arguments(program: String, call: String, entry: String, screening: Screening) -> Object? {
    Py_IncRef(modules)
    return pythonTuple(owned: [
      pythonText(program), pythonText(call), pythonText(entry), PyBool_FromLong(screening.isOn ? 1 : 0), modules,
      pythonTuple(screening.bannedModules), pythonTuple(screening.bannedNames),
    ])
  }

  /// For example `3.11.2`.
  static var version: String { String(String(cString: Py_GetVersion()).prefix { $0 != " " }) }

  private static func start(hashSeed: UInt32) throws(InterpreterError) {
    var preconfiguration = PyPreConfig()
    PyPreConfig_InitIsolatedConfig(&preconfiguration)
    preconfiguration.utf8_mode = 1
    try check(Py_PreInitialize(&preconfiguration))
    var configuration = PyConfig()
    PyConfig_InitIsolatedConfig(&configuration)
    defer { PyConfig_Clear(&configuration) }
    configuration.site_import = 0
    configuration.install_signal_handlers = 0
    configuration.buffered_stdio = 0
    configuration.write_bytecode = 0
    configuration.pathconfig_warnings = 0
    configuration.use_hash_seed = 1
    configuration.hash_seed = UInt(hashSeed)
    try check(python_set_home(&configuration, home, "\(home)/bin/python3.11"))
    try check(Py_InitializeFromConfig(&configuration))
  }

  private static func check(_ status: PyStatus) throws(InterpreterError) {
    guard PyStatus_Exception(status) != 0 else { return }
    let message = status.err_msg.map { String(cString: $0) } ?? "exit code \(status.exitcode)"
    throw InterpreterError(description: "CPython does not start: \(message)")
  }

  private static func run(_ source: String) throws(InterpreterError) -> Object {
    guard let namespace = PyDict_New() else { throw pythonError("no memory") }
    PyDict_SetItemString(namespace, "__builtins__", PyEval_GetBuiltins())
    guard let result = PyRun_StringFlags(source, Py_file_input, namespace, namespace, nil) else {
      throw pythonError("the prelude fails")
    }
    Py_DecRef(result)
    return namespace
  }

  /// The last step before children are forked: no more of our objects after it. Moves all objects out of the collector's sight, so that a collection in a child touches no page of ours.
  func freeze() throws(InterpreterError) {
    guard let collector = PyImport_ImportModule("gc"), PyGC_Collect() >= 0,
      let frozen = Self.PyObject_CallMethodObjArgs0(collector, "freeze")
    else { throw Self.pythonError("cannot freeze") }
    Py_DecRef(frozen)
  }

  private static func PyObject_CallMethodObjArgs0(_ object: Object, _ name: String) -> Object? {
    guard let method = PyObject_GetAttrString(object, name) else { return nil }
    defer { Py_DecRef(method) }
    return PyObject_CallNoArgs(method)
  }

  private static func pythonError(_ context: String) -> InterpreterError {
    let raised = Raised.take()
    return InterpreterError(description: "\(context): \(raised.map { "\($0.type): \($0.message)" } ?? "unknown")")
  }
}

/// A new str, owned by the caller; nil when out of memory.
func pythonText(_ text: String) -> Object? {
  var text = text
  return text.withUTF8 { PyUnicode_DecodeUTF8($0.baseAddress, $0.count, nil) }
}

/// A new tuple of str, owned by the caller.
func pythonTuple(_ texts: [String]) -> Object? { pythonTuple(owned: texts.map { pythonText($0) }) }

/// A new tuple; takes over the references of its items. nil if an item is nil.
func pythonTuple(owned items: [Object?]) -> Object? {
  guard !items.contains(nil), let tuple = PyTuple_New(items.count) else { return nil }
  for (index, item) in items.enumerated() { PyTuple_SetItem(tuple, index, item) }
  return tuple
}

/// A Python exception as text. Taking it clears the interpreter's error state.
struct Raised {
  static let messageBytesMax = 200

  var type: String
  var message: String
  var isMemoryError: Bool

  /// The pending exception, or nil if there is none.
  static func take() -> Raised? {
    var type: Object?
    var value: Object?
    var traceback: Object?
    PyErr_Fetch(&type, &value, &traceback)
    guard type != nil else { return nil }
    PyErr_NormalizeException(&type, &value, &traceback)
    let isMemoryError = type.map { PyErr_GivenExceptionMatches($0, python_memory_error()) != 0 } ?? false
    let name = value.map { String(cString: python_type_name($0)) } ?? "exception"
    return Raised(type: name, message: isMemoryError ? "" : message(of: value), isMemoryError: isMemoryError)
  }

  /// The exception's `str`, cut at a character to `messageBytesMax`. It may run model-written code, inside the sandbox
  /// and for this text only.
  private static func message(of value: Object?) -> String {
    guard let value, let text = PyObject_Str(value) else {
      PyErr_Clear()
      return ""
    }
    var count = 0
    guard let start = PyUnicode_AsUTF8AndSize(text, &count) else {
      PyErr_Clear()
      return ""
    }
    let bytes = UnsafeRawBufferPointer(start: start, count: min(count, messageBytesMax))
    var message = String(decoding: bytes, as: UTF8.self)
    while message.utf8.count > messageBytesMax || message.last == "\u{FFFD}" { message.removeLast() }
    return message
  }
}

/// What a program is refused for before it runs, by reading its syntax tree: early refusals with a reason a person (and
/// a reward) can use. It is no part of the sandbox, which holds with screening off; the tests run that way.
package struct Screening: Codable, Hashable, Sendable {
  /// Off: nothing is refused before running.
  package var isOn: Bool
  /// Modules and dotted modules (`os`, `os.path`) that may not be imported, in addition to all that are not in
  /// `WorkerDescription.modules`.
  package var bannedModules: [String]
  /// Names that may not appear as a name or an attribute.
  package var bannedNames: [String]

  package init(isOn: Bool, bannedModules: [String], bannedNames: [String]) {
    self.isOn = isOn
    self.bannedModules = bannedModules
    self.bannedNames = bannedNames
  }

  /// The worker's own list of modules, and the names below.
  package static let standard = Screening(isOn: true, bannedModules: [], bannedNames: bannedNamesStandard)

  /// Nothing is refused early.
  package static let off = Screening(isOn: false, bannedModules: [], bannedNames: [])

  /// Builtins that reach outside a computation or into the interpreter, and the dunder names by which programs climb
  /// from an object to the interpreter's inside.
  package static let bannedNamesStandard = [
    "open", "eval", "exec", "compile", "__import__", "input", "breakpoint", "globals", "locals", "vars", "exit", "quit",
    "help", "memoryview", "__builtins__", "__loader__", "__spec__", "__subclasses__", "__globals__", "__code__",
    "__closure__", "__bases__", "__base__", "__mro__", "__reduce__", "__reduce_ex__", "__getattribute__",
    "__traceback__", "tb_frame", "f_back", "f_globals", "f_builtins", "f_locals", "gi_frame", "cr_frame", "_getframe",
  ]
}

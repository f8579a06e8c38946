import Domain
import Foundation

/// How a value of one type is written in YAML, what is allowed, and how it is shown again.
struct SettingForm<Value: Sendable>: Sendable {
  /// What is allowed, in words.
  let allowed: String
  let read: @Sendable (SettingNode) throws(Mismatch) -> Value
  /// YAML on one line that `read` reads back.
  let write: @Sendable (Value) -> String
}

/// Why a value was not taken.
struct Mismatch: Error {
  var fault: SettingsProblem.Fault
  /// What was found, where one item of a list is wrong: that item.
  var found: String
  /// The word that was probably meant.
  var suggestion: String?

  static func wrongType(_ node: SettingNode) -> Mismatch { Mismatch(fault: .wrongType, found: node.shown) }
  static func impossible(_ node: SettingNode) -> Mismatch { Mismatch(fault: .impossibleValue, found: node.shown) }
}

// MARK: Numbers

extension SettingForm where Value == Int {
  /// A whole number in decimal digits; `010`, `0x10`, `1_000`, `8.0` and `"8"` are refused rather than guessed.
  static func integer(_ range: ClosedRange<Int>) -> Self {
    SettingForm(allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)") { node throws(Mismatch) in
      let digits = try plainDigits(node)
      guard let value = Int(digits), range.contains(value) else { throw .impossible(node) }
      return value
    } write: {
      String($0)
    }
  }
}

extension SettingForm where Value == UInt64 {
  /// A whole number of 64 bits; larger than what YAML libraries call an integer.
  static func seed() -> Self {
    SettingForm(allowed: "a whole number from 0 to \(UInt64.max)") { node throws(Mismatch) in
      guard let value = UInt64(try plainDigits(node)) else { throw .impossible(node) }
      return value
    } write: {
      String($0)
    }
  }
}

extension SettingForm where Value == Double {
  /// A finite number, with a fraction and an exponent if wanted (`1e-6`).
  ///
  /// - Parameters:
  ///   - allowed: the bounds in words, after "a number".
  ///   - check: whether a finite number is within them.
  static func number(_ allowed: String, _ check: @escaping @Sendable (Double) -> Bool) -> Self {
    SettingForm(allowed: "a number \(allowed)") { node throws(Mismatch) in
      guard case .scalar(let text, isPlain: true) = node.content, isNumber(text) else { throw .wrongType(node) }
      guard let value = Double(text), value.isFinite, check(value) else { throw .impossible(node) }
      return value
    } write: {
      "\($0)"
    }
  }
}

extension SettingForm where Value == NumberOrSame {
  /// A number as `number` takes it, or the word `same`.
  ///
  /// - Parameter other: the key whose value `same` stands for.
  static func numberOrSame(
    _ allowed: String, as other: String, _ check: @escaping @Sendable (Double) -> Bool
  ) -> Self {
    let form = SettingForm<Double>.number(allowed, check)
    return SettingForm(allowed: "\(form.allowed), or same: as `\(other)`") { node throws(Mismatch) in
      if case .scalar("same", _) = node.content { return .same }
      return .number(try form.read(node))
    } write: { value in
      switch value {
      case .same: "same"
      case .number(let number): form.write(number)
      }
    }
  }
}

/// The digits of a plain decimal integer, sign included.
private func plainDigits(_ node: SettingNode) throws(Mismatch) -> String {
  guard case .scalar(let text, isPlain: true) = node.content,
    text.wholeMatch(of: /[-+]?(0|[1-9][0-9]*)/) != nil
  else { throw .wrongType(node) }
  return text
}

private func isNumber(_ text: String) -> Bool {
  text.wholeMatch(of: /[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)/) != nil
}

// MARK: Words

extension SettingForm where Value == Bool {
  /// True or false, also as YAML 1.1 writes them; only where a truth is asked for, so `no` stays a word elsewhere.
  static func truth() -> Self {
    SettingForm(allowed: "true or false") { node throws(Mismatch) in
      guard case .scalar(let text, isPlain: true) = node.content else { throw .wrongType(node) }
      switch text {
      case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return true
      case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return false
      default: throw .wrongType(node)
      }
    } write: {
      $0 ? "true" : "false"
    }
  }
}

extension SettingForm where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of the words of an enum.
  static func word() -> Self {
    SettingForm(allowed: list(Value.allCases.map(\.rawValue), "or")) { node throws(Mismatch) in
      guard case .scalar(let text, _) = node.content else { throw .wrongType(node) }
      guard let value = Value(rawValue: text) else {
        var mismatch = Mismatch.impossible(node)
        mismatch.suggestion = Suggestion.nearest(to: text, in: Value.allCases.map(\.rawValue))
        throw mismatch
      }
      return value
    } write: {
      yamlText($0.rawValue)
    }
  }
}

extension SettingForm {
  /// A list of the words of an enum, none twice.
  ///
  /// - Parameter countMin: 0 where the list may be empty.
  static func words<Word>(countMin: Int = 1) -> Self
  where Value == [Word], Word: RawRepresentable & CaseIterable & Hashable & Sendable, Word.RawValue == String {
    let names = Word.allCases.map(\.rawValue)
    let form = SettingForm<Word>.word()
    let least = countMin == 0 ? "any" : "at least one"
    return SettingForm(allowed: "a list of \(least) of \(list(names, "and")), none twice") {
      node throws(Mismatch) in
      guard case .list(let items) = node.content else { throw .wrongType(node) }
      guard items.count >= countMin else { throw .impossible(node) }
      var words: [Word] = []
      for item in items {
        let word = try form.read(item)
        guard !words.contains(word) else { throw Mismatch(fault: .impossibleValue, found: "\(item.shown) twice") }
        words.append(word)
      }
      return words
    } write: { words in
      "[" + words.map { form.write($0) }.joined(separator: ", ") + "]"
    }
  }
}

// MARK: Text

extension SettingForm where Value == String {
  /// Text on one line that matches; numbers and truths are taken as they are written.
  static func text(_ allowed: String, _ check: @escaping @Sendable (String) -> Bool) -> Self {
    SettingForm(allowed: allowed) { node throws(Mismatch) in
      guard case .scalar(let text, _) = node.content else { throw .wrongType(node) }
      guard !text.isEmpty, text.utf8.count <= 1024, !text.contains(where: \.isNewline), check(text) else {
        throw .impossible(node)
      }
      return text
    } write: {
      yamlText($0)
    }
  }
}

extension SettingForm where Value == [String] {
  /// A list of names of Python modules, none twice; it may be empty.
  static func modules(countMax: Int) -> Self {
    SettingForm(
      allowed:
        "a list of Python module names (letters, digits, '_', parts joined by '.'), none twice, at most \(countMax)"
    ) { node throws(Mismatch) in
      guard case .list(let items) = node.content else { throw .wrongType(node) }
      guard items.count <= countMax else { throw .impossible(node) }
      var names: [String] = []
      for item in items {
        guard case .scalar(let name, _) = item.content else { throw .wrongType(item) }
        guard name.utf8.count <= 200, isModuleName(name) else { throw .impossible(item) }
        guard !names.contains(name) else { throw Mismatch(fault: .impossibleValue, found: "'\(name)' twice") }
        names.append(name)
      }
      return names
    } write: { names in
      "[" + names.map(yamlText).joined(separator: ", ") + "]"
    }
  }
}

private func isModuleName(_ name: String) -> Bool {
  name.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*/) != nil
}

// MARK: Writing

/// `a, b or c`.
func list(_ words: [String], _ last: String) -> String {
  guard words.count > 1 else { return words.first ?? "" }
  return words.dropLast().joined(separator: ", ") + " \(last) " + words[words.count - 1]
}

/// A text as a YAML scalar on one line: plain if that is safe in every YAML, else in double quotes.
func yamlText(_ text: String) -> String {
  let reserved = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
  let isPlain =
    text.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_.\/-]*/) != nil && !reserved.contains(text.lowercased())
  guard !isPlain else { return text }
  var quoted = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": quoted += "\\\""
    case "\\": quoted += "\\\\"
    case "\n": quoted += "\\n"
    case "\t": quoted += "\\t"
    case _
    where scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || scalar.value == 0x2028
      || scalar.value == 0x2029 || scalar.value == 0xFEFF || (0xE000...0xF8FF).contains(scalar.value):
      quoted += "\\U" + String(repeating: "0", count: 8 - String(scalar.value, radix: 16).count)
      quoted += String(scalar.value, radix: 16)
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "\""
}

import Foundation

/// The text of a settings or prompts file: bounded, valid UTF-8, without control characters.
struct SourceText: Sendable {
  let text: String
  /// Name for errors.
  let file: String

  /// Largest file that is read. Both kinds of file are written by hand; a larger one is a mistake.
  static let bytesMax = 256 * 1024

  /// Reads a file.
  init(path: String) throws(SettingsProblem) {
    try self.init(bytes: Self.read(path), file: path)
  }

  /// Checks bytes that are said to be text. A byte order mark is dropped.
  init(bytes: [UInt8], file: String) throws(SettingsProblem) {
    guard bytes.count <= Self.bytesMax else { throw Self.tooLarge(file) }
    let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    try Self.check(bytes, file: file)
    text = String(decoding: bytes, as: UTF8.self)
    self.file = file
  }

  private static func tooLarge(_ file: String) -> SettingsProblem {
    SettingsProblem(
      .unreadable, file: file, "the file is too large", found: "more than \(bytesMax) bytes",
      allowed: "at most \(bytesMax) bytes")
  }

  /// Refuses what is not UTF-8 and what YAML calls unprintable, at its position.
  private static func check(_ bytes: ArraySlice<UInt8>, file: String) throws(SettingsProblem) {
    var parser = Unicode.UTF8.ForwardParser()
    var input = bytes.makeIterator()
    var line = 1
    var column = 1
    while true {
      switch parser.parseScalar(from: &input) {
      case .emptyInput: return
      case .error:
        throw SettingsProblem(.unreadable, file: file, line: line, column: column, "the file is not UTF-8 text")
      case .valid(let encoded):
        let scalar = Unicode.UTF8.decode(encoded)
        if isUnprintable(scalar) {
          throw SettingsProblem(
            .syntax, file: file, line: line, column: column, "a control character",
            found: "U+" + String(scalar.value, radix: 16, uppercase: true))
        }
        (line, column) = scalar == "\n" ? (line + 1, 1) : (line, column + 1)
      }
    }
  }

  private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A, 0x0D, 0x85: false
    case 0..<0x20, 0x7F..<0xA0, 0xFFFE, 0xFFFF: true
    default: false
    }
  }

  /// Reads at most one byte more than is allowed, so that neither a huge file nor an endless device is taken in.
  private static func read(_ path: String) throws(SettingsProblem) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw unreadable(path, "cannot be opened") }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    var count = 0
    while count < bytes.count {
      let read = bytes.withUnsafeMutableBytes { buffer in
        Foundation.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
      }
      if read < 0, errno == EINTR { continue }
      guard read >= 0 else { throw unreadable(path, "cannot be read") }
      if read == 0 { break }
      count += read
    }
    guard count <= bytesMax else { throw tooLarge(path) }
    return Array(bytes.prefix(count))
  }

  private static func unreadable(_ path: String, _ what: String) -> SettingsProblem {
    SettingsProblem(.unreadable, file: path, "the file \(what): \(String(cString: strerror(errno)))")
  }
}

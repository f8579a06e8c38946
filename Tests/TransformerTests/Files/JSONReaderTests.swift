import Foundation
import Testing
import Transformer

@Suite("Reading JSON")
struct JSONReaderTests {
  @Test("Values of every kind are read, and written text reads back the same")
  func roundTrip() throws {
    let text = #"""
      {"a": [null, true, false, 0, -7, 9223372036854775807, 1.5, -2e-3, 1e300], "b": {"": "x"},
       "c": "q\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 é😀", "d": [[], {}], "e": 123456789012345678901}
      """#
    let root = try read(text)
    guard case .array(let numbers)? = root["a"] else {
      Issue.record("a is \(root["a"]?.summary ?? "absent")")
      return
    }
    #expect(
      numbers == [
        .null, .bool(true), .bool(false), .integer(0), .integer(-7), .integer(.max), .number(1.5), .number(-0.002),
        .number(1e300),
      ])
    #expect(root["c"] == .string("q\"\\/\u{8}\u{C}\n\r\té😀 é😀"))
    #expect(root["e"] == .number(123_456_789_012_345_683_968))
    #expect(try read(JSONValue.object(root).text()) == root)
    #expect(try read(JSONValue.object(root).text(indented: true)) == root)
  }

  static let damages: [(text: String, expected: String)] = [
    ("", "the file is empty"), ("[]", "not a JSON object"), ("{", "expected a name, found the end"),
    (#"{"a":1,}"#, "at byte 7: JSON: expected a name, found '}'"), (#"{"a" 1}"#, "expected ':', found '1'"),
    (#"{"a":1} x"#, "at byte 8: JSON: text after the end"), (#"{"a":01}"#, "not a number"),
    (#"{"a":1.}"#, "not a number"), (#"{"a":-}"#, "not a number"), (#"{"a":1e}"#, "not a number"),
    (#"{"a":1e999}"#, "a number beyond a double"), (#"{"a":NaN}"#, "expected a value, found 'N'"),
    (#"{"a":tru}"#, "expected true"), (#"{"a":"x"#, "the string does not end"),
    (#"{"a":"\x"}"#, "expected an escape, found 'x'"), (#"{"a":"\ud800"}"#, "a lone surrogate"),
    (#"{"a":"\udc00\ud800"}"#, "a lone surrogate"), (#"{"a":"\u12G4"}"#, "four hexadecimal digits"),
    ("{\"a\":\"\n\"}", "a control character in a string"),
    (#"{"a":1,"b":2,"a":3}"#, "at byte 13: JSON: the name \"a\" occurs twice"),
    (#"{"a":1,"\u0061":3}"#, "the name \"a\" occurs twice"),
    ("{\"a\":" + String(repeating: "[", count: 100_000), "nested deeper than 64"),
    ("{\"a\":" + String(repeating: #"{"a":"#, count: 100_000), "nested deeper than 64"),
    ("{\"a\":[0" + String(repeating: ",0", count: 1 << 21) + "]}", "more than 2097152 values"),
  ]

  @Test("Text that is not JSON is refused with the offset", arguments: damages.indices)
  func damaged(_ index: Int) {
    let (text, expected) = Self.damages[index]
    let error = #expect(throws: ModelFileError.self) { try read(text) }
    #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
  }

  @Test("A name occurs twice also among many, and names that only look alike are two")
  func manyNames() throws {
    let names = (0..<100).map { "\"n\($0)\":\($0)" }.joined(separator: ",")
    let object = try read("{\(names),\"\u{E9}\":1,\"e\u{301}\":2}")
    #expect(object["n99"] == .integer(99) && object["\u{E9}"] == .integer(1) && object["e\u{301}"] == .integer(2))
    #expect(throws: ModelFileError.self) { try read("{\(names),\"n50\":1}") }
  }

  @Test("A string that is not UTF-8 is refused")
  func notUTF8() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.json"
      for middle in [[0xFF], [0xC0, 0x80], [0x5C, 0x6E, 0xED, 0xA0, 0x80]] as [[UInt8]] {
        try Data(Array(#"{"a":""#.utf8) + middle + Array(#""}"#.utf8)).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: ModelFileError.self) { try JSONFile(path: path, bytesMax: 100) }
        #expect(error?.description.contains("a string is not UTF-8") == true)
      }
    }
  }

  @Test("A file longer than allowed is not read")
  func tooLong() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.json"
      try Data(#"{"a":1}"#.utf8).write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: ModelFileError.self) { try JSONFile(path: path, bytesMax: 6) }
      #expect(error?.code == .size)
    }
  }

  private func read(_ text: String) throws -> JSONObject {
    try withTemporaryFolder { folder in
      let path = folder + "/x.json"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      return try JSONFile(path: path, bytesMax: 1 << 24).root
    }
  }
}

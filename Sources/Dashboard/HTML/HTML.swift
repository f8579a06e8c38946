/// A piece of a page. What stands in a literal is markup; what is interpolated is escaped by its type, so that no program, answer or
/// name of the log can become markup.
///
///     let cell: HTML = "<td class=\"number\">\(problem.program)</td>"
///
/// Interpolations are safe between tags and inside quoted attributes, and nowhere else: the literals of this module have no others.
package struct HTML: Sendable, Hashable, ExpressibleByStringInterpolation {
  /// The markup.
  package private(set) var text: String

  package init(stringLiteral value: String) { text = value }
  package init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

  /// Nothing.
  package static let nothing: HTML = ""

  package static func + (left: HTML, right: HTML) -> HTML {
    var sum = left
    sum.text += right.text
    return sum
  }

  package static func += (left: inout HTML, right: HTML) { left.text += right.text }

  /// What the literals and values become.
  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    package init(literalCapacity: Int, interpolationCount: Int) {
      text.reserveCapacity(literalCapacity + interpolationCount * 16)
    }

    package mutating func appendLiteral(_ literal: String) { text += literal }
    package mutating func appendInterpolation(_ value: String) { HTML.escape(value, into: &text) }
    package mutating func appendInterpolation(_ value: Int) { text += String(value) }
    package mutating func appendInterpolation(_ value: Int64) { text += String(value) }
    package mutating func appendInterpolation(_ link: Link) { HTML.escape(link.text, into: &text) }
    package mutating func appendInterpolation(_ html: HTML) { text += html.text }
    package mutating func appendInterpolation(_ html: HTML?) { text += html?.text ?? "" }
    package mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { text += piece.text } }
  }

  /// Appends `value` with everything that could be markup written as character references, and with characters that a reader cannot
  /// see (controls, changes of writing direction) written out.
  private static func escape(_ value: String, into text: inout String) {
    for scalar in value.unicodeScalars {
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      case "`": text += "&#96;"
      case "\n", "\t": text.unicodeScalars.append(scalar)
      default:
        if isInvisible(scalar) {
          text += "⟨U+\(String(scalar.value, radix: 16, uppercase: true))⟩"
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
  }

  /// Controls, and the marks that turn the direction of text: a program with them reads other than it runs.
  private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F, 0x061C, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB:
      true
    default: false
    }
  }
}

extension Sequence {
  /// The pieces of all elements, one after the other.
  func html(_ piece: (Element) -> HTML) -> HTML { reduce(into: HTML.nothing) { $0 += piece($1) } }
}

import FoundationEssentials

/// How figures are written: the same everywhere, without a locale.
enum Format {
  /// What stands where there is nothing.
  static let none = "–"

  /// So many decimals, rounded half away from zero.
  static func decimal(_ value: Double?, _ decimals: Int) -> String {
    guard let value else { return none }
    guard value.isFinite else { return value.isNaN ? "not a number" : value < 0 ? "−∞" : "∞" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let digits = String(Int(scaled))
    let sign = value < 0 && scaled > 0 ? "−" : ""
    guard decimals > 0 else { return sign + grouped(digits) }
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    return sign + grouped(String(padded.dropLast(decimals))) + "." + padded.suffix(decimals)
  }

  /// Three significant digits or so: losses, gradients, counts that may be whole.
  static func short(_ value: Double?) -> String {
    guard let value else { return none }
    switch value.magnitude {
    case let size where size == size.rounded() && size < 1e9: return decimal(value, 0)
    case ..<0.001: return "\(value < 0 ? "−" : "")\(exponent(value.magnitude))"
    case ..<1: return decimal(value, 3)
    case ..<100: return decimal(value, 2)
    default: return decimal(value, 0)
    }
  }

  static func percent(_ value: Double?) -> String {
    guard let value else { return none }
    return decimal(value * 100, value.magnitude < 0.1 && value != 0 ? 1 : 0) + " %"
  }

  static func count(_ value: Int?) -> String { value.map { decimal(Double($0), 0) } ?? none }

  static func duration(seconds: Double?) -> String {
    guard let seconds else { return none }
    switch seconds {
    case ..<10: return decimal(seconds, 1) + " s"
    case ..<120: return decimal(seconds, 0) + " s"
    case ..<7200: return decimal(seconds / 60, 0) + " min"
    case ..<172_800: return decimal(seconds / 3600, 1) + " h"
    default: return decimal(seconds / 86400, 1) + " d"
    }
  }

  /// A moment in UTC to the minute; the script adds how long ago that is.
  static func time(_ epochSeconds: Double?) -> HTML {
    guard let epochSeconds else { return "\(none)" }
    let iso = Date(timeIntervalSince1970: epochSeconds.rounded(.down)).formatted(.iso8601)
    let shown = iso.prefix(16).replacing("T", with: " ")
    return "<time datetime=\"\(iso)\">\(shown + " UTC")</time>"
  }

  private static func grouped(_ digits: String) -> String {
    guard digits.count > 4 else { return digits }
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result += "\u{202F}" }
      result.append(digit)
    }
    return result
  }

  private static func exponent(_ value: Double) -> String {
    var exponent = 0
    var mantissa = value
    while mantissa < 1, exponent > -320 {
      mantissa *= 10
      exponent -= 1
    }
    return decimal(mantissa, 1) + "e" + String(exponent)
  }
}

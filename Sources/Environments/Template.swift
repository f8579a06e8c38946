/// Fills the places of a prompt template.

/// Replaces each `{{name}}` that has a value, in one pass, so that a value that contains braces is left as it is. Braces
/// around anything else are text; settings refuse templates with unknown places when they are read.
func render(_ template: String, _ values: [String: String]) -> String {
  var result = ""
  var rest = template[...]
  while let start = rest.firstRange(of: "{{") {
    result += rest[..<start.lowerBound]
    let afterStart = rest[start.upperBound...]
    guard let end = afterStart.firstRange(of: "}}") else { return result + rest[start.lowerBound...] }
    let name = String(afterStart[..<end.lowerBound])
    guard let value = values[name] else {
      result += "{{"
      rest = afterStart
      continue
    }
    result += value
    rest = afterStart[end.upperBound...]
  }
  return result + rest
}

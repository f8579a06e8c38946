/// What went wrong with a model, tokenizer or checkpoint file: which file, where in it, and what was found.
///
/// Thrown by every reader and writer in `Files` and by `Tokenizer`. The place names the metadata key or the tensor
/// where one is known; the offset is in bytes from the start of the file.
package struct ModelFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kinds of failure, so that a caller can branch without reading the text.
  package enum Code: String, Sendable {
    /// The operating system refused: no such file, no permission, no space.
    case system
    /// The bytes are not a file of this format, or not of a version we read.
    case format
    /// The file ends before what it announces, or announces more than it could hold.
    case size
    /// A key, a tensor or a token is absent.
    case missing
    /// A key or a tensor occurs twice, or two tensors share bytes.
    case conflict
    /// A value has another type or shape, or is outside what is allowed.
    case value
    /// A digest differs from the recorded one.
    case digest
  }

  package let code: Code
  package let file: String
  /// The metadata key or tensor, for example `key "general.alignment"`; nil when the failure concerns the whole file.
  package let place: String?
  package let offset: Int?
  package let problem: String

  package init(_ code: Code, file: String, place: String? = nil, offset: Int? = nil, _ problem: String) {
    self.code = code
    self.file = file
    self.place = place
    self.offset = offset
    self.problem = problem
  }

  package var description: String {
    var text = file
    if let place { text += ", \(place)" }
    if let offset { text += ", at byte \(offset)" }
    return text + ": \(problem)"
  }
}

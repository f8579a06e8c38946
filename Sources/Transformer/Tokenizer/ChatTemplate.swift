/// How a conversation is written for an instruction-tuned model: ChatML, with the system message the model was given
/// when a conversation has none of its own.
package struct ChatTemplate: Sendable, Equatable {
  /// One turn of a conversation.
  package struct Message: Sendable, Equatable {
    package let role: String
    package let content: String

    package init(role: String, content: String) {
      self.role = role
      self.content = content
    }
  }

  /// The system message of conversations that begin without one; nil when none is added.
  package let defaultSystem: String?

  package init(defaultSystem: String?) { self.defaultSystem = defaultSystem }

  /// Recognises the ChatML template of a model file and takes its default system message. The template itself is a
  /// program (Jinja) and is not run. Throws when the file has no template or another one.
  package init(_ file: GGUFFile) throws(ModelFileError) {
    try self.init(jinja: try file.string(Self.key), source: file.path)
  }

  /// The same for an opened model of either format.
  package init(_ model: StoredModel) throws(ModelFileError) {
    guard let template = try model.chatTemplateText() else {
      throw ModelFileError(.missing, file: model.path, place: "key \"\(Self.key)\"", "the model has no chat template")
    }
    try self.init(jinja: template, source: model.path)
  }

  private init(jinja template: String, source: String) throws(ModelFileError) {
    guard template.contains("<|im_start|>"), template.contains("<|im_end|>") else {
      throw ModelFileError(.value, file: source, place: "key \"\(Self.key)\"", "the template is not ChatML")
    }
    defaultSystem = Self.literalSystem(in: template)
  }

  /// Where a GGUF file has its template.
  static var key: String { "tokenizer.chat_template" }

  /// The messages as text, for people and logs. With `addGenerationPrompt` the text ends where the assistant begins to
  /// write.
  package func render(_ messages: [Message], addGenerationPrompt: Bool) -> String {
    var text = ""
    for message in complete(messages) { text += "<|im_start|>\(message.role)\n\(message.content)<|im_end|>\n" }
    return addGenerationPrompt ? text + "<|im_start|>assistant\n" : text
  }

  /// The messages as token ids. Only the template's own markers become control tokens: a message that contains
  /// `<|im_end|>` cannot end its turn. For other messages the ids are those of the rendered text.
  package func encode(_ messages: [Message], addGenerationPrompt: Bool, with tokenizer: Tokenizer) -> [Int32] {
    var ids: [Int32] = []
    for message in complete(messages) {
      ids += tokenizer.encode("<|im_start|>", allowSpecial: true)
      ids += tokenizer.encode("\(message.role)\n\(message.content)", allowSpecial: false)
      ids += tokenizer.encode("<|im_end|>\n", allowSpecial: true)
    }
    return addGenerationPrompt ? ids + tokenizer.encode("<|im_start|>assistant\n", allowSpecial: true) : ids
  }

  /// The messages with the default system message in front where it belongs.
  private func complete(_ messages: [Message]) -> [Message] {
    guard let defaultSystem, let first = messages.first, first.role != "system" else { return messages }
    return [Message(role: "system", content: defaultSystem)] + messages
  }

  /// The text of the first system turn that is written out in the template, between markers and free of expressions.
  private static func literalSystem(in template: String) -> String? {
    for separator in ["\n", "\\n"] {
      for tail in split(template, at: "<|im_start|>system\(separator)").dropFirst() {
        let parts = split(tail, at: "<|im_end|>")
        if parts.count > 1, !parts[0].contains("'"), !parts[0].contains("{") { return String(parts[0]) }
      }
    }
    return nil
  }

  private static func split(_ text: some StringProtocol, at marker: String) -> [Substring] {
    var parts: [Substring] = []
    var rest = Substring(text)
    while let range = rest.firstRange(of: marker) {
      parts.append(rest[..<range.lowerBound])
      rest = rest[range.upperBound...]
    }
    return parts + [rest]
  }
}

extension ModelFolder {
  /// The chat template (Jinja): `chat_template.jinja`, else `chat_template` of `tokenizer_config.json`, which is a text or a
  /// list of named ones, of which "default" is meant. nil without one.
  package func chatTemplate() throws(ModelFileError) -> String? {
    if files.contains(Name.chatTemplate) { return try Self.text(path + "/" + Name.chatTemplate) }
    guard files.contains(Name.tokenizerSettings) else { return nil }
    let file = try JSONFile(path: path + "/" + Name.tokenizerSettings, bytesMax: Self.settingsSizeMax)
    guard case .array(let templates)? = file.value("chat_template") else {
      return try file.stringIfPresent("chat_template")
    }
    for case .object(let entry) in templates where entry["name"] == .string("default") {
      return try JSONFile(path: file.path, root: entry).string("template")
    }
    return nil
  }

  private static func text(_ path: String) throws(ModelFileError) -> String {
    let mapping = try MappedFile(path: path)
    guard mapping.bytes.count <= settingsSizeMax else {
      throw ModelFileError(.size, file: path, "\(mapping.bytes.count) bytes, at most \(settingsSizeMax) are allowed")
    }
    guard let text = String(validating: mapping.bytes, as: UTF8.self) else {
      throw ModelFileError(.format, file: path, "the text is not UTF-8")
    }
    return text
  }
}

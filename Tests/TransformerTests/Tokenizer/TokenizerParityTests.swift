import Testing
import Transformer

/// Equality with Hugging Face's tokenizers on the strings of the reference folder, for the two models it covers.
@Suite("Tokenizer parity")
struct TokenizerParityTests {
  static let smolLM2 = ReferenceFiles.smolLM2
  static let smolLM2Reference = ReferenceFiles.reference("tokenizer-smollm2.json")
  static let qwen = ReferenceFiles.qwen
  static let qwenReference = ReferenceFiles.reference("tokenizer-qwen2.5.json")

  @Test(
    "SmolLM2: the reference's strings and chats have the same ids and the same text",
    .enabled(if: smolLM2.isUsable, smolLM2.reason), .enabled(if: smolLM2Reference.isUsable, smolLM2Reference.reason))
  func smolLM2Parity() throws {
    try check(Self.smolLM2, Self.smolLM2Reference)
  }

  @Test(
    "Qwen2.5: the reference's strings and chats have the same ids and the same text",
    .enabled(if: qwen.isPresent, qwen.reason), .enabled(if: qwenReference.isUsable, qwenReference.reason))
  func qwenParity() throws {
    try check(Self.qwen, Self.qwenReference)
  }

  private func check(_ model: ReferenceFile, _ expected: ReferenceFile) throws {
    let reference = try expected.decode(TokenizerReference.self)
    let file = try GGUFFile(path: model.path)
    let tokenizer = try Tokenizer(file)
    #expect(reference.strings.count == 300)
    #expect(tokenizer.vocabularySize == reference.vocab_size)
    #expect(tokenizer.beginningToken == reference.bos)
    #expect(tokenizer.endToken == reference.eos)
    for added in reference.added_tokens {
      #expect(tokenizer.specialToken(added.text) == added.id)
      #expect(tokenizer.isSpecial(added.id) == added.special, "\(added.text)")
    }
    for string in reference.strings { checkString(string, tokenizer) }
    let template = try ChatTemplate(file)
    for chat in reference.chat { checkChat(chat, template, tokenizer) }
  }

  private func checkString(_ string: TokenizerReference.Text, _ tokenizer: Tokenizer) {
    let text = string.text
    #expect(tokenizer.encode(text, allowSpecial: true) == string.ids, "\(text.debugDescription)")
    #expect(tokenizer.encode(text, allowSpecial: false) == string.ids_plain ?? string.ids, "\(text.debugDescription)")
    let decoded = string.decoded ?? text
    // Scalars, because strings that differ in normal form compare as equal.
    #expect(
      tokenizer.decode(string.ids).unicodeScalars.elementsEqual(decoded.unicodeScalars), "\(text.debugDescription)")
    var decoder = TextDecoder(tokenizer)
    let pieces = string.ids.map { decoder.append($0) } + [decoder.finish()]
    #expect(pieces.joined().unicodeScalars.elementsEqual(decoded.unicodeScalars), "\(text.debugDescription)")
  }

  private func checkChat(_ chat: TokenizerReference.Chat, _ template: ChatTemplate, _ tokenizer: Tokenizer) {
    let messages = chat.messages.map { ChatTemplate.Message(role: $0.role, content: $0.content) }
    let rendered = template.render(messages, addGenerationPrompt: chat.add_generation_prompt)
    #expect(rendered == chat.rendered)
    #expect(tokenizer.encode(rendered, allowSpecial: true) == chat.ids)
    #expect(
      template.encode(messages, addGenerationPrompt: chat.add_generation_prompt, with: tokenizer) == chat.ids)
  }
}

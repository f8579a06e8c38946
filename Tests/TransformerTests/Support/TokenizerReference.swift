import Transformer

/// `tokenizer-….json` of the reference folder; its README tells how it was made.
struct TokenizerReference: Decodable, Sendable {
  struct Text: Decodable, Sendable {
    let text: String
    let ids: [Int32]
    let ids_plain: [Int32]?
    let decoded: String?
  }

  struct Chat: Decodable, Sendable {
    struct Message: Decodable, Sendable {
      let role: String
      let content: String
    }

    let name: String
    let messages: [Message]
    let add_generation_prompt: Bool
    let rendered: String
    let ids: [Int32]
  }

  struct AddedToken: Decodable, Sendable {
    let id: Int32
    let text: String
    let special: Bool
  }

  let bos: Int32
  let eos: Int32
  let pad: Int32
  let vocab_size: Int
  let added_tokens: [AddedToken]
  let strings: [Text]
  let chat: [Chat]
}

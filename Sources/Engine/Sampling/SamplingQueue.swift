import Domain
import Tensor
import Transformer

/// Requests with the same prompt: they share one prefill.
struct PromptGroup {
  let prompt: [Int32]
  /// Indices of the requests, in their order.
  fileprivate(set) var members: [Int]
  /// How many members have been admitted, and how many of those are finished.
  fileprivate(set) var admitted = 0
  fileprivate(set) var finished = 0
  /// The prompt without its last token, in the cache, from the first admission to the last finish.
  var base: CachedSequence?

  /// Tokens the prefill computes. The last prompt token is left to each sample, which reads it as its first input: the
  /// logits of a prefill then never have to be kept for members admitted later.
  var prefix: ArraySlice<Int32> { prompt.dropLast() }
  var isFinished: Bool { finished == members.count }
  /// Pages the prefix takes.
  var basePages: Int { AttentionPage.count(positions: prefix.count) }

  /// Pages a sample of at most `tokensMax` tokens adds: it shares the full pages of the prefix.
  func samplePages(tokensMax: Int) -> Int {
    AttentionPage.count(positions: prefix.count + tokensMax) - prefix.count / AttentionPage.positions
  }
}

/// Which request is sampled next, and whether the cache has room for it.
///
/// Pages are reserved for the longest a sample can become, so a running sample never lacks one. Requests are admitted
/// group after group, each in the order given; the order decides speed only, never a result.
struct SamplingQueue {
  private(set) var groups: [PromptGroup] = []
  private let requests: [GenerationRequest]
  private let contextLength: Int
  private let pagesMax: Int
  private var pagesReserved = 0
  private var current = 0

  /// A request that may start now.
  struct Admission {
    let request: Int
    let group: Int
    let tokensMax: Int
    let pages: Int
  }

  /// Encodes the prompts and groups the requests. Throws for an empty prompt and for one that fills the context.
  init(_ requests: [GenerationRequest], tokenizer: Tokenizer, contextLength: Int, pagesMax: Int) throws(SamplingError) {
    self.requests = requests
    self.contextLength = contextLength
    self.pagesMax = pagesMax
    var groupOfPrompt: [[UInt8]: Int] = [:]
    for (index, request) in requests.enumerated() {
      precondition(request.sampling.tokensMax > 0, "request \(index) for \(request.sampling.tokensMax) tokens")
      let prompt = Array(request.prompt.utf8)
      if let group = groupOfPrompt[prompt] {
        groups[group].members.append(index)
        continue
      }
      let tokens = tokenizer.encodePrompt(request.prompt)
      if tokens.isEmpty { throw .emptyPrompt(request: index) }
      if tokens.count >= contextLength {
        throw .promptTooLong(request: index, tokens: tokens.count, contextLength: contextLength)
      }
      groupOfPrompt[prompt] = groups.count
      groups.append(PromptGroup(prompt: tokens, members: [index]))
    }
  }

  /// The next request if the cache has room beside what is reserved; nil when it must wait or none is left. Throws when
  /// it does not fit although nothing else runs.
  mutating func admit() throws(SamplingError) -> Admission? {
    while current < groups.count, groups[current].admitted == groups[current].members.count { current += 1 }
    guard current < groups.count else { return nil }
    let group = groups[current]
    let request = group.members[group.admitted]
    let tokensMax = min(requests[request].sampling.tokensMax, contextLength - group.prompt.count)
    let samplePages = group.samplePages(tokensMax: tokensMax)
    let isFirst = group.admitted == 0
    guard pagesReserved + samplePages + (isFirst ? group.basePages : 0) <= pagesMax else {
      let running = groups.reduce(0) { $0 + $1.admitted - $1.finished }
      if running > 0 { return nil }
      throw .cacheTooSmall(request: request, pagesNeeded: group.basePages + samplePages, pagesMax: pagesMax)
    }
    pagesReserved += samplePages + (isFirst ? group.basePages : 0)
    groups[current].admitted += 1
    return Admission(request: request, group: current, tokensMax: tokensMax, pages: samplePages)
  }

  /// The group among `sources` whose prefix begins most like this one's, and how many positions both share, in whole pages;
  /// nil if it is less than a page. Shared pages are reserved by both groups: there are never more in use than reserved.
  func source(of group: PromptGroup, among sources: [Int]) -> (group: Int, positions: Int)? {
    var best: (group: Int, positions: Int)?
    for source in sources {
      let pairs = zip(groups[source].prefix, group.prefix)
      let common = pairs.prefix { $0 == $1 }.count
      let positions = common - common % AttentionPage.positions
      if positions > best?.positions ?? 0 { best = (source, positions) }
    }
    return best
  }

  /// Records where a group's prefix lies in the cache.
  mutating func setBase(_ base: CachedSequence, ofGroup group: Int) { groups[group].base = base }

  /// Gives back what a finished sample had reserved; returns the prefix to release when it was the group's last.
  mutating func finish(_ sample: RunningSample) -> CachedSequence? {
    pagesReserved -= sample.pages
    groups[sample.group].finished += 1
    guard groups[sample.group].isFinished else { return nil }
    pagesReserved -= groups[sample.group].basePages
    defer { groups[sample.group].base = nil }
    return groups[sample.group].base
  }
}

extension Tokenizer {
  /// The token ids of a prompt, for sampling and for training alike. Control tokens written in it are plain text: prompts
  /// quote programs that a model wrote.
  package func encodePrompt(_ prompt: String) -> [Int32] { encode(prompt, allowSpecial: false) }
}

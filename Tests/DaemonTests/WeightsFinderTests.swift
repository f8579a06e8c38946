import Daemon
import Domain
import Engine
import Environments
import EventLog
import Foundation
import Tensor
import Testing
import Transformer

/// A small real model in the models folder of an installation, trained by the real learner on scripted play.
@Suite("Finding weights", .serialized)
struct WeightsFinderTests {
  private static let settings = scriptedSettings {
    $0.iterations = 3
    $0.checkpoints.every = 2
    $0.checkpoints.keep = 4
    $0.model.name = "tiny"
  }

  /// Plays three iterations. The home's checkpoints folder has version 2, not 1 and 3.
  private func withPlayed(
    _ body: (_ daemon: TestDaemon, _ home: Home, _ digests: [String]) async throws -> Void
  ) async throws {
    try await withTestDaemon(.inMemory) { daemon in
      let home = Home(
        state: URL(fileURLWithPath: daemon.folder), share: URL(fileURLWithPath: ReferenceFiles.packageRoot))
      try FileManager.default.createDirectory(at: home.models, withIntermediateDirectories: true)
      try Self.tinyModel().writeFolder(home.models.path + "/tiny", replacing: false)
      var settings = Self.settings
      settings.model.digest = try ModelCatalogue(home: home).entry("tiny").digest
      let record = try await daemon.create("one", settings)
      do {
        let engine = try await Engine.open(
          modelFile: try ModelCatalogue(home: home).file("tiny"), modelDigest: settings.model.digest, threads: 1,
          checkpoints: home.checkpoints("one").path, keep: 4)
        let parts = StepPerformer.Parts(
          environment: CodeReasoning(), policy: ScriptedPolicy(learner: ScriptedLearner(folder: daemon.folder)),
          verifier: ScriptedVerifier(), learner: engine)
        let runner = ExperimentRunner(
          log: daemon.log, parts: parts, surroundings: daemon.surroundings, observer: daemon.observer)
        #expect(try await runner.run(record) == .finished)
      }
      let updates = try await daemon.recorded(record).compactMap {
        if case .weightsUpdated(let updated) = try $0.event() { updated } else { nil }
      }
      #expect(updates.map(\.toVersion) == [1, 2, 3])
      let base = try PolicyWeights(model: home.models.path + "/tiny", digest: settings.model.digest).digest
      try await body(daemon, home, [base] + updates.map(\.outcome.weightsDigest))
    }
  }

  @Test("every version is found with the recorded digest: the base, one with a checkpoint, one trained again before it")
  func versions() async throws {
    try await withPlayed { daemon, home, digests in
      let finder = WeightsFinder(home: home, threads: 1)
      for version in [nil, 0, 1, 2, 3] {
        let found = try await finder.experiment("one", version: version, log: daemon.log) { daemon.observer.note($0) }
        #expect(found.weights.version == version ?? 3)
        #expect(found.weights.digest == digests[version ?? 3])
      }
      #expect(daemon.observer.notes.contains("training version 1 again from the log's samples"))
      #expect(daemon.observer.notes.contains { $0.hasPrefix("weights of version 2 from ") })
    }
  }

  @Test("a damaged checkpoint is passed over, and the weights are trained again to the same bits")
  func damagedCheckpoint() async throws {
    try await withPlayed { daemon, home, digests in
      let folder = home.checkpoints("one").path
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/" + name)).truncate(atOffset: 1000)
      }
      let found = try await WeightsFinder(home: home, threads: 1)
        .experiment("one", version: 2, log: daemon.log) { daemon.observer.note($0) }
      #expect(found.weights.digest == digests[2])
      #expect(daemon.observer.notes.contains { $0.contains("is not usable") })
    }
  }

  @Test("a version that is not there, an unknown experiment and a changed base model are refused with their names")
  func refusals() async throws {
    try await withPlayed { daemon, home, _ in
      let finder = WeightsFinder(home: home, threads: 1)
      let error = await #expect(throws: WeightsFinder.UnknownVersion.self) {
        _ = try await finder.experiment("one", version: 4, log: daemon.log) { _ in }
      }
      #expect(error?.description == "--version is 4, one has versions 0 to 3")
      await #expect(throws: UnknownExperiment.self) {
        _ = try await finder.experiment("two", version: nil, log: daemon.log) { _ in }
      }
      try Self.tinyModel(seed: 2).writeFolder(home.models.path + "/tiny", replacing: true)
      await #expect(throws: EngineError.self) {
        _ = try await finder.experiment("one", version: 0, log: daemon.log) { _ in }
      }
    }
  }

  @Test("models are found by path, in the models folder, and not otherwise")
  func models() async throws {
    try await withPlayed { _, home, digests in
      let finder = WeightsFinder(home: home, threads: 1)
      #expect(try finder.model("tiny")?.weights.digest == digests[0])
      #expect(try finder.model(home.models.path + "/tiny")?.weights.digest == digests[0])
      let other = try finder.model("one")
      #expect(other?.name == nil)
      #expect(throws: ModelCatalogue.Missing.self) { try finder.model("smollm2-135m-instruct") }
      #expect(throws: ModelFileError.self) { try finder.model("./nowhere.gguf") }
    }
  }

  /// A byte vocabulary, so that the scripted policy's tokens are tokens.
  private static func tinyModel(seed: UInt64 = 1) -> ModelExport {
    var next: UInt32 = 0x100
    let alphabet = (UInt32(0)...255).map { byte in
      if (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174 {
        return String(Unicode.Scalar(byte)!)
      }
      next += 1
      return String(Unicode.Scalar(next - 1)!)
    }
    let configuration = ModelConfiguration(
      architecture: .llama, layers: 1, hidden: 32, feedForward: 32,
      attention: AttentionShape(heads: 2, keyValueHeads: 1, headSize: 16), vocabulary: 257, normEpsilon: 1e-5,
      ropeTheta: 10_000, rotaryOrder: .interleavedPairs, contextLength: 1024, tiedOutput: true, attentionBias: false)
    let parameters = Parameters(layout: ParameterLayout(configuration))
    parameters.fillRandom(seed: seed)
    return ModelExport(
      configuration: configuration, parameters: parameters,
      tokenizer: TokenizerDefinition(
        source: "tiny", preTokenizer: .gpt2, tokens: alphabet + ["<|endoftext|>"],
        kinds: Array(repeating: 1, count: 256) + [3], merges: [], endToken: 256),
      chatTemplate: nil, name: "tiny", type: .f32)
  }
}

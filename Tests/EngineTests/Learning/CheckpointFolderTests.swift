import Domain
import Engine
import Foundation
import Testing
import Transformer

@Suite("The checkpoint folder")
struct CheckpointFolderTests {
  private let experiment = ExperimentID(rawValue: UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)))
  private let advantages = [1.0, -1, 0.5, 2]

  private func anchor(_ position: Int64) -> LogAnchor { LogAnchor(position: position, hash: "00ff") }

  @Test("weights and optimizer come back with the same bits, and training goes on as if nothing had happened")
  func roundTrip() throws {
    try withTemporaryFolder { path in
      let folder = CheckpointFolder(path: path + "/made/when/missing", keep: 2)
      let learning = try TinyLearning()
      let samples = try learning.samples(advantages)
      _ = try learning.perform(samples, TinyLearning.moving)
      let saved = try folder.write(learning.model, version: 1, experiment: experiment, head: anchor(7))
      #expect(saved.policyVersion == 1)
      #expect(saved.weightsDigest == learning.model.weightsDigest)
      #expect(saved.optimizerDigest == learning.model.optimizerDigest)
      let size = try FileManager.default.attributesOfItem(atPath: folder.path + "/" + saved.file)[.size] as? Int
      #expect(saved.bytes == size)
      let next = try learning.perform(samples, TinyLearning.moving)

      let restored = try TinyLearning()
      try folder.read(saved, experiment: experiment, into: restored.model)
      #expect(restored.model.weightsDigest == saved.weightsDigest)
      #expect(restored.model.optimizerDigest == saved.optimizerDigest)
      #expect(try restored.perform(samples, TinyLearning.moving) == next)
    }
  }

  @Test("restored weights are the ones that sample, not only those that are saved again")
  func restoredWeightsSample() throws {
    try withTemporaryFolder { path in
      let folder = CheckpointFolder(path: path, keep: 2)
      let learning = try TinyLearning()
      _ = try learning.perform(learning.samples(advantages), TinyLearning.moving)
      let saved = try folder.write(learning.model, version: 1, experiment: experiment, head: anchor(7))
      let restored = try TinyLearning()
      let before = try restored.samples(advantages)
      try folder.read(saved, experiment: experiment, into: restored.model)
      #expect(try restored.samples(advantages) == learning.samples(advantages))
      #expect(try restored.samples(advantages) != before)
    }
  }

  @Test("a file that is not the recorded one is refused with what was found and what was expected")
  func foreign() throws {
    try withTemporaryFolder { path in
      let folder = CheckpointFolder(path: path, keep: 9)
      let learning = try TinyLearning()
      let saved = try folder.write(learning.model, version: 1, experiment: experiment, head: anchor(7))
      func refusal(_ checkpoint: Checkpoint, _ id: ExperimentID? = nil, digest: String = "tiny") throws -> String? {
        do {
          try folder.read(checkpoint, experiment: id ?? experiment, into: TinyLearning(digest: digest).model)
          return nil
        } catch let error as EngineError {
          guard case .foreignCheckpoint(_, let what, let found, let expected) = error else { throw error }
          #expect(found != expected)
          return what
        }
      }
      #expect(try refusal(saved) == nil)
      #expect(try refusal(saved, ExperimentID(rawValue: UUID())) == "experiment")
      #expect(try refusal(saved, digest: "another") == "base model")
      var other = saved
      other.policyVersion = 2
      #expect(try refusal(other) == "policy version")
      other = saved
      other.weightsDigest = String(repeating: "0", count: 64)
      #expect(try refusal(other) == "weights digest")
      other = saved
      other.optimizerDigest = String(repeating: "0", count: 64)
      #expect(try refusal(other) == "optimizer digest")
      // A recorded name is a name in this folder, never a path out of it.
      other = saved
      other.file = "../../" + saved.file
      #expect(try refusal(other) == nil)
    }
  }

  @Test("a missing, cut or changed file is refused", arguments: ["missing", "cut", "header", "weights", "moments"])
  func damaged(damage: String) throws {
    try withTemporaryFolder { path in
      let folder = CheckpointFolder(path: path, keep: 2)
      let learning = try TinyLearning()
      _ = try learning.perform(learning.samples(advantages), TinyLearning.moving)
      let saved = try folder.write(learning.model, version: 1, experiment: experiment, head: anchor(7))
      let file = URL(fileURLWithPath: path + "/" + saved.file)
      var content = try Data(contentsOf: file)
      switch damage {
      case "missing": break
      case "cut": content.removeLast()
      case "header": content[100] ^= 1
      case "weights": content[content.count / 6] ^= 1
      default: content[content.count - 5] ^= 1
      }
      try FileManager.default.removeItem(at: file)
      if damage != "missing" { try content.write(to: file) }
      let expected: [String: ModelFileError.Code] = [
        "missing": .system, "cut": .size, "header": .digest, "weights": .digest, "moments": .digest,
      ]
      do {
        try folder.read(saved, experiment: experiment, into: TinyLearning().model)
        Issue.record("accepted")
      } catch let error as ModelFileError {
        #expect(error.code == expected[damage])
        #expect(error.file == file.path)
      }
    }
  }

  @Test("only the newest files are kept, and nothing else in the folder is touched")
  func keep() throws {
    try withTemporaryFolder { path in
      let folder = CheckpointFolder(path: path, keep: 2)
      let learning = try TinyLearning()
      try Data("mine".utf8).write(to: URL(fileURLWithPath: path + "/notes.txt"))
      var names: [String] = []
      for version in 1...4 {
        let saved = try folder.write(learning.model, version: version, experiment: experiment, head: anchor(7))
        names.append(saved.file)
        // Written an hour apart: a file system's clock does not tell times within a tick from each other.
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1_700_000_000 + 3600 * Double(version))],
          ofItemAtPath: path + "/" + saved.file)
        let kept = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        #expect(kept == (names.suffix(2) + ["notes.txt"]).sorted())
      }
    }
  }

  @Test("what a killed writer left half written is removed with the next checkpoint")
  func leftovers() throws {
    try withTemporaryFolder { path in
      let learning = try TinyLearning()
      try Data("half".utf8).write(to: URL(fileURLWithPath: path + "/0123.checkpoint.temporary"))
      let saved = try CheckpointFolder(path: path, keep: 2)
        .write(learning.model, version: 1, experiment: experiment, head: anchor(7))
      #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [saved.file])
    }
  }
}

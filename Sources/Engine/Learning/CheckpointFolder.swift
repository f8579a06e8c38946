import Domain
import Foundation
import Tensor
import Transformer

/// The weights files of one experiment: content-addressed, durable before they are recorded, the newest few kept. Older
/// weights are regenerated from the log.
package struct CheckpointFolder: Sendable {
  package let path: String
  /// Files kept; the one just written is among them.
  package let keep: Int
  /// Folders of the experiments that this one was forked from, nearest first: their files are read, never written.
  package let inherited: [String]

  package init(path: String, keep: Int, inherited: [String] = []) {
    precondition(keep >= 1, "keep \(keep) checkpoints")
    self.path = path
    self.keep = keep
    self.inherited = inherited
  }

  /// Where the file of a recorded checkpoint lies; in the experiment's own folder if it is nowhere.
  package func place(of checkpoint: Checkpoint) -> String {
    let name = URL(fileURLWithPath: checkpoint.file).lastPathComponent
    let places = ([path] + inherited).map { $0 + "/" + name }
    return places.first { FileManager.default.fileExists(atPath: $0) } ?? places[0]
  }

  /// Writes what the model trains, and its moments. Returns what `CheckpointSaved` records.
  package func write(
    _ model: Model, version: PolicyVersion, experiment: ExperimentID, head: LogAnchor
  ) throws -> Checkpoint {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let header = CheckpointHeader(
      experiment: experiment.description, policyVersion: version, optimizerStep: model.optimizer.steps,
      modelDigest: model.digest,
      tensors: model.decoder.trained.layout.tensors,
      logHead: .init(position: head.position, hash: head.hash))
    let written = try CheckpointFile.write(
      header, weights: model.decoder.trained.values, firstMoment: model.optimizer.firstMoment.values,
      secondMoment: model.optimizer.secondMoment.values, folder: path)
    let file = URL(fileURLWithPath: written.path).lastPathComponent
    try removeOld(keeping: file)
    return Checkpoint(
      policyVersion: version, file: file, bytes: written.byteCount, weightsDigest: written.digests.weights,
      optimizerDigest: Model.optimizerDigest(
        firstMoment: written.digests.firstMoment, secondMoment: written.digests.secondMoment,
        steps: model.optimizer.steps))
  }

  /// Replaces the model's weights by those of a recorded file.
  ///
  /// - Throws: `ModelFileError` for a missing or damaged file, `EngineError.foreignCheckpoint` for another one's. The model is
  ///   undefined afterwards.
  package func read(_ checkpoint: Checkpoint, experiment: ExperimentID, into model: Model) throws {
    let file = try open(
      checkpoint, experiment: experiment, modelDigest: model.digest, layout: model.decoder.trained.layout)
    try file.readWeights(into: UnsafeMutableBufferPointer(model.decoder.trained))
    try file.readMoments(
      first: UnsafeMutableBufferPointer(model.optimizer.firstMoment),
      second: UnsafeMutableBufferPointer(model.optimizer.secondMoment))
    model.optimizer.steps = file.header.optimizerStep
    model.decoder.weightsChanged()
  }

  /// Reads the weights of a recorded file, without the optimizer's moments, into parameters of the layout that was trained.
  ///
  /// - Throws: as `read`. The parameters are undefined then.
  func readWeights(
    _ checkpoint: Checkpoint, experiment: ExperimentID, modelDigest: String, into parameters: Parameters
  ) throws {
    let file = try open(checkpoint, experiment: experiment, modelDigest: modelDigest, layout: parameters.layout)
    try file.readWeights(into: UnsafeMutableBufferPointer(parameters))
  }

  /// Opens a file and checks that it is the one that was recorded.
  private func open(
    _ checkpoint: Checkpoint, experiment: ExperimentID, modelDigest: String, layout: ParameterLayout
  ) throws -> CheckpointFile {
    let file = try CheckpointFile(path: place(of: checkpoint))
    func check(_ what: String, _ found: String, _ expected: String) throws {
      if found != expected {
        throw EngineError.foreignCheckpoint(file: file.path, what: what, found: found, expected: expected)
      }
    }
    try check("experiment", file.header.experiment, experiment.description)
    try check("policy version", "\(file.header.policyVersion)", "\(checkpoint.policyVersion)")
    try check("base model", file.header.modelDigest, modelDigest)
    try check("weights digest", file.digests.weights, checkpoint.weightsDigest)
    let optimizerDigest = Model.optimizerDigest(
      firstMoment: file.digests.firstMoment, secondMoment: file.digests.secondMoment, steps: file.header.optimizerStep)
    try check("optimizer digest", optimizerDigest, checkpoint.optimizerDigest)
    let trained = layout.tensors
    try check("training method", Self.method(file.header.tensors), Self.method(trained))
    if file.header.tensors != trained {
      try check("list of tensors", Self.shapes(file.header.tensors), Self.shapes(trained))
    }
    return file
  }

  /// Which kind of weights a file holds, in words.
  private static func method(_ tensors: [CheckpointHeader.Tensor]) -> String {
    let adapters = tensors.filter { $0.name.hasSuffix(".lora_a") }
    guard let first = adapters.first else { return "full" }
    return "lora of rank \(first.shape[0]) on \(adapters.count) matrices"
  }

  private static func shapes(_ tensors: [CheckpointHeader.Tensor]) -> String {
    tensors.map { "\($0.name) \($0.shape)" }.joined(separator: ", ")
  }

  /// Removes all but the newest files by time of writing, and what a killed writer left half written. A file that cannot be
  /// removed is no reason to fail: the weights are safe.
  private func removeOld(keeping newest: String) throws {
    let all = try FileManager.default.contentsOfDirectory(atPath: path)
    for name in all where name.hasSuffix(".checkpoint.temporary") {
      try? FileManager.default.removeItem(atPath: path + "/" + name)
    }
    let names = all.filter { $0.hasSuffix(".checkpoint") }
    func written(_ name: String) -> Date {
      let attributes = try? FileManager.default.attributesOfItem(atPath: path + "/" + name)
      return attributes?[.modificationDate] as? Date ?? .distantPast
    }
    let old = names.filter { $0 != newest }.map { (name: $0, date: written($0)) }
      .sorted { ($1.date, $1.name) < ($0.date, $0.name) }
    for file in old.dropFirst(keep - 1) { try? FileManager.default.removeItem(atPath: path + "/" + file.name) }
  }
}

extension ParameterLayout {
  /// Names and shapes, as a checkpoint's header lists them.
  fileprivate var tensors: [CheckpointHeader.Tensor] { views.map { .init(name: $0.name, shape: $0.shape) } }
}

extension UnsafeMutableBufferPointer<Float> {
  fileprivate init(_ parameters: Parameters) {
    self.init(start: parameters.buffer.pointer, count: parameters.buffer.count)
  }
}

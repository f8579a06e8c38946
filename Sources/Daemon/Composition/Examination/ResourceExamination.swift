import Foundation

/// Memory and disk against what the experiments take.
struct ResourceExamination {
  typealias Finding = Examination.Finding

  let home: Home
  let host: HostFacts
  let live: [LiveExperiment]
  /// Number of weights of each model that is there.
  let parameters: [String: Int64]

  func findings() -> [Finding] { [memory, disk].compactMap(\.self) }

  /// Bytes that an experiment takes while it is played. Per weight: the weights, a packed copy to compute with, and for full
  /// training gradients and two moments, four bytes each; a GiB for activations and caches. Measured: 3.7 GB of SmolLM2-135M
  /// in full training, 5.0 GB of Qwen2.5-0.5B with LoRA.
  static func memory(weights: Int64, isLoRA: Bool) -> Int64 { weights * (isLoRA ? 8 : 20) + 1 << 30 }

  /// Bytes of a checkpoint: what is trained and its two moments; of LoRA a twentieth is more than any rank makes.
  static func checkpoint(weights: Int64, isLoRA: Bool) -> Int64 { weights * 12 / (isLoRA ? 20 : 1) }

  /// The experiment that takes most. Without any, what the smallest model would take.
  private var memory: Finding? {
    guard let total = host.memory("MemTotal"), let available = host.memory("MemAvailable") else { return nil }
    let limit = min(total, host.memoryLimit ?? total)
    let wanted = live.compactMap { one in
      parameters[one.model].map { (one.name, Self.memory(weights: $0, isLoRA: one.isLoRA), one.isHeld) }
    }.max { $0.1 < $1.1 }
    let usual = parameters.values.min().map { ("the smallest model", Self.memory(weights: $0, isLoRA: false), false) }
    guard let (name, need, isHeld) = wanted ?? usual else { return nil }
    // What a process holds already is not available, and needs not be.
    let free = isHeld ? limit : min(available, limit)
    let status: Finding.Status = need > limit ? .fail : need > free ? .warn : .ok
    return Finding(
      "memory", status,
      "\(gibibytes(need)) for \(name), \(gibibytes(free)) \(isHeld ? "allowed" : "available") of \(gibibytes(total))",
      cure: status == .ok
        ? nil
        : "end other programs, raise the limit of the service (MemoryMax), or take a smaller model or learner.method: lora"
    )
  }

  /// What the kept checkpoints still lack, one more for the moment of renaming, and a GiB for the rest.
  private var disk: Finding? {
    let folder = existing(home.state.path)
    guard let values = try? FileManager.default.attributesOfFileSystem(forPath: folder),
      let free = (values[.systemFreeSize] as? NSNumber)?.int64Value
    else { return nil }
    let sizes = live.compactMap { one -> (each: Int64, all: Int64)? in
      guard
        let each = one.checkpointBytes
          ?? parameters[one.model].map({ Self.checkpoint(weights: $0, isLoRA: one.isLoRA) })
      else { return nil }
      return (each, max(each, each * Int64(one.checkpointsKept + 1) - present(one.name)))
    }
    let usual = parameters.values.min().map { Self.checkpoint(weights: $0, isLoRA: false) } ?? 0
    let each = sizes.map(\.each).max() ?? usual
    let need = (sizes.isEmpty ? usual * 3 : sizes.map(\.all).reduce(0, +)) + 1 << 30
    let status: Finding.Status = free < each + 64 << 20 ? .fail : free < need ? .warn : .ok
    return Finding(
      "disk", status,
      "\(gibibytes(free)) free at \(folder); a checkpoint takes \(gibibytes(each)), all \(gibibytes(need))",
      cure: status == .ok
        ? nil
        : "free some, give AUTODIDACT_HOME a larger disk, lower checkpoints.keep, or thin: autodidact checkpoints --help"
    )
  }

  /// Bytes of an experiment's checkpoints that are there.
  private func present(_ name: String) -> Int64 {
    let folder = home.checkpoints(name).path
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).reduce(0) { sum, file in
      let size = (try? FileManager.default.attributesOfItem(atPath: folder + "/" + file))?[.size] as? NSNumber
      return sum + (size?.int64Value ?? 0)
    }
  }

  private func existing(_ path: String) -> String {
    var url = URL(fileURLWithPath: path)
    while url.path != "/", !FileManager.default.fileExists(atPath: url.path) { url.deleteLastPathComponent() }
    return url.path
  }

  private func gibibytes(_ bytes: Int64) -> String { String(format: "%.1f GiB", Double(bytes) / Double(1 << 30)) }
}

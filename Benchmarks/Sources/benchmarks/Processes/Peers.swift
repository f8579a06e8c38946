import Foundation

/// What another program does with the same work on the same machine, measured in the same run.
struct PeerFigure: Codable {
  var software: String
  var tokensPerSecond: Double
  /// Its peak of memory, where it says so.
  var peakBytes: Int?
}

/// The programs to compare with; none is needed.
struct Peers {
  /// llama.cpp's `llama-batched-bench`, and files of SmolLM2 in formats it likes.
  var llamaBatchedBench: String?
  var llamaModels: [String] = []
  /// A Python with torch, transformers, numpy and gguf.
  var torchPython: String?

  /// The peers' figures for a scenario, the fastest first; llama.cpp has one for each of its formats.
  func measure(_ scenario: Scenario, _ bench: Bench) throws -> [PeerFigure] {
    switch scenario {
    case .prefill: try llamas(bench, models: llamaModels, prompt: 512, rows: 1, key: "speed_pp")
    case .decode1: try llamas(bench, models: llamaModels, prompt: 128, rows: 1, key: "speed_tg")
    case .decode8: try llamas(bench, models: llamaModels, prompt: 128, rows: 8, key: "speed_tg")
    case .decode32: try llamas(bench, models: llamaModels, prompt: 128, rows: 32, key: "speed_tg")
    case .qwenDecode32: try llamas(bench, models: [], prompt: 128, rows: 32, key: "speed_tg")
    case .training: try torch(bench)
    default: []
    }
  }

  private func llamas(_ bench: Bench, models: [String], prompt: Int, rows: Int, key: String) throws -> [PeerFigure] {
    guard let llamaBatchedBench else { return [] }
    let figures = try (models.isEmpty ? [bench.model] : models).map { model in
      let speeds = try (0..<bench.runs(3)).map { _ in
        try llama(llamaBatchedBench, model, threads: bench.threads, prompt: prompt, rows: rows, key: key)
      }
      let name = URL(fileURLWithPath: model).deletingPathExtension().lastPathComponent
      return PeerFigure(software: "llama.cpp, \(name)", tokensPerSecond: median(speeds))
    }
    return figures.sorted { $0.tokensPerSecond > $1.tokensPerSecond }
  }

  /// One run of `llama-batched-bench`: `rows` sequences share a prompt and are continued by 32 tokens each.
  private func llama(
    _ program: String, _ model: String, threads: Int, prompt: Int, rows: Int, key: String
  ) throws -> Double {
    let continuation = key == "speed_pp" ? 1 : 32
    let data = try output(
      of: program,
      [
        "-m", model, "-c", "4096", "-npp", "\(prompt)", "-ntg", "\(continuation)", "-npl", "\(rows)", "-pps",
        "-t", "\(threads)", "--output-format", "jsonl",
      ], showsErrors: false)
    for line in data.split(separator: UInt8(ascii: "\n")) where line.first == UInt8(ascii: "{") {
      let fields = try JSONSerialization.jsonObject(with: line) as? [String: Any]
      if let speed = fields?[key] as? Double { return speed }
    }
    throw BenchmarkError("\(program) said nothing of \(key) for \(model)")
  }

  private func torch(_ bench: Bench) throws -> [PeerFigure] {
    guard let torchPython else { return [] }
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../Peers/torch_training.py").standardizedFileURL.path
    let data = try output(
      of: torchPython, [script, bench.model, "--threads", "\(bench.threads)", "--steps", "\(bench.runs(3))"])
    return [try JSONDecoder().decode(PeerFigure.self, from: data)]
  }
}

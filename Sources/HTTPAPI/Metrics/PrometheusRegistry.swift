import CoreMetrics
import Foundation
import Synchronization

/// The metrics of this process, kept by name and labels and written as Prometheus text: the backend that the executables
/// give to swift-metrics. Names are in docs/metrics.md.
///
/// Counters end in `_total`. Timers become histograms in seconds. Values that go up and down are gauges; a recorder that
/// aggregates keeps count and sum.
package final class PrometheusRegistry: MetricsFactory {
  /// Series; what comes later is dropped and counted, because labels that multiply without end are a defect.
  private static let seriesMax = 2000
  /// Upper bounds of the histograms, in seconds: from an append to a step of an hour.
  static let bounds: [Double] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
  ]

  private struct State {
    var series: [SeriesKey: Series] = [:]
    var dropped: Int64 = 0
  }

  private let state = Mutex(State())

  package init() {}

  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(label, dimensions, .counter)
  }

  package func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(label, dimensions, .counter)
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions, .gauge)
  }

  package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    series(label, dimensions, aggregate ? .summary : .gauge)
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label, dimensions, .histogram)
  }

  // A series outlives its handle: the next handle of the same name goes on with it.
  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  package func destroyMeter(_ handler: any MeterHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}

  private func series(_ label: String, _ dimensions: [(String, String)], _ kind: Series.Kind) -> Series {
    let key = SeriesKey(name: PrometheusText.name(label), labels: PrometheusText.labels(dimensions))
    return state.withLock { state in
      if let known = state.series[key] { return known }
      let made = Series(kind)
      if state.series.count < Self.seriesMax { state.series[key] = made } else { state.dropped += 1 }
      return made
    }
  }

  /// All series by name, then by labels.
  func text() -> PrometheusText {
    let (series, dropped) = state.withLock { ($0.series, $0.dropped) }
    var text = PrometheusText()
    for (key, series) in series.sorted(by: { $0.key < $1.key }) { series.write(key, to: &text) }
    text.add("autodidact_metrics_dropped_total", .counter, "", Double(dropped))
    return text
  }
}

struct SeriesKey: Hashable, Comparable {
  var name: String
  /// As they are written, braces and all; empty without any.
  var labels: String

  static func < (left: SeriesKey, right: SeriesKey) -> Bool { (left.name, left.labels) < (right.name, right.labels) }
}

/// One series: whatever kind of handle it is used through.
final class Series: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
  enum Kind: String, Sendable { case counter, gauge, summary, histogram }

  private struct State {
    var value = 0.0
    var count: Int64 = 0
    var buckets = [Int64](repeating: 0, count: PrometheusRegistry.bounds.count)
  }

  private let kind: Kind
  private let state = Mutex(State())

  init(_ kind: Kind) { self.kind = kind }

  func increment(by amount: Int64) { increment(by: Double(amount)) }
  func increment(by amount: Double) { state.withLock { $0.value += amount } }
  func decrement(by amount: Double) { increment(by: -amount) }
  func reset() { state.withLock { $0 = State() } }
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { state.withLock { $0.value = value } }
  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    guard kind != .gauge else { return set(value) }
    state.withLock { state in
      state.value += value
      state.count += 1
    }
  }

  func recordNanoseconds(_ duration: Int64) {
    let seconds = Double(duration) / 1e9
    let bucket = PrometheusRegistry.bounds.firstIndex { seconds <= $0 }
    state.withLock { state in
      state.value += seconds
      state.count += 1
      if let bucket { state.buckets[bucket] += 1 }
    }
  }

  func write(_ key: SeriesKey, to text: inout PrometheusText) {
    let state = state.withLock { $0 }
    switch kind {
    case .counter, .gauge: text.add(key.name, kind, key.labels, state.value)
    case .summary:
      text.declare(key.name, kind)
      text.line(key.name + "_sum", key.labels, state.value)
      text.line(key.name + "_count", key.labels, Double(state.count))
    case .histogram:
      text.declare(key.name, kind)
      var below: Int64 = 0
      for (bound, count) in zip(PrometheusRegistry.bounds, state.buckets) {
        below += count
        text.line(key.name + "_bucket", PrometheusText.adding("le", "\(bound)", to: key.labels), Double(below))
      }
      text.line(key.name + "_bucket", PrometheusText.adding("le", "+Inf", to: key.labels), Double(state.count))
      text.line(key.name + "_sum", key.labels, state.value)
      text.line(key.name + "_count", key.labels, Double(state.count))
    }
  }
}

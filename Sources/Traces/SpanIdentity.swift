import Crypto
import Foundation
import Tracing

/// The id of a trace: sixteen bytes, as two numbers, high half first.
package struct TraceID: Hashable, Sendable, CustomStringConvertible {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The trace of something that has a name already: the first half of the name's SHA-256, so that whoever knows the name
  /// finds the trace without having been told its id.
  package init(named name: String) {
    let digest = Array(SHA256.hash(data: Data(name.utf8)))
    high = digest[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
    low = digest[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// 32 hexadecimal digits, as OTLP writes it.
  package var description: String { high.sixteenDigits + low.sixteenDigits }
}

/// The id of a span: eight bytes.
package struct SpanID: Hashable, Sendable, CustomStringConvertible {
  package let number: UInt64

  package init(_ number: UInt64) { self.number = number }

  /// 16 hexadecimal digits, as OTLP writes it.
  package var description: String { number.sixteenDigits }
}

/// Which span of which trace one is in; the context of a task carries it.
package struct SpanIdentity: Hashable, Sendable {
  package var trace: TraceID
  package var span: SpanID

  package init(trace: TraceID, span: SpanID) {
    self.trace = trace
    self.span = span
  }
}

extension InstrumentationContext {
  private enum IdentityKey: InstrumentationContextKey { typealias Value = SpanIdentity }
  private enum NameKey: InstrumentationContextKey { typealias Value = String }

  /// The span that this context is in; nil outside of all.
  package var spanIdentity: SpanIdentity? {
    get { self[IdentityKey.self] }
    set { self[IdentityKey.self] = newValue }
  }

  /// What a trace that begins here is called; nil for one with a random id.
  var traceName: String? { self[NameKey.self] }

  /// A context in which a trace begins whose id follows from a name (`TraceID.init(named:)`).
  package static func trace(named name: String) -> InstrumentationContext {
    var context = InstrumentationContext.topLevel
    context[NameKey.self] = name
    return context
  }
}

extension UInt64 {
  fileprivate var sixteenDigits: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

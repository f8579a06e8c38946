import Foundation
import Tracing

/// The body of a request to a collector: `ExportTraceServiceRequest` of OTLP 1.x in its JSON form, in which ids are hexadecimal
/// and 64-bit numbers are texts.
struct CollectorRequest: Encodable {
  let resourceSpans: [ResourceSpans]

  /// - Parameters:
  ///   - resource: what all spans have in common: `service.name` and its like.
  ///   - scope: who made them: this program and its version.
  init(_ spans: [FinishedSpan], resource: [String: String], scope: Scope) {
    resourceSpans = [
      ResourceSpans(
        resource: Resource(attributes: resource.map { Attribute(key: $0, value: .string($1)) }.sorted()),
        scopeSpans: [ScopeSpans(scope: scope, spans: spans.map(Entry.init))])
    ]
  }

  /// The bytes; the same for the same spans.
  var body: [UInt8] {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      // As protocol buffers write them in JSON.
      encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
      return Array(try encoder.encode(self))
    }
  }

  struct ResourceSpans: Encodable {
    let resource: Resource
    let scopeSpans: [ScopeSpans]
  }

  struct Resource: Encodable {
    let attributes: [Attribute]
  }

  struct ScopeSpans: Encodable {
    let scope: Scope
    let spans: [Entry]
  }

  struct Scope: Encodable {
    let name: String
    let version: String
  }

  /// One span.
  struct Entry: Encodable {
    let traceId, spanId: String
    let parentSpanId: String?
    let name: String
    let kind: Int
    let startTimeUnixNano, endTimeUnixNano: String
    let attributes: [Attribute]
    let events: [Moment]
    let status: Status

    init(_ span: FinishedSpan) {
      traceId = "\(span.identity.trace)"
      spanId = "\(span.identity.span)"
      parentSpanId = span.parent.map { "\($0)" }
      name = span.name
      kind =
        switch span.kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
      startTimeUnixNano = "\(span.began)"
      endTimeUnixNano = "\(span.ended)"
      attributes = Attribute.list(span.attributes)
      events = span.events.map {
        Moment(
          timeUnixNano: "\($0.nanosecondsSinceEpoch)", name: $0.name, attributes: Attribute.list($0.attributes))
      }
      status = Status(span.status)
    }
  }

  /// An event of a span.
  struct Moment: Encodable {
    let timeUnixNano: String
    let name: String
    let attributes: [Attribute]
  }

  struct Status: Encodable {
    let code: Int
    let message: String?

    init(_ status: SpanStatus?) {
      message = status?.message
      code =
        switch status?.code {
        case nil: 0
        case .ok: 1
        case .error: 2
        }
    }
  }

  struct Attribute: Encodable, Comparable {
    let key: String
    let value: Value

    static func list(_ attributes: SpanAttributes) -> [Attribute] {
      var list: [Attribute] = []
      attributes.forEach { list.append(Attribute(key: $0, value: Value($1))) }
      return list.sorted()
    }

    static func < (left: Attribute, right: Attribute) -> Bool { left.key < right.key }
  }

  enum Value: Encodable, Hashable {
    case string(String), integer(Int64), double(Double), bool(Bool)
    case list([Value])

    init(_ attribute: SpanAttribute) {
      switch attribute {
      case .int32(let value): self = .integer(Int64(value))
      case .int64(let value): self = .integer(value)
      case .int32Array(let values): self = .list(values.map { .integer(Int64($0)) })
      case .int64Array(let values): self = .list(values.map { .integer($0) })
      case .double(let value): self = .double(value)
      case .doubleArray(let values): self = .list(values.map { .double($0) })
      case .bool(let value): self = .bool(value)
      case .boolArray(let values): self = .list(values.map { .bool($0) })
      case .string(let value): self = .string(value)
      case .stringArray(let values): self = .list(values.map { .string($0) })
      case .stringConvertible(let value): self = .string("\(value)")
      case .stringConvertibleArray(let values): self = .list(values.map { .string("\($0)") })
      default: self = .string("\(attribute)")
      }
    }

    private enum Key: String, CodingKey { case stringValue, intValue, doubleValue, boolValue, arrayValue, values }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      switch self {
      case .string(let value): try container.encode(value, forKey: .stringValue)
      case .integer(let value): try container.encode("\(value)", forKey: .intValue)
      case .double(let value): try container.encode(value, forKey: .doubleValue)
      case .bool(let value): try container.encode(value, forKey: .boolValue)
      case .list(let values):
        var inner = container.nestedContainer(keyedBy: Key.self, forKey: .arrayValue)
        try inner.encode(values, forKey: .values)
      }
    }
  }
}

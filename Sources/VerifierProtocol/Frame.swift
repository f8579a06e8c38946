import FoundationEssentials

/// The envelope of every message between the daemon and a worker: four bytes of length, big-endian, then JSON.
package enum Frame {
  /// No message is longer; a longer announcement is garbage and ends the conversation.
  package static let bytesMax = 64 << 20
  /// Bytes of the length.
  package static let headerBytes = 4

  /// The whole frame of a message.
  package static func encode(_ message: some Encodable) throws(FrameError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    let body: Data
    do { body = try encoder.encode(message) } catch { throw .unreadable("cannot encode: \(error)") }
    guard body.count <= bytesMax else { throw .tooLong(body.count) }
    var frame: [UInt8] = []
    frame.reserveCapacity(headerBytes + body.count)
    for shift in [24, 16, 8, 0] { frame.append(UInt8(truncatingIfNeeded: body.count >> shift)) }
    frame.append(contentsOf: body)
    return frame
  }

  /// The announced length of a frame's body.
  package static func length(header: some Collection<UInt8>) throws(FrameError) -> Int {
    precondition(header.count == headerBytes, "a header has \(headerBytes) bytes, not \(header.count)")
    let length = header.reduce(0) { $0 << 8 | Int($1) }
    guard length <= bytesMax else { throw .tooLong(length) }
    return length
  }

  /// Reads a frame's body.
  package static func decode<Message: Decodable>(
    _ type: Message.Type, from body: some Sequence<UInt8>
  ) throws(FrameError) -> Message {
    do { return try JSONDecoder().decode(type, from: Data(body)) } catch { throw .unreadable("\(error)") }
  }
}

/// What can be wrong with a frame.
package enum FrameError: Error, Hashable, CustomStringConvertible {
  case tooLong(Int)
  case unreadable(String)

  package var description: String {
    switch self {
    case .tooLong(let bytes): "a frame of \(bytes) bytes; at most \(Frame.bytesMax) are allowed"
    case .unreadable(let reason): "an unreadable frame: \(reason)"
    }
  }
}

/// Collects bytes as they arrive and gives out whole frame bodies. Used by the pool, which reads in chunks.
package struct FrameBuffer {
  private var bytes: [UInt8] = []

  package init() {}

  /// Adds what arrived.
  package mutating func append(_ chunk: some Sequence<UInt8>) { bytes.append(contentsOf: chunk) }

  /// The next whole body, if it has arrived.
  package mutating func next() throws(FrameError) -> [UInt8]? {
    guard bytes.count >= Frame.headerBytes else { return nil }
    let length = try Frame.length(header: bytes[..<Frame.headerBytes])
    guard bytes.count >= Frame.headerBytes + length else { return nil }
    let body = Array(bytes[Frame.headerBytes..<Frame.headerBytes + length])
    bytes.removeFirst(Frame.headerBytes + length)
    return body
  }
}

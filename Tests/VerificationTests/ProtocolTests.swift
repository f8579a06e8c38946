import Foundation
import Testing
import VerifierProtocol

@Suite("Frames")
struct ProtocolTests {
  @Test("a frame survives the way, in chunks of any size")
  func roundTrip() throws {
    let request = WorkerRequest(jobs: [.init(id: 7, job: .literal(LiteralJob(text: "é\u{0}'")))])
    let bytes = try Frame.encode(request) + Frame.encode(request)
    for chunkSize in [1, 3, 5, bytes.count] {
      var buffer = FrameBuffer()
      var received: [WorkerRequest] = []
      for start in stride(from: 0, to: bytes.count, by: chunkSize) {
        buffer.append(bytes[start..<min(start + chunkSize, bytes.count)])
        while let body = try buffer.next() { received.append(try Frame.decode(WorkerRequest.self, from: body)) }
      }
      #expect(received == [request, request])
    }
  }

  @Test("a length beyond the limit is refused at once")
  func tooLong() {
    var buffer = FrameBuffer()
    buffer.append([0xff, 0xff, 0xff, 0xff])
    #expect(throws: FrameError.tooLong(0xffff_ffff)) { try buffer.next() }
  }

  @Test(
    "a worker refuses garbage, says why, and ends with code 1",
    arguments: [
      [UInt8]([0xff, 0xff, 0xff, 0xff]), Array("\0\0\0\u{4}null".utf8), Array("\0\0\0\u{9}{\"jobs\":3}".utf8),
      [0, 0, 0, 9, 1, 2],
      [0, 0, 0, 0], Array("GET / HTTP/1.1\r\n\r\n".utf8),
    ])
  func garbage(bytes: [UInt8]) throws {
    let worker = Process()
    let input = Pipe()
    let output = Pipe()
    worker.executableURL = URL(filePath: workerExecutable)
    worker.standardInput = input
    worker.standardOutput = output
    try worker.run()
    try input.fileHandleForWriting.write(contentsOf: Data(bytes))
    try input.fileHandleForWriting.close()
    var buffer = FrameBuffer()
    buffer.append(try output.fileHandleForReading.readToEnd() ?? Data())
    worker.waitUntilExit()
    #expect(worker.terminationStatus == 1)
    let messages = try [buffer.next(), buffer.next()].compactMap { $0 }.map {
      try Frame.decode(WorkerMessage.self, from: $0)
    }
    guard case .hello = messages.first, case .failed(let reason) = messages.last else {
      Issue.record("\(messages)")
      return
    }
    #expect(!reason.isEmpty)
  }
}

import HTTPAPI
import Testing

@Suite("Addresses to listen on")
struct ListenAddressTests {
  @Test("hosts, ports and sockets are read, and know whether they are local")
  func read() throws {
    for (text, address, isLocal) in [
      ("127.0.0.1:8420", ListenAddress.tcp(host: "127.0.0.1", port: 8420), true),
      ("127.9.9.9:0", .tcp(host: "127.9.9.9", port: 0), true), ("localhost:1", .tcp(host: "localhost", port: 1), true),
      ("[::1]:80", .tcp(host: "::1", port: 80), true), ("[::]:80", .tcp(host: "::", port: 80), false),
      ("0.0.0.0:80", .tcp(host: "0.0.0.0", port: 80), false),
      ("127.0.0.1.evil.example:80", .tcp(host: "127.0.0.1.evil.example", port: 80), false),
      ("unix:/run/a.sock", .unix(path: "/run/a.sock"), true),
    ] {
      let read = try ListenAddress(text)
      #expect(read == address && read.isLocal == isLocal, "\(text)")
      #expect(read.description == text)
    }
  }

  @Test("what is no address is refused with what is allowed")
  func refused() {
    for text in ["", "8420", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", ":80", "::1:80", "unix:a.sock", "unix:"] {
      #expect(throws: ListenAddress.Malformed(text: text)) { try ListenAddress(text) }
    }
  }
}

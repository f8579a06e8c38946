import Foundation

/// The page's own scripts and styles, and the chart library of the system.
struct AssetShelf: Sendable {
  /// Where Debian's libjs-chart.js and other systems put the library.
  static let libraryPaths = [
    "/usr/share/javascript/chart.js/chart.min.js", "/usr/share/javascript/chart.js/Chart.min.js",
    "/usr/share/nodejs/chart.js/dist/chart.min.js", "/usr/local/share/javascript/chart.js/chart.min.js",
  ]
  private static let types = [
    "page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8",
    "theme.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
  ]
  private static let bytesMax = 2_000_000

  private let folder: AssetFolder

  init(_ folder: AssetFolder) { self.folder = folder }

  /// The first path that has the library.
  private var libraryPath: String? { Self.libraryPaths.first { FileManager.default.isReadableFile(atPath: $0) } }
  var hasLibrary: Bool { libraryPath != nil }

  /// Names that are not on the shelf are not looked for: no request reaches another file.
  func response(_ name: String) -> PageResponse {
    if name == "chart.js" {
      return response(file: libraryPath, type: "text/javascript; charset=utf-8", cacheSeconds: 86_400)
    }
    guard let type = Self.types[name] else { return missing }
    return response(file: folder.path + "/" + name, type: type, cacheSeconds: 0)
  }

  private func response(file: String?, type: String, cacheSeconds: Int) -> PageResponse {
    guard let file, let data = FileManager.default.contents(atPath: file), data.count <= Self.bytesMax else {
      return missing
    }
    return PageResponse(contentType: type, body: [UInt8](data), cacheSeconds: cacheSeconds, etag: Self.digest(data))
  }

  private var missing: PageResponse {
    PageResponse(status: 404, contentType: "text/plain; charset=utf-8", body: Array("no such file\n".utf8))
  }

  /// FNV-1a: tells versions of a file apart, and is no secret.
  private static func digest(_ data: Data) -> String {
    String(data.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }, radix: 16)
  }
}

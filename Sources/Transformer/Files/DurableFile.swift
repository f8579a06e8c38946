import Failpoints

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Creates or replaces the file at `path` in `folder` so that it is seen either whole or not at all, also after a power
/// failure: temporary name → write → fsync → rename → fsync of the folder. Removes the temporary file on an error.
/// One writer per file at a time; a leftover of a killed writer is overwritten.
func writeDurably(
  path: String, folder: String, _ body: (borrowing FileWriter) throws(ModelFileError) -> Void
) throws(ModelFileError) {
  let temporary = path + ".temporary"
  do throws(ModelFileError) {
    let file = try FileWriter(path: temporary)
    try pass(.fileCreated, path)
    try body(file)
    try pass(.fileWritten, path)
    try file.synchronize()
    try pass(.fileSynced, path)
  } catch {
    unlink(temporary)
    throw error
  }
  guard rename(temporary, path) == 0 else {
    let error = ModelFileError.system(path, "the finished file cannot be given its name")
    unlink(temporary)
    throw error
  }
  try pass(.fileRenamed, path)
  let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .system(folder, "cannot be opened to be synced") }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else { throw .system(folder, "cannot be synced") }
  try pass(.fileDurable, path)
}

/// A failpoint that fails looks like a system that refuses.
private func pass(_ point: Failpoint, _ path: String) throws(ModelFileError) {
  do throws(FailpointError) { try point.pass() } catch { throw ModelFileError(.system, file: path, "\(error)") }
}

/// A new file being written; closed when it goes out of scope.
struct FileWriter: ~Copyable {
  private let descriptor: Int32
  private let path: String

  init(path: String) throws(ModelFileError) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    self.path = path
    guard descriptor >= 0 else { throw .system(path, "cannot be created") }
  }

  deinit { close(descriptor) }

  /// Writes all of `bytes`, in as many pieces as the system takes.
  func write(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 26))
      #if canImport(Glibc)
        let written = Glibc.write(descriptor, piece.baseAddress, piece.count)
      #else
        let written = Darwin.write(descriptor, piece.baseAddress, piece.count)
      #endif
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw .system(path, "cannot be written") }
      rest = rest.dropFirst(written)
    }
  }

  func write(_ bytes: [UInt8]) throws(ModelFileError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(ModelFileError) in
      try write(UnsafeRawBufferPointer(buffer))
    }
  }

  /// Returns when the bytes are on the disk.
  func synchronize() throws(ModelFileError) {
    guard fsync(descriptor) == 0 else { throw .system(path, "cannot be synced") }
  }
}

import Failpoints

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Creates or replaces the file at `path` in `folder` so that it is seen either whole or not at all, also after a power
/// failure: temporary name → write → fsync → rename → fsync of the folder. Removes the temporary file on an error.
/// One writer per file at a time; a leftover of a killed writer is overwritten. Without `replacing`, `.conflict` is thrown
/// when there is something of that name, and it is left as it is.
func writeDurably(
  path: String, folder: String, replacing: Bool = true,
  _ body: (borrowing FileWriter) throws(ModelFileError) -> Void
) throws(ModelFileError) {
  // Before the work is done; the system looks again when the name is given.
  if !replacing, access(path, F_OK) == 0 { throw .existing(path) }
  let temporary = path + ".temporary"
  do throws(ModelFileError) {
    let file = try FileWriter(path: temporary)
    try pass(.fileCreated, path)
    try body(file)
    try pass(.fileWritten, path)
    try file.synchronize()
    try pass(.fileSynced, path)
    try giveName(path, to: temporary, replacing: replacing)
  } catch {
    unlink(temporary)
    throw error
  }
  try pass(.fileRenamed, path)
  try synchronizeFolder(folder)
  try pass(.fileDurable, path)
}

/// The folder that holds `path`.
func parentFolder(_ path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Gives a finished file its name. Without `replacing` the system itself refuses a name that is taken: a link, unlike a
/// renaming, replaces nothing.
private func giveName(_ path: String, to temporary: String, replacing: Bool) throws(ModelFileError) {
  if replacing {
    guard rename(temporary, path) == 0 else { throw .system(path, "the finished file cannot be given its name") }
    return
  }
  guard link(temporary, path) == 0 else {
    throw errno == EEXIST ? .existing(path) : .system(path, "the finished file cannot be given its name")
  }
  unlink(temporary)
}

extension ModelFileError {
  /// A name that is taken by something that is not to be replaced.
  static func existing(_ path: String) -> ModelFileError {
    ModelFileError(.conflict, file: path, "exists already and is left as it is")
  }
}

/// Returns when the names in a folder are on the disk.
func synchronizeFolder(_ folder: String) throws(ModelFileError) {
  let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .system(folder, "cannot be opened to be synced") }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else { throw .system(folder, "cannot be synced") }
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

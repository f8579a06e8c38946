#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Creates the folder at `path` with the files that `body` writes into the folder it is given, so that it is seen either
/// whole or not at all. With `replacing`, an older folder is first moved aside (to `path.replaced`) and removed in the end;
/// it must hold nothing but files of a model, so that a slip of the tongue costs no one's work. On an error nothing is left.
func writeFolderDurably(
  path: String, replacing: Bool, _ body: (_ folder: String) throws(ModelFileError) -> Void
) throws(ModelFileError) {
  var path = path
  while path.count > 1, path.hasSuffix("/") { path.removeLast() }
  let isThere = access(path, F_OK) == 0
  if isThere {
    guard replacing else { throw .existing(path) }
    try refuseForeign(path)
  }
  let (temporary, replaced) = (path + ".temporary", path + ".replaced")
  for leftover in [temporary, replaced] where access(leftover, F_OK) == 0 { try removeModelFolder(leftover) }
  guard mkdir(temporary, 0o755) == 0 else { throw .system(temporary, "cannot be created") }
  do throws(ModelFileError) {
    try body(temporary)
    try synchronizeFolder(temporary)
    if isThere { try move(path, replaced) }
    try move(temporary, path)
  } catch {
    // The error that is thrown says more than one of the removal would.
    try? removeModelFolder(temporary)
    throw error
  }
  try synchronizeFolder(parentFolder(path))
  if isThere { try removeModelFolder(replaced) }
}

private func move(_ from: String, _ to: String) throws(ModelFileError) {
  guard rename(from, to) == 0 else { throw .system(to, "the finished folder cannot be given its name") }
}

/// Throws when `path` is no folder, or has something in it that is no file of a model.
private func refuseForeign(_ path: String) throws(ModelFileError) {
  for name in try entries(path) where !isModelFile(name) {
    throw ModelFileError(.conflict, file: path, "holds \"\(name)\", which is no file of a model; it is not replaced")
  }
}

private func isModelFile(_ name: String) -> Bool {
  [".json", ".safetensors", ".jinja", ".temporary"].contains { name.hasSuffix($0) }
}

/// Removes a folder that holds only files of a model.
private func removeModelFolder(_ path: String) throws(ModelFileError) {
  try refuseForeign(path)
  for name in try entries(path) {
    guard unlink(path + "/" + name) == 0 else { throw .system(path + "/" + name, "cannot be removed") }
  }
  guard rmdir(path) == 0 else { throw .system(path, "cannot be removed") }
}

/// The names in a folder, sorted.
private func entries(_ path: String) throws(ModelFileError) -> [String] {
  guard let stream = opendir(path) else { throw .system(path, "cannot be opened as a folder") }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

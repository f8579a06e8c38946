#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The bytes of a file, mapped read-only for as long as this object lives.
///
/// Owned by the readers in this folder. Pages come in as they are touched, so opening a model costs its header only.
/// A file that another process truncates while it is mapped ends this process with SIGBUS, as for every program that
/// maps files; model files are written once under a temporary name and renamed, so ours never shrink.
package final class MappedFile: @unchecked Sendable {
  // SAFETY: the mapping is private and read-only, set once in `init` and unmapped in `deinit`, when nobody holds it.
  package let bytes: UnsafeRawBufferPointer
  package let path: String

  /// Maps the file at `path`; throws `.system` with the operating system's reason.
  package init(path: String) throws(ModelFileError) {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(path, "cannot be opened") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system(path, "cannot be examined") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw ModelFileError(.system, file: path, "is not a regular file") }
    let size = Int(status.st_size)
    guard size > 0 else { throw ModelFileError(.size, file: path, offset: 0, "the file is empty") }
    guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      throw .system(path, "cannot be mapped (\(size) bytes)")
    }
    bytes = UnsafeRawBufferPointer(start: base, count: size)
  }

  deinit {
    munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
  }
}

extension ModelFileError {
  /// A failure of a system call on `file`, with the text of `errno`. Call it before anything else can change `errno`.
  static func system(_ file: String, _ problem: String) -> ModelFileError {
    let reason = String(cString: strerror(errno))
    return ModelFileError(.system, file: file, "\(problem): \(reason)")
  }
}

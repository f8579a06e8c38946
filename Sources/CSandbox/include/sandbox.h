// The sandbox of a verifier worker, layer by layer. Called by Sources/autodidact-verifier and by nothing else.
//
// A *zygote* (a process that holds a warm interpreter) enters the outer layers once, in the order of this header;
// every *child* it forks enters the inner ones, which cost a few system calls. All functions return 0, or an errno.
// The process must have one thread. What each layer stops, and what it does not, is in docs/sandbox.md.
#ifndef AUTODIDACT_SANDBOX_H
#define AUTODIDACT_SANDBOX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// MARK: Outer layers, once per zygote

/// Gives up every group and the user id for good. Only for a process that is root; `user` must not be 0.
int sandbox_drop_user(uid_t user);

/// PR_SET_NO_NEW_PRIVS: no exec can give rights back, and seccomp and Landlock become available.
int sandbox_no_new_privileges(void);

/// A new user namespace in which the current user and group are mapped to themselves.
int sandbox_user_namespace(void);

/// New namespaces for the children's pids, or for network, ipc, mounts or host name; one call, one CLONE_NEW… kind.
enum sandbox_namespace { SANDBOX_PID, SANDBOX_NETWORK, SANDBOX_IPC, SANDBOX_MOUNT, SANDBOX_HOSTNAME };
int sandbox_namespace(enum sandbox_namespace kind);

/// Replaces the root by an empty, read-only file system. Needs the mount namespace; after it no path names anything.
int sandbox_empty_root(void);

/// Drops every capability, also from the bounding set.
int sandbox_drop_capabilities(void);

/// Landlock with no right at all: files, TCP, abstract sockets, signals to processes outside (as far as the kernel knows
/// these rights). `abi` receives the kernel's Landlock version.
int sandbox_landlock(int *abi);

/// Compiles the system call filter that `sandbox_enter` installs. Writes are allowed to `result_fd` only.
int sandbox_filter_prepare(int result_fd);

/// From now on libpython sees a clock that stands still, at a moment that depends on `seed`.
void sandbox_freeze_clock(uint32_t seed);

// MARK: Inner layers, once per child

struct sandbox_limits {
  uint64_t address_space_bytes;  // RLIMIT_AS, all mappings of the process included
  uint64_t stack_bytes;          // RLIMIT_STACK
  uint64_t cpu_microseconds;     // SIGPROF ends the process; RLIMIT_CPU stands behind it
};

/// Everything that happens between fork and the first byte of model-written code: closes every descriptor but
/// `result_fd` (which becomes SANDBOX_RESULT_FD), sets the limits, disables clocks, installs the filter.
/// On failure returns an errno and names the step in `step`.
int sandbox_enter(int result_fd, const struct sandbox_limits *limits, const char **step);

/// The only descriptor of a child inside the sandbox.
#define SANDBOX_RESULT_FD 3

/// Bytes that a frame of this child must begin with; known to C memory only. Set by the child before `sandbox_enter`.
#define SANDBOX_NONCE_BYTES 16
void sandbox_set_nonce(const uint8_t *nonce);

/// Writes `nonce, kind, payload` to the result descriptor and ends the process at once: no atexit, no destructor.
void sandbox_finish(uint8_t kind, const uint8_t *payload, size_t count) __attribute__((noreturn));

/// The kind of the frame that the filter's signal handler sends when a system call was refused; its payload is the
/// number of the call, 4 bytes, little-endian.
#define SANDBOX_KIND_REFUSED 0x53

/// The kind of the frame that says a clock was read; no payload.
#define SANDBOX_KIND_CLOCK 0x54

/// The exit code of a child that crashed by an access to memory.
#define SANDBOX_EXIT_CRASHED 139

/// The number of a system call, negative if this machine has none of that name.
int sandbox_syscall_number(const char *name);

/// Makes system calls that the filter must refuse, until one is not refused: returns its index, or `count`. For a child
/// behind the filter, before anything else runs there.
size_t sandbox_probe(const int *numbers, size_t count);

/// The name of a system call, or NULL; the caller frees it.
char *sandbox_syscall_name(int number);

// MARK: Processes

/// fork(2), which Swift does not offer.
pid_t sandbox_fork(void);
int sandbox_pidfd_open(pid_t pid);
int sandbox_pidfd_kill(int pidfd);
/// Becomes the parent of orphans below this process, so that none is left behind unnoticed.
int sandbox_become_subreaper(void);
/// Closes every descriptor from `first` on.
int sandbox_close_from(unsigned first);
/// Offers this process and its children to the kernel first when memory runs out, so that the daemon survives.
int sandbox_die_first(void);
/// Ends this process when its parent ends.
int sandbox_die_with_parent(void);
/// Fills `bytes` from the kernel's random source.
int sandbox_random(uint8_t *bytes, size_t count);
/// Forks and executes this very program with `argument`, descriptor 3 connected to `*control`, 0–2 on /dev/null.
/// Returns the child's pid, or a negative errno.
pid_t sandbox_spawn_self(const char *program, const char *argument, const char *value, int *control);
/// Seconds on the monotonic clock.
double sandbox_monotonic_seconds(void);
/// The address from which on the C library's heap (the one that grows by brk) holds no block.
uintptr_t sandbox_heap_unused_start(void);
/// The version of the C library, for example "2.36".
const char *sandbox_libc_version(void);
/// A pipe whose ends close on exec.
int sandbox_pipe(int ends[2]);

#endif

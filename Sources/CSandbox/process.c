// Processes: the calls that Swift does not offer, or offers only with variable arguments.
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

pid_t sandbox_fork(void) { return fork(); }

int sandbox_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0U); }

int sandbox_pidfd_kill(int pidfd) {
  return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0U) == 0 ? 0 : errno;
}

int sandbox_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : errno; }

int sandbox_close_from(unsigned first) { return syscall(SYS_close_range, first, ~0U, 0U) == 0 ? 0 : errno; }

int sandbox_die_first(void) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = write(fd, "1000", 4) == 4 ? 0 : errno;
  close(fd);
  return error;
}

int sandbox_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 ? 0 : errno; }

int sandbox_random(uint8_t *bytes, size_t count) {
  while (count > 0) {
    ssize_t filled = getrandom(bytes, count, 0);
    if (filled < 0 && errno == EINTR) continue;
    if (filled < 0) return errno;
    bytes += filled;
    count -= (size_t)filled;
  }
  return 0;
}

double sandbox_monotonic_seconds(void) {
  struct timespec time;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);  // not the clock of clock.c, which may stand still
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

const char *sandbox_libc_version(void) { return gnu_get_libc_version(); }

int sandbox_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno; }

uintptr_t sandbox_heap_unused_start(void) { return (uintptr_t)sbrk(0) - mallinfo2().keepcost; }

// Between fork and exec only async-signal-safe calls. The environment is what `sandbox_spawn_self` leaves.
static void become(const char *program, const char *argument, const char *value, int control) {
  int null = open("/dev/null", O_RDWR);
  if (null < 0) _exit(70);
  for (int fd = 0; fd < 3; fd++) {
    if (dup2(null, fd) < 0) _exit(70);
  }
  if (dup2(control, 3) < 0) _exit(70);
  if (control == 3) fcntl(3, F_SETFD, 0);  // dup2 onto itself keeps the close-on-exec flag
  syscall(SYS_close_range, 4U, ~0U, 0U);
  char *arguments[] = {(char *)program, (char *)argument, (char *)value, NULL};
  execv("/proc/self/exe", arguments);
  _exit(71);
}

pid_t sandbox_spawn_self(const char *program, const char *argument, const char *value, int *control) {
  int ends[2];
  // Symbols are bound when a zygote starts: bound at first use, every child would bind them anew. The rest of the
  // environment is the loader's search path, if anything.
  if (setenv("LD_BIND_NOW", "1", 1) != 0) return -errno;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
  pid_t pid = fork();
  if (pid < 0) {
    int error = errno;
    close(ends[0]);
    close(ends[1]);
    return -error;
  }
  if (pid == 0) become(program, argument, value, ends[1]);
  close(ends[1]);
  *control = ends[0];
  return pid;
}

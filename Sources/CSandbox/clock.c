// The clock of model-written code. CPython reads a clock whenever it takes a lock, so a child must have one; but no time
// may leak into a value. This definition takes the place of the C library's for libpython, because an executable's
// symbols come first. Frozen, it tells a constant that differs between the two zygotes: a value that depends on a clock
// differs between them, too, and is found out.
#define _GNU_SOURCE
#include "sandbox.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t frozen_seconds = 0;

void sandbox_freeze_clock(uint32_t seed) { frozen_seconds = 1000000000 + (time_t)seed * 86400 * 401; }

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (frozen_seconds != 0) {
    time->tv_sec = frozen_seconds;
    time->tv_nsec = frozen_seconds % 1000 * 1000003;
    return 0;
  }
  return (int)syscall(SYS_clock_gettime, clock, time);
}

// The inner layers: what a forked child does between fork and the first byte of model-written code.
#define _GNU_SOURCE
#include "sandbox.h"
#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static uint8_t frame_nonce[SANDBOX_NONCE_BYTES];

void sandbox_set_nonce(const uint8_t *nonce) { memcpy(frame_nonce, nonce, SANDBOX_NONCE_BYTES); }

static void write_all(const uint8_t *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(SANDBOX_RESULT_FD, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // the parent sees a short frame, which is no result
    bytes += written;
    count -= (size_t)written;
  }
}

void sandbox_finish(uint8_t kind, const uint8_t *payload, size_t count) {
  write_all(frame_nonce, SANDBOX_NONCE_BYTES);
  write_all(&kind, 1);
  write_all(payload, count);
  for (;;) _exit(0);
}

// While calls are probed: the number of the call refused last. Otherwise a refused call is the end.
static volatile sig_atomic_t is_probing = 0;
static volatile sig_atomic_t refused_last = -1;

static void report_refused_call(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  if (is_probing) {
    refused_last = info->si_syscall;
    return;
  }
  uint32_t number = (uint32_t)info->si_syscall;
  uint8_t payload[4] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16), (uint8_t)(number >> 24)};
  sandbox_finish(SANDBOX_KIND_REFUSED, payload, sizeof payload);
}

// With the time stamp counter disabled, `rdtsc` and `rdtscp` fault with SI_KERNEL. Any other fault is an ordinary crash:
// the default action is restored and the instruction runs into it again.
static void report_clock(int number, siginfo_t *info, void *context) {
#ifdef __x86_64__
  const ucontext_t *machine = context;
  const uint8_t *code = (const uint8_t *)machine->uc_mcontext.gregs[REG_RIP];
  if (info->si_code == SI_KERNEL && code[0] == 0x0f && (code[1] == 0x31 || (code[1] == 0x01 && code[2] == 0xf9))) {
    sandbox_finish(SANDBOX_KIND_CLOCK, NULL, 0);
  }
#endif
  (void)info;
  (void)context;
  (void)number;
  for (;;) _exit(SANDBOX_EXIT_CRASHED);
}

// Its own stack, so that a refused call is reported even when the program used up the ordinary one.
static uint8_t handler_stack[16384];

static int install_handler(void) {
  stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack, .ss_flags = 0};
  if (sigaltstack(&stack, NULL) != 0) return errno;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = report_refused_call;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  if (sigaction(SIGSYS, &action, NULL) != 0) return errno;
  action.sa_sigaction = report_clock;
  if (sigaction(SIGSEGV, &action, NULL) != 0) return errno;
  // Swift's runtime has handlers that print backtraces; here a crash just ends the process.
  const int crashes[] = {SIGILL, SIGBUS, SIGABRT, SIGFPE, SIGTRAP, SIGQUIT};
  for (size_t index = 0; index < sizeof crashes / sizeof crashes[0]; index++) signal(crashes[index], SIG_DFL);
  signal(SIGPIPE, SIG_DFL);  // a child whose parent is gone has nothing left to do
  signal(SIGPROF, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  return sigprocmask(SIG_SETMASK, &none, NULL) == 0 ? 0 : errno;
}

size_t sandbox_probe(const int *numbers, size_t count) {
  is_probing = 1;
  for (size_t index = 0; index < count; index++) {
    refused_last = -1;
    // Arguments that no call does harm with, and that ask mmap and mprotect for memory that can be executed.
    syscall(numbers[index], 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (refused_last != numbers[index]) return index;
  }
  is_probing = 0;
  return count;
}

static int limit(int resource, rlim_t value) {
  struct rlimit both = {.rlim_cur = value, .rlim_max = value};
  return setrlimit((__rlimit_resource_t)resource, &both) == 0 ? 0 : errno;
}

static int set_limits(const struct sandbox_limits *limits) {
  uint64_t cpu_seconds = limits->cpu_microseconds / 1000000 + 1;
  int error = 0;
  if ((error = limit(RLIMIT_AS, limits->address_space_bytes)) != 0) return error;
  if ((error = limit(RLIMIT_STACK, limits->stack_bytes)) != 0) return error;
  if ((error = limit(RLIMIT_CPU, cpu_seconds)) != 0) return error;
  if ((error = limit(RLIMIT_CORE, 0)) != 0) return error;
  if ((error = limit(RLIMIT_FSIZE, 0)) != 0) return error;
  if ((error = limit(RLIMIT_NPROC, 0)) != 0) return error;
  if ((error = limit(RLIMIT_MEMLOCK, 0)) != 0) return error;
  if ((error = limit(RLIMIT_MSGQUEUE, 0)) != 0) return error;
  if ((error = limit(RLIMIT_NOFILE, 0)) != 0) return error;
  struct itimerval timer;
  memset(&timer, 0, sizeof timer);
  timer.it_value.tv_sec = (time_t)(limits->cpu_microseconds / 1000000);
  timer.it_value.tv_usec = (suseconds_t)(limits->cpu_microseconds % 1000000);
  return setitimer(ITIMER_PROF, &timer, NULL) == 0 ? 0 : errno;
}

static int keep_only(int result_fd) {
  if (result_fd != SANDBOX_RESULT_FD && dup2(result_fd, SANDBOX_RESULT_FD) < 0) return errno;
  if (syscall(SYS_close_range, 0U, SANDBOX_RESULT_FD - 1U, 0U) != 0) return errno;
  return syscall(SYS_close_range, SANDBOX_RESULT_FD + 1U, ~0U, 0U) == 0 ? 0 : errno;
}

int sandbox_enter(int result_fd, const struct sandbox_limits *limits, const char **step) {
  int error = 0;
  *step = "descriptors";
  if ((error = keep_only(result_fd)) != 0) return error;
  *step = "signal handler";
  if ((error = install_handler()) != 0) return error;
  *step = "not dumpable";
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno;
#ifdef PR_SET_TSC
  // Without the time stamp counter the vDSO cannot read a clock, and the filter refuses the system calls behind it: no
  // way leads around the clock of clock.c, which stands still.
  *step = "clock";
  if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) != 0) return errno;
#endif
  *step = "limits";
  if ((error = set_limits(limits)) != 0) return error;
  *step = "system call filter";
  return sandbox_filter_install();
}

// The system call filter: an allow-list. A child needs memory, its result descriptor and an end; nothing else.
#define _GNU_SOURCE
#include "sandbox.h"
#include "filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct sock_fprog program;

// mmap, mprotect: memory without PROT_EXEC, and mappings without a file.
static int allow_memory(scmp_filter_ctx filter) {
  int error = 0;
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(brk), 0);
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(munmap), 0);
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mremap), 0);
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(madvise), 0);
  error |= seccomp_rule_add(
      filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
      SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_SHARED, MAP_ANONYMOUS));
  error |= seccomp_rule_add(
      filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  return error;
}

static int allow_result_and_end(scmp_filter_ctx filter, int result_fd) {
  int error = 0;
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)result_fd));
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(exit_group), 0);
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(exit), 0);
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigreturn), 0);
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(restart_syscall), 0);
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(futex), 0);  // Python's locks
  error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sched_yield), 0);
  return error;
}

// libseccomp 2.5 can export a program to a descriptor only, so it takes a way through a memory file.
static int export_program(scmp_filter_ctx filter) {
  int fd = memfd_create("filter", MFD_CLOEXEC);
  if (fd < 0) return errno;
  int error = -seccomp_export_bpf(filter, fd);
  off_t size = error == 0 ? lseek(fd, 0, SEEK_END) : 0;
  if (error == 0 && (size <= 0 || size % (off_t)sizeof(struct sock_filter) != 0)) error = EPROTO;
  if (error == 0) {
    program.filter = malloc((size_t)size);
    program.len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
    if (program.filter == NULL) error = ENOMEM;
    else if (pread(fd, program.filter, (size_t)size, 0) != size) error = EIO;
  }
  close(fd);
  return error;
}

int sandbox_filter_prepare(int result_fd) {
  // A refused call is trapped, not executed: the handler reports its number and ends the process. If the handler cannot
  // run (stack gone, signal blocked), the kernel kills. Calls of another architecture kill at once.
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
  if (filter == NULL) return ENOMEM;
  int error = -seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (error == 0 && (allow_memory(filter) | allow_result_and_end(filter, result_fd)) != 0) error = EINVAL;
  if (error == 0) error = export_program(filter);
  seccomp_release(filter);
  return error;
}

int sandbox_filter_install(void) {
  if (program.filter == NULL) return EINVAL;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0 ? 0 : errno;
}

int sandbox_syscall_number(const char *name) { return seccomp_syscall_resolve_name(name); }


char *sandbox_syscall_name(int number) { return seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number); }

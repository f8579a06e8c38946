// The outer layers: what a zygote takes away from itself once, before any model-written code exists.
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int sandbox_drop_user(uid_t user) {
  if (user == 0) return EINVAL;
  if (setgroups(0, NULL) != 0) return errno;
  if (setresgid(user, user, user) != 0) return errno;
  if (setresuid(user, user, user) != 0) return errno;
  if (setresuid(0, 0, 0) == 0) return EPERM;  // the way back must be closed
  // A change of user makes /proc/self belong to root; the namespace maps below must be written by us.
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return errno;
  return 0;
}

int sandbox_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno; }

static int write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  ssize_t written = write(fd, text, strlen(text));
  int error = written < 0 ? errno : 0;
  close(fd);
  return error;
}

int sandbox_user_namespace(void) {
  uid_t user = geteuid();
  gid_t group = getegid();
  char map[64];
  if (unshare(CLONE_NEWUSER) != 0) return errno;
  int error = write_file("/proc/self/setgroups", "deny");
  if (error != 0) return error;
  snprintf(map, sizeof map, "%u %u 1", user, user);
  if ((error = write_file("/proc/self/uid_map", map)) != 0) return error;
  snprintf(map, sizeof map, "%u %u 1", group, group);
  return write_file("/proc/self/gid_map", map);
}

int sandbox_namespace(enum sandbox_namespace kind) {
  int flag = 0;
  switch (kind) {
    case SANDBOX_PID: flag = CLONE_NEWPID; break;
    case SANDBOX_NETWORK: flag = CLONE_NEWNET; break;
    case SANDBOX_IPC: flag = CLONE_NEWIPC; break;
    case SANDBOX_MOUNT: flag = CLONE_NEWNS; break;
    case SANDBOX_HOSTNAME: flag = CLONE_NEWUTS; break;
  }
  return unshare(flag) == 0 ? 0 : errno;
}

int sandbox_empty_root(void) {
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return errno;
  if (mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=1,mode=000") != 0) return errno;
  if (chdir("/tmp") != 0) return errno;
  if (syscall(SYS_pivot_root, ".", ".") != 0) return errno;
  if (umount2(".", MNT_DETACH) != 0) return errno;
  if (chdir("/") != 0) return errno;
  if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) return errno;
  return 0;
}

int sandbox_drop_capabilities(void) {
  // The bounding set can be changed only by a process that holds CAP_SETPCAP in its namespace; without it the set is
  // harmless because NO_NEW_PRIVS forbids any exec to fill the permitted set from it.
  for (int capability = 0; capability <= 63; capability++) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL && errno != EPERM) return errno;
  }
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct none[2];
  memset(none, 0, sizeof none);
  return syscall(SYS_capset, &header, none) == 0 ? 0 : errno;
}

// Debian 12's headers know Landlock's second version; the kernel may know more. The structure and the numbers below
// are the kernel's stable interface (Documentation/userspace-api/landlock.rst).
struct landlock_ruleset {
  uint64_t files;   // since 1: 13 rights, 2: + refer, 3: + truncate, 5: + ioctl of devices
  uint64_t tcp;     // since 4: bind, connect
  uint64_t scopes;  // since 6: abstract unix sockets, signals
};

int sandbox_landlock(int *abi) {
  *abi = 0;
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1U);
  if (version < 0) return errno;
  *abi = (int)version;
  struct landlock_ruleset rules = {.files = (1ULL << 13) - 1, .tcp = 0, .scopes = 0};
  size_t size = sizeof rules.files;
  if (version >= 2) rules.files |= 1ULL << 13;
  if (version >= 3) rules.files |= 1ULL << 14;
  if (version >= 4) rules.tcp = 3, size = sizeof rules.files + sizeof rules.tcp;
  if (version >= 5) rules.files |= 1ULL << 15;
  if (version >= 6) rules.scopes = 3, size = sizeof rules;
  int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0U);
  if (fd < 0) return errno;
  int error = syscall(SYS_landlock_restrict_self, fd, 0U) == 0 ? 0 : errno;
  close(fd);
  return error;
}

// Starts a program behind its walls; the contract is in launch.py of coral.runner.containment.
#ifndef CORAL_LAUNCH_H
#define CORAL_LAUNCH_H

#include <stdint.h>

#define CORAL_API __attribute__((visibility("default")))

enum { CORAL_PARENT_DEATH, CORAL_RLIMITS, CORAL_NO_NEW_PRIVS, CORAL_LANDLOCK, CORAL_SECCOMP, CORAL_EXEC, CORAL_STEPS };

// Every field has eight bytes: Python writes them one after the other.
struct coral_launch {
  uint64_t program;         // const char *, the very address that the filter of system calls lets execve have
  uint64_t argv, envp;      // char *const *
  int64_t ruleset;          // Landlock's rules, or -1
  uint64_t filter;          // struct sock_filter *, or 0; process ids are put into it
  uint64_t filter_length;   // instructions
  uint64_t own_process;     // what stands in the filter for the process's own id
  uint64_t rlimits;         // uint64_t pairs: resource, limit
  uint64_t rlimit_count;
  uint64_t own_group;       // whether it leads a process group of its own
  uint64_t no_new_privs;    // whether setuid programs lose their effect; Landlock and the filter need it
  int64_t stdio[3];         // descriptors that become 0, 1 and 2; -1 for those that are there
  int64_t errors[CORAL_STEPS];  // out: errno of each step that the kernel refused
};

// Returns the process id; or -1, with errors[CORAL_EXEC] or errno.
CORAL_API int64_t coral_launch(struct coral_launch *launch);

#endif

// What a program is started with, read from the bytes of a plan. Everything that can be prepared is prepared here,
// before there is a second process.
#ifndef CORAL_PLAN_H
#define CORAL_PLAN_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

struct coral_plan {
  const char *program;  // at an address that nobody can guess, the only one that the filter lets execve have
  char **argv, **envp;
  uint64_t own_group;     // whether it leads a process group of its own
  uint64_t no_new_privs;  // whether setuid programs lose their effect; Landlock and the filter need it
  uint64_t *rlimits;      // pairs: resource, limit
  uint64_t rlimit_count;
  int ruleset;  // Landlock's rules, or -1
  struct sock_filter *filter;  // or NULL
  uint64_t filter_length;
  uint32_t own_process;  // what stands in the filter for the process's own id
  void *page;
  size_t page_size;
};

// Returns 0, or an errno; `coral_plan_free` either way.
int coral_plan_read(struct coral_plan *plan, const void *bytes, uint64_t length);
void coral_plan_free(struct coral_plan *plan);

#endif
